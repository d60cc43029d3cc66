"""What one run must do: a frozen list of nodes in order, and where values come from and go.

In: a graph, the tensors and operations fetched, the tensors fed.  Out: a ``Plan`` with just the
nodes that are needed, sorted, where each use of a variable is resolved to one of its versions: the
value at the start of the run, or the result of an assignment that it is ordered after.

A plan knows nothing of the session and holds no graph: it can be sent to a worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tfmini import assignments
from tfmini.assignments import NOTHING, versions_of
from tfmini.errors import InternalError, InvalidArgumentError, NodeInfo
from tfmini.nodes import Operation, Ref, Tensor, ref_of
from tfmini.opdef import OpDef
from tfmini.spec import UNKNOWN, TensorSpec

# The input that carries the session's resources.
RESOURCES: Ref = (-1, 1)


class Node:
    """One step of a plan: an operation type, its attributes, and the values it takes."""

    __slots__ = ("id", "opdef", "attrs", "inputs", "after", "specs", "info", "seed", "outputs")

    def __init__(
        self,
        id: int,
        opdef: OpDef,
        attrs: Mapping[str, Any],
        inputs: tuple[Ref, ...],
        after: tuple[int, ...],
        specs: tuple[TensorSpec, ...],
        info: NodeInfo,
        seed: Any = None,
    ) -> None:
        self.id = id
        self.opdef = opdef
        self.attrs = attrs
        self.inputs = inputs
        self.after = after  # ids of nodes that must run before, without giving a value
        self.specs = specs
        self.info = info
        self.seed = seed  # random types: (graph seed, op seed or name, id)
        self.outputs: tuple[Ref, ...] = (
            ((id, 0),) if len(specs) == 1 else tuple([(id, i) for i in range(len(specs))])
        )

    def replace(self, **changes: Any) -> Node:
        """Return a copy with some fields changed."""
        fields = {name: getattr(self, name) for name in self.__slots__[:-1]}
        return Node(**{**fields, **changes})

    @property
    def pinned(self) -> bool:
        """Whether it must run even if nobody takes its value, and may not be merged or folded."""
        return self.opdef.stateful or self.opdef.random or self.opdef.resource

    def __repr__(self) -> str:
        return f"<{self.info.type} {self.id} {self.info.name}: {self.inputs} -> {self.specs}>"


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of one run.

    nodes      in an order in which each comes after what it takes
    feeds      values that the caller gives, in his order
    variables  values read from the session's state, each with the variable's spec
    constants  values that are part of the plan
    fetches    values that the caller gets, in his order
    updates    (variable, value): the next versions of variables
    specs      what is known of each leaf (feed, variable, constant)
    notes      what passes have to say, for ``session.explain``
    """

    nodes: tuple[Node, ...]
    feeds: tuple[Ref, ...]
    variables: tuple[Ref, ...]
    constants: Mapping[Ref, Any]
    fetches: tuple[Ref, ...]
    updates: tuple[tuple[Ref, Ref], ...]
    specs: Mapping[Ref, TensorSpec]
    notes: tuple[str, ...] = ()

    def with_nodes(self, nodes: Iterable[Node], **changes: Any) -> Plan:
        """Return a plan with other nodes."""
        return replace(self, nodes=tuple(nodes), **changes)

    def noted(self, *lines: str) -> Plan:
        """Return the plan with more notes for ``session.explain``."""
        return replace(self, notes=self.notes + lines)

    @property
    def results(self) -> tuple[Ref, ...]:
        """All values that must leave the plan: fetches, then updates."""
        return self.fetches + tuple([value for _, value in self.updates])

    def verify(self) -> Plan:
        """Return the plan itself if it is legal, else raise InternalError."""
        known: dict[Ref, Any] = dict.fromkeys(self.feeds)
        known.update(dict.fromkeys(self.variables))
        known.update(dict.fromkeys(self.constants))
        if set(known) - set(self.specs):
            raise InternalError(None, None, "plan: a leaf has no spec.")
        seen: set[int] = set()
        for node in self.nodes:
            if node.id in seen:
                raise InternalError(node.info, None, "plan: the node is there twice.")
            for ref in node.inputs:
                if ref not in known:
                    raise InternalError(node.info, None, f"plan: input {ref} is not there yet.")
            for before in node.after:
                if before not in seen:
                    raise InternalError(node.info, None, f"plan: {before} must come before it.")
            seen.add(node.id)
            known.update(dict.fromkeys(node.outputs))
        for ref in self.results:
            if ref not in known:
                raise InternalError(None, None, f"plan: result {ref} is made by no node.")
        return self


