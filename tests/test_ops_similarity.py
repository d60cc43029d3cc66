"""How alike images are: ssim and ssim_multiscale."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

import tfmini as tf

RNG = np.random.default_rng(5)
ONE = RNG.random((2, 14, 17, 3))
TWO = np.clip(ONE + 0.2 * RNG.standard_normal(ONE.shape), 0, 1)


def value(tensor, feed=None):
    with tf.Session() as session:
        return session.run(tensor, feed)


def similarity(x, y, peak=1.0, size=11, sigma=1.5):
    """Return the mean over the windows that fit, by SciPy's filter, and its contrast part."""
    inside = (slice(None), *[slice(size // 2, n - size // 2) for n in x.shape[1:3]])

    def mean(image):
        radius = (0, size // 2, size // 2, 0)
        found = scipy.ndimage.gaussian_filter(image, (0, sigma, sigma, 0), radius=radius)
        return found[inside]

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    m1, m2 = mean(x), mean(y)
    s1, s2, s12 = mean(x * x) - m1**2, mean(y * y) - m2**2, mean(x * y) - m1 * m2
    structure = (2 * s12 + c2) / (s1 + s2 + c2)
    whole = (2 * m1 * m2 + c1) / (m1**2 + m2**2 + c1) * structure
    return whole.mean((1, 2)), structure.mean((1, 2))


def test_similarity_by_its_definition():
    x, y = ONE.astype("f"), TWO.astype("f")
    expected = similarity(ONE, TWO)[0].mean(1)
    np.testing.assert_allclose(value(tf.image.ssim(x, y, 1.0)), expected, rtol=1e-4)
    np.testing.assert_allclose(value(tf.image.ssim(x[0], y[0], 1.0)), expected[0], rtol=1e-4)
    np.testing.assert_allclose(value(tf.image.ssim(x[None], y[None], 1.0)), expected[None],
                               rtol=1e-4)  # fmt: skip
    np.testing.assert_allclose(value(tf.image.ssim(x, x, 1.0)), [1, 1], rtol=1e-5)
    whole = [np.round(image * 255).astype(np.uint8) for image in (ONE, TWO)]
    np.testing.assert_allclose(value(tf.image.ssim(*whole, 255)), expected, rtol=1e-2)


def test_shapes_known_late_are_compared_when_they_run():
    x, y = tf.placeholder(tf.float32, [None] * 4), tf.placeholder(tf.float32, [None] * 4)
    found = tf.image.ssim(x, y, 1.0)
    expected = similarity(ONE, TWO)[0].mean(1)
    np.testing.assert_allclose(value(found, {x: ONE, y: TWO}), expected, rtol=1e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="different shapes"):
        value(found, {x: ONE, y: TWO[:, :-1]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="are compared"):
        tf.image.ssim(ONE, TWO[:, :-1], 1.0)


def test_scales_are_multiplied():
    x, y = ONE[:, :13].astype("f"), TWO[:, :13].astype("f")
    powers = (0.4, 0.6)
    found = tf.image.ssim_multiscale(x, y, 1.0, powers, filter_size=5)

    def half(image):
        wide = np.pad(image, [(0, 0), (0, 1), (0, 1), (0, 0)], mode="symmetric")
        return wide.reshape(2, 7, 2, 9, 2, 3).mean((2, 4))

    fine = similarity(ONE[:, :13], TWO[:, :13], size=5)[1]
    coarse = similarity(half(ONE[:, :13]), half(TWO[:, :13]), size=5)[0]
    expected = (np.maximum(fine, 0) ** 0.4 * np.maximum(coarse, 0) ** 0.6).mean(1)
    np.testing.assert_allclose(value(found), expected, rtol=1e-4)


def test_similarity_trains_an_image():
    with tf.Graph().as_default(), tf.Session() as session:
        image = tf.get_variable("image", initializer=TWO.astype("f"))
        loss = 1 - tf.reduce_mean(tf.image.ssim(image, ONE.astype("f"), 1.0))
        step = tf.train.GradientDescentOptimizer(20.0).minimize(loss)
        session.run(tf.global_variables_initializer())
        before = session.run(loss)
        for _ in range(20):
            session.run(step)
        assert session.run(loss) < 0.7 * before
