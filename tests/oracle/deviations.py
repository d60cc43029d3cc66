"""Where tfmini differs from TensorFlow on purpose: the whole list.

In: a case and a difference.  Out: the deviation that covers it, or None.  A deviation that no case
needs is an error of this file: the report says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.oracle.compare import Difference
from tests.oracle.evaluate import Case, arrays_in

Condition = Callable[[Case, Difference], bool]


class Deviation(NamedTuple):
    ops: str
    aspects: str
    condition: str
    when: Condition
    reason: str


def _inputs(case: Case) -> list[np.ndarray]:
    return arrays_in([case.args, case.kwargs])


def dtypes(kinds: str) -> Condition:
    """An input has a dtype of NumPy's ``kinds``."""
    return lambda case, _: any(a.dtype.kind in kinds for a in _inputs(case))


def says(*texts: str) -> Condition:
    """The difference has one of ``texts``."""
    return lambda _, difference: any(text in difference.text for text in texts)


def given(**attrs: Any) -> Condition:
    """An argument has this value."""
    return lambda case, _: all(case.kwargs.get(k) == v for k, v in attrs.items())


def all_outputs(case: Case, _: Any) -> bool:
    return case.differentiated is None


def ties(case: Case, _: Any) -> bool:
    return any(a.size > len(np.unique(a)) for a in _inputs(case))


def zeros(case: Case, _: Any) -> bool:
    return any(np.any(a == 0) for a in _inputs(case))


def nans(case: Case, _: Any) -> bool:
    return any(a.dtype.kind in "fc" and np.isnan(a).any() for a in _inputs(case))


def swapped_limits(case: Case, _: Any) -> bool:
    _, low, high = case.args
    return bool(np.any(np.greater(low, high)))


def single(case: Case, _: Any) -> bool:
    return any(a.dtype in ("float32", "complex64") for a in _inputs(case))


def to_int64(case: Case, _: Any) -> bool:
    return any(isinstance(a, str) and a == "int64" for a in case.args)


