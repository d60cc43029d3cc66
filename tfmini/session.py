"""The session: feeds in, values out, and the state in between.

In: a graph, fetches, feeds.  Out: values that are the caller's own.  A session keeps the values of
the variables, one committed version of them; a run reads that version, and its assignments are
committed together when everything has succeeded, so a failed run changes nothing.

What a run of the same fetches and feeds needs is prepared once, as a ``Call``.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tfmini import executors, observe, threads, tracing
from tfmini.calls import AnyProgram, Call
from tfmini.devices import Device, devices
from tfmini.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
)
from tfmini.explain import Explanation
from tfmini.fetches import frozen, frozen_copy
from tfmini.graph import Graph, get_default_graph
from tfmini.lower import Held, with_output_keys
from tfmini.nodes import pop_session, push_session
from tfmini.partial import PartialRun
from tfmini.plan import Ref
from tfmini.registry import registry
from tfmini.remote import Remote
from tfmini.store import Store

_CACHED_CALLS = 256


class Session:
    """Runs a graph and keeps its variables.

    Parameters
    ----------
    target : where to run
        None: local threads, or what Dask is set to (an active ``Client``, ``dask.config``);
        "threads", "sync", "processes"; a scheduler's address; a ``Client``; a cluster object.
    graph : Graph, default the default graph
    config : ``operation_timeout_in_ms`` limits what waits for queues; the rest is only accepted
    snapshot_every : on a cluster, after how many commits the variables are copied here
        A lost worker costs at most so many steps, which are run again.
    upload_plugins : on a cluster, send the pure-Python packages of plugins' operations to workers
    """

    def __init__(
        self,
        target: Any = "",
        graph: Graph | None = None,
        config: Any = None,
        *,
        snapshot_every: int = 50,
        upload_plugins: bool = False,
    ) -> None:
        if graph is not None and not isinstance(graph, Graph):
            raise InvalidTypeError(None, None, f"graph must be a tf.Graph, not {graph!r:.60}.")
        self._executor = executors.resolve(target)
        self._graph = graph or get_default_graph()
        self._target = target
        self._config = config
        self._limit: int = getattr(config, "operation_timeout_in_ms", 0)
        self._store = Store()
        self._remote: Remote | None = None
        self._snapshot_every = snapshot_every
        self._upload_plugins = upload_plugins
        self._calls: dict[Any, Call] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._block: Any = None  # what the `with` block that is open leaves at its end
        self._token = uuid.uuid4().hex[:12]
        self._runs = itertools.count()
        registry.load_entry_points()

    @property
    def graph(self) -> Graph:
        return self._graph

    @property
    def graph_def(self) -> Any:
        """The graph's ``GraphDef``, as it is now."""
        return self.graph.as_graph_def()

    @property
    def client(self) -> Any:
        """The ``distributed.Client`` that this session was made with or for; None if local."""
        return None if self._executor is None else self._executor.client

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
        options : ``RunOptions``: a trace level; ``timeout_in_ms``, for what waits for queues
        run_metadata : ``RunMetadata`` to fill in
        """
        kind = type(fetches)
        key = None
        try:
            key = (
                (kind, *fetches) if kind is list or kind is tuple else fetches,
                tuple(feed_dict) if feed_dict else (),
            )
            call = self._calls.get(key)
        except TypeError:  # a nested structure is no key, and what is no dict has none
            call = None
        if call is None:
            if feed_dict is not None and not isinstance(feed_dict, Mapping):
                raise InvalidTypeError(
                    None, None, f"feed_dict must be a dict of tensors to values, not {feed_dict!r}."
                )
            call = self._prepare(fetches, tuple(feed_dict or ()), key)
        values = feed_dict.values() if feed_dict else ()
        if options is not None or run_metadata is not None:
            return tracing.run(self, call, values, options, run_metadata)
        if registry.run_observers:
            return observe.watched(self, call, values)
        return call.run(self, values)

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
            if registry.run_observers:
                return observe.watched(self, call, values)
            return call.run(self, values)

        return run

    def partial_run_setup(self, fetches: Any, feeds: Sequence[Any] | None = None) -> PartialRun:
        """Begin a run of ``fetches`` in steps; return what ``partial_run`` takes."""
        self._check_open()
        return PartialRun(self, [fetches], feeds or ())

    def partial_run(
        self, handle: PartialRun, fetches: Any, feed_dict: Mapping[Any, Any] | None = None
    ) -> Any:
        """Return the values of some of the fetches, given some of the feeds; each once."""
        return handle.step(fetches, feed_dict)

    def list_devices(self) -> list[Device]:
        """Return the processors that this session runs on: this machine's, or the cluster's."""
        return devices(self._executor or executors.current())

    def _prepare(self, fetches: Any, feeds: tuple[Any, ...], key: Any) -> Call:
        self._check_open()
        long_key = (frozen(fetches), feeds)
        try:
            hash(long_key)
        except TypeError:  # something that can't be fetched: let the call say what
            return Call(self._graph, fetches, feeds, self._get)
        with self._lock:
            call = self._calls.get(long_key)
            if call is None:
                call = Call(self._graph, fetches, feeds, self._get)
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
        if call.before:
            raise InvalidArgumentError(
                None,
                None,
                "these fetches take from a queue or an iterator, which is in this process: run "
                "that part, and feed its result to what is lowered.",
            )
        values, stage = call.feed_values((feed_dict or {}).values()), call.main
        program = stage.program(values)
        state = {**self._missing(stage.reads), **self._store.values}
        values += stage.givens(self, state)
        token = self._run_token()
        return with_output_keys(program.to_dask(values, token), token)

    def explain(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Explanation:
        """Return how a run of ``fetches`` with feeds of these shapes is carried out.

        Nothing runs.  Print the result for a table of regions: their nodes, the reason for each,
        its estimated cost, and the measured one if it has run here before.
        """
        call = self._prepare(fetches, tuple(feed_dict or ()), None)
        return Explanation(call.program(call.feed_values((feed_dict or {}).values())))

    def _run_token(self) -> str:
        return f"{self._token}-{next(self._runs)}"

    def _get(self, graph: dict[Any, Any], keys: list[Any]) -> list[Any]:
        """Return the values of keys of a Dask graph, computed where this session runs."""
        executor = self._executor or executors.current()
        watch = observe.current()
        return executor.get(graph, keys) if watch is None else watch.get(executor, graph, keys)

    def _execute(
        self, executor: executors.Executor, program: AnyProgram, values: Sequence[Any]
    ) -> Sequence[Any]:
        """Run ``program`` on the values of its inputs and return those of its outputs."""
        if program.inline is not None and executors.runs_inline(executor):
            inline = observe.inlined(program.inline)
            if program.one_blas_thread:
                with threads.blas.at_most(1):
                    return inline(*values)
            return inline(*values)
        lowered = program.to_dask(values, self._run_token())
        return lowered.collect(self._get(lowered.graph, lowered.keys))

    # -- state ----------------------------------------------------------------------------------

    def _remote_on(self, executor: executors.Executor) -> Remote | None:
        """Return what this session has on a cluster; None where the run is not on one.

        Variables whose values are on another cluster than this run come home first.
        """
        remote = self._remote
        if remote is not None and remote.client is executor.client:
            return remote
        with self._lock:
            if self._remote is not None:
                self._remote.bring()
                self._remote.close()
                self._remote = None
            if isinstance(executor, executors.Cluster):
                self._remote = Remote(
                    executor, self._store, self._run_token, self._snapshot_every,
                    self._upload_plugins,
                )  # fmt: skip
            return self._remote

    def persist(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """Return the values of ``fetches`` as ``run`` does, but leave shards where they are.

        What follows from feeds in chunks and is itself in chunks, such as predictions for each row,
        is returned as a ``dask.array`` whose chunks are computed: on the cluster, or here.  Compute
        with it where it is: with a ``Client`` that is Dask's default, or this session's ``client``.
        """
        call = self._prepare(fetches, tuple(feed_dict or ()), None)
        return call.persist(self, (feed_dict or {}).values())

    def snapshot(self) -> dict[str, Any]:
        """Copy the variables here and return their values by name.

        On a cluster the steps before need not be remembered any more.
        """
        self._check_open()
        with self._store.turn:
            if self._remote is not None:
                self._remote.checkpoint()
                return self.last_snapshot
            return self._named(self._store.values)

    @property
    def last_snapshot(self) -> dict[str, Any]:
        """The values of variables by name when they were last copied here.

        It needs no cluster: what can be saved when a scheduler is lost.
        """
        have = self._store.values
        here = {r: v for r, v in have.items() if not isinstance(v, Held)}
        # Initial values of a run that failed are on the cluster, but nobody's yet.
        there = (
            {r: v for r, v in self._remote.snapshot.items() if r in have} if self._remote else {}
        )
        return self._named({**here, **there})

    def _named(self, values: Mapping[Ref, Any]) -> dict[str, Any]:
        operations = self._graph._operations
        return {operations[ref[0]].name: frozen_copy(v) for ref, v in values.items()}

    def _missing(self, variables: Iterable[Ref]) -> dict[Ref, Any]:
        """Return initial values for those of ``variables`` that have no value yet.

        They are part of the run that needs them: not committed unless it succeeds.
        """
        have = self._store.values
        fresh: dict[Ref, Any] = {}
        pending = [v for v in variables if v not in have]
        if len(pending) > 1:
            initial = [self._initial_value(ref) for ref in pending]
            together = self._prepare(initial, (), None)
            if all([v in have for v in together.reads]):
                return dict(zip(pending, together.evaluate(self, fresh), strict=True))
        while pending:
            ref = pending[-1]
            if ref in fresh:
                pending.pop()
                continue
            sub = self._prepare(self._initial_value(ref), (), None)
            needs = [v for v in sub.reads if v not in have and v not in fresh]
            if needs:
                pending.extend(needs)
                continue
            (fresh[ref],) = sub.evaluate(self, fresh)
            pending.pop()
        return fresh

    def _initial_value(self, ref: Ref) -> Any:
        variable: Any = self._graph._operations[ref[0]].outputs[0]
        return variable.initial_value

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
        self._store.close()
        if self._remote is not None:
            self._remote.close()
        if self._executor is not None:
            self._executor.close()

    def as_default(self) -> _DefaultSession:
        """Make this the default session: for a ``with`` block that does not close it."""
        return _DefaultSession(self)

    def __enter__(self) -> Session:
        self._check_open()
        if self._block is not None:
            raise FailedPreconditionError(
                None,
                None,
                "this session's `with` block is entered already, and its end would close the "
                "session. Use `with session.as_default():` inside it.",
            )
        self._block = self._graph.as_default()
        self._block.__enter__()
        push_session(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pop_session(self)
        self._block.__exit__(*exc)
        self._block = None
        self.close()

    def __reduce__(self) -> Any:
        raise InvalidTypeError(
            None,
            None,
            "a Session can't be sent to another process: run it here, for what it runs on a "
            "cluster goes there by itself; or make a session inside of the function that is sent.",
        )

    def __repr__(self) -> str:
        where = self._executor.name if self._executor else "local"
        return f"<tf.Session {where}, {len(self._store.values)} variables>"


class InteractiveSession(Session):
    """A session that is the default from its construction to ``close``."""

    def __init__(self, target: Any = "", graph: Graph | None = None, config: Any = None) -> None:
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
