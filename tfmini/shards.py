"""Plans that run in shards: what each task does, and the Dask graph of a run.

In: a plan whose values have been placed, and how its feeds are cut.  Out: a ``ShardedProgram``.
All that follows from one chunk is one task.  Partial sums are added by a tree of tasks, always in
the same order; what needs wholes runs once, in one task a level.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tfmini.chunks import Chunks
from tfmini.codegen import Function, generate
from tfmini.dims import part_shape
from tfmini.lower import (
    Held,
    Lowered,
    Place,
    Publish,
    Source,
    Writer,
    program_inputs,
    stream_refs,
    travels_apart,
)
from tfmini.passes import optimized
from tfmini.passes.costs import all_specs, node_seconds
from tfmini.passes.placements import Group, Partial, Placed, Shard, placed
from tfmini.passes.regions import Region
from tfmini.plan import Plan, Ref
from tfmini.spec import TensorSpec
from tfmini.tasks import RegionTask

# Variables of more bytes than this travel to the shards one by one.
_LARGE_BYTES = 1 << 20
# How many partial results one task adds up.
FAN_IN = 8


@dataclass(slots=True)
class Unit:
    """A group ready to run.

    inputs    what it takes from outside, constants apart
    outputs   what others take from it; of shards' results, first those that are added up
    n_sums    how many of the outputs these are
    tasks     what to call, by the size of the shard; 0 for what runs once
    """

    group: Group
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    n_sums: int = 0
    tasks: dict[int, RegionTask] = field(default_factory=dict)


class ShardedProgram:
    """A plan ready to run in shards; see ``lower.Program``, of which it has the face."""

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
        self._rechunk = rechunk
        self._streams = stream_refs(general)
        self._streams.update({new: (old, -1) for new, old in parts.streams.items()})
        self._specs = all_specs(self.plan)
        for group in parts.groups:
            for node in group.nodes:
                self._specs.update(zip(node.outputs, node.specs, strict=True))
        self.units = _units(parts, self._streams)
        self._made = {r: i for i, u in enumerate(self.units) for r in u.outputs}
        fetches = set(self.plan.fetches)
        self._apart = [travels_apart(u.outputs, fetches, self._specs) for u in self.units]

    # -- what people look at --------------------------------------------------------------------

    @property
    def n_tasks(self) -> int:
        """How many Dask tasks a run takes, those of the feeds apart."""
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
            seconds = sum([node_seconds(n, self._specs) for n in nodes])
            region = Region(nodes, unit.inputs, unit.outputs, reason, seconds / len(sizes or (0,)))
            taken = [t.function.seconds for t in unit.tasks.values()]
            out.append((region, max([s for s in taken if s is not None], default=None)))
        return out

    @property
    def notes(self) -> list[str]:
        """What could not be computed in shards, and why."""
        rechunked = [f"a feed is rechunked to {list(s)}" for s in self._rechunk.values()]
        return [*self.parts.notes, *rechunked]

    # -- one run --------------------------------------------------------------------------------

    def to_dask(self, values: Iterable[Any], token: str, publish: Publish | None = None) -> Lowered:
        """Return one run as a Dask graph; see ``Program.to_dask``."""
        known = {**self.plan.constants, **dict(zip(self.inputs, values, strict=True))}
        run = _Run(self, known, token, publish)
        remote = publish is not None
        for number in range(len(self.units)):
            run.add(number)
        alone = self._alone if remote else ()
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
        import dask.base

        ref = self.outputs[number]
        spec, spot = self._specs[ref], self.parts.place[ref]
        assert isinstance(spot, Shard)
        shape: tuple[Any, ...] = spec.shape or ()
        chunks: list[Any] = [(n,) for n in shape]
        chunks[place.dim] = spot.sizes
        name = f"tfmini-{dask.base.tokenize(place, id(results), ref)}"
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
            kind = OnceTask if sizes is None else RegionTask
            unit.tasks[size] = kind(self._function(unit, shard))
        return unit.tasks[size]

    def _function(self, unit: Unit, shard: int) -> Function:
        sharded = unit.group.sizes is not None
        constants = dict(self.plan.constants)
        specs = dict(self._specs)
        if sharded:
            for ref, (whole, dim) in self.parts.shapes.items():
                size = unit.group.sizes[shard]  # type: ignore[index]
                constants[ref] = part_shape(constants[whole], dim, size)
            for ref, spot in self.parts.place.items():
                if isinstance(spot, Shard) and shard < len(spot.sizes) and ref in specs:
                    specs[ref] = _local(specs[ref], spot.dim, spot.sizes[shard])
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
    while unit.n_sums and n > FAN_IN:
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


class _Run:
    """Writes the tasks of one run of a sharded program."""

    def __init__(
        self,
        program: ShardedProgram,
        known: Mapping[Ref, Any],
        token: str,
        publish: Publish | None,
    ) -> None:
        self.program = program
        self.parts = program.parts
        self.known = known
        shared = {r for u in program.units if u.group.sizes is not None for r in u.inputs}
        self.writer = Writer(known, token, shared, publish)
        self.keys: list[list[Any]] = []  # unit -> its tasks, one for each shard
        self._chunks: dict[Ref, list[Any]] = {}
        self._sums: dict[int, list[Any]] = {}
        self._joined: dict[Ref, Any] = {}

    def add(self, number: int) -> None:
        """Write the tasks of a unit."""
        unit = self.program.units[number]
        if unit.group.sizes is None:
            self.keys.append([self._add_once(unit)])
            return
        node = unit.group.nodes[-1]
        keys = []
        for shard in range(len(unit.group.sizes)):
            key = self.writer.key(node.info.type, node.id, shard)
            sources = [self._of_shard(r, shard) for r in unit.inputs]
            self.writer.add(key, self.program.task(unit, shard), sources)
            keys.append(key)
        self.keys.append(keys)

    def _add_once(self, unit: Unit) -> Any:
        nodes = unit.group.nodes
        key = self.writer.key(nodes[-1].info.type if nodes else "Reduce",
                              nodes[-1].id if nodes else unit.group.level, -1)  # fmt: skip
        sums: dict[int, tuple[int, int]] = {}  # unit -> where its partial results stand
        sources: list[Source] = []
        arguments: list[tuple[int | None, int]] = []
        for ref in unit.inputs:
            origin = self.parts.wholes.get(ref)
            maker = None if origin is None else self.program._made.get(origin)
            if origin and maker is not None and isinstance(self.parts.place[origin], Partial):
                if maker not in sums:
                    tuples = self._sums_of(maker)
                    sums[maker] = (len(sources), len(sources) + len(tuples))
                    sources += [self.writer.result(k, None) for k in tuples]
                index = self.program.units[maker].outputs.index(origin)
                arguments.append((list(sums).index(maker), index))
                continue
            arguments.append((None, len(sources)))
            sources.append(self._whole(ref) if origin is None else self._join(origin))
        options = (tuple(sums.values()), tuple(arguments))
        self.writer.add(key, self.program.task(unit, 0), sources, *options)
        return key

    def _sums_of(self, maker: int) -> list[Any]:
        """Return keys of at most FAN_IN tuples that add up to the partial results of a unit."""
        if maker in self._sums:
            return self._sums[maker]
        unit, keys = self.program.units[maker], self.keys[maker]
        if unit.n_sums < len(unit.outputs):
            keys = [self.writer.part(k, *range(unit.n_sums)) for k in keys]
        level = 0
        while len(keys) > FAN_IN:
            above = []
            for start in range(0, len(keys), FAN_IN):
                key = self.writer.key("Add", unit.group.nodes[-1].id, level, start)
                sources = [self.writer.result(k, None) for k in keys[start : start + FAN_IN]]
                self.writer.add(key, added, sources)
                above.append(key)
            keys, level = above, level + 1
        self._sums[maker] = keys
        return keys

    def _whole(self, ref: Ref) -> Source:
        """Return the source of a value that is given, or made once."""
        maker = self.program._made.get(ref)
        if maker is None:
            return self.writer.leaf(ref)
        index = self.program.units[maker].outputs.index(ref)
        return self.writer.result(self.keys[maker][0], index)

    def _join(self, ref: Ref) -> Source:
        if ref not in self._joined:
            spot = self.parts.place[ref]
            assert isinstance(spot, Shard)
            key = self.writer.key("Concat", *ref, -1)
            sources = [self._of_shard(ref, i, alone=True) for i in range(len(spot.sizes))]
            self.writer.add(key, _joined, sources, spot.dim)
            self._joined[ref] = key
        return self.writer.result(self._joined[ref], None)

    def _of_shard(self, ref: Ref, shard: int, alone: bool = False) -> Source:
        """Return the source of what ``shard`` takes for ``ref``; ``alone``: not with others."""
        if ref in self.parts.bounds:
            start = sum(self.parts.bounds[ref][:shard])
            return Source((start, start + self.parts.bounds[ref][shard]), None)
        if ref in self.parts.pieces:
            return self._piece(*self.parts.pieces[ref], shard)
        if ref[1] == -1:
            return Source((*self.known[ref], shard), None)
        if isinstance(self.known.get(ref), Chunks):
            return self.writer.result(self._chunk_keys(ref)[shard], None)
        maker = self.program._made.get(ref)
        if maker is None or (len(self.keys[maker]) == 1 and not self._is_shard(ref)):
            return self._whole(ref)
        unit = self.program.units[maker]
        key, index = self.keys[maker][shard], unit.outputs.index(ref)
        if alone and len(unit.outputs) > 1:
            return self.writer.result(self.writer.part(key, index), 0)
        return self.writer.result(key, index)

    def _is_shard(self, ref: Ref) -> bool:
        return isinstance(self.parts.place.get(ref), Shard)

    def _piece(self, ref: Ref, dim: int, sizes: tuple[int, ...], shard: int) -> Source:
        start = sum(sizes[:shard])
        place = (slice(None),) * dim + (slice(start, start + sizes[shard]),)
        value = self.known[ref]
        if isinstance(value, Held):  # too large to be sent with each task
            key = self.writer.key("Part", *ref, shard)
            if key not in self.writer.graph:
                self.writer.add(key, _cut, [self.writer.leaf(ref)], place)
            return self.writer.result(key, None)
        return Source(value[place], None)

    def _chunk_keys(self, ref: Ref) -> list[Any]:
        if ref not in self._chunks:
            chunks = self.known[ref]
            if ref in self.program._rechunk:
                chunks = chunks.rechunked(self.program._rechunk[ref])
            graph, keys = chunks.tasks()
            self.writer.graph.update(graph)
            self._chunks[ref] = keys
        return self._chunks[ref]

    # -- results --------------------------------------------------------------------------------

    def place(self, ref: Ref, alone: bool) -> Place:
        """Return where an output is."""
        spot = self.parts.place.get(ref)
        maker = self.program._made.get(ref)
        if isinstance(spot, Shard):
            if maker is None:
                key = self._join(ref).argument.key
                return self.writer.single(key)
            index = self.program.units[maker].outputs.index(ref)
            return self.writer.joined(self.keys[maker], index, spot.dim, alone)
        if maker is None:
            return Place((), self.known.get(ref), None)
        index = self.program.units[maker].outputs.index(ref)
        return self.writer.place(self.keys[maker][0], index, alone and self.program._apart[maker])

    def effects(self) -> list[Any]:
        """Return the keys of tasks that run for their effect alone."""
        return [k for u, keys in zip(self.program.units, self.keys, strict=True) if not u.outputs
                for k in keys]  # fmt: skip


class OnceTask(RegionTask):
    """Adds up partial results and runs what needs the sums."""

    def __call__(  # type: ignore[override]  # other options
        self,
        values: Sequence[Any],
        sums: Sequence[tuple[int, int]],
        arguments: Sequence[tuple[int | None, int]],
        tick: Callable[[], None] | None = None,
    ) -> tuple[Any, ...]:
        totals = [added(values[start:stop]) for start, stop in sums]
        given = [values[k] if i is None else totals[i][k] for i, k in arguments]
        return super().__call__(given, True, tick)


def added(tuples: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the element-wise sums of tuples of arrays, added from left to right."""
    if len(tuples) == 1:
        return tuples[0]
    out = [np.add(a, b) for a, b in zip(tuples[0], tuples[1], strict=True)]
    for given in tuples[2:]:
        for i, value in enumerate(given):
            out[i] += value
    return tuple(out)


def _joined(values: Sequence[Any], dim: int) -> Any:
    return np.concatenate(values, dim)


def _cut(values: Sequence[Any], place: tuple[slice, ...]) -> Any:
    return values[0][place]
