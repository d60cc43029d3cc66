"""Pools: gradients, layouts, positions of maxima, ties, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.ops import pooling

rng = np.random.default_rng(8)
X = rng.permutation(120).reshape(2, 5, 4, 3) / 60.0  # no two elements are equal


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [{"ksize": 2, "strides": 2}, {"ksize": 3, "strides": 1}])
@pytest.mark.parametrize("function", [pooling.max_pool, pooling.avg_pool])
def test_gradients(function: object, size: dict, padding: str) -> None:
    assert_gradient(function, X, padding=padding, **size)


@pytest.mark.parametrize("function", [pooling.max_pool, pooling.avg_pool])
def test_spellings_agree(function: object) -> None:
    expected = run(function, X, ksize=[1, 2, 2, 1], strides=[1, 2, 1, 1], padding="SAME")
    short = run(function, X, ksize=2, strides=[2, 1], padding="SAME")
    np.testing.assert_array_equal(short, expected)
    first = run(function, X.transpose(0, 3, 1, 2), ksize=[1, 1, 2, 2], strides=[1, 1, 2, 1],
                padding="SAME", data_format="NCHW")  # fmt: skip
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), expected)


def test_other_ranks() -> None:
    line, volume = X[:, :, 0], X.reshape(2, 5, 2, 2, 3)
    assert_gradient(pooling.max_pool1d, line, ksize=3, strides=2, padding="SAME")
    assert_gradient(pooling.avg_pool3d, volume, ksize=2, strides=2, padding="SAME")
    expected = run(pooling.max_pool, line[:, None], ksize=[1, 3], strides=[1, 2], padding="SAME")
    for function in (pooling.max_pool1d, pooling.max_pool_v2):
        result = run(function, line, ksize=3, strides=2, padding="SAME")
        np.testing.assert_array_equal(result, expected[:, 0])


def test_padding_is_not_counted() -> None:
    ones = np.ones((1, 3, 3, 1))
    for function in (pooling.max_pool, pooling.avg_pool):
        result = run(function, -ones, ksize=2, strides=2, padding="SAME")
        np.testing.assert_array_equal(result, -np.ones((1, 2, 2, 1)))


def test_general_pool() -> None:
    result = run(pooling.pool, X, window_shape=[2, 2], pooling_type="MAX", padding="VALID",
                 dilation_rate=[2, 1])  # fmt: skip
    taps = [X[:, i : i + 3, j : j + 3] for i in (0, 2) for j in (0, 1)]
    np.testing.assert_array_equal(result, np.max(taps, axis=0))
    with pytest.raises(InvalidArgumentError, match="MAX or AVG"):
        pooling.pool(tf.placeholder(tf.float32, X.shape), 2, "MIN", "SAME")


def test_the_first_of_equal_maxima_takes_the_gradient() -> None:
    slope = grad(pooling.max_pool, np.ones((1, 2, 2, 1)), ksize=2, strides=2, padding="VALID")
    assert slope.ravel().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_positions_of_maxima(padding: str) -> None:
    y, argmax = (run(lambda t, i=i: pooling.max_pool_with_argmax(t, 2, 2, padding)[i], X)
                 for i in (0, 1))  # fmt: skip
    np.testing.assert_array_equal(y, run(pooling.max_pool, X, ksize=2, strides=2, padding=padding))
    for image, values, places in zip(X, y, argmax, strict=True):
        np.testing.assert_array_equal(image.reshape(-1)[places], values)
    assert argmax.dtype == np.int64
    assert_gradient(lambda t: pooling.max_pool_with_argmax(t, 2, 2, padding)[0], X)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "float32"])
def test_dtypes(dtype: str) -> None:
    x = (X * 60).astype(dtype)
    assert run(pooling.max_pool, x, ksize=2, strides=2, padding="SAME").dtype == dtype


def test_static_shapes() -> None:
    x = tf.placeholder(tf.float32, [None, 7, None, 3])
    assert pooling.max_pool(x, 2, 2, "SAME").shape.as_list() == [None, 4, None, 3]
    assert pooling.avg_pool(tf.placeholder(), 2, 2, "SAME").shape.ndims == 4


@pytest.mark.parametrize(
    ("ksize", "message"),
    [([2, 2, 2, 1], "must be 1 for the batch"), ([1, 2, 2, 3], "must be 1"), (9, "does not fit")],
)
def test_bad_windows(ksize: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        pooling.max_pool(tf.placeholder(tf.float32, [2, 5, 4, 3]), ksize, 1, "VALID")
