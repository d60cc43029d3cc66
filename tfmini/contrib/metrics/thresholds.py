"""Metrics of ``tf.contrib.metrics`` at many thresholds: F1, rates of errors, points of curves.

In: labels (bools, or 0 and 1) and predictions from 0 to 1; a prediction is positive if it exceeds a
threshold.  Out: ``(value, update)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfmini import metrics
from tfmini.build import convert_to_tensor
from tfmini.dtypes import bool_, float32, float64, int32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.metrics.parts import (
    Pair,
    aligned,
    collected,
    metric_scope,
    metric_variable,
    of_variables,
    ratio,
)
from tfmini.metrics.thresholds import counts_of, even_thresholds
from tfmini.nodes import Tensor
from tfmini.ops import array, assertions, casting, grouping, joining, math, reductions
from tfmini.ops.creation import linspace
from tfmini.ops.cumulative import cumsum
from tfmini.ops.rounding import floor
from tfmini.ops.scatter_variables import scatter_add
from tfmini.ops.selection import where_v2

_TINY = 1e-7  # keeps divisors apart from 0, as in TensorFlow


def f1_score(
    labels: Any, predictions: Any, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the largest F1 score, ``2 * precision * recall / (precision + recall)``, of
    ``num_thresholds`` evenly spread thresholds."""

    def best(tp: Tensor, fp: Tensor, fn: Tensor, name: str) -> Tensor:
        precision, recall = tp / (_TINY + tp + fp), tp / (_TINY + tp + fn)
        scores = 2.0 * precision * recall / (precision + recall + _TINY)
        return reductions.reduce_max(scores, name=name)

    with metric_scope(name, "f1", labels, predictions, weights):
        kinds = ("true_positives", "false_positives", "false_negatives")
        made, updates = counts_of(
            labels, predictions, even_thresholds(num_thresholds), weights, kinds
        )
        return of_variables(best, made, updates, metrics_collections, updates_collections)


def _rate(default: str, wrong: str, right: str) -> Callable[..., Pair]:
    def rate(
        predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
        updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, default, predictions, labels, weights):
            given = (labels, predictions, weights)
            pairs = [getattr(metrics, kind)(*given) for kind in (wrong, right)]
            return of_variables(
                lambda a, b, name: ratio(a, a + b, name), *zip(*pairs, strict=True),
                metrics_collections, updates_collections,
            )  # fmt: skip

    rate.__name__ = rate.__qualname__ = f"streaming_{default}"
    rate.__doc__ = f"Return the number of {wrong} by that of {wrong} and {right}."
    return rate


streaming_false_positive_rate = _rate("false_positive_rate", "false_positives", "true_negatives")
streaming_false_negative_rate = _rate("false_negative_rate", "false_negatives", "true_positives")


def _rate_at(default: str, wrong: str, right: str) -> Callable[..., Pair]:
    def rate(
        predictions: Any, labels: Any, thresholds: Sequence[float], weights: Any = None,
        metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, default, predictions, labels, weights):
            made, updates = counts_of(labels, predictions, thresholds, weights, [wrong, right])
            return of_variables(
                lambda a, b, name: math.divide(a, _TINY + a + b, name), made, updates,
                metrics_collections, updates_collections,
            )  # fmt: skip

    rate.__name__ = rate.__qualname__ = f"streaming_{default}"
    rate.__doc__ = f"Return the {default.replace('_', ' ').removesuffix(' at thresholds')} at each."
    return rate


streaming_false_positive_rate_at_thresholds = _rate_at(
    "false_positive_rate_at_thresholds", "false_positives", "true_negatives"
)
streaming_false_negative_rate_at_thresholds = _rate_at(
    "false_negative_rate_at_thresholds", "false_negatives", "true_positives"
)


