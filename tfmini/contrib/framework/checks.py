"""Shapes and types that tensors must have, and what graphs and names are made of.

In: tensors, expectations; graphs; names.  Out: the tensors, checked; placeholders; names in and out
of a scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope, own_scope
from tfmini.dtypes import int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, get_default_graph, graph_of
from tfmini.layers.choice import smart_cond
from tfmini.metrics.parts import aligned
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, assertions, debugging, logic, math, reductions
from tfmini.ops.sparse import SparseTensor
from tfmini.shapes import TensorShape, compatible
from tfmini.train.steps import assert_global_step, get_global_step


def with_shape(expected_shape: Any, tensor: Any) -> Tensor:
    """Return ``tensor``, of which it is certain that it has ``expected_shape``.

    Where shapes are not known until it runs, they are compared then.  A tensor of one element may
    be asked for as a scalar.

    Parameters
    ----------
    expected_shape : ints, a TensorShape (unknown sizes are any), or an int32 tensor
    """
    if isinstance(tensor, SparseTensor):
        raise InvalidArgumentError(None, None, "with_shape: SparseTensor is not supported.")
    tensor = convert_to_tensor(tensor)
    known = tensor.spec.shape
    if isinstance(expected_shape, Tensor):
        if expected_shape.dtype is not int32:
            raise InvalidArgumentError(
                tensor.op.info, tensor.op, f"with_shape: a shape is int32, not {expected_shape!r}."
            )
        return _checked(tensor, expected_shape)
    if np.ndim(expected_shape if not isinstance(expected_shape, TensorShape) else []) > 1:
        raise InvalidArgumentError(
            tensor.op.info, tensor.op, f"with_shape: {expected_shape} is no list of sizes."
        )
    wanted = TensorShape(expected_shape).as_list()
    if known is not None and None not in known and compatible(known, tuple(wanted)):
        return tensor
    if not wanted and (known is None or None in known or known == (1,)):
        return array.reshape(tensor, [])
    if known is not None and None not in known:
        raise InvalidArgumentError(
            tensor.op.info, tensor.op, f"expected shape {wanted}, got {list(known)}."
        )
    checked = _checked(tensor, [-1 if n is None else n for n in wanted])
    checked.set_shape(wanted)
    return checked


def _checked(tensor: Tensor, expected: Any) -> Tensor:
    """Return ``tensor`` once its shape is found to be ``expected``, where that is not -1."""
    with tensor.graph.name_scope(f"{tensor.op.name}/"):
        expected = convert_to_tensor(expected, int32)
        same_rank = assertions.assert_equal(
            array.size(expected), array.rank(tensor), message="Wrong rank."
        )
        with tensor.graph.control_dependencies([same_rank]):
            actual = array.shape(tensor)
            either = logic.logical_or(logic.equal(expected, -1), logic.equal(expected, actual))
        text = f"Wrong shape for {tensor.name} [expected] [actual]."
        right = debugging.Assert(reductions.reduce_all(either), [text, expected, actual])
        with tensor.graph.control_dependencies([right]):
            return array.identity(tensor)


def with_same_shape(expected_tensor: Any, tensor: Any) -> Tensor:
    """Return ``tensor``, of which it is certain that it has the shape of ``expected_tensor``."""
    known = expected_tensor.spec.shape
    if known is not None and None not in known:
        return with_shape(list(known), tensor)
    return with_shape(array.shape(expected_tensor), tensor)


def assert_scalar_int(tensor: Any, name: str | None = None) -> Tensor:
    """Return ``tensor``, or raise if it is no scalar of integers."""
    tensor = convert_to_tensor(tensor)
    if tensor.dtype is None or not tensor.dtype.is_integer:
        raise InvalidArgumentError(
            tensor.op.info, tensor.op, f"an integer type was expected, not {tensor.dtype!r}."
        )
    checked: Tensor = assertions.assert_scalar(tensor, name)
    return checked


@own_scope("reduce_sum_n")
def reduce_sum_n(tensors: Sequence[Any], name: str | None = None) -> Tensor:
    """Return the sum of all elements of all tensors."""
    if not tensors:
        raise InvalidArgumentError(None, None, "reduce_sum_n: give at least one tensor.")
    sums = [reductions.reduce_sum(t, name=f"{t.op.name}/sum") for t in tensors]
    return sums[0] if len(sums) == 1 else math.add_n(sums)


def remove_squeezable_dimensions(
    predictions: Any, labels: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return both, where one rank is larger by 1 without its last dimension, which must be 1."""
    with name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        return aligned(predictions, labels)[:2]


def smart_case(
    pred_fn_pairs: Any, default: Callable[[], Any] | None = None, exclusive: bool = False,
    name: str = "smart_case",
) -> Any:  # fmt: skip
    """Return what the function beside the first true condition returns, or ``default``'s result.

    Only functions that may be chosen are called: conditions known now decide now.

    Parameters
    ----------
    pred_fn_pairs : pairs of (condition, function), or a dict of them
    default : by default the last function
    exclusive : whether it is an error if two conditions are true (of those known now)
    """
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if exclusive and sum(p is True for p, _ in pairs) > 1:
        raise InvalidArgumentError(None, None, "smart_case: more than one condition is true.")

    def from_(index: int) -> Any:
        if index == len(pairs):
            return (default or pairs[-1][1])()
        return smart_cond(*pairs[index], lambda: from_(index + 1))

    with name_scope(name, "smart_case", []):
        return from_(0)


def get_placeholders(graph: Graph) -> list[Tensor]:
    """Return the placeholders of a graph."""
    if not isinstance(graph, Graph):
        raise InvalidTypeError(None, None, f"get_placeholders takes a graph, not {graph!r}.")
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


def get_graph_from_inputs(op_input_list: Iterable[Any], graph: Graph | None = None) -> Graph:
    """Return the graph of tensors, variables and operations; ``graph``: which it must be."""
    listed = list(op_input_list)
    if graph is not None:
        for item in listed:
            if isinstance(item, (Tensor, Operation)) and item.graph is not graph:
                raise InvalidArgumentError(None, None, f"{item!r} is not from the given graph.")
        return graph
    return graph_of(listed)


def get_name_scope() -> str:
    """Return the name scope that new operations get, without a slash at its end."""
    return str(get_default_graph().get_name_scope())


def strip_name_scope(name: str, export_scope: str | None) -> str:
    """Return ``name`` out of a scope: ``"a/b"`` of ``"a"`` is ``"b"``; ``^`` and ``loc:@`` stay."""
    if not export_scope:
        return name
    pattern = rf"([\^]|loc:@|^){export_scope.removesuffix('/')}[\/]+(.*)"
    return re.sub(pattern, r"\1\2", name, count=1)


def prepend_name_scope(name: str, import_scope: str | None) -> str:
    """Return ``name`` in a scope: ``"b"`` in ``"a"`` is ``"a/b"``; ``^`` and ``loc:@`` stay."""
    if not import_scope:
        return name
    mark = re.match(r"[\^]|loc:@|", name)
    start = mark[0] if mark else ""
    return f"{start}{import_scope.removesuffix('/')}/{name[len(start) :]}"


def assert_or_get_global_step(graph: Any = None, global_step_tensor: Any = None) -> Any:
    """Return ``global_step_tensor``, checked, or that of the graph if it is None."""
    if global_step_tensor is None:
        return get_global_step(graph)
    assert_global_step(global_step_tensor)
    return global_step_tensor
