"""Operations of ours that are several of TensorFlow's: most are what gradients are made of.

In: the parts that stand for a node, to be added to, the node and its inputs.  Out: the results that
are its outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.dtypes import DType, bool_, float32, float64, int32, int64
from tfmini.exchange.branched import if_
from tfmini.exchange.forms import FORMS
from tfmini.exchange.layered import layer, layer_gradient
from tfmini.exchange.looped import scan_, while_
from tfmini.exchange.parts import Parts, Result, Unknown
from tfmini.nodes import Operation, Tensor

# -- shapes ------------------------------------------------------------------------------------


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def _scalar(value: float, dtype: DType | None) -> np.ndarray:
    if dtype is None:
        raise Unknown
    return np.array(value, dtype.dtype)


def _shape(parts: Parts, x: Tensor, dtype: DType | None = int32) -> Result:
    return parts("Shape", x, out=dtype, out_type=dtype)


def _size(parts: Parts, x: Tensor | Result) -> Result:
    return parts("Size", x, out=int32, out_type=int32)


def _rank(tensor: Tensor) -> int:
    if tensor.spec.rank is None:
        raise Unknown
    return tensor.spec.rank


def _axes(parts: Parts, axis: Any, shape: Tensor) -> Result:
    """Return ``axis``, one or several, counted from the front of an array of ``shape``."""
    listed = (axis,) if isinstance(axis, int) else tuple(axis)
    return parts("FloorMod", _ints(*listed), _size(parts, shape))


# -- gradients ---------------------------------------------------------------------------------


def _sum_to_shape(parts: Parts, node: Operation, x: Tensor, shape: Tensor) -> Result:
    given = _shape(parts, x, shape.dtype)
    axes = parts("BroadcastGradientArgs", shape, given)  # its first output
    return parts("Reshape", parts("Sum", x, axes, keep_dims=False), shape)


def _unreduce(parts: Parts, node: Operation, y: Tensor, shape: Tensor) -> Result:
    axis = node.attrs["axis"]
    kept: Tensor | Result = y
    if axis is not None and not node.attrs["keepdims"]:
        axes = _axes(parts, axis, shape)
        rank = _size(parts, shape)
        places = parts("Range", _scalar(0, int32), rank, _scalar(1, int32))
        count = 1 if isinstance(axis, int) else len(axis)
        ones = np.ones(count, shape.dtype.dtype if shape.dtype else np.int32)
        sizes = parts("DynamicStitch", places, axes, shape, ones, out=shape.dtype)
        kept = parts("Reshape", y, sizes)
    return parts("BroadcastTo", kept, shape)


def _mean_share(parts: Parts, node: Operation, y: Tensor, shape: Tensor) -> Result:
    axis = node.attrs["axis"]
    sizes: Tensor | Result = shape
    if axis is not None:
        sizes = parts("GatherV2", shape, _axes(parts, axis, shape), _scalar(0, int32))
    count = parts("Prod", sizes, _ints(0), keep_dims=False)
    return parts("RealDiv", y, parts("Cast", count, out=y.dtype, DstT=y.dtype))


def _cast_like(parts: Parts, node: Operation, x: Tensor, like: Tensor) -> Result:
    if like.dtype is None:
        raise Unknown
    return parts("Cast", x, out=like.dtype, DstT=like.dtype)


def _masked(parts: Parts, node: Operation, x: Tensor, mask: Tensor) -> Result:
    return parts("Mul", x, _converted(parts, mask, x.dtype))


def _converted(parts: Parts, x: Tensor | Result, dtype: DType | None) -> Tensor | Result:
    if dtype is None:
        raise Unknown
    return x if x.dtype is dtype else parts("Cast", x, out=dtype, DstT=dtype)


def _row_products(parts: Parts, node: Operation, a: Tensor, b: Tensor) -> Result:
    def rows(x: Tensor) -> Tensor | Result:
        if _rank(x) == 2:
            return x
        last = (x.spec.shape or (None,))[-1]
        if last is None:
            raise Unknown
        return parts("Reshape", x, _ints(-1, last))

    return parts("MatMul", rows(a), rows(b), transpose_a=True, transpose_b=False)


def _gather_grad(
    parts: Parts, node: Operation, grad: Tensor, indices: Tensor, shape: Tensor
) -> Result:
    if node.attrs["batch_dims"]:
        raise Unknown
    axis, depth = node.attrs["axis"], 0
    data: Tensor | Result = grad
    if axis:
        depth = _rank(indices)
        outer = _rank(grad) - depth  # the dimensions that are not looked up
        axis %= outer + 1
        front = [*range(axis, axis + depth), *range(axis), *range(axis + depth, outer + depth)]
        data = parts("Transpose", grad, _ints(*front))
    count = parts("GatherV2", shape, _scalar(axis, int32), _scalar(0, int32))
    summed = parts("UnsortedSegmentSum", data, indices, count)
    if not axis:
        return summed
    back = [*range(1, axis + 1), 0, *range(axis + 1, outer + 1)]
    return parts("Transpose", summed, _ints(*back))


def _gather_nd_grad(
    parts: Parts, node: Operation, indices: Tensor, grad: Tensor, shape: Tensor
) -> Result:
    if node.attrs["batch_dims"]:
        raise Unknown
    return parts("ScatterNd", indices, grad, _converted(parts, shape, indices.dtype),
                 out=grad.dtype)  # fmt: skip


def _slice_grad(parts: Parts, node: Operation, grad: Tensor, begin: Tensor, shape: Tensor) -> Any:
    dtype = shape.dtype
    first = _converted(parts, begin, dtype)
    given = _shape(parts, grad, dtype)
    after = parts("Sub", parts("Sub", shape, first), given)
    pairs = parts("Pack", first, after, axis=1)
    return parts("Pad", grad, pairs)


def _where_true(parts: Parts, mask: Tensor) -> Result:
    return parts("Where", mask, out=int64)


def _boolean_mask(parts: Parts, node: Operation, x: Tensor, mask: Tensor) -> Result:
    if node.attrs["axis"]:
        raise Unknown
    return parts("GatherNd", x, _where_true(parts, mask))


def _boolean_mask_grad(
    parts: Parts, node: Operation, grad: Tensor, mask: Tensor, shape: Tensor
) -> Result:
    if node.attrs["axis"]:
        raise Unknown
    places = _where_true(parts, mask)
    return parts("ScatterNd", places, grad, _converted(parts, shape, int64), out=grad.dtype)


# -- what layers and losses are made of --------------------------------------------------------


def _weights(parts: Parts, node: Operation, weights: Tensor, values: Tensor) -> Result:
    return parts("Identity", weights)


def _dropout_mask(parts: Parts, node: Operation, x: Tensor, rate: Tensor, shape: Tensor) -> Result:
    drawn = float64 if x.dtype is float64 else float32
    draws = parts(
        "RandomUniform", shape, out=drawn, dtype=drawn, seed2=int(node.attrs["seed"] or 0)
    )
    kept = parts("GreaterEqual", draws, _converted(parts, rate, drawn), out=bool_)
    share = parts("Sub", _scalar(1, x.dtype), _converted(parts, rate, x.dtype))
    return parts("RealDiv", _converted(parts, kept, x.dtype), share)


def _reduced(node: Operation, x: Tensor) -> np.ndarray:
    """Return the axes that ``node`` reduces."""
    axis = node.attrs["axis"]
    return _ints(*range(_rank(x)) if axis is None else (axis,) if isinstance(axis, int) else axis)


def _moments(parts: Parts, node: Operation, x: Tensor) -> list[Result]:
    axes, kept = _reduced(node, x), bool(node.attrs["keepdims"])
    mean = parts("Mean", x, axes, keep_dims=True)
    variance = parts("Mean", parts("SquaredDifference", x, mean), axes, keep_dims=kept)
    return [mean if kept else parts("Squeeze", mean, squeeze_dims=tuple(axes.tolist())), variance]


def _logistic_loss(parts: Parts, node: Operation, logits: Tensor, labels: Tensor) -> Result:
    tail = parts("Log1p", parts("Exp", parts("Neg", parts("Abs", logits))))
    return parts("Add", parts("Sub", parts("Relu", logits), parts("Mul", logits, labels)), tail)


def _log_sum_exp(parts: Parts, node: Operation, x: Tensor) -> Result:
    axes, kept = _reduced(node, x), bool(node.attrs["keepdims"])
    largest = parts("Max", x, axes, keep_dims=True)
    finite = parts("IsFinite", largest, out=bool_)
    largest = parts("Select", finite, largest, parts("ZerosLike", largest), out=x.dtype)
    total = parts("Log", parts("Sum", parts("Exp", parts("Sub", x, largest)), axes, keep_dims=True))
    out = parts("Add", total, largest)
    return out if kept else parts("Squeeze", out, squeeze_dims=tuple(axes.tolist()))


def _count_nonzero(parts: Parts, node: Operation, x: Tensor) -> Result:
    axes, dtype = _reduced(node, x), node.attrs["dtype"]
    found = parts("NotEqual", x, _scalar(0, x.dtype), out=bool_)
    ones = _converted(parts, found, dtype)
    return parts("Sum", ones, axes, keep_dims=bool(node.attrs["keepdims"]))


def _logical_xor(parts: Parts, node: Operation, x: Tensor, y: Tensor) -> Result:
    return parts("NotEqual", x, y)


def _body_input(parts: Parts, node: Operation) -> Result:
    """What a body is given has a value only in its conditional; there it is not this node."""
    dtype = node.outputs[0].dtype
    if dtype is None:
        raise Unknown
    return Result(parts.leaf("Placeholder", dtype=dtype), dtype)


def _batch_norm(parts: Parts, node: Operation, x: Tensor, *factors: Tensor) -> list[Result]:
    """TensorFlow's takes images alone."""
    images, empty = _images(parts, x), np.zeros(0, np.float32)
    first = parts(
        "FusedBatchNormV3", images, *factors, empty, empty, U=factors[0].dtype, is_training=True,
        epsilon=float(node.attrs["epsilon"]),
    )  # fmt: skip
    y = parts("Reshape", first, _shape(parts, x))
    return [y, *[Result(f"{first.name}:{i}", float32) for i in range(1, 6)]]


