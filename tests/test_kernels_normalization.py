"""Batch normalization kernels against their formula and the difference quotient."""

import numpy as np
import pytest

from tfmini import threads
from tfmini.kernels import blocks
from tfmini.kernels.normalization import batch_norm_gradient, batch_norm_training


@pytest.fixture(params=["whole", "blocks"], autouse=True)
def block_sizes(request, monkeypatch):
    """Run every test with the usual blocks, and with blocks of one row on several threads."""
    if request.param == "blocks":
        monkeypatch.setattr(blocks, "TILE_BYTES", 1)
        monkeypatch.setattr(threads, "CPU_COUNT", 3)


def batch_norm_data(seed=0, shape=(6, 4, 5, 3), mean=2.0):
    rng = np.random.default_rng(seed)
    x, grad = rng.standard_normal(shape) + mean, rng.standard_normal(shape)
    return x, grad, rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])


@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_batch_norm_is_the_formula(mean):
    x, _, scale, offset = batch_norm_data(mean=mean)
    y, m, v = batch_norm_training(x, scale, offset, 1e-3)
    axes = (0, 1, 2)
    np.testing.assert_allclose(m, x.mean(axes), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(v, x.var(axes), rtol=1e-9)
    expected = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3) * scale + offset
    np.testing.assert_allclose(y, expected, atol=1e-7)


def test_batch_norm_variance_does_not_cancel_in_float32():
    x = batch_norm_data(shape=(5000, 3), mean=1e3)[0].astype(np.float32)
    one = np.ones(3, np.float32)
    np.testing.assert_allclose(
        batch_norm_training(x, one, one)[2], x.astype(float).var(axis=0), rtol=1e-4
    )


def test_batch_norm_gradient_is_the_difference_quotient():
    x, grad, scale, offset = batch_norm_data()
    _, mean, var = batch_norm_training(x, scale, offset)
    gradients = batch_norm_gradient(x, scale, mean, var, grad)
    arguments = (x, scale, offset)
    for i, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):
        direction = np.random.default_rng(i).standard_normal(argument.shape)

        def loss(step, i=i, direction=direction):
            moved = [a + step * direction if i == j else a for j, a in enumerate(arguments)]
            return np.vdot(batch_norm_training(*moved)[0], grad)

        quotient = (loss(1e-5) - loss(-1e-5)) / 2e-5
        assert np.vdot(gradient, direction) == pytest.approx(quotient, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_batch_norm_keeps_dtypes_and_inputs(dtype):
    x, grad, scale, offset = batch_norm_data()
    x, grad = x.astype(dtype), grad.astype(dtype)
    statistic = np.float32 if dtype == np.float16 else dtype
    scale, offset = scale.astype(statistic), offset.astype(statistic)
    for array in (x, grad, scale, offset):
        array.flags.writeable = False
    y, mean, var = batch_norm_training(x, scale, offset)
    dx, dscale, doffset = batch_norm_gradient(x, scale, mean, var, grad)
    assert {y.dtype, dx.dtype} == {np.dtype(dtype)}
    assert {a.dtype for a in (mean, var, dscale, doffset)} == {np.dtype(statistic)}


def test_batch_norm_of_nothing():
    x, grad, scale, offset = batch_norm_data(shape=(0, 4, 3))
    y, mean, var = batch_norm_training(x, scale, offset)
    assert y.shape == x.shape
    assert np.isnan(mean).all()
    assert np.isnan(var).all()
    dx, dscale, doffset = batch_norm_gradient(x, scale, np.zeros(3), np.ones(3), grad)
    assert dx.shape == x.shape
    np.testing.assert_array_equal([dscale, doffset], np.zeros((2, 3)))


def test_bits_do_not_depend_on_threads():
    x, grad, scale, offset = (a.astype(np.float32) for a in batch_norm_data(shape=(5000, 40)))

    def run():
        y, mean, var = batch_norm_training(x, scale, offset)
        return y, mean, var, *batch_norm_gradient(x, scale, mean, var, grad)

    parallel = run()
    with threads.serial():
        for one, other in zip(run(), parallel, strict=True):
            np.testing.assert_array_equal(one, other)
