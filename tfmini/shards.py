"""Plans that run in shards: what each task does.

In: a plan whose values have been placed, and how its feeds are cut.  Out: a ``ShardedProgram``.
All that follows from one chunk is one function.  Partial sums are added by a tree, always in the
same order; what needs wholes runs once, in one task a level.
"""

from __future__ import annotations

import operator
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tfmini.chunks import Chunks
from tfmini.codegen import Function, generate
from tfmini.dims import part_shape
from tfmini.lower import Lowered, Place, Site
from tfmini.passes import optimized
from tfmini.passes.costs import all_specs, node_seconds
from tfmini.passes.placed import Group, Partial, Placed, Shard
from tfmini.passes.placements import placed
from tfmini.passes.regions import Region
from tfmini.plan import Plan, Ref
from tfmini.program import program_inputs, stream_refs, travels_apart
from tfmini.reduction import FAN_IN, OnceTask
from tfmini.row_blocks import BlocksTask, block_rows
from tfmini.shard_tasks import ShardTasks
from tfmini.spec import TensorSpec
from tfmini.tasks import RegionTask

# Variables of more bytes than this travel to the shards one by one.
_LARGE_BYTES = 1 << 20
# Partial results of up to so many bytes, all shards' together, are added up by the task that needs
# the sums; a result is some bytes even if it is one number.
_SMALL_SUMS = 1 << 20
_RESULT_BYTES = 256


@dataclass(slots=True)
class Unit:
    """A group ready to run.

    inputs    what it takes from outside, constants apart
    outputs   what others take from it; of shards' results, first those that are added up
    n_sums    how many of the outputs these are
    seconds   what one shard takes, as estimated
    small_sums  whether the task that needs the sums adds them up all by itself
    tasks     what to call, by the size of the shard; 0 for what runs once
    """

    group: Group
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    n_sums: int = 0
    seconds: float = 0.0
    small_sums: bool = False
    tasks: dict[int, RegionTask] = field(default_factory=dict)


