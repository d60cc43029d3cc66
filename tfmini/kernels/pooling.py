"""Max and average pooling over any number of spatial dimensions, and their gradients.

In:  images ``x`` [batch, *spatial, channels] and the window's size, strides and padding
     ("SAME", "VALID" or (before, after) pairs); ``grad`` is shaped like the output.
Out: a new array of the dtype of ``x`` or ``grad``. Averages of float16 are computed in float32.

The maximum and the sum over a window are those over its columns of those over its rows, so the
forward kernels reduce one dimension after the other. The gradients visit the window tap by tap
through `window_view`. Both work on blocks of the batch whose intermediates stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.kernels.blocks import compute_dtype, image_blocks, run_blocks
from tfmini.kernels.windows import (
    Ints,
    Padding,
    Shape,
    Windows,
    add_shares,
    check_gradient,
    padder,
    place_windows,
    scatter_blocks,
    window_view,
)


def pool_output_shape(
    x_shape: Shape,
    *,
    ksize: Ints,
    strides: Ints,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> tuple[Any, ...]:
    """Return the shape of a pooled ``x``; any dimension of ``x_shape`` may be None (unknown)."""
    windows = place_windows(x_shape[1:-1], ksize, strides, padding, dilations)
    return (x_shape[0], *windows.output, x_shape[-1])


def max_pool(
    x: np.ndarray,
    *,
    ksize: Ints,
    strides: Ints,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the maximum of each window. Padding never wins; a NaN does."""
    windows = place_windows(x.shape[1:-1], ksize, strides, padding, dilations)
    out = np.empty((x.shape[0], *windows.output, x.shape[-1]), x.dtype)
    blocks = image_blocks(len(x), math.prod(x.shape[1:]) * x.itemsize)

    def work(taken: Iterable[slice]) -> None:
        pad = padder(x, windows, blocks[0].stop, lowest(x))
        for images in taken:
            out[images] = _reduce_windows(np.maximum, pad(images), windows)

    run_blocks(work, blocks)
    return out


