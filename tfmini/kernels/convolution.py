"""Convolutions over any number of spatial dimensions, and their gradients.

In:  images ``x`` [batch, *spatial, cin], filters ``w`` [*kernel, cin, cout], and for gradients
     ``grad``, shaped like the output; strides, padding and dilations as for `place_windows`.
Out: a new array of the result type. float16 is computed in float32, for BLAS has no float16.

As in TensorFlow, a convolution does not flip its filter:
    y[n, o, f] = sum over taps t and channels c of x[n, o*stride + t*dilation - pad, c] * w[t, c, f]

One idea carries the file: `window_view` shows the padded images as [*kernel, batch, *output,
channels] without copying. Copied into a matrix with one row for each window ("columns"), it makes
a convolution one matrix product. The matrix is kernel-size times as big as the images, so it is
made and used up block by block, each small enough to stay in the processor's cache, in one scratch
buffer: a fresh large array costs more in page faults than the copy itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.kernels.blocks import compute_dtype, even_step, image_blocks, run_blocks, sum_blocks
from tfmini.kernels.windows import (
    Ints,
    Padding,
    Shape,
    Windows,
    add_share,
    add_shares,
    check_gradient,
    padder,
    place_filters,
    scatter_blocks,
    window_view,
)

# Measured: columns of 1 to 4 MB are alike (1 MB of L2 cache for each core). A product of few rows
# spends its time on the filters, which it reads anew for each block.
COLUMN_BYTES = 2 << 20
COLUMN_ROWS = 256
# Up to so many input channels, one product for all taps is quicker than a thin one for each.
FEW_CHANNELS = 4
# Columns are copied in pieces of so many adjacent elements; shorter ones are slow.
SHORT_RUN = 8


def conv_output_shape(
    x_shape: Shape,
    w_shape: Shape,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> tuple[Any, ...]:
    """Return the shape of `conv`; any dimension given may be None (unknown)."""
    windows = place_filters(x_shape, w_shape, strides, padding, dilations)
    return (x_shape[0], *windows.output, w_shape[-1])


def conv(
    x: np.ndarray,
    w: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the convolution [batch, *output, cout] of ``x`` with filters ``w``."""
    windows = place_filters(x.shape, w.shape, strides, padding, dilations)
    dtype, cout = np.result_type(x, w), w.shape[-1]
    compute = compute_dtype(dtype)
    out = np.empty((len(x), *windows.output, cout), dtype)
    if not out.size:
        return out
    filters = w.reshape(-1, cout).astype(compute, copy=False)
    columns = Columns(x, windows, compute)

    def work(taken: Iterable[tuple[slice, slice]]) -> None:
        for images, rows, matrix in columns.of(taken):
            place = out[images, rows]
            if dtype == compute:
                np.matmul(matrix, filters, out=place.reshape(len(matrix), cout))
            else:
                place[...] = (matrix @ filters).reshape(place.shape)

    run_blocks(work, columns.blocks)
    return out


