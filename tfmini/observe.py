"""Who watches runs: progress, and the time of every region and node.

In: the observers that plugins give for a run (hook ``tfmini_run_observer``).  Out: the run as it is
without them, carried out by functions that take the time after each node.

Times are taken where a region runs and come back beside its values, so they are the same thing on
every executor.  They are told as early as can be: at once in this process, by an event from a
worker of a cluster, and at the end of the run from a pool of processes.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from tfmini import executors
from tfmini.codegen import Function
from tfmini.errors import NodeInfo
from tfmini.lower import Writer
from tfmini.registry import Hook, registry
from tfmini.tasks import RegionTask, received, run_task

if TYPE_CHECKING:
    from tfmini.calls import Call
    from tfmini.session import Session


class RegionInfo(NamedTuple):
    """Nodes that run together: ``name``, the op type of the last, and op type, name and source
    line of each; an element-wise group is one node of a joined type such as ``"Mul+Add"``.  A
    region that only adds up what shards have given is a ``"Sum of parts"`` without nodes."""

    name: str
    nodes: tuple[NodeInfo, ...]


class RegionTime(NamedTuple):
    """What one region took.

    region   which
    start    seconds since the epoch, by the clock of the machine where it ran
    seconds  from its first node to its last; without scheduling and transport
    where    "host:process:thread"
    nodes    seconds of each node, in the order of ``region.nodes``
    """

    region: RegionInfo
    start: float
    seconds: float
    where: str
    nodes: tuple[float, ...]


class Run:
    """One call of ``session.run``, as its observers see it.

    fetches      names of what is fetched
    target       the session's target, "" for the default
    nodes        how many nodes are known to run; grows where a run consists of several programs
    nodes_done   how many of them have run; may be read at any time, from any thread
    """

    def __init__(self, fetches: tuple[str, ...], target: str) -> None:
        self.fetches = fetches
        self.target = target
        self.nodes = 0
        self._finished = 0
        self._ticking: dict[int, list[float]] = {}

    @property
    def nodes_done(self) -> int:
        return self._finished + sum([len(t) for t in list(self._ticking.values())])


class RunObserver:
    """Watches one run; override what is of interest.

    Calls come one at a time, but from whichever thread has something to tell.  What a method
    raises is logged, and the observer is dropped for the rest of the run.
    """

    def planned(self, regions: Sequence[RegionInfo]) -> None:
        """These regions will run next.  Called once or more: a run that first initialises
        variables, or takes from a queue, consists of several programs."""

    def region_done(self, times: RegionTime) -> None:
        """A region has run."""

    def run_done(self, seconds: float, error: BaseException | None) -> None:
        """The run is over: its variables are committed, or it failed with ``error``."""


def watched(
    session: Session, call: Call, values: Iterable[Any], own: Iterable[RunObserver] = ()
) -> Any:
    """Return ``call.run(session, values)``, watched by ``own`` and those observers who want to."""
    names = tuple([t.name for t in call.fetches])
    watch = _Watch(Run(names, session.sess_str))
    watch.observers += [(None, observer) for observer in own]
    if not watch.observers:
        return call.run(session, values)
    outer, _local.watch = _local.watch, watch
    begin = time.perf_counter()
    error: BaseException | None = None
    try:
        return call.run(session, values)
    except BaseException as e:
        error = e
        raise
    finally:
        _local.watch = outer
        watch.close(time.perf_counter() - begin, error)


def current() -> _Watch | None:
    """Return the watch of the run that this thread is in, or None."""
    return _local.watch


def inlined(function: Function) -> Callable[..., tuple[Any, ...]]:
    """Return ``function`` as it is called in this thread: timed where somebody watches."""
    watch = _local.watch
    return function if watch is None else watch.inlined(function)


class _Local(threading.local):
    watch: _Watch | None = None


_local = _Local()


class _Watch:
    """Tells the observers of one run what happens."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.observers: list[tuple[Hook | None, Any]] = []
        self._regions: list[RegionInfo] = []
        self._told: set[int] = set()
        self._lock = threading.RLock()
        for hook in registry.run_observers:
            try:
                observer = hook(run=run)
            except Exception as e:  # noqa: BLE001 - no observer breaks a run
                registry.failed(hook, e, "the run goes on without it")
            else:
                if observer is not None:
                    self.observers.append((hook, observer))

    def inlined(self, function: Function) -> Callable[..., tuple[Any, ...]]:
        """Return ``function``, timed."""

        def timed(*values: Any) -> tuple[Any, ...]:
            (number,) = self._plan([function])
            clock = _Clock(self, number)
            results = function.ticking(clock.tick, *values)
            function.seconds = function.ticking.seconds
            self.tell(number, clock.times())
            return results

        return timed

    def get(
        self, executor: executors.Executor, graph: dict[Any, Any], keys: Sequence[Any]
    ) -> list[Any]:
        """Return the values of ``keys``, with the time taken of each region in ``graph``."""
        regions = {k: t for k, t in graph.items() if _is_region(t)}
        numbers = self._plan([t.args[0].function for t in regions.values()], "Sum of parts")
        topic = f"tfmini-{os.getpid()}-{next(_topics)}"
        timed = Writer({}, topic, set())
        timed.graph.update(graph)
        clocks = []
        for (key, task), number in zip(regions.items(), numbers, strict=True):
            timed.graph[key] = type(task)(key, run_timed, topic, number, *task.args)
            clock = timed.key("times", number)
            timed.graph[clock] = type(task)(clock, _times_of, timed.result(key, None).argument)
            clocks.append(clock)
        with ExitStack() as stack:
            _watches[topic] = self
            stack.callback(_watches.pop, topic)
            stack.enter_context(executors.listening(executor, topic, self._hear))
            results = executor.get(timed.graph, [*keys, *clocks])
        for number, times in zip(numbers, results[len(keys) :], strict=True):
            self.tell(number, times)
        return results[: len(keys)]

    def _plan(self, functions: Sequence[Function], empty: str = "Empty") -> list[int]:
        infos = [tuple([info for info, _ in f.lines.values()]) for f in functions]
        regions = [RegionInfo(nodes[-1].type if nodes else empty, nodes) for nodes in infos]
        with self._lock:
            numbers = list(range(len(self._regions), len(self._regions) + len(regions)))
            self._regions += regions
            self.run.nodes += sum([len(nodes) for nodes in infos])
            self._call("planned", regions)
        return numbers

    def _hear(self, message: Sequence[Any]) -> None:
        number, start, seconds, where, nodes = message
        self.tell(number, _Times(start, seconds, where, tuple(nodes)))

    def began(self, number: int, ticks: list[float]) -> None:
        self.run._ticking[number] = ticks

    def tell(self, number: int, times: _Times) -> None:
        """Tell what region ``number`` took, once."""
        with self._lock:
            if number in self._told:
                return
            self._told.add(number)
            region = self._regions[number]
            self.run._ticking.pop(number, None)
            self.run._finished += len(region.nodes)
            self._call("region_done", RegionTime(region, *times))

    def close(self, seconds: float, error: BaseException | None) -> None:
        with self._lock:
            self._told.update(range(len(self._regions)))  # what comes now comes too late
            self.run._ticking.clear()
            self._call("run_done", seconds, error)
            self.observers.clear()

    def _call(self, method: str, *arguments: Any) -> None:
        for entry in list(self.observers):
            hook, observer = entry
            try:
                getattr(observer, method)(*arguments)
            except Exception as e:
                if hook is None:
                    raise
                self.observers.remove(entry)
                registry.failed(hook, e, "the run goes on without it")


