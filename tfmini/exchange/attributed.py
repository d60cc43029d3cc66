"""Operations of TensorFlow's graphs that our functions make, by the attributes of their nodes.

In: TensorFlow's node and its inputs.  Out: tensors, one per output.  Formulas are those that the
functions' own modules name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor
from tfmini.dtypes import int32
from tfmini.exchange.attributes import decoded
from tfmini.exchange.forms import NotUnderstood
from tfmini.exchange.sparse_nodes import SPARSE_NODES
from tfmini.formats.graphdef import NodeDef
from tfmini.nodes import Tensor
from tfmini.ops import (
    array,
    colors,
    diagonals,
    joining,
    linalg,
    math,
    normalization,
    padding,
    parsing,
    reductions,
    segment,
    sparse,
    text,
)
from tfmini.ops.lists import _list_lengths
from tfmini.ops.normalization import _fused_batch_norm, _fused_batch_norm_grad, _window_sum
from tfmini.ops.resizing import _resize, _resize_grad
from tfmini.ops.string_values import as_text
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.ops.windows import channels_first, to_channels_first, to_channels_last

_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def attr(node: NodeDef, name: str, default: Any) -> Any:
    """Return an attribute of TensorFlow's node, ``default`` where it is not written."""
    return decoded(node.attr[name]) if name in node.attr else default


def has_form(node: NodeDef) -> bool:
    """Whether a node is one of ours after all, which ``special.py`` reads."""
    training = node.op in _BATCH_NORMS and attr(node, "is_training", True)
    return bool(training and attr(node, "data_format", "NHWC") in ("NHWC", "NDHWC"))


# -- normalization ------------------------------------------------------------------------------


def _batch_norm(
    node: NodeDef, x: Any, scale: Any, offset: Any, mean: Any, variance: Any
) -> list[Any]:
    """Outputs: the result; mean and variance for running averages; both for the gradient."""
    epsilon, first, space = _batch_norm_attrs(node)
    if attr(node, "exponential_avg_factor", 1.0) != 1.0:
        raise NotUnderstood("it averages by itself (exponential_avg_factor)")
    rows = to_channels_last(x, space) if first else x
    if attr(node, "is_training", True):
        y, mean, unbiased, variance = _fused_batch_norm(rows, scale, offset, epsilon)
    else:
        y = normalization.normalized(rows, mean, variance, offset, scale, epsilon, "normalized")
        unbiased = variance
    y = to_channels_first(y, space) if first else y
    return [y, mean, unbiased, mean, variance, convert_to_tensor(np.zeros(0, np.float32))]


def _batch_norm_grad(
    node: NodeDef, dy: Any, x: Any, scale: Any, mean: Any, variance: Any, *_reserved: Any
) -> list[Any]:
    epsilon, first, space = _batch_norm_attrs(node)
    if first:
        dy, x = to_channels_last(dy, space), to_channels_last(x, space)
    if attr(node, "is_training", True):
        dx, d_scale, d_offset = _fused_batch_norm_grad(dy, x, scale, mean, variance, epsilon)
    else:
        share = math.rsqrt(variance + epsilon)
        others = list(range(space + 1))
        dx = dy * (scale * share)
        d_scale = reductions.reduce_sum(dy * (x - mean), others) * share
        d_offset = reductions.reduce_sum(dy, others)
    empty = convert_to_tensor(np.zeros(0, np.float32))
    return [to_channels_first(dx, space) if first else dx, d_scale, d_offset, empty, empty]


def _batch_norm_attrs(node: NodeDef) -> tuple[float, bool, int]:
    layout = attr(node, "data_format", "NHWC")
    return attr(node, "epsilon", 1e-4), channels_first(layout), len(layout) - 2


def _lrn(node: NodeDef, x: Any) -> Any:
    return normalization.local_response_normalization(x, *_lrn_attrs(node))


def _lrn_grad(node: NodeDef, dy: Any, x: Any, y: Any) -> Any:
    """With n = bias + alpha s: dy n^-beta - 2 alpha beta x times the window's sum of dy y / n."""
    radius, bias, alpha, beta = _lrn_attrs(node)
    below = bias + alpha * _window_sum(math.square(x), radius)
    around = _window_sum(dy * y / below, radius)
    return dy * math.pow(below, -beta) - (2.0 * alpha * beta) * x * around


def _lrn_attrs(node: NodeDef) -> tuple[int, float, float, float]:
    given = (("depth_radius", 5), ("bias", 1.0), ("alpha", 1.0), ("beta", 0.5))
    radius, bias, alpha, beta = [attr(node, name, default) for name, default in given]
    return int(radius), bias, alpha, beta


# -- images -------------------------------------------------------------------------------------


def _resizing(method: str) -> Callable[..., Any]:
    def resize(node: NodeDef, images: Any, size: Any) -> Any:
        return apply(_resize.opdef, (images, size), _resize_attrs(node, method))

    return resize


