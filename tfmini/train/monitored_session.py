"""Sessions that look after themselves: initialized or restored, with hooks around each run.

In: a scaffold, hooks, a folder for checkpoints.  Out: a session whose ``run`` calls the hooks; it
starts queue runners, stops when a hook or thread asks, and goes on where a cluster was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from tfmini import logging
from tfmini.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    OutOfRangeError,
    UnavailableError,
)
from tfmini.formats.config import RunMetadata, RunOptions
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.session import Session
from tfmini.train.coordinator import Coordinator
from tfmini.train.queue_runner import start_queue_runners
from tfmini.train.saving_hooks import CheckpointSaverHook, StepCounterHook, SummarySaverHook
from tfmini.train.scaffold import Scaffold
from tfmini.train.session_creator import (
    ChiefSessionCreator,
    SessionCreator,
    WorkerSessionCreator,
)
from tfmini.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)

USE_DEFAULT = object()
_LOST = (AbortedError, UnavailableError)  # errors after which a new session may go on


class StepContext:
    """What a function given to ``run_step_fn`` works with."""

    def __init__(self, session: Session, run_with_hooks: Callable[..., Any]) -> None:
        self._session = session
        self._run_with_hooks = run_with_hooks

    @property
    def session(self) -> Session:
        """The session; runs in it call no hooks."""
        return self._session

    def run_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """As ``MonitoredSession.run``."""
        return self._run_with_hooks(*args, **kwargs)

    def request_stop(self) -> None:
        """End the loop: raises StopIteration, which the session's ``with`` block takes."""
        raise StopIteration("step_fn has requested the iterations to stop.")


