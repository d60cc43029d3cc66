"""Cut a plan into regions: convex sets of nodes that run as one task each.

In: a plan, and the estimated seconds of its nodes.  Out: regions in an order in which each comes
after those that it takes values from.  A plan that parallelism can't help stays one region.

Regions are convex by construction.  Nodes are taken in order; a node either continues the region
of its inputs, which it may do only if everything else that it takes is already an ancestor of that
region, or begins a new region.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfmini.plan import RESOURCES, Node, Plan, Ref

# What a Dask task costs on local threads, and a call of its scheduler; measured, see tests/bench.
TASK_SECONDS = 120e-6
RUN_SECONDS = 200e-6
# A node from here on is worth a task of its own.
HEAVY_SECONDS = 5e-4
# Parallel regions must promise to be this much quicker.
_GAIN = 0.85
# How much of each core a heavy kernel uses that cuts its work over all of them.
_SPREAD = 0.8


@dataclass(frozen=True, slots=True)
class Region:
    """Nodes that run together, in order, and the values that go in and out."""

    nodes: tuple[Node, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    reason: str
    seconds: float

    @property
    def name(self) -> str:
        """The op type that Dask's callbacks and dashboard show: that of the last node."""
        return self.nodes[-1].info.type if self.nodes else "Empty"


def one_region(plan: Plan, seconds: Mapping[int, float]) -> list[Region]:
    """Return the whole plan as one region; none if there is nothing to run."""
    if not plan.nodes:
        return []
    return cut(plan, [list(plan.nodes)], "inline", seconds)


def partition(plan: Plan, seconds: Mapping[int, float], cores: int) -> list[Region]:
    """Return the regions of ``plan`` for ``cores`` threads.

    One region if the estimate says that several, with what tasks cost, would not be quicker.
    """
    total = _inline_seconds(plan, seconds, cores)
    if cores < 2 or total < RUN_SECONDS + 2 * TASK_SECONDS:
        return one_region(plan, seconds)
    groups = _grow(plan, seconds)
    if len(groups) < 2:
        return one_region(plan, seconds)
    regions = cut(plan, groups, "separate", seconds)
    if makespan(regions, cores) > _GAIN * total:
        return one_region(plan, seconds)
    return regions


def _inline_seconds(plan: Plan, seconds: Mapping[int, float], cores: int) -> float:
    """Return the estimated seconds of running ``plan`` in one thread, whose kernels use others."""
    return sum(
        [
            seconds[n.id] / max(1.0, _SPREAD * cores)
            if n.opdef.threaded and seconds[n.id] >= HEAVY_SECONDS
            else seconds[n.id]
            for n in plan.nodes
        ]
    )


def _grow(plan: Plan, seconds: Mapping[int, float]) -> list[list[Node]]:
    """Return the nodes of ``plan`` in groups; what a group takes is in it or in earlier ones."""
    next_heavy = _next_heavy(plan, seconds)
    groups: list[list[Node]] = []
    home: dict[int, int] = {}  # node -> group
    before: list[int] = []  # group -> bits of its ancestors and itself
    ready: list[set[int]] = []  # group -> heavy nodes that its results make ready
    joins: dict[frozenset[int], int] = {}
    slow: set[int] = set()  # groups with a heavy node, for which what joins them would wait
    for node in plan.nodes:
        sources = {home[i] for i, _ in node.inputs if i in home}
        sources.update([home[i] for i in node.after if i in home])
        heavy = seconds[node.id] >= HEAVY_SECONDS
        target = _continues(node, heavy, sources, before, ready)
        if target is None and not heavy:
            target = joins.get(frozenset(sources))
            if target in slow and next_heavy[node.id]:
                target = None
        if target is None:
            target = len(groups)
            groups.append([])
            before.append(1 << target)
            ready.append(set())
            for source in sources:
                before[target] |= before[source]
            if not heavy:
                joins[frozenset(sources)] = target
                joins[frozenset({*sources, target})] = target
        groups[target].append(node)
        home[node.id] = target
        if heavy:
            slow.add(target)
        ready[target] |= next_heavy[node.id]
        ready[target].discard(node.id)
    return groups


def _continues(
    node: Node, heavy: bool, sources: set[int], before: Sequence[int], ready: Sequence[set[int]]
) -> int | None:
    """Return the group that ``node`` may continue, or None.

    A heavy node continues a group only if it is the only heavy node that the group's results make
    ready: otherwise those others would wait for it.
    """
    for target in sorted(sources, reverse=True):
        if any([not before[target] >> s & 1 for s in sources]):
            continue
        if not heavy or ready[target] <= {node.id}:
            return target
    return None


def _next_heavy(plan: Plan, seconds: Mapping[int, float]) -> dict[int, set[int]]:
    """Return for each node the nearest heavy nodes downstream; two stand for "several"."""
    found: dict[int, set[int]] = {}
    for node in reversed(plan.nodes):
        found.setdefault(node.id, set())
        mine = {node.id} if seconds[node.id] >= HEAVY_SECONDS else found[node.id]
        for i in dict.fromkeys([i for i, _ in node.inputs] + list(node.after)):
            theirs = found.setdefault(i, set())
            for heavy in mine:
                if len(theirs) < 2:
                    theirs.add(heavy)
    return found


def makespan(regions: Sequence[Region], cores: int) -> float:
    """Return the estimated seconds of running ``regions`` on ``cores`` threads, tasks included."""
    home = {r: i for i, region in enumerate(regions) for r in region.outputs}
    takers: list[list[int]] = [[] for _ in regions]
    missing = []
    for i, region in enumerate(regions):
        sources = {home[r] for r in region.inputs if r in home}
        missing.append(len(sources))
        for source in sources:
            takers[source].append(i)
    ready = [i for i, n in enumerate(missing) if n == 0]
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        # A core takes what is ready, never what comes next and must still wait.
        while ready and len(running) < cores:
            i = heapq.heappop(ready)
            heapq.heappush(running, (now + regions[i].seconds + TASK_SECONDS, i))
        now, done = heapq.heappop(running)
        for i in takers[done]:
            missing[i] -= 1
            if missing[i] == 0:
                heapq.heappush(ready, i)
    return now + RUN_SECONDS


def cut(
    plan: Plan, groups: Sequence[Sequence[Node]], reason: str, seconds: Mapping[int, float]
) -> list[Region]:
    """Return a region per group of nodes, with the values that cross its border."""
    home = {r: i for i, nodes in enumerate(groups) for n in nodes for r in n.outputs}
    leaving: list[dict[Ref, None]] = [{} for _ in groups]
    entering: list[dict[Ref, None]] = [{} for _ in groups]
    for ref in plan.results:
        if ref in home:
            leaving[home[ref]][ref] = None
    for i, nodes in enumerate(groups):
        for node in nodes:
            for ref in node.inputs:
                if home.get(ref) != i and ref not in plan.constants:
                    entering[i][ref] = None
                    if ref in home:
                        leaving[home[ref]][ref] = None
            if node.opdef.random:
                entering[i][(node.id, -1)] = None
            if node.opdef.resource:
                entering[i][RESOURCES] = None
    return [
        Region(
            tuple(nodes),
            tuple(entering[i]),
            tuple(leaving[i]),
            reason,
            sum([seconds[n.id] for n in nodes]),
        )
        for i, nodes in enumerate(groups)
    ]