def conv_input_gradient(
    input_shape: Sequence[int],
    w: np.ndarray,
    grad: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of `conv` for ``x``, of ``input_shape``; also the transposed convolution.

    With strides of 1 it is itself a convolution, of the padded ``grad`` with the filters turned
    round and their channels exchanged. Else each tap's share, a matrix product, is added to where
    the tap read; a convolution would there multiply mostly zeros. With few input channels the
    products would be too thin for BLAS, so one product gives the shares of all taps.
    """
    windows = place_filters(input_shape, w.shape, strides, padding, dilations)
    cin, cout = w.shape[-2:]
    check_gradient(grad, (input_shape[0], *windows.output, cout))
    pads = _turned_pads(windows)
    if not (w.size and grad.size):
        return np.zeros(input_shape, np.result_type(w, grad))
    can_turn = set(windows.strides) == {1} and all(pad >= 0 for pair in pads for pad in pair)
    # Turning large filters takes longer than adding the shares of small images.
    if can_turn and cin > 1 and w.size <= grad.size:
        turned = np.flip(w, axis=tuple(range(w.ndim - 2))).swapaxes(-1, -2)
        return conv(grad, turned, padding=pads, dilations=windows.dilations)

    dtype = np.result_type(w, grad)
    compute, rank = compute_dtype(dtype), len(windows.size)
    grad, w = grad.astype(compute, copy=False), w.astype(compute, copy=False)
    out = np.empty(input_shape, dtype)
    few = cin <= FEW_CHANNELS
    taps_at_once = math.prod(windows.size) if few else 1
    widest = max(cout, cin * taps_at_once)
    blocks = image_blocks(len(grad), math.prod(windows.output) * widest * compute.itemsize)

    def work(taken: Iterable[slice]) -> None:
        most = blocks[0].stop
        buffer = np.empty(most * math.prod(windows.output) * cin * taps_at_once, compute)
        for images, view in scatter_blocks(out, windows, taken, most):
            rows = grad[images].reshape(-1, cout)
            product = buffer[: len(rows) * cin * taps_at_once]
            if few:
                product = product.reshape(cin * taps_at_once, len(rows))
                np.matmul(w.reshape(-1, cout), rows.T, out=product)
                shares = product.reshape(*w.shape[:-1], *view.shape[rank:-1])
                add_shares(view, np.moveaxis(shares, rank, -1), windows)
                continue
            product = product.reshape(len(rows), cin)
            for tap in windows.taps:
                np.matmul(rows, w[tap].T, out=product)
                add_share(view[tap], product.reshape(view[tap].shape), windows)

    run_blocks(work, blocks)
    return out


def _turned_pads(windows: Windows) -> list[tuple[int, int]]:
    """Return the padding of the gradient with which a turned filter gives back the input's size."""
    pairs = zip(windows.extents, windows.pads, strict=True)
    return [(extent - 1 - before, extent - 1 - after) for extent, (before, after) in pairs]


def conv_filter_gradient(
    x: np.ndarray,
    filter_shape: Sequence[int],
    grad: np.ndarray,
    *,
    strides: Ints = 1,
    padding: Padding = "VALID",
    dilations: Ints = 1,
) -> np.ndarray:
    """Return the gradient of `conv` for ``w``, of ``filter_shape`` [*kernel, cin, cout].

    It is columns.T @ grad, summed over the blocks of columns.
    """
    windows = place_filters(x.shape, filter_shape, strides, padding, dilations)
    dtype, cout = np.result_type(x, grad), filter_shape[-1]
    check_gradient(grad, (len(x), *windows.output, cout))
    if not (x.size and grad.size):
        return np.zeros(filter_shape, dtype)
    compute = compute_dtype(dtype)
    grad = grad.astype(compute, copy=False)
    columns = Columns(x, windows, compute)

    def add(blocks: Sequence[tuple[slice, slice]], total: np.ndarray) -> None:
        product = None
        for i, (images, rows, matrix) in enumerate(columns.of(blocks)):
            grads = grad[images, rows].reshape(len(matrix), cout)
            if i == 0:  # nothing to add to yet
                np.matmul(matrix.T, grads, out=total)
            else:
                product = np.matmul(matrix.T, grads, out=product)
                total += product

    shape = (math.prod(filter_shape[:-1]), cout)
    total = sum_blocks(add, columns.blocks, shape, compute)
    return total.reshape(filter_shape).astype(dtype, copy=False)


class Columns:
    """The windows of images as matrices [windows, taps * channels], made block by block.

    ``blocks`` holds pairs (images, rows): some whole images, or, where one image is too much, some
    rows (first spatial dimension) of one. So ``out[images, rows]`` of an output is contiguous.
    """

    def __init__(self, x: np.ndarray, windows: Windows, dtype: np.dtype) -> None:
        self._x, self._windows, self._dtype = x, windows, dtype
        rows, *rest = windows.output
        self._width = math.prod(windows.size) * x.shape[-1]
        window_bytes = max(1, self._width * dtype.itemsize)
        windows_in_block = max(COLUMN_BYTES // window_bytes, COLUMN_ROWS)
        step = even_step(rows, windows_in_block // max(1, math.prod(rest)))
        images = image_blocks(len(x), math.prod(windows.output), windows_in_block)
        self.blocks = [(i, slice(row, row + step)) for i in images for row in range(0, rows, step)]
        self._most = images[0].stop if images else 0
        self._size = self._most * step * math.prod(rest) * self._width

    def of(
        self, blocks: Iterable[tuple[slice, slice]]
    ) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """Yield (images, rows, matrix) for ``blocks``; the next one overwrites the matrix."""
        if self._is_matrix():
            for images, rows in blocks:
                yield images, rows, self._x[images, rows].reshape(-1, self._width)
            return
        rank = len(self._windows.size)
        pad = padder(self._x, self._windows, self._most)
        buffer = np.empty(self._size, self._dtype)
        copy = _copy_taps_first if self._has_short_runs() else _copy_windows_first
        held = None
        for images, rows in blocks:
            if images is not held:
                view, held = window_view(pad(images), self._windows), images
                # [batch, *output, *kernel, channels]
                view = np.moveaxis(view, range(rank), range(-rank - 1, -1))
            part = view[:, rows]
            yield images, rows, copy(part, buffer[: part.size], self._width)

    def _is_matrix(self) -> bool:
        """Whether the images are their own columns: a kernel of one tap that skips nothing."""
        return (
            {*self._windows.size, *self._windows.strides} == {1}
            and not self._windows.is_padded
            and self._x.dtype == self._dtype
            and self._x.flags.c_contiguous
        )

    def _has_short_runs(self) -> bool:
        """Whether a window's row has too few elements in one piece to be copied quickly."""
        adjacent = self._windows.size[-1] if self._windows.dilations[-1] == 1 else 1
        return self._x.shape[-1] * adjacent < min(SHORT_RUN, self._windows.output[-1])


def _copy_windows_first(part: np.ndarray, buffer: np.ndarray, width: int) -> np.ndarray:
    np.copyto(buffer.reshape(part.shape), part)
    return buffer.reshape(-1, width)


def _copy_taps_first(part: np.ndarray, buffer: np.ndarray, width: int) -> np.ndarray:
    """Make the columns transposed: the copy then runs along image rows, 5x faster for 1 channel."""
    rank = part.ndim // 2
    part = part.transpose(*range(rank, part.ndim), *range(rank))
    np.copyto(buffer.reshape(part.shape), part)
    return buffer.reshape(width, -1).T
