"""What a session has on a cluster: functions, the values of variables, and how to get them back.

In: programs and the values that they take.  Out: the values fetched; those of variables stay where
they were made, as ``Held``.  Workers get functions and values by reference, once; steps send keys.

The state is versioned and nothing on a worker is ever changed.  A step is a function of a version,
of feeds and of streams; its commit is one rebinding, after all its results are in memory.  Every so
many commits the values are copied here and placed anew: Dask then forgets how they came about.  In
between it recomputes what a lost worker had.  If what was placed is lost itself, the last copy is
placed again and the steps since are run again: the same functions of the same values.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from tfmini.chunks import Chunks
from tfmini.errors import FailedPreconditionError, InvalidArgumentError, OpError, UnavailableError
from tfmini.executors import Cluster, pinned
from tfmini.locality import Home, Locality
from tfmini.lower import Held, Lowered
from tfmini.placing import PLACED_BYTES, Graph, Placing
from tfmini.plan import Ref
from tfmini.preflight import Preflight
from tfmini.spec import TensorSpec
from tfmini.store import Store
from tfmini.tasks import RegionTask

# What a function may carry with it: constants of the graph.
FUNCTION_BYTES = 64 << 20
# Steps are remembered, with their feeds, up to so many bytes.
_HISTORY_BYTES = 256 << 20
# How often a run is tried again when workers are lost under it.
_ATTEMPTS = 12


class _TaskError(Exception):
    """A task has raised ``error``: not the cluster, which may raise the like."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class LostData(Exception):
    """Something that was placed on the cluster is gone.

    ``weight`` is how many attempts it counts: a task that kills its workers is not tried for long.
    """

    def __init__(self, error: BaseException, weight: int) -> None:
        super().__init__(str(error))
        self.weight = weight


class Job(NamedTuple):
    """One run of a program, apart from the values of variables.

    values   the inputs: feeds, variables (any), streams
    start    where the variables begin among them
    reads    the variables
    updates  the variables that get the outputs after the fetches
    """

    program: Any
    values: Sequence[Any]
    start: int
    reads: Sequence[Ref]
    updates: Sequence[Ref]
    n_fetches: int


