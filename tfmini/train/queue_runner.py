"""Threads that keep a queue full while a session takes from it.

In: a queue and operations that put something into it.  Out: threads that run these operations
until the data is over (then the queue is closed) or the coordinator stops.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from tfmini.errors import (
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    OutOfRangeError,
)
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.logging import error
from tfmini.nodes import get_default_session
from tfmini.session import Session
from tfmini.train.coordinator import Coordinator


class QueueRunner:
    """A queue and the operations that fill it, each to be run by a thread of its own.

    Parameters
    ----------
    queue : a queue
    enqueue_ops : list of operations, one per thread; the same one may be there several times
    close_op, cancel_op : operations that close the queue, and that also end pending enqueues
    queue_closed_exception_types : what an enqueue operation raises when there is no more data
    """

    def __init__(
        self,
        queue: Any = None,
        enqueue_ops: Sequence[Any] | None = None,
        close_op: Any = None,
        cancel_op: Any = None,
        queue_closed_exception_types: tuple[type[BaseException], ...] | None = None,
        queue_runner_def: Any = None,
        import_scope: str | None = None,
    ) -> None:
        if queue_runner_def is not None:
            raise InvalidArgumentError(
                None, None, "make a QueueRunner from a queue and enqueue_ops, not from a message."
            )
        if queue is None or not enqueue_ops:
            raise InvalidArgumentError(None, None, "a QueueRunner needs a queue and enqueue_ops.")
        self._queue = queue
        self._enqueue_ops = list(enqueue_ops)
        self._close_op = queue.close() if close_op is None else close_op
        if cancel_op is None:
            cancel_op = queue.close(cancel_pending_enqueues=True)
        self._cancel_op = cancel_op
        types = queue_closed_exception_types or (OutOfRangeError,)
        self._queue_closed_exception_types = tuple(types)
        self._lock = threading.Lock()
        self._running: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._exceptions_raised: list[BaseException] = []

    @property
    def queue(self) -> Any:
        return self._queue

    @property
    def name(self) -> str:
        """The name of the queue."""
        return self._queue.name

    @property
    def enqueue_ops(self) -> list[Any]:
        return self._enqueue_ops

    @property
    def close_op(self) -> Any:
        return self._close_op

    @property
    def cancel_op(self) -> Any:
        return self._cancel_op

    @property
    def queue_closed_exception_types(self) -> tuple[type[BaseException], ...]:
        return self._queue_closed_exception_types

    @property
    def exceptions_raised(self) -> list[BaseException]:
        """Errors of threads that had no coordinator to report them to."""
        return self._exceptions_raised

    def create_threads(
        self, sess: Any, coord: Coordinator | None = None, daemon: bool = False, start: bool = False
    ) -> list[threading.Thread]:
        """Return threads that fill the queue in ``sess``; none if such threads run already."""
        with self._lock:
            if self._running.get(sess, 0) > 0:
                return []
            self._running[sess] = len(self._enqueue_ops)
            self._exceptions_raised = []
        threads = [
            self._thread(f"{self.name}-{i}", self._run, (sess, op, coord), daemon)
            for i, op in enumerate(self._enqueue_ops)
        ]
        if coord is not None:
            name = f"{self.name}-close_on_stop"
            threads.append(self._thread(name, self._close_on_stop, (sess, coord), daemon))
        for thread in threads:
            if coord is not None:
                coord.register_thread(thread)
            if start:
                thread.start()
        return threads

    @staticmethod
    def _thread(name: str, target: Any, args: tuple[Any, ...], daemon: bool) -> threading.Thread:
        return threading.Thread(
            target=target, args=args, name=f"QueueRunnerThread-{name}", daemon=daemon
        )

    def _run(self, sess: Any, enqueue_op: Any, coord: Coordinator | None) -> None:
        """Run ``enqueue_op`` until the data is over; the last thread closes the queue."""
        ended = False
        try:
            enqueue = sess.make_callable(enqueue_op)
            while coord is None or not coord.should_stop():
                try:
                    enqueue()
                except self._queue_closed_exception_types:
                    ended = True
                    if self._leave(sess):
                        with suppress(Exception):  # it may be closed already
                            sess.run(self._close_op)
                    return
        except Exception as e:  # noqa: BLE001 - the coordinator raises it in the main thread
            self._report(e, sess, coord)
        finally:
            if not ended:
                self._leave(sess)

    def _leave(self, sess: Any) -> bool:
        """Count a thread of ``sess`` out; return whether it was the last."""
        with self._lock:
            self._running[sess] = left = self._running.get(sess, 1) - 1
        return left == 0

    def _report(self, e: Exception, sess: Any, coord: Coordinator | None) -> None:
        if coord is not None:
            coord.request_stop(e)
        elif not isinstance(e, (CancelledError, FailedPreconditionError)) or not sess._closed:
            error("Exception in QueueRunner: %s", e)
            with self._lock:
                self._exceptions_raised.append(e)

    def _close_on_stop(self, sess: Any, coord: Coordinator) -> None:
        """End pending enqueues once the coordinator stops."""
        coord.wait_for_stop()
        with suppress(Exception):  # the session may be closed
            sess.run(self._cancel_op)


def add_queue_runner(qr: QueueRunner, collection: str = GraphKeys.QUEUE_RUNNERS) -> None:
    """Add ``qr`` to the queue runners that ``start_queue_runners`` starts."""
    get_default_graph().add_to_collection(collection, qr)


def start_queue_runners(
    sess: Any = None,
    coord: Coordinator | None = None,
    daemon: bool = True,
    start: bool = True,
    collection: str = GraphKeys.QUEUE_RUNNERS,
) -> list[threading.Thread]:
    """Start the threads of all queue runners of the session's graph, and return them.

    A ``MonitoredSession`` has started them already: the list is empty then.
    """
    sess = sess or get_default_session()
    if sess is None:
        raise InvalidArgumentError(
            None, None, "start_queue_runners needs a session: pass sess=, or use `with sess:`."
        )
    if not isinstance(sess, Session):
        if type(sess).__name__ in ("MonitoredSession", "SingularMonitoredSession"):
            return []
        raise InvalidTypeError(None, None, f"sess must be a tf.Session, not {sess!r}.")
    with sess.graph.as_default():
        return [
            thread
            for runner in get_default_graph().get_collection(collection)
            for thread in runner.create_threads(sess, coord=coord, daemon=daemon, start=start)
        ]
