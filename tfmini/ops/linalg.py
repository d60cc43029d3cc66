"""Norms and cross products.

In: vectors, or matrices in the last two dimensions.  Out: numbers, or vectors.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import own_scope
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, decompositions, joining, math, reductions
from tfmini.ops.complex import conj


@own_scope("norm")
def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
    keep_dims: Any = None,
) -> Tensor:
    """Return the norm of vectors (``axis`` an int, or None for all elements) or of matrices
    (``axis`` a pair of ints).

    ``ord``: "euclidean", 1, 2, infinity or another positive number, for vectors; "euclidean" or
    "fro", 1, 2 (the largest singular value) or infinity, for matrices.
    """
    x = convert_to_tensor(tensor)
    keep = bool(keep_dims if keepdims is None else keepdims)
    name = "Squeeze"  # TensorFlow's last step
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    if isinstance(axis, (list, tuple)):
        return _matrix_norm(x, ord, tuple(axis), keep, name)
    if ord in ("euclidean", 2):
        squares = reductions.reduce_sum(_squared(x), axis, keep)
        return math.sqrt(squares, name)
    size = math.abs(x)
    if ord == 1:
        return reductions.reduce_sum(size, axis, keep, name)
    if ord == float("inf"):
        return reductions.reduce_max(size, axis, keep, name)
    if not isinstance(ord, (int, float)) or ord <= 0:
        raise InvalidArgumentError(None, None, f"ord={ord!r} is no norm of vectors.")
    powers = reductions.reduce_sum(math.pow(size, ord), axis, keep)
    return math.pow(powers, 1.0 / ord, name)


def _squared(x: Tensor) -> Tensor:
    """Return ``x`` times its conjugate; complex numbers stay complex, as in TensorFlow."""
    return x * conj(x)


def _matrix_norm(x: Tensor, ord: Any, axis: tuple[int, ...], keep: bool, name: str) -> Tensor:
    if len(axis) != 2 or axis[0] == axis[1]:
        raise InvalidArgumentError(None, None, f"axis={axis}: give an int, or two different ints.")
    if ord in ("euclidean", "fro"):
        return math.sqrt(reductions.reduce_sum(_squared(x), axis, keep), name)
    if ord == 2:
        return _spectral_norm(x, axis, keep, name)
    if ord not in (1, float("inf")):
        raise InvalidArgumentError(None, None, f"ord={ord!r} is no norm of matrices.")
    summed, largest = axis if ord == 1 else axis[::-1]
    sums = reductions.reduce_sum(math.abs(x), summed, keepdims=True)
    found = reductions.reduce_max(sums, largest, keepdims=True, name=name if keep else None)
    return found if keep else array.squeeze(found, list(axis), name=name)


def _spectral_norm(x: Tensor, axis: tuple[int, ...], keep: bool, name: str) -> Tensor:
    rank = x.spec.rank
    if rank is None:
        raise InvalidArgumentError(None, None, "ord=2 of matrices needs a known rank.")
    rows, columns = (a % rank for a in axis)
    others = [i for i in range(rank) if i not in (rows, columns)]
    values = decompositions.svd(array.transpose(x, (*others, rows, columns)), compute_uv=False)
    largest = reductions.reduce_max(values, -1, name=None if keep else name)
    for a in sorted((rows, columns)) if keep else ():
        largest = array.expand_dims(largest, a)
    return largest


def cross(a: Any, b: Any, name: str | None = None) -> Tensor:
    """Return the cross product of vectors of length 3 in the last dimension; a and b have one
    shape."""
    a = convert_to_tensor(a)
    b = convert_to_tensor(b, None if isinstance(b, Tensor) else a.dtype)
    for x in (a, b):
        if x.spec.shape is not None and x.spec.shape[-1:] not in ((3,), (None,)):
            raise InvalidArgumentError(
                None, None, f"cross needs vectors of length 3, not {x.spec!r}."
            )
    (a0, a1, a2), (b0, b1, b2) = ([x[..., i] for i in range(3)] for x in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return joining.stack(parts, -1, name=name or "Cross")
