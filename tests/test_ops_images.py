"""tf.image: sizes, parts, turns and colours; windows of images."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import assert_gradient, run
from tfmini.ops.resizing import _resize

RNG = np.random.default_rng(0)
IMAGE = RNG.random((5, 6, 3)).astype(np.float32)
BATCH = RNG.random((2, 5, 6, 3)).astype(np.float32)


def value(tensor):
    with tf.Session() as session:
        return session.run(tensor)


def test_bilinear_between_pixels():
    ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    found = value(tf.image.resize_bilinear(ramp, [1, 8]))
    np.testing.assert_allclose(found[0, 0, :, 0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
    corners = value(tf.image.resize_bilinear(ramp, [1, 7], align_corners=True))
    np.testing.assert_allclose(corners[0, 0, :, 0], np.linspace(0, 3, 7))
    centres = value(tf.image.resize_bilinear(ramp, [1, 2], half_pixel_centers=True))
    np.testing.assert_allclose(centres[0, 0, :, 0], [0.5, 2.5])


def test_nearest_keeps_dtype_and_area_takes_means():
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    found = value(tf.image.resize_nearest_neighbor(pixels, [2, 2]))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 2], [8, 10]])
    means = value(tf.image.resize_area(pixels, [2, 2]))
    np.testing.assert_allclose(means[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])


def test_bicubic_is_exact_on_lines_away_from_borders():
    ramp = np.arange(12, dtype=np.float32).reshape(1, 1, 12, 1)
    found = value(tf.image.resize_bicubic(ramp, [1, 24]))[0, 0, :, 0]
    np.testing.assert_allclose(found[4:-6], np.arange(4, 18) / 2, atol=0.13)
    np.testing.assert_allclose(found[::2], ramp.ravel())


def test_resize_images_of_any_rank():
    assert value(tf.image.resize_images(IMAGE, [10, 4])).shape == (10, 4, 3)
    assert tf.image.resize_images(BATCH, tf.constant([10, 4])).shape == (2, 10, 4, 3)
    same = tf.image.resize_images((IMAGE * 255).astype(np.uint8), [5, 6])
    assert same.dtype is tf.uint8  # nothing to interpolate
    kept = tf.image.resize_images(IMAGE, [20, 12], preserve_aspect_ratio=True)
    assert value(kept).shape == (10, 12, 3)
    method = tf.image.ResizeMethod.NEAREST_NEIGHBOR
    np.testing.assert_array_equal(
        value(tf.image.resize_images(IMAGE, [10, 12], method)), IMAGE.repeat(2, 0).repeat(2, 1)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="3 or 4 dimensions"):
        tf.image.resize_images(tf.placeholder(tf.float32), [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="ResizeMethod"):
        tf.image.resize_images(IMAGE, [2, 2], method=9)


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "area"])
def test_gradients_of_resizing(method):
    x = RNG.random((1, 4, 3, 2))
    assert_gradient(lambda x: _resize(x, [6, 2], method=method) ** 2, x)


def test_flips_and_rotations():
    np.testing.assert_array_equal(value(tf.image.flip_left_right(IMAGE)), IMAGE[:, ::-1])
    np.testing.assert_array_equal(value(tf.image.flip_up_down(BATCH)), BATCH[:, ::-1])
    for k in range(-1, 4):
        np.testing.assert_array_equal(value(tf.image.rot90(IMAGE, k)), np.rot90(IMAGE, k))
    np.testing.assert_array_equal(value(tf.image.transpose_image(BATCH)), BATCH.swapaxes(1, 2))


def test_random_flips_choose_for_each_image():
    batch = np.broadcast_to(IMAGE, (40, *IMAGE.shape))
    found = value(tf.image.random_flip_left_right(batch, seed=1))
    turned = (found == IMAGE[:, ::-1]).all((1, 2, 3))
    assert np.all(turned | (found == IMAGE).all((1, 2, 3)))
    assert 5 < turned.sum() < 35


def test_crops_and_borders():
    np.testing.assert_array_equal(
        value(tf.image.crop_to_bounding_box(IMAGE, 1, 2, 3, 4)), IMAGE[1:4, 2:6]
    )
    padded = value(tf.image.pad_to_bounding_box(BATCH, 1, 2, 7, 9))
    np.testing.assert_array_equal(padded, np.pad(BATCH, [(0, 0), (1, 1), (2, 1), (0, 0)]))
    np.testing.assert_array_equal(value(tf.image.central_crop(IMAGE, 0.5)), IMAGE[1:4, 1:5])
    both = tf.image.resize_image_with_crop_or_pad(IMAGE, 3, 9)
    assert both.shape == (3, 9, 3)
    np.testing.assert_array_equal(value(both), np.pad(IMAGE[1:4], [(0, 0), (1, 2), (0, 0)]))


def test_sizes_may_be_known_late():
    image = tf.placeholder(tf.float32, [None, None, 3])
    both = tf.image.resize_image_with_crop_or_pad(image, 3, 9)
    middle = tf.image.central_crop(image, 0.5)
    cut = tf.image.crop_to_bounding_box(image, 0, 0, 9, 9)
    with tf.Session() as session:
        found = session.run([both, middle], {image: IMAGE})
        np.testing.assert_array_equal(found[0], np.pad(IMAGE[1:4], [(0, 0), (1, 2), (0, 0)]))
        np.testing.assert_array_equal(found[1], IMAGE[1:4, 1:5])
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be >= target"):
            session.run(cut, {image: IMAGE})
    with pytest.raises(tf.errors.InvalidArgumentError, match="height must be"):
        tf.image.crop_to_bounding_box(IMAGE, 0, 0, 9, 2)


def test_hue_saturation_value_as_in_the_standard_library():
    hsv = value(tf.image.rgb_to_hsv(IMAGE))
    expected = [colorsys.rgb_to_hsv(*map(float, p)) for p in IMAGE.reshape(-1, 3)]
    np.testing.assert_allclose(hsv.reshape(-1, 3), expected, atol=1e-5)
    np.testing.assert_allclose(value(tf.image.hsv_to_rgb(hsv)), IMAGE, atol=1e-5)
    np.testing.assert_array_equal(value(tf.image.rgb_to_hsv(np.zeros((2, 3)))), np.zeros((2, 3)))


def test_adjustments():
    np.testing.assert_allclose(
        value(tf.image.adjust_brightness(IMAGE, 0.25)), IMAGE + 0.25, rtol=1e-6
    )
    mean = IMAGE.mean((0, 1))
    contrast = value(tf.image.adjust_contrast(IMAGE, 2.0))
    np.testing.assert_allclose(contrast, (IMAGE - mean) * 2 + mean, atol=1e-5)
    np.testing.assert_allclose(value(tf.image.adjust_hue(IMAGE, 1.0)), IMAGE, atol=1e-5)
    gray = value(tf.image.adjust_saturation(IMAGE, 0.0))
    np.testing.assert_allclose(gray, IMAGE.max(-1, keepdims=True).repeat(3, -1), atol=1e-6)
    bright = value(tf.image.adjust_brightness(np.array([[[100], [250]]], np.uint8), 0.1))
    np.testing.assert_array_equal(bright, [[[125], [255]]])


def test_gray_and_back():
    gray = value(tf.image.rgb_to_grayscale(IMAGE))
    np.testing.assert_allclose(gray[..., 0], IMAGE @ [0.2989, 0.587, 0.114], rtol=1e-5)
    np.testing.assert_array_equal(value(tf.image.grayscale_to_rgb(gray)), gray.repeat(3, -1))
    for there, back in (("rgb_to_yiq", "yiq_to_rgb"), ("rgb_to_yuv", "yuv_to_rgb")):
        turned = getattr(tf.image, there)(IMAGE)
        # TensorFlow's matrices are rounded
        np.testing.assert_allclose(value(getattr(tf.image, back)(turned)), IMAGE, atol=2e-4)


def test_conversion_of_dtypes():
    x = np.array([[[0.0], [0.5], [1.0]]], np.float32)
    ints = run(tf.image.convert_image_dtype, x, dtype=tf.uint8)
    np.testing.assert_array_equal(ints, [[[0], [127], [255]]])
    floats = run(tf.image.convert_image_dtype, ints, dtype=tf.float32)
    np.testing.assert_allclose(floats, ints / np.float32(255))
    wide = run(tf.image.convert_image_dtype, ints, dtype=tf.uint16)
    np.testing.assert_array_equal(wide, ints.astype(np.uint16) * 256)
    np.testing.assert_array_equal(run(tf.image.convert_image_dtype, wide, dtype=tf.uint8), ints)


def test_standardization():
    found = value(tf.image.per_image_standardization(BATCH))
    np.testing.assert_allclose(found.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std((1, 2, 3)), 1, rtol=1e-4)
    uniform = value(tf.image.per_image_standardization(np.ones((4, 4, 1), np.uint8)))
    np.testing.assert_array_equal(uniform, np.zeros((4, 4, 1)))


def test_random_changes_stay_in_their_limits():
    gray = np.full((2, 2, 3), 0.5, np.float32)
    for seed in range(5):
        shift = value(tf.image.random_brightness(gray, 0.2, seed=seed)) - 0.5
        assert np.ptp(shift) < 1e-6
        assert np.abs(shift).max() <= 0.2
    for function, limits in ((tf.image.random_contrast, (0.5, 1.5)),
                             (tf.image.random_saturation, (0.5, 1.5)),
                             (tf.image.random_hue, (0.1,))):  # fmt: skip
        assert value(function(IMAGE, *limits)).shape == IMAGE.shape
    with pytest.raises(tf.errors.InvalidArgumentError, match="upper must be over lower"):
        tf.image.random_contrast(IMAGE, 1.0, 0.5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must not be negative"):
        tf.image.random_brightness(IMAGE, -1.0)


def test_measures():
    variation = np.abs(np.diff(BATCH, axis=1)).sum((1, 2, 3))
    variation = variation + np.abs(np.diff(BATCH, axis=2)).sum((1, 2, 3))
    np.testing.assert_allclose(value(tf.image.total_variation(BATCH)), variation, rtol=1e-5)
    noisy = BATCH + np.float32(0.1)
    np.testing.assert_allclose(value(tf.image.psnr(BATCH, noisy, 1.0)), [20, 20], rtol=1e-4)
    down, right = value(tf.image.image_gradients(BATCH))
    np.testing.assert_allclose(down[:, :-1], np.diff(BATCH, axis=1))
    np.testing.assert_array_equal(right[:, :, -1], 0)


def test_patches_are_windows():
    given = {"ksizes": [1, 2, 3, 1], "strides": [1, 2, 1, 1], "rates": [1, 1, 1, 1]}
    found = value(tf.extract_image_patches(BATCH, padding="VALID", **given))
    assert found.shape == (2, 2, 4, 18)
    np.testing.assert_array_equal(found[1, 1, 2], BATCH[1, 2:4, 2:5].ravel())


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_dilation_and_erosion(padding):
    x, f = RNG.random((1, 4, 5, 2)), RNG.random((2, 3, 2))
    ones = [1, 1, 1, 1]
    dilated = value(tf.nn.dilation2d(x, f, ones, ones, padding))
    room = [(0, 1), (1, 1)] if padding == "SAME" else [(0, 0), (0, 0)]
    wide = np.pad(x, [(0, 0), *room, (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (2, 3), (1, 2))
    np.testing.assert_allclose(dilated, (windows + f.transpose(2, 0, 1)).max((-2, -1)))
    eroded = value(tf.nn.erosion2d(x, f, ones, ones, "VALID"))
    inner = np.lib.stride_tricks.sliding_window_view(x, (2, 3), (1, 2))
    np.testing.assert_allclose(eroded, (inner - f[::-1, ::-1].transpose(2, 0, 1)).min((-2, -1)))
    assert_gradient(lambda x: tf.nn.dilation2d(x, f, ones, ones, padding), x)


def test_sobel_by_its_definition():
    edges = value(tf.image.sobel_edges(BATCH))
    wide = np.pad(BATCH, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), (1, 2))
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    for i, kernel in enumerate((down, down.T)):
        np.testing.assert_allclose(edges[..., i], (windows * kernel).sum((-2, -1)), atol=1e-5)


def test_resizing_into_a_frame():
    ones = np.ones((1, 4, 8, 1), np.float32)
    found = tf.image.resize_image_with_pad(ones, 7, 6)
    assert found.shape == (1, 7, 6, 1)
    rows = value(found)[0, :, :, 0]
    np.testing.assert_array_equal(rows, np.repeat([[0, 0, 1, 1, 1, 0, 0]], 6, 0).T)
    single = tf.image.resize_image_with_pad(ones[0], 8, 20)
    np.testing.assert_array_equal(value(single)[0, :, 0], [0] * 2 + [1] * 16 + [0] * 2)


def test_glimpses():
    image = (10.0 * np.arange(5)[:, None] + np.arange(7))[None, :, :, None].astype("f")
    glimpse = tf.image.extract_glimpse
    middle = value(glimpse(image, [3, 3], [[0.0, 0.0]]))[0, :, :, 0]
    np.testing.assert_array_equal(middle, image[0, 1:4, 2:5, 0])
    pixels = glimpse(image, [2, 2], [[2.0, 3.0]], centered=False, normalized=False)
    np.testing.assert_array_equal(value(pixels)[0, :, :, 0], image[0, 1:3, 2:4, 0])
    for uniform in (True, False):
        corner = value(glimpse(image, [4, 60], [[-1.0, 0.0]], uniform_noise=uniform))[0, :, :, 0]
        np.testing.assert_array_equal(corner[2:, 26:33], image[0, :2, :, 0])  # halves are cut off
        noise = np.concatenate([corner[:2].ravel(), corner[2:, 40:].ravel()])
        assert abs(noise.mean() - 23) < 7
        assert (noise.min() >= 0 and noise.max() <= 46) == uniform


def test_jpeg_files_without_decoding_and_in_part():
    pytest.importorskip("PIL.Image")
    pixels = np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3).astype(np.uint8)
    file = value(tf.image.encode_jpeg(pixels))
    assert value(tf.image.extract_jpeg_shape(file)).tolist() == [24, 32, 3]
    assert value(tf.image.is_jpeg([file, b"GIF89a"])).tolist() == [True, False]
    whole = value(tf.image.decode_jpeg(file))
    part = value(tf.image.decode_and_crop_jpeg(file, [3, 5, 10, 20]))
    np.testing.assert_array_equal(part, whole[3:13, 5:25])
    with pytest.raises(tf.errors.InvalidArgumentError, match="no JPEG file, or cut off"):
        value(tf.image.extract_jpeg_shape(file[:20]))


def test_colors_of_jpeg_files_that_are_not_interpolated():
    pytest.importorskip("PIL.Image")
    columns = np.linspace(80, 160, 31)
    pixels = np.stack([columns, 240 - columns, 120 + 0 * columns], -1)[None].repeat(21, 0)
    pixels = pixels.astype(np.uint8)
    plain, fine = [
        value(tf.image.encode_jpeg(pixels, chroma_downsampling=d)) for d in (True, False)
    ]
    found = value(tf.image.decode_jpeg(plain, fancy_upscaling=False)).astype(int)
    red_less_green = (found[..., 0] - found[..., 1])[:20, :30].reshape(10, 2, 15, 2)
    assert np.ptp(red_less_green, (1, 3)).max() == 0
    smooth = value(tf.image.decode_jpeg(plain)).astype(int)
    assert found.shape == smooth.shape == pixels.shape
    assert 0 < np.abs(found - smooth).max() < 12
    for file, options in ((plain, {"ratio": 2}), (plain, {"channels": 1}), (fine, {})):
        alike = [tf.image.decode_jpeg(file, fancy_upscaling=f, **options) for f in (False, True)]
        np.testing.assert_array_equal(*map(value, alike))
    assert np.abs(value(tf.image.decode_jpeg(fine)).astype(int) - pixels).max() < 8


def test_jpeg_quality_of_images():
    pytest.importorskip("PIL.Image")
    image = RNG.random((16, 16, 3)).astype(np.float32)
    errors = [
        np.abs(value(tf.image.adjust_jpeg_quality(image, quality)) - image).mean()
        for quality in (95, 50, 5)
    ]
    assert errors[0] < errors[1] < errors[2] < 0.5
    found = value(tf.image.random_jpeg_quality(image, 20, 90, seed=3))
    assert errors[0] < np.abs(found - image).mean() < errors[2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="0 to 100"):
        tf.image.random_jpeg_quality(image, 50, 101)
