"""The operation type of ``cond``, and its gradient.

``If`` takes a predicate and the tensors from outside that either branch reads.  Its gradient is
again an ``If``, of the branches' gradients.  It runs the branch taken again to have its
intermediate values, except for nodes that may run only once: their outputs are outputs of ``If``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Ref, Tensor, ref_of
from tfmini.opdef import Cost, OpDef
from tfmini.ops import creation
from tfmini.ops.bodies import (
    Cut,
    Program,
    body_gradients,
    body_input,
    is_differentiable,
    outputs_of,
    tensors_of,
    tracing,
    union,
)
from tfmini.ops.fit import is_zero
from tfmini.shapes import Shape, format_shape
from tfmini.spec import TensorSpec


class StatelessIf(OpDef):
    """Runs one of two bodies: outputs ``results, pinned of the first, pinned of the second``."""

    listed = True
    view = True
    tested_by = "tests of control flow: a body is no sample"
    expected_failures = {"deterministic": "with effects it is another type, which has rng"}

    def compute(
        self, pred: Any, *values: Any, then: Program, orelse: Program, rng: Any = None
    ) -> list[Any]:
        if np.shape(pred) != ():
            raise InvalidArgumentError(
                None, None, f"pred must be a scalar; it has shape {format_shape(np.shape(pred))}"
            )
        n = then.visible
        results = (then if pred else orelse).run(values, rng)
        # Nobody takes these of the branch that has not run.
        absent = [np.float32(0)] * (len((orelse if pred else then).results) - n)
        return [*results, *absent] if pred else [*results[:n], *absent, *results[n:]]

    def infer(
        self, pred: TensorSpec, *specs: TensorSpec, then: Program, orelse: Program
    ) -> list[TensorSpec]:
        n = then.visible
        merged = [_merged(a, b) for a, b in zip(then.specs[:n], orelse.specs[:n], strict=True)]
        hidden = (*then.specs[n:], *orelse.specs[n:])
        return [*merged, *[TensorSpec(None, s.dtype) for s in hidden]]

    def cost(self, *specs: TensorSpec, then: Program, orelse: Program) -> Cost:
        return max(then.cost, orelse.cost)

    def gradient(self, node: Operation, *grads: Tensor) -> list[Tensor | None]:
        return _if_gradient(node, grads)


class If(StatelessIf):
    """A choice of bodies that draw random numbers or have effects."""

    stateful = True
    random = True
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def compute(
        self, pred: Any, *values: Any, then: Program, orelse: Program, rng: Any
    ) -> list[Any]:  # fmt: skip
        return super().compute(pred, *values, then=then, orelse=orelse, rng=rng)


class UpdatingIf(If):
    """A choice of bodies that assign to variables.

    ``changes`` are pairs: a variable, as its place among the inputs of the node, and the output
    that is its next value.  They are an attribute too, for files.
    """

    def __init__(self, changes: tuple[tuple[int, int], ...]) -> None:
        super().__init__("UpdatingIf", "if_")
        self.updates: Mapping[int, int] = dict(changes)

    def compute(
        self, pred: Any, *values: Any, then: Program, orelse: Program, changes: Any, rng: Any
    ) -> list[Any]:  # fmt: skip
        return super().compute(pred, *values, then=then, orelse=orelse, rng=rng)

    def infer(self, *specs: TensorSpec, changes: Any, **attrs: Any) -> list[TensorSpec]:
        return super().infer(*specs, **attrs)

    def cost(self, *specs: TensorSpec, changes: Any, **attrs: Any) -> Cost:
        return super().cost(*specs, **attrs)

    def __reduce__(self) -> Any:
        if not self.updates:
            return super().__reduce__()  # the one of this module
        return UpdatingIf, (tuple(self.updates.items()),)


_IF, _STATELESS_IF = If("If", "if_"), StatelessIf("StatelessIf", "if_")
_UPDATING_IF = UpdatingIf(())  # files name the type; each node has one of its own


def _merged(a: TensorSpec, b: TensorSpec) -> TensorSpec:
    """Return what is known of a value that has one of two specs."""
    shape: Shape = None
    if a.shape is not None and b.shape is not None and len(a.shape) == len(b.shape):
        shape = tuple([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)])
    return TensorSpec(shape, a.dtype or b.dtype)


def add_if(
    graph: Graph, pred: Tensor, branches: Sequence[Sequence[Tensor]], start: int,
    more: Sequence[Any] = ((), ()), bound: Mapping[Tensor, Tensor] | None = None,
) -> Sequence[Tensor]:  # fmt: skip
    """Add the choice between two bodies, traced from id ``start`` on, by their results."""
    bound = bound or {}
    cuts = [Cut(r, start, ids, bound, True) for r, ids in zip(branches, more, strict=True)]
    outside = union(*[cut.leaves for cut in cuts])
    changed = dict.fromkeys([v for cut in cuts for v, _ in cut.versions.updates()])
    n = len(branches[0])
    then, orelse = [
        Program(cut, outside, [*r, *_newest(graph, cut, changed)], cut.pinned)
        for cut, r in zip(cuts, branches, strict=True)
    ]
    given = [pred, *[bound.get(t, t) for t in outside]]
    opdef = _IF if then.stateful or orelse.stateful else _STATELESS_IF
    attrs: dict[str, Any] = {"then": then, "orelse": orelse}
    if changed:
        inputs = {ref_of(t): i for i, t in enumerate(given)}
        attrs["changes"] = tuple([(inputs[v], n + i) for i, v in enumerate(changed)])
        opdef = UpdatingIf(attrs["changes"])
    return outputs_of(graph, cuts, opdef, given, attrs)[:n]


def _newest(graph: Graph, cut: Cut, changed: Iterable[Ref]) -> list[Tensor]:
    """Return the values that variables have after a branch: what they had, if it sets others."""
    updates = dict(cut.versions.updates())
    return tensors_of(graph, [updates.get(v, v) for v in changed])


def _if_gradient(node: Operation, grads: Sequence[Tensor]) -> list[Tensor | None]:
    """Add the choice between the gradients of both branches."""
    graph = node.graph
    then, orelse = node.attrs["then"], node.attrs["orelse"]
    pred, *outer = node.inputs
    inner = tensors_of(graph, then.inputs)
    wanted = [t for t in inner if is_differentiable(t)]
    n, n_then = then.visible, len(then.results)
    bound = dict(zip(inner, outer, strict=True))
    found = []
    with tracing(graph, "If_grad") as start:
        for program, hidden in ((then, grads[n:n_then]), (orelse, grads[n_then:])):
            results = tensors_of(graph, program.results)
            made = node.outputs[n:n_then] if program is then else node.outputs[n_then:]
            bound.update(zip(results[n:], made, strict=True))
            upstream = [(y, g) for y, g in zip(results, [*grads[:n], *hidden], strict=True)
                        if is_differentiable(y) and not is_zero(g)]  # fmt: skip
            # A placeholder for each, so that a gradient is not taken for a part of the body.
            inside = [body_input(graph, y.spec, "grad") for y, _ in upstream]
            bound.update(zip(inside, [g for _, g in upstream], strict=True))
            found.append(body_gradients([y for y, _ in upstream], wanted, inside, inner))
        kept = [i for i, pair in enumerate(zip(*found, strict=True)) if pair != (None, None)]
        branches = [
            [creation.zeros_like(wanted[i]) if b[i] is None else b[i] for i in kept] for b in found
        ]
    if not kept:
        return [None] * len(node.inputs)
    outputs = add_if(graph, pred, branches, start, (then.ids, orelse.ids), bound)
    by_input = {wanted[i]: g for i, g in zip(kept, outputs, strict=True)}
    return [None, *[by_input.get(t) for t in inner]]
