"""The tasks of one run as a Dask graph.

In: what the tasks call and take, told to a ``Writer``.  Out: ``Lowered``: the graph, and where in
its results the outputs are.  This is the only module that imports ``dask._task_spec``.

A region becomes one ``Task`` whose key is ``(f"{op type}-{run token}", node id)`` with the type and
id of the region's last node.  The token makes keys unique to a run: Dask compares keys by name
only, and would return an older run's value while somebody holds its future.
"""

from __future__ import annotations

import operator
import pkgutil
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfmini.chunks import Label, checked_chunk, is_future, made_chunk
from tfmini.plan import Ref
from tfmini.tasks import RegionTask, name_of, pick, run_task, together

# Python values beyond this many bytes get a key of their own, so that tasks share one copy.
_EMBED_BYTES = 1 << 10


class Site(Protocol):
    """A cluster, as those know it who write graphs for it.

    publish  puts a task's function there, once, and returns what stands for it in a graph
    feeds    puts arrays of feeds in chunks there, and returns graphs with what stands for them
    groups   returns which shards run as one task each; see ``locality.Locality``
    homes    returns where the chunks of each shard are
    """

    def publish(self, task: RegionTask) -> Any: ...

    def feeds(self, graphs: Mapping[Ref, Any]) -> dict[Ref, Any]: ...

    def groups(self, shards: Sequence[Sequence[Any]], seconds: float) -> list[list[int]]: ...

    def homes(self, shards: Sequence[Sequence[Any]]) -> Sequence[Any]: ...


class Held(NamedTuple):
    """A value that is elsewhere: a future's result, or one element of that."""

    future: Any
    item: int | None


class Source(NamedTuple):
    """Where a task finds a value: what to give Dask, and which element of its result."""

    argument: Any
    item: int | None


class Place(NamedTuple):
    """Where an output is: in the results of ``keys`` (numbers of them) at ``index``.

    Several keys: its shards, to be joined along ``dim``.  No key: ``index`` is the value itself.
    """

    keys: tuple[int, ...]
    index: Any
    dim: int | None


@dataclass(frozen=True, slots=True)
class Lowered:
    """One run as a Dask graph.

    graph    its tasks
    keys     the tasks whose results the caller needs, each a tuple of values
    places   where each of the program's outputs is
    pins     the worker where a task is best run, for some of the tasks
    """

    graph: dict[Any, Any]
    keys: list[Any]
    places: list[Place]
    pins: dict[Any, str]

    def collect(self, results: Sequence[Any]) -> list[Any]:
        """Return the program's outputs from the results of ``keys``."""
        return [self.value(place, results) for place in self.places]

    @staticmethod
    def value(place: Place, results: Any) -> Any:
        """Return the output at ``place``; ``results`` by the numbers of their keys."""
        if not place.keys:
            return place.index
        if place.dim is None:
            result = results[place.keys[0]]
            return result if place.index is None else result[place.index]
        return np.concatenate([results[i][place.index] for i in place.keys], place.dim)


