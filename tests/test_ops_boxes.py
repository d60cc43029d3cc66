"""Boxes: crops, drawings, random parts, and which of many overlapping ones are kept."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tests.op_checks import assert_gradient, grad

RNG = np.random.default_rng(3)


def value(tensor, feed=None):
    with tf.Session() as session:
        return session.run(tensor, feed)


def ramp(height=4, width=5):
    """Return an image whose pixel (y, x) is 10 y + x."""
    return (10.0 * np.arange(height)[:, None] + np.arange(width))[None, :, :, None].astype("f")


def test_crops_sample_between_pixels():
    boxes = np.array([[0, 0, 1, 1], [0, 0.5, 1 / 3, 1], [1, 1, 0, 0]], np.float32)
    found = value(tf.image.crop_and_resize(ramp(), boxes, [0, 0, 0], [2, 3]))[..., 0]
    np.testing.assert_allclose(found[0], [[0, 2, 4], [30, 32, 34]], atol=1e-5)
    np.testing.assert_allclose(found[1], [[2, 3, 4], [12, 13, 14]], atol=1e-5)
    np.testing.assert_allclose(found[2], [[34, 32, 30], [4, 2, 0]], atol=1e-5)  # mirrored
    middle = value(tf.image.crop_and_resize(ramp(), boxes[:1], [0], [1, 1]))
    np.testing.assert_allclose(middle.ravel(), [17])


def test_crops_outside_the_image_and_by_the_nearest_pixel():
    boxes = np.array([[-1, 0, 0, 1]], np.float32)
    found = value(tf.image.crop_and_resize(ramp(), boxes, [0], [2, 2], extrapolation_value=-7))
    np.testing.assert_allclose(found[0, :, :, 0], [[-7, -7], [0, 4]])
    third = np.array([[0.1, 0.1, 0.9, 0.9]], np.float32)
    near = value(tf.image.crop_and_resize(ramp(), third, [0], [2, 2], method="nearest"))
    np.testing.assert_allclose(near[0, :, :, 0], [[0, 4], [30, 34]])
    assert value(tf.image.crop_and_resize(ramp(), np.zeros((0, 4), "f"), [], [2, 2])).shape == (
        0, 2, 2, 1,
    )  # fmt: skip


def test_crops_say_what_is_wrong():
    boxes = np.zeros((1, 4), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of range for 1 images"):
        value(tf.image.crop_and_resize(ramp(), boxes, [1], [2, 2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="'bilinear' or 'nearest'"):
        tf.image.crop_and_resize(ramp(), boxes, [0], [2, 2], method="cubic")
    with pytest.raises(tf.errors.InvalidArgumentError, match="crop_size"):
        tf.image.crop_and_resize(ramp(), boxes, [0])


@pytest.mark.parametrize("size", [[3, 2], [1, 4]])
def test_crops_can_be_differentiated_for_images_and_boxes(size):
    images, which = RNG.random((2, 5, 6, 2)), np.array([1, 0, 1], np.int32)
    boxes = np.array([[0.13, 0.21, 0.72, 0.91], [0.83, -0.12, 0.24, 0.55], [0.4, 0.3, 0.67, 1.3]])
    assert_gradient(lambda x, b: tf.image.crop_and_resize(x, b, which, size), images, boxes)
    near = grad(lambda x: tf.image.crop_and_resize(x, boxes, which, size, method="nearest"), images)
    inside = value(tf.image.crop_and_resize(np.ones_like(images), boxes, which, size))
    assert near.sum() == inside.sum()  # each point takes one pixel


BOXES = np.array(
    [[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [1, 11.1, 0, 10.1],
     [0, 100, 1, 101]], np.float32,
)  # fmt: skip
SCORES = np.array([0.9, 0.75, 0.6, 0.95, 0.5, 0.3], np.float32)


def test_the_best_of_overlapping_boxes_are_kept():
    keep = tf.image.non_max_suppression
    assert value(keep(BOXES, SCORES, 3)).tolist() == [3, 0, 5]
    assert value(keep(BOXES, SCORES, 2)).tolist() == [3, 0]
    assert value(keep(BOXES, SCORES, 9, score_threshold=0.4)).tolist() == [3, 0]
    assert value(keep(BOXES, SCORES, 9, iou_threshold=1.0)).tolist() == [3, 0, 1, 2, 4, 5]
    assert value(keep(BOXES[:0], SCORES[:0], 3)).tolist() == []
    assert value(keep(BOXES, np.ones(6, "f"), 9)).tolist() == [0, 3, 5]  # of equals the first
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"iou_threshold must be in \[0, 1\]"):
        value(keep(BOXES, SCORES, 3, 1.5))
    with pytest.raises(tf.errors.InvalidArgumentError, match="one score for each box"):
        keep(BOXES, SCORES[:3], 3)


def test_soft_suppression_lowers_scores():
    index, scores = value(tf.image.non_max_suppression_with_scores(BOXES, SCORES, 6, 1.0, 0.0, 0.5))
    assert index.tolist() == [3, 0, 1, 5, 4, 2]
    overlap = 0.9 / 1.1
    np.testing.assert_allclose(scores[2], 0.75 * np.exp(-(overlap**2)), rtol=1e-5)
    np.testing.assert_allclose(scores[4], 0.5 * np.exp(-(overlap**2)), rtol=1e-5)


def test_suppression_filled_up_and_by_given_overlaps():
    kept, count = tf.image.non_max_suppression_padded(BOXES, SCORES, 5, pad_to_max_output_size=True)
    assert kept.shape.as_list() == [5]
    index, number = value([kept, count])
    assert (index.tolist(), number) == ([3, 0, 5, 0, 0], 3)
    overlaps = np.array([[1, 0.6, 0], [0.6, 1, 0], [0, 0, 1]], np.float32)
    found = tf.image.non_max_suppression_overlaps(overlaps, SCORES[:3], 3)
    assert value(found).tolist() == [0, 2]


def test_suppression_of_classes_combined():
    boxes = np.stack([BOXES, BOXES])[:, :, None]
    scores = np.stack([np.stack([SCORES, SCORES[::-1]], 1)] * 2)
    found = tf.image.combined_non_max_suppression(boxes, scores, 2, 3, clip_boxes=False)
    kept, points, classes, count = value(list(found))
    assert count.tolist() == [3, 3]
    np.testing.assert_allclose(points, [[0.95, 0.95, 0.9]] * 2, rtol=1e-6)
    assert classes.tolist() == [[0, 1, 0]] * 2
    np.testing.assert_array_equal(kept[0], BOXES[[3, 2, 0]])
    less = tf.image.combined_non_max_suppression(boxes, scores, 1, 9, pad_per_class=True)
    assert less[0].shape.as_list() == [2, 2, 4]
    cut = value(tf.image.combined_non_max_suppression(boxes, scores, 1, 3)[0])
    np.testing.assert_allclose(cut[0], [[0, 1, 1, 1], [0, 0, 1, 0.9], [0] * 4])  # filled up


def test_outlines_are_drawn_as_far_as_they_are_inside():
    images = np.zeros((1, 5, 6, 3), np.float32)
    boxes = np.array([[[0.25, 0.2, 0.75, 0.8], [-1, 0.4, 2, 3], [2, 2, 3, 3]]], np.float32)
    found = value(tf.image.draw_bounding_boxes(images, boxes[:, :1], colors=[[1.0, 2.0, 3.0]]))
    mask = np.zeros((5, 6), bool)
    mask[1:4, 1:5] = True
    mask[2, 2:4] = False
    np.testing.assert_array_equal(found[0, :, :, 1], 2.0 * mask)
    both = value(tf.image.draw_bounding_boxes(images, boxes))[0]
    np.testing.assert_array_equal(both[1, 1], [1, 1, 0])  # yellow
    np.testing.assert_array_equal(both[:, 2], [[0, 0, 1]] * 5)  # blue, its left side alone
    assert not images.any()


def test_random_parts_keep_to_their_limits():
    box = np.array([[[0.2, 0.3, 0.7, 0.8]]], np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        part = tf.image.sample_distorted_bounding_box(
            [60, 80, 3], box, min_object_covered=0.4, area_range=(0.2, 0.5),
            aspect_ratio_range=(0.8, 1.25),
        )  # fmt: skip
        begin, found = session.run([tf.stack([part[i]] * 9) for i in (0, 2)])
        many = [session.run(part) for _ in range(100)]
    assert (begin == begin[0]).all()  # one draw in a run
    assert (found == found[0]).all()
    assert len({tuple(m.begin) for m in many}) > 50
    for part in many:
        top, left, zero = part.begin
        rows, columns, rest = part.size
        assert (zero, rest) == (0, -1)
        assert 0.2 <= rows * columns / 4800 <= 0.5
        assert 0.75 < columns / rows < 1.35
        np.testing.assert_allclose(
            part.bboxes[0, 0] * [60, 80, 60, 80], [top, left, top + rows, left + columns], rtol=1e-5
        )
        common = np.minimum([top + rows, left + columns], [42, 64]) - np.maximum(
            [top, left], [12, 24]
        )
        assert np.maximum(common, 0).prod() >= 0.4 * 30 * 40


def test_random_parts_without_objects():
    none = np.zeros((1, 0, 4), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="use_image_if_no_bounding_boxes"):
        value(list(tf.image.sample_distorted_bounding_box([6, 8, 3], none)))
    whole = tf.image.sample_distorted_bounding_box(
        [6, 8, 3], none, min_object_covered=1.0, area_range=(0.1, 0.2), max_attempts=5,
        use_image_if_no_bounding_boxes=True,
    )  # fmt: skip
    begin, size, box = value(list(whole))  # no part of a fifth has all of it
    assert (begin.tolist(), size.tolist(), box.ravel().tolist()) == (
        [0, 0, 0], [6, 8, -1], [0, 0, 1, 1],
    )  # fmt: skip
    with pytest.raises(tf.errors.InvalidArgumentError, match="area_range"):
        tf.image.sample_distorted_bounding_box([6, 8, 3], none, area_range=(0, 2))
