"""Metrics of classes: mean accuracy, mean intersection over union, and recall of the k best."""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32, float64, int64
from tfmini.metrics.parts import (
    Pair,
    aligned,
    collected,
    metric_scope,
    metric_variable,
    of_variables,
    spread,
)
from tfmini.nodes import Tensor
from tfmini.ops import (
    array,
    cumulative,
    diagonals,
    logic,
    math,
    reductions,
    segment,
    state,
)
from tfmini.ops.division import div_no_nan
from tfmini.ops.sorting import top_k


def _flat(labels: Any, predictions: Any, weights: Any) -> tuple[Tensor, Tensor, Any]:
    x, z, weights = aligned(predictions, labels, weights)
    weights = None if weights is None else array.reshape(spread(weights, x), [-1])
    return array.reshape(x, [-1]), math.cast(array.reshape(z, [-1]), int64), weights


def mean_per_class_accuracy(
    labels: Any, predictions: Any, num_classes: int, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean over classes of how often they are predicted right; the update operation
    gives that of each class."""
    with metric_scope(name, "mean_accuracy", predictions, labels, weights):
        x, z, weights = _flat(labels, predictions, weights)
        right = math.cast(logic.equal(math.cast(x, int64), z), float32)
        counted = _ones(right) if weights is None else weights
        total = metric_variable((num_classes,), name="total")
        count = metric_variable((num_classes,), name="count")
        updates = [
            state.assign_add(v, segment.unsorted_segment_sum(w, z, num_classes))
            for v, w in ((count, right * counted), (total, counted))
        ]
        value = reductions.reduce_mean(div_no_nan(count, total), name="mean_accuracy")
        update = div_no_nan(*updates, name="update_op")
        return collected(value, update, metrics_collections, updates_collections)


def mean_iou(
    labels: Any, predictions: Any, num_classes: int, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean over classes of true positives / (true positives + false positives + false
    negatives); the update operation gives the confusion matrix."""
    with metric_scope(name, "mean_iou", predictions, labels, weights):
        x, z, weights = _flat(labels, predictions, weights)
        counted = _ones(x) if weights is None else weights
        places = z * num_classes + math.cast(x, int64)
        counts = segment.unsorted_segment_sum(counted, places, num_classes * num_classes)
        matrix = metric_variable((num_classes, num_classes), float64, "total_confusion_matrix")
        square = math.cast(array.reshape(counts, [num_classes, num_classes]), float64)
        update = state.assign_add(matrix, square)
        both = math.cast(diagonals.diag_part(matrix), float32)
        sums = [math.cast(reductions.reduce_sum(matrix, a), float32) for a in (0, 1)]
        union = sums[0] + sums[1] - both
        seen = math.cast(logic.not_equal(union, 0.0), float32)
        value = div_no_nan(
            reductions.reduce_sum(div_no_nan(both, union)), reductions.reduce_sum(seen), "mean_iou"
        )
        return collected(value, update, metrics_collections, updates_collections)


def _ones(x: Tensor) -> Tensor:
    """Return a float32 one for each element of ``x``."""
    return math.cast(logic.equal(x, x), float32)


def _distinct(labels: Tensor) -> Tensor:
    """Return which of ``labels`` [..., n] are the first of their kind in their row."""
    same = logic.equal(array.expand_dims(labels, -1), array.expand_dims(labels, -2))
    earlier = cumulative.cumsum(math.cast(same, int64), axis=-1)
    return logic.equal(diagonals.matrix_diag_part(earlier), 1)


def _name(what: str, k: int | None, class_id: int | None) -> str:
    """Return what TensorFlow calls a metric of the best ``k``, or one of its variables."""
    best = f"{what}_at_{'k' if k is None else k}"
    return best if class_id is None else f"{best}_class{class_id}"


def _at_k(
    kind: str, labels: Any, predictions_idx: Any, k: int | None, class_id: int | None, weights: Any
) -> tuple[list[Any], list[Any]]:
    """Return counts of labels among the predicted classes, and of ``kind``, and their updates.

    ``kind`` is "false_negative", labels not predicted, or "false_positive", the other way round.
    """
    found, z = convert_to_tensor(predictions_idx), math.cast(labels, int64)
    found = math.cast(found, int64)
    if z.spec.rank is not None and z.spec.rank == (found.spec.rank or 0) - 1:
        z = array.expand_dims(z, -1)
    hit = logic.equal(array.expand_dims(z, -1), array.expand_dims(found, -2))
    wanted, given = _distinct(z), logic.equal(found, found)
    if class_id is not None:
        wanted = logic.logical_and(wanted, logic.equal(z, class_id))
        given = logic.equal(found, class_id)
    of = wanted if kind == "false_negative" else given
    matched = reductions.reduce_any(hit, -1 if kind == "false_negative" else -2)
    of_matched = logic.logical_and(of, matched)
    variables, updates = [], []
    for name, chosen in (
        ("true_positive", of_matched),
        (kind, logic.logical_and(of, logic.logical_not(matched))),
    ):
        rows = reductions.reduce_sum(math.cast(chosen, float64), -1)
        if weights is not None:
            rows = rows * math.cast(spread(weights, rows), float64)
        variables.append(metric_variable((), float64, _name(name, k, class_id)))
        updates.append(state.assign_add(variables[-1], reductions.reduce_sum(rows)))
    return variables, updates


def _part(right: Tensor, wrong: Tensor, name: str) -> Tensor:
    return math.divide(right, right + wrong, name)


def recall_at_top_k(
    labels: Any, predictions_idx: Any, k: int | None = None, class_id: int | None = None,
    weights: Any = None, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of ``labels`` [..., n] that are among ``predictions_idx`` [..., k]; only
    that of ``class_id``, where given.  NaN until there is a label."""
    with metric_scope(name, _name("recall", k, class_id), labels, weights):
        variables, updates = _at_k("false_negative", labels, predictions_idx, k, class_id, weights)
        return of_variables(_part, variables, updates, metrics_collections, updates_collections)


def recall_at_k(
    labels: Any, predictions: Any, k: int, class_id: int | None = None, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of ``labels`` that are among the ``k`` classes of largest ``predictions``
    [..., classes]; only that of ``class_id``, where given."""
    _, best = top_k(predictions, k)
    return recall_at_top_k(
        labels, best, k, class_id, weights, metrics_collections, updates_collections, name
    )


def precision_at_top_k(
    labels: Any, predictions_idx: Any, k: int | None = None, class_id: int | None = None,
    weights: Any = None, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of ``predictions_idx`` [..., k] that are among ``labels`` [..., n]; only
    that of ``class_id``, where given.  NaN until there is a prediction."""
    with metric_scope(name, _name("precision", k, class_id), labels, weights):
        variables, updates = _at_k("false_positive", labels, predictions_idx, k, class_id, weights)
        return of_variables(_part, variables, updates, metrics_collections, updates_collections)


def precision_at_k(
    labels: Any, predictions: Any, k: int, class_id: int | None = None, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of the ``k`` classes of largest ``predictions`` [..., classes] that are
    among ``labels``; only that of ``class_id``, where given."""
    _, best = top_k(predictions, k)
    return precision_at_top_k(
        labels, best, k, class_id, weights, metrics_collections, updates_collections, name
    )
