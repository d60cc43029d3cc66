"""Gradients: symbolic reverse mode over the graph.

In: tensors ``ys`` and ``xs``.  Out: new, ordinary nodes that compute the sum over ``ys`` of
``d y / d x``.  Since they are nodes like any other, a gradient can be differentiated again, drawn,
fused and distributed.

Operations are visited in decreasing order of their ids, which is a reverse topological order:
each is visited once, after all its consumers, whatever is shared or skipped, without recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, make_const
from tfmini.errors import InvalidArgumentError, InvalidTypeError, OpError, UnimplementedError
from tfmini.gradient_functions import gradient_function
from tfmini.graph import Graph, graph_of
from tfmini.logging import notice
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import MISSING
from tfmini.ops import array, creation, functional, joining, math
from tfmini.shapes import Shape, compatible, format_shape

Pending = dict[Tensor, list[Tensor]]

# Whether an x that no y depends on is an error by default.  TensorFlow gives None, and scripts that
# were written for it (`python -m tfmini run`) may rely on that.
unconnected_is_error = True


class UnconnectedGradients:
    """What ``gradients`` gives for an x that no y depends on."""

    ERROR = "error"
    NONE = "none"
    ZERO = "zero"


class AggregationMethod:
    """What scripts pass as ``aggregation_method``: how gradients are summed is ours to choose."""

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: Any = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = UnconnectedGradients.ERROR,
) -> list[Tensor | None]:
    """Return the gradients of the sum of ``ys`` with respect to each of ``xs``.

    Parameters
    ----------
    ys, xs : tensor, or list of tensors
    grad_ys : tensors of the shapes of ``ys``, or None (ones): the gradients flowing into ``ys``.
    stop_gradients : tensors that count as constants.
    unconnected_gradients : "error" (default), "none" or "zero"
        What to do for an x that no y depends on.  The error names where the path breaks.
    """
    ys, xs = _as_list(ys), _as_list(xs)
    if unconnected_gradients not in ("error", "none", "zero"):
        raise InvalidArgumentError(
            None, None, f"unconnected_gradients={unconnected_gradients!r}: use error, none or zero."
        )
    graph = graph_of([*ys, *xs])
    stopped = set(_as_list(stop_gradients)) if stop_gradients is not None else set()
    ancestors = ancestors_of(ys)
    on_path = _on_path(ancestors, xs, stopped)
    with graph.as_default(), graph.name_scope(name):
        pending = _seed(graph, ys, grad_ys)
        found = _backpropagate(graph, on_path, pending, set(xs))
        return [_result(x, found, ys, ancestors, unconnected_gradients) for x in xs]


def hessians(
    ys: Any,
    xs: Any,
    name: str = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: Any = None,
) -> list[Tensor]:
    """Return the second derivatives of the sum of ``ys`` for each of ``xs``: of the shape of x
    twice, ``h[i, j] = d2 y / (d x[i] d x[j])``.

    They are computed row by row, in a loop of as many steps as x has elements.
    """
    xs = _as_list(xs)
    graph = graph_of(xs)
    with graph.as_default(), graph.name_scope(name):
        firsts = gradients(ys, xs, unconnected_gradients=UnconnectedGradients.ZERO)
        return [_hessian(g, x) for g, x in zip(firsts, xs, strict=True)]


def _hessian(first: Any, x: Tensor) -> Tensor:
    flat = array.reshape(first, [-1])

    def row(i: Tensor) -> Tensor:
        found = gradients(flat[i], x, unconnected_gradients=UnconnectedGradients.ZERO)[0]
        return convert_to_tensor(found)

    shape = array.shape(x)
    rows = functional.map_fn(row, creation.range(array.size(x)), x.dtype)
    hessian = array.reshape(rows, joining.concat([shape, shape], 0))
    static = x.spec.shape
    if static is not None:
        hessian.set_shape(static + static)
    return hessian


def _as_list(values: Any) -> list[Tensor]:
    listed = values if isinstance(values, (list, tuple)) else [values]
    return [convert_to_tensor(v) for v in listed]


def ancestors_of(ys: Sequence[Tensor]) -> list[Operation]:
    """Return the operations that ``ys`` depend on, in order of id."""
    seen: dict[int, Operation] = {}
    stack = [y.op for y in ys]
    while stack:
        node = stack.pop()
        if node.id not in seen:
            seen[node.id] = node
            stack.extend([t.op for t in node.inputs])
    return [seen[i] for i in sorted(seen)]


def _on_path(
    ancestors: Sequence[Operation], xs: Sequence[Tensor], stopped: set[Tensor]
) -> list[Operation]:
    """Return those of ``ancestors`` that take an x, or something computed from one, as input.

    The makers of ``stopped`` tensors are not among them: an x may be stopped, and then is varied
    as if it did not depend on the others.
    """
    depends: set[Tensor] = set(xs)
    ends = {t.op.id for t in stopped}
    path = []
    for node in ancestors:
        if node.id not in ends and any([t in depends for t in node.inputs]):
            path.append(node)
            depends.update(node.outputs)
    return path


def _seed(graph: Graph, ys: Sequence[Tensor], grad_ys: Any) -> Pending:
    given = [None] * len(ys) if grad_ys is None else _listed_grads(grad_ys, len(ys))
    pending: Pending = {}
    for y, grad in zip(ys, given, strict=True):
        if y.dtype is not None and not y.dtype.is_differentiable:
            raise InvalidTypeError(
                y.op.info, y.op, f"y is {y.dtype.name}; only float and complex have gradients."
            )
        if grad is None:
            grad = _ones_like(graph, y)
        else:
            grad = convert_to_tensor(grad, y.dtype)
            if _same_but_for_ones(grad.spec.shape, y.spec.shape):  # [dy] for dy
                grad = array.reshape(grad, array.shape(y))
            elif not compatible(grad.spec.shape, y.spec.shape):
                raise InvalidArgumentError(
                    y.op.info,
                    y.op,
                    f"grad_ys has shape {format_shape(grad.spec.shape)}, "
                    f"y {format_shape(y.spec.shape)}; they must be equal.",
                )
        pending.setdefault(y, []).append(grad)
    return pending


def _same_but_for_ones(given: Shape, wanted: Shape) -> bool:
    """Whether two shapes of different ranks hold the same numbers in the same order."""
    if given is None or wanted is None or len(given) == len(wanted):
        return False
    return compatible(tuple([d for d in given if d != 1]), tuple([d for d in wanted if d != 1]))


def _listed_grads(grad_ys: Any, n: int) -> list[Any]:
    listed = list(grad_ys) if isinstance(grad_ys, (list, tuple)) else [grad_ys]
    if len(listed) != n:
        raise InvalidArgumentError(None, None, f"{len(listed)} grad_ys for {n} ys.")
    return listed


def _ones_like(graph: Graph, y: Tensor) -> Tensor:
    if y.spec.shape == () and y.dtype is not None:
        return make_const(graph, np.ones((), y.dtype.dtype))
    return creation.ones_like(y)


def _backpropagate(
    graph: Graph,
    path: Sequence[Operation],
    pending: Pending,
    xs: set[Tensor],
) -> dict[Tensor, Tensor]:
    """Visit ``path`` backwards; return the gradient of each x that was reached."""
    local = graph._local
    own = local.scope
    needed = {t for node in path for t in node.outputs} | xs
    found: dict[Tensor, Tensor] = {}
    for node in reversed(path):
        grads = [_total(pending.pop(t, None)) for t in node.outputs]
        for tensor, grad in zip(node.outputs, grads, strict=True):
            if grad is not None and tensor in xs:
                found[tensor] = grad
        if all([g is None for g in grads]):
            continue
        outer = local.source, local.scope
        local.source = node.source
        local.scope = f"{own}/{node.name}_grad" if own else f"{node.name}_grad"
        try:
            results = _gradients_of(node, grads)
            shapes = _input_shapes(node)
            for tensor, grad in zip(node.inputs, results, strict=True):
                if grad is None or tensor not in needed:
                    continue
                if tensor.dtype is None or tensor.dtype.is_differentiable:
                    pending.setdefault(tensor, []).append(_fitted(node, tensor, grad, shapes))
        finally:
            local.source, local.scope = outer
    for x in xs:
        if x in pending:
            found[x] = _total(pending.pop(x))
    return found


def _total(grads: list[Tensor] | None) -> Tensor | None:
    if not grads:
        return None
    if len(grads) == 2:
        return math.add(grads[0], grads[1])
    return grads[0] if len(grads) == 1 else math.add_n(grads)


def _gradients_of(node: Operation, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
    """Return the gradients for the inputs of ``node``, given those for its outputs."""
    rule = _rule(node)
    if rule is None:
        return [None] * len(node.inputs)
    if len(grads) > 1:
        grads = [
            creation.zeros_like(t) if g is None else g
            for t, g in zip(node.outputs, grads, strict=True)
        ]
    try:
        results = rule(node, *grads)
    except OpError:
        raise
    except (ValueError, TypeError, AttributeError) as e:
        raise InvalidArgumentError(
            node.info, node, f"its gradient function failed: {type(e).__name__}: {e}."
        ) from e
    listed = list(results) if isinstance(results, (list, tuple)) else [results]
    if len(listed) != len(node.inputs):
        raise InvalidArgumentError(
            node.info,
            node,
            f"its gradient function returned {len(listed)} gradients for "
            f"{len(node.inputs)} inputs.",
        )
    return [None if g is None else convert_to_tensor(g) for g in listed]


def _rule(node: Operation) -> Any:
    if node.gradient_override is not None:
        rule = gradient_function(node.gradient_override)
        if rule is None:
            raise UnimplementedError(
                node.info,
                node,
                f"gradient_override_map names {node.gradient_override!r}; register it with "
                f"@tf.RegisterGradient({node.gradient_override!r}).",
            )
        return rule
    rule = node.opdef.gradient
    if rule is MISSING:
        rule = gradient_function(node.type)
        if rule is None:
            raise UnimplementedError(
                node.info,
                node,
                f"operation type {node.type!r} of {node.opdef.package or 'this program'} has no "
                f"gradient. Give its class a `gradient` method, register one with "
                f"@tf.RegisterGradient({node.type!r}), or use tf.stop_gradient before it.",
            )
    return rule


def _input_shapes(node: Operation) -> dict[Shape, set[Tensor]]:
    """Return the inputs by their static shapes, for nodes that broadcast them together."""
    shapes: dict[Shape, set[Tensor]] = {}
    if node.opdef.elementwise and len(node.inputs) > 1:
        for tensor in node.inputs:
            shapes.setdefault(tensor.spec.shape, set()).add(tensor)
    return shapes


def _fitted(
    node: Operation, tensor: Tensor, grad: Tensor, shapes: dict[Shape, set[Tensor]]
) -> Tensor:
    """Return ``grad`` in the shape and dtype of ``tensor``, an input of ``node``."""
    others = [shape for shape, tensors in shapes.items() if tensors != {tensor}]
    if _may_be_broadcast(tensor.spec.shape, others):
        grad = math.sum_to_shape(grad, array.shape(tensor))
    if not compatible(grad.spec.shape, tensor.spec.shape):
        raise InvalidArgumentError(
            node.info,
            node,
            f"its gradient has shape {format_shape(grad.spec.shape)} for an input of shape "
            f"{format_shape(tensor.spec.shape)}.",
        )
    if None not in (grad.dtype, tensor.dtype) and grad.dtype is not tensor.dtype:
        grad = math.cast(grad, tensor.dtype)
    return grad


def _may_be_broadcast(shape: Shape, others: Iterable[Shape]) -> bool:
    """Whether an operand of static ``shape`` can be smaller than the result with ``others``."""
    for other in others:
        if other == ():
            continue
        if shape is None or other is None:
            return True
        if len(other) > len(shape):
            return True
        for mine, theirs in zip(shape[len(shape) - len(other) :], other, strict=True):
            if mine in (1, None) and theirs != 1:
                return True
    return False


def _result(
    x: Tensor,
    found: dict[Tensor, Tensor],
    ys: Sequence[Tensor],
    ancestors: Sequence[Operation],
    unconnected: str,
) -> Tensor | None:
    if x in found:
        return found[x]
    if unconnected == "none":
        return None
    if unconnected == "zero":
        return creation.zeros_like(x)
    found_none = (
        f"no gradient reaches it from {', '.join(repr(y.name) for y in ys)}: "
        f"{describe_break(x, ancestors)}"
    )
    if not unconnected_is_error:
        notice(f"{x.op.info}: {found_none}")
        return None
    raise InvalidArgumentError(
        x.op.info,
        x.op,
        f"{found_none} Pass unconnected_gradients='zero' or 'none' if that is meant.",
    )


def describe_break(x: Tensor, ancestors: Sequence[Operation]) -> str:
    """Say where the path from ``x`` to the ys with these ``ancestors`` ends."""
    if x.dtype is not None and not x.dtype.is_differentiable:
        return f"it is {x.dtype.name}, and only float and complex tensors have gradients."
    inside = {node.id for node in ancestors}
    consumers = x.consumers()
    if not any(c.id in inside for c in consumers) and x.op.id not in inside:
        used = ", ".join(str(c.info) for c in consumers[:3])
        return f"nothing there depends on it; it is used by {used or 'no operation'}."
    stack, seen = [c for c in consumers if c.id in inside], set()
    while stack:
        node = stack.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if node.opdef.gradient is None and node.gradient_override is None:
            return f"the path breaks at {node.info}, which is not differentiable."
        integer = [t for t in node.outputs if t.dtype and not t.dtype.is_differentiable]
        if integer and len(integer) == len(node.outputs):
            return f"the path breaks at {node.info}, whose result is {integer[0].dtype!r}."
        stack.extend([c for t in node.outputs for c in t.consumers() if c.id in inside])
    return "the gradient functions on the path give None for it."
