"""Metrics of rankings: how high the classes that are right are among the best guesses.

In: scores of all classes, and the classes that are right.  Out: ``(value, update)``.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float64, int64
from tfmini.metrics.parts import Pair, metric_scope, metric_variable, of_variables, ratio, spread
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, cumulative, logic, math, reductions, state
from tfmini.ops.sorting import top_k


def average_precision_at_k(
    labels: Any, predictions: Any, k: int, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of the average precision of rows, float64; 0 until there is a row.

    Of a row: the precision of the first i guesses, summed over those i of 1 to ``k`` whose guess is
    right, over min(n, k), n being the labels of the row that are classes: NaN where none is (https://en.wikipedia.org/wiki/Average_precision).

    Parameters
    ----------
    labels : ints [..., n], or [...]: the classes that are right
    predictions : [..., classes], scores
    weights : of rows, [...] or what broadcasts to it
    """
    with metric_scope(name, f"average_precision_at_{k}", predictions, labels, weights):
        each = _average_precision(convert_to_tensor(labels), convert_to_tensor(predictions), k)
        rows = creation.ones_like(each)
        if weights is not None:
            rows = math.cast(spread(weights, each), float64)
        values = {"max_1": rows, "total": each * rows}  # as TensorFlow calls and orders them
        made = [metric_variable((), float64, name) for name in values]
        added = [
            state.assign_add(v, reductions.reduce_sum(x))
            for v, x in zip(made, values.values(), strict=True)
        ]
        variables, updates = made[::-1], added[::-1]
        return of_variables(ratio, variables, updates, metrics_collections, updates_collections)


def _average_precision(labels: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Return the average precision [...] of each row."""
    if labels.spec.rank is not None and labels.spec.rank + 1 == predictions.spec.rank:
        labels = array.expand_dims(labels, -1)
    _, best = top_k(predictions, k)
    z = math.cast(labels, int64)
    same = logic.equal(array.expand_dims(z, -1), array.expand_dims(math.cast(best, int64), -2))
    right = math.cast(reductions.reduce_any(same, -2), float64)
    precision = cumulative.cumsum(right, axis=-1) / math.cast(creation.range(1, k + 1), float64)
    classes = math.cast(array.shape(predictions)[-1], int64)
    there = logic.logical_and(logic.greater_equal(z, 0), logic.less(z, classes))
    most = math.minimum(reductions.reduce_sum(math.cast(there, float64), -1), float(k))
    return reductions.reduce_sum(precision * right, -1) / most
