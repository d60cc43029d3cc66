"""The operation types of loops, and their gradients.

``While`` repeats a body while a condition holds; ``Scan`` runs one over the slices of its inputs.
Their values are, in order: the loop variables ("carry"), for ``Scan`` the arrays to slice along
dimension 0, and the tensors from outside that the body reads.

The gradient of either is a ``Scan`` the other way round, over the loop variables as they were
before each iteration.  They are outputs too, but are kept only once a gradient has been asked for
(``record``).  A gradient runs the body again to have its intermediate values, except for nodes
that may run only once: their outputs are kept with the loop variables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import creation
from tfmini.ops.bodies import (
    Cut,
    Program,
    body_gradients,
    body_input,
    is_differentiable,
    is_tracing,
    outputs_of,
    tensors_of,
    tracing,
    union,
)
from tfmini.ops.fit import is_zero
from tfmini.shapes import Shape, compatible, format_shape
from tfmini.spec import TensorSpec


class _Loop(OpDef):
    """What ``While`` and ``Scan`` share: outputs ``carry, ys, carry before each, pinned``."""

    listed = True
    view = True
    tested_by = "tests of control flow: a body is no sample"
    expected_failures = {"deterministic": "with effects it is another type, which has rng"}

    def infer(
        self, *specs: TensorSpec, body: Program, carry: int, shapes: tuple[Shape, ...],
        length: int | None = None, record: bool = False, **attrs: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        state = [TensorSpec(shape, spec.dtype)
                 for shape, spec in zip(shapes, body.specs[:carry], strict=True)]  # fmt: skip
        stacked = [*body.specs[carry : body.visible], *state, *body.specs[body.visible :]]
        return (*state, *[_stacked(s, length) for s in stacked])

    def gradient(self, node: Operation, *grads: Tensor) -> list[Tensor | None]:
        return _gradient(node, grads)


def _stacked(spec: TensorSpec, length: int | None) -> TensorSpec:
    return TensorSpec(None if spec.shape is None else (length, *spec.shape), spec.dtype)


class StatelessWhile(_Loop):
    """A loop whose body neither draws random numbers nor has effects."""

    def compute(
        self, *values: Any, condition: Program, body: Program, carry: int,
        shapes: tuple[Shape, ...], record: bool, rng: Any = None,
    ) -> list[Any]:  # fmt: skip
        state, outside = list(values[:carry]), values[carry:]
        befores: list[list[Any]] = []
        pinned: list[list[Any]] = []
        while _holds(condition.run([*state, *outside], rng)[0]):
            results = body.run([*state, *outside], rng)
            if record:
                befores.append(state)
                pinned.append(results[carry:])
            state = results[:carry]
            _check(state, shapes)
        return [*state, *_columns(befores, body, shapes), *_rest(pinned, body, carry)]

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(float("inf"), float("inf"))  # how often it runs is known when it has run


class While(StatelessWhile):
    """A loop whose body draws random numbers or has effects."""

    stateful = True
    random = True
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def compute(
        self, *values: Any, condition: Program, body: Program, carry: int,
        shapes: tuple[Shape, ...], record: bool, rng: Any,
    ) -> list[Any]:  # fmt: skip
        return super().compute(
            *values, condition=condition, body=body, carry=carry, shapes=shapes, record=record,
            rng=rng,
        )  # fmt: skip


class StatelessScan(_Loop):
    """A body run for each slice of ``xs`` arrays, from the last to the first if ``reverse``."""

    def compute(
        self, *values: Any, body: Program, carry: int, xs: int, reverse: bool, length: int | None,
        shapes: tuple[Shape, ...], record: bool, rng: Any = None,
    ) -> list[Any]:  # fmt: skip
        state, outside = list(values[:carry]), values[carry + xs :]
        sliced = values[carry : carry + xs]
        count = _common_length(sliced)
        order = range(count - 1, -1, -1) if reverse else range(count)
        ys: list[list[Any]] = []
        befores: list[list[Any]] = []
        pinned: list[list[Any]] = []
        for i in order:
            results = body.run([*state, *[x[i] for x in sliced], *outside], rng)
            ys.append(results[carry : body.visible])
            if record:
                befores.append(state)
                pinned.append(results[body.visible :])
            state = results[:carry]
            _check(state, shapes)
        if reverse:
            for rows in (ys, befores, pinned):
                rows.reverse()
        visible = _rest(ys, body, carry, body.visible)
        columns = _columns(befores, body, shapes)
        return [*state, *visible, *columns, *_rest(pinned, body, body.visible)]

    def cost(self, *specs: TensorSpec, body: Program, length: int | None, **_attrs: Any) -> Cost:
        times = math.inf if length is None else length
        return Cost(body.cost.flops * times, body.cost.bytes * times)


class Scan(StatelessScan):
    """A scan whose body draws random numbers or has effects."""

    stateful = True
    random = True
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def compute(
        self, *values: Any, body: Program, carry: int, xs: int, reverse: bool, length: int | None,
        shapes: tuple[Shape, ...], record: bool, rng: Any,
    ) -> list[Any]:  # fmt: skip
        return super().compute(
            *values, body=body, carry=carry, xs=xs, reverse=reverse, length=length, shapes=shapes,
            record=record, rng=rng,
        )  # fmt: skip


_WHILE, _STATELESS_WHILE = While("While", "while_"), StatelessWhile("StatelessWhile", "while_")
_SCAN, _STATELESS_SCAN = Scan("Scan", "scan_"), StatelessScan("StatelessScan", "scan_")


def _holds(test: Any) -> bool:
    try:
        return bool(test)
    except ValueError:
        raise InvalidArgumentError(
            None, None, f"the result of cond must be a scalar; it has shape {list(test.shape)}"
        ) from None


def _check(state: Sequence[Any], shapes: Sequence[Shape]) -> None:
    for i, (value, shape) in enumerate(zip(state, shapes, strict=True)):
        if (
            shape is not None
            and np.shape(value) != shape
            and not compatible(np.shape(value), shape)
        ):
            raise InvalidArgumentError(
                None,
                None,
                f"loop variable {i} has shape {format_shape(np.shape(value))} after an iteration, "
                f"{format_shape(shape)} before; give shape_invariants with None for dimensions "
                f"that change",
            )


def _common_length(arrays: Sequence[Any]) -> int:
    lengths = {len(a) if np.ndim(a) else -1 for a in arrays}
    if len(lengths) != 1 or -1 in lengths:
        shapes = ", ".join(format_shape(np.shape(a)) for a in arrays)
        raise InvalidArgumentError(
            None, None, f"the elements must have a first dimension, the same in all: {shapes}"
        )
    return lengths.pop()


def _columns(rows: list[list[Any]], body: Program, shapes: Sequence[Shape]) -> list[Any]:
    specs = [TensorSpec(s, spec.dtype) for s, spec in zip(shapes, body.specs, strict=False)]
    return [_stack([r[i] for r in rows], spec) for i, spec in enumerate(specs)]


def _rest(rows: list[list[Any]], body: Program, start: int, stop: int | None = None) -> list[Any]:
    return [_stack([r[i] for r in rows], spec) for i, spec in enumerate(body.specs[start:stop])]


def _stack(values: list[Any], spec: TensorSpec) -> Any:
    """Return ``values`` stacked; those of different shapes as an array of arrays."""
    if not values:
        dims = [n or 0 for n in spec.shape or ()]
        return np.zeros((0, *dims), spec.dtype.dtype if spec.dtype else np.float32)
    first = np.shape(values[0])
    if all([np.shape(v) == first for v in values]):
        return np.stack(values)
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out


Pairs = Sequence[tuple[Tensor, Tensor]]  # (inside the body, outside)


def add_while(
    graph: Graph, carry: Pairs, condition: Tensor, results: Sequence[Tensor], start: int,
    record: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Add a while loop whose traces began at ``start``; return its final loop variables."""
    variables = [inner for inner, _ in carry]
    tests, cut = Cut([condition], start, bound=variables), Cut(results, start, bound=variables)
    outside = [t for t in union(tests.leaves, cut.leaves) if t not in set(variables)]
    inputs = [*variables, *outside]
    body = Program(cut, inputs, results, cut.pinned)
    test = Program(tests, inputs, [condition])
    stateful = body.stateful or test.stateful
    attrs = {
        "condition": test, "body": body, "carry": len(carry),
        "shapes": tuple([v.spec.shape for v in variables]),
        "record": record or (stateful and is_tracing()),
    }  # fmt: skip
    given = [*[outer for _, outer in carry], *outside]
    opdef = _WHILE if stateful else _STATELESS_WHILE
    return outputs_of(graph, [tests, cut], opdef, given, attrs)[: len(carry)]


