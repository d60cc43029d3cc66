"""Distances between sequences.

In: two sparse tensors [..., length], each row one sequence.  Out: how many items must be put in,
taken out or replaced to make one sequence of the other (Levenshtein 1966), for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import float32
from tfmini.errors import InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.ops.sparse import SparseTensor, SparseTensorValue
from tfmini.spec import TensorSpec

_ROWS = np.array([[0, 0], [0, 1], [2, 0]])


@op("EditDistance")
class _edit_distance(OpDef):
    """Edit distances of the rows of two sparse tensors, given in three parts each."""

    kinds = "iufO"
    gradient = None
    samples = [
        (_ROWS, np.array([3, 4, 5]), np.array([3, 2]), _ROWS[1:], np.array([4, 6]),
         np.array([3, 4]), {"normalize": False}),
        (_ROWS, np.array([3, 4, 5]), np.array([3, 2]), _ROWS[1:], np.array([4, 6]),
         np.array([3, 4])),
    ]  # fmt: skip

    def compute(
        self, indices: Any, values: Any, shape: Any, true_indices: Any, true_values: Any,
        true_shape: Any, *, normalize: bool = True,
    ) -> Any:  # fmt: skip
        if len(shape) != len(true_shape):
            raise ValueError(f"ranks differ: {shape.tolist()} and {true_shape.tolist()}")
        found, wanted = _rows(indices, values), _rows(true_indices, true_values)
        out = np.zeros(np.maximum(shape, true_shape)[:-1].tolist(), np.float32)
        for at in found.keys() | wanted.keys():
            hypothesis, truth = found.get(at, []), wanted.get(at, [])
            distance = _levenshtein(hypothesis, truth)
            if normalize:
                distance = distance / len(truth) if truth else float("inf")
            out[at] = distance
        return out

    def infer(
        self, indices: TensorSpec, values: TensorSpec, shape: TensorSpec,
        true_indices: TensorSpec, true_values: TensorSpec, true_shape: TensorSpec, *,
        normalize: bool = True,
    ) -> TensorSpec:  # fmt: skip
        self.check_kinds((values.dtype, true_values.dtype))
        known = shape.value, true_shape.value
        if all(isinstance(dims, tuple) and None not in dims for dims in known):
            rows = zip(known[0][:-1], known[1][:-1], strict=False)  # ranks: compute says it
            return TensorSpec(tuple([max(pair) for pair in rows]), float32)
        ranks = [s.shape[0] for s in (shape, true_shape) if s.shape]
        rank = next((r for r in ranks if r is not None), None)
        return TensorSpec(None if rank is None else (None,) * (rank - 1), float32)

    def cost(self, *inputs: TensorSpec, **_attrs: Any) -> Cost:
        items = [float("inf") if x.size is None else x.size for x in (inputs[1], inputs[4])]
        return Cost(0.0 if 0 in items else 50.0 * items[0] * items[1], nbytes(*inputs))


def _rows(indices: Any, values: Any) -> dict[tuple[int, ...], list[Any]]:
    """Return the sequence of each row that has one, by the row's place."""
    rows: dict[tuple[int, ...], list[Any]] = {}
    for (*at, _), value in zip(indices.tolist(), values.tolist(), strict=True):
        rows.setdefault(tuple(at), []).append(value)
    return rows


def _levenshtein(one: Sequence[Any], other: Sequence[Any]) -> float:
    before = list(range(len(other) + 1))
    for i, item in enumerate(one, 1):
        now = [i]
        for j, wanted in enumerate(other):
            now.append(min(before[j + 1] + 1, now[j] + 1, before[j] + (item != wanted)))
        before = now
    return float(before[-1])


def edit_distance(
    hypothesis: Any, truth: Any, normalize: bool = True, name: str = "edit_distance"
) -> Tensor:
    """Return the edit distance of each row of ``hypothesis`` from that row of ``truth``, float32.

    Both are sparse tensors [..., length] of one dtype and rank.  ``normalize`` divides by the
    length of the row of ``truth``; where that is 0, the distance is inf, and 0 if both are empty.
    """
    for given in (hypothesis, truth):
        if not isinstance(given, (SparseTensor, SparseTensorValue)):
            raise InvalidTypeError(None, None, f"a SparseTensor is needed, not {given!r}.")
    x, z = SparseTensor.from_value(hypothesis), SparseTensor.from_value(truth)
    out: Tensor = _edit_distance(
        x.indices, x.values, x.dense_shape, z.indices, z.values, z.dense_shape,
        normalize=normalize, name=name,
    )  # fmt: skip
    return out
