"""The Dask tasks of one run in shards.

In: a ``ShardedProgram``, the values of its inputs, and where it runs.  Out: the tasks, by a
``Writer``.  A shard is a task; where starting one is slow, shards of little work whose chunks are
on one worker share one.  What makes a chunk runs in the task that takes it, if no other does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmini.chunks import Chunks, is_future, tasks_of
from tfmini.lower import Held, Place, Site, Source, Writer, inner_tasks, task_of
from tfmini.passes.placed import Partial, Shard
from tfmini.plan import Ref
from tfmini.reduction import FAN_IN, added

if TYPE_CHECKING:
    from tfmini.shards import ShardedProgram, Unit


class ShardTasks:
    """Writes the tasks of one run of a sharded program."""

    def __init__(
        self,
        program: ShardedProgram,
        known: Mapping[Ref, Any],
        token: str,
        site: Site | None,
    ) -> None:
        self.program = program
        self.parts = program.parts
        self.known = known
        shared = {r for u in program.units if u.group.sizes is not None for r in u.inputs}
        self.writer = Writer(known, token, shared, site)
        self.keys: list[list[Any]] = []  # unit -> its tasks, one for each shard
        self._site = site
        self._fed = {r: self._cut(r, v) for r, v in known.items() if isinstance(v, Chunks)}
        self._chunks = dict(zip(self._fed, tasks_of(list(self._fed.values())), strict=True))
        if site is not None:
            self._chunks = site.feeds(self._chunks)
        tasks, self._sources = inner_tasks(self._chunks)
        self._inner = {ref: nodes for ref, nodes in tasks.items() if self._taken_once(ref)}
        self._home: dict[int, str] = {}  # of the unit being written: where shards' chunks are
        self._sums: dict[int, list[Source]] = {}
        self._joined: dict[Ref, Any] = {}

    def add(self, number: int) -> None:
        """Write the tasks of a unit."""
        unit = self.program.units[number]
        if unit.group.sizes is None:
            self.keys.append([self._add_once(unit)])
            return
        node, name = unit.group.nodes[-1], unit.group.nodes[-1].info.type
        keys = [self.writer.key(name, node.id, i) for i in range(len(unit.group.sizes))]
        self.keys.append(keys)
        tuples: dict[int, Source] = {}
        picks = any([self._picks(ref) for ref in unit.inputs])
        for group in self._groups(unit, picks):
            tasks = [self._task(unit, shard, keys[shard]) for shard in group]
            key = keys[group[0]] if len(group) == 1 else self.writer.key(name, node.id, *group)
            if picks:
                self.writer.pins.update([(key, self._home[i]) for i in group if i in self._home])
            if len(group) == 1:
                self.writer.graph[key] = tasks[0]
                continue
            self.writer.add_together(key, tasks)
            tuples.update({shard: self.writer.result(key, i) for i, shard in enumerate(group)})
        if tuples:
            alone = [self.writer.result(k, None) for k in keys]
            self._sums[number] = [tuples.get(i, source) for i, source in enumerate(alone)]

    def _task(self, unit: Unit, shard: int, key: Any) -> Any:
        sources = [self._of_shard(r, shard, inside=True) for r in unit.inputs]
        return self.writer.task(key, self.program.task(unit, shard), sources)

    def _groups(self, unit: Unit, picks: bool) -> Sequence[Sequence[int]]:
        """Return which shards run as one task each."""
        shards = range(len(unit.group.sizes or ()))
        if self._site is None:
            return [[i] for i in shards]
        futures = [self._futures(unit.inputs, i) for i in shards]
        homes = enumerate(self._site.homes(futures) if picks else ())
        self._home = {i: home.worker for i, home in homes if home and home.whole}
        if not unit.small_sums or unit.n_sums < len(unit.outputs):
            return [[i] for i in shards]
        return self._site.groups(futures, unit.seconds)

    def _futures(self, refs: Iterable[Ref], shard: int) -> list[Any]:
        """Return the futures that a shard's chunks are, or are made of; none if some are not."""
        out: list[Any] = []
        for ref in refs:
            if ref in self._chunks:
                graph, keys = self._chunks[ref]
                inner = self._inner.get(ref)
                needed = inner[shard].dependencies if inner else [keys[shard]]
                found = [graph.get(k) for k in needed]
                if not found or not all([is_future(f) for f in found]):
                    return []
                out += found
        return out

    def _picks(self, ref: Ref) -> bool:
        """Whether the chunks of ``ref`` are made inside of tasks, of what is elsewhere."""
        needed = [k for task in self._inner.get(ref, ()) for k in task.dependencies]
        return self._site is not None and any([is_future(self._chunks[ref][0][k]) for k in needed])

    def _add_once(self, unit: Unit) -> Any:
        nodes = unit.group.nodes
        key = self.writer.key(nodes[-1].info.type if nodes else "Reduce",
                              nodes[-1].id if nodes else unit.group.level, -1)  # fmt: skip
        sums: dict[int, tuple[int, int]] = {}  # unit -> where its partial results stand
        sources: list[Source] = []
        arguments: list[tuple[int | None, int]] = []
        for ref in unit.inputs:
            origin = self.parts.wholes.get(ref)
            maker = None if origin is None else self.program.made.get(origin)
            if origin and maker is not None and isinstance(self.parts.place[origin], Partial):
                if maker not in sums:
                    tuples = self._sums_of(maker)
                    sums[maker] = (len(sources), len(sources) + len(tuples))
                    sources += tuples
                index = self.program.units[maker].outputs.index(origin)
                arguments.append((list(sums).index(maker), index))
                continue
            arguments.append((None, len(sources)))
            sources.append(self._whole(ref) if origin is None else self._join(origin))
        options = (tuple(sums.values()), tuple(arguments))
        self.writer.add(key, self.program.task(unit, 0), sources, *options)
        return key

    def _sums_of(self, maker: int) -> list[Source]:
        """Return where the tuples are that add up to the partial results of a unit."""
        if maker in self._sums:
            return self._sums[maker]
        unit, keys = self.program.units[maker], self.keys[maker]
        if unit.n_sums < len(unit.outputs):
            keys = [self.writer.part(k, *range(unit.n_sums)) for k in keys]
        level = 0
        while len(keys) > FAN_IN and not unit.small_sums:
            above = []
            for start in range(0, len(keys), FAN_IN):
                key = self.writer.key("Add", unit.group.nodes[-1].id, level, start)
                sources = [self.writer.result(k, None) for k in keys[start : start + FAN_IN]]
                self.writer.add(key, added, sources)
                above.append(key)
            keys, level = above, level + 1
        self._sums[maker] = [self.writer.result(k, None) for k in keys]
        return self._sums[maker]

    def _whole(self, ref: Ref) -> Source:
        """Return the source of a value that is given, or made once."""
        maker = self.program.made.get(ref)
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

    def _of_shard(self, ref: Ref, shard: int, alone: bool = False, inside: bool = False) -> Source:
        """Return the source of what ``shard`` takes for ``ref``.

        ``alone``: not with others; ``inside``: for a task in which a chunk may be made.
        """
        if ref in self.parts.bounds:
            start = sum(self.parts.bounds[ref][:shard])
            return Source((start, start + self.parts.bounds[ref][shard]), None)
        if ref in self.parts.pieces:
            return self._piece(*self.parts.pieces[ref], shard)
        if ref[1] == -1:
            return Source((*self.known[ref], shard), None)
        if ref in self._chunks:
            return self._chunk(ref, shard, inside)
        maker = self.program.made.get(ref)
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

    def _cut(self, ref: Ref, chunks: Chunks) -> Chunks:
        sizes = self.program.rechunk.get(ref)
        return chunks if sizes is None else chunks.rechunked(sizes)

    def _taken_once(self, ref: Ref) -> bool:
        """Whether one unit takes the chunks of ``ref``, and nobody else: they are made inside."""
        program = self.program
        uses = [r for unit in program.units for r in unit.inputs]
        return [*uses, *program.outputs, *self.parts.wholes.values()].count(ref) == 1

    def _chunk(self, ref: Ref, shard: int, inside: bool) -> Source:
        graph, keys = self._chunks[ref]
        label = self._fed[ref].label(shard)
        inner = self._inner.get(ref) if inside else None
        # Else a chunk of which a few rows are picked might be moved to where they are needed.
        if inner is not None and (shard in self._home or not self._picks(ref)):
            return Source(self.writer.chunk(None, inner[shard], label, graph), None)
        node = task_of(graph, keys[shard])
        if node is None or node.key in self._sources:  # others need it, as its own key has it
            self.writer.take(graph, [keys[shard]])
            return self.writer.checked(keys[shard], label)
        key = (*self.writer.key("chunk"), node.key)
        if key not in self.writer.graph:
            self.writer.graph[key] = self.writer.chunk(key, node, label, graph)
            if self._site is not None and self._picks(ref):
                shards = range(len(keys))
                home = self._site.homes([self._futures([ref], i) for i in shards])[shard]
                self.writer.pins.update({key: home.worker} if home else {})
        return self.writer.result(key, None)

    # -- results --------------------------------------------------------------------------------

    def place(self, ref: Ref, alone: bool) -> Place:
        """Return where an output is."""
        spot = self.parts.place.get(ref)
        maker = self.program.made.get(ref)
        if isinstance(spot, Shard):
            if maker is None:
                key = self._join(ref).argument.key
                return self.writer.single(key)
            index = self.program.units[maker].outputs.index(ref)
            return self.writer.joined(self.keys[maker], index, spot.dim, alone)
        if maker is None:
            return Place((), self.known.get(ref), None)
        index = self.program.units[maker].outputs.index(ref)
        return self.writer.place(self.keys[maker][0], index, alone and self.program.apart[maker])

    def effects(self) -> list[Any]:
        """Return the keys of tasks that run for their effect alone."""
        return [k for u, keys in zip(self.program.units, self.keys, strict=True) if not u.outputs
                for k in keys]  # fmt: skip


def _joined(values: Sequence[Any], dim: int) -> Any:
    return np.concatenate(values, dim)


def _cut(values: Sequence[Any], place: tuple[slice, ...]) -> Any:
    return values[0][place]
