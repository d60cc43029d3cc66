"""Hooks that watch a training loop: log, stop, check for NaN, wait.

In: tensors, and how often to look at them.  Out: messages of ``tf.logging``, requests to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfmini import logging
from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.train.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from tfmini.train.steps import get_global_step

_WAIT_SECS = 0.5


class SecondOrStepTimer:
    """Says when something is due again: every so many seconds, or every so many steps."""

    def __init__(self, every_secs: float | None = None, every_steps: int | None = None) -> None:
        exactly_one(every_secs=every_secs, every_steps=every_steps)
        self._every_secs, self._every_steps = every_secs, every_steps
        self.reset()

    def reset(self) -> None:
        """Forget when it was last done."""
        self._last_triggered_step: int | None = None
        self._last_triggered_time = 0.0

    def should_trigger_for_step(self, step: int) -> bool:
        """Return whether it is due at ``step``; a step triggers once, the first one always."""
        if self._last_triggered_step is None:
            return True
        if self._last_triggered_step == step:
            return False
        if self._every_secs is not None:
            return time.time() >= self._last_triggered_time + self._every_secs
        return step >= self._last_triggered_step + (self._every_steps or 0)

    def update_last_triggered_step(self, step: int) -> tuple[float | None, int | None]:
        """Note that it is done; return the seconds and steps since the last time, or Nones."""
        now, last = time.time(), self._last_triggered_step
        elapsed = (None, None) if last is None else (now - self._last_triggered_time, step - last)
        self._last_triggered_time, self._last_triggered_step = now, step
        return elapsed

    def last_triggered_step(self) -> int | None:
        """Return the step at which it was last done."""
        return self._last_triggered_step


def exactly_one(**given: Any) -> None:
    """Raise unless one of the arguments ``given``, and no other, is not None."""
    if sum(value is not None for value in given.values()) != 1:
        raise InvalidArgumentError(None, None, f"give exactly one of {' and '.join(given)}.")


def required_global_step(hook: Any) -> Any:
    """Return the graph's global step, which ``hook`` needs."""
    step = get_global_step()
    if step is None:
        raise FailedPreconditionError(
            None,
            None,
            f"{type(hook).__name__} needs a global step: call tf.train.get_or_create_global_step() "
            f"and pass it to minimize(..., global_step=...).",
        )
    return step


class LoggingTensorHook(SessionRunHook):
    """Logs values of tensors every so many runs or seconds, and at the end if asked for.

    Parameters
    ----------
    tensors : dict of tags to tensors or their names, or a list of them
    every_n_iter, every_n_secs : exactly one, or neither with ``at_end``
    formatter : function of a dict of tags to values, which returns the message
    """

    def __init__(
        self,
        tensors: Any,
        every_n_iter: int | None = None,
        every_n_secs: float | None = None,
        at_end: bool = False,
        formatter: Callable[[dict[str, Any]], str] | None = None,
    ) -> None:
        if not at_end or every_n_iter is not None or every_n_secs is not None:
            exactly_one(every_n_iter=every_n_iter, every_n_secs=every_n_secs)
        if every_n_iter is not None and every_n_iter <= 0:
            raise InvalidArgumentError(None, None, f"every_n_iter must be > 0: {every_n_iter}.")
        by_tag = tensors if isinstance(tensors, Mapping) else {_tag(t): t for t in tensors}
        self._tensors = dict(by_tag)
        self._formatter = formatter
        self._at_end = at_end
        self._timer = None
        if every_n_iter is not None or every_n_secs is not None:
            self._timer = SecondOrStepTimer(every_n_secs, every_n_iter)

    def begin(self) -> None:
        if self._timer is not None:
            self._timer.reset()
        self._iter_count = 0
        graph = get_default_graph()
        self._current_tensors = {t: graph.as_graph_element(x) for t, x in self._tensors.items()}

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        timer = self._timer
        self._due = timer is not None and timer.should_trigger_for_step(self._iter_count)
        return SessionRunArgs(self._current_tensors) if self._due else None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        if self._due:
            self._log_tensors(run_values.results)
        self._iter_count += 1

    def end(self, session: Any) -> None:
        if self._at_end:
            self._log_tensors(session.run(self._current_tensors))

    def _log_tensors(self, values: dict[str, Any]) -> None:
        elapsed = None
        if self._timer is not None:
            elapsed, _ = self._timer.update_last_triggered_step(self._iter_count)
        if self._formatter is not None:
            logging.info(self._formatter(values))
            return
        with np.printoptions(suppress=True):
            text = ", ".join([f"{tag} = {values[tag]}" for tag in self._tensors])
        logging.info("%s", text if elapsed is None else f"{text} ({elapsed:.3f} sec)")


