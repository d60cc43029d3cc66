"""How long a run may wait: for a queue's element or place, or for a dataset's next element.

In: milliseconds, of a run's ``RunOptions`` or a session's ``ConfigProto``.  Out: waits of this
thread that raise DeadlineExceededError when the time is over.  Nothing that computes is broken off.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from tfmini.errors import DeadlineExceededError

_AT_A_TIME = 1.0  # seconds


class _Local(threading.local):
    end: float | None = None


_local = _Local()


class within:
    """A block whose waits end after so many milliseconds; 0: whenever they do.

    Of blocks one inside the other the outermost that has a limit says it.
    """

    __slots__ = ("_end", "_outer")

    def __init__(self, milliseconds: int) -> None:
        self._end = time.monotonic() + milliseconds / 1000 if milliseconds else None

    def __enter__(self) -> None:
        self._outer = _local.end
        if self._outer is None:
            _local.end = self._end

    def __exit__(self, *_exc: object) -> None:
        _local.end = self._outer


def seconds_left() -> float:
    """Return how long this thread may wait at a time; DeadlineExceededError if no longer.

    Who may wait for ever asks again each second: Ctrl-C in the moment before a wait does not end
    that wait.
    """
    if _local.end is None:
        return _AT_A_TIME
    left = _local.end - time.monotonic()
    if left <= 0:
        raise DeadlineExceededError(
            None,
            None,
            "timed out waiting for other threads, as the run's timeout_in_ms, or the session's "
            "operation_timeout_in_ms, asks. Have the queue runners been started?",
        )
    return min(left, _AT_A_TIME)


class holding:
    """A block that holds ``lock``, waited for no longer than this thread may."""

    __slots__ = ("_lock",)

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        while not self._lock.acquire(timeout=seconds_left()):
            pass

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()
