"""``tf.contrib.layers.utils``: outputs collected under names, and arguments read as layers do.

In: tensors and the scopes that they come from; numbers, or one for each dimension.  Out: tensors
of a collection by those names (``slim``'s ``end_points``); tuples of ints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tfmini.build import constant_value as value_of
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import get_default_graph
from tfmini.layers.choice import smart_cond
from tfmini.layers.windows import ints
from tfmini.nodes import Tensor
from tfmini.ops.state import Variable
from tfmini.shapes import TensorShape

__all__ = [
    "NamedOutputs", "append_tensor_alias", "channel_dimension", "collect_named_outputs",
    "constant_value", "convert_collection_to_dict", "gather_tensors_aliases",
    "get_tensor_aliases", "get_variable_collections", "last_dimension", "n_positive_integers",
    "smart_cond", "static_cond", "two_element_tuple",
]  # fmt: skip


class NamedOutputs(NamedTuple):
    """An output and its name."""

    name: str
    outputs: Any


def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """Return ``outputs``, with ``alias`` among their names, added to the collections if any."""
    if collections:
        append_tensor_alias(outputs, alias)
        names = collections if isinstance(collections, (list, tuple, set)) else [collections]
        get_default_graph().add_to_collections(names, outputs)
    return outputs


def append_tensor_alias(tensor: Any, alias: str) -> Any:
    """Return ``tensor``, with one name more in its list ``aliases``."""
    tensor.aliases = [*getattr(tensor, "aliases", ()), alias.removesuffix("/")]
    return tensor


def get_tensor_aliases(tensor: Any) -> list[str]:
    """Return the names that a tensor was collected under, or else its own, without ``:0``."""
    return getattr(tensor, "aliases", None) or [tensor.name.removesuffix(":0")]


def gather_tensors_aliases(tensors: Iterable[Any]) -> list[str]:
    """Return the names of all the tensors."""
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


def convert_collection_to_dict(collection: Any, clear_collection: bool = False) -> dict[str, Any]:
    """Return the tensors of a collection by the names that they were collected under."""
    graph = get_default_graph()
    found = {
        alias: tensor
        for tensor in graph.get_collection(collection)
        for alias in get_tensor_aliases(tensor)
    }
    if clear_collection:
        graph.clear_collection(collection)
    return found


def constant_value(value_or_tensor_or_var: Any, dtype: Any = None) -> Any:
    """Return the value of a constant tensor, None of others, and of variables; else what is given.

    ``dtype``: what a tensor must have.
    """
    given = value_or_tensor_or_var
    if given is None:
        raise InvalidArgumentError(None, None, "constant_value: give a value, not None.")
    if not isinstance(given, Tensor):
        return given
    if dtype and given.dtype != dtype:
        raise InvalidArgumentError(
            given.op.info, given.op, f"it is {given.dtype!r}, {dtype!r} is asked for."
        )
    return None if isinstance(given, Variable) else value_of(given)


def static_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any]) -> Any:
    """Return ``fn1()`` if ``pred``, a bool, is true, else ``fn2()``."""
    for name, function in (("fn1", fn1), ("fn2", fn2)):
        if not callable(function):
            raise InvalidTypeError(None, None, f"{name} must be callable, not {function!r}.")
    return fn1() if pred else fn2()


def get_variable_collections(variables_collections: Any, name: str) -> Any:
    """Return the collections of variable ``name``: a list is for all, a dict has one for each."""
    if isinstance(variables_collections, Mapping):
        return variables_collections.get(name)
    return variables_collections


def channel_dimension(shape: Any, data_format: str, min_rank: int = 1) -> int:
    """Return the size of the channels: of dimension 1 if "channels_first", else of the last."""
    return _size(shape, 1 if data_format == "channels_first" else -1, min_rank)


def last_dimension(shape: Any, min_rank: int = 1) -> int:
    """Return the size of the last dimension of ``shape``, which must have ``min_rank`` at least."""
    return _size(shape, -1, min_rank)


def _size(shape: Any, axis: int, min_rank: int) -> int:
    dims = TensorShape(shape).as_list() if TensorShape(shape).ndims is not None else []
    if len(dims) < min_rank:
        raise InvalidArgumentError(None, None, f"shape {shape} must have rank {min_rank} or more.")
    if dims[axis] is None:
        raise InvalidArgumentError(None, None, f"dimension {axis} of shape {shape} must be known.")
    return int(dims[axis])


def two_element_tuple(int_or_tuple: Any) -> tuple[int, ...]:
    """Return two ints: those given, or one twice."""
    given = int_or_tuple.as_list() if isinstance(int_or_tuple, TensorShape) else int_or_tuple
    return ints("int_or_tuple", given, 2)


def n_positive_integers(n: int, value: Any) -> tuple[int, ...]:
    """Return ``n`` ints over 0: those given, or one ``n`` times."""
    if int(n) < 1 or int(n) != n:
        raise InvalidArgumentError(None, None, f"n={n!r} must be an integer over 0.")
    found = ints("value", value, int(n))
    if min(found) < 1:
        raise InvalidArgumentError(None, None, f"value={value!r}: {n} integers over 0 are needed.")
    return found