def _batch_norm_grad(
    parts: Parts, node: Operation, grad: Tensor, x: Tensor, *factors: Tensor
) -> list[Result]:
    images, slopes = _images(parts, x), _images(parts, grad)
    first = parts(
        "FusedBatchNormGradV3", slopes, images, *factors, np.zeros(0, np.float32),
        U=factors[0].dtype, is_training=True, epsilon=float(node.attrs["epsilon"]),
    )  # fmt: skip
    dx = parts("Reshape", first, _shape(parts, x))
    return [dx, *[Result(f"{first.name}:{i}", float32) for i in (1, 2)]]


def _images(parts: Parts, x: Tensor) -> Result:
    channels = (x.spec.shape or (None,))[-1]
    if channels is None or _rank(x) == 4:
        raise Unknown
    return parts("Reshape", x, _ints(-1, 1, 1, channels))


# -- updates of rows ---------------------------------------------------------------------------


def _sparse_descent(
    parts: Parts, node: Operation, var: Tensor, alpha: Tensor, grad: Tensor, indices: Tensor
) -> Result:
    """Of a row that is there twice both changes count, as they must."""
    return parts("ScatterSub", var, indices, parts("Mul", grad, alpha))


def _sparse_apply(parts: Parts, node: Operation, *_inputs: Tensor) -> Result:
    """TensorFlow's takes each row once, so those of the same place are summed before."""
    grad, indices = node.inputs[-2:]
    rows = parts("Unique", parts("Reshape", indices, _ints(-1)), out_idx=int32)
    places = parts("Reshape", Result(f"{rows.name}:1", int32), _shape(parts, indices))
    count = _size(parts, rows)
    summed = parts("UnsortedSegmentSum", grad, places, count)
    form = FORMS.get(node.type)
    written = form.write(node) if form is not None else None
    given = node.inputs if written is None else written.inputs
    inputs = [rows if t is indices else summed if t is grad else t for t in given]
    attrs = {} if written is None else written.attrs
    return parts(node.type, *inputs, Tindices=rows.dtype, **attrs)


