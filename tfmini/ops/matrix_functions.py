"""Functions of matrices by their singular values and norms: pseudo-inverse, rank, normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import int32
from tfmini.errors import InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, math, products, reductions
from tfmini.ops.decompositions import svd
from tfmini.ops.linalg import norm
from tfmini.ops.selection import where_v2


def _tolerance(a: Tensor, largest: Tensor) -> Tensor:
    """Return the singular value below which one counts as 0: NumPy's and TensorFlow's rule."""
    if a.dtype is None:
        raise InvalidTypeError(a.op.info, a.op, "its dtype must be known; convert with tf.cast.")
    size = math.cast(reductions.reduce_max(array.shape(a)[-2:]), largest.dtype)
    return size * float(np.finfo(a.dtype.dtype).eps) * largest


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """Return the Moore-Penrose pseudo-inverse of matrices, by their singular values.

    Those up to ``rcond`` times the largest count as 0; by default 10 max(rows, columns) eps.
    """
    a = convert_to_tensor(a)
    s, u, v = svd(a)
    largest = reductions.reduce_max(s, -1, keepdims=True)
    cutoff = 10.0 * _tolerance(a, largest)
    if rcond is not None:
        cutoff = array.expand_dims(convert_to_tensor(rcond, s.dtype), -1) * largest
    kept = s > cutoff
    inverse = where_v2(kept, 1.0 / where_v2(kept, s, creation.ones_like(s)),
                       creation.zeros_like(s))  # fmt: skip
    scaled = v * math.cast(array.expand_dims(inverse, -2), v.dtype)
    return products.matmul(scaled, u, adjoint_b=True, name=name or "pinv")


def matrix_rank(
    a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None
) -> Tensor:
    """Return how many singular values of each matrix are over ``tol``; see pinv."""
    a = convert_to_tensor(a)
    s = svd(a, compute_uv=False)
    if tol is None:
        tol = _tolerance(a, reductions.reduce_max(s, -1, keepdims=True))
    return reductions.reduce_sum(math.cast(s > tol, int32), -1, name=name or "matrix_rank")


def normalize(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return ``tensor`` divided by its norm along ``axis`` (default: of all), and the norm."""
    x = convert_to_tensor(tensor)
    length = math.cast(norm(x, ord, axis, keepdims=True), x.dtype)
    return math.divide(x, length, name or "normalize"), length
