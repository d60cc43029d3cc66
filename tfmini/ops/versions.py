"""The next version of a large array of which a step changes few rows.

In: an array, row numbers, and what these rows become.  Out: another array with those rows; the one
given is never written.

To copy a table of 50,000 x 128 takes longer than all the rest of a step of word2vec.  So the memory
of the version *before* the one given is used again: it differs in the rows that made that one, and
only these are copied.  It is used only if nobody else holds it: no session, no run that is under
way, no view, no task on a worker.  Python's reference counts say so.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tfmini import threads

_LARGE = 1 << 20  # bytes; smaller arrays are copied in one piece, each time
_SHARE = 8  # rows one by one, if they are at most this share of all


class _Past(NamedTuple):
    """How an array came about: from ``before``, in a box that alone holds it, by ``rows``."""

    array: weakref.ref[np.ndarray]
    before: list[np.ndarray]
    rows: np.ndarray


_pasts: dict[int, _Past] = {}  # by the id of the array; gone when it is
_lock = threading.Lock()


def with_rows(old: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``old`` [n, ...] with ``values`` [m, ...] at its ``rows`` [m], all in 0 to n - 1."""
    if old.nbytes < _LARGE or len(rows) > len(old) // _SHARE:
        new = _copied(old)
        new[rows] = values
        return new
    new = _recycled(old)
    if new is None:
        new = _copied(old)
    new[rows] = values
    _remember(new, old, rows)
    return new


def _recycled(old: np.ndarray) -> np.ndarray | None:
    """Return a copy of ``old`` in the memory of the version before; None if that is not free."""
    with _lock:
        past = _pasts.pop(id(old), None)
    if past is None or past.array() is not old or not _is_free(past.before):
        return None
    new = past.before.pop()
    new[past.rows] = old[past.rows]
    return new


def _remember(new: np.ndarray, old: np.ndarray, rows: np.ndarray) -> None:
    key = id(new)

    def forget(array: weakref.ref[np.ndarray]) -> None:
        # Without the lock: this can run at any moment, also while this thread holds it.
        past = _pasts.get(key)
        if past is not None and past.array is array:
            _pasts.pop(key, None)

    past = _Past(weakref.ref(new, forget), [old], rows.copy())
    with _lock:
        _pasts[key] = past


def _count(box: list[np.ndarray]) -> int:
    return sys.getrefcount(box[0])


_ALONE = _count([np.empty(0)])


def _is_free(box: list[np.ndarray]) -> bool:
    """Whether the box alone holds its array, and the array its memory."""
    if _count(box) != _ALONE:  # asked first: flags hold their array too
        return False
    flags = box[0].flags
    return flags.owndata and flags.writeable


def _copied(old: np.ndarray) -> np.ndarray:
    """Return a copy, made on all cores: what costs most is that the system gives new pages."""
    if old.nbytes < _LARGE:
        return old.copy()
    new = np.empty(old.shape, old.dtype)
    step = max(1, len(old) // (4 * threads.CPU_COUNT))
    both = [old, new]

    def work(numbers: Iterable[int]) -> None:
        for i in numbers:
            both[1][i : i + step] = both[0][i : i + step]

    threads.run_blocks(work, range(0, len(old), step))
    both.clear()  # a thread that comes late may hold ``work`` for a moment: not the arrays
    return new
