"""Let middling kernels that are ready at the same time share the cores.

In: a plan that runs inline, and the estimated seconds of its nodes.  Out: one with groups of
independent nodes replaced by a node that runs them side by side.

A kernel of a fraction of a millisecond gains little from being cut into blocks: it takes about as
long to wake another thread.  Two kernels, one on each core, wake it once, and each is whole.
Whoever has done takes blocks of those that are under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfmini import threads
from tfmini.passes.joined import Joined, join
from tfmini.plan import Node, Plan

# Kernels that take longer keep all cores busy by themselves.
MOST_SECONDS = 2e-3
# To wake a thread, and to wait until it has done.
_WAKE_SECONDS = 1e-4
# How much of each core a kernel uses that cuts its work over all of them.
_SPREAD = 0.8
# Below this a kernel is not cut.
_CUT_SECONDS = 2e-4
# How much quicker a section must promise to be.
_GAIN = 0.9


class Section(Joined):
    """Runs its members side by side, the first ones first."""

    threaded = True

    def compute(self, *inputs: Any) -> list[Any]:
        results: list[Sequence[Any]] = [()] * len(self.steps)

        def work(numbers: Iterable[int]) -> None:
            for i in numbers:
                results[i] = self.steps[i].outputs(inputs)

        threads.run_blocks(work, range(len(self.steps)), nested=True)
        return [value for outputs in results for value in outputs]


def parallel_sections(
    plan: Plan, seconds: Mapping[int, float], cores: int
) -> tuple[Plan, Mapping[int, float]]:
    """Return ``plan`` with nodes that are better run side by side in sections, and all seconds."""
    able = {n.id: n for n in plan.nodes if _able(n, seconds[n.id])}
    if cores < 2 or len(able) < 2:
        return plan, seconds
    groups = _groups(plan, able, seconds, cores)
    if len(groups) == len(plan.nodes):
        return plan, seconds
    estimates = dict(seconds)
    for group in groups:
        group.sort(key=lambda n: -seconds[n.id])
        if len(group) > 1:
            estimates[group[0].id] = _together([seconds[n.id] for n in group], cores)
    return join(plan, groups, Section), estimates


def _able(node: Node, seconds: float) -> bool:
    """Whether ``node`` may run in another thread, beside others, and gains from it."""
    opdef = node.opdef
    free = opdef.threaded and not opdef.random and not opdef.resource
    return bool(free and node.specs and seconds < MOST_SECONDS)


def _groups(
    plan: Plan, able: Mapping[int, Node], seconds: Mapping[int, float], cores: int
) -> list[list[Node]]:
    """Return the nodes in an order in which they can run, those that run together as one."""
    missing: dict[int, int] = {}  # able node -> nodes that it still waits for
    takers: dict[int, list[int]] = {}
    mine = {n.id for n in plan.nodes}
    for node in able.values():
        sources = {i for i in (*[i for i, _ in node.inputs], *node.after) if i in mine}
        missing[node.id] = len(sources)
        for i in sources:
            takers.setdefault(i, []).append(node.id)
    ready = {i: able[i] for i, n in missing.items() if n == 0}
    groups: list[list[Node]] = []
    placed: set[int] = set()
    for node in plan.nodes:
        if node.id in placed:
            continue
        group = [node]
        if node.id in ready and _pays([seconds[i] for i in ready], cores):
            group = list(ready.values())
        groups.append(group)
        for n in group:
            placed.add(n.id)
            ready.pop(n.id, None)
        for i in [i for n in group for i in takers.get(n.id, ())]:
            missing[i] -= 1
            if missing[i] == 0:
                ready[i] = able[i]
    return groups


def _pays(seconds: Sequence[float], cores: int) -> bool:
    """Whether kernels that take so long are quicker side by side than one after the other."""
    apart = sum([_alone(s, cores) for s in seconds])
    return len(seconds) > 1 and _together(seconds, cores) < _GAIN * apart


def _together(seconds: Sequence[float], cores: int) -> float:
    longest = max([_alone(s, cores) for s in seconds])
    return max(sum(seconds) / cores, longest) + _WAKE_SECONDS


def _alone(seconds: float, cores: int) -> float:
    return seconds if seconds < _CUT_SECONDS else seconds / (_SPREAD * cores) + _WAKE_SECONDS
