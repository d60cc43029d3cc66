"""Activations: stability at extremes, gradients on both sides of kinks."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidTypeError
from tfmini.kernels import softmax as kernels
from tfmini.kernels.normal import normal_cdf
from tfmini.ops import activations

X = np.array([[-7.5, -1.2, -0.1, 0.2], [0.7, 3.3, 5.5, 8.1]])


@pytest.mark.parametrize(
    "function",
    [activations.relu, activations.relu6, activations.elu, activations.selu,
     activations.leaky_relu, activations.softsign, activations.swish, activations.gelu,
     activations.crelu, activations.softmax, activations.log_softmax],
)  # fmt: skip
def test_gradients(function: object) -> None:
    assert_gradient(function, X)


def test_other_forms() -> None:
    assert_gradient(activations.gelu, X, approximate=True)
    assert_gradient(activations.leaky_relu, X, alpha=0.7)
    assert_gradient(activations.softmax, X.reshape(2, 2, 2), axis=1)


def test_gradient_of_relu_at_zero_is_zero() -> None:
    assert grad(activations.relu, np.array([-1.0, 0.0, 1.0])).tolist() == [0, 0, 1]
    assert grad(activations.relu6, np.array([0.0, 3.0, 6.0])).tolist() == [0, 1, 0]


def test_rectifiers_at_infinities() -> None:
    x = np.array([-np.inf, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(run(activations.relu, x), [0, np.inf, np.nan])
    np.testing.assert_array_equal(run(activations.elu, x), [-1, np.inf, np.nan])
    np.testing.assert_array_equal(run(activations.leaky_relu, x), x)
    assert run(activations.selu, x)[0] == pytest.approx(-1.7580993)


def test_large_tails_do_not_overflow() -> None:
    x = np.array([-1e30, 1e30], np.float32)
    np.testing.assert_array_equal(run(activations.elu, x), [-1, x[1]])
    np.testing.assert_array_equal(run(activations.swish, x), [0, x[1]])
    np.testing.assert_array_equal(grad(activations.elu, x), [0, 1])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes(dtype: str) -> None:
    for function in (activations.elu, activations.selu, activations.leaky_relu, activations.gelu,
                     activations.softmax, activations.softsign):  # fmt: skip
        assert run(function, X.astype(dtype)).dtype == dtype
        assert grad(function, X.astype(dtype)).dtype == dtype


def test_ints() -> None:
    assert run(activations.relu, np.array([-1, 2])).dtype == np.int64
    assert run(activations.leaky_relu, np.array([-5, 2])).dtype == np.float32
    with pytest.raises(InvalidTypeError, match="float"):
        activations.softmax(tf.placeholder(tf.int32, [3]))


def test_softmax_does_not_overflow() -> None:
    x = np.array([[1000.0, 0.0, -1000.0], [-1e30, -1e30, -1e30], [-np.inf, 0.0, 0.0]], np.float32)
    np.testing.assert_allclose(
        run(activations.softmax, x), [[1, 0, 0], [1 / 3] * 3, [0, 0.5, 0.5]], rtol=1e-6
    )
    np.testing.assert_array_equal(run(activations.log_softmax, x[:1]), [[0, -1000, -2000]])
    assert np.isfinite(grad(activations.log_softmax, x[:2])).all()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3), (2, 0), (200, 10), (4, 100), (5, 4, 200)])
def test_softmax_kernels(shape: tuple) -> None:
    """Short and long rows go different ways."""
    x = np.cos(np.arange(np.prod(shape))).reshape(shape)
    e = np.exp(x)
    expected = e / e.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):  # rows of no classes
        np.testing.assert_allclose(kernels.softmax(x), expected)
        np.testing.assert_allclose(kernels.log_softmax(x), np.log(expected))
    turned = np.moveaxis(x, -1, 0)
    np.testing.assert_allclose(run(activations.softmax, turned, axis=0),
                               np.moveaxis(expected, -1, 0))  # fmt: skip


def test_normal_distribution_function() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-37, 10, 1001), [0.0, np.inf, -np.inf]])
    np.testing.assert_allclose(normal_cdf(x), special.ndtr(x), rtol=3e-15)
    assert np.isnan(normal_cdf(np.array(np.nan)))
