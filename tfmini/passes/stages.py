"""Cut a plan where it takes from or gives to what a session holds: queues, iterators, readers.

In: a plan.  Out: plans to run one after the other.  The nodes that use resources run in the
session's own process and may wait there, for a queue to fill, say; so they are not run together
with nodes that the session must run in turn (those that assign or draw), wherever the graph allows.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfmini.passes.costs import all_specs
from tfmini.plan import Node, Plan, Ref


def stages(plan: Plan) -> list[Plan]:
    """Return ``plan`` as plans in order: what resources need, the resources, the rest.

    The feeds of each are those of ``plan``, then all fetches of the earlier ones.  The fetches of
    ``plan`` are those of the last.
    """
    if not any([n.opdef.resource for n in plan.nodes]):
        return [plan]
    waiting = _closure(plan.nodes, downstream=True)
    needed = _closure(plan.nodes, downstream=False)
    before = [n for n in plan.nodes if n.id in needed and n.id not in waiting]
    held = [n for n in plan.nodes if n.id in needed and n.id in waiting]
    if not any([n.opdef.updates or n.opdef.random for n in before]):
        before, held = [], [n for n in plan.nodes if n.id in needed]
    parts = [part for part in (before, held) if part]
    cuts: list[Plan] = []
    rest = plan
    for nodes in parts:
        first, rest = _cut(rest, nodes)
        cuts.append(first)
    return [*cuts, rest]


def _closure(nodes: Sequence[Node], downstream: bool) -> set[int]:
    """Return the nodes that use resources, and all after (or before) them."""
    found = {n.id for n in nodes if n.opdef.resource}
    for node in nodes if downstream else reversed(nodes):
        near = {i for i, _ in node.inputs} | set(node.after)
        if downstream and not found.isdisjoint(near):
            found.add(node.id)
        elif not downstream and node.id in found:
            found |= near
    return found


def _cut(plan: Plan, nodes: Sequence[Node]) -> tuple[Plan, Plan]:
    """Return the plan of ``nodes``, and what is left of ``plan``, fed with its results."""
    specs = all_specs(plan)
    inside = {n.id for n in nodes}
    rest = [
        n.replace(after=tuple([i for i in n.after if i not in inside]))
        for n in plan.nodes
        if n.id not in inside
    ]
    made = {r for n in nodes for r in n.outputs}
    wanted = dict.fromkeys([r for n in rest for r in n.inputs] + list(plan.fetches))
    border = tuple([r for r in wanted if r in made])
    first = plan.with_nodes(
        nodes,
        fetches=border,
        updates=tuple([(v, r) for v, r in plan.updates if r in made]),
    )
    feeds = (*plan.feeds, *border)
    second = plan.with_nodes(
        rest,
        feeds=feeds,
        updates=tuple([(v, r) for v, r in plan.updates if r not in made]),
        specs={**plan.specs, **{r: specs[r] for r in border}},
    )
    return _reading(first), _reading(second)


def _reading(plan: Plan) -> Plan:
    """Drop the variables that ``plan`` does not read."""
    used: set[Ref] = {r for n in plan.nodes for r in n.inputs} | set(plan.results)
    return plan.with_nodes(plan.nodes, variables=tuple([v for v in plan.variables if v in used]))
