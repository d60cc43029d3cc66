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
from tfmini.defaults import own_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.metrics.parts import spread
from tfmini.missing import watch_namespace
from tfmini.nodes import Tensor
from tfmini.ops.casting import cast
from tfmini.ops.counting import confusion_matrix
from tfmini.ops.division import div_no_nan
from tfmini.ops.logic import equal
from tfmini.ops.reductions import reduce_mean, reduce_sum


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


@own_scope("accuracy")
def accuracy(predictions: Any, labels: Any, weights: Any = None, name: str | None = None) -> Tensor:
    """Return which share of ``predictions`` equals ``labels``, both of one shape and dtype.

    ``weights``, which broadcast, count each; with weights of 0 alone it is 0.  A float32 scalar.
    """
    predictions, labels = convert_to_tensor(predictions), convert_to_tensor(labels)
    if predictions.dtype is not labels.dtype:
        raise InvalidArgumentError(
            None, None,
            f"accuracy: predictions are {predictions.dtype}, labels {labels.dtype}; they must have "
            f"the same dtype: use tf.cast.",
        )  # fmt: skip
    right = cast(equal(predictions, labels), float32)
    if weights is None:
        return reduce_mean(right)
    weights = spread(weights, right)
    return div_no_nan(reduce_sum(right * weights), reduce_sum(weights))


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
    "accuracy", "aggregate_metric_map", "aggregate_metrics", "confusion_matrix",
    "streaming_accuracy", "streaming_auc", "streaming_false_negatives",
    "streaming_false_positives", "streaming_mean", "streaming_mean_absolute_error",
    "streaming_mean_cosine_distance", "streaming_mean_iou", "streaming_mean_relative_error",
    "streaming_mean_squared_error", "streaming_mean_tensor", "streaming_percentage_less",
    "streaming_precision", "streaming_precision_at_thresholds", "streaming_recall",
    "streaming_recall_at_thresholds", "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity", "streaming_sparse_precision_at_k",
    "streaming_sparse_recall_at_k", "streaming_specificity_at_sensitivity",
    "streaming_true_negatives", "streaming_true_positives",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
