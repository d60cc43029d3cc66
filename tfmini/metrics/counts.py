"""Counts of right and wrong positives and negatives, and precision and recall, of booleans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.dtypes import bool_, float32
from tfmini.metrics.parts import (
    Pair,
    aligned,
    collected,
    metric_scope,
    metric_variable,
    of_variables,
    ratio,
    spread,
)
from tfmini.nodes import Tensor
from tfmini.ops import logic, math, reductions, state

# What each count has of labels and predictions.
_WANTED = {
    "true_positives": (True, True), "false_positives": (False, True),
    "true_negatives": (False, False), "false_negatives": (True, False),
}  # fmt: skip


def add_count(kind: str, predictions: Tensor, labels: Tensor, weights: Any) -> Pair:
    """Return the variable that counts ``kind`` of boolean tensors, and its update."""
    label, prediction = _WANTED[kind]
    is_counted = logic.logical_and(
        labels if label else logic.logical_not(labels),
        predictions if prediction else logic.logical_not(predictions),
    )
    counted = math.cast(is_counted, float32)
    if weights is not None:
        counted = counted * spread(weights, counted)
    count = metric_variable((), name="count")
    return count, state.assign_add(count, reductions.reduce_sum(counted))


def _booleans(labels: Any, predictions: Any, weights: Any) -> tuple[Tensor, Tensor, Any]:
    return aligned(math.cast(predictions, bool_), math.cast(labels, bool_), weights)


def _counting(kind: str, text: str) -> Callable[..., Pair]:
    def count(
        labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
        updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, kind, predictions, labels, weights):
            x, z, w = _booleans(labels, predictions, weights)
            value, update = add_count(kind, x, z, w)
            return collected(value, update, metrics_collections, updates_collections)

    count.__name__ = count.__qualname__ = kind
    count.__doc__ = f"Return the number, or weight, of elements {text}."
    return count


true_positives = _counting("true_positives", "that are true and predicted so")
false_positives = _counting("false_positives", "that are false but predicted true")
true_negatives = _counting("true_negatives", "that are false and predicted so")
false_negatives = _counting("false_negatives", "that are true but predicted false")


def _share(name: str, wrong: str, text: str) -> Callable[..., Pair]:
    def share(
        labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
        updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, default, predictions, labels, weights):
            x, z, w = _booleans(labels, predictions, weights)
            pairs = []
            for kind in ("true_positives", wrong):
                with metric_scope(None, kind):
                    pairs.append(add_count(kind, x, z, w))
            variables, updates = zip(*pairs, strict=True)
            return of_variables(_part, variables, updates, metrics_collections, updates_collections)

    default = name
    share.__name__ = share.__qualname__ = name
    share.__doc__ = f"Return the share of {text} in true positives and {wrong.replace('_', ' ')}."
    return share


def _part(right: Tensor, wrong: Tensor, name: str) -> Tensor:
    return ratio(right, right + wrong, name)


precision = _share("precision", "false_positives", "true positives")
recall = _share("recall", "false_negatives", "true positives")
