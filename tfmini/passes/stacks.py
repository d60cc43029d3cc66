"""Let decompositions of matrices of one shape run on several cores.

In: a plan, and the estimated seconds of its nodes.  Out: one where nodes that do the same to
independent matrices are cut into as many stacks as there are cores, each computed by one call.

NumPy keeps Python's lock while LAPACK works, unless the call has more than 500 results: the
singular values of a few small matrices would be found one after the other, on however many threads.
Those of a stack of matrices are the same bits, and its call gives up the lock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.passes.costs import all_specs
from tfmini.passes.joined import Joined, join
from tfmini.passes.regions import HEAVY_SECONDS
from tfmini.passes.simplify import work_key
from tfmini.plan import Node, Plan

# A call with so many results keeps the lock; a constant of NumPy.
LOCKED_RESULTS = 500


class Stack(Joined):
    """Computes its members, which are alike, in one call."""

    def compute(self, *inputs: Any) -> list[Any]:
        first = self.steps[0]
        columns = zip(*[[inputs[i] for i in s.inputs] for s in self.steps], strict=True)
        try:
            return list(first.opdef.computed_by(*map(np.stack, columns), **dict(first.attrs)))
        except Exception:  # noqa: BLE001 - one by one, the member that fails raises it again
            return [value for s in self.steps for value in s.outputs(inputs)]


def in_stacks(plan: Plan, seconds: Mapping[int, float], cores: int) -> Plan:
    """Return ``plan`` with the decompositions that are alike and independent in stacks."""
    able = [n for n in plan.nodes if _able(n, seconds[n.id])]
    if cores < 2 or len(able) <= cores:
        return plan
    specs, depth = all_specs(plan), _depths(plan)
    alike: dict[Any, list[Node]] = {}
    for node in able:
        work, given = work_key(node), [specs[r] for r in node.inputs]
        if work is not None and all([s.size is not None for s in given]):
            shapes = tuple([(s.shape, s.dtype) for s in given])
            alike.setdefault((work, shapes, depth[node.id]), []).append(node)
    stacks = [stack for nodes in alike.values() for stack in _cut(nodes, cores)]
    return join(plan, _ordered(plan, stacks), Stack) if stacks else plan


def _able(node: Node, seconds: float) -> bool:
    """Whether ``node`` takes stacks, is worth a task, and keeps the lock by itself."""
    if not node.opdef.stacks or seconds < HEAVY_SECONDS or len(node.specs) != 1:
        return False
    return node.specs[0].size is not None and node.specs[0].size <= LOCKED_RESULTS


def _depths(plan: Plan) -> dict[int, int]:
    """Return the length of the longest path to each node; nodes of one depth are independent."""
    depth: dict[int, int] = {}
    for node in plan.nodes:
        before = (*[i for i, _ in node.inputs], *node.after)
        depth[node.id] = 1 + max([depth.get(i, 0) for i in before], default=0)
    return depth


def _cut(nodes: Sequence[Node], cores: int) -> list[Sequence[Node]]:
    """Return ``nodes`` in a stack for each core; none if their calls would keep the lock."""
    results = nodes[0].specs[0].size or 0
    if len(nodes) // cores * results <= LOCKED_RESULTS:
        return []
    return [nodes[len(nodes) * i // cores : len(nodes) * (i + 1) // cores] for i in range(cores)]


def _ordered(plan: Plan, stacks: Iterable[Sequence[Node]]) -> list[Sequence[Node]]:
    """Return all nodes, in stacks and alone, in the plan's order as far as stacks allow."""
    place = {n.id: i for i, n in enumerate(plan.nodes)}
    units = {stack[-1].id: stack for stack in stacks}
    home = {n.id: last for last, stack in units.items() for n in stack}
    for node in plan.nodes:
        if node.id not in home:
            home[node.id] = node.id
            units[node.id] = [node]
    takers: dict[int, list[int]] = {}
    missing: dict[int, int] = {}
    for last, unit in units.items():
        sources = {home[i] for n in unit for i in _sources(n) if i in home}
        missing[last] = len(sources)
        for source in sources:
            takers.setdefault(source, []).append(last)
    ready = [(place[last], last) for last, n in missing.items() if n == 0]
    heapq.heapify(ready)
    found = []
    while ready:
        _, last = heapq.heappop(ready)
        found.append(units[last])
        for taker in takers.get(last, ()):
            missing[taker] -= 1
            if missing[taker] == 0:
                heapq.heappush(ready, (place[taker], taker))
    return found


def _sources(node: Node) -> tuple[int, ...]:
    return (*[i for i, _ in node.inputs], *node.after)
