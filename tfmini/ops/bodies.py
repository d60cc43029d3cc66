"""Bodies: parts of a graph that run inside one node, as branches of ``cond`` and loops do.

In: a function of the user, traced into ordinary nodes of the same graph.  Out: a ``Program``, the
nodes between the body's inputs and its results as a list of calls, which pickles and holds nothing
of the graph.  Tensors from outside that the body reads become inputs of the node.

Since a body's nodes are nodes of the graph, ``gradients`` differentiates a body as it does
anything else; the gradient is cut out as a body again.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfmini.assignments import NOTHING, Versions, versions_of
from tfmini.build import convert_to_tensor, create
from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, UnimplementedError, node_error
from tfmini.graph import Graph
from tfmini.nodes import Operation, Ref, Tensor, describe_inputs, ref_of
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array
from tfmini.spec import TensorSpec


class BodyInput(OpDef):
    """The type of a body's inputs: they have values only while the body runs."""

    stateful = True
    gradient = None

    def compute(self) -> Any:
        raise InvalidArgumentError(
            None,
            None,
            "this tensor exists only inside the function given to cond, while_loop, map_fn or "
            "the like; return it from there to use it outside",
        )


BODY_INPUT = BodyInput("BodyInput", "body_input")


class _Depth(threading.local):
    """How many bodies this thread is tracing, one inside the other."""

    value: int = 0


_depth = _Depth()


def is_tracing() -> bool:
    """Whether nodes that are made now belong to a body."""
    return _depth.value > 0


@contextmanager
def tracing(graph: Graph, name: str) -> Iterator[int]:
    """Make the nodes of a body in the block; gives the id of the first of them."""
    _depth.value += 1
    try:
        with graph.as_default(), graph.name_scope(name), graph.control_dependencies(None):
            yield len(graph._operations)
    finally:
        _depth.value -= 1


def body_input(graph: Graph, spec: TensorSpec, name: str = "input") -> Tensor:
    """Return a tensor that stands for a value given to a body."""
    static = TensorSpec(spec.shape, spec.dtype)
    return graph.create(BODY_INPUT, (), {}, (static,), name).outputs[0]


def slice_input(graph: Graph, whole: Tensor) -> Tensor:
    """Return a tensor that stands for a slice of ``whole`` along dimension 0, given to a body."""
    shape = whole.spec.shape
    return body_input(graph, TensorSpec(None if shape is None else shape[1:], whole.dtype))


def is_differentiable(tensor: Tensor) -> bool:
    return tensor.dtype is None or tensor.dtype.is_differentiable


def body_gradients(
    ys: Sequence[Tensor], xs: Sequence[Tensor], grad_ys: Sequence[Tensor], ends: Sequence[Tensor]
) -> list[Tensor | None]:
    """Return the gradients of ``ys`` for each of ``xs``, or None, as if ``ends`` were leaves."""
    if not ys or not xs:
        return [None] * len(xs)
    # The layer above: bodies are differentiated long after it is loaded.
    gradients = importlib.import_module("tfmini.autodiff").gradients
    found: list[Tensor | None] = gradients(
        list(ys), list(xs), list(grad_ys), stop_gradients=list(ends), unconnected_gradients="none"
    )
    return found


class Cut:
    """The nodes that ``results`` need, back to tensors from outside.

    A node is inside if its id is ``start`` or more, or in ``more``; tensors in ``bound`` are given
    from outside wherever they are made.

    leaves    tensors from outside, in order of id
    nodes     the nodes inside, constants among them, in order
    pinned    outputs of nodes that may run only once: a gradient must not run them again
    controls  nodes outside that must run first
    versions  which values of variables the nodes see: they may assign to them if ``assigning``
    """

    def __init__(
        self,
        results: Sequence[Tensor],
        start: int,
        more: Collection[int] = (),
        bound: Collection[Tensor] = (),
        assigning: bool = False,
    ) -> None:
        leaves: dict[Tensor, None] = {}
        nodes: dict[int, Operation] = {}
        controls: dict[Operation, None] = {}
        pending: list[Tensor | Operation] = list(results)
        while pending:
            item = pending.pop()
            if isinstance(item, Tensor):
                leaf = item.op.opdef.is_variable or item.op.opdef.is_placeholder
                inside = item.op.id >= start or item.op.id in more
                if item in bound or leaf or not inside:
                    leaves[item] = None
                    continue
                item = item.op
            if item.id in nodes:
                continue
            if not assigning:
                _require_no_update(item)
            nodes[item.id] = item
            pending.extend(item.inputs)
            if item.id >= start:
                pending.extend([c for c in item.control_inputs if c.id >= start])
                before = [c for c in item.control_inputs if c.id < start and c.id not in more]
                controls.update(dict.fromkeys(before))
        self.leaves = sorted(leaves, key=ref_of)
        self.nodes, self.versions = versions_of([nodes[i] for i in sorted(nodes)], {})
        self.controls = list(controls)
        self.pinned = [
            t for n in self.nodes if n.opdef.stateful or n.opdef.random for t in n.outputs
        ]


def _require_no_update(node: Operation) -> None:
    if node.opdef.updates:
        raise UnimplementedError(
            node.info,
            node,
            "assignments inside while_loop, map_fn and the like are not supported. Carry the value "
            "as one of the loop's variables, return it, and assign it outside.",
        )


