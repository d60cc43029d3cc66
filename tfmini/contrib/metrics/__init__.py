"""``tf.contrib.metrics``, also ``slim.metrics``: the first names of ``tf.metrics``.

In: predictions, then labels; in ``tf.metrics`` labels come first.  Out: a value and an operation
that updates it, of local variables; ``accuracy`` and ``confusion_matrix`` are of one batch alone.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from tfmini import metrics
from tfmini.build import convert_to_tensor
from tfmini.contrib.metrics.batches import (
    cohen_kappa,
    count,
    streaming_concat,
    streaming_covariance,
    streaming_pearson_correlation,
)
from tfmini.contrib.metrics.thresholds import (
    f1_score,
    precision_at_recall,
    precision_recall_at_equal_thresholds,
    recall_at_precision,
    streaming_curve_points,
    streaming_false_negative_rate,
    streaming_false_negative_rate_at_thresholds,
    streaming_false_positive_rate,
    streaming_false_positive_rate_at_thresholds,
)
from tfmini.defaults import own_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.metrics.parts import Pair, spread
from tfmini.missing import watch_namespace
from tfmini.nodes import Tensor
from tfmini.ops.casting import cast
from tfmini.ops.counting import confusion_matrix
from tfmini.ops.logic import equal
from tfmini.ops.nn import in_top_k
from tfmini.ops.reductions import reduce_mean, reduce_sum
from tfmini.ops.sets import set_difference, set_intersection, set_size, set_union


def _predictions_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` of ``tf.metrics`` with its first two parameters exchanged."""
    old = inspect.signature(function)
    labels, predictions, *others = old.parameters.values()

    @wraps(function)
    def streaming(predictions: Any, labels: Any, *args: Any, **kwargs: Any) -> Any:
        return function(labels, predictions, *args, **kwargs)

    streaming.__name__ = f"streaming_{function.__name__}"
    streaming.__signature__ = old.replace(parameters=[predictions, labels, *others])
    return streaming


streaming_mean, streaming_mean_tensor = metrics.mean, metrics.mean_tensor
streaming_percentage_less = metrics.percentage_below
streaming_accuracy = _predictions_first(metrics.accuracy)
streaming_auc = _predictions_first(metrics.auc)
streaming_false_negatives = _predictions_first(metrics.false_negatives)
streaming_false_positives = _predictions_first(metrics.false_positives)
streaming_mean_absolute_error = _predictions_first(metrics.mean_absolute_error)
streaming_mean_cosine_distance = _predictions_first(metrics.mean_cosine_distance)
streaming_mean_iou = _predictions_first(metrics.mean_iou)
streaming_mean_relative_error = _predictions_first(metrics.mean_relative_error)
streaming_mean_squared_error = _predictions_first(metrics.mean_squared_error)
streaming_precision = _predictions_first(metrics.precision)
streaming_precision_at_thresholds = _predictions_first(metrics.precision_at_thresholds)
streaming_recall = _predictions_first(metrics.recall)
streaming_recall_at_thresholds = _predictions_first(metrics.recall_at_thresholds)
streaming_root_mean_squared_error = _predictions_first(metrics.root_mean_squared_error)
streaming_sensitivity_at_specificity = _predictions_first(metrics.sensitivity_at_specificity)
streaming_sparse_precision_at_k = _predictions_first(metrics.precision_at_k)
streaming_sparse_recall_at_k = _predictions_first(metrics.recall_at_k)
streaming_specificity_at_sensitivity = _predictions_first(metrics.specificity_at_sensitivity)
streaming_true_negatives = _predictions_first(metrics.true_negatives)
streaming_true_positives = _predictions_first(metrics.true_positives)

streaming_true_positives_at_thresholds = _predictions_first(metrics.true_positives_at_thresholds)
streaming_true_negatives_at_thresholds = _predictions_first(metrics.true_negatives_at_thresholds)
streaming_false_positives_at_thresholds = _predictions_first(metrics.false_positives_at_thresholds)
streaming_false_negatives_at_thresholds = _predictions_first(metrics.false_negatives_at_thresholds)
streaming_sparse_average_precision_at_k = _predictions_first(metrics.average_precision_at_k)