def max_pool_gradient(
    x: np.ndarray,
    y: np.ndarray,
    grad: np.ndarray,
    *,
    ksize: Ints,
    strides: Ints,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of ``y = max_pool(x)`` for ``x``.

    As in TensorFlow, the first of equal maxima (in row-major order) gets all of it; only
    TensorFlow's 3-D kernel gives the whole gradient to each. Gradients are masked by
    multiplication, the fastest way in NumPy, hence an infinite one makes NaNs. A window whose
    maximum is NaN passes no gradient.
    """
    windows = place_windows(x.shape[1:-1], ksize, strides, padding, dilations)
    check_gradient(grad, y.shape)
    check_gradient(y, (x.shape[0], *windows.output, x.shape[-1]))
    out = np.empty(x.shape, grad.dtype)
    blocks = _blocks_of(x.shape, windows, grad.dtype)

    def work(taken: Iterable[slice]) -> None:
        most = blocks[0].stop
        pad = padder(x, windows, most, lowest(x))
        size = math.prod((*windows.size, most, *y.shape[1:]))
        hits, shares = np.empty(size, bool), np.empty(size, grad.dtype)
        for images, view in scatter_blocks(out, windows, taken, most):
            hit, share = (a[: view.size].reshape(view.shape) for a in (hits, shares))
            np.equal(window_view(pad(images), windows), y[images], out=hit)
            _keep_first(hit, windows)
            np.copyto(share, hit)  # quicker than a product with booleans
            share *= grad[images]
            add_shares(view, share, windows)

    run_blocks(work, blocks)
    return out


def _keep_first(hit: np.ndarray, windows: Windows) -> None:
    """Leave True only at the first tap of each window that is True."""
    first, *rest = windows.taps
    seen = hit[first].copy()
    for tap in rest:
        np.greater(hit[tap], seen, out=hit[tap])
        seen |= hit[tap]


def avg_pool(
    x: np.ndarray,
    *,
    ksize: Ints,
    strides: Ints,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the mean of each window; padding is not counted."""
    windows = place_windows(x.shape[1:-1], ksize, strides, padding, dilations)
    compute = compute_dtype(x.dtype)
    weights = _weights(x.shape, windows, compute)
    out = np.empty((x.shape[0], *windows.output, x.shape[-1]), x.dtype)
    blocks = image_blocks(len(x), math.prod(x.shape[1:]) * x.itemsize)

    def work(taken: Iterable[slice]) -> None:
        pad = padder(x, windows, blocks[0].stop)
        for images in taken:
            padded = pad(images).astype(compute, copy=False)
            out[images] = _reduce_windows(np.add, padded, windows) * weights

    run_blocks(work, blocks)
    return out


def avg_pool_gradient(
    input_shape: Sequence[int],
    grad: np.ndarray,
    *,
    ksize: Ints,
    strides: Ints,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of `avg_pool` for its input, of ``input_shape``."""
    input_shape = tuple(input_shape)
    windows = place_windows(input_shape[1:-1], ksize, strides, padding, dilations)
    check_gradient(grad, (input_shape[0], *windows.output, input_shape[-1]))
    weights = _weights(input_shape, windows, compute_dtype(grad.dtype))
    out = np.empty(input_shape, grad.dtype)
    blocks = _blocks_of(input_shape, windows, out.dtype)

    def work(taken: Iterable[slice]) -> None:
        shares = np.empty((blocks[0].stop, *grad.shape[1:]), weights.dtype)
        for images, view in scatter_blocks(out, windows, taken, len(shares)):
            share = shares[: images.stop - images.start]
            np.multiply(grad[images], weights, out=share)
            add_shares(view, np.broadcast_to(share, view.shape), windows)

    run_blocks(work, blocks)
    return out


def _blocks_of(shape: Sequence[int], windows: Windows, dtype: np.dtype) -> list[slice]:
    """Return blocks whose images, and what all taps see of them, fit into a cache."""
    seen = math.prod((*windows.size, *windows.output))
    size = max(math.prod(shape[1:-1]), seen) * shape[-1]
    return image_blocks(shape[0], size * dtype.itemsize)


def lowest(x: np.ndarray) -> Any:
    """Return what is below every value: the padding of a maximum."""
    return -np.inf if np.issubdtype(x.dtype, np.floating) else np.iinfo(x.dtype).min


def _reduce_windows(ufunc: np.ufunc, padded: np.ndarray, windows: Windows) -> np.ndarray:
    """Return ``ufunc`` over each window, [batch, *output, channels], one dimension at a time."""
    for i, (extent, stride, dilation, output) in enumerate(
        zip(windows.extents, windows.strides, windows.dilations, windows.output, strict=True)
    ):
        before = (slice(None),) * (i + 1)
        stop = max(0, (output - 1) * stride + 1)
        first, *taps = [
            padded[(*before, slice(tap, tap + stop, stride))] for tap in range(0, extent, dilation)
        ]
        padded = ufunc(first, taps.pop(0)) if taps else first
        for tap in taps:
            ufunc(padded, tap, out=padded)
    return padded


def _weights(shape: Sequence[int], windows: Windows, dtype: np.dtype) -> np.ndarray:
    """Return 1 / how many elements of each window are inside the image, to multiply outputs by."""
    if not windows.is_padded:
        return np.asarray(1 / math.prod(windows.size), dtype)
    counts = np.ones((), int)
    for i, length in enumerate(shape[1:-1]):
        first = np.arange(windows.output[i]) * windows.strides[i] - windows.pads[i][0]
        at = first[:, np.newaxis] + np.arange(windows.size[i]) * windows.dilations[i]
        counts = counts[..., np.newaxis] * np.count_nonzero((at >= 0) & (at < length), axis=1)
    # One number for each channel, too, for NumPy is slow with short inner loops.
    counts = np.repeat(counts[..., np.newaxis], shape[-1], axis=-1)
    return 1 / np.maximum(counts, 1).astype(dtype)