class Program:
    """The nodes of a cut as calls in order.

    ``inputs`` and ``results`` are the tensors that they were in the graph: (node id, output).  The
    results from ``visible`` on are for gradients.
    """

    __slots__ = ("inputs", "results", "visible", "specs", "ids", "stateful", "cost", "_tail",
                 "_steps", "_taken", "_calls")  # fmt: skip

    def __init__(
        self, cut: Cut, inputs: Sequence[Tensor], results: Sequence[Tensor],
        hidden: Sequence[Tensor] = (),
    ) -> None:  # fmt: skip
        self.visible = len(results)
        results = [*results, *hidden]
        self.inputs = tuple([ref_of(t) for t in inputs])
        self.results = tuple([ref_of(t) for t in results])
        self.specs = tuple([TensorSpec(t.spec.shape, t.spec.dtype) for t in results])
        self.ids = frozenset([n.id for n in cut.nodes])
        self.stateful = any([n.opdef.stateful or n.opdef.random for n in cut.nodes])
        slots = {ref: i for i, ref in enumerate(self.inputs)}
        slots[NOTHING] = len(slots)
        tail: list[Any] = [None]
        calls = []
        for node in cut.nodes:
            for t in node.outputs:
                if ref_of(t) not in slots:
                    slots[ref_of(t)] = len(slots)
                    constant = node.opdef.is_constant
                    tail.append(_unwrapped(node.attrs["value"]) if constant else None)
            if not node.opdef.is_constant:
                calls.append(node)
        self._tail = tail
        self._taken = tuple([slots[r] for r in self.results])
        self._steps = _steps(calls, slots, cut.versions, kept={*self._taken, slots[NOTHING]})
        self._calls = _callable(self._steps)
        self.cost = _cost(calls)

    def run(self, values: Sequence[Any], rng: Any = None) -> list[Any]:
        """Return the values of the results for ``values`` of the inputs."""
        slots = [*values, *self._tail]
        given: list[Any] = []
        info: Any = None
        try:
            for function, taken, made, single, attrs, random, dead, info in self._calls:  # noqa: B007
                given = [slots[i] for i in taken]
                result = function(*given, rng=rng, **attrs) if random else function(*given, **attrs)
                if single:
                    slots[made[0]] = result
                else:
                    for i, value in zip(made, result, strict=True):
                        slots[i] = value
                for i in dead:
                    slots[i] = None
        except Exception as e:
            error = node_error(info, e, describe_inputs(given))
            if error is e:
                raise
            raise error from e
        return [slots[i] for i in self._taken]

    def __reduce__(self) -> Any:
        # Without the calls: types travel by reference, their methods would not.
        return _restored, tuple([getattr(self, name) for name in self.__slots__[:-1]])


def _restored(*fields: Any) -> Program:
    program = object.__new__(Program)
    for name, value in zip(Program.__slots__[:-1], fields, strict=True):
        setattr(program, name, value)
    program._calls = _callable(program._steps)
    return program


def _callable(steps: Sequence[Any]) -> tuple[Any, ...]:
    """Return ``steps`` with what to call in the place of operation types."""
    return tuple([(opdef.computed_by, *rest) for opdef, *rest in steps])


def _unwrapped(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) and not value.ndim else value


def _steps(
    nodes: Sequence[Operation], slots: Mapping[Ref, int], versions: Versions,
    kept: Collection[int],
) -> tuple[Any, ...]:  # fmt: skip
    last: dict[int, int] = {}
    for position, node in enumerate(nodes):
        for ref in (*versions.resolve(node), *map(ref_of, node.outputs)):
            last[slots[ref]] = position
    constants = {slots[ref_of(t)] for n in nodes for t in n.inputs if t.op.opdef.is_constant}
    steps = []
    for position, node in enumerate(nodes):
        opdef = node.opdef
        attrs_of = getattr(opdef, "attrs_of", None)
        taken = tuple([slots[ref] for ref in versions.resolve(node)])
        made = tuple([slots[ref_of(t)] for t in node.outputs])
        dead = [i for i in dict.fromkeys([*taken, *made])
                if last[i] == position and i not in kept and i not in constants]  # fmt: skip
        steps.append((
            opdef,
            taken,
            made,
            len(made) == 1 and not opdef.listed,
            dict(attrs_of(node) if attrs_of else node.attrs),
            opdef.random,
            tuple(dead),
            node.info,
        ))  # fmt: skip
    return tuple(steps)


def _cost(nodes: Sequence[Operation]) -> Cost:
    flops = moved = 0.0
    for node in nodes:
        try:
            cost = node.opdef.cost(*[t.spec for t in node.inputs], **node.attrs)
        except (ValueError, TypeError, AttributeError):
            return Cost(float("inf"), float("inf"))
        flops, moved = flops + cost.flops + 1000.0, moved + cost.bytes
    return Cost(flops, moved)


def tensors_of(graph: Graph, refs: Sequence[Ref]) -> list[Tensor]:
    """Return the tensors that a program's refs were."""
    return [graph._operations[i].outputs[k] for i, k in refs]


def as_result(graph: Graph, value: Any, dtype: DType | None = None) -> Tensor:
    """Return what a user's function returned as a tensor; an operation without a value, or one
    that updates a variable, such as a step of training, stands for "it has run"."""
    if value is None or (
        isinstance(value, Operation) and (not value.outputs or value.opdef.updates)
    ):
        with graph.control_dependencies([] if value is None else [value]):
            return array.identity(True)
    return convert_to_tensor(value, None if isinstance(value, Tensor) else dtype)


def outputs_of(
    graph: Graph, cuts: Sequence[Cut], opdef: OpDef, inputs: Sequence[Tensor], attrs: dict[str, Any]
) -> list[Tensor]:
    """Add the node that runs ``cuts``, after what they must wait for; return its outputs."""
    with graph.control_dependencies([c for cut in cuts for c in cut.controls]):
        return list(create(opdef, list(inputs), attrs).outputs)


def union(*groups: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors of all groups, each once, in order of id."""
    return sorted({t for group in groups for t in group}, key=ref_of)
