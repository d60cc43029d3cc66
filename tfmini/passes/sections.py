"""Let middling kernels that are ready at the same time share the cores.

In: a plan that runs inline, and the estimated seconds of its nodes.  Out: one with groups of
independent nodes replaced by a node that runs them side by side.

A kernel of a fraction of a millisecond gains little from being cut into blocks: it takes about as
long to wake another thread.  Two kernels, one on each core, wake it once, and each is whole.
Whoever has done takes blocks of those that are under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tfmini import threads
from tfmini.errors import NodeInfo, node_error
from tfmini.nodes import describe_inputs
from tfmini.opdef import Cost, OpDef
from tfmini.plan import Node, Plan, Ref
from tfmini.spec import TensorSpec

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


class Member(NamedTuple):
    """One node of a section; ``inputs`` are places among the section's inputs."""

    opdef: OpDef
    attrs: tuple[tuple[str, Any], ...]
    inputs: tuple[int, ...]
    specs: tuple[TensorSpec, ...]
    info: NodeInfo


class Section(OpDef):
    """The operation type of one group of independent nodes, the longest first."""

    threaded = True

    def __init__(self, steps: Sequence[Member]) -> None:
        self.steps = tuple(steps)
        self.listed = True
        self.blas = any([s.opdef.blas for s in steps])
        super().__init__("Section", "section")

    def __reduce__(self) -> Any:
        return Section, (self.steps,)

    def infer(self, *_specs: TensorSpec) -> tuple[TensorSpec, ...]:
        return tuple([spec for step in self.steps for spec in step.specs])

    def cost(self, *specs: TensorSpec) -> Cost:
        costs = [
            s.opdef.cost(*[specs[i] for i in s.inputs], **dict(s.attrs))
            for s in self.steps
            if s.opdef.cost
        ]
        return Cost(sum([c.flops for c in costs]), sum([c.bytes for c in costs]))

    def compute(self, *inputs: Any) -> list[Any]:
        results: list[Sequence[Any]] = [()] * len(self.steps)

        def work(numbers: Iterable[int]) -> None:
            for i in numbers:
                results[i] = _outputs(self.steps[i], inputs)

        threads.run_blocks(work, range(len(self.steps)), nested=True)
        return [value for outputs in results for value in outputs]


def _outputs(step: Member, values: Sequence[Any]) -> Sequence[Any]:
    given = [values[i] for i in step.inputs]
    try:
        result = step.opdef.computed_by(*given, **dict(step.attrs))
    except Exception as e:
        error = node_error(step.info, e, describe_inputs(given))
        if error is e:
            raise
        raise error from e
    return (result,) if len(step.specs) == 1 and not step.opdef.listed else result


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
    renamed: dict[Ref, Ref] = {}
    moved: dict[int, int] = {}  # node -> its section
    nodes = []
    for group in groups:
        group.sort(key=lambda n: -seconds[n.id])
        node = group[0]
        if len(group) > 1:
            estimates[node.id] = _together([seconds[n.id] for n in group], cores)
            moved.update({n.id: node.id for n in group})
            node = _section(group)
            renamed.update(zip([r for n in group for r in n.outputs], node.outputs, strict=True))
        inputs = tuple([renamed.get(r, r) for r in node.inputs])
        after = tuple(dict.fromkeys([moved.get(i, i) for i in node.after]))
        nodes.append(node.replace(inputs=inputs, after=after))
    plan = plan.with_nodes(
        nodes,
        fetches=tuple([renamed.get(r, r) for r in plan.fetches]),
        updates=tuple([(v, renamed.get(r, r)) for v, r in plan.updates]),
    )
    return plan, estimates


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


def _section(group: Sequence[Node]) -> Node:
    """Return the node that runs ``group``; its outputs are theirs, one after the other."""
    inputs = tuple(dict.fromkeys([r for n in group for r in n.inputs]))
    place = {r: i for i, r in enumerate(inputs)}
    opdef = Section(
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
