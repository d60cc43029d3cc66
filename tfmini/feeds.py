"""Feeds: from what a caller gives to arrays that a plan can take.

In: the keys and values of a ``feed_dict``.  Out: tensors, and functions that cast and check the
values fed for each; an error names the tensor, what it takes and what was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.chunks import Chunks, as_chunks, is_chunked
from tfmini.conversions import in_session
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, InvalidTypeError, OpError, UnavailableError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.nest import is_composite
from tfmini.shapes import compatible, format_shape
from tfmini.spec import as_array


def flat_keys(keys: Iterable[Any]) -> list[Any]:
    """Return the keys of a ``feed_dict``, with what is in tuples, such as states of cells."""
    flat: list[Any] = []
    for key in keys:
        inner = _parts(key)
        flat += [key] if inner is None else flat_keys(inner)
    return flat


def _parts(key: Any) -> Any:
    """Return the keys that ``key`` stands for, e.g. a sparse tensor's; None for a tensor."""
    if is_composite(key):
        return key.__tf_flatten__()
    functions = in_session(key)
    if functions is None:
        return key if isinstance(key, tuple) else None
    if functions.keys is not None:
        return list(functions.keys(key))
    return [t for t, _ in functions.feed(key, None)] if functions.feed is not None else None


def flat_values(keys: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """Return the values for ``flat_keys(keys)``: a tuple's come in a structure like it."""
    flat: list[Any] = []
    for key, value in zip(keys, values, strict=True):
        inner = _parts(key)
        functions = in_session(key)
        if inner is None:
            flat.append(value)
        elif functions is not None and functions.feed is not None:
            flat += [v for _, v in functions.feed(key, value)]
        elif len(inner) == len(value):
            flat += flat_values(inner, value)
        else:
            raise InvalidArgumentError(
                None, None, f"{len(value)} values are fed for the {len(inner)} tensors of {key!r}."
            )
    return flat


def fed_tensor(graph: Graph, key: Any) -> Tensor:
    """Return the tensor of ``graph`` that a key of ``feed_dict`` stands for."""
    if isinstance(key, Operation):
        key = convert_to_tensor(key)
    try:
        return graph.as_graph_element(key, allow_operation=False)
    except InvalidTypeError:
        raise InvalidTypeError(
            None,
            None,
            f"{key!r} can't be fed: the keys of feed_dict are tensors, or names such as 'x:0'.",
        ) from None


Get = Callable[[dict[Any, Any], list[Any]], list[Any]]


def feed_converter(tensor: Tensor, get: Get) -> Callable[[Any], Any]:
    """Return the function that casts and checks values fed for ``tensor``.

    ``get`` computes keys of a Dask graph, to learn the sizes of chunks where they are unknown.
    """
    shape = tensor.spec.shape
    exact = tensor.spec.dtype.dtype if tensor.spec.dtype else None

    def convert(value: Any) -> Any:
        if type(value) is not np.ndarray or (
            value.dtype is not exact and (exact is not None or value.dtype.kind not in "biufc")
        ):
            if is_chunked(value):
                return _chunked(tensor, value, get)
            value = _converted(tensor, value)
        if shape is not None and value.shape != shape and not compatible(value.shape, shape):
            raise _feed_error(tensor, f"its shape is {format_shape(value.shape)}")
        # NumPy computes much quicker with its scalars than with 0-d arrays.
        return value if value.shape or value.dtype.hasobject else value[()]

    return convert


def _chunked(tensor: Tensor, value: Any, get: Get) -> Chunks:
    try:
        chunks = as_chunks(value, get)
    except UnavailableError:
        raise
    except OpError as e:
        raise type(e)(tensor.op.info, tensor.op, e.message) from e.__cause__
    chunks.feed = tensor.op.info
    if not compatible(chunks.spec.shape, tensor.spec.shape):
        raise _feed_error(tensor, f"its shape is {format_shape(chunks.spec.shape)}")
    dtype = tensor.spec.dtype
    if dtype is None or chunks.dtype == dtype.dtype:
        return chunks
    if not np.can_cast(chunks.dtype, dtype.dtype, "same_kind"):
        raise _feed_error(tensor, f"its dtype is {chunks.dtype}")
    return chunks.astype(dtype.dtype)


def _converted(tensor: Tensor, value: Any) -> Any:
    if isinstance(value, (Tensor, Operation)):
        raise _feed_error(tensor, "it is a tensor; feed a value, e.g. what session.run returned")
    dtype = tensor.spec.dtype
    try:
        array = as_array(value, dtype, exact=True)
    except (InvalidArgumentError, InvalidTypeError) as e:
        raise _feed_error(tensor, str(e).rstrip(".")) from None
    return array if dtype is None or array.dtype == dtype.dtype else _cast(tensor, array, dtype)


def _cast(tensor: Tensor, array: np.ndarray, dtype: DType) -> np.ndarray:
    given, wanted = array.dtype.kind, dtype.dtype.kind
    order = "biufc"
    if given not in order or wanted not in order or (given == "c" != wanted):
        kind = "it is text" if given == "O" else f"its dtype is {array.dtype}"
        raise _feed_error(tensor, kind)
    with np.errstate(all="ignore"):
        out = array.astype(dtype.dtype)
    narrower = order.index(given) > order.index(wanted) or wanted in "iu"
    if narrower and not np.array_equal(out, array):
        raise _feed_error(tensor, f"its dtype is {array.dtype}, and its values do not fit")
    return out


def _feed_error(tensor: Tensor, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        tensor.op.info,
        tensor.op,
        f"can't be fed with this value: {problem}; wanted is {tensor.spec!r}.",
    )
