"""Operations on the bits of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.opdef import Elementwise

_INTS: list[Any] = [(np.array([[5, -2], [0, 255]], np.int32), np.array([3, 1], np.int32)),
                    (np.array(6, np.uint8), np.array([3, 1], np.uint8))]  # fmt: skip


class _Bits(Elementwise):
    """Base: ints, and bools as ints of one bit."""

    kinds = "iub"
    gradient = None
    samples = _INTS


@op("BitwiseAnd")
class bitwise_and(_Bits):
    """Return the bits that are set in both ``x`` and ``y``, with broadcasting."""

    ufunc = np.bitwise_and


@op("BitwiseOr")
class bitwise_or(_Bits):
    """Return the bits that are set in ``x`` or ``y``, with broadcasting."""

    ufunc = np.bitwise_or


@op("BitwiseXor")
class bitwise_xor(_Bits):
    """Return the bits that are set in just one of ``x`` and ``y``, with broadcasting."""

    ufunc = np.bitwise_xor


@op("Invert")
class invert(_Bits):
    """Return ``x`` with each bit flipped."""

    ufunc = np.invert
    samples = [(np.array([5, -2, 0]),), (np.array([5, 0], np.uint8),)]


class _Shift(_Bits):
    """Base of shifts, by at least 0 and at most all bits but one, as in TensorFlow."""

    kinds = "iu"
    weight = 4.0
    step: Any = None

    def compute(self, x: Any, y: Any) -> Any:
        last = np.result_type(x, y).itemsize * 8 - 1
        return self.step(x, np.minimum(np.maximum(y, 0), last))


@op("LeftShift")
class left_shift(_Shift):
    """Return ``x`` with its bits moved left by ``y``."""

    step = np.left_shift
    samples = [(np.array([5, -2]), np.array([3, 1])), (np.array([5, 2], np.uint8), np.uint8(7))]


@op("RightShift")
class right_shift(_Shift):
    """Return ``x`` with its bits moved right by ``y``; the sign of signed ints is kept."""

    step = np.right_shift
    samples = [(np.array([5, -2]), np.array([1, 1])), (np.array([5, 200], np.uint8), np.uint8(7))]
