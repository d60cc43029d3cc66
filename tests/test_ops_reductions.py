"""Reductions: dtypes, empty arrays, ties, zeros, and gradients through unknown shapes."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import cumulative, reductions

X = np.random.default_rng(0).uniform(0.5, 2.0, (2, 3, 4))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float16", "float32"])
def test_dtypes_are_kept(dtype: str) -> None:
    x = np.array([1, 2, 3], dtype)
    for function in (reductions.reduce_sum, reductions.reduce_mean, reductions.reduce_prod,
                     reductions.reduce_max):  # fmt: skip
        assert run(function, x).dtype == dtype


def test_sums_of_ints_wrap_around() -> None:
    assert run(reductions.reduce_sum, np.array([100, 100], np.int8)) == np.int8(-56)


def test_means_of_ints_are_truncated() -> None:
    assert run(reductions.reduce_mean, np.array([1, 2])) == 1
    assert run(reductions.reduce_mean, np.array([-1, -2])) == -1
    # The sum does not wrap around on the way, as in TensorFlow.
    assert run(reductions.reduce_mean, np.array([7, 200, 255], np.uint8)) == (7 + 200 + 255) // 3


def test_of_nothing() -> None:
    none = np.zeros((0, 2), np.float32)
    np.testing.assert_array_equal(run(reductions.reduce_sum, none, axis=0), [0, 0])
    np.testing.assert_array_equal(run(reductions.reduce_prod, none, axis=0), [1, 1])
    np.testing.assert_array_equal(run(reductions.reduce_max, none, axis=0), [-np.inf] * 2)
    np.testing.assert_array_equal(run(reductions.reduce_min, none, axis=0), [np.inf] * 2)
    np.testing.assert_array_equal(run(reductions.reduce_logsumexp, none, axis=0), [-np.inf] * 2)
    assert np.isnan(run(reductions.reduce_mean, none))
    assert run(reductions.reduce_max, none.astype(np.int32)) == -(2**31)
    assert run(reductions.reduce_mean, none, axis=1).shape == (0,)
    assert grad(reductions.reduce_mean, none).shape == (0, 2)


def test_no_axes_is_not_all_axes() -> None:
    np.testing.assert_array_equal(run(reductions.reduce_sum, X, axis=[]), X)
    assert run(reductions.reduce_sum, X, axis=None).shape == ()


def test_older_spellings() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    assert reductions.reduce_sum(x, reduction_indices=[0]).shape == (3,)
    assert reductions.reduce_sum(x, 1, keep_dims=True).shape == (2, 1)
    assert reductions.reduce_sum(x, 1, None).shape == (2,)
    assert reductions.argmax(x, dimension=1).shape == (2,)
    with tf.Session() as session:
        y = reductions.reduce_max(x, 1, None, "largest")
        assert session.run(y, {x: X[0, :, :3][:2]}).shape == (2,)


def test_bad_axes_are_errors_at_once() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    with pytest.raises(InvalidArgumentError, match="out of range"):
        reductions.reduce_sum(x, 2)
    with pytest.raises(InvalidArgumentError, match="twice"):
        reductions.reduce_sum(x, [1, -1])
    with pytest.raises(InvalidArgumentError, match="must be an int or ints, not 'a'"):
        reductions.reduce_sum(x, "a")
    with pytest.raises(InvalidArgumentError, match="empty"):
        reductions.argmax(tf.placeholder(tf.float32, [0, 3]))
    with pytest.raises(InvalidTypeError, match="bool given"):
        reductions.reduce_sum(tf.placeholder(tf.bool, [2]))


FUNCTIONS = [
    reductions.reduce_sum, reductions.reduce_mean, reductions.reduce_max, reductions.reduce_min,
    reductions.reduce_prod, reductions.reduce_logsumexp, reductions.reduce_euclidean_norm,
    reductions.reduce_variance, reductions.reduce_std,
]  # fmt: skip


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), (-1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients(function: object, axis: object, keepdims: bool) -> None:
    assert_gradient(function, X, axis=axis, keepdims=keepdims)


def test_large_gradients_are_views_that_nobody_writes() -> None:
    x = np.ones((300, 200))
    np.testing.assert_array_equal(grad(lambda t: reductions.reduce_mean(t) * 2.0, x), x / 30000)
    np.testing.assert_array_equal(grad(lambda t: reductions.reduce_sum(t * t, 1), x), 2 * x)


def test_ties_share_the_gradient() -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(grad(reductions.reduce_max, x, axis=1), [[0, 0.5, 0.5], [1 / 3] * 3])
    np.testing.assert_allclose(grad(reductions.reduce_min, x), [[1, 0, 0], [0, 0, 0]])


def test_products_with_zeros() -> None:
    x = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]])
    expected = [[0, 6, 0], [0, 0, 0]]
    for bare in (False, True):
        np.testing.assert_array_equal(grad(reductions.reduce_prod, x, bare=bare, axis=1), expected)
        assert not grad(reductions.reduce_prod, x, bare=bare).any()
        np.testing.assert_array_equal(
            grad(reductions.reduce_prod, x[:1], bare=bare, axis=(0, 1)), expected[:1]
        )
    assert_gradient(reductions.reduce_prod, x, axis=1)


def test_logsumexp_is_stable() -> None:
    x = np.array([[1000.0, 1000.0], [-1000.0, -1000.0], [-np.inf, 0.0], [np.inf, 0.0]])
    y = run(reductions.reduce_logsumexp, x, axis=1)
    np.testing.assert_allclose(y, [1000 + np.log(2), -1000 + np.log(2), 0, np.inf])
    np.testing.assert_allclose(grad(reductions.reduce_logsumexp, x[:2], axis=1), [[0.5] * 2] * 2)
    assert run(reductions.reduce_logsumexp, np.array([-np.inf, -np.inf])) == -np.inf


def test_counts() -> None:
    x = np.array([[0.0, 1.0, np.nan], [0.0, 0.0, -2.0]])
    np.testing.assert_array_equal(run(reductions.count_nonzero, x, axis=1), [2, 1])
    assert run(reductions.count_nonzero, x).dtype == np.int64
    assert run(reductions.count_nonzero, x, dtype=tf.int32, keepdims=True).shape == (1, 1)
    assert run(reductions.zero_fraction, x) == 0.5
    assert run(reductions.zero_fraction, np.array([True, False])) == np.float32(0.5)


def test_any_and_all() -> None:
    x = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(run(reductions.reduce_any, x, axis=1), [True, False])
    np.testing.assert_array_equal(run(reductions.reduce_all, x, axis=0), [False, False])
    assert run(reductions.reduce_all, np.zeros((0,), bool))
    assert not run(reductions.reduce_any, np.zeros((0,), bool))


def test_positions_of_extremes() -> None:
    x = np.array([[1.0, 3.0, 3.0], [0.0, 0.0, -1.0]])
    np.testing.assert_array_equal(run(reductions.argmax, x, axis=1), [1, 0])
    np.testing.assert_array_equal(run(reductions.argmin, x), [1, 1, 1])
    assert run(reductions.argmax, x).dtype == np.int64
    assert run(reductions.argmin, x, output_type=tf.int32).dtype == np.int32


def test_variance_needs_floats() -> None:
    with pytest.raises(InvalidTypeError, match="reduce_variance of int32"):
        reductions.reduce_variance(tf.placeholder(tf.int32, [2]))
    z = np.array([1 + 1j, -1 - 1j])
    assert run(reductions.reduce_variance, z) == 2


@pytest.mark.parametrize(
    ("exclusive", "reverse", "sums", "products"),
    [
        (False, False, [1, 3, 6], [1, 2, 6]),
        (True, False, [0, 1, 3], [1, 1, 2]),
        (False, True, [6, 5, 3], [6, 6, 3]),
        (True, True, [5, 3, 0], [6, 3, 1]),
    ],
)
def test_running_totals(exclusive: bool, reverse: bool, sums: list, products: list) -> None:
    attrs = {"exclusive": exclusive, "reverse": reverse}
    for x, axis in ((np.array([1, 2, 3], np.int8), 0), (np.array([[1, 2, 3]], np.int8), -1)):
        total, product = (
            run(f, x, axis=axis, **attrs) for f in (cumulative.cumsum, cumulative.cumprod)
        )
        assert total.dtype == product.dtype == np.int8
        np.testing.assert_array_equal(np.ravel(total), sums)
        np.testing.assert_array_equal(np.ravel(product), products)
    for function in (cumulative.cumsum, cumulative.cumprod):
        assert_gradient(function, X, axis=1, **attrs)
        assert run(function, np.zeros((2, 0)), axis=1, **attrs).shape == (2, 0)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_products_with_zeros(exclusive: bool, reverse: bool) -> None:
    """TensorFlow gives 0 for these derivatives; differences say otherwise."""
    x = np.array([[1.5, 0.0, 2.0, 0.0, 3.0], [0.0, 0.5, 1.0, 2.0, 4.0], [1.0, 2.0, 3.0, 1.0, 0.0]])
    found = grad(cumulative.cumprod, x, axis=1, exclusive=exclusive, reverse=reverse)
    step = 1e-6
    for i, j in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[i, j] = step
        ends = [run(cumulative.cumprod, x + s * move, axis=1, exclusive=exclusive, reverse=reverse)
                for s in (1, -1)]  # fmt: skip
        np.testing.assert_allclose(found[i, j], np.sum(ends[0] - ends[1]) / (2 * step), atol=1e-6)


def test_static_shapes() -> None:
    x, bare = tf.placeholder(tf.float32, [None, 3]), tf.placeholder()
    assert reductions.reduce_sum(x, 1).shape.as_list() == [None]
    assert reductions.reduce_mean(bare).shape.as_list() == []
    assert reductions.reduce_mean(bare, 0).shape.ndims is None
    (g,) = gradients(reductions.reduce_sum(x * x), [x])
    assert g.shape.as_list() == [None, 3]
