"""Depthwise convolutions over any number of spatial dimensions, and their gradients.

In:  images ``x`` [batch, *spatial, cin], filters ``w`` [*kernel, cin, multiplier], and for
     gradients ``grad``, shaped like the output; the rest as for `place_windows`.
Out: a new array of the result type. float16 is computed in float32.

Each channel has filters of its own, so there is no matrix product in it: for each tap and each
multiplier, a shifted view of the images times a number per channel, in tiles that fit the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.kernels.blocks import compute_dtype, image_blocks, run_blocks, sum_blocks
from tfmini.kernels.windows import (
    Ints,
    Padding,
    Shape,
    Windows,
    add_share,
    check_gradient,
    padder,
    place_filters,
    scatter_blocks,
    window_view,
)


def depthwise_output_shape(
    x_shape: Shape,
    w_shape: Shape,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> tuple[Any, ...]:
    """Return the shape of `depthwise_conv`; any dimension given may be None (unknown)."""
    windows = place_filters(x_shape, w_shape, strides, padding, dilations)
    channels = None if None in w_shape[-2:] else math.prod(w_shape[-2:])
    return (x_shape[0], *windows.output, channels)


def depthwise_conv(
    x: np.ndarray,
    w: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the depthwise convolution [batch, *output, cin * multiplier] of ``x``.

    Channel c with filter m of ``w`` gives channel c * multiplier + m.
    """
    windows = place_filters(x.shape, w.shape, strides, padding, dilations)
    dtype = np.result_type(x, w)
    compute = compute_dtype(dtype)
    filters = _filter_rows(w.astype(compute, copy=False), windows)
    out = np.empty((len(x), *windows.output, *w.shape[-2:]), dtype)
    tile = out.shape[1:-1]
    blocks = image_blocks(len(x), math.prod(tile) * compute.itemsize)

    def work(taken: Iterable[slice]) -> None:
        pad = padder(x, windows, blocks[0].stop)
        products, totals = np.empty((2, blocks[0].stop, *tile), compute)
        for images in taken:
            view, n = window_view(pad(images), windows), images.stop - images.start
            product, total = products[:n], totals[:n]
            for m in range(w.shape[-1]):
                total.fill(0)
                for tap in windows.taps:
                    np.multiply(view[tap], filters[m][tap], out=product)
                    total += product
                out[images][..., m] = total

    run_blocks(work, blocks)
    return out.reshape(*out.shape[:-2], math.prod(w.shape[-2:]))


def depthwise_input_gradient(
    input_shape: Sequence[int],
    w: np.ndarray,
    grad: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of `depthwise_conv` for ``x``, of ``input_shape``."""
    windows = place_filters(input_shape, w.shape, strides, padding, dilations)
    check_gradient(grad, (input_shape[0], *windows.output, math.prod(w.shape[-2:])))
    dtype = np.result_type(w, grad)
    compute = compute_dtype(dtype)
    filters = _filter_rows(w.astype(compute, copy=False), windows)
    grads = _by_multiplier(grad, w.shape)
    tile = grads.shape[2:]
    blocks = image_blocks(len(grad), math.prod(tile) * compute.itemsize)

    out = np.empty(input_shape, dtype)

    def work(taken: Iterable[slice]) -> None:
        products, totals = np.empty((2, blocks[0].stop, *tile), compute)
        for images, view in scatter_blocks(out, windows, taken, blocks[0].stop):
            n = images.stop - images.start
            product, total = products[:n], totals[:n]
            for tap in windows.taps:
                np.multiply(grads[0, images], filters[0][tap], out=total)
                for m in range(1, len(grads)):
                    np.multiply(grads[m, images], filters[m][tap], out=product)
                    total += product
                add_share(view[tap], total, windows)

    run_blocks(work, blocks)
    return out


def depthwise_filter_gradient(
    x: np.ndarray,
    filter_shape: Sequence[int],
    grad: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of `depthwise_conv` for ``w``, of ``filter_shape``."""
    windows = place_filters(x.shape, filter_shape, strides, padding, dilations)
    check_gradient(grad, (len(x), *windows.output, math.prod(filter_shape[-2:])))
    dtype = np.result_type(x, grad)
    compute = compute_dtype(dtype)
    grads = _by_multiplier(grad, filter_shape)
    tile = grads.shape[2:]
    blocks = image_blocks(len(x), math.prod(tile) * compute.itemsize)

    def add(some: Sequence[slice], total: np.ndarray) -> None:
        pad = padder(x, windows, blocks[0].stop)
        products = np.empty((blocks[0].stop, *tile), compute)
        # A product with ones is BLAS's sum over rows: 3 to 5 times as fast as sum(axis=0).
        ones = np.ones(math.prod(products.shape[:-1]), compute)
        for images in some:
            view = window_view(pad(images), windows)
            product = products[: images.stop - images.start]
            terms = product.reshape(-1, filter_shape[-2])
            for tap in windows.taps:
                for m in range(filter_shape[-1]):
                    np.multiply(view[tap], grads[m, images], out=product)
                    total[tap][:, m] += ones[: len(terms)] @ terms

    return sum_blocks(add, blocks, filter_shape, compute).astype(dtype, copy=False)


def _filter_rows(w: np.ndarray, windows: Windows) -> np.ndarray:
    """Return ``w`` as [multiplier, *kernel, width, cin], repeated along the width of the output.

    NumPy then multiplies whole image rows in one inner loop instead of one pixel's channels.
    """
    by_multiplier = np.moveaxis(w, -1, 0)[..., np.newaxis, :]
    return np.repeat(by_multiplier, windows.output[-1], axis=-2)


def _by_multiplier(grad: np.ndarray, w_shape: Sequence[int]) -> np.ndarray:
    """Return [batch, *output, cin * multiplier] as [multiplier, batch, *output, cin]."""
    apart = grad.reshape(*grad.shape[:-1], *w_shape[-2:])
    return np.moveaxis(apart, -1, 0)