def _resizing_grad(method: str) -> Callable[..., Any]:
    def gradient(node: NodeDef, dy: Any, images: Any) -> Any:
        shape = array.shape(images)
        if method == "nearest":  # TensorFlow gives the size itself
            outer = array.shape(dy)
            shape = joining.concat([outer[:1], images, outer[3:]], 0)
        return apply(_resize_grad.opdef, (dy, shape), _resize_attrs(node, method))

    return gradient


def _resize_attrs(node: NodeDef, method: str) -> dict[str, Any]:
    half_pixel = attr(node, "half_pixel_centers", False)
    if half_pixel and method == "bicubic":
        raise NotUnderstood("its pixels have half_pixel_centers")
    corners = attr(node, "align_corners", False)
    return {"method": method, "align_corners": corners, "half_pixel": half_pixel}


# -- arrays of tensors --------------------------------------------------------------------------
#
# TensorFlow has a handle and a flow of each; here the flow is all there is.


def _array_empty(node: NodeDef, size: Any) -> list[Any]:
    made = _array(node, None, size=size, dynamic_size=attr(node, "dynamic_size", False))
    return [made.flow, made.flow]


def _array(node: NodeDef, flow: Any, **options: Any) -> TensorArray:
    shape = attr(node, "element_shape", None)
    return TensorArray(attr(node, "dtype", None), flow=flow, element_shape=shape, **options)


def _array_write(node: NodeDef, handle: Any, index: Any, value: Any, flow: Any) -> Any:
    return TensorArray(value.dtype, flow=flow, dynamic_size=True).write(index, value).flow


def _array_scatter(node: NodeDef, handle: Any, indices: Any, value: Any, flow: Any) -> Any:
    return TensorArray(value.dtype, flow=flow, dynamic_size=True).scatter(indices, value).flow


def _array_split(node: NodeDef, handle: Any, value: Any, lengths: Any, flow: Any) -> Any:
    return TensorArray(value.dtype, flow=flow).split(value, lengths).flow


def _array_read(node: NodeDef, handle: Any, index: Any, flow: Any) -> Any:
    return _array(node, flow).read(index)


def _array_gather(node: NodeDef, handle: Any, indices: Any, flow: Any) -> Any:
    return _array(node, flow).gather(indices)


def _array_concat(node: NodeDef, handle: Any, flow: Any) -> list[Any]:
    whole: Any = _array(node, flow).concat()
    return [whole, _list_lengths(flow, whole.op.attrs["shape"])]


# -- the rest -----------------------------------------------------------------------------------


def _sparse_matmul(node: NodeDef, indices: Any, values: Any, shape: Any, dense: Any) -> Any:
    matrix = sparse.SparseTensor(indices, values, shape)
    adjoints = attr(node, "adjoint_a", False), attr(node, "adjoint_b", False)
    return sparse.sparse_tensor_dense_matmul(matrix, dense, *adjoints)


def _as_string(node: NodeDef, x: Any) -> Any:
    given = (("precision", -1), ("scientific", False), ("shortest", False), ("width", -1))
    options = {name: attr(node, name, default) for name, default in given}
    return text.as_string(x, **options, fill=as_text(attr(node, "fill", "")))


def _parse_example(node: NodeDef, serialized: Any, names: Any, *rest: Any) -> list[Any]:
    n, m = attr(node, "Nsparse", 0), attr(node, "Ndense", 0)
    keys, defaults = [as_text(static_value(k)) for k in rest[: n + m]], rest[n + m :]
    return _parsed(node, serialized, keys[:n], keys[n:], defaults, single=False)


def _parse_example_v2(
    node: NodeDef, serialized: Any, names: Any, sparse: Any, dense: Any, ragged: Any, *defaults: Any
) -> list[Any]:
    if static_value(ragged).size:
        raise NotUnderstood("it gives ragged tensors")
    keys = [[as_text(k) for k in static_value(part).ravel()] for part in (sparse, dense)]
    return _parsed(node, serialized, *keys, defaults, single=static_value(names).ndim == 0)


def _parse_single_example(node: NodeDef, serialized: Any, *defaults: Any) -> list[Any]:
    keys = [[as_text(k) for k in attr(node, n, ())] for n in ("sparse_keys", "dense_keys")]
    return _parsed(node, serialized, *keys, defaults, single=True)


