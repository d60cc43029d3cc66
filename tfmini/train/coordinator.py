"""Threads that start, stop and fail together.

In: threads that share a ``Coordinator``, each of which may ask all to stop, with an error or
without.  Out: ``join``, which waits for all of them and raises the first error in the caller.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from tfmini.errors import FailedPreconditionError, OutOfRangeError
from tfmini.logging import info

_POLL_SECS = 0.02

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class Coordinator:
    """Lets several threads stop together.

    Each thread runs ``while not coord.should_stop():``, one calls ``coord.request_stop()``, and the
    main thread waits with ``coord.join(threads)``.

    Parameters
    ----------
    clean_stop_exception_types : exceptions that stop without being an error, by default
        ``tf.errors.OutOfRangeError``: the end of the data.
    """

    def __init__(
        self, clean_stop_exception_types: Sequence[type[BaseException]] | None = None
    ) -> None:
        if clean_stop_exception_types is None:
            clean_stop_exception_types = [OutOfRangeError]
        self._clean_stop_exception_types = tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop_event = threading.Event()
        self._error: BaseException | None = None
        self._registered_threads: set[threading.Thread] = set()
        self._joined = False

    @property
    def joined(self) -> bool:
        """Whether ``join`` has returned or raised."""
        return self._joined

    def register_thread(self, thread: threading.Thread) -> None:
        """Let ``join`` wait for ``thread`` too."""
        with self._lock:
            self._registered_threads.add(thread)

    def request_stop(self, ex: BaseException | ExcInfo | None = None) -> None:
        """Ask all threads to stop; ``join`` raises ``ex``, an exception or ``sys.exc_info()``."""
        error = ex[1] if isinstance(ex, tuple) else ex
        if isinstance(error, self._clean_stop_exception_types):
            error = None
        with self._lock:
            if self._joined and error is not None:
                raise error  # nobody is left to raise it
            if not self._stop_event.is_set() and error is not None:
                info("Error reported to Coordinator: %s, %s", type(error), error)
                self._error = error
            self._stop_event.set()

    def clear_stop(self) -> None:
        """Forget the request to stop, and its error: threads may run again."""
        with self._lock:
            self._joined = False
            self._error = None
            self._stop_event.clear()

    def should_stop(self) -> bool:
        """Return whether a stop was requested."""
        return self._stop_event.is_set()

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Wait until a stop is requested, ``timeout`` seconds at most; return whether it was."""
        return self._stop_event.wait(timeout)

    @contextmanager
    def stop_on_exception(self) -> Iterator[None]:
        """Turn an exception of the block into a request to stop with it."""
        try:
            yield
        except BaseException:  # noqa: BLE001 - join raises it in the main thread
            self.request_stop(sys.exc_info())

    def raise_requested_exception(self) -> None:
        """Raise the error that a thread has reported, if one has."""
        with self._lock:
            if self._error is not None:
                raise self._error

    def join(
        self,
        threads: Iterable[threading.Thread] | None = None,
        stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:
        """Wait for ``threads``, and those registered, to end.

        Once a stop is requested they have ``stop_grace_period_secs``; then the error that was
        reported is raised, or, without one, FailedPreconditionError (a RuntimeError) if threads
        are left that ``ignore_live_threads`` does not excuse.
        """
        with self._lock:
            waited = list(self._registered_threads.union(threads or ()))
        while _alive(waited) and not self.wait_for_stop(_POLL_SECS):
            pass
        limit = time.monotonic() + stop_grace_period_secs
        while (left := _alive(waited)) and time.monotonic() < limit:
            left[0].join(_POLL_SECS)
        with self._lock:
            self._joined = True
            self._registered_threads = set()
            if self._error is not None:
                raise self._error
        names = " ".join([t.name for t in _alive(waited)])
        if not names:
            return
        if not ignore_live_threads:
            raise FailedPreconditionError(
                None,
                None,
                f"threads still run {stop_grace_period_secs} s after the Coordinator was asked to "
                f"stop: {names}. They should look at coord.should_stop().",
            )
        info("Coordinator stopped with threads still running: %s", names)


def _alive(threads: Iterable[threading.Thread]) -> list[threading.Thread]:
    return [t for t in threads if t.is_alive()]


class LooperThread(threading.Thread):
    """A thread that calls a function again and again until its coordinator stops.

    ``target(*args, **kwargs)``, or what a subclass has as ``run_loop``, is called every
    ``timer_interval_secs``, without a pause if that is None.
    """

    def __init__(
        self,
        coord: Coordinator,
        timer_interval_secs: float | None,
        target: Callable[..., Any] | None = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self._coord = coord
        self._timer_interval_secs = timer_interval_secs
        self._function = target
        self._call = (tuple(args or ()), dict(kwargs or {}))
        coord.register_thread(self)

    @staticmethod
    def loop(
        coord: Coordinator,
        timer_interval_secs: float | None,
        target: Callable[..., Any],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> LooperThread:
        """Start and return a thread that calls ``target``."""
        looper = LooperThread(coord, timer_interval_secs, target, args, kwargs)
        looper.start()
        return looper

    def run(self) -> None:
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._timer_interval_secs is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                due = time.monotonic()
                while not self._coord.wait_for_stop(max(0.0, due - time.monotonic())):
                    due += self._timer_interval_secs
                    self.run_loop()
            self.stop_loop()

    def start_loop(self) -> None:
        """Called before the first call of ``run_loop``."""

    def stop_loop(self) -> None:
        """Called after the last call of ``run_loop``."""

    def run_loop(self) -> None:
        """Do one round."""
        if self._function is not None:
            args, kwargs = self._call
            self._function(*args, **kwargs)
