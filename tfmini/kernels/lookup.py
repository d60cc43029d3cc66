"""Where keys are in the keys of a table.

In: a table's keys, an array [n] or, of keys that are vectors, [n, size]; and keys to find.  Out:
the place of each, or -1.  What speeds it up, a dict of the table's keys, is made once for an array
of keys and kept as long as that array lives; arrays of keys are never written to.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

Find = Callable[[np.ndarray], np.ndarray]


def places_of(table_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return for each of ``keys`` (of ndim 1, or 2 if keys are vectors) its place, int64 [n]."""
    return _FINDERS.of(table_keys)(keys)


def elements(keys: np.ndarray) -> list[Any]:
    """Return keys as a list of what a dict can hold: numbers, bytes, or tuples of numbers."""
    if keys.ndim > 1:
        return list(map(tuple, keys.tolist()))
    if keys.dtype == object:
        return [k if isinstance(k, bytes) else _bytes(k) for k in keys]
    out: list[Any] = keys.tolist()
    return out


def _bytes(text: Any) -> bytes:
    return str(text).encode("utf-8", "surrogateescape")


class _Finders:
    """A function that finds keys, for each array of keys that is alive."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[weakref.ref[np.ndarray], Find]] = {}

    def of(self, table_keys: np.ndarray) -> Find:
        at = id(table_keys)
        made = self._made.get(at)
        if made is not None and made[0]() is table_keys:
            return made[1]
        find = _finder(table_keys)

        def forget(gone: Any) -> None:  # unless another array is at that place by now
            if at in self._made and self._made[at][0] is gone:
                del self._made[at]

        self._made[at] = (weakref.ref(table_keys, forget), find)
        return find


_FINDERS = _Finders()


def _finder(table_keys: np.ndarray) -> Find:
    n = len(table_keys)
    if table_keys.ndim == 1 and table_keys.dtype.kind in "iu" and n:
        first = int(table_keys[0])
        if int(table_keys[-1]) == first + n - 1 and np.all(np.diff(table_keys) == 1):
            return lambda keys: _in_range(keys, first, n)
    places = dict(zip(elements(table_keys), range(n), strict=True))

    def find(keys: np.ndarray) -> np.ndarray:
        return np.fromiter(map(places.get, elements(keys), repeat(-1)), np.int64, len(keys))

    return find


def _in_range(keys: np.ndarray, first: int, n: int) -> np.ndarray:
    """The places where a table's keys are ``first``, ``first + 1``, ..., n of them."""
    inside = (keys >= first) & (keys <= first + n - 1)
    out: np.ndarray = np.where(inside, keys, first).astype(np.int64) - first
    out[~inside] = -1
    return out
