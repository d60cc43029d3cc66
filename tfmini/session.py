"""The session: feeds in, values out, and the state in between.

In: a graph, fetches, feeds.  Out: values that are the caller's own.  A session keeps the values of
the variables, one committed version of them; a run reads that version, and its assignments are
committed together when everything has succeeded, so a failed run changes nothing.

What a run of the same fetches and feeds needs is prepared once, as a ``_Call``: its plan, and a
program for each set of feed shapes.
"""

from __future__ import annotations

import itertools
import os
import threading
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from tfmini import executors, threads
from tfmini.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
)
from tfmini.explain import Explanation
from tfmini.feeds import fed_tensor, feed_converter
from tfmini.fetches import finishers, flatten, frozen, frozen_copy
from tfmini.graph import Graph, get_default_graph
from tfmini.lower import Program, compile_program, to_dask, with_output_keys
from tfmini.nodes import pop_session, push_session
from tfmini.passes import optimized, simplified
from tfmini.plan import Ref, build_plan
from tfmini.registry import registry
from tfmini.spec import TensorSpec

_CACHED_CALLS = 256
# Feeds of more shapes than this share one program that assumes none.
_EXACT_PROGRAMS = 16
_DEFAULT_SEED = 87654321  # TensorFlow's graph seed where only the operation has one