class ShardedProgram:
    """A plan ready to run in shards; see ``program.Program``, of which it has the face."""

    inline = None
    one_blas_thread = True

    def __init__(
        self,
        general: Plan,
        parts: Placed,
        rechunk: Mapping[Ref, tuple[int, ...]],
        finish: Sequence[tuple[int, Callable[[Any], Any]]],
    ) -> None:
        self.parts = parts
        self.plan = parts.plan
        self.inputs = program_inputs(general)
        self.outputs = self.plan.results
        self.finish = finish
        self.rechunk = rechunk
        self._streams = stream_refs(general)
        self._streams.update({new: (old, -1) for new, old in parts.streams.items()})
        self._specs = all_specs(self.plan)
        for group in parts.groups:
            for node in group.nodes:
                self._specs.update(zip(node.outputs, node.specs, strict=True))
        self.units = _units(parts, self._streams)
        for unit in self.units:
            self._estimate(unit)
        self.made = {r: i for i, u in enumerate(self.units) for r in u.outputs}
        fetches = set(self.plan.fetches)
        self.apart = [travels_apart(u.outputs, fetches, self._specs) for u in self.units]

    def _estimate(self, unit: Unit) -> None:
        n = len(unit.group.sizes or (0,))
        unit.seconds = sum([node_seconds(node, self._specs) for node in unit.group.nodes]) / n
        sizes = [self._specs[r].nbytes for r in unit.outputs[: unit.n_sums]]
        known = [size for size in sizes if size is not None]
        total = n * (sum(known) + _RESULT_BYTES)
        unit.small_sums = unit.n_sums == len(known) > 0 and total <= _SMALL_SUMS

    # -- what people look at --------------------------------------------------------------------

    @property
    def n_tasks(self) -> int:
        """How many Dask tasks a run takes, those of the feeds apart.

        On a cluster they may be fewer: small shards of one worker share a task.
        """
        return sum([_task_count(unit) for unit in self.units])

    @property
    def rows(self) -> list[tuple[Region, float | None]]:
        """The groups, each with the seconds that a task of it last took in this process."""
        out = []
        for unit in self.units:
            nodes, sizes = tuple(unit.group.nodes), unit.group.sizes
            if not nodes:
                continue
            reason = "once" if sizes is None else f"sharded x {len(sizes)}"
            region = Region(nodes, unit.inputs, unit.outputs, reason, unit.seconds)
            taken = [t.seconds for t in unit.tasks.values()]
            out.append((region, max([s for s in taken if s is not None], default=None)))
        return out

    @property
    def notes(self) -> list[str]:
        """What could not be computed in shards, and why."""
        rechunked = [f"a feed is rechunked to {list(s)}" for s in self.rechunk.values()]
        return [*self.parts.notes, *rechunked]

    # -- one run --------------------------------------------------------------------------------

    def to_dask(self, values: Iterable[Any], token: str, site: Site | None = None) -> Lowered:
        """Return one run as a Dask graph; see ``Program.to_dask``."""
        known = {**self.plan.constants, **dict(zip(self.inputs, values, strict=True))}
        run = ShardTasks(self, known, token, site)
        for number in range(len(self.units)):
            run.add(number)
        alone = () if site is None else self._alone
        places = [run.place(r, i in alone) for i, r in enumerate(self.outputs)]
        return run.writer.lowered(places, run.effects())

    @cached_property
    def _alone(self) -> set[int]:
        """The outputs that get keys of their own where results travel: fetches, and large variables
        that all shards take, without those that only the update takes."""
        n_fetches = len(self.plan.fetches)
        alone = set(range(n_fetches))
        updates = dict(enumerate(self.plan.updates, n_fetches))
        if sum([self._specs[r].nbytes or 0 for _, r in updates.values()]) > _LARGE_BYTES:
            shards = {r for u in self.units if u.group.sizes is not None for r in u.inputs}
            alone |= {i for i, (variable, _) in updates.items() if variable in shards}
        return alone

    def kept(self, number: int, place: Place, results: Sequence[Any]) -> Any:
        """Return a fetch; one in shards as a Dask array of what ``results`` are, or futures of."""
        if place.dim is None:
            return Lowered.value(place, results)
        import dask.array as da

        ref = self.outputs[number]
        spec, spot = self._specs[ref], self.parts.place[ref]
        assert isinstance(spot, Shard)
        shape: tuple[Any, ...] = spec.shape or ()
        chunks: list[Any] = [(n,) for n in shape]
        chunks[place.dim] = spot.sizes
        name = f"tfmini-{uuid.uuid4().hex}"
        before, after = (0,) * place.dim, (0,) * (len(shape) - place.dim - 1)
        graph = {
            (name, *before, i, *after): (operator.getitem, results[k], place.index)
            for i, k in enumerate(place.keys)
        }
        return da.Array(graph, name, tuple(chunks), spec.dtype.dtype if spec.dtype else None)

    def task(self, unit: Unit, shard: int) -> RegionTask:
        """Return what ``shard`` of ``unit`` calls; shards of one size share it."""
        sizes = unit.group.sizes
        size = 0 if sizes is None else sizes[shard]
        if size not in unit.tasks:
            unit.tasks[size] = self._task(unit, shard, size)
        return unit.tasks[size]

    def _task(self, unit: Unit, shard: int, size: int) -> RegionTask:
        if unit.group.sizes is None:
            return OnceTask(self._function(unit, shard))
        rows = self._block_rows(unit, size)
        if rows == size:
            return RegionTask(self._function(unit, shard))
        last = self._function(unit, shard, size % rows) if size % rows else None
        spots = [self.parts.place.get(r) for r in unit.inputs]
        dims = [s.dim if isinstance(s, Shard) else None for s in spots]
        return BlocksTask(self._function(unit, shard, rows), last, rows, dims)

    def _block_rows(self, unit: Unit, size: int) -> int:
        """Return how many rows each block has in which a shard of ``size`` rows is computed."""
        nodes, sizes = unit.group.nodes, unit.group.sizes or ()
        refs = {*unit.inputs, *[r for n in nodes for r in (*n.inputs, *n.outputs)]}
        spots = {r: s for r in refs if isinstance(s := self.parts.place.get(r), Shard)}
        # Random streams and bounds say which shard it is.
        numbered = any([r[1] == -1 or r in self.parts.bounds for r in unit.inputs])
        same = all([s.sizes == sizes for s in spots.values()])
        sums = [self._specs[r].nbytes for r in unit.outputs[: unit.n_sums]]
        if numbered or not same or unit.n_sums < len(unit.outputs) or None in sums:
            return size
        nbytes = sum([self._specs[r].nbytes or 0 for r in unit.inputs if r in spots])
        mine = nbytes * size // max(1, sum(sizes))
        return block_rows(size, mine, sum([n or 0 for n in sums]), unit.seconds)

    def _function(self, unit: Unit, shard: int, rows: int | None = None) -> Function:
        """Return the function of a shard, or of ``rows`` rows of it."""
        sharded = unit.group.sizes is not None
        constants = dict(self.plan.constants)
        specs = dict(self._specs)
        if sharded:
            for ref, (whole, dim) in self.parts.shapes.items():
                size = rows or unit.group.sizes[shard]  # type: ignore[index]
                constants[ref] = part_shape(constants[whole], dim, size)
            for ref, spot in self.parts.place.items():
                if isinstance(spot, Shard) and shard < len(spot.sizes) and ref in specs:
                    specs[ref] = _local(specs[ref], spot.dim, rows or spot.sizes[shard])
        inside = {n.id for n in unit.group.nodes}
        nodes = [
            n.replace(
                specs=tuple([specs[r] for r in n.outputs]),
                after=tuple([i for i in n.after if i in inside]),
            )
            for n in unit.group.nodes
        ]
        streams = {n.id: self._streams[n.id] for n in nodes if n.opdef.random}
        feeds = tuple([r for r in unit.inputs if r not in set(streams.values())])
        leaves = {**{r: specs[r] for r in feeds}, **{r: specs[r] for r in constants if r in specs}}
        constants = {r: c for r, c in constants.items() if r in leaves}
        plan = Plan(tuple(nodes), feeds, (), constants, unit.outputs, (), leaves)
        plan, _ = optimized(plan, {}, 1)
        return generate(plan.nodes, unit.inputs, plan.results, plan.constants, streams)