def build_plan(
    fetches: Sequence[Tensor | Operation], feeds: Sequence[Tensor], *, graph_seed: int | None
) -> Plan:
    """Return the plan that computes ``fetches`` given ``feeds``."""
    needed = _needed(fetches, set(feeds))
    fed = _fed_refs(feeds, needed)
    constants: dict[Ref, Any] = {NOTHING: None}
    specs = {NOTHING: UNKNOWN, **{ref: t.spec for t, ref in fed.items()}}
    variables: dict[Ref, TensorSpec] = {}
    needed, versions = versions_of(needed, fed)
    nodes: list[Node] = []
    in_plan: set[int] = set()
    for op in needed:
        opdef = op.opdef
        if opdef.is_placeholder:
            _require_fed(op, fed)
        elif opdef.is_constant:
            ref = (op.id, 0)
            if op.outputs[0] not in fed:
                constants[ref] = op.attrs["value"]
                specs[ref] = op.outputs[0].spec
        elif opdef.is_variable:
            variables[(op.id, 0)] = op.outputs[0].spec
        else:
            inputs = versions.resolve(op)
            after = tuple([c.id for c in op.control_inputs if c.id in in_plan])
            nodes.append(_node(op, inputs, after, graph_seed))
            in_plan.add(op.id)
    used = {ref for node in nodes for ref in node.inputs}
    outputs = tuple([fed.get(t) or ref_of(t) for t in fetches if isinstance(t, Tensor)])
    if assignments.fetches_last:
        last = dict(versions.updates())
        outputs = tuple([last.get(ref, ref) for ref in outputs])
    used.update(outputs)
    read = {ref: spec for ref, spec in variables.items() if ref in used and ref not in specs}
    return Plan(
        nodes=tuple(nodes),
        feeds=tuple([fed[t] for t in feeds]),
        variables=tuple(read),
        constants=constants,
        fetches=outputs,
        updates=versions.updates(),
        specs={**specs, **read},
    )


def _fed_refs(feeds: Iterable[Tensor], needed: Iterable[Operation]) -> dict[Tensor, Ref]:
    """Return how the plan calls the values fed: as their tensors, unless those are computed too.

    They are if something waits for their operation: it runs, and nobody takes its value.
    """
    running = {op.id for op in needed}
    return {t: (-2 - t.op.id if t.op.id in running else t.op.id, t.value_index) for t in feeds}


def _needed(fetches: Sequence[Tensor | Operation], fed: set[Tensor]) -> list[Operation]:
    """Return the operations that must run, in order of id; fed tensors end the search."""
    seen: dict[int, Operation] = {}
    stack = [f.op if isinstance(f, Tensor) else f for f in fetches if f not in fed]
    while stack:
        op = stack.pop()
        if op.id in seen:
            continue
        seen[op.id] = op
        stack.extend([t.op for t in op.inputs if t not in fed])
        stack.extend(op.control_inputs)
    return [seen[i] for i in sorted(seen)]


def _require_fed(op: Operation, fed: Mapping[Tensor, Ref]) -> None:
    tensor = op.outputs[0]
    if tensor not in fed:
        raise InvalidArgumentError(
            op.info,
            op,
            f"the placeholder must be fed with {tensor.spec!r}: session.run(..., "
            f"feed_dict={{{op.name}: value}}).",
        )


def _node(
    op: Operation, inputs: tuple[Ref, ...], after: tuple[int, ...], graph_seed: int | None
) -> Node:
    attrs_of = getattr(op.opdef, "attrs_of", None)
    attrs = attrs_of(op) if attrs_of else op.attrs
    seed = None
    if op.opdef.random:
        own = op.attrs.get("seed")
        seed = (graph_seed, op.name if own is None else own, op.id)
    specs = tuple([t.spec for t in op.outputs])
    return Node(op.id, op.opdef, attrs, inputs, after, specs, op.info, seed)
