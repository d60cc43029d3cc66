"""Normalization: moments, batch normalization, unit length, local response.

``x`` has its channels in the last dimension unless ``data_format`` says otherwise.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import name_scope, own_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.kernels.normalization import batch_norm_gradient, batch_norm_training
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, Reduction, conflict, nbytes
from tfmini.ops import array, indexing, math, products, reductions
from tfmini.ops.complex import imag, real
from tfmini.ops.fit import is_zero
from tfmini.ops.unbroadcast import mean_share, unreduce
from tfmini.ops.windows import channels_first, to_channels_first, to_channels_last
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec


@op("Moments")
class _moments(Reduction):
    """The mean and the variance (divided by the count) of ``x`` over ``axis``."""

    kinds = "f"
    aliases = {}
    weight = 4.0
    samples = [((2, 3),), ((4, 3), {"axis": 0}), ((2, 3, 4), {"axis": (0, 2), "keepdims": True})]

    def compute(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        half = x.dtype == np.float16
        wide = x.astype(np.float32) if half else x
        mean = np.add.reduce(wide, axis=axis, keepdims=True)
        count = wide.size / mean.size if mean.size else 1
        mean = mean / count
        centred = np.subtract(wide, mean)
        centred = np.square(centred, out=centred if isinstance(centred, np.ndarray) else None)
        variance = np.add.reduce(centred, axis=axis, keepdims=True) / count
        results = [mean, variance]
        if not keepdims:
            shape = np.add.reduce(np.broadcast_to(np.int8(0), x.shape), axis=axis).shape
            results = [r.reshape(shape) for r in results]
        return tuple([np.asarray(r, x.dtype) for r in results])

    def infer(
        self, x: TensorSpec, *, axis: Any = None, keepdims: bool = False
    ) -> tuple[TensorSpec, TensorSpec]:
        spec = super().infer(x, axis=axis, keepdims=keepdims)
        return spec, spec

    dims = None

    def gradient(self, node: Operation, grad: Tensor, grad_variance: Tensor) -> Grads:
        x, axis, keepdims = node.inputs[0], node.attrs["axis"], node.attrs["keepdims"]
        shape = array.shape(x)

        def share(y: Tensor) -> Tensor:
            return unreduce(mean_share(y, shape, axis), shape, axis, keepdims)

        d_mean = None if is_zero(grad) else share(grad)
        if is_zero(grad_variance):
            return (share(grad) if d_mean is None else d_mean,)
        centred = x - unreduce(node.outputs[0], shape, axis, keepdims)
        d_variance = 2.0 * share(grad_variance) * centred
        return (d_variance if d_mean is None else d_mean + d_variance,)


@own_scope("moments")
def moments(
    x: Any,
    axes: Any,
    shift: Any = None,
    name: str | None = None,
    keep_dims: Any = None,
    keepdims: Any = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance of ``x`` over ``axes``, a list of ints.

    The variance is the mean squared distance from the mean.  ``keepdims`` keeps the dimensions, of
    size 1; ``shift`` is not used.
    """
    keep = bool(keep_dims if keepdims is None else keepdims)
    names = ("mean", "variance") if keep else ("Squeeze", "Squeeze_1")
    mean, variance = _moments(x, axes, keep, names[0])
    # A node of its own, as averages of it are named after it.
    return mean, array.identity(variance, names[1])


def sufficient_statistics(
    x: Any, axes: Any, shift: Any = None, keep_dims: Any = None, name: str | None = None,
    keepdims: Any = None,
) -> tuple[Tensor, Tensor, Tensor, Any]:  # fmt: skip
    """Return the count, the sum and the sum of squares of ``x - shift`` over ``axes``, and
    ``shift``: what `normalize_moments` takes."""
    x = convert_to_tensor(x)
    keep = bool(keep_dims if keepdims is None else keepdims)
    count = _count(x, axes)
    moved = x if shift is None else x - shift
    total = reductions.reduce_sum(moved, axes, keep)
    squares = reductions.reduce_sum(math.square(moved), axes, keep, name)
    return count, total, squares, shift


