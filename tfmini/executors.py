"""Where tasks run: in the caller's thread, on local threads, in processes, or on a cluster.

In: a session's target, Dask's own settings, a Dask graph.  Out: values.  Only this module,
``preflight`` and ``remote`` import ``distributed``, and only when a cluster is asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

from tfmini import threads
from tfmini.chunks import is_future
from tfmini.errors import InvalidArgumentError, UnavailableError
from tfmini.lower import portable

_LOCAL = ("threads", "sync", "processes")
_DASK_NAMES = {
    "threads": "threads", "threading": "threads", "sync": "sync", "synchronous": "sync",
    "single-threaded": "sync", "processes": "processes", "multiprocessing": "processes",
}  # fmt: skip


class Executor:
    """Runs Dask graphs. ``inline`` says whether a plan of one region may skip it."""

    name = "threads"
    inline = True
    client: Any = None  # of a cluster

    def get(self, graph: dict[Any, Any], keys: Sequence[Any]) -> list[Any]:
        """Return the values of ``keys``."""
        import dask.threaded

        return list(dask.threaded.get(graph, list(keys)))

    def close(self) -> None:
        """Release what the executor itself has opened."""


class Sync(Executor):
    """Everything in the caller's thread, in order."""

    name = "sync"

    def get(self, graph: dict[Any, Any], keys: Sequence[Any]) -> list[Any]:
        import dask.local

        return list(dask.local.get_sync(graph, list(keys)))


class Processes(Executor):
    """A pool of processes, kept from run to run: for kernels that hold Python's lock."""

    name = "processes"
    inline = False

    def __init__(self) -> None:
        self._pool: Any = None

    def get(self, graph: dict[Any, Any], keys: Sequence[Any]) -> list[Any]:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        import dask
        import dask.multiprocessing

        pool = dask.config.get("pool", None) or self._pool
        if pool is None:
            workers = dask.config.get("num_workers", None) or threads.CPU_COUNT
            context = dask.multiprocessing.get_context()
            pool = self._pool = ProcessPoolExecutor(workers, mp_context=context)
        try:
            return list(dask.multiprocessing.get(graph, list(keys), pool=pool))
        except BrokenProcessPool as e:
            self.close()
            raise UnavailableError(
                None,
                None,
                f"a process of the pool died during a run: {e}. No variable has changed.",
            ) from e

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


class Custom(Executor):
    """A ``get`` function that ``dask.config`` names."""

    name = "custom"
    inline = False

    def __init__(self, get: Callable[..., Any]) -> None:
        self._get = get

    def get(self, graph: dict[Any, Any], keys: Sequence[Any]) -> list[Any]:
        return list(self._get(graph, list(keys)))