class Session:
    """Runs a graph and keeps its variables.

    Parameters
    ----------
    target : where to run
        None: local threads, or what Dask is set to (an active ``Client``, ``dask.config``);
        "threads", "sync", "processes"; a scheduler's address; a ``Client``; a cluster object.
    graph : Graph, default the default graph
    config : accepted as TensorFlow's; local threads follow the machine
    """

    def __init__(self, target: Any = None, graph: Graph | None = None, config: Any = None) -> None:
        self._executor = executors.resolve(target)
        self._graph = graph or get_default_graph()
        self._target = target
        self._config = config
        self._state: dict[Ref, np.ndarray] = {}
        self._draws: dict[int, int] = {}
        self._calls: dict[Any, _Call] = {}
        self._lock = threading.RLock()
        self._turn = threading.RLock()  # held by runs that change variables or draw numbers
        self._closed = False
        self._blocks: list[Any] = []
        self._entropy = int.from_bytes(os.urandom(8), "little")
        self._token = uuid.uuid4().hex[:8]
        self._runs = itertools.count()
        registry.load_entry_points()

    @property
    def graph(self) -> Graph:
        return self._graph

    @property
    def sess_str(self) -> str:
        return "" if self._target is None else str(self._target)

    # -- running --------------------------------------------------------------------------------

    def run(
        self,
        fetches: Any,
        feed_dict: Mapping[Any, Any] | None = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Return the values of ``fetches``.

        Parameters
        ----------
        fetches : tensor, variable, operation, name, or a list, tuple, dict or namedtuple of them
            The result has the same structure; an operation's place holds None.
        feed_dict : values for placeholders, or in place of any other tensor
            Arrays, numbers or lists; cast to the tensor's dtype and checked against its shape.
        """
        kind = type(fetches)
        key = (
            (kind, *fetches) if kind is list or kind is tuple else fetches,
            tuple(feed_dict) if feed_dict else (),
        )
        try:
            call = self._calls.get(key)
        except TypeError:  # a nested structure is no key
            call = None
        if call is None:
            if feed_dict is not None and not isinstance(feed_dict, Mapping):
                raise InvalidTypeError(
                    None, None, f"feed_dict must be a dict of tensors to values, not {feed_dict!r}."
                )
            call = self._prepare(fetches, tuple(feed_dict or ()), key)
        return call.run(self, feed_dict.values() if feed_dict else ())

    def make_callable(
        self, fetches: Any, feed_list: Sequence[Any] | None = None, accept_options: bool = False
    ) -> Callable[..., Any]:
        """Return a function of the values of ``feed_list``, in order, that returns the fetches."""
        feeds = tuple(feed_list or ())
        call = self._prepare(fetches, feeds, None)

        def run(*values: Any) -> Any:
            if len(values) != len(feeds):
                raise InvalidArgumentError(
                    None, None, f"{len(values)} values given for {len(feeds)} feeds."
                )
            return call.run(self, values)

        return run

    def _prepare(self, fetches: Any, feeds: tuple[Any, ...], key: Any) -> _Call:
        self._check_open()
        long_key = (frozen(fetches), feeds)
        try:
            hash(long_key)
        except TypeError:  # something that can't be fetched: let the call say what
            return _Call(self._graph, fetches, feeds)
        with self._lock:
            call = self._calls.get(long_key)
            if call is None:
                call = _Call(self._graph, fetches, feeds)
                while len(self._calls) >= _CACHED_CALLS:
                    del self._calls[next(iter(self._calls))]
                self._calls[long_key] = call
            if key is not None and _is_key(fetches):
                with suppress(TypeError):
                    self._calls[key] = call
        return call

    def lower(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None
    ) -> tuple[dict[Any, Any], list[Any]]:
        """Return the Dask graph of a run and the keys of its results, without running it.

        The results are the tensors fetched, in order, then the new values of variables.
        """
        call = self._prepare(fetches, tuple(feed_dict or ()), None)
        values = call.feed_values((feed_dict or {}).values())
        program = call.program(values)
        state = {**self._missing(call.reads), **self._state}
        values += [*[state[v] for v in call.reads], *call.streams(self)]
        token = self._run_token()
        lowered = to_dask(program, dict(zip(program.inputs, values, strict=True)), token)
        return with_output_keys(lowered, token)

    def explain(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Explanation:
        """Return how a run of ``fetches`` with feeds of these shapes is carried out.

        Nothing runs.  Print the result for a table of regions: their nodes, the reason for each,
        its estimated cost, and the measured one if it has run here before.
        """
        call = self._prepare(fetches, tuple(feed_dict or ()), None)
        return Explanation(call.program(call.feed_values((feed_dict or {}).values())))

    def _run_token(self) -> str:
        return f"{self._token}-{next(self._runs)}"

    def _execute(self, program: Program, values: Sequence[Any]) -> Sequence[Any]:
        """Run ``program`` on the values of its inputs and return those of its outputs."""
        inline = program.inline
        if inline is not None and executors.runs_inline(self._executor):
            if program.one_blas_thread:
                with threads.blas.at_most(1):
                    return inline(*values)
            return inline(*values)
        lowered = to_dask(
            program, dict(zip(program.inputs, values, strict=True)), self._run_token()
        )
        executor = self._executor or executors.current()
        return lowered.collect(executor.get(lowered.graph, lowered.keys))

    # -- state ----------------------------------------------------------------------------------

    def _missing(self, variables: Iterable[Ref]) -> dict[Ref, np.ndarray]:
        """Return initial values for those of ``variables`` that have no value yet.

        They are part of the run that needs them: not committed unless it succeeds.
        """
        fresh: dict[Ref, np.ndarray] = {}
        pending = [v for v in variables if v not in self._state]
        while pending:
            ref = pending[-1]
            if ref in fresh:
                pending.pop()
                continue
            variable: Any = self._graph._operations[ref[0]].outputs[0]
            sub = self._prepare(variable.initial_value, (), None)
            needs = [v for v in sub.reads if v not in self._state and v not in fresh]
            if needs:
                pending.extend(needs)
                continue
            fresh[ref] = sub.evaluate(self, fresh)
            pending.pop()
        return fresh

    def _commit(self, values: dict[Ref, Any], drawn: Iterable[int]) -> None:
        with self._lock:
            if values:
                self._state = {**self._state, **values}
            for node in drawn:
                self._draws[node] = self._draws.get(node, 0) + 1

    # -- life -----------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise FailedPreconditionError(
                None, None, "the session is closed; its variables are gone. Make a new Session."
            )

    def close(self) -> None:
        """Forget the variables and release what the session has opened."""
        self._closed = True
        self._calls.clear()
        self._state = {}
        if self._executor is not None:
            self._executor.close()

    def as_default(self) -> _DefaultSession:
        """Make this the default session: for a ``with`` block that does not close it."""
        return _DefaultSession(self)

    def __enter__(self) -> Session:
        self._check_open()
        guard = self._graph.as_default()
        guard.__enter__()
        self._blocks.append(guard)
        push_session(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pop_session(self)
        self._blocks.pop().__exit__(*exc)
        self.close()

    def __repr__(self) -> str:
        where = self._executor.name if self._executor else "local"
        return f"<tf.Session {where}, {len(self._state)} variables>"


class InteractiveSession(Session):
    """A session that is the default from its construction to ``close``."""

    def __init__(self, target: Any = None, graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._guard = None if graph is None else graph.as_default()
        if self._guard is not None:
            self._guard.__enter__()
        push_session(self)

    def close(self) -> None:
        pop_session(self)
        if self._guard is not None:
            self._guard.__exit__()
            self._guard = None
        super().close()


class _DefaultSession:
    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        push_session(self._session)
        return self._session

    def __exit__(self, *_exc: object) -> None:
        pop_session(self._session)


def _is_key(fetches: Any) -> bool:
    """Whether fetches equal to these have the same structure: a namedtuple equals a tuple."""
    if type(fetches) in (list, tuple):
        return not any([isinstance(f, tuple) for f in fetches])
    return not isinstance(fetches, tuple)


class _Call:
    """One set of fetches and feeds, ready to run."""

    def __init__(self, graph: Graph, fetches: Any, feeds: tuple[Any, ...]) -> None:
        self.fetches, self.rebuild = flatten(graph, fetches)
        self.feeds = [fed_tensor(graph, f) for f in feeds]
        self._convert = [feed_converter(t) for t in self.feeds]
        plan = build_plan(self.fetches, self.feeds, graph_seed=graph.seed)
        plan = self.plan = simplified(plan)
        self.reads = plan.variables
        self.random = tuple([n for n in plan.nodes if n.opdef.random])
        self.updates = tuple([v for v, _ in plan.updates])
        self._programs: dict[Any, Program] = {}
        self._writes = bool(self.updates or self.random)
        #: ``run(session, values of the feeds)`` returns the values of the fetches.
        self.run = self._run_in_turn if self._writes else self._run
        self._untyped = any([t.spec.dtype is None for t in self.feeds])
        self._n = len(plan.fetches)

    def _run_in_turn(self, session: Session, given: Iterable[Any]) -> Any:
        # From reading the state to the commit: of two runs at once, neither update may be lost.
        with session._turn:
            return self._run(session, given)

    def _run(self, session: Session, given: Iterable[Any]) -> Any:
        if session._closed:
            session._check_open()
        values = [convert(v) for convert, v in zip(self._convert, given)]  # noqa: B905
        if self._untyped:
            program = self.program(values)
        else:
            program = self._programs.get(tuple([v.shape for v in values])) or self.program(values)
        fresh: dict[Ref, Any] = {}
        if self.reads:
            state = session._state
            try:
                values += [state[v] for v in self.reads]
            except KeyError:
                fresh = session._missing(self.reads)
                values += [fresh[v] if v in fresh else state[v] for v in self.reads]
        if self.random:
            values += self.streams(session)
        results = session._execute(program, values)
        if self._writes or fresh:
            new = dict(zip(self.updates, results[self._n :], strict=True))
            session._commit({**fresh, **new}, [node.id for node in self.random])
        if program.finish or self.updates:
            results = list(results[: self._n])
            for i, finish in program.finish:
                results[i] = finish(results[i])
        return self.rebuild(results)

    def evaluate(self, session: Session, fresh: dict[Ref, np.ndarray]) -> np.ndarray:
        """Return the value of the single fetch, reading ``fresh`` on top of the state."""
        program = self.program([])
        state = {**session._state, **fresh}
        inputs = [*[state[v] for v in self.reads], *self.streams(session)]
        return frozen_copy(session._execute(program, inputs)[0])

    def feed_values(self, given: Iterable[Any]) -> list[Any]:
        """Return the caller's feeds, cast and checked."""
        return [convert(v) for convert, v in zip(self._convert, given)]  # noqa: B905

    def streams(self, session: Session) -> list[tuple[int, int, int]]:
        return [_stream(session, n.seed) for n in self.random]

    def program(self, values: Sequence[Any]) -> Program:
        """Return the program for feeds of these shapes, and dtypes where a tensor has none."""
        key: Any = tuple([v.shape for v in values])
        if self._untyped:
            key = (key, *[v.dtype for v in values])
        program = self._programs.get(key) or self._programs.get(None)
        if program is None:
            program = self._compile(key, values)
        return program

    def _compile(self, key: Any, values: Sequence[Any]) -> Program:
        specs = None
        if len(self._programs) < _EXACT_PROGRAMS:
            specs = {
                ref: TensorSpec.of(value)
                for ref, value in zip(self.plan.feeds, values, strict=True)
            }
        plan, regions = optimized(self.plan, specs, threads.CPU_COUNT)
        program = replace(compile_program(plan, regions, self.plan), finish=finishers(plan))
        self._programs[None if specs is None else key] = program
        return program


def _stream(session: Session, seed: tuple[int | None, Any, int]) -> tuple[int, int, int]:
    """Return the key of a random node's stream in this run.

    A stream depends on the graph's seed, the node's seed or name, and how often the session has
    run this node; nothing else.
    """
    graph_seed, own, node = seed
    if graph_seed is None:
        graph_seed = _DEFAULT_SEED if isinstance(own, int) else session._entropy
    word = own if isinstance(own, int) else zlib.crc32(str(own).encode()) | 1 << 32
    return graph_seed % 2**64, word % 2**64, session._draws.get(node, 0)