def add_scan(
    graph: Graph, carry: Pairs, xs: Pairs, state: Sequence[Tensor], ys: Sequence[Tensor],
    start: int, reverse: bool = False, more: Any = (), bound: Mapping[Tensor, Tensor] | None = None,
) -> list[Tensor]:  # fmt: skip
    """Add a scan; return its final loop variables and stacked ``ys``.

    Parameters
    ----------
    carry, xs : loop variables and slices, each with where its value comes from
    state, ys : the body's results
    start, more : which nodes are inside; see ``Cut``
    bound : further tensors of the body that are given from outside
    """
    bound = bound or {}
    mine = [inner for inner, _ in (*carry, *xs)]
    cut = Cut([*state, *ys], start, more, {*mine, *bound})
    outside = [t for t in cut.leaves if t not in set(mine)]
    body = Program(cut, [*mine, *outside], [*state, *ys], cut.pinned)
    lengths = [outer.spec.shape[0] for _, outer in xs if outer.spec.shape]
    attrs = {
        "body": body, "carry": len(carry), "xs": len(xs), "reverse": reverse,
        "length": next((n for n in lengths if n is not None), None),
        "shapes": tuple([inner.spec.shape for inner, _ in carry]),
        "record": body.stateful and is_tracing(),
    }  # fmt: skip
    given = [*[outer for _, outer in (*carry, *xs)], *[bound.get(t, t) for t in outside]]
    opdef = _SCAN if body.stateful else _STATELESS_SCAN
    return outputs_of(graph, [cut], opdef, given, attrs)[: len(carry) + len(ys)]


