"""Rounding to whole numbers; the results keep their dtype.

Not differentiable: the derivative is 0 or undefined everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.opdef import Elementwise

_SAMPLES: list[Any] = [((2, 3),), (np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),), ((),)]


class _Rounding(Elementwise):
    kinds = "f"
    gradient = None
    samples = _SAMPLES


@op("Floor")
class floor(_Rounding):
    """Return the largest whole number not above each element."""

    ufunc = np.floor


@op("Ceil")
class ceil(_Rounding):
    """Return the smallest whole number not below each element."""

    ufunc = np.ceil


@op("Rint")
class rint(_Rounding):
    """Return the whole number nearest to each element; halves go to the even one."""

    ufunc = np.rint


@op("Round")
class round(_Rounding):
    """Return the whole number nearest to each element; halves go to the even one.

    Ints stay as they are.
    """

    kinds = "iuf"

    def compute(self, x: Any, *, out: Any = None) -> Any:
        whole = np.asarray(x).dtype.kind in "iu"
        return np.positive(x, out=out) if whole else np.rint(x, out=out)
