"""Batch normalization over all dimensions but the last, and its gradient.

In:  ``x`` and ``grad`` [..., channels]; ``scale`` and ``offset`` [channels].
Out: ``y`` like ``x``, and statistics per channel [channels], in float32 for float16.

    y = (x - mean) * scale / sqrt(var + epsilon) + offset

Both kernels are bound by memory, so each reads its large inputs twice and no more: once for the
sums per channel, once for the result, which is ``a * x + b`` (``a * grad + b * x + c`` for the
gradient) with one number per channel for each letter. Rows are taken in blocks that stay in the
cache while several small operations work on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.kernels.blocks import compute_dtype, image_blocks, run_blocks, sum_blocks


def batch_norm_training(
    x: np.ndarray, scale: np.ndarray, offset: np.ndarray, epsilon: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``(y, mean, var)``: ``x`` normalized with its own statistics, and these.

    ``var`` divides by the number of rows, not by one less.
    """
    mean, var = _moments(x)
    a = scale / np.sqrt(var + epsilon)
    b = offset - mean * a
    a, b = _like(x, a), _like(x, b)
    y = np.empty(x.shape, x.dtype)
    rows_of_x, rows_of_y = _matrix(x), _matrix(y)

    def work(taken: Iterable[slice]) -> None:
        for rows in taken:
            scaled = rows_of_x[rows] * a
            scaled += b
            rows_of_y[rows] = scaled

    run_blocks(work, _blocks(x))
    return y, _like(x, mean), _like(x, var)


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each channel, in float64.

    The sums of squares are taken about each block's own mean, and the blocks joined by the formula
    of Chan, Golub and LeVeque (1979): one pass, without the cancellation of E[x^2] - E[x]^2.
    """
    matrix, blocks = _matrix(x), _blocks(x)
    means, squares = np.empty((2, len(blocks), x.shape[-1]))

    def work(numbers: Iterable[int]) -> None:
        for i in numbers:
            block = _like(x, matrix[blocks[i]])
            means[i] = mean = _column_sums(block) / block.dtype.type(len(block))
            centred = block - mean
            np.square(centred, out=centred)
            squares[i] = _column_sums(centred)

    run_blocks(work, range(len(blocks)))
    if not blocks:
        return np.full(x.shape[-1], np.nan), np.full(x.shape[-1], np.nan)
    total, mean, square = 0, np.zeros(x.shape[-1]), np.zeros(x.shape[-1])
    for rows, block_mean, block_square in zip(blocks, means, squares, strict=True):
        n = rows.stop - rows.start
        shift = block_mean - mean
        square += block_square + shift**2 * (total * n / (total + n))
        total += n
        mean += shift * (n / total)
    return mean, square / total


def batch_norm_gradient(
    x: np.ndarray,
    scale: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    grad: np.ndarray,
    epsilon: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients ``(dx, dscale, doffset)`` of `batch_norm_training`.

    ``mean`` and ``var`` are those that it returned. With r = 1 / sqrt(var + epsilon), over n rows:
        doffset = sum(grad),  dscale = r * sum(grad * (x - mean))
        dx = scale * r * (grad - doffset / n - (x - mean) * r * dscale / n)
    (Ioffe and Szegedy 2015, section 3.)
    """
    mean, rsqrt = mean.astype(np.float64), 1 / np.sqrt(var.astype(np.float64) + epsilon)
    doffset, centred = _gradient_sums(x, _like(x, mean), grad)
    dscale = rsqrt * centred
    rows_of_x, rows_of_grad = _matrix(x), _matrix(grad)
    n = max(1, len(rows_of_x))
    a = scale * rsqrt
    b = -a * rsqrt * dscale / n
    c = -a * doffset / n - b * mean
    a, b, c = _like(x, a), _like(x, b), _like(x, c)
    dx = np.empty(x.shape, grad.dtype)
    rows_of_dx = _matrix(dx)

    def work(taken: Iterable[slice]) -> None:
        for rows in taken:
            result = rows_of_grad[rows] * a
            result += rows_of_x[rows] * b
            result += c
            rows_of_dx[rows] = result

    run_blocks(work, _blocks(x))
    return dx, _like(x, dscale), _like(x, doffset)


def _gradient_sums(x: np.ndarray, mean: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """Return sum(grad) and sum(grad * (x - mean)) of each channel, in float64."""
    rows_of_x, rows_of_grad = _matrix(x), _matrix(grad)

    def add(blocks: Sequence[slice], total: np.ndarray) -> None:
        for rows in blocks:
            grads = _like(x, rows_of_grad[rows])
            centred = rows_of_x[rows] - mean
            centred *= grads
            total[0] += _column_sums(grads)
            total[1] += _column_sums(centred)

    return sum_blocks(add, _blocks(x), (2, x.shape[-1]), np.float64)


def _column_sums(matrix: np.ndarray) -> np.ndarray:
    # BLAS's sum over rows is 3 to 5 times as fast as sum(axis=0).
    return np.ones(len(matrix), matrix.dtype) @ matrix


def _matrix(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, x.shape[-1])


def _like(x: np.ndarray, array: Any) -> np.ndarray:
    """Return ``array`` in the dtype in which ``x`` is calculated with."""
    return np.asarray(array).astype(compute_dtype(x.dtype), copy=False)


def _blocks(x: np.ndarray) -> list[slice]:
    rows = _matrix(x)
    return image_blocks(len(rows), x.shape[-1] * compute_dtype(x.dtype).itemsize)