def _parsed(
    node: NodeDef, serialized: Any, sparse: Sequence[str], dense: Sequence[str],
    defaults: Sequence[Any], single: bool,
) -> list[Any]:  # fmt: skip
    """Outputs: indices, then values, then shapes of all sparse features; then the dense ones."""
    features: dict[str, Any] = {
        key: parsing.VarLenFeature(dtype)
        for key, dtype in zip(sparse, attr(node, "sparse_types", ()), strict=True)
    }
    facts = attr(node, "Tdense", ()), attr(node, "dense_shapes", ()), defaults
    for key, dtype, shape, default in zip(dense, *facts, strict=True):
        known = static_value(default)
        kind = parsing.FixedLenFeature
        features[key] = kind(shape, dtype, known if known.size else None)
    parse = parsing.parse_single_example if single else parsing.parse_example
    found = parse(serialized, features)
    parts = [found[key] for key in sparse]
    return [
        *[p.indices for p in parts], *[p.values for p in parts],
        *[p.dense_shape for p in parts], *[found[key] for key in dense],
    ]  # fmt: skip


def static_value(tensor: Tensor) -> Any:
    """Return the array that a tensor is; NotUnderstood if it is not known while building."""
    known = constant_value(tensor)
    if known is None:
        raise NotUnderstood(f"{tensor.name} is not a constant")
    return known


def _matrix_diag(node: NodeDef, x: Any, k: Any, rows: Any, columns: Any, padding_value: Any) -> Any:
    numbers = [int(static_value(v)) for v in (k, rows, columns)]
    return diagonals.matrix_diag(x, "diag", *numbers, static_value(padding_value).item())


def _matrix_diag_part(node: NodeDef, x: Any, k: Any, _padding: Any) -> Any:
    return diagonals.matrix_diag_part(x, k=int(static_value(k)))


def _matrix_set_diag(node: NodeDef, x: Any, diagonal: Any, k: Any) -> Any:
    return diagonals.matrix_set_diag(x, diagonal, k=int(static_value(k)))


def _mirror_pad(node: NodeDef, x: Any, pairs: Any) -> Any:
    return padding.pad(x, pairs, attr(node, "mode", "REFLECT"))


def _pad(node: NodeDef, x: Any, pairs: Any, value: Any = 0) -> Any:
    return padding.pad(x, pairs, constant_values=value)


ATTRIBUTED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_BATCH_NORMS, _batch_norm),
    **dict.fromkeys(
        ["FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3"], _batch_norm_grad
    ),
    "LRN": _lrn,
    "LRNGrad": _lrn_grad,
    "ResizeArea": _resizing("area"),
    "ResizeBicubic": _resizing("bicubic"),
    "ResizeBicubicGrad": _resizing_grad("bicubic"),
    "ResizeBilinear": _resizing("bilinear"),
    "ResizeBilinearGrad": _resizing_grad("bilinear"),
    "ResizeNearestNeighbor": _resizing("nearest"),
    "ResizeNearestNeighborGrad": _resizing_grad("nearest"),
    "TensorArrayV3": _array_empty,
    "TensorArrayWriteV3": _array_write,
    "TensorArrayScatterV3": _array_scatter,
    "TensorArraySplitV3": _array_split,
    "TensorArrayReadV3": _array_read,
    "TensorArrayGatherV3": _array_gather,
    "TensorArrayConcatV3": _array_concat,
    "TensorArraySizeV3": lambda node, handle, flow: array.size(flow),
    "TensorArrayCloseV3": lambda node, handle: array.identity(handle),
    "AdjustContrastv2": lambda node, x, factor: colors.adjust_contrast(x, factor),
    "AdjustHue": lambda node, x, delta: colors.adjust_hue(x, delta),
    "AdjustSaturation": lambda node, x, factor: colors.adjust_saturation(x, factor),
    "SparseTensorDenseMatMul": _sparse_matmul,
    **SPARSE_NODES,
    "AsString": _as_string,
    "Cross": lambda node, a, b: linalg.cross(a, b),
    "MatrixDiag": lambda node, x: diagonals.matrix_diag(x),
    "MatrixDiagPart": lambda node, x: diagonals.matrix_diag_part(x),
    "MatrixSetDiag": lambda node, x, diagonal: diagonals.matrix_set_diag(x, diagonal),
    **dict.fromkeys(["MatrixDiagV2", "MatrixDiagV3"], _matrix_diag),
    **dict.fromkeys(["MatrixDiagPartV2", "MatrixDiagPartV3"], _matrix_diag_part),
    **dict.fromkeys(["MatrixSetDiagV2", "MatrixSetDiagV3"], _matrix_set_diag),
    "SparseSegmentMean": lambda node, x, i, ids: segment.sparse_segment_mean(x, i, ids),
    "SparseSegmentSqrtN": lambda node, x, i, ids: segment.sparse_segment_sqrt_n(x, i, ids),
    "SparseSegmentSum": lambda node, x, i, ids: segment.sparse_segment_sum(x, i, ids),
    "ParseExample": _parse_example,
    "ParseExampleV2": _parse_example_v2,
    "ParseSingleExample": _parse_single_example,
    "VariableShape": lambda node, x: array.shape(x, out_type=attr(node, "out_type", int32)),
    "MirrorPad": _mirror_pad,
    "Pad": _pad,
    "PadV2": _pad,
}
