"""Group element-wise nodes, so that their intermediates stay in cache.

In: a specialised plan.  Out: one with connected element-wise nodes of one shape replaced by a node
that evaluates them together, block by block, writing into scratch blocks with ``out=``; large
arrays on all cores.  Each element takes the same operations in the same order, so no bit changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini import threads
from tfmini.build import infer_specs
from tfmini.errors import NodeInfo
from tfmini.opdef import Cost, Elementwise, OpDef
from tfmini.plan import Node, Plan, Ref
from tfmini.spec import TensorSpec

# Below this many elements a group costs more to enter than it saves.
MIN_SIZE = 1 << 14
# From here on a single node is worth splitting over cores.
MIN_PARALLEL_SIZE = 1 << 18
# Scratch, input and output blocks of one thread together.  They should stay in cache, but each call
# of a kernel passes Python's lock between threads: blocks of a fraction of this fit the second
# level better and are slower (tests/bench, W5).
_CACHE_BYTES = 1 << 22


class Step(NamedTuple):
    """One element-wise operation on slots: inputs, constants, outputs and scratch blocks."""

    opdef: Elementwise
    attrs: tuple[tuple[str, Any], ...]
    inputs: tuple[int, ...]
    output: int
    info: NodeInfo


class Fused(OpDef):
    """The operation type of one group.

    Slots are numbered: first the inputs, then the outputs, then scratch blocks.  ``slices`` says
    for each input whether it has the full leading dimension (and is cut into blocks) or is passed
    whole, as scalars and rows are.
    """

    threaded = True

    def __init__(
        self,
        steps: Sequence[Step],
        slices: Sequence[bool],
        outputs: Sequence[TensorSpec],
        scratch: Sequence[Any],
        flat: bool,
    ) -> None:
        self.steps = tuple(steps)
        self.slices = tuple(slices)
        self.outputs = tuple(outputs)
        self.scratch = tuple(scratch)
        self.flat = flat
        self.listed = True
        super().__init__("Fused", "fused")
        self._block = _compile(self.steps)

    def __reduce__(self) -> Any:
        return Fused, (self.steps, self.slices, self.outputs, self.scratch, self.flat)

    def infer(self, *_specs: TensorSpec) -> tuple[TensorSpec, ...]:
        return self.outputs

    def cost(self, *specs: TensorSpec) -> Cost:
        size = self.outputs[0].size or 0
        weight = sum([s.opdef.weight for s in self.steps])
        moved = sum([s.nbytes or 0 for s in (*specs, *self.outputs)])
        # In cache an operation takes about a third of its time in memory.
        return Cost(size * weight / 3.0, float(moved))

    def compute(self, *inputs: Any) -> list[np.ndarray]:
        shape: Any = self.outputs[0].shape
        results = [np.empty(shape, s.dtype.dtype) for s in self.outputs]  # type: ignore[union-attr]
        given = list(inputs)
        flat = self.flat and all(
            [not cut or a.flags.c_contiguous for a, cut in zip(given, self.slices, strict=True)]
        )
        if flat:
            given = [a.reshape(-1 if c else ()) for a, c in zip(given, self.slices, strict=True)]
            outs = [a.reshape(-1) for a in results]
        else:
            outs = results
        self._run_blocks(given, outs)
        return results

    def _run_blocks(self, given: list[Any], outs: list[np.ndarray]) -> None:
        rows = outs[0].shape[0]
        row_size = outs[0].size // max(rows, 1)
        held = sum([d.itemsize for d in self.scratch]) + 4 * (len(given) + len(outs))
        step = max(1, _CACHE_BYTES // held // max(row_size, 1))
        parallel = outs[0].size >= MIN_PARALLEL_SIZE
        count = max(-(-rows // step), 2 if parallel and rows > 1 else 1)
        step = -(-rows // count)
        count = -(-rows // step)
        tail = outs[0].shape[1:]
        slices, block = self.slices, self._block

        def work(numbers: Iterable[int]) -> None:
            scratch = [np.empty((min(step, rows), *tail), d) for d in self.scratch]
            for i in numbers:
                a, b = i * step, min(i * step + step, rows)
                short = b - a < step
                block(
                    *[x[a:b] if c else x for x, c in zip(given, slices, strict=True)],
                    *[o[a:b] for o in outs],
                    *([s[: b - a] for s in scratch] if short else scratch),
                )

        if parallel:
            threads.run_blocks(work, range(count))
        else:
            work(range(count))


def _compile(steps: Sequence[Step]) -> Any:
    """Write the function that runs ``steps`` on one block."""
    scope: dict[str, Any] = {}
    lines = []
    highest = 0
    for number, step in enumerate(steps):
        opdef = step.opdef
        scope[f"k{number}"] = opdef.computed_by
        given = [f"s{i}" for i in step.inputs]
        for name, value in step.attrs:
            scope[f"t{number}_{name}"] = value
            given.append(f"{name}=t{number}_{name}")
        lines.append(f"    k{number}({', '.join(given)}, out=s{step.output})")
        highest = max(highest, step.output, *step.inputs)
    header = f"def block({', '.join(f's{i}' for i in range(highest + 1))}):"
    source = "\n".join([header, *lines])
    scope["infos"] = {number + 2: step.info for number, step in enumerate(steps)}  # by line
    exec(compile(source, "<tfmini fused>", "exec"), scope)
    return scope["block"]


def fuse_elementwise(plan: Plan) -> Plan:
    """Replace groups of element-wise nodes by ``Fused`` nodes."""
    specs = dict(plan.specs)
    for node in plan.nodes:
        specs.update(zip(node.outputs, node.specs, strict=True))
    groups = _groups(plan, specs)
    if not groups:
        return plan
    leaving = _leaving(plan, groups)
    renamed = {r: (g[-1].id, i) for g, out in zip(groups, leaving, strict=True)
               for i, r in enumerate(out)}  # fmt: skip
    fused = {
        g[-1].id: _fused(g, out, specs, renamed) for g, out in zip(groups, leaving, strict=True)
    }
    members = {node.id for group in groups for node in group}
    nodes: list[Node] = []
    for node in plan.nodes:
        if node.id in fused:
            nodes.append(fused[node.id])
        elif node.id not in members:
            inputs = tuple([renamed.get(r, r) for r in node.inputs])
            nodes.append(node.replace(inputs=inputs) if inputs != node.inputs else node)
    plan = plan.with_nodes(
        nodes,
        fetches=tuple([renamed.get(r, r) for r in plan.fetches]),
        updates=tuple([(v, renamed.get(r, r)) for v, r in plan.updates]),
    )
    return _sorted(plan)


def _fusable(node: Node, specs: dict[Ref, TensorSpec], waited: set[int]) -> bool:
    opdef = node.opdef
    if not opdef.elementwise or node.pinned or node.after or node.id in waited or opdef.updates:
        return False
    if len(node.specs) != 1 or opdef.listed or "out" not in opdef.schema.reserved:
        return False
    size, dtype = node.specs[0].size, node.specs[0].dtype
    if size is None or dtype is None or size < MIN_SIZE or dtype.dtype.hasobject:
        return False
    given = [specs[r] for r in node.inputs]
    # The dtype that the kernel computes in must be the one that it would choose by itself.
    if any([s.dtype is None for s in given]):
        return False
    # Whether an input is cut into blocks or passed whole follows from its shape.
    if any([s.size is None for s in given]):
        return False
    # NumPy's complex products differ in the last bit with the layout of what they take.
    if any([s.dtype.dtype.kind == "c" for s in (node.specs[0], *given)]):  # type: ignore[union-attr]
        return False
    try:
        infer_specs(opdef, given, dict(node.attrs))
    except (ValueError, TypeError):
        return False  # the run raises it; in blocks a row of one would pass as a number
    return True


def _groups(plan: Plan, specs: dict[Ref, TensorSpec]) -> list[list[Node]]:
    """Return connected fusable nodes of one shape, such that each group is convex."""
    waited = {i for n in plan.nodes for i in n.after}
    grouping = _Grouping()
    for node in plan.nodes:
        before = dict.fromkeys([*[i for i, _ in node.inputs], *node.after])
        if not _fusable(node, specs, waited):
            grouping.pass_by(node, before)
            continue
        group = grouping.new()
        for i in before:
            other = grouping.home.get(i)
            if other is not None and grouping.shape(other) == node.specs[0].shape:
                group = grouping.try_merge(other, group, node, before)
        grouping.join(group, node, before)
    # Not by id: passes add nodes in the middle.
    place = {n.id: i for i, n in enumerate(plan.nodes)}
    return [sorted(g, key=lambda n: place[n.id]) for g in grouping.groups if g and _worth(g)]


class _Grouping:
    """Groups under construction, and what each depends on.

    Sets of groups are bits of ints.  ``above[g]`` are the groups that group ``g`` depends on; a
    node outside groups depends on ``reached[node]``.  Two groups may be one as long as neither
    depends on the other: then no path leaves the group and comes back.
    """

    def __init__(self) -> None:
        self.groups: list[list[Node]] = []
        self.above: list[int] = []
        self.home: dict[int, int] = {}
        self.reached: dict[int, int] = {}

    def new(self) -> int:
        self.groups.append([])
        self.above.append(0)
        return len(self.groups) - 1

    def shape(self, group: int) -> Any:
        return self.groups[group][0].specs[0].shape

    def _over(self, node: int) -> int:
        """Return the groups that ``node`` depends on, its own included."""
        if node in self.home:
            group = self.home[node]
            return self.above[group] | 1 << group
        direct, out, g = self.reached.get(node, 0), 0, 0
        out = direct
        while direct:
            if direct & 1:
                out |= self.above[g]
            direct >>= 1
            g += 1
        return out

    def pass_by(self, node: Node, before: Iterable[int]) -> None:
        over = 0
        for i in before:
            over |= self._over(i)
        if over:
            self.reached[node.id] = over

    def try_merge(self, first: int, second: int, node: Node, before: Iterable[int]) -> int:
        """Merge two groups that ``node`` would belong to, if that is legal; return its group."""
        if first == second:
            return second
        if self.above[second] >> first & 1 or self.above[first] >> second & 1:
            return second
        members = {n.id for n in self.groups[first]} | {n.id for n in self.groups[second]}
        for i in before:
            if i not in members and self._over(i) & (1 << first | 1 << second):
                return second
        if not self.groups[second] and second == len(self.groups) - 1:
            self.groups.pop()  # nothing was in it yet
            self.above.pop()
            return first
        for n in self.groups[second]:
            self.home[n.id] = first
        self.groups[first].extend(self.groups[second])
        self.groups[second] = []
        self._depend(first, self.above[second] & ~(1 << first))
        self._alias(second, first)
        return first

    def join(self, group: int, node: Node, before: Iterable[int]) -> None:
        self.groups[group].append(node)
        self.home[node.id] = group
        over = 0
        for i in before:
            over |= self._over(i)
        self._depend(group, over & ~(1 << group))

    def _depend(self, group: int, over: int) -> None:
        """Let ``group``, and all that depend on it, depend on ``over`` too."""
        self.above[group] |= over
        over = self.above[group]
        for g in range(len(self.above)):
            if self.above[g] >> group & 1:
                self.above[g] |= over

    def _alias(self, old: int, new: int) -> None:
        """Let what depends on group ``old``, now empty, depend on ``new``."""
        for g in range(len(self.above)):
            if self.above[g] >> old & 1 and g != new:
                self.above[g] |= 1 << new | self.above[new]
        for node, bits in self.reached.items():
            if bits >> old & 1:
                self.reached[node] = bits | 1 << new


def _worth(group: list[Node]) -> bool:
    return len(group) > 1 or (group[0].specs[0].size or 0) >= MIN_PARALLEL_SIZE


def _leaving(plan: Plan, groups: list[list[Node]]) -> list[list[Ref]]:
    """Return for each group the values that are used outside it."""
    home = {n.id: i for i, g in enumerate(groups) for n in g}
    used = {r for r in plan.results if r[0] in home}
    for node in plan.nodes:
        mine = home.get(node.id)
        used.update([r for r in node.inputs if r[0] in home and home[r[0]] != mine])
    return [[r for n in g for r in n.outputs if r in used] for g in groups]


def _fused(
    group: list[Node],
    outputs: list[Ref],
    specs: dict[Ref, TensorSpec],
    renamed: dict[Ref, Ref],
) -> Node:
    """Return the node that computes ``outputs``, those values of ``group`` that leave it."""
    last = group[-1]
    inside = {n.outputs[0] for n in group}
    inputs = tuple(dict.fromkeys([r for n in group for r in n.inputs if r not in inside]))
    shape: Any = last.specs[0].shape
    slots: dict[Ref, int] = {r: i for i, r in enumerate([*inputs, *outputs])}
    steps, scratch = _allocate(group, slots, set(outputs))
    full = [specs[r].shape == shape for r in inputs]
    whole = [specs[r].size == 1 for r in inputs]
    flat = all([a or b for a, b in zip(full, whole, strict=True)])
    cut = full if flat else [_has_rows(specs[r].shape, shape) for r in inputs]
    opdef = Fused(steps, cut, [specs[r] for r in outputs], scratch, flat)
    info = NodeInfo("+".join(dict.fromkeys([n.info.type for n in group])), last.info.name,
                    last.info.source)  # fmt: skip
    return Node(
        id=last.id,
        opdef=opdef,
        attrs={},
        inputs=tuple([renamed.get(r, r) for r in inputs]),
        after=(),
        specs=opdef.outputs,
        info=info,
    )


def _has_rows(shape: Any, full: Any) -> bool:
    return len(shape) == len(full) and len(full) > 0 and shape[0] == full[0] and full[0] != 1


def _allocate(
    group: list[Node], slots: dict[Ref, int], outputs: set[Ref]
) -> tuple[list[Step], list[Any]]:
    """Give each value a slot; scratch slots are used again after a value's last use."""
    last_use: dict[Ref, int] = {}
    for position, node in enumerate(group):
        for ref in node.inputs:
            last_use[ref] = position
    steps: list[Step] = []
    scratch: list[Any] = []
    free: dict[Any, list[int]] = {}
    first_scratch = len(slots)
    where = dict(slots)
    for position, node in enumerate(group):
        ref = node.outputs[0]
        taken = tuple([where[r] for r in node.inputs])
        for r in dict.fromkeys(node.inputs):
            slot = where[r]
            if slot >= first_scratch and last_use[r] == position:
                free.setdefault(scratch[slot - first_scratch], []).append(slot)
        if ref not in outputs:
            dtype = node.specs[0].dtype.dtype  # type: ignore[union-attr]
            if not free.get(dtype):
                scratch.append(dtype)
                free.setdefault(dtype, []).append(first_scratch + len(scratch) - 1)
            where[ref] = free[dtype].pop()
        attrs = tuple(node.attrs.items())
        steps.append(Step(node.opdef, attrs, taken, where[ref], node.info))  # type: ignore[arg-type]
    return steps, scratch


def _sorted(plan: Plan) -> Plan:
    """Put nodes in order again: a group stands where its last node stood."""
    made = {r: n for n in plan.nodes for r in n.outputs}
    order: list[Node] = []
    done: set[int] = set()
    by_id = {n.id: n for n in plan.nodes}
    for root in plan.nodes:
        stack = [root]
        while stack:
            node = stack[-1]
            if node.id in done:
                stack.pop()
                continue
            waiting = [made[r] for r in node.inputs if r in made and made[r].id not in done]
            waiting += [by_id[i] for i in node.after if i in by_id and i not in done]
            if waiting:
                stack.extend(waiting)
                continue
            done.add(node.id)
            order.append(node)
            stack.pop()
    return plan.with_nodes(order)
