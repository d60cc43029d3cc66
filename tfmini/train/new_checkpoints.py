"""Checkpoints as they come: what an evaluation beside a training waits for.

In: the folder of a training.  Out: the prefix of each checkpoint that becomes its latest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tfmini.train.checkpoints import latest_checkpoint


def wait_for_new_checkpoint(
    checkpoint_dir: Any, last_checkpoint: str | None = None, seconds_to_sleep: float = 1,
    timeout: float | None = None,
) -> str | None:  # fmt: skip
    """Return the folder's latest checkpoint once it is another than ``last_checkpoint``.

    The folder is looked at every ``seconds_to_sleep``.  None: there is none after ``timeout``
    seconds.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        found = latest_checkpoint(checkpoint_dir)
        if found is not None and found != last_checkpoint:
            return found
        if end is not None and time.monotonic() + seconds_to_sleep > end:
            return None
        time.sleep(seconds_to_sleep)


def checkpoints_iterator(
    checkpoint_dir: Any, min_interval_secs: float = 0, timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Iterator[str]:  # fmt: skip
    """Yield the folder's latest checkpoint, and each one that becomes it; those between are missed.

    Parameters
    ----------
    min_interval_secs : seconds from one to the next, at least
    timeout : seconds to wait for the next; None: for ever
    timeout_fn : asked after ``timeout`` whether to end; without it, that is the end
    """
    last = None
    while True:
        found = wait_for_new_checkpoint(checkpoint_dir, last, timeout=timeout)
        if found is None:
            if timeout_fn is None or timeout_fn():
                return
            continue
        start, last = time.monotonic(), found
        yield found
        time.sleep(max(0.0, start + min_interval_secs - time.monotonic()))