class Cluster(Executor):
    """A Dask cluster, through a ``distributed.Client``."""

    name = "cluster"
    inline = False

    def __init__(self, client: Any, owned: bool = False) -> None:
        self.client = client
        self.owned = owned
        scheduler = getattr(client, "scheduler", None)  # none any more once it is closed
        self.address = getattr(scheduler, "address", None) or "its scheduler"

    def get(self, graph: dict[Any, Any], keys: Sequence[Any]) -> list[Any]:
        from distributed import CancelledError as FutureCancelledError
        from distributed import KilledWorker

        self.check()
        futures: list[Any] = []
        try:
            sent = {k: portable(node) for k, node in graph.items()}
            futures = self.client.get(sent, list(keys), sync=False, actors=False)
            error = self.failure(futures)
            if error is None:
                return list(self.client.gather(futures))
        except (OSError, TimeoutError, FutureCancelledError) as e:
            raise self.elsewhere(graph.values()) or self.lost(e) from e
        finally:
            for future in futures:
                future.release()
        if isinstance(error, KilledWorker):
            raise self.lost(error) from error
        raise error

    def failure(self, futures: Sequence[Any]) -> BaseException | None:
        """Wait for futures; return what a task raised, if one did.

        What the cluster itself raises, whose errors may be of the same types, comes as it is.
        """
        from distributed import wait

        with self.client.as_current():
            wait(futures)
        for future in futures:
            if future.status == "error":
                error: BaseException = future.exception()
                return error.with_traceback(future.traceback())
        return None

    def check(self) -> None:
        """Raise if the client is not connected, or does not wait for answers."""
        _require_waiting(self.client)
        if self.client.status not in ("running", "connecting"):
            raise UnavailableError(
                None,
                None,
                f"the Dask client of {self.address} is {self.client.status}; make a new session on "
                f"a running cluster. Session.last_snapshot has the variables as they were last "
                f"copied here.",
            )

    def answers(self) -> bool:
        """Whether the scheduler is there after an ``OSError``.

        It passes on what goes wrong between it and a worker, and closes our connection as well.
        """
        try:
            return self.client.status == "running" and self.client.nthreads() is not None
        except OSError:
            return False

    def elsewhere(self, values: Iterable[Any]) -> InvalidArgumentError | None:
        """Return the error for a future among ``values`` that another cluster has, if one does."""
        owners = {f.client: f for f in values if is_future(f) and f.client is not self.client}
        for owner, future in owners.items():
            if owner.status == "running" and _identity(owner) != _identity(self.client):
                return InvalidArgumentError(
                    None,
                    None,
                    f"future {future.key!r} is of the cluster at {owner.scheduler.address}, but "
                    f"this session runs on {self.address}: feed what is there, or the value.",
                )
        return None

    def lost(self, error: BaseException) -> UnavailableError:
        """Return the error for a cluster that does not answer."""
        return UnavailableError(
            None,
            None,
            f"the cluster at {self.address} was lost during a run: {type(error).__name__}: "
            f"{error}. No variable has changed; Session.last_snapshot has earlier values.",
        )

    def close(self) -> None:
        if self.owned:
            self.client.close()


THREADS, SYNC, PROCESSES = Executor(), Sync(), Processes()  # processes start when first used
_BY_NAME = {"threads": THREADS, "sync": SYNC, "processes": PROCESSES}


def resolve(target: Any) -> Executor | None:
    """Return the executor that a session's ``target`` names; None: whatever Dask is set to.

    Parameters
    ----------
    target : None or "", "threads", "sync", "processes", a scheduler's address
        ("tcp://host:8786"), a ``distributed.Client`` or a cluster object.
    """
    if target is None or target == "":
        return None
    if isinstance(target, Executor):
        return target
    if isinstance(target, str):
        if target in _DASK_NAMES:
            name = _DASK_NAMES[target]
            return Processes() if name == "processes" else _BY_NAME[name]
        if "://" in target:
            return _connect(target)
        raise InvalidArgumentError(
            None,
            None,
            f"session target {target!r}: give one of {', '.join(_LOCAL)}, a scheduler address "
            f"such as 'tcp://host:8786', a distributed.Client, or a cluster object.",
        )
    from distributed import Client

    if isinstance(target, Client):
        return Cluster(target)
    if hasattr(target, "scheduler_address"):
        _require_waiting(target)
        return Cluster(Client(target, set_as_default=False), owned=True)
    raise InvalidArgumentError(
        None,
        None,
        f"a {type(target).__name__} object is no session target: give an address, a Client or a "
        f"cluster; graph= and config= are other parameters.",
    )


def _identity(client: Any) -> Any:
    """Return what a scheduler is known by, which may have several addresses."""
    return client.scheduler_info()["id"]


def _require_waiting(target: Any) -> None:
    if getattr(target, "asynchronous", False):
        raise InvalidArgumentError(
            None,
            None,
            f"this {type(target).__name__} is asynchronous, or this is its event loop: a session "
            f"waits for its results. Run it in a thread, as by asyncio.to_thread, with the "
            f"scheduler's address as target.",
        )