def _count(x: Tensor, axes: Any) -> Tensor:
    """Return how many elements one mean over ``axes`` takes, in the dtype of ``x``."""
    listed = [axes] if isinstance(axes, int) else list(axes)
    sizes = indexing.gather(array.shape(x), convert_to_tensor(listed) % array.rank(x))
    return math.cast_like(reductions.reduce_prod(sizes), x)


def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance that sufficient statistics stand for."""
    share = math.reciprocal(convert_to_tensor(counts))
    shifted = share * mean_ss
    mean = shifted if shift is None else shifted + shift
    variance = math.subtract(share * variance_ss, math.square(shifted), name or "variance")
    return mean, variance


@own_scope("weighted_moments")
def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, name: str | None = None, keep_dims: Any = None,
    keepdims: Any = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the mean and the variance of ``x`` over ``axes``, each element weighted."""
    x = convert_to_tensor(x)
    keep = bool(keep_dims if keepdims is None else keepdims)
    weights = convert_to_tensor(
        frequency_weights, None if isinstance(frequency_weights, Tensor) else x.dtype
    )
    if x.dtype is not None:
        weights = math.cast(weights, x.dtype)
    weights = weights + x * 0.0  # in the full shape, to be summed
    total = reductions.reduce_sum(weights, axes, keepdims=True)
    mean = reductions.reduce_sum(weights * x, axes, keepdims=True) / total
    squares = weights * math.squared_difference(x, mean)
    variance = reductions.reduce_sum(squares, axes, keepdims=True) / total
    if keep:
        return mean, variance
    axis = axes if isinstance(axes, (int, Tensor)) else list(axes)
    return array.squeeze(mean, axis), array.squeeze(variance, axis)


@own_scope("batchnorm")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any,
    scale: Any,
    variance_epsilon: Any,
    name: str | None = None,
) -> Tensor:
    """Return ``(x - mean) * scale / sqrt(variance + variance_epsilon) + offset``.

    ``offset`` and ``scale`` may be None.  All broadcast to ``x``.
    """
    return normalized(x, mean, variance, offset, scale, variance_epsilon, "add_1")


def normalized(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str
) -> Tensor:
    """Return what ``batch_normalization`` does, the node that gives it called ``name``."""
    x = convert_to_tensor(x)
    factor = math.rsqrt(variance + variance_epsilon)
    if scale is not None:
        factor = factor * scale
    shift = -mean * factor if offset is None else offset - mean * factor
    return math.add(x * factor, shift, name)


def batch_norm_with_global_normalization(
    t: Any = None, m: Any = None, v: Any = None, beta: Any = None, gamma: Any = None,
    variance_epsilon: Any = None, scale_after_normalization: bool = True, name: str | None = None,
    input: Any = None, mean: Any = None, variance: Any = None,
) -> Tensor:  # fmt: skip
    """Return `batch_normalization` with offset ``beta`` and, if so told, scale ``gamma``."""
    t, m, v = input if t is None else t, mean if m is None else m, variance if v is None else v
    scale = gamma if scale_after_normalization else None
    return batch_normalization(t, m, v, beta, scale, variance_epsilon, name)


def _channels_fit(x: TensorSpec, **vectors: TensorSpec) -> None:
    for name, vector in vectors.items():
        if x.shape and not compatible(vector.shape, x.shape[-1:]):
            raise conflict("one number for each channel", x=x.shape, **{name: vector.shape})