EXPANSIONS: dict[str, Callable[..., Any]] = {
    "BooleanMask": _boolean_mask,
    "BooleanMaskGrad": _boolean_mask_grad,
    "BodyInput": _body_input,
    "BroadcastableWeights": _weights,
    "CastLike": _cast_like,
    "CountNonzero": _count_nonzero,
    "DropoutMask": _dropout_mask,
    "FusedBatchNormGradV3": _batch_norm_grad,
    "FusedBatchNormV3": _batch_norm,
    **dict.fromkeys(["GRUSequence", "LSTMSequence", "RNNSequence"], layer),
    **dict.fromkeys(["GRUSequenceGrad", "LSTMSequenceGrad", "RNNSequenceGrad"], layer_gradient),
    "GatherGrad": _gather_grad,
    "GatherNdGrad": _gather_nd_grad,
    **dict.fromkeys(["If", "StatelessIf", "UpdatingIf"], if_),
    "LogicalXor": _logical_xor,
    "LogisticLoss": _logistic_loss,
    "Masked": _masked,
    "MeanShare": _mean_share,
    "Moments": _moments,
    "ReduceLogSumExp": _log_sum_exp,
    "RowProducts": _row_products,
    **dict.fromkeys(["Scan", "StatelessScan"], scan_),
    "SliceGrad": _slice_grad,
    "SparseApplyGradientDescent": _sparse_descent,
    **dict.fromkeys(
        [
            "SparseApplyAdadelta",
            "SparseApplyAdagrad",
            "SparseApplyAdagradDA",
            "SparseApplyCenteredRMSProp",
            "SparseApplyFtrlV2",
            "SparseApplyMomentum",
            "SparseApplyProximalAdagrad",
            "SparseApplyProximalGradientDescent",
            "SparseApplyRMSProp",
        ],
        _sparse_apply,
    ),
    "SumToShape": _sum_to_shape,
    "Unreduce": _unreduce,
    **dict.fromkeys(["StatelessWhile", "While"], while_),
}
