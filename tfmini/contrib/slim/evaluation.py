"""``slim.evaluation``: what a model's metrics are at its checkpoints.

In: checkpoints, and the operations of metrics.  Out: the values of ``final_op``, and summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tfmini.contrib import evaluation
from tfmini.contrib.evaluation import StopAfterNEvalsHook, SummaryAtEndHook
from tfmini.summaries.values import merge_all
from tfmini.train.new_checkpoints import checkpoints_iterator, wait_for_new_checkpoint
from tfmini.train.saver import Saver
from tfmini.train.scaffold import Scaffold
from tfmini.train.session_run_hook import SessionRunHook

__all__ = ["checkpoints_iterator", "evaluate_once", "evaluation_loop", "wait_for_new_checkpoint"]

_ALL: Any = object()


def evaluate_once(
    master: Any, checkpoint_path: Any, logdir: Any, num_evals: int | None = 1,
    initial_op: Any = None, initial_op_feed_dict: Any = None, eval_op: Any = None,
    eval_op_feed_dict: Any = None, final_op: Any = None, final_op_feed_dict: Any = None,
    summary_op: Any = _ALL, summary_op_feed_dict: Any = None, variables_to_restore: Any = None,
    session_config: Any = None, hooks: Iterable[SessionRunHook] | None = None,
) -> Any:  # fmt: skip
    """Return the value of ``final_op`` after ``num_evals`` runs of ``eval_op`` with a checkpoint.

    Parameters
    ----------
    logdir : folder that gets an event file with ``summary_op``, by default all summaries
    initial_op : how variables start that the checkpoint has not
    variables_to_restore : default: all
    """
    scaffold = _scaffold(initial_op, initial_op_feed_dict, variables_to_restore)
    more = _hooks(logdir, num_evals, summary_op, summary_op_feed_dict, hooks)
    return evaluation.evaluate_once(
        checkpoint_path, master, scaffold, eval_op, eval_op_feed_dict, final_op,
        final_op_feed_dict, more, session_config,
    )  # fmt: skip


def evaluation_loop(
    master: Any, checkpoint_dir: Any, logdir: Any, num_evals: int | None = 1,
    initial_op: Any = None, initial_op_feed_dict: Any = None,
    init_fn: Callable[[Any, Any], Any] | None = None, eval_op: Any = None,
    eval_op_feed_dict: Any = None, final_op: Any = None, final_op_feed_dict: Any = None,
    summary_op: Any = _ALL, summary_op_feed_dict: Any = None, variables_to_restore: Any = None,
    eval_interval_secs: float = 60, max_number_of_evaluations: int | None = None,
    session_config: Any = None, timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None, hooks: Iterable[SessionRunHook] | None = None,
) -> Any:  # fmt: skip
    """Evaluate each new checkpoint of a folder as `evaluate_once` does; return the last value.

    It ends after ``max_number_of_evaluations``, or ``timeout`` seconds without a new checkpoint.
    """
    scaffold = _scaffold(initial_op, initial_op_feed_dict, variables_to_restore, init_fn)
    more = _hooks(logdir, num_evals, summary_op, summary_op_feed_dict, hooks)
    return evaluation.evaluate_repeatedly(
        checkpoint_dir, master, scaffold, eval_op, eval_op_feed_dict, final_op,
        final_op_feed_dict, eval_interval_secs, more, session_config, max_number_of_evaluations,
        timeout, timeout_fn,
    )  # fmt: skip


def _scaffold(
    initial_op: Any,
    feed_dict: Any,
    variables: Any,
    init_fn: Callable[[Any, Any], Any] | None = None,
) -> Scaffold:
    saver = None if variables is None else Saver(variables)
    return Scaffold(init_op=initial_op, init_feed_dict=feed_dict, init_fn=init_fn, saver=saver)


def _hooks(
    logdir: Any, num_evals: int | None, summary_op: Any, feed_dict: Any,
    hooks: Iterable[SessionRunHook] | None,
) -> list[SessionRunHook]:  # fmt: skip
    summary_op = merge_all() if summary_op is _ALL else summary_op
    out: list[SessionRunHook] = [StopAfterNEvalsHook(num_evals)]
    if summary_op is not None:
        out.append(SummaryAtEndHook(logdir, summary_op=summary_op, feed_dict=feed_dict))
    return out + list(hooks or ())
