"""The ``Supervisor``: sessions with threads that save checkpoints and summaries.

In: a graph, a folder.  Out: a session from the folder's checkpoint, or initialized, and threads
that run beside the training loop until it stops.  Its successor is ``MonitoredTrainingSession``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tfmini import logging
from tfmini.errors import FailedPreconditionError
from tfmini.exchange.exporting import write_graph
from tfmini.formats.events import SessionLog, Summary
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.ops import state
from tfmini.session import Session
from tfmini.summaries.values import merge_all
from tfmini.summaries.writer import FileWriter
from tfmini.train.coordinator import Coordinator, LooperThread
from tfmini.train.scaffold import Scaffold, default_saver
from tfmini.train.session_manager import SessionManager
from tfmini.train.steps import get_global_step, global_step


class Supervisor:
    """Starts, saves and stops a training program.

    Parameters
    ----------
    graph : default: the default graph; it is finalized
    init_op, init_feed_dict, init_fn : how variables get values; ``init_fn(session)``
    ready_op, ready_for_local_init_op, local_init_op : as those of ``SessionManager``
    logdir : folder for checkpoints and events; None: neither
    summary_op, saver, global_step, summary_writer : default: the graph's; None: none
    save_summaries_secs, save_model_secs : how often; 0: never
    """

    USE_DEFAULT = 0

    def __init__(
        self,
        graph: Graph | None = None,
        ready_op: Any = USE_DEFAULT,
        ready_for_local_init_op: Any = USE_DEFAULT,
        is_chief: bool = True,
        init_op: Any = USE_DEFAULT,
        init_feed_dict: Any = None,
        local_init_op: Any = USE_DEFAULT,
        logdir: Any = None,
        summary_op: Any = USE_DEFAULT,
        saver: Any = USE_DEFAULT,
        global_step: Any = USE_DEFAULT,
        save_summaries_secs: float = 120,
        save_model_secs: float = 600,
        recovery_wait_secs: float = 30,
        stop_grace_secs: float = 120,
        checkpoint_basename: str = "model.ckpt",
        session_manager: SessionManager | None = None,
        summary_writer: Any = USE_DEFAULT,
        init_fn: Callable[[Any], Any] | None = None,
        local_init_run_options: Any = None,
    ) -> None:
        graph = graph or get_default_graph()
        self.is_chief = is_chief
        self.coord = Coordinator()
        self.init_feed_dict, self._init_fn = init_feed_dict, init_fn
        self._logdir = None if logdir is None or not is_chief else os.fspath(logdir)
        self.save_summaries_secs, self.save_model_secs = save_summaries_secs, save_model_secs
        self._stop_grace_secs = stop_grace_secs
        # The prefix of checkpoints, without the step.
        self.save_path = self._logdir and os.path.join(self._logdir, checkpoint_basename)
        with graph.as_default():
            keys, make = GraphKeys, Scaffold.get_or_default
            default = Supervisor._given
            self.init_op = default(
                init_op,
                lambda: make("init_op", keys.INIT_OP, state.global_variables_initializer),
            )
            self._local_init_op = default(
                local_init_op,
                lambda: make("local_init_op", keys.LOCAL_INIT_OP, Scaffold.default_local_init_op),
            )
            self.ready_op = default(ready_op, lambda: None)
            ready_for_local_init_op = default(ready_for_local_init_op, lambda: None)
            self.summary_op = default(
                summary_op, lambda: make("summary_op", keys.SUMMARY_OP, merge_all)
            )
            self.global_step = default(global_step, get_global_step)
            self.saver = default(saver, default_saver if state.global_variables() else _nothing)
            self.summary_writer = default(
                summary_writer, lambda: FileWriter(self._logdir) if self._logdir else None
            )
            self.session_manager = session_manager or SessionManager(
                local_init_op=self._local_init_op,
                ready_op=self.ready_op,
                ready_for_local_init_op=ready_for_local_init_op,
                graph=graph,
                recovery_wait_secs=recovery_wait_secs,
            )
        self._graph = graph
        graph.finalize()

    @staticmethod
    def _given(value: Any, default: Callable[[], Any]) -> Any:
        """Return an argument, or its default where the number 0 stands for it."""
        return default() if type(value) is int and value == Supervisor.USE_DEFAULT else value

    # -- sessions -------------------------------------------------------------------------------

    @contextmanager
    def managed_session(
        self,
        master: Any = "",
        config: Any = None,
        start_standard_services: bool = True,
        close_summary_writer: bool = True,
    ) -> Iterator[Session]:
        """Give a session that is ready, with its threads; stop and close it after the block.

        An error of the block or of a thread is raised in the end; ``OutOfRangeError`` is none.
        """
        sess = self.prepare_or_wait_for_session(
            master, config, start_standard_services=start_standard_services
        )
        try:
            yield sess
        except Exception as e:  # noqa: BLE001 - stop() raises it once the threads have ended
            self.request_stop(e)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                sess.close()

    def prepare_or_wait_for_session(
        self,
        master: Any = "",
        config: Any = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        start_standard_services: bool = True,
    ) -> Session:
        """Return a session that is ready, its threads started."""
        self.coord.clear_stop()
        if self.summary_writer is not None:
            self.summary_writer.reopen()
        if not self.is_chief:
            sess = self.session_manager.wait_for_session(master, config, max_wait_secs)
        else:
            sess = self.session_manager.prepare_session(
                master,
                init_op=self.init_op,
                saver=self.saver,
                checkpoint_dir=self._logdir,
                wait_for_checkpoint=wait_for_checkpoint,
                max_wait_secs=max_wait_secs,
                config=config,
                init_feed_dict=self.init_feed_dict,
                init_fn=self._init_fn,
            )
            if self._logdir:
                write_graph(self._graph, self._logdir, "graph.pbtxt")
            if self.summary_writer is not None:
                self.summary_writer.add_graph(self._graph)
            if start_standard_services:
                self.start_standard_services(sess)
        self.start_queue_runners(sess)
        return sess

    def start_standard_services(self, sess: Session) -> list[LooperThread]:
        """Start threads that write summaries, the speed and checkpoints; return them."""
        if not self._logdir:
            logging.warning("Standard services need a 'logdir' passed to the Supervisor")
            return []
        if self.global_step is not None and self.summary_writer is not None:
            self.summary_writer.add_session_log(
                SessionLog(status=SessionLog.START), global_step(sess, self.global_step)
            )
        wanted: list[tuple[float, Callable[[], None]]] = []
        if self.save_summaries_secs and self.summary_writer is not None:
            if self.summary_op is not None:
                wanted.append((self.save_summaries_secs, lambda: self._write_summary(sess)))
            if self.global_step is not None:
                wanted.append((self.save_summaries_secs, _Speed(self, sess)))
        if self.saver is not None and self.save_model_secs:
            wanted.append((self.save_model_secs, lambda: self._save(sess)))
        return [LooperThread.loop(self.coord, secs, work) for secs, work in wanted]

    def _write_summary(self, sess: Session) -> None:
        step = None
        if self.global_step is None:
            summary = sess.run(self.summary_op)
        else:
            summary, step = sess.run([self.summary_op, self.global_step])
        if self.summary_writer is not None:
            self.summary_writer.add_summary(summary, step)

    def _save(self, sess: Session) -> None:
        path = self.saver.save(sess, self.save_path, global_step=self.global_step)
        if self.summary_writer is not None and self.global_step is not None:
            log = SessionLog(status=SessionLog.CHECKPOINT, checkpoint_path=path)
            self.summary_writer.add_session_log(log, global_step(sess, self.global_step))

    def start_queue_runners(
        self, sess: Session, queue_runners: Sequence[Any] | None = None
    ) -> list[threading.Thread]:
        """Start the threads of ``queue_runners`` (default: the graph's) and return them."""
        if queue_runners is None:
            queue_runners = self._graph.get_collection(GraphKeys.QUEUE_RUNNERS)
        return [
            thread
            for runner in queue_runners
            for thread in runner.create_threads(sess, coord=self.coord, daemon=True, start=True)
        ]

    # -- threads --------------------------------------------------------------------------------

    def loop(
        self,
        timer_interval_secs: float | None,
        target: Callable[..., Any],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> LooperThread:
        """Start and return a thread that calls ``target`` every ``timer_interval_secs``."""
        return LooperThread.loop(self.coord, timer_interval_secs, target, args, kwargs)

    def should_stop(self) -> bool:
        return self.coord.should_stop()

    def request_stop(self, ex: Any = None) -> None:
        self.coord.request_stop(ex)

    def stop_on_exception(self) -> AbstractContextManager[None]:
        return self.coord.stop_on_exception()

    def wait_for_stop(self) -> None:
        self.coord.wait_for_stop()

    def stop(
        self,
        threads: Iterable[threading.Thread] | None = None,
        close_summary_writer: bool = True,
        ignore_live_threads: bool = False,
    ) -> None:
        """Stop all threads and wait for them; raise the error that was reported."""
        self.coord.request_stop()
        try:
            self.coord.join(threads, self._stop_grace_secs, ignore_live_threads)
        finally:
            if close_summary_writer and self.summary_writer is not None:
                self.summary_writer.add_session_log(SessionLog(status=SessionLog.STOP))
                self.summary_writer.close()

    def summary_computed(self, sess: Session, summary: Any, global_step: Any = None) -> None:
        """Write ``summary``, a fetched one, at ``global_step`` (default: the graph's)."""
        if self.summary_writer is None:
            raise FailedPreconditionError(
                None, None, "to write a summary the Supervisor needs a logdir or summary_writer."
            )
        if global_step is None and self.global_step is not None:
            global_step = int(sess.run(self.global_step))
        self.summary_writer.add_summary(summary, global_step)

    PrepareSession = prepare_or_wait_for_session
    StartQueueRunners = start_queue_runners
    StartStandardServices = start_standard_services
    Stop, RequestStop, ShouldStop = stop, request_stop, should_stop
    StopOnException, WaitForStop = stop_on_exception, wait_for_stop
    SummaryComputed, Loop = summary_computed, loop


class _Speed:
    """Writes how many global steps a second were made since the last call."""

    def __init__(self, supervisor: Supervisor, sess: Session) -> None:
        self._supervisor, self._sess = supervisor, sess
        self._step = global_step(sess, supervisor.global_step)
        self._time = time.monotonic()

    def __call__(self) -> None:
        step, now = global_step(self._sess, self._supervisor.global_step), time.monotonic()
        steps, secs = step - self._step, now - self._time
        self._step, self._time = step, now
        rate = steps / secs if secs else float("inf")
        tag = f"{self._supervisor.global_step.op.name}/sec"
        logging.info("%s: %g", tag, rate)
        value = Summary.Value(tag=tag, simple_value=rate)
        self._supervisor.summary_writer.add_summary(Summary(value=[value]), step)


def _nothing() -> None:
    return None


def basic_train_loop(
    supervisor: Supervisor,
    train_step_fn: Callable[..., Any],
    args: Iterable[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    master: Any = "",
) -> None:
    """Call ``train_step_fn(session, *args, **kwargs)`` until the supervisor stops."""
    with supervisor.managed_session(master) as sess:
        while not supervisor.should_stop():
            train_step_fn(sess, *(args or ()), **(kwargs or {}))