class Writer:
    """Writes the tasks of one run."""

    def __init__(
        self,
        known: Mapping[Ref, Any],
        token: str,
        shared: set[Ref],
        site: Site | None = None,
    ) -> None:
        self._site = site
        self.graph: dict[Any, Any] = {}
        self.pins: dict[Any, str] = {}
        self.token = token
        self._known = known
        self._shared = shared  # leaves that several tasks take
        self._needed: dict[Any, int] = {}

    def key(self, name: str, *numbers: int) -> tuple[Any, ...]:
        return (f"{name}-{self.token}", *numbers)

    def leaf(self, ref: Ref) -> Source:
        """Return the source of a value that the run is given."""
        from dask._task_spec import DataNode, TaskRef

        value = self._known[ref]
        if isinstance(value, Held):
            return Source(value.future, value.item)
        if ref not in self._shared or getattr(value, "nbytes", 0) <= _EMBED_BYTES:
            return Source(value, None)
        key = self.key("input", *ref)
        if key not in self.graph:
            self.graph[key] = DataNode(key, value)
        return Source(TaskRef(key), None)

    def result(self, key: Any, index: int | None) -> Source:
        """Return the source of an element of what task ``key`` returns."""
        from dask._task_spec import TaskRef

        return Source(TaskRef(key), index)

    def add(self, key: Any, task: Any, sources: Sequence[Source], *options: Any) -> None:
        """Add a task that calls ``task`` with the values of ``sources``."""
        self.graph[key] = self.task(key, task, sources, *options)

    def add_together(self, key: Any, tasks: Sequence[Any]) -> None:
        """Add a task that runs several one after the other and returns all results."""
        self.graph[key] = self._task(key, together, *tasks)

    def task(self, key: Any, task: Any, sources: Sequence[Source], *options: Any) -> Any:
        """Return a task that calls ``task`` with the values of ``sources``."""
        picks = tuple([s.item for s in sources])
        arguments = [s.argument for s in sources]
        if self._site is not None:
            task = self._site.publish(task) if isinstance(task, RegionTask) else name_of(task)
        return self._task(key, run_task, task, picks, options, *arguments)

    def _task(self, key: Any, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return a task that calls ``function``: by its name where it may be missing."""
        from dask._task_spec import Task

        node = Task(key, function, *arguments)
        if self._site is not None:
            node = _by_name(node)
        if key is not None:  # they are unique: Dask need not hash all arguments in each run
            node._token = str(key)
        return node

    def take(self, graph: Mapping[Any, Any], keys: Iterable[Any]) -> None:
        """Add the tasks of ``keys``, and those that they need, from a user's graph."""
        self.graph.update({key: graph[key] for key in _needed(graph, keys, self.graph)})

    def chunk(self, key: Any, node: Any, label: Label, graph: Mapping[Any, Any]) -> Any:
        """Return the task that makes a chunk by the task ``node`` of a user's graph; an error
        names it.  ``key`` None: to be an argument of another task.
        """
        from dask._task_spec import TaskRef

        taken = tuple(sorted(node.dependencies, key=str))
        named = [graph[k].key if is_future(graph[k]) else k for k in taken]
        self.take(graph, named)
        refs = [TaskRef(k) for k in named]
        return self._task(key, made_chunk, (node,), taken, label, *refs)

    def checked(self, key: Any, label: Label) -> Source:
        """Return the source of the chunk that is the result of ``key``."""
        from dask._task_spec import TaskRef

        return Source(self._task(None, checked_chunk, TaskRef(key), label), None)

    def place(self, key: Any, index: int, alone: bool) -> Place:
        """Return the place of an element of a task's result, by itself if ``alone``."""
        part = self._need(self.part(key, index) if alone else key)
        return Place((part,), 0 if alone else index, None)

    def single(self, key: Any) -> Place:
        """Return the place of a task's whole result."""
        return Place((self._need(key),), None, None)

    def joined(self, keys: Sequence[Any], index: int, dim: int, alone: bool) -> Place:
        """Return the place of what the results of several tasks have at ``index``, joined."""
        parts = [self._need(self.part(k, index) if alone else k) for k in keys]
        return Place(tuple(parts), 0 if alone else index, dim)

    def part(self, key: Any, *indices: int) -> Any:
        """Return the key of some elements of a task's result, as a tuple."""
        from dask._task_spec import TaskRef

        # Longer than others: a type may be called "output".
        part = (f"output-{self.token}", *key, *indices)
        if part not in self.graph:
            self.graph[part] = self._task(part, pick, TaskRef(key), indices)
        return part

    def _need(self, key: Any) -> int:
        return self._needed.setdefault(key, len(self._needed))

    def lowered(self, places: list[Place], effects: Iterable[Any]) -> Lowered:
        for key in effects:
            self._need(key)
        return Lowered(self.graph, list(self._needed), places, self.pins)


def _by_name(node: Any) -> Any:
    """Return a task that imports the function of ``node`` when it runs."""
    from dask._task_spec import Task

    found = Task(None, pkgutil.resolve_name, name_of(node.func))
    return Task(node.key, operator.call, found, *node.args)


def portable(node: Any) -> Any:
    """Return a task, with all in it, so that it can be read where tfmini is missing."""
    from dask._task_spec import Task

    if isinstance(node, RegionTask):
        return node.sent
    if isinstance(node, FunctionType):
        return name_of(node) if _is_own(node) else node
    if not isinstance(node, Task) or not _is_own(node.func):
        return node
    return _by_name(Task(node.key, node.func, *[portable(a) for a in node.args]))


def _is_own(function: Any) -> bool:
    return isinstance(function, FunctionType) and function.__module__.startswith("tfmini.")


def task_of(graph: Mapping[Any, Any], key: Any) -> Any:
    """Return the task of ``key``, or of that for which it is another name; None if it is data, or
    takes what is not in ``graph``."""
    from dask._task_spec import Alias, Task, convert_legacy_task

    node = convert_legacy_task(key, graph[key], graph)
    while type(node) is Alias and node.target in graph and not is_future(graph[node.target]):
        node = convert_legacy_task(node.target, graph[node.target], graph)
    return node if isinstance(node, Task) and graph.keys() >= node.dependencies else None


def inner_tasks(
    graphs: Mapping[Ref, tuple[Mapping[Any, Any], Sequence[Any]]],
) -> tuple[dict[Ref, Any], set[Any]]:
    """Return the tasks of feeds' chunks for use as arguments of others, each inside of another;
    and the keys of what they are made of.

    Not the tasks of a feed some of whose chunks others take too: they would be computed again.
    """
    found = {ref: [task_of(graph, k) for k in keys] for ref, (graph, keys) in graphs.items()}
    counts = Counter([n.key for nodes in found.values() for n in nodes if n is not None])
    sources: set[Any] = set()
    for graph in {id(graph): graph for graph, _ in graphs.values()}.values():
        mine = [n for ref, nodes in found.items() if graphs[ref][0] is graph for n in nodes]
        sources |= _needed(graph, [k for n in mine if n is not None for k in n.dependencies])
    alone = {key for key, count in counts.items() if count == 1} - sources
    inner = {
        ref: nodes
        for ref, nodes in found.items()
        if all([n is not None and n.key in alone for n in nodes])
    }
    return inner, sources


def _needed(graph: Mapping[Any, Any], keys: Iterable[Any], known: Container[Any] = ()) -> set[Any]:
    """Return ``keys`` and those of all that is needed for them, but for what is ``known``."""
    from dask.core import keys_in_tasks

    stack, found = list(keys), set()
    while stack:
        key = stack.pop()
        if key not in found and key not in known:
            found.add(key)
            stack += keys_in_tasks(graph, [graph[key]])
    return found


def with_output_keys(lowered: Lowered, token: str) -> tuple[dict[Any, Any], list[Any]]:
    """Return the graph with a key for each output, for use in other Dask graphs."""
    from dask._task_spec import DataNode, Task, TaskRef

    graph = dict(lowered.graph)
    keys: list[Any] = []
    for number, place in enumerate(lowered.places):
        key = (f"output-{token}", number, 0, 0)
        if not place.keys:
            graph[key] = DataNode(key, place.index)
        else:
            parts = [TaskRef(lowered.keys[i]) for i in place.keys]
            graph[key] = Task(key, _joined, place.index, place.dim, *parts)
        keys.append(key)
    return graph, keys


def _joined(index: int, dim: int | None, *results: tuple[Any, ...]) -> Any:
    place = Place(tuple(range(len(results))), index, dim)
    return Lowered.value(place, results)