class _MonitoredSession:
    """What both kinds of monitored sessions do."""

    _recovers = False

    def __init__(
        self,
        session_creator: SessionCreator | None,
        hooks: Iterable[SessionRunHook] | None,
        stop_grace_period_secs: float = 120,
    ) -> None:
        self._graph = get_default_graph()
        self._was_finalized = self._graph.finalized
        self._hooks = list(hooks or ())
        for hook in self._hooks:
            hook.begin()
        self._creator = session_creator or ChiefSessionCreator()
        self._grace = stop_grace_period_secs
        self._hook_stopped = False
        self._sess: Any = None
        self._create()

    def _create(self) -> None:
        while True:
            try:
                self._sess = self._creator.create_session()
                # The end of the data stops the loop too, and is its caller's to see.
                self._coord = Coordinator(clean_stop_exception_types=[])
                if self._graph.get_collection(GraphKeys.QUEUE_RUNNERS):
                    start_queue_runners(sess=self._sess, coord=self._coord)
                for hook in self._hooks:
                    hook.after_create_session(self._sess, self._coord)
                return
            except _LOST as e:
                if not self._recovers:
                    raise
                self._recover(e)

    def _recover(self, e: Exception) -> None:
        logging.info("An error was raised, and a new session goes on from the checkpoint: %s", e)
        if self._sess is not None:
            with suppress(Exception):  # what is left of it is lost
                self._end_session()

    @property
    def graph(self) -> Any:
        """The graph that was the default one when the session was made."""
        return self._open().graph

    def _open(self) -> Session:
        if self._sess is None:
            raise FailedPreconditionError(None, None, "the monitored session is closed.")
        return self._sess

    # -- running --------------------------------------------------------------------------------

    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Return the values of ``fetches``, as ``Session.run``, and call the hooks."""
        self._open()
        return self._guarded(lambda: self._run_hooked(fetches, feed_dict, options, run_metadata))

    def run_step_fn(self, step_fn: Callable[..., Any]) -> Any:
        """Return ``step_fn(step_context)``, which may run several things, with and without hooks.

        ``step_context.request_stop()`` ends the loop.
        """
        context = StepContext(self._open(), self._run_hooked)
        return self._guarded(lambda: step_fn(context))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Do ``work``; go on in a new session where one is lost, raise what a thread reports."""
        while True:
            if self._sess is None:
                self._create()
            try:
                return work()
            except StopIteration:
                raise
            except _LOST as e:
                if not self._recovers:
                    raise
                self._recover(e)
            except Exception as e:
                try:
                    self._coord.raise_requested_exception()
                except _LOST as lost:
                    if not self._recovers:
                        raise
                    self._recover(lost)
                    continue
                except Exception as reported:
                    if reported is not e:
                        raise reported from e
                raise

    def _run_hooked(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        sess = self._open()
        if self._hook_stopped:
            raise FailedPreconditionError(
                None, None, "a hook asked to stop; loop on `while not session.should_stop():`."
            )
        asked = SessionRunArgs(fetches, feed_dict, options)
        context = SessionRunContext(asked, sess)
        wanted = [(hook, hook.before_run(context)) for hook in self._hooks]
        extra = [args.fetches for _, args in wanted if args and args.fetches is not None]
        feeds = _joined_feeds(feed_dict, [args for _, args in wanted if args])
        given = [args.options for _, args in wanted if args and args.options is not None]
        options = _joined_options([o for o in (options, *given) if o is not None])
        if options is not None and run_metadata is None:
            run_metadata = RunMetadata()
        if extra or fetches is not None:
            fetched = [fetches, *extra] if fetches is not None else extra
            results = sess.run(fetched, feeds, options, run_metadata)
            result, *results = results if fetches is not None else [None, *results]
        else:
            result, results = None, []
        values = iter(results)
        for hook, args in wanted:
            mine = next(values) if args and args.fetches is not None else None
            hook.after_run(context, SessionRunValues(mine, options, run_metadata))
        self._hook_stopped = self._hook_stopped or context.stop_requested
        return result

    def should_stop(self) -> bool:
        """Return whether the loop should end: a hook or thread asked, or the session is closed."""
        if self._sess is None or self._hook_stopped:
            return True
        # A stop with an error is to be seen by the loop, not only at its end.
        self._coord.raise_requested_exception()
        return self._coord.should_stop()

    # -- life -----------------------------------------------------------------------------------

    def close(self) -> None:
        """End the hooks, stop the threads and close the session."""
        self._close(None)

    def _close(self, error: Any) -> None:
        try:
            if error is None:
                sess = self._open()
                for hook in self._hooks:
                    hook.end(sess)
        finally:
            try:
                if self._sess is not None:
                    self._end_session()
            finally:
                if not self._was_finalized:
                    self._graph._finalized = False

    def _end_session(self) -> None:
        sess, self._sess = self._sess, None
        self._coord.request_stop()
        try:
            self._coord.join(stop_grace_period_secs=self._grace, ignore_live_threads=True)
        finally:
            sess.close()

    def _is_closed(self) -> bool:
        return self._sess is None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> bool:
        # The end of the data is the usual way to end a loop.
        ended = kind is None or issubclass(kind, (OutOfRangeError, StopIteration))
        self._close(None if ended else kind)
        return ended


class MonitoredSession(_MonitoredSession):
    """A session with hooks, which goes on in a new session where a cluster was lost.

    Parameters
    ----------
    session_creator : default: a ``ChiefSessionCreator``
    hooks : ``SessionRunHook``s
    stop_grace_period_secs : how long threads may take to stop at the end

    Use it as ``with tf.train.MonitoredSession() as sess:``; ``OutOfRangeError`` ends the block.
    """

    _recovers = True
    ChiefSessionCreator = ChiefSessionCreator
    WorkerSessionCreator = WorkerSessionCreator
    StepContext = StepContext

    def __init__(
        self,
        session_creator: SessionCreator | None = None,
        hooks: Iterable[SessionRunHook] | None = None,
        stop_grace_period_secs: float = 120,
    ) -> None:
        super().__init__(session_creator, hooks, stop_grace_period_secs)


class SingularMonitoredSession(_MonitoredSession):
    """A session with hooks, that ends where a cluster is lost; ``raw_session`` has no hooks."""

    def __init__(
        self,
        hooks: Iterable[SessionRunHook] | None = None,
        scaffold: Scaffold | None = None,
        master: Any = "",
        config: Any = None,
        checkpoint_dir: Any = None,
        stop_grace_period_secs: float = 120,
        checkpoint_filename_with_path: Any = None,
    ) -> None:
        creator = ChiefSessionCreator(
            scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path
        )
        super().__init__(creator, hooks, stop_grace_period_secs)

    def raw_session(self) -> Any:
        """Return the ``tf.Session`` inside."""
        return self._sess


def MonitoredTrainingSession(
    master: Any = "",
    is_chief: bool = True,
    checkpoint_dir: Any = None,
    scaffold: Scaffold | None = None,
    hooks: Sequence[SessionRunHook] | None = None,
    chief_only_hooks: Sequence[SessionRunHook] | None = None,
    save_checkpoint_secs: Any = USE_DEFAULT,
    save_summaries_steps: Any = USE_DEFAULT,
    save_summaries_secs: Any = USE_DEFAULT,
    config: Any = None,
    stop_grace_period_secs: float = 120,
    log_step_count_steps: int | None = 100,
    max_wait_secs: float = 7200,
    save_checkpoint_steps: Any = USE_DEFAULT,
    summary_dir: Any = None,
) -> MonitoredSession:
    """Return a ``MonitoredSession`` that saves and restores checkpoints and writes summaries.

    Parameters
    ----------
    checkpoint_dir : folder to restore from and to save to; None: neither
    save_checkpoint_secs, save_checkpoint_steps : default 600 seconds; None: never
    save_summaries_steps, save_summaries_secs : default 100 steps; None: never
    log_step_count_steps : how often the speed is logged; None: never
    summary_dir : default: ``checkpoint_dir``
    """
    if save_summaries_steps is USE_DEFAULT and save_summaries_secs is USE_DEFAULT:
        save_summaries_steps = 100
    if save_checkpoint_secs is USE_DEFAULT and save_checkpoint_steps is USE_DEFAULT:
        save_checkpoint_secs = 600
    summary_steps, summary_secs, save_steps, save_secs = [
        None if value is USE_DEFAULT else value
        for value in (
            save_summaries_steps, save_summaries_secs, save_checkpoint_steps, save_checkpoint_secs,
        )
    ]  # fmt: skip
    scaffold = scaffold or Scaffold()
    given = list(hooks or ())
    if not is_chief:
        worker = WorkerSessionCreator(scaffold, master, config, max_wait_secs)
        return MonitoredSession(worker, given, stop_grace_period_secs)
    added: list[SessionRunHook] = list(chief_only_hooks or ())
    summary_dir = summary_dir or checkpoint_dir
    if summary_dir:
        if log_step_count_steps:
            added.append(StepCounterHook(log_step_count_steps, output_dir=summary_dir))
        if summary_steps or summary_secs:
            added.append(
                SummarySaverHook(summary_steps, summary_secs, summary_dir, scaffold=scaffold)
            )
    if checkpoint_dir and (save_secs or save_steps):
        added.append(CheckpointSaverHook(checkpoint_dir, save_secs, save_steps, scaffold=scaffold))
    chief = ChiefSessionCreator(scaffold, master, config, checkpoint_dir)
    return MonitoredSession(chief, [*added, *given], stop_grace_period_secs)


def _joined_feeds(feed_dict: Any, asked: Iterable[SessionRunArgs]) -> dict[Any, Any] | None:
    """Return the caller's feeds and those of hooks; an error if one tensor has two."""
    feeds = dict(feed_dict or {})
    for args in asked:
        for tensor, value in (args.feed_dict or {}).items():
            if tensor in feeds:
                raise InvalidArgumentError(
                    None, None, f"{tensor!r} is fed twice: by a SessionRunHook, and by another or "
                    f"the caller."
                )  # fmt: skip
            feeds[tensor] = value
    return feeds or None


def _joined_options(options: list[Any]) -> Any:
    if len(options) < 2:
        return options[0] if options else None
    joined = RunOptions()
    for each in options:
        joined.MergeFrom(each)
    return joined
