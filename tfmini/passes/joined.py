"""Independent nodes as one node, which decides how they run together.

In: a plan, and its nodes in groups, in an order in which these can run.  Out: the plan with a node
for each group, whose operation type, a ``Joined``, holds the members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tfmini.errors import NodeInfo, node_error
from tfmini.nodes import describe_inputs
from tfmini.opdef import Cost, OpDef
from tfmini.plan import Node, Plan, Ref
from tfmini.spec import TensorSpec


class Member(NamedTuple):
    """One of the nodes; ``inputs`` are places among the inputs of all."""

    opdef: OpDef
    attrs: tuple[tuple[str, Any], ...]
    inputs: tuple[int, ...]
    specs: tuple[TensorSpec, ...]
    info: NodeInfo

    def outputs(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the list of its results, given the inputs of all; an error names this node."""
        given = [values[i] for i in self.inputs]
        try:
            result = self.opdef.computed_by(*given, **dict(self.attrs))
        except Exception as e:
            error = node_error(self.info, e, describe_inputs(given))
            if error is e:
                raise
            raise error from e
        return (result,) if len(self.specs) == 1 and not self.opdef.listed else result


class Joined(OpDef):
    """The operation type of one group; its results are those of the members, one after another."""

    listed = True

    def __init__(self, steps: Sequence[Member]) -> None:
        self.steps = tuple(steps)
        self.blas = any([s.opdef.blas for s in steps])
        super().__init__(type(self).__name__, type(self).__name__.lower())

    def __reduce__(self) -> Any:
        return type(self), (self.steps,)

    def infer(self, *_specs: TensorSpec) -> tuple[TensorSpec, ...]:
        return tuple([spec for step in self.steps for spec in step.specs])

    def cost(self, *specs: TensorSpec) -> Cost:
        costs = [
            s.opdef.cost(*[specs[i] for i in s.inputs], **dict(s.attrs))
            for s in self.steps
            if s.opdef.cost
        ]
        return Cost(sum([c.flops for c in costs]), sum([c.bytes for c in costs]))


def join(plan: Plan, groups: Iterable[Sequence[Node]], kind: type[Joined]) -> Plan:
    """Return ``plan`` with each group of several nodes as one node, called as its first."""
    renamed: dict[Ref, Ref] = {}
    moved: dict[int, int] = {}  # node -> the one that it is part of
    nodes = []
    for group in groups:
        node = group[0]
        if len(group) > 1:
            node = _joined(group, kind)
            moved.update({n.id: node.id for n in group})
            renamed.update(zip([r for n in group for r in n.outputs], node.outputs, strict=True))
        inputs = tuple([renamed.get(r, r) for r in node.inputs])
        after = tuple(dict.fromkeys([moved.get(i, i) for i in node.after]))
        nodes.append(node.replace(inputs=inputs, after=after))
    return plan.with_nodes(
        nodes,
        fetches=tuple([renamed.get(r, r) for r in plan.fetches]),
        updates=tuple([(v, renamed.get(r, r)) for v, r in plan.updates]),
    )


def _joined(group: Sequence[Node], kind: type[Joined]) -> Node:
    inputs = tuple(dict.fromkeys([r for n in group for r in n.inputs]))
    place = {r: i for i, r in enumerate(inputs)}
    opdef = kind(
        [
            Member(
                n.opdef,
                tuple(n.attrs.items()),
                tuple([place[r] for r in n.inputs]),
                n.specs,
                n.info,
            )
            for n in group
        ]
    )
    kinds = "+".join(dict.fromkeys([n.info.type for n in group]))
    return Node(
        id=group[0].id,
        opdef=opdef,
        attrs={},
        inputs=inputs,
        after=tuple([i for n in group for i in n.after]),
        specs=opdef.infer(),
        info=NodeInfo(kinds, group[0].info.name, group[0].info.source),
    )
