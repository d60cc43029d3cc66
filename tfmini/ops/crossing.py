"""Crosses of features: every combination of the features that stand in one row of several tensors.

In: tensors [batch, n] and SparseTensors [batch, any], of strings or ints.  Out: a SparseTensor
[batch, most] with a string or a number for each combination, those of the first feature first.
Numbers are TensorFlow's: FarmHash of strings and ints as they are, joined in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.kernels.hashes import farmhash, joined
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import math
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.string_values import of_each, string_vector
from tfmini.shapes import format_shape
from tfmini.spec import TensorSpec

_HASH_KEY = 0xDECAFCAFFE  # of those who give none

_SPARSE = (np.array([[0, 0], [1, 0], [1, 2]]), np.array([b"a", b"b", b"c"], object),
           np.array([2, 3]))  # fmt: skip
_INTS = (np.array([[0, 0], [0, 1]]), np.array([5, 7]), np.array([2, 2]))
_DENSE = np.array([[b"x", b"y"], [b"z", b"x"]], object)


class _Column(NamedTuple):
    """A tensor's features [n], one row after the other: where each row begins, how many it has."""

    features: np.ndarray
    start: np.ndarray
    count: np.ndarray


def _sparse_column(indices: Any, values: Any, shape: Any) -> _Column:
    if len(shape) != 2:
        raise InvalidArgumentError(
            None, None, f"crossed tensors have 2 dimensions; dense_shape is {shape.tolist()}."
        )
    rows = indices[:, 0]
    if np.any(np.diff(rows) < 0):
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
    if len(rows) and not 0 <= rows[0] <= rows[-1] < shape[0]:
        raise InvalidArgumentError(
            None, None, f"indices are out of bounds of the dense_shape {shape.tolist()}."
        )
    count = np.bincount(rows, minlength=int(shape[0]))
    return _Column(values, np.cumsum(count) - count, count)


def _dense_column(values: Any) -> _Column:
    if values.ndim != 2:
        raise InvalidArgumentError(
            None, None, f"crossed tensors have 2 dimensions, not shape {format_shape(values.shape)}"
        )
    rows, each = values.shape
    return _Column(values.reshape(-1), np.arange(rows) * each, np.full(rows, each))


def _columns(inputs: Sequence[Any], sparse: int) -> list[_Column]:
    parts = zip(inputs[:sparse], inputs[sparse : 2 * sparse], inputs[2 * sparse : 3 * sparse],
                strict=True)  # fmt: skip
    columns = [_sparse_column(*map(np.asarray, p)) for p in parts]
    columns += [_dense_column(np.asarray(v)) for v in inputs[3 * sparse :]]
    sizes = [len(c.count) for c in columns]
    if len({*sizes}) != 1:
        raise InvalidArgumentError(
            None, None, f"crossed tensors have one number of rows; here are {sizes}."
        )
    return columns