class Remote:
    """One session's part of one cluster."""

    def __init__(
        self, executor: Cluster, store: Store, token: Callable[[], str], every: int, upload: bool
    ) -> None:
        self.executor = executor
        self.client = executor.client
        self.snapshot: dict[Ref, Any] = {}
        self._store = store
        self._token = token
        self._every = every
        self._history: list[Job] = []
        self._history_bytes = 0
        self._locality = Locality(self.client)
        self._placing = Placing(self.client)
        # The task -> where it is, as long as some program may run it.
        self._functions: WeakKeyDictionary[RegionTask, Any] = WeakKeyDictionary()
        self._roots: dict[Ref, tuple[Any, Held]] = {}  # values placed, and where
        self._preflight = Preflight(self.client, upload)
        self._guarded(self._preflight.first)

    # -- running --------------------------------------------------------------------------------

    def run(self, job: Job, keep: bool = False) -> list[Any]:
        """Return the outputs: the values fetched, and a ``Held`` for each update.

        ``keep``: what is fetched in shards is left there, as Dask arrays.
        """
        left = _ATTEMPTS
        while True:
            try:
                return self._attempt(job, self._store.values, keep)
            except LostData as lost:
                left -= lost.weight
                if left < 0:
                    raise UnavailableError(
                        None,
                        None,
                        f"workers of {self.executor.address} were lost again and again during "
                        f"one run: {lost}. No variable has changed.{self._hint()}",
                    ) from lost
                self._restore()

    def _hint(self) -> str:
        """Return what may be wrong where workers die of a run."""
        memory = self._preflight.memory
        if not memory:
            return ""
        return (
            f" If they die of the run itself: what a task takes and makes must fit into a worker's "
            f"memory, here limited to {memory / 1e9:.2g} GB; feed smaller chunks."
        )

    def record(self, job: Job) -> None:
        """Remember a run whose updates are committed; copy the state here when it is time."""
        if not job.updates:
            return
        for ref in job.updates:
            self._roots.pop(ref, None)
        values = list(job.values)
        values[job.start : job.start + len(job.reads)] = [None] * len(job.reads)
        # The caller may write to his arrays again.
        values = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
        self._history.append(job._replace(values=values))
        self._history_bytes += sum([v.nbytes for v in values if isinstance(v, np.ndarray)])
        if len(self._history) >= self._every or self._history_bytes > _HISTORY_BYTES:
            with suppress(UnavailableError):  # the run is done; it is the next one's misfortune
                self.checkpoint()

    def _inputs(self, job: Job, state: Mapping[Ref, Any]) -> list[Any]:
        """Return the values of ``job`` with the variables' in place, large ones placed."""
        end = job.start + len(job.reads)
        feeds = [self._fed(v) for v in job.values[: job.start]]
        own = job.values[job.start : end]
        given = [state.get(r, v) for r, v in zip(job.reads, own, strict=True)]
        return [*feeds, *self._rooted(job.reads, given), *job.values[end:]]

    def _fed(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and _nbytes(value) >= PLACED_BYTES:
            return Held(self._placing.scattered([value])[0], None)
        return value

    def _rooted(self, refs: Iterable[Ref], values: Iterable[Any]) -> list[Any]:
        """Return the values of variables as they are on the cluster; those that are not there yet
        are placed, and count as part of the last snapshot."""
        pairs = list(zip(refs, values, strict=True))
        fresh = {r: v for r, v in pairs if not isinstance(v, Held)}
        if fresh:
            with self._store.turn:
                fresh = self._moved(fresh)
        return [fresh.get(r, v) for r, v in pairs]

    def _moved(self, fresh: Mapping[Ref, Any]) -> dict[Ref, Any]:
        """Return values of this process as they are on the cluster from now on."""
        there = {r: self._roots[r][1] for r, v in fresh.items() if self._is_root(r, v)}
        new = {r: v for r, v in fresh.items() if r not in there}
        if self._history and not self.snapshot.keys().isdisjoint(new):
            self.checkpoint()  # set from elsewhere: steps before must not be run again with it
        placed = {**there, **self._place(new)}
        self._roots.update({r: (v, placed[r]) for r, v in new.items()})
        self.snapshot.update(new)
        committed = {r: placed[r] for r, v in fresh.items() if self._store.values.get(r) is v}
        self._store.commit(committed)
        return placed

    def _is_root(self, ref: Ref, value: Any) -> bool:
        return ref in self._roots and self._roots[ref][0] is value

    def _place(self, values: Mapping[Ref, Any]) -> dict[Ref, Held]:
        if not values:
            return {}
        futures = self._guarded(lambda: self._placing.scattered(list(values.values())))
        return {r: Held(f, None) for r, f in zip(values, futures, strict=True)}

    def local(self, values: Iterable[Any]) -> list[Any]:
        """Return values of which some may be held on the cluster as they are for this process."""
        given = list(values)
        held = {i: v for i, v in enumerate(given) if isinstance(v, Held)}
        for i, value in self._brought(held).items():
            given[i] = value
        return given

    def _attempt(self, job: Job, state: Mapping[Ref, Any], keep: bool = False) -> list[Any]:
        """Run once and wait until every result is in memory."""

        def attempt() -> list[Any]:
            inputs = self._inputs(job, state)
            lowered = job.program.to_dask(inputs, self._token(), self)
            return self._collect(job, lowered, keep)

        try:
            return self._guarded(attempt)
        except UnavailableError:
            raise
        except Exception as e:
            fed = [v for v in job.values[: job.start] if isinstance(v, Chunks)]
            elsewhere = [self.executor.elsewhere(v.tasks()[0].values()) for v in fed]
            found = [*elsewhere, *[v.spoiled() for v in fed]]
            spoiled = next((error for error in found if error), None)
            if spoiled is not None:
                raise spoiled from e
            raise

    def _collect(self, job: Job, lowered: Lowered, keep: bool) -> list[Any]:
        places = lowered.places[: job.n_fetches]
        stay = {i for i, p in enumerate(places) if keep and p.dim is not None}
        fetched = {k: None for i, p in enumerate(places) if i not in stay for k in p.keys}
        futures: list[Any] = []
        try:
            with pinned(lowered.pins):
                futures = self.client.get(lowered.graph, lowered.keys, sync=False)
            error = self.executor.failure(futures)
            if error is not None:
                raise _TaskError(error)
            values = self.client.gather([futures[i] for i in fetched])
            results = dict(zip(fetched, values, strict=True))
        except BaseException:
            # What nobody wants is dropped, running or not.  To cancel it would end in an error of
            # the scheduler's where others of its tasks depend on it, and lose all of the client's.
            for future in futures:
                future.release()
            raise
        outputs = [
            job.program.kept(i, p, futures) if i in stay else Lowered.value(p, results)
            for i, p in enumerate(places)
        ]
        outputs = self.local(outputs)  # a variable itself is fetched
        for place in lowered.places[job.n_fetches :]:
            here = place.keys and Held(futures[place.keys[0]], place.index)
            outputs.append(here or place.index)
        return outputs

    def _guarded(self, act: Callable[[], Any]) -> Any:
        """Return what ``act`` returns; LostData where data on the cluster are gone.

        A worker that has joined since the last look, without tfmini, is named.
        """
        from distributed import CancelledError as FutureCancelledError
        from distributed import KilledWorker

        self.executor.check()
        try:
            return act()
        except _TaskError as e:
            error = e.error
        except (FutureCancelledError, KilledWorker) as e:
            error = e
        except OpError:
            raise
        except (OSError, TimeoutError) as e:
            if not isinstance(e, TimeoutError) and self.executor.answers():
                raise LostData(e, 1) from e  # only a worker
            raise self.executor.lost(e) from e
        if isinstance(error, (FutureCancelledError, KilledWorker)):
            if self.client.status != "running":
                raise self.executor.lost(error) from error
            raise LostData(error, _ATTEMPTS if isinstance(error, KilledWorker) else 1) from error
        if isinstance(error, (ImportError, AttributeError)):
            self._preflight.tfmini("No variable has changed.")
            if getattr(error, "name", None) == "tfmini":
                raise LostData(error, 1) from error  # whoever lacked it has left
        raise error

    def publish(self, task: RegionTask) -> Any:
        """Return where workers find ``task``, which is computed anew if a worker is lost."""
        if task not in self._functions:
            self._preflight.packages(task.packages)
            if len(task.packed) > FUNCTION_BYTES:
                raise _too_large(task)
            key = f"function-{self._token()}"
            self._functions[task] = self.client.submit(tuple, list(task.sent), key=key)
        return self._functions[task]

    def feeds(self, graphs: Mapping[Ref, Graph]) -> dict[Ref, Graph]:
        """Return the graphs of feeds in chunks with futures for their arrays; see ``Placing``."""
        before = self._placing.nbytes
        placed = self._placing.feeds(graphs)
        self._history_bytes += self._placing.nbytes - before  # steps keep their feeds
        return placed

    def groups(self, shards: Sequence[Sequence[Any]], seconds: float) -> list[list[int]]:
        """Return which shards run as one task each; see ``Locality.groups``."""
        return self._locality.groups(shards, seconds)

    def homes(self, shards: Sequence[Sequence[Any]]) -> Sequence[Home | None]:
        """Return where the chunks of each shard are; see ``Locality.homes``."""
        return self._locality.homes(shards)

    # -- state ----------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Copy the variables here and place them anew, so that Dask forgets the steps before."""
        self._locality.forget()
        with self._store.turn:
            for _ in range(_ATTEMPTS):
                try:
                    brought = self._brought(self._store.values)
                    # At once: an interrupt in between would have steps run again on top of them.
                    self.snapshot, self._history, self._history_bytes = brought, [], 0
                    self._store.commit(self._place(self.snapshot))
                    return
                except LostData:
                    self._restore()
        raise UnavailableError(None, None, "workers were lost again and again; try later.")

    def bring(self) -> None:
        """Make the variables' values this process's own again."""
        with self._store.turn:
            for _ in range(_ATTEMPTS):
                try:
                    self._store.commit(self._brought(self._store.values))
                    return
                except LostData:
                    self._restore()
        raise UnavailableError(None, None, "workers were lost again and again; try later.")

    def _brought(self, state: Mapping[Any, Any]) -> dict[Any, Any]:
        held = {r: v for r, v in state.items() if isinstance(v, Held)}

        def gather() -> list[Any]:
            parts = [
                v.future if v.item is None
                else self.client.submit(operator.getitem, v.future, v.item, pure=False)
                for v in held.values()
            ]  # fmt: skip
            return list(self.client.gather(parts))

        return dict(zip(held, self._guarded(gather) if held else [], strict=True))

    def _restore(self) -> None:
        """Place the last snapshot again, and run the steps since once more."""
        self._locality.forget()
        with self._store.turn:
            self._replay()

    def _replay(self) -> None:
        for _ in range(_ATTEMPTS):
            self._functions.clear()
            self._roots.clear()
            self._placing.forget()
            try:
                state: dict[Ref, Any] = dict(self._place(self.snapshot))
                for number, job in enumerate(self._history):
                    outputs = self._again(job, state, number)
                    state.update(zip(job.updates, outputs[job.n_fetches :], strict=True))
            except LostData:
                continue
            have = self._store.values
            self._store.commit({r: v for r, v in state.items() if r in have})
            return
        raise UnavailableError(
            None,
            None,
            f"workers of {self.executor.address} were lost again and again while the state was "
            f"restored. Session.last_snapshot has the variables of {len(self._history)} commits "
            f"ago.",
        )

    def _again(self, job: Job, state: Mapping[Ref, Any], number: int) -> list[Any]:
        try:
            return self._attempt(job, state)
        except UnavailableError:
            raise
        except OpError as e:
            raise FailedPreconditionError(
                None,
                None,
                f"the variables were lost with their workers, and step {number + 1} of the "
                f"{len(self._history)} since they were last copied here can't be run again: {e} "
                f"Session.last_snapshot has the variables as they were before these steps.",
            ) from e

    def close(self) -> None:
        """Free what was placed."""
        self._functions.clear()
        self._roots.clear()
        self._history.clear()
        self._placing.forget()


def _too_large(task: RegionTask) -> InvalidArgumentError:
    """Return the error for a task that carries more than it may."""
    info, value = task.largest
    return InvalidArgumentError(
        info,
        None,
        f"a constant here is {TensorSpec.of(value)!r}, {getattr(value, 'nbytes', 0) / 1e6:.1f} MB, "
        f"and a task of the plan carries {len(task.packed) / 1e6:.1f} MB of them; the limit for "
        f"what is sent with a task is {FUNCTION_BYTES / 1e6:.1f} MB. Feed it to a placeholder, or "
        f"make it a variable: these are placed on the cluster, and tasks get keys.",
    )


def _nbytes(array: np.ndarray) -> int:
    if array.dtype.hasobject:  # strings, which may be files
        return sum([sys.getsizeof(v) for v in array.flat])
    return array.nbytes
