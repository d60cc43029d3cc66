"""Evaluating checkpoints: the one that is given, or each one that a training makes.

In: checkpoints, operations that update metrics, and operations for their values.  Out: the values,
and summaries in event files.  ``tf.contrib.training`` and ``tf.contrib.slim.evaluation`` have these
functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tfmini.graph import GraphKeys, get_default_graph
from tfmini.logging import info
from tfmini.ops import state
from tfmini.ops.creation import zeros
from tfmini.summaries.values import merge_all
from tfmini.summaries.writer import FileWriter, FileWriterCache
from tfmini.train.hooks import FinalOpsHook
from tfmini.train.monitored_session import MonitoredSession
from tfmini.train.new_checkpoints import checkpoints_iterator
from tfmini.train.scaffold import Scaffold
from tfmini.train.session_creator import ChiefSessionCreator
from tfmini.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from tfmini.train.steps import get_global_step


def get_or_create_eval_step() -> Any:
    """Return the local variable that counts the runs of an evaluation, int64."""
    graph = get_default_graph()
    found = graph.get_collection(GraphKeys.EVAL_STEP)
    if found:
        return found[0]
    with graph.control_dependencies(None):
        return state.Variable(
            zeros([], "int64"), False, [GraphKeys.LOCAL_VARIABLES, GraphKeys.EVAL_STEP],
            name="eval_step",
        )  # fmt: skip


class StopAfterNEvalsHook(SessionRunHook):
    """Ends an evaluation after ``num_evals`` runs; None: it ends with its data."""

    def __init__(self, num_evals: int | None, log_progress: bool = True) -> None:
        self._num_evals, self._log_progress = num_evals, log_progress

    def begin(self) -> None:
        self._done = get_or_create_eval_step()

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(self._done)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        done = int(run_values.results) + 1  # what is read is the number before this run
        if self._log_progress:
            info(f"Evaluation [{done}/{self._num_evals or 'all'}]")
        if self._num_evals is not None and done >= self._num_evals:
            run_context.request_stop()


class SummaryAtEndHook(SessionRunHook):
    """Writes a summary at the end of an evaluation.

    Parameters
    ----------
    log_dir : folder of the event file, or give ``summary_writer``
    summary_op : default: all summaries, if there are any
    """

    def __init__(
        self, log_dir: Any = None, summary_writer: FileWriter | None = None, summary_op: Any = None,
        feed_dict: Any = None,
    ) -> None:  # fmt: skip
        self._log_dir, self._writer = log_dir, summary_writer
        self._summary_op, self._feed_dict = summary_op, feed_dict

    def begin(self) -> None:
        if self._writer is None and self._log_dir:
            self._writer = FileWriterCache.get(self._log_dir)
        if self._summary_op is None:
            self._summary_op = merge_all()
        self._global_step = get_global_step()

    def end(self, session: Any) -> None:
        if self._writer is None or self._summary_op is None:
            return
        step = None if self._global_step is None else session.run(self._global_step)
        self._writer.add_summary(session.run(self._summary_op, self._feed_dict), step)
        self._writer.flush()


def evaluate_once(
    checkpoint_path: Any, master: Any = "", scaffold: Scaffold | None = None, eval_ops: Any = None,
    feed_dict: Any = None, final_ops: Any = None, final_ops_feed_dict: Any = None,
    hooks: Iterable[SessionRunHook] | None = None, config: Any = None,
) -> Any:  # fmt: skip
    """Return the values of ``final_ops`` after an evaluation of one checkpoint.

    ``eval_ops`` (tensors, operations, or a structure of them) run until a hook stops them, such as
    `StopAfterNEvalsHook`, or the data is over.
    """
    run = _counted(eval_ops)
    return _evaluated(checkpoint_path, master, scaffold, run, feed_dict, final_ops,
                      final_ops_feed_dict, hooks or (), config)  # fmt: skip


def evaluate_repeatedly(
    checkpoint_dir: Any, master: Any = "", scaffold: Scaffold | None = None, eval_ops: Any = None,
    feed_dict: Any = None, final_ops: Any = None, final_ops_feed_dict: Any = None,
    eval_interval_secs: float = 60, hooks: Iterable[SessionRunHook] | None = None,
    config: Any = None, max_number_of_evaluations: int | None = None, timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Any:  # fmt: skip
    """Evaluate each new checkpoint of a folder; return the last values of ``final_ops``.

    It goes on for ``max_number_of_evaluations``, or until none comes for ``timeout`` seconds and
    ``timeout_fn()``, if given, is true.
    """
    values, given, run = None, list(hooks or ()), _counted(eval_ops)
    scaffold = scaffold or Scaffold()
    found = checkpoints_iterator(checkpoint_dir, eval_interval_secs, timeout, timeout_fn)
    for number, path in enumerate(found, 1):
        values = _evaluated(path, master, scaffold, run, feed_dict, final_ops,
                            final_ops_feed_dict, given, config)  # fmt: skip
        if max_number_of_evaluations is not None and number >= max_number_of_evaluations:
            break
    return values


def _counted(eval_ops: Any) -> Any:
    """Return what a run of an evaluation fetches, its count included; None if there are no runs."""
    if eval_ops is None:
        return None
    return [eval_ops, state.assign_add(get_or_create_eval_step(), 1)]


def _evaluated(
    path: Any, master: Any, scaffold: Scaffold | None, run: Any, feed_dict: Any, final_ops: Any,
    final_ops_feed_dict: Any, hooks: Iterable[SessionRunHook], config: Any,
) -> Any:  # fmt: skip
    info(f"Starting evaluation of {path}")
    final = FinalOpsHook(final_ops, final_ops_feed_dict)
    creator = ChiefSessionCreator(scaffold, master, config, checkpoint_filename_with_path=path)
    with MonitoredSession(creator, [*hooks, final]) as session:
        while run is not None and not session.should_stop():
            session.run(run, feed_dict)
    return final.final_ops_values