def _connect(address: str) -> Cluster:
    from distributed import Client, Security
    from distributed.comm import get_address_host_port

    security = Security()  # as Dask's configuration has it
    if address.startswith("tls:") and not security.get_connection_args("client")["ssl_context"]:
        raise UnavailableError(
            None,
            None,
            f"{address!r} is encrypted, and Dask's configuration has no credentials for it: set "
            f"distributed.comm.tls there, or give a Client(address, security=...) as target.",
        )
    try:
        if not address.startswith("inproc:"):
            get_address_host_port(address)  # a Client that can't be made takes long to go away
        client = Client(address, security=security, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as e:
        raise UnavailableError(
            None,
            None,
            f"no Dask scheduler answers at {address!r}: {e}. Start one with `dask scheduler`, or "
            f"leave the target out to run on local threads. How long to wait is "
            f"distributed.comm.timeouts.connect in Dask's configuration.",
        ) from e
    return Cluster(client, owned=True)


@contextmanager
def use_by_default(address: str) -> Iterator[None]:
    """Let sessions without a target run on the cluster at ``address`` in the block."""
    cluster = _connect(address)
    client = sys.modules["distributed.client"]
    before = client._get_global_client()
    client._set_global_client(cluster.client)
    try:
        yield
    finally:
        client._set_global_client(before)
        cluster.close()


def pinned(pins: Mapping[Any, str]) -> AbstractContextManager[Any]:
    """In the block, graphs are sent with word where some of their tasks are best run."""
    import dask

    if not pins or "workers" in dask.get_annotations():  # the user has said it
        return nullcontext()
    # It is read where tfmini may be missing: by a method of Python's own.
    workers = defaultdict(list, {key: [worker] for key, worker in pins.items()})
    return dask.annotate(workers=workers.__getitem__, allow_other_workers=True)


def announce(topic: str, message: Any) -> None:
    """Send ``message`` to who is ``listening`` to this worker's cluster; elsewhere to nobody."""
    if "distributed.worker" in sys.modules:
        from distributed import get_worker

        with suppress(ValueError):  # there is no worker here
            get_worker().log_event(topic, message)


@contextmanager
def listening(executor: Executor, topic: str, hear: Callable[[Any], None]) -> Iterator[None]:
    """In the block call ``hear`` with what the workers of a cluster announce on ``topic``."""
    client = getattr(executor, "client", None)
    if client is None:
        yield
        return
    client.subscribe_topic(topic, lambda event: hear(event[1]))
    try:
        yield
    finally:
        client.unsubscribe_topic(topic)


def runs_inline(executor: Executor) -> bool:
    """Whether a plan of one region runs in the caller's thread, without any scheduler.

    Not if a Dask callback, such as its ProgressBar, wants to see tasks.
    """
    callbacks = sys.modules.get("dask.callbacks")
    if callbacks is not None and callbacks.Callback.active:
        return False
    return executor.inline


def current() -> Executor:
    """Return the executor that Dask's own state asks for: the config's, else an active client.

    Called in every run of a session without a target, so it looks only at what is there: as long
    as nobody has imported Dask, nobody has set anything but its configuration files.
    """
    config = sys.modules.get("dask.config")
    if config is None:
        if not _configured_outside():
            return THREADS
        config = importlib.import_module("dask.config")
    scheduler = config.config.get("scheduler")
    if scheduler is not None:
        return _named_by_config(scheduler)
    if "distributed.worker" in sys.modules:
        client = sys.modules["distributed.client"]._get_global_client()
        if client is not None:
            return Cluster(client)
    return THREADS


def _named_by_config(scheduler: Any) -> Executor:
    if callable(scheduler):
        return Custom(scheduler)
    name = _DASK_NAMES.get(str(scheduler).lower())
    if name is not None:
        return _BY_NAME[name]
    import dask.base

    try:
        get = dask.base.get_scheduler(scheduler=scheduler)
    except (ValueError, RuntimeError) as e:
        raise InvalidArgumentError(
            None, None, f"Dask's setting scheduler={scheduler!r} can't be used: {e}"
        ) from e
    client = getattr(get, "__self__", None)  # a client's method
    return Custom(get) if client is None else Cluster(client)


@cache
def _configured_outside() -> bool:
    """Whether Dask has configuration in files or the environment, where its import finds it."""
    places = [os.environ.get("DASK_ROOT_CONFIG", "/etc/dask"),
              os.path.join(sys.prefix, "etc", "dask"),
              os.path.join(os.path.expanduser("~"), ".config", "dask"),
              os.environ.get("DASK_CONFIG", "")]  # fmt: skip
    return "DASK_SCHEDULER" in os.environ or any(p and os.path.exists(p) for p in places)
