"""Feeds: from what a caller gives to arrays that a plan can take.

In: the keys and values of a ``feed_dict``.  Out: tensors, and functions that cast and check the
values fed for each; an error names the tensor, what it takes and what was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.shapes import compatible, format_shape
from tfmini.spec import as_array


def fed_tensor(graph: Graph, key: Any) -> Tensor:
    """Return the tensor of ``graph`` that a key of ``feed_dict`` stands for."""
    if isinstance(key, Operation):
        key = convert_to_tensor(key)
    try:
        return graph.as_graph_element(key, allow_operation=False)
    except InvalidTypeError:
        raise InvalidTypeError(
            None, None, f"{key!r} can't be fed: the keys of feed_dict are tensors."
        ) from None


def feed_converter(tensor: Tensor) -> Callable[[Any], Any]:
    """Return the function that casts and checks values fed for ``tensor``."""
    shape = tensor.spec.shape
    exact = tensor.spec.dtype.dtype if tensor.spec.dtype else None

    def convert(value: Any) -> Any:
        if type(value) is not np.ndarray or (value.dtype is not exact and exact is not None):
            value = _converted(tensor, value)
        if shape is not None and value.shape != shape and not compatible(value.shape, shape):
            raise _feed_error(tensor, f"its shape is {format_shape(value.shape)}")
        # NumPy computes much quicker with its scalars than with 0-d arrays.
        return value if value.shape or value.dtype.hasobject else value[()]

    return convert


def _converted(tensor: Tensor, value: Any) -> Any:
    if isinstance(value, (Tensor, Operation)):
        raise _feed_error(tensor, "it is a tensor; feed a value, e.g. what session.run returned")
    try:
        array = as_array(value)
    except (InvalidArgumentError, InvalidTypeError) as e:
        raise _feed_error(tensor, str(e).rstrip(".")) from None
    dtype = tensor.spec.dtype
    return array if dtype is None or array.dtype == dtype.dtype else _cast(tensor, array, dtype)


def _cast(tensor: Tensor, array: np.ndarray, dtype: DType) -> np.ndarray:
    given, wanted = array.dtype.kind, dtype.dtype.kind
    order = "biufc"
    if given not in order or wanted not in order or (given == "c" != wanted):
        raise _feed_error(tensor, f"its dtype is {array.dtype}")
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