def _gradient(node: Operation, grads: Sequence[Tensor]) -> list[Tensor | None]:
    """Add the scan that goes through the iterations of ``node`` backwards."""
    graph = node.graph
    if not node.attrs["record"]:
        node.attrs = {**node.attrs, "record": True}
    body: Program = node.attrs["body"]
    n, n_xs = node.attrs["carry"], node.attrs.get("xs", 0)
    inner, results = tensors_of(graph, body.inputs), tensors_of(graph, body.results)
    hidden = body.visible  # outputs before it: carry, ys; then the carry before each, pinned
    befores, pinned = node.outputs[hidden : hidden + n], node.outputs[hidden + n :]
    # What was there in each iteration: (inside, stacked outside).
    history = [*zip(inner[:n], befores, strict=True),
               *zip(inner[n : n + n_xs], node.inputs[n : n + n_xs], strict=True),
               *zip(results[hidden:], pinned, strict=True)]  # fmt: skip
    flowing = [i for i in range(n) if is_differentiable(inner[i])]
    with tracing(graph, f"{node.type}_grad") as start:
        carry = [(body_input(graph, inner[i].spec, "grad"), grads[i]) for i in flowing]
        upstream = [(results[i], g) for i, (g, _) in zip(flowing, carry, strict=True)]
        # Gradients that flow into each iteration from outside.
        stacked = [*results[n:hidden], *inner[:n], *results[hidden:]]
        slices = []
        for y, grad in zip(stacked, grads[n:], strict=True):
            if is_differentiable(y) and not is_zero(grad):
                slices.append((body_input(graph, y.spec, "grad"), grad))
                upstream.append((y, slices[-1][0]))
        wanted = [t for t in inner if is_differentiable(t)]
        found = dict(zip(wanted, body_gradients(
            [y for y, _ in upstream], wanted, [g for _, g in upstream], inner
        ), strict=True))  # fmt: skip
        state = [_or_zeros(found[inner[i]], inner[i]) for i in flowing]
        sums = [i for i in range(n + n_xs, len(inner)) if found.get(inner[i]) is not None]
        for i in sums:
            total = body_input(graph, inner[i].spec, "sum")
            carry.append((total, creation.zeros_like(node.inputs[i])))
            state.append(total + found[inner[i]])
        sliced = [i for i in range(n, n + n_xs) if found.get(inner[i]) is not None]
        ys = [found[inner[i]] for i in sliced]
    outside = dict(zip(inner[n + n_xs :], node.inputs[n + n_xs :], strict=True))
    outputs = add_scan(
        graph, carry, [*history, *slices], state, ys, start,
        not node.attrs.get("reverse", False), body.ids, outside,
    )  # fmt: skip
    out: list[Tensor | None] = [None] * len(node.inputs)
    for i, grad in zip([*flowing, *sums, *sliced], outputs, strict=True):
        out[i] = grad
    return out


def _or_zeros(grad: Tensor | None, like: Tensor) -> Tensor:
    return creation.zeros_like(like) if grad is None else grad