def _local(spec: TensorSpec, dim: int, size: int) -> TensorSpec:
    shape = spec.shape
    if shape is None:
        return spec
    return TensorSpec((*shape[:dim], size, *shape[dim + 1 :]), spec.dtype)


def _task_count(unit: Unit) -> int:
    sizes = unit.group.sizes
    if sizes is None:
        return 1
    count = len(sizes)
    n = len(sizes)
    while unit.n_sums and not unit.small_sums and n > FAN_IN:
        n = -(-n // FAN_IN)
        count += n
    return count


def compile_sharded(
    plan: Plan,
    general: Plan,
    feeds: Mapping[Ref, Chunks],
    finish: Sequence[tuple[int, Callable[[Any], Any]]],
) -> ShardedProgram:
    """Return the program for ``plan``, specialised for feeds of which some are in chunks.

    Feeds of one length are cut in one way: that of the first of them.
    """
    cuts: dict[int, tuple[int, ...]] = {}
    rechunk: dict[Ref, tuple[int, ...]] = {}
    spots: dict[Ref, Shard] = {}
    for ref, chunks in feeds.items():
        sizes = cuts.setdefault(sum(chunks.sizes), chunks.sizes)
        if sizes != chunks.sizes:
            rechunk[ref] = sizes
        spots[ref] = Shard(chunks.dim, sizes)
    return ShardedProgram(general, placed(plan, spots), rechunk, finish)


def _units(parts: Placed, streams: Mapping[int, Ref]) -> list[Unit]:
    """Return the groups with what crosses their borders."""
    groups = list(parts.groups)
    home = {r: g.level for g in groups for n in g.nodes for r in n.outputs}
    results = set(parts.plan.results)
    taken = {r for g in groups for n in g.nodes for r in n.inputs} | results
    # Wholes are made by what runs once at the level after their shards.
    wholes: dict[int, list[Ref]] = {}
    for whole, source in parts.wholes.items():
        if whole in taken:
            wholes.setdefault(home.get(source, -1) + 1, []).append(whole)
    once = {g.level for g in groups if g.sizes is None}
    groups += [Group(level, None) for level in wholes if level not in once]
    groups.sort(key=lambda g: (g.level, g.sizes or ()))

    outside: list[dict[Ref, None]] = []
    for group in groups:
        inside = {r for n in group.nodes for r in n.outputs}
        mine: dict[Ref, None] = {}
        if group.sizes is None:
            mine.update(dict.fromkeys(wholes.get(group.level, ())))
        for node in group.nodes:
            if node.opdef.random:
                mine[streams[node.id]] = None
            mine.update(dict.fromkeys([r for r in node.inputs if r not in inside]))
        hidden = {*parts.plan.constants, *parts.shapes}
        outside.append({r: None for r in mine if r not in hidden})
    units = []
    for i, group in enumerate(groups):
        wanted = results | {r for j, refs in enumerate(outside) if j != i for r in refs}
        wanted |= {parts.wholes[r] for refs in outside for r in refs if r in parts.wholes}
        made = [r for n in group.nodes for r in n.outputs]
        if group.sizes is None:
            made += wholes.get(group.level, [])
        leaving = [r for r in dict.fromkeys(made) if r in wanted]
        if group.sizes is not None:
            # What a shard computed for itself, cheaply, is not its to give.
            leaving = [r for r in leaving if isinstance(parts.place.get(r), (Partial, Shard))]
        sums = [r for r in leaving if isinstance(parts.place.get(r), Partial)]
        rest = [r for r in leaving if r not in set(sums)]
        units.append(Unit(group, tuple(outside[i]), tuple(sums + rest), len(sums)))
    return units
