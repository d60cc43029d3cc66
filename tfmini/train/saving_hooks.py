"""Hooks that write files while a model trains: checkpoints, summaries, speed.

In: a folder, and how often to write.  Out: checkpoints of a ``Saver``, and event files that
TensorBoard reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tfmini import logging
from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.exchange.exporting import write_graph
from tfmini.formats.events import SessionLog, Summary
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.summaries.writer import FileWriterCache
from tfmini.train.hooks import SecondOrStepTimer, exactly_one, required_global_step
from tfmini.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)


class CheckpointSaverListener:
    """Base of what is called around each save of a ``CheckpointSaverHook``."""

    def begin(self) -> None:
        """Called before the session is created."""

    def before_save(self, session: Any, global_step_value: int) -> None:
        """Called before a checkpoint is written."""

    def after_save(self, session: Any, global_step_value: int) -> bool | None:
        """Called when a checkpoint is written; True requests a stop."""

    def end(self, session: Any, global_step_value: int) -> None:
        """Called after the last save."""


class _EverySoOften(SessionRunHook):
    """Base of hooks that act at some global steps, when their timer says so."""

    _timer: SecondOrStepTimer
    _global_step: Any

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(self._global_step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        # The value fetched may be that before the step.
        if self._timer.should_trigger_for_step(int(run_values.results) + 1):
            step = int(run_context.session.run(self._global_step))
            if self._timer.should_trigger_for_step(step):
                self._act(run_context, step)

    def _act(self, run_context: SessionRunContext, step: int) -> None:
        raise NotImplementedError


class CheckpointSaverHook(_EverySoOften):
    """Saves a checkpoint at the beginning, every so many seconds or steps, and at the end.

    Parameters
    ----------
    checkpoint_dir : folder
    save_secs, save_steps : exactly one of them
    saver, scaffold : at most one of them; default: the Saver of the collection ``SAVERS``
    listeners : ``CheckpointSaverListener``s
    """

    def __init__(
        self,
        checkpoint_dir: Any,
        save_secs: float | None = None,
        save_steps: int | None = None,
        saver: Any = None,
        checkpoint_basename: str = "model.ckpt",
        scaffold: Any = None,
        listeners: Iterable[CheckpointSaverListener] | None = None,
        save_graph_def: bool = True,
    ) -> None:
        if saver is not None and scaffold is not None:
            raise InvalidArgumentError(None, None, "give a saver or a scaffold, not both.")
        self._saver, self._scaffold = saver, scaffold
        self._checkpoint_dir = os.fspath(checkpoint_dir)
        self._save_path = os.path.join(self._checkpoint_dir, checkpoint_basename)
        self._timer = SecondOrStepTimer(save_secs, save_steps)
        self._listeners = list(listeners or ())
        self._save_graph_def = save_graph_def

    def begin(self) -> None:
        self._writer = FileWriterCache.get(self._checkpoint_dir)
        self._global_step = required_global_step(self)
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session: Any, coord: Any) -> None:
        write_graph(session.graph, self._checkpoint_dir, "graph.pbtxt")
        self._writer.add_graph(session.graph)
        step = int(session.run(self._global_step))
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def _act(self, run_context: SessionRunContext, step: int) -> None:
        self._timer.update_last_triggered_step(step)
        if self._save(run_context.session, step):
            run_context.request_stop()

    def end(self, session: Any) -> None:
        step = int(session.run(self._global_step))
        if step != self._timer.last_triggered_step():
            self._save(session, step)
        for listener in self._listeners:
            listener.end(session, step)

    def _save(self, session: Any, step: int) -> bool:
        """Save, and return whether a listener asks to stop."""
        logging.info("Saving checkpoints for %d into %s.", step, self._save_path)
        for listener in self._listeners:
            listener.before_save(session, step)
        self._get_saver().save(
            session, self._save_path, global_step=step, write_meta_graph=self._save_graph_def
        )
        log = SessionLog(status=SessionLog.CHECKPOINT, checkpoint_path=f"{self._save_path}-{step}")
        self._writer.add_session_log(log, step)
        stops = [listener.after_save(session, step) for listener in self._listeners]
        return any(stops)

    def _get_saver(self) -> Any:
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None:
            return self._scaffold.saver
        savers = get_default_graph().get_collection(GraphKeys.SAVERS)
        if len(savers) != 1:
            raise FailedPreconditionError(
                None,
                None,
                f"there are {len(savers)} savers in the collection SAVERS, one is needed; pass "
                f"CheckpointSaverHook a saver or a scaffold.",
            )
        return savers[0]


class StepCounterHook(_EverySoOften):
    """Logs how many global steps a second are made, and writes them as a summary."""

    def __init__(
        self,
        every_n_steps: int | None = 100,
        every_n_secs: float | None = None,
        output_dir: Any = None,
        summary_writer: Any = None,
    ) -> None:
        exactly_one(every_n_steps=every_n_steps, every_n_secs=every_n_secs)
        self._timer = SecondOrStepTimer(every_n_secs, every_n_steps)
        self._writer, self._output_dir = summary_writer, output_dir

    def begin(self) -> None:
        if self._writer is None and self._output_dir is not None:
            self._writer = FileWriterCache.get(self._output_dir)
        self._global_step = required_global_step(self)
        self._tag = f"{self._global_step.op.name}/sec"

    def _act(self, run_context: SessionRunContext, step: int) -> None:
        secs, steps = self._timer.update_last_triggered_step(step)
        if secs is None or steps is None:
            return
        rate = steps / secs if secs else float("inf")
        logging.info("%s: %g", self._tag, rate)
        if self._writer is not None:
            value = Summary.Value(tag=self._tag, simple_value=rate)
            self._writer.add_summary(Summary(value=[value]), step)


class SummarySaverHook(SessionRunHook):
    """Writes summaries at the first run, and every so many seconds or steps.

    Parameters
    ----------
    save_steps, save_secs : exactly one of them
    output_dir, summary_writer : where to
    scaffold, summary_op : exactly one of them; the operation may be a list of operations
    """

    def __init__(
        self,
        save_steps: int | None = None,
        save_secs: float | None = None,
        output_dir: Any = None,
        summary_writer: Any = None,
        scaffold: Any = None,
        summary_op: Any = None,
    ) -> None:
        exactly_one(scaffold=scaffold, summary_op=summary_op)
        self._timer = SecondOrStepTimer(save_secs, save_steps)
        self._scaffold, self._summary_op = scaffold, summary_op
        self._writer, self._output_dir = summary_writer, output_dir

    def begin(self) -> None:
        if self._writer is None and self._output_dir is not None:
            self._writer = FileWriterCache.get(self._output_dir)
        self._next_step: int | None = None
        self._global_step = required_global_step(self)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        step = self._next_step
        self._due = step is None or self._timer.should_trigger_for_step(step)
        summaries = self._summaries() if self._due else []
        return SessionRunArgs((self._global_step, summaries))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        if self._writer is None:
            return
        before, summaries = run_values.results
        step = int(before) + 1
        if self._due:
            step = int(run_context.session.run(self._global_step))
            if self._next_step is None:
                self._writer.add_session_log(SessionLog(status=SessionLog.START), step)
            self._timer.update_last_triggered_step(step)
            for summary in summaries:
                self._writer.add_summary(summary, step)
        self._next_step = step + 1

    def end(self, session: Any = None) -> None:
        if self._writer is not None:
            self._writer.flush()

    def _summaries(self) -> list[Any]:
        op = self._scaffold.summary_op if self._summary_op is None else self._summary_op
        if op is None:
            return []
        return list(op) if isinstance(op, (list, tuple)) else [op]