def streaming_curve_points(
    labels: Any = None, predictions: Any = None, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Any = None, updates_collections: Any = None, curve: str = "ROC",
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return points [num_thresholds, 2] of a curve: false over true positive rates ("ROC"), or
    recall over precision ("PR")."""
    if curve not in ("ROC", "PR"):
        raise InvalidArgumentError(None, None, f"curve={curve!r}: use 'ROC' or 'PR'.")
    small = 1e-6
    kinds = ("true_positives", "false_negatives", "true_negatives", "false_positives")
    with metric_scope(name, "curve_points", labels, predictions, weights):
        made, updates = counts_of(
            labels, predictions, even_thresholds(num_thresholds), weights, kinds
        )
        tp, fn, tn, fp = made
        recall = (tp + small) / (tp + fn + small)
        if curve == "ROC":
            points = joining.stack([fp / (fp + tn + small), recall], 1)
        else:
            points = joining.stack([recall, (tp + small) / (tp + fp + small)], 1)
        update = grouping.group(*updates)
        return collected(points, update, metrics_collections, updates_collections)


def recall_at_precision(
    labels: Any, predictions: Any, precision: float, weights: Any = None,
    num_thresholds: int = 200, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None, strict_mode: bool = False,
) -> Pair:  # fmt: skip
    """Return the recall at the threshold whose precision is nearest to ``precision``.

    With ``strict_mode`` it is the nearest that is no less, and 0 if there is none.
    """
    _check("precision", precision)

    def recall(tp: Tensor, fp: Tensor, fn: Tensor, name: str) -> Tensor:
        found = tp / (tp + fp + _TINY)
        if not strict_mode:
            at = reductions.argmin(math.abs(found - precision), 0, output_type=int32)
            return math.divide(tp[at], tp[at] + fn[at] + _TINY, name)
        at = reductions.argmax(1.0 / (found - precision + _TINY), 0, output_type=int32)
        there = tp[at] / (tp[at] + fn[at] + _TINY)
        return where_v2(found[at] >= precision, there, 0.0, name)

    with metric_scope(name, "recall_at_precision", predictions, labels, weights):
        kinds = ("true_positives", "false_positives", "false_negatives")
        made, updates = counts_of(
            labels, predictions, even_thresholds(num_thresholds), weights, kinds
        )
        return of_variables(recall, made, updates, metrics_collections, updates_collections)


def precision_at_recall(
    labels: Any, predictions: Any, target_recall: float, weights: Any = None,
    num_thresholds: int = 200, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the precision at the highest threshold whose recall is ``target_recall`` or more."""
    _check("target_recall", target_recall)

    def precision(tp: Tensor, fp: Tensor, fn: Tensor, name: str) -> Tensor:
        enough = casting.cast(tp / (tp + fn + _TINY) >= target_recall, int64)
        at = reductions.reduce_sum(enough) - 1
        return math.divide(tp[at] + _TINY, tp[at] + fp[at] + _TINY, name)

    with metric_scope(name, "precision_at_recall", predictions, labels, weights):
        kinds = ("true_positives", "false_positives", "false_negatives")
        made, updates = counts_of(
            labels, predictions, even_thresholds(num_thresholds), weights, kinds
        )
        return of_variables(precision, made, updates, metrics_collections, updates_collections)


def _check(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InvalidArgumentError(None, None, f"{what}={value} must be in the range [0, 1].")


class PrecisionRecallData(NamedTuple):
    """Vectors with a number for each threshold."""

    tp: Tensor
    fp: Tensor
    tn: Tensor
    fn: Tensor
    precision: Tensor
    recall: Tensor
    thresholds: Tensor


def precision_recall_at_equal_thresholds(
    labels: Any, predictions: Any, weights: Any = None, num_thresholds: int | None = None,
    use_locking: bool | None = None, name: str | None = None,
) -> tuple[PrecisionRecallData, Any]:  # fmt: skip
    """Return counts, precisions and recalls at evenly spread thresholds (default 201), which cost
    no more for many of these; and the operation that counts a batch.

    ``labels`` are bools.  A prediction is positive from its threshold on.
    """
    count = 201 if num_thresholds is None else num_thresholds
    labels, x = convert_to_tensor(labels), convert_to_tensor(predictions)
    assertions.assert_type(labels, bool_)
    with metric_scope(name, "precision_recall_at_equal_thresholds", labels, x, weights):
        text = "predictions must be in [0, 1]"
        checks = [
            assertions.assert_greater_equal(x, casting.cast(0.0, x.dtype), message=text),
            assertions.assert_less_equal(x, casting.cast(1.0, x.dtype), message=text),
        ]
        with get_default_graph().control_dependencies(checks):
            x, labels, weights = aligned(array.identity(x), labels, weights)
        right = casting.cast(labels, float64)
        factor = casting.cast(1.0 if weights is None else weights, float64)
        places = casting.cast(floor(array.reshape(x, [-1]) * (count - 1.0)), int32)
        sums, updates = [], []
        for kind, counted in (("tp", right * factor), ("fp", (1.0 - right) * factor)):
            made = metric_variable((count,), float64, f"variables/{kind}_buckets")
            updates.append(scatter_add(made, places, array.reshape(counted, [-1])))
            sums.append(cumsum(made, reverse=True, name=kind))
        tp, fp = sums
        tn, fn = fp[0] - fp, tp[0] - tp
        found = [
            tp, fp, tn, fn, tp / math.maximum(tp + fp, _TINY), tp / math.maximum(tp + fn, _TINY),
            linspace(0.0, 1.0, count),
        ]  # fmt: skip
        cast = [casting.cast(t, x.dtype or float32) for t in found]
        return PrecisionRecallData(*cast), grouping.group(*updates)
