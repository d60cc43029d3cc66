"""Rows for images, windows of images, strings, counts, sampled losses and singular values."""

from __future__ import annotations

from tests.oracle.draw import A, I, T, row

IMAGES, IMAGE = T(2, 5, 6, 3, low=0, high=1), T(5, 6, 3, low=0, high=1)
WINDOWS = {"strides": [1, 2, 1, 1], "rates": [1, 1, 2, 1]}
SAMPLED = (A([5, 1, 7, 8], "int64"), A([[0.5], [0.3], [0.2]]), A([0.4, 0.3, 0.2, 0.1]))
# fmt: off
ROWS = [
    *[row(f"image.resize_{name}", IMAGES, size, **kw) for name in (
        "bilinear", "nearest_neighbor", "bicubic", "area")
      for size, kw in (([10, 4], {}), ([3, 9], {"align_corners": True}), ([5, 6], {}))
      if (name, kw) != ("area", {})],
    *[row(f"image.resize_{name}", IMAGES, [7, 3], half_pixel_centers=True) for name in (
        "bilinear", "nearest_neighbor")],
    row("image.resize_bilinear image.resize_nearest_neighbor", T(1, 3, 4, 2), [5, 7], dtypes="iu"),
    row("image.resize_images", IMAGE, [10, 4]),
    row("image.resize_images", IMAGES, I([3, 9]), method=1),
    row("image.resize_images", IMAGES, [20, 12], preserve_aspect_ratio=True),
    row("image.flip_left_right image.flip_up_down image.transpose_image", IMAGE, dtypes="fu"),
    row("image.flip_left_right image.flip_up_down image.transpose_image", IMAGES),
    row("image.crop_to_bounding_box", IMAGE, 1, 2, 3, 4),
    row("image.crop_to_bounding_box", IMAGES, 1, 4, 3, 4),
    row("image.pad_to_bounding_box", IMAGES, 1, 2, 9, 10),
    row("image.central_crop", IMAGE, 0.5),
    *[row("image.resize_image_with_crop_or_pad", IMAGE, *s) for s in ((3, 9), (8, 3), (5, 6))],
    row("image.adjust_brightness", IMAGE, 0.3, dtypes="fu"),
    row("image.adjust_contrast", IMAGES, 1.7, dtypes="fu"),
    *[row("image.rot90", IMAGE, k) for k in (1, 2, 3)],
    row("image.adjust_hue", IMAGE, 0.3),
    row("image.adjust_saturation", IMAGE, 1.8),
    row("image.rgb_to_hsv image.hsv_to_rgb", IMAGE),
    row("image.adjust_gamma", IMAGE, 2.0, 1.5),
    row("image.rgb_to_grayscale", IMAGE),
    row("image.grayscale_to_rgb", T(4, 5, 1), dtypes="fu"),
    row("image.rgb_to_yiq image.yiq_to_rgb image.rgb_to_yuv image.yuv_to_rgb", IMAGE),
    row("image.per_image_standardization", IMAGE, dtypes="fu"),
    row("image.convert_image_dtype", IMAGE, "uint8"),
    row("image.convert_image_dtype", T(2, 2, 1, low=0, high=255), "float32", dtypes="u"),
    row("image.total_variation", IMAGES),
    row("image.image_gradients", IMAGES),
    row("image.psnr", IMAGES, IMAGES, 1.0),
    *[row("extract_image_patches image.extract_image_patches", IMAGES, [1, 2, 3, 1], padding=p,
          **WINDOWS) for p in ("SAME", "VALID")],
    *[row("nn.dilation2d", IMAGES, T(2, 3, 3), padding=p, **WINDOWS) for p in ("SAME", "VALID")],
    *[row("nn.erosion2d", IMAGES, T(2, 3, 3), padding=p, **WINDOWS) for p in ("SAME", "VALID")],
    *[row("nn.nce_loss nn.sampled_softmax_loss", T(20, 4), T(20), A([[1], [5], [19]], "int64"),
          T(3, 4), 4, 20, sampled_values=SAMPLED, remove_accidental_hits=hits)
      for hits in (False, True)],
    row("nn.compute_accidental_hits", A([[1, 5], [2, 2]], "int64"), A([2, 5, 7], "int64"), 2),
    row("confusion_matrix math.confusion_matrix", I([1, 2, 4]), I([2, 2, 4])),
    row("confusion_matrix math.confusion_matrix", I([1, 2, 1]), I([2, 2, 2]), 4, "float32",
        weights=A([0.5, 1, 2])),
    row("confusion_matrix math.confusion_matrix", I([1, 2, 4]), I([2, 2, 4]), 3),
    row("histogram_fixed_width histogram_fixed_width_bins", T(3, 9), [-1.0, 1.0], 7, dtypes="fd"),
    row("histogram_fixed_width histogram_fixed_width_bins", I([1, 2, 7]), [0, 8], 3),
    row("sparse_segment_sqrt_n", T(4, 2), I([0, 1, 3]), I([0, 0, 2])),
    row("linalg.pinv", T(2, 4, 3), dtypes="fd"),
    row("linalg.matrix_rank", T(2, 4, 3), dtypes="fd"),
    row("linalg.normalize", T(2, 3), axis=1),
]
# fmt: on