def _tag(tensor: Any) -> str:
    return tensor if isinstance(tensor, str) else tensor.name


class StopAtStepHook(SessionRunHook):
    """Requests a stop after ``num_steps`` more steps, or at ``last_step`` of the global step."""

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        exactly_one(num_steps=num_steps, last_step=last_step)
        self._num_steps, self._last_step = num_steps, last_step

    def begin(self) -> None:
        self._global_step = required_global_step(self)

    def after_create_session(self, session: Any, coord: Any) -> None:
        if self._last_step is None:
            self._last_step = int(session.run(self._global_step)) + (self._num_steps or 0)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(self._global_step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        last: Any = self._last_step
        # The value fetched may be that before the step.
        if run_values.results + 1 >= last and run_context.session.run(self._global_step) >= last:
            run_context.request_stop()


class NanLossDuringTrainingError(RuntimeError):
    """The loss has become NaN."""

    def __str__(self) -> str:
        return "NaN loss during training."


class NanTensorHook(SessionRunHook):
    """Raises ``NanLossDuringTrainingError``, or requests a stop, once a tensor has a NaN."""

    def __init__(self, loss_tensor: Any, fail_on_nan_loss: bool = True) -> None:
        self._loss_tensor = loss_tensor
        self._fail_on_nan_loss = fail_on_nan_loss

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(self._loss_tensor)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        if not np.isnan(run_values.results).any():
            return
        if self._fail_on_nan_loss:
            logging.error("Model diverged with loss = NaN.")
            raise NanLossDuringTrainingError
        logging.warning("Model diverged with loss = NaN.")
        run_context.request_stop()


class GlobalStepWaiterHook(SessionRunHook):
    """Lets the first run wait until another thread has brought the global step to a number."""

    def __init__(self, wait_until_step: int) -> None:
        self._wait_until_step = wait_until_step

    def begin(self) -> None:
        self._waiting = self._wait_until_step > 0
        self._global_step = required_global_step(self)

    def before_run(self, run_context: SessionRunContext) -> None:
        if not self._waiting:
            return
        logging.info("Waiting for global step %d before starting.", self._wait_until_step)
        while run_context.session.run(self._global_step) < self._wait_until_step:
            time.sleep(_WAIT_SECS)
        self._waiting = False


class FinalOpsHook(SessionRunHook):
    """Runs ``final_ops`` at the end and keeps the values as ``final_ops_values``."""

    def __init__(self, final_ops: Any, final_ops_feed_dict: Any = None) -> None:
        self._final_ops, self._feed_dict = final_ops, final_ops_feed_dict
        self._final_ops_values: Any = None

    @property
    def final_ops_values(self) -> Any:
        return self._final_ops_values

    def end(self, session: Any) -> None:
        if self._final_ops is not None:
            self._final_ops_values = session.run(self._final_ops, feed_dict=self._feed_dict)


class FeedFnHook(SessionRunHook):
    """Feeds each run what ``feed_fn()`` returns, a dict of tensors to values."""

    def __init__(self, feed_fn: Callable[[], Any]) -> None:
        self.feed_fn = feed_fn

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(None, self.feed_fn())
