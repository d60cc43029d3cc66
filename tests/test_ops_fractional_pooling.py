"""Pools of windows of random size; windows with gaps by way of the batch; windows of volumes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import assert_gradient

RNG = np.random.default_rng(11)
IMAGES = RNG.standard_normal((2, 11, 13, 3))
RATIO = [1, 1.44, 1.73, 1]


def value(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def pooled(reduce, rows, columns, shared):
    lines = [IMAGES[:, r : s + shared] for r, s in itertools.pairwise(rows)]
    windows = [[x[:, :, c : d + shared] for c, d in itertools.pairwise(columns)] for x in lines]
    return np.stack([np.stack([reduce(w, (1, 2)) for w in row], 1) for row in windows], 1)


@pytest.mark.parametrize("pseudo", [False, True])
@pytest.mark.parametrize("overlapping", [False, True])
def test_windows_are_pooled(pseudo, overlapping):
    for function, reduce in (
        (tf.nn.fractional_max_pool, np.max), (tf.nn.fractional_avg_pool, np.mean),
    ):  # fmt: skip
        result = function(tf.constant(IMAGES), RATIO, pseudo, overlapping)
        assert result.output.shape.as_list() == [2, 7, 7, 3]
        found, rows, columns = value(list(result))
        for sequence, side in ((rows, 11), (columns, 13)):
            assert (sequence[0], sequence[-1], len(sequence)) == (0, side, 8)
            assert set(np.diff(sequence)) == {1, 2}
        np.testing.assert_allclose(found, pooled(reduce, rows, columns, overlapping))


def test_windows_differ_between_runs_unless_they_are_fixed():
    for fixed, expected in ((True, 1), (False, 3)):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            drawn = tf.nn.fractional_max_pool(
                tf.constant(IMAGES), [1, 1.2, 1.2, 1], deterministic=fixed, seed=5
            )
            runs = {session.run(drawn.row_pooling_sequence).tobytes() for _ in range(20)}
        assert len(runs) == 1 if expected == 1 else len(runs) >= expected


def test_fractional_pools_have_gradients():
    for function in (tf.nn.fractional_max_pool, tf.nn.fractional_avg_pool):
        assert_gradient(
            lambda x, function=function: function(x, RATIO, deterministic=True, seed=2)[0] ** 2,
            IMAGES[:1],
        )


def test_fractional_pools_say_what_is_wrong():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[1, height, width, 1\]"):
        tf.nn.fractional_max_pool(IMAGES, [2, 1.5, 1.5, 1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"1 or more, not 0\.5"):
        tf.nn.fractional_max_pool(IMAGES, [1, 0.5, 1.5, 1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="no window"):
        value(tf.nn.fractional_max_pool(IMAGES, [1, 12, 1.5, 1])[0])


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("rate", [[1, 1], [2, 2], [2, 3]])
def test_gaps_by_way_of_the_batch(padding, rate):
    weights = RNG.standard_normal((3, 2, 3, 4))

    def plain(x, num_spatial_dims, padding):
        assert num_spatial_dims == 2
        return tf.nn.conv2d(x, weights, 1, padding)

    found = tf.nn.with_space_to_batch(IMAGES, rate, padding, plain, filter_shape=[3, 2])
    expected = tf.nn.conv2d(IMAGES, weights, 1, padding, dilations=rate)
    first, second = value([found, expected])
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)


def test_gaps_where_channels_come_first():
    weights = RNG.standard_normal((3, 3, 3, 4))
    found = tf.nn.with_space_to_batch(
        IMAGES.transpose(0, 3, 1, 2), [2, 2], "VALID",
        lambda x, num_spatial_dims, padding: tf.nn.conv2d(
            x, weights, [1, 1, 1, 1], padding, data_format="NCHW"
        ),
        data_format="NCHW",
    )  # fmt: skip
    expected = tf.nn.conv2d(IMAGES, weights, 1, "VALID", dilations=2)
    first, second = value([found, expected])
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), second, rtol=1e-9, atol=1e-12)
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs filter_shape"):
        tf.nn.with_space_to_batch(IMAGES, [2, 2], "SAME", lambda x, **_: x)


def test_windows_of_volumes():
    volumes = RNG.standard_normal((2, 4, 5, 6, 2))
    found = tf.extract_volume_patches(volumes, [1, 2, 3, 2, 1], [1, 2, 1, 3, 1], "VALID")
    patches = value(found)
    assert patches.shape == (2, 2, 3, 2, 24)
    np.testing.assert_array_equal(patches[1, 1, 2, 1], volumes[1, 2:4, 2:5, 3:5].ravel())
    same = value(tf.extract_volume_patches(volumes, [1, 3, 3, 3, 1], [1, 1, 1, 1, 1], "SAME"))
    assert same.shape == (2, 4, 5, 6, 54)
    wide = np.pad(volumes, [(0, 0), (1, 1), (1, 1), (1, 1), (0, 0)])
    np.testing.assert_array_equal(same[0, 0, 4, 2], wide[0, :3, 4:7, 2:5].ravel())


def test_transposed_convolution_of_any_rank():
    lines, weights = RNG.standard_normal((2, 5, 3)), RNG.standard_normal((3, 4, 3))
    found = tf.nn.conv_transpose(lines, weights, [2, 10, 4], 2)
    expected = tf.nn.conv1d_transpose(lines, weights, [2, 10, 4], 2)
    images = tf.nn.conv_transpose(lines[:, None], weights[None], [2, 1, 10, 4], [1, 2])
    first, second, third = value([found, expected, images])
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(third[:, 0], second)
    with pytest.raises(tf.errors.InvalidArgumentError, match="3, 4 or 5"):
        tf.nn.conv_transpose(lines[0], weights, [10, 4], 2)
