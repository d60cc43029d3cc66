"""Writers of ``dims`` strings for operations that move data.

In: static shapes, and which dimension of the output is which of the input.  Out: the string, or
None where too little is known.  Lower-case letters may be split, those in brackets may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfmini.opdef import normalize_axis
from tfmini.shapes import Shape

LETTERS = "abcdefghijklmnopqrstuvwxy"  # "z" is for shape vectors


def moved(
    given: Shape, out: Shape, same: Mapping[int, int], vectors: int = 0, scalars: int = 0
) -> str | None:
    """Return the string where output dimension ``same[i]`` is input dimension i, and all others
    stay whole; further inputs are int vectors, and behind them scalars."""
    if given is None or out is None or len(given) + len(out) > len(LETTERS):
        return None
    names = iter(LETTERS)
    left = [next(names) for _ in given]
    right = [f"[{next(names)}]" for _ in out]
    for i, j in same.items():
        right[j] = left[i]
    left = [c if i in same else f"[{c}]" for i, c in enumerate(left)]
    return f"{''.join(left)}{',[z]' * vectors}{',' * scalars}->{''.join(right)}"


def bordered(given: Shape, out: Shape, pairs: Sequence[Any] | None, scalars: int = 0) -> str | None:
    """Return the string of adding or taking off ``pairs`` (before, after) of a border: dimensions
    without one may be split."""
    if pairs is None:
        return None
    same = {i: i for i, pair in enumerate(pairs) if tuple(pair) == (0, 0)}
    return moved(given, out, same, vectors=1, scalars=scalars)


def broadcast(given: Shape, out: Shape) -> str | None:
    """Return the string of broadcasting to a shape vector."""
    if given is None or out is None or None in given or len(given) > len(out):
        return None
    extra = len(out) - len(given)
    same = {i: extra + i for i, n in enumerate(given) if n == out[extra + i]}
    return _stretched(given, out, same)


def unreduced(given: Shape, out: Shape, axis: Any, keepdims: bool) -> str | None:
    """Return the string of spreading what was reduced along ``axis`` to a shape vector."""
    if given is None or out is None:
        return None
    axes = normalize_axis(axis, len(out)) or ()
    kept = [i for i in range(len(out)) if keepdims or i not in axes]
    if len(kept) != len(given):
        return None
    same = {i: j for i, j in enumerate(kept) if given[i] == out[j] and j not in axes}
    return _stretched(given, out, same)


def _stretched(given: Sequence[Any], out: Sequence[Any], same: Mapping[int, int]) -> str | None:
    if len(given) + len(out) > len(LETTERS):
        return None
    right = LETTERS[: len(out)]
    whole = iter(LETTERS[len(out) :])
    left = [right[same[i]] if i in same else f"[{next(whole)}]" for i in range(len(given))]
    return f"{''.join(left)},[z]->{right}"


def reshaped(given: Shape, out: Shape) -> str | None:
    """Return the string of a reshape: leading and trailing dimensions that stay may be split."""
    if given is None or out is None or None in given or None in out or 0 in given:
        return None
    shorter = min(len(given), len(out))
    lead = next((i for i in range(shorter) if given[i] != out[i]), shorter)
    tail = next((i for i in range(shorter - lead) if given[-1 - i] != out[-1 - i]), shorter - lead)
    same = {i: i for i in range(lead)}
    same.update({len(given) - 1 - i: len(out) - 1 - i for i in range(tail)})
    return moved(given, out, same, vectors=1)


def sliced(given: Shape, out: Shape, items: Sequence[Any], vectors: int = 0) -> str | None:
    """Return the string of a basic index: dimensions that it takes whole may be split."""
    if given is None or out is None:
        return None
    rest = len(given) - sum(1 for i in items if i is not None and i is not Ellipsis)
    entries = list(items)
    place = entries.index(Ellipsis) if Ellipsis in entries else len(entries)
    entries[place : place + 1] = [(None, None, None)] * rest
    same: dict[int, int] = {}
    i = j = 0
    for entry in entries:
        if isinstance(entry, tuple) and _takes_all(entry, given[i]):
            same[i] = j
        i += entry is not None
        j += entry is None or isinstance(entry, tuple)
    return moved(given, out, same, vectors)


def _takes_all(entry: tuple[Any, ...], size: int | None) -> bool:
    """Whether a slice takes all of a dimension of ``size``, and all of a part of it too."""
    first, last, step = entry
    reaches = last is None or (size is not None and isinstance(last, int) and last >= size)
    return first in (None, 0) and reaches and step in (None, 1)