def streaming_recall_at_k(
    predictions: Any, labels: Any, k: int, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of ``labels`` [batch] that are among the ``k`` largest ``predictions``
    [batch, classes] of their rows."""
    found = cast(in_top_k(predictions, labels, k), float32)
    kept = (metrics_collections, updates_collections)
    return metrics.mean(found, weights, *kept, name or f"recall_at_{k}")


def streaming_sparse_precision_at_top_k(
    top_k_predictions: Any, labels: Any, class_id: int | None = None, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return which share of the classes ``top_k_predictions`` [..., k] is in ``labels``."""
    return metrics.precision_at_top_k(
        labels, top_k_predictions, class_id=class_id, weights=weights, name=name,
        metrics_collections=metrics_collections, updates_collections=updates_collections,
    )  # fmt: skip


def sparse_recall_at_top_k(
    labels: Any, top_k_predictions: Any, class_id: int | None = None, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return which share of ``labels`` is in the classes ``top_k_predictions`` [..., k]."""
    return metrics.recall_at_top_k(
        labels, top_k_predictions, class_id=class_id, weights=weights, name=name,
        metrics_collections=metrics_collections, updates_collections=updates_collections,
    )  # fmt: skip


@own_scope("accuracy")
def accuracy(predictions: Any, labels: Any, weights: Any = None, name: str | None = None) -> Tensor:
    """Return which share of ``predictions`` equals ``labels``, both of one shape and dtype.

    Labels are ints, bools or strings.  ``weights``, which broadcast, count each.  A float32 scalar.
    """
    predictions, labels = convert_to_tensor(predictions), convert_to_tensor(labels)
    if predictions.dtype is not labels.dtype:
        raise InvalidArgumentError(
            None, None,
            f"accuracy: predictions are {predictions.dtype}, labels {labels.dtype}; they must have "
            f"the same dtype: use tf.cast.",
        )  # fmt: skip
    if labels.dtype is not None and labels.dtype.is_floating:
        raise InvalidArgumentError(
            None, None, f"accuracy: labels must be ints, bools or strings, not {labels.dtype}."
        )
    right = cast(equal(predictions, labels), float32)
    if weights is None:
        return reduce_mean(right)
    weights = spread(weights, right)
    return reduce_sum(right * weights) / reduce_sum(weights)


def aggregate_metrics(*value_update_tuples: tuple[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Return the values and the updates of metrics, each as a list."""
    if not value_update_tuples:
        raise InvalidArgumentError(None, None, "aggregate_metrics: give at least one metric.")
    values, updates = zip(*value_update_tuples, strict=True)
    return list(values), list(updates)


def aggregate_metric_map(
    names_to_tuples: Mapping[str, tuple[Any, Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values and the updates of metrics, each by name."""
    values = {name: value for name, (value, _) in names_to_tuples.items()}
    return values, {name: update for name, (_, update) in names_to_tuples.items()}


__all__ = [
    "accuracy", "aggregate_metric_map", "aggregate_metrics", "cohen_kappa", "confusion_matrix",
    "count", "f1_score", "precision_at_recall", "precision_recall_at_equal_thresholds",
    "recall_at_precision", "set_difference", "set_intersection", "set_size", "set_union",
    "sparse_recall_at_top_k", "streaming_accuracy", "streaming_auc",
    "streaming_concat", "streaming_covariance", "streaming_curve_points",
    "streaming_false_negative_rate", "streaming_false_negative_rate_at_thresholds",
    "streaming_false_negatives", "streaming_false_negatives_at_thresholds",
    "streaming_false_positive_rate", "streaming_false_positive_rate_at_thresholds",
    "streaming_false_positives", "streaming_false_positives_at_thresholds", "streaming_mean",
    "streaming_mean_absolute_error", "streaming_mean_cosine_distance", "streaming_mean_iou",
    "streaming_mean_relative_error", "streaming_mean_squared_error", "streaming_mean_tensor",
    "streaming_pearson_correlation", "streaming_percentage_less", "streaming_precision",
    "streaming_precision_at_thresholds", "streaming_recall", "streaming_recall_at_k",
    "streaming_recall_at_thresholds", "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity", "streaming_sparse_average_precision_at_k",
    "streaming_sparse_precision_at_k", "streaming_sparse_precision_at_top_k",
    "streaming_sparse_recall_at_k", "streaming_specificity_at_sensitivity",
    "streaming_true_negatives", "streaming_true_negatives_at_thresholds",
    "streaming_true_positives", "streaming_true_positives_at_thresholds",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
