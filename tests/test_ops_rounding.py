"""Rounding: halves, signs of zero, ints."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import rounding

HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])


@pytest.mark.parametrize("function", [rounding.round, rounding.rint])
def test_halves_go_to_the_even_number(function: object) -> None:
    result = run(function, HALVES)
    np.testing.assert_array_equal(result, [-2, -2, 0, 0, 2, 2])
    assert np.signbit(result[2])


def test_down_and_up() -> None:
    np.testing.assert_array_equal(run(rounding.floor, HALVES), [-3, -2, -1, 0, 1, 2])
    np.testing.assert_array_equal(run(rounding.ceil, HALVES), [-2, -1, 0, 1, 2, 3])


def test_ints_stay_what_they_are() -> None:
    x = np.array([1, -2], np.int16)
    result = run(rounding.round, x)
    assert result.dtype == np.int16
    np.testing.assert_array_equal(result, x)
    with pytest.raises(InvalidTypeError, match="int32 given"):
        rounding.floor(tf.placeholder(tf.int32, [2]))


def test_no_gradient_comes_through() -> None:
    x = tf.placeholder(tf.float32, [2])
    with pytest.raises(InvalidArgumentError, match="breaks at Floor"):
        gradients(rounding.floor(x), x)