class _Times(NamedTuple):
    """A ``RegionTime`` without its region, as it travels."""

    start: float
    seconds: float
    where: str
    nodes: tuple[float, ...]


class _Timed(tuple[Any, ...]):
    """What a region returns, with what it took: whoever takes the values need not know."""

    times: _Times

    def __reduce__(self) -> Any:
        return _timed, (tuple(self), self.times)


def _timed(values: tuple[Any, ...], times: _Times) -> _Timed:
    out = _Timed(values)
    out.times = times
    return out


def _times_of(results: _Timed) -> _Times:
    return results.times


class _Clock:
    """Takes the time of a region and of each of its nodes, where they run."""

    def __init__(self, watch: _Watch | None, number: int) -> None:
        self._ticks: list[float] = []
        if watch is not None:
            watch.began(number, self._ticks)
        self._start = time.time()
        self._begin = time.perf_counter()

    def tick(self) -> None:
        self._ticks.append(time.perf_counter())

    def times(self) -> _Times:
        end = time.perf_counter()
        nodes = tuple([b - a for a, b in pairwise([self._begin, *self._ticks])])
        where = f"{socket.gethostname()}:{os.getpid()}:{threading.current_thread().name}"
        return _Times(self._start, end - self._begin, where, nodes)


# Runs that are watched in this process, by topic.
_watches: dict[str, _Watch] = {}
_topics = count()


def _is_region(task: Any) -> bool:
    return getattr(task, "func", None) is run_task and isinstance(task.args[0], RegionTask)


def run_timed(topic: str, number: int, task: Any, *arguments: Any) -> _Timed:
    """Do what ``run_task`` does, and take the time."""
    watch = _watches.get(topic)
    clock = _Clock(watch, number)
    results = run_task(partial(received(task), tick=clock.tick), *arguments)
    times = clock.times()
    if watch is not None:
        watch.tell(number, times)
    else:
        executors.announce(topic, [number, *times])
    return _timed(results, times)