@op("FusedBatchNormV3")
class _fused_batch_norm(OpDef):
    """``x`` normalized with its own moments over all dimensions but the last.

    Outputs: the result; the mean; the variance divided by the count less 1, for running averages;
    the variance divided by the count, for the gradient.
    """

    kinds = "f"
    same_dtype = True
    blas = True
    threaded = True
    checked = True
    samples = [((4, 2, 2, 3), (3,), (3,))]

    def compute(self, x: Any, scale: Any, offset: Any, *, epsilon: float = 1e-3) -> Any:
        y, mean, variance = batch_norm_training(x, scale, offset, epsilon)
        count = x.size // max(x.shape[-1], 1)
        unbiased = variance * variance.dtype.type(count / max(count - 1, 1))
        dtype = scale.dtype
        return y, *(v.astype(dtype, copy=False) for v in (mean, unbiased, variance))

    def infer(
        self, x: TensorSpec, scale: TensorSpec, offset: TensorSpec, *, epsilon: float = 1e-3
    ) -> tuple[TensorSpec, ...]:
        self.check_kinds((x.dtype, scale.dtype, offset.dtype))
        _channels_fit(x, scale=scale, offset=offset)
        channels = x.shape[-1] if x.shape else None
        return TensorSpec(x.shape, x.dtype), *[TensorSpec((channels,), scale.dtype)] * 3

    def cost(self, x: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(8.0 * (python_math.inf if x.size is None else x.size), 3 * nbytes(x))

    def gradient(
        self, node: Operation, grad: Tensor, grad_mean: Tensor, grad_unbiased: Tensor,
        grad_variance: Tensor,
    ) -> Grads:  # fmt: skip
        x, scale, _ = node.inputs
        _, mean, _, variance = node.outputs
        dx, d_scale, d_offset = _fused_batch_norm_grad(
            grad, x, scale, mean, variance, node.attrs["epsilon"]
        )
        count = math.cast_like(array.size(x) // array.shape(x)[-1], x)
        if not is_zero(grad_mean):
            dx += array.broadcast_to(grad_mean / count, array.shape(x))
        for g, below in ((grad_unbiased, count - 1.0), (grad_variance, count)):
            if not is_zero(g):
                dx += 2.0 * (x - mean) * (g / below)
        return dx, d_scale, d_offset


@op("FusedBatchNormGradV3")
class _fused_batch_norm_grad(OpDef):
    """The gradients of `_fused_batch_norm` for ``x``, ``scale`` and the offset.

    ``mean`` and ``variance`` are what it gave for ``x``, and count as functions of it.
    """

    blas = True
    threaded = True
    checked = True
    samples = [((4, 3), (4, 3), (3,), (3,), np.array([1.0, 2.0, 3.0]))]

    def compute(
        self, grad: Any, x: Any, scale: Any, mean: Any, variance: Any, *, epsilon: float = 1e-3
    ) -> Any:
        dx, d_scale, d_offset = batch_norm_gradient(x, scale, mean, variance, grad, epsilon)
        dtype = scale.dtype
        return dx, d_scale.astype(dtype, copy=False), d_offset.astype(dtype, copy=False)

    def infer(
        self, grad: TensorSpec, x: TensorSpec, scale: TensorSpec, *_specs: TensorSpec,
        **_attrs: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        _channels_fit(x, scale=scale)
        return TensorSpec(x.shape, grad.dtype), scale, scale

    def cost(self, grad: TensorSpec, x: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(10.0 * (python_math.inf if x.size is None else x.size), 5 * nbytes(x))

    def gradient(self, node: Operation, u: Tensor, p: Tensor, q: Tensor) -> Grads:
        """With r = 1 / sqrt(variance + epsilon), h = (x - mean) r and E the mean over n rows, the
        outputs are scale r (g - E[g] - h E[g h]), n E[g h] and n E[g]."""
        grad, x, scale, centre, variance = node.inputs
        full = array.shape(x)
        g, rows, u = (array.reshape(t, [-1, full[-1]]) for t in (grad, x, u))

        def mean(t: Tensor) -> Tensor:
            return reductions.reduce_mean(t, 0)

        r = math.rsqrt(variance + node.attrs["epsilon"])
        h = (rows - centre) * r
        g_h, u_h, weight = mean(g * h), mean(u * h), scale * r
        d_g = weight * (u - mean(u) - h * u_h) + p * h + q
        d_h = p * g - weight * (u * g_h + g * u_h)
        d_weight = reductions.reduce_sum(u * (g - mean(g) - h * g_h), 0)
        d_r = scale * d_weight + reductions.reduce_sum(d_h * (rows - centre), 0)
        d_x = d_h * r
        return (
            array.reshape(d_g, full), array.reshape(d_x, full), d_weight * r,
            -reductions.reduce_sum(d_x, 0), -0.5 * d_r * r * r * r,
        )  # fmt: skip


def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return normalized ``x``, and the mean and variance of each channel.

    Training takes the moments of ``x`` itself, and the variance returned is divided by the count
    less 1; else ``mean`` and ``variance`` are used and returned.  ``epsilon`` is at least 1.001e-5.
    """
    x = convert_to_tensor(x)
    first, space = channels_first(data_format), len(data_format) - 2
    epsilon = max(float(epsilon), 1.001e-5)
    if first:
        x = to_channels_last(x, space)
    if is_training:
        if mean is not None or variance is not None:
            raise InvalidArgumentError(
                None, None, "mean and variance are computed in training; give None for both."
            )
        y, mean, variance, _ = _fused_batch_norm(x, scale, offset, epsilon, name)
    elif mean is None or variance is None:
        raise InvalidArgumentError(None, None, "mean and variance are needed where not training.")
    else:
        mean, variance = convert_to_tensor(mean, float32), convert_to_tensor(variance, float32)
        scale, offset = convert_to_tensor(scale), convert_to_tensor(offset)
        mean, variance = array.identity(mean), array.identity(variance)
        name = name or "FusedBatchNormV3"
        y = normalized(x, mean, variance, offset, scale, epsilon, name)
    y.set_shape([None] * (space + 2))
    for vector in (mean, variance):
        vector.set_shape(y.shape[-1:])
    return (to_channels_first(y, space) if first else y), mean, variance


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None
) -> Tensor:
    """Return ``x / sqrt(max(sum(x**2), epsilon))``, the sum over ``axis``."""
    x = convert_to_tensor(x)
    axis = dim if axis is None else axis
    is_complex = x.dtype is not None and x.dtype.is_complex
    with name_scope(name, "l2_normalize", [x]) as own:
        parts = math.square(real(x)) + math.square(imag(x)) if is_complex else math.square(x)
        squares = reductions.reduce_sum(parts, axis, keepdims=True)
        share = math.rsqrt(math.maximum(squares, epsilon))
        return math.multiply(x, math.cast_like(share, x), own)


@op("WindowSum")
class _window_sum(OpDef):
    """For each element the sum of those at most ``radius`` from it in the last dimension."""

    kinds = "f"
    blas = True
    samples = [((2, 5), {"radius": 1}), ((2, 3), {"radius": 7})]

    def compute(self, x: Any, *, radius: int) -> Any:
        places = np.arange(x.shape[-1])
        band = np.abs(places - places[:, np.newaxis]) <= radius
        return products.product(x, band.astype(x.dtype))

    def infer(self, x: TensorSpec, *, radius: int) -> TensorSpec:
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, x.dtype)

    def cost(self, x: TensorSpec, *, radius: int) -> Cost:
        if x.size is None or not x.shape or x.shape[-1] is None:
            return Cost(python_math.inf, python_math.inf)
        return Cost(0.1 * x.size * x.shape[-1], 2 * nbytes(x))

    dims = "...[c]->...[c]"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_window_sum(grad, node.attrs["radius"]),)


def local_response_normalization(
    input: Any,
    depth_radius: int = 5,
    bias: float = 1.0,
    alpha: float = 1.0,
    beta: float = 0.5,
    name: str | None = None,
) -> Tensor:
    """Return ``input / (bias + alpha * s)**beta``, s the sum of squares over the channels at most
    ``depth_radius`` away (Krizhevsky et al. 2012, section 3.3)."""
    x = convert_to_tensor(input)
    below = bias + alpha * _window_sum(math.square(x), int(depth_radius))
    out = math.multiply(x, math.pow(below, -beta), name or "LRN")
    out.set_shape([None] * 4)
    return out


lrn = local_response_normalization