DEVIATIONS = [
    Deviation(
        "linalg.expm", "value gradient", "single precision", single,
        "computed in double precision: TensorFlow's result is off by up to 1e-4 of the largest",
    ),
    Deviation(
        "math.xlogy math.xdivy math.xlog1py math.multiply_no_nan cumprod math.cumprod nn.silu "
        "matrix_determinant linalg.det squared_difference math.squared_difference "
        "math.reduce_euclidean_norm segment_prod math.segment_prod unsorted_segment_prod "
        "math.unsorted_segment_prod linalg.sqrtm matrix_square_root linalg.tridiagonal_solve",
        "gradient", "complex inputs", dtypes("c"),
        "TensorFlow does not conjugate a factor here, as it does everywhere else",
    ),
    Deviation(
        "cumprod math.cumprod", "gradient", "zeros in the input", zeros,
        "TensorFlow divides by the input and gives 0 or NaN; ours is the derivative",
    ),
    Deviation(
        "saturate_cast", "value", "floats to int64", to_int64,
        "TensorFlow wraps around: the limit of int64 is no float; ours saturates",
    ),
    Deviation(
        "clip_by_value", "gradient", "a lower limit above the upper one", swapped_limits,
        "which limit is reached then is not defined; the gradient goes to both",
    ),
    Deviation(
        "clip_by_value nn.elu nn.selu", "gradient", "NaN in the input", nans,
        "TensorFlow compares and takes NaN for one side; ours gives no limit a share, and NaN for "
        "NaN. Also selu at -1e-8, where TensorFlow's exp(x) - 1 is 0 and ours expm1",
    ),
    Deviation(
        "argmax argmin math.argmax math.argmin", "value", "NaN in the input", nans,
        "TensorFlow skips NaN or not by its place; ours is NumPy's: the first NaN",
    ),
    Deviation(
        "nn.max_pool nn.max_pool_v2 nn.max_pool2d", "value gradient", "NaN in the input", nans,
        "TensorFlow skips NaN or not by its place; ours propagates it",
    ),
    Deviation(
        "nn.max_pool3d", "gradient", "ties", ties,
        "TensorFlow gives each of several maxima the whole gradient; ours gives it to the first",
    ),
    Deviation(
        "nn.leaky_relu", "value gradient", "float64", says("float64"),
        "TensorFlow keeps alpha as float32, so 0.2 is 0.20000000298 there",
    ),
    Deviation(
        "nn.fused_batch_norm", "gradient", "moments differentiated too, or given", all_outputs,
        "TensorFlow ignores the gradients of the moments that it returns and takes given ones for "
        "constants; ours are the derivatives",
    ),
    Deviation(
        "random_gamma random.gamma", "gradient", "by alpha", says("has no gradient"),
        "the derivative of the inverse of the incomplete gamma function is not in NumPy",
    ),
    Deviation(
        "svd linalg.svd", "gradient", "full_matrices of a matrix that is not square",
        given(full_matrices=True),
        "TensorFlow has it for sides that differ by 1 only; ours raises for all alike",
    ),
    Deviation(
        "cholesky linalg.cholesky", "raises", "not positive definite",
        says("not positive definite"),
        "ours raises as TensorFlow 1 does; TensorFlow 2 gives NaN",
    ),
    Deviation(
        "nn.conv2d nn.convolution", "raises", "integers", says("float is needed"),
        "BLAS has no integers; cast the images",
    ),
    Deviation(
        "nn.conv2d nn.convolution", "raises", "filters of fewer channels than the images",
        says("filters expect"),
        "ours raises as TensorFlow 1 on CPUs does; TensorFlow 2 has grouped convolutions",
    ),
    Deviation(
        "add_n", "raises", "one bool", says("bool given"),
        "a sum of bools is refused however many they are; TensorFlow passes a single one through",
    ),
    Deviation(
        "concat expand_dims reverse transpose tensordot linalg.tensordot", "raises",
        "axes fed at run time", says("must be known while", "can't be iterated"),
        "axes are attributes, so that shapes and dimensions are known while building",
    ),
    Deviation(
        "tensordot linalg.tensordot norm linalg.norm nn.embedding_lookup matrix_solve_ls "
        "linalg.lstsq nn.bias_add nn.softmax_cross_entropy_with_logits "
        "nn.softmax_cross_entropy_with_logits_v2", "raises", "a rank that is not known",
        says("known rank", "must be known"),
        "the error asks for set_shape; TensorFlow builds a graph that looks at the rank",
    ),
    Deviation(
        "image.crop_to_bounding_box image.flip_left_right image.flip_up_down "
        "image.grayscale_to_rgb image.pad_to_bounding_box image.rgb_to_grayscale "
        "image.resize_image_with_crop_or_pad image.resize_with_crop_or_pad image.rot90 "
        "image.transpose "
        "image.transpose_image image.random_flip_left_right image.random_flip_up_down", "raises",
        "a rank that is not known",
        says("3 or 4 dimensions", "must be known", "known ranks"),
        "whether it is an image or a batch must be known; the error says what is",
    ),
    Deviation(
        "image.rgb_to_hsv image.hsv_to_rgb image.adjust_hue image.adjust_saturation", "gradient",
        "any", says("None here", "not differentiable"), "TensorFlow 1 has none either",
    ),
    Deviation(
        "nn.dilation2d nn.erosion2d", "raises", "a filter of unknown shape",
        says("the filter must be"),
        "the window's size must be known, so that the output's is; the error says so",
    ),
    Deviation(
        "image.decode_jpeg image.decode_and_crop_jpeg image.adjust_jpeg_quality", "value",
        "the default transform", lambda case, _: "dct_method" not in case.kwargs,
        "TensorFlow's default is libjpeg's fast, inexact inverse; ours is the accurate one, "
        "bit for bit what dct_method=\"INTEGER_ACCURATE\" gives there",
    ),
    Deviation(
        "image.resize_image_with_pad image.sobel_edges image.ssim image.ssim_multiscale "
        "reduce_join signal.frame signal.stft signal.inverse_stft signal.overlap_and_add",
        "raises", "a rank or frame length that is not known",
        says("3 or 4 dimensions", "3 or more dimensions", "must be known"),
        "the error asks for set_shape; TensorFlow builds a graph that looks at the shape",
    ),
    Deviation(
        "regex_replace signal.rfft", "raises", "a pattern or length fed at run time",
        says("must be known while"),
        "they are attributes: a pattern is compiled once, a length says the shape of the result",
    ),
    Deviation(
        "sparse_concat sparse_reduce_max sparse_reduce_max_sparse sparse_reduce_sum "
        "sparse_reduce_sum_sparse sparse_reshape sparse_split sparse_transpose", "raises",
        "a rank that is not known", says("rank must be known"),
        "the error asks for the shape; TensorFlow looks at it when it runs",
    ),
    Deviation(
        "sparse_add sparse_concat sparse_fill_empty_rows sparse_maximum sparse_merge "
        "sparse_minimum sparse_reorder sparse_reshape sparse_slice sparse_softmax "
        "sparse_transpose strings.split", "static", "parts of unknown rank",
        says("unknown dimensions"),
        "that indices are a matrix and values a vector is said where the parts say it",
    ),
    Deviation(
        "sparse_concat", "gradient", "any", says("None there"),
        "TensorFlow has no gradient here; ours is the derivative",
    ),
    Deviation(
        "assign", "static", "validate_shape=False", given(validate_shape=False),
        "the shape of the variable is not known from then on",
    ),
    Deviation(
        "train.piecewise_constant", "static", "a step of unknown rank", says("unknown dimensions"),
        "ours takes steps of any shape",
    ),
    Deviation(
        "lgamma digamma math.lgamma math.digamma", "value gradient", "at 0 and at minus infinity",
        says("inf"),
        "ours are SciPy's: digamma is -inf at 0, lgamma -inf at -inf",
    ),
    Deviation(
        "extract_volume_patches", "raises", "volumes of unknown sides", says("known sides"),
        "padding is written into the graph; the error says what must be known",
    ),
    Deviation(
        "fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars_gradient "
        "fake_quant_with_min_max_vars_per_channel_gradient", "gradient static", "any",
        says("None there", "dimensions"),
        "ours are composed of other operations, which have gradients; TensorFlow's has none",
    ),
    Deviation(
        "sparse_matmul nn.max_pool nn.max_pool2d", "static", "an input of unknown rank",
        says("unknown dimensions"),
        "that it must be a matrix, or images, is checked when it runs",
    ),
    Deviation(
        "nn.ctc_loss", "gradient", "more labels than steps",
        lambda case, _: any(a.tolist() == [3, 4, 2] for a in _inputs(case)),
        "no alignment gives them: the gradient is zero, not that of the normalization alone",
    ),
    Deviation(
        "nn.ctc_loss", "raises", "a label is the blank", says("must lie in"),
        "labels that no class stands for are refused",
    ),
]  # fmt: skip


def find(case: Case, difference: Difference) -> Deviation | None:
    """Return the deviation that covers ``difference``, or None."""
    for deviation in DEVIATIONS:
        if (
            case.op in deviation.ops.split()
            and difference.aspect in deviation.aspects.split()
            and deviation.when(case, difference)
        ):
            return deviation
    return None
