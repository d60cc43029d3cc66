"""Rows for images, windows of images, strings, counts, sampled losses and singular values."""

from __future__ import annotations

from tests.oracle.draw import A, I, T, row

IMAGES, IMAGE = T(2, 5, 6, 3, low=0, high=1), T(5, 6, 3, low=0, high=1)
WINDOWS = {"strides": [1, 2, 1, 1], "rates": [1, 1, 2, 1]}
SAMPLED = (A([5, 1, 7, 8], "int64"), A([[0.5], [0.3], [0.2]]), A([0.4, 0.3, 0.2, 0.1]))
LARGE, HUGE = T(2, 12, 13, 3, low=0, high=1), T(1, 24, 26, 1, low=0, high=1)
BOXES = A([[0, 0, 0.5, 0.6], [0.1, 0, 0.55, 0.6], [0.9, 0.8, -0.2, 0.1]])
SCORES = A([0.5, 0.9, 0.3])
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
    row("image.sobel_edges", IMAGES),
    *[row("extract_volume_patches", T(1, 4, 5, 6, 2), [1, 2, 2, 3, 1], [1, 2, 1, 2, 1], p)
      for p in ("SAME", "VALID")],
    row("fake_quant_with_min_max_args", T(3, 4, low=-8, high=8)),
    row("fake_quant_with_min_max_args", T(3, 4), -1.5, 1.0, 4, True),
    row("fake_quant_with_min_max_vars", T(3, 4), A(-1.5), A(1.0)),
    row("fake_quant_with_min_max_vars", T(3, 4), A(0.0), A(0.0)),
    row("fake_quant_with_min_max_vars_per_channel", T(3, 2), A([-1.5, -0.5]), A([1.0, 1.5])),
    row("fake_quant_with_min_max_vars_per_channel", T(3, 2), A([-1.5, 0.0]), A([1.0, 0.0])),
    row("fake_quant_with_min_max_args_gradient", T(3, 4), T(3, 4), -1.5, 1.0),
    row("fake_quant_with_min_max_vars_gradient", T(3, 4), T(3, 4), A(-1.5), A(1.0)),
    row("fake_quant_with_min_max_vars_per_channel_gradient", T(3, 2), T(3, 2), A([-1.5, -0.5]),
        A([1.0, 1.5])),
    *[row("image.extract_patches", IMAGES, sizes=[1, 2, 3, 1], padding=p, **WINDOWS)
      for p in ("SAME", "VALID")],
    row("image.resize_image_with_pad", IMAGES, 9, 7),
    row("image.resize_image_with_pad", IMAGE, 3, 9),
    row("image.resize_image_with_pad", IMAGES, 9, 7, method=1),
    row("image.ssim", LARGE, LARGE, 1.0), row("image.ssim", LARGE, LARGE, 1.0, filter_size=5),
    row("image.ssim_multiscale", HUGE, HUGE, 1.0, power_factors=(0.4, 0.6)),
    *[row("image.crop_and_resize", IMAGES, BOXES, I([0, 1, 1]), [3, 4], method=m,
          extrapolation_value=0.5) for m in ("bilinear", "nearest")],
    row("image.draw_bounding_boxes", IMAGES, T(2, 2, 4, low=0, high=1)),
    row("image.extract_glimpse", IMAGES, [3, 2], A([[0.1, -0.2], [0.0, 0.3]])),
    row("image.extract_glimpse", IMAGES, [3, 2], A([[2.0, 1.0], [1.0, 3.0]]), centered=False,
        normalized=False),
    row("image.non_max_suppression", BOXES, SCORES, 3),
    row("image.non_max_suppression", BOXES, SCORES, I(2), iou_threshold=0.1, score_threshold=0.2),
    row("image.non_max_suppression_with_scores", BOXES, SCORES, 3, soft_nms_sigma=0.5),
    row("image.non_max_suppression_padded", BOXES, SCORES, 5, pad_to_max_output_size=True),
    row("image.non_max_suppression_overlaps", T(3, 3, low=0, high=1), SCORES, 3),
    row("image.combined_non_max_suppression", T(2, 3, 1, 4, low=0, high=1),
        T(2, 3, 2, low=0, high=1), 2, 3),
    row("image.combined_non_max_suppression", T(2, 3, 2, 4, low=0, high=1),
        T(2, 3, 2, low=0, high=1), 2, 3, iou_threshold=0.2, pad_per_class=True),
]
# fmt: on
