"""Whether two backends say the same of a script: the noise of the seed against the gap.

In: for each backend, one dictionary of numbers (``{"loss": 0.31, "accuracy": 0.9}``) for each
seed.  Out: one of the words below, and the numbers side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, variance

Numbers = dict[str, float]

SAME = "same"  # with one seed, all numbers lie within the tolerance
NOISE = "within noise"  # they differ by no more than seeds do
DIFFER = "differ"
MISSING = "missing"  # a number that only one backend gave
NOTHING = "no numbers"

TOLERANCE = 0.01  # relative, and absolute below 1: what "the same" number means
# Student's t, two-sided, at 1 % for 2 (n - 1) degrees of freedom: n seeds on each side.
_T = {2: 9.92, 3: 4.60, 4: 3.71, 5: 3.36, 6: 3.17, 7: 3.05, 8: 2.98}
_T_MORE = 2.92


def near(a: float, b: float, tolerance: float = TOLERANCE) -> bool:
    """Say whether two numbers are the same; NaN is NaN, and an infinity itself."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return a == b or (math.isnan(a) and math.isnan(b))
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def within_noise(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Say whether means of equally many seeds lie as close as chance lets them.

    Two groups of one distribution fail in one of a hundred cases (Student's t with the pooled
    variance); a group of one seed knows no noise.
    """
    n = len(ours)
    finite = all(math.isfinite(x) for x in (*ours, *theirs))
    if n < 2 or not finite:
        # Numbers that overflow have no mean: as many must overflow, give or take one.
        return not finite and abs(_overflown(ours) - _overflown(theirs)) <= 1
    error = math.sqrt((variance(ours) + variance(theirs)) / n)
    a, b = fmean(ours), fmean(theirs)
    return near(a, b) or abs(a - b) <= _T.get(n, _T_MORE) * error


def _overflown(numbers: Iterable[float]) -> int:
    return sum(not math.isfinite(x) for x in numbers)


def verdict(ours: Sequence[Numbers], theirs: Sequence[Numbers]) -> str:
    """Return the word for numbers of the same seeds on both backends."""
    names = [set(one) for one in (*ours, *theirs)]
    if any(found != names[0] for found in names):
        return MISSING
    if not names[0]:
        return NOTHING
    if all(near(ours[0][name], theirs[0][name]) for name in names[0]):
        return SAME
    return NOISE if all(_agrees(ours, theirs, name) for name in names[0]) else DIFFER


def _agrees(ours: Sequence[Numbers], theirs: Sequence[Numbers], name: str) -> bool:
    """Say whether all seeds gave number ``name``, within the noise."""
    sides = [[one[name] for one in side if name in one] for side in (ours, theirs)]
    if len(sides[0]) < len(ours) or len(sides[1]) < len(theirs):
        return False
    return near(sides[0][0], sides[1][0]) if len(ours) < 2 else within_noise(*sides)


def side_by_side(ours: Sequence[Numbers], theirs: Sequence[Numbers], most: int = 3) -> str:
    """Return ``most`` numbers of both backends, those that do not agree before the others.

    They are means and half ranges where there are several seeds.
    """
    names = list({name: None for one in (*theirs, *ours) for name in one})
    if ours and theirs:
        names.sort(key=lambda name: _agrees(ours, theirs, name))
    backends = [side for side in (ours, theirs) if side]
    cells = [f"{name} {' / '.join(_shown(side, name) for side in backends)}" for name in names]
    return ", ".join(cells[:most]) + (", ..." if len(cells) > most else "")


def _shown(side: Sequence[Numbers], name: str) -> str:
    numbers = [one[name] for one in side if name in one]
    if not numbers:
        return "-"
    spread = f"±{(max(numbers) - min(numbers)) / 2:.2g}" if len(numbers) > 1 else ""
    return f"{fmean(numbers):.4g}{spread}"