def _combinations(columns: list[_Column]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the row of each combination, its place there, and its feature of each column."""
    total = np.prod([c.count for c in columns], axis=0)
    row = np.repeat(np.arange(len(total)), total)
    place = np.arange(len(row)) - (np.cumsum(total) - total)[row]
    rest, picked = place, []
    for column in reversed(columns):  # the last one varies fastest
        rest, which = np.divmod(rest, column.count[row])
        picked.append(column.start[row] + which)
    return row, place, picked[::-1]


def _numbers(features: np.ndarray) -> np.ndarray:
    if features.dtype == object:
        return np.array(of_each(features, farmhash), np.uint64)
    return features.astype(np.int64).view(np.uint64)


def _hashed(columns: list[_Column], picked: list[np.ndarray], buckets: int, key: int) -> np.ndarray:
    out = np.full(len(picked[0]), key, np.uint64)
    for column, at in zip(columns, picked, strict=True):
        out = joined(out, _numbers(column.features)[at])
    return (out % np.uint64(buckets or np.iinfo(np.int64).max)).astype(np.int64)


def _texts(columns: list[_Column], picked: list[np.ndarray]) -> np.ndarray:
    words = [of_each(c.features, bytes) if c.features.dtype == object else
             [b"%d" % n for n in c.features.tolist()] for c in columns]  # fmt: skip
    lists = [[w[i] for i in at] for w, at in zip(words, picked, strict=True)]
    return string_vector([b"_X_".join(parts) for parts in zip(*lists, strict=True)])


@op("SparseCross")
class _sparse_cross(OpDef):
    """The crosses of ``sparse`` sparse tensors (all indices, all values, all shapes) and dense
    ones; ``num_buckets`` 0: all numbers of 63 bits."""

    gradient = None
    samples = [(*_SPARSE, _DENSE, {"sparse": 1, "hashed": False}),
               (_SPARSE[0], _INTS[0], _SPARSE[1], _INTS[1], _SPARSE[2], _INTS[2],
                {"sparse": 2, "hashed": True, "num_buckets": 9}),
               (_DENSE, np.array([[-1], [3]]), {"sparse": 0, "hashed": True})]  # fmt: skip
    bad_samples = [(_DENSE, _DENSE[:1], {"sparse": 0, "hashed": True}, InvalidArgumentError)]

    def compute(
        self, *inputs: Any, sparse: int, hashed: bool, num_buckets: int = 0,
        hash_key: int = _HASH_KEY,
    ) -> Any:  # fmt: skip
        columns = _columns(inputs, sparse)
        row, place, picked = _combinations(columns)
        values = (
            _hashed(columns, picked, num_buckets, hash_key) if hashed else _texts(columns, picked)
        )
        most = int(place.max()) + 1 if len(place) else 0
        shape = np.array([len(columns[0].count), most], np.int64)
        return np.stack([row, place], 1).astype(np.int64), values, shape

    def infer(self, *inputs: TensorSpec, sparse: int, hashed: bool, **attrs: Any) -> Any:
        if attrs.get("num_buckets", 0) < 0:
            raise ValueError(f"num_buckets must be 0 or more, not {attrs['num_buckets']}")
        for spec in inputs[3 * sparse :]:
            if spec.rank not in (None, 2):
                raise ValueError(f"crossed tensors have 2 dimensions, not {spec.rank}")
        shapes = [s.value for s in inputs[2 * sparse : 3 * sparse]]
        known = [v[0] for v in shapes if isinstance(v, tuple)]
        known += [s.shape[0] for s in inputs[3 * sparse :] if s.shape is not None]
        rows = next((n for n in known if n is not None), None)
        return (TensorSpec((None, 2), int64), TensorSpec((None,), int64 if hashed else string),
                TensorSpec((2,), int64, (rows, None)))  # fmt: skip

    def cost(self, *inputs: TensorSpec, sparse: int, **_attrs: Any) -> Cost:
        sizes = [s.size for s in (*inputs[sparse : 2 * sparse], *inputs[3 * sparse :])]
        flops = float("inf") if None in sizes else 1e3 * sum(n or 0 for n in sizes)
        return Cost(flops, flops)


def sparse_cross(inputs: Any, name: str | None = None) -> SparseTensor:
    """Return the crosses of features as strings, such as ``b"a_X_d"``.

    Parameters
    ----------
    inputs : a list of tensors [batch, n] and SparseTensors [batch, any], of strings or ints
        Sparse ones come first in the result, whatever their order here.
    """
    return _crossed(inputs, {"hashed": False}, name)


def sparse_cross_hashed(
    inputs: Any, num_buckets: int = 0, hash_key: int | None = None, name: str | None = None
) -> SparseTensor:
    """Return the crosses of features as int64 numbers below ``num_buckets``; see `sparse_cross`.

    ``hash_key`` (default 0xDECAFCAFFE) is what the hashes begin with; ``num_buckets=0`` gives all
    of 63 bits.
    """
    attrs = {"hashed": True, "num_buckets": num_buckets, "hash_key": hash_key or _HASH_KEY}
    return _crossed(inputs, attrs, name)


def _crossed(inputs: Any, attrs: dict[str, Any], name: str | None) -> SparseTensor:
    if not isinstance(inputs, list) or not inputs:
        raise InvalidTypeError(
            None, None, f"crosses are of a list of tensors and SparseTensors, not of {inputs!r}."
        )
    sparse = [x for x in inputs if isinstance(x, SparseTensor)]
    dense = [convert_to_tensor(x) for x in inputs if not isinstance(x, SparseTensor)]
    given = (*[x.indices for x in sparse], *[_long(x.values) for x in sparse],
             *[x.dense_shape for x in sparse], *[_long(x) for x in dense])  # fmt: skip
    attrs["sparse"] = len(sparse)
    return SparseTensor(*apply(_sparse_cross.opdef, given, attrs, name))


def _long(values: Tensor) -> Tensor:
    if values.dtype is not None and not values.dtype.is_integer and values.dtype is not string:
        raise InvalidTypeError(
            None, None, f"crossed features are strings or ints; {values.dtype.name} is given."
        )
    return values if values.dtype is string else math.cast(values, int64)
