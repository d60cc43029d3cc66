"""Counts at several thresholds of probabilities, and what is made of them: AUC, precision, recall.

In: boolean labels and predictions from 0 to 1.  A prediction is positive if it exceeds a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.dtypes import bool_, float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
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
from tfmini.ops import array, assertions, logic, math, products, reductions, selection, state
from tfmini.ops.division import div_no_nan
from tfmini.ops.exponential import log

_TINY = 1e-7  # keeps thresholds apart from 0 and 1, and divisors from 0, as in TensorFlow
_KINDS = ("true_positives", "false_negatives", "true_negatives", "false_positives")


def counts_of(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any, kinds: Sequence[str]
) -> tuple[list[Any], list[Any]]:
    """Return variables of one count for each threshold, for each of ``kinds``, and updates."""
    x = convert_to_tensor(predictions)
    text = "predictions must be in [0, 1]"
    checks = [
        assertions.assert_greater_equal(x, 0.0, message=text),
        assertions.assert_less_equal(x, 1.0, message=text),
    ]
    with get_default_graph().control_dependencies(checks):
        x = array.identity(math.cast(x, float32))
    x, z, weights = aligned(x, math.cast(labels, bool_), weights)
    weights = spread(weights, x)
    limits = np.asarray(thresholds, np.float32)[:, np.newaxis]
    above = math.cast(logic.greater(array.reshape(x, [1, -1]), limits), float32)
    positive = math.cast(array.reshape(z, [-1, 1]), float32)
    negative = 1.0 - positive
    if weights is not None:
        column = array.reshape(weights, [-1, 1])
        positive, negative = positive * column, negative * column
    sides = {
        "true_positives": (above, positive), "false_positives": (above, negative),
        "false_negatives": (1.0 - above, positive), "true_negatives": (1.0 - above, negative),
    }  # fmt: skip
    variables, updates = [], []
    for kind in kinds:
        count = metric_variable((len(thresholds),), name=kind)
        variables.append(count)
        updates.append(state.assign_add(count, products.matmul(*sides[kind])[:, 0]))
    return variables, updates


def _counting(kind: str) -> Callable[..., Pair]:
    def count(
        labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
        metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, kind, predictions, labels, weights):
            (value,), (update,) = counts_of(labels, predictions, thresholds, weights, [kind])
            return collected(value, update, metrics_collections, updates_collections)

    count.__name__ = count.__qualname__ = f"{kind}_at_thresholds"
    count.__doc__ = f"Return the number of {kind.replace('_', ' ')} at each of ``thresholds``."
    return count


true_positives_at_thresholds = _counting("true_positives")
false_positives_at_thresholds = _counting("false_positives")
true_negatives_at_thresholds = _counting("true_negatives")
false_negatives_at_thresholds = _counting("false_negatives")


def _share_at(default: str, wrong: str) -> Callable[..., Pair]:
    def share(
        labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
        metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
    ) -> Pair:  # fmt: skip
        with metric_scope(name, default, predictions, labels, weights):
            kinds = ["true_positives", wrong]
            variables, updates = counts_of(labels, predictions, thresholds, weights, kinds)
            return of_variables(
                lambda right, wrong, name: math.divide(right, _TINY + right + wrong, name),
                variables, updates, metrics_collections, updates_collections,
            )  # fmt: skip

    share.__name__ = share.__qualname__ = default
    share.__doc__ = f"Return the {default.split('_')[0]} at each of ``thresholds``."
    return share


precision_at_thresholds = _share_at("precision_at_thresholds", "false_positives")
recall_at_thresholds = _share_at("recall_at_thresholds", "false_negatives")


def even_thresholds(num_thresholds: int) -> list[float]:
    """Return thresholds from just below 0 to just above 1, evenly spread in between."""
    if num_thresholds < 2:
        raise InvalidArgumentError(None, None, f"num_thresholds={num_thresholds}: at least 2.")
    inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
    return [-_TINY, *inner, 1.0 + _TINY]


def auc(
    labels: Any, predictions: Any, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Any = None, updates_collections: Any = None, curve: str = "ROC",
    name: str | None = None, summation_method: str = "trapezoidal", thresholds: Any = None,
) -> Pair:  # fmt: skip
    """Return the area below the curve of true positives over false positives ("ROC"), or of
    precision over recall ("PR").

    Parameters
    ----------
    num_thresholds : in how many points the curve is known; ``thresholds`` gives them themselves
    summation_method : "trapezoidal", "minoring", "majoring", or for PR "careful_interpolation"
        (Davis and Goadrich 2006, https://doi.org/10.1145/1143844.1143874)
    """
    if curve not in ("ROC", "PR"):
        raise InvalidArgumentError(None, None, f"curve={curve!r}: use 'ROC' or 'PR'.")
    methods = ("trapezoidal", "careful_interpolation", "minoring", "majoring")
    if summation_method not in methods:
        raise InvalidArgumentError(
            None, None, f"summation_method={summation_method!r}: use one of {methods}."
        )
    if summation_method == "careful_interpolation" and curve != "PR":
        raise InvalidArgumentError(None, None, "careful_interpolation is for curve='PR'.")
    limits = even_thresholds(num_thresholds)
    if thresholds is not None:
        limits = [-_TINY, *sorted(thresholds), 1.0 + _TINY]
    with metric_scope(name, "auc", predictions, labels, weights):
        variables, updates = counts_of(labels, predictions, limits, weights, _KINDS)
        careful = summation_method == "careful_interpolation"
        area = _careful if careful else _area(curve, summation_method)
        return of_variables(area, variables, updates, metrics_collections, updates_collections)


def _area(curve: str, method: str) -> Callable[..., Tensor]:
    def area(tp: Tensor, fn: Tensor, tn: Tensor, fp: Tensor, name: str) -> Tensor:
        recall = (tp + _TINY) / (tp + fn + _TINY)
        if curve == "ROC":
            x, y = fp / (fp + tn + _TINY), recall
        else:
            x, y = recall, (tp + _TINY) / (tp + fp + _TINY)
        before, after = y[:-1], y[1:]
        height = {
            "trapezoidal": lambda: (before + after) / 2.0,
            "minoring": lambda: math.minimum(before, after),
            "majoring": lambda: math.maximum(before, after),
        }[method]()
        return reductions.reduce_sum((x[:-1] - x[1:]) * height, name=name)

    return area


def _careful(tp: Tensor, fn: Tensor, tn: Tensor, fp: Tensor, name: str) -> Tensor:
    """The area below precision over recall, with true positives linear between thresholds."""
    gained = tp[:-1] - tp[1:]
    predicted = tp + fp
    slope = div_no_nan(gained, math.maximum(predicted[:-1] - predicted[1:], 0.0))
    intercept = tp[1:] - slope * predicted[1:]
    both = logic.logical_and(predicted[:-1] > 0, predicted[1:] > 0)
    quotient = div_no_nan(predicted[:-1], math.maximum(predicted[1:], 0.0))
    safe = selection.where(both, quotient, array.identity(quotient) * 0.0 + 1.0)
    step = div_no_nan(slope * (gained + intercept * log(safe)), math.maximum(tp[1:] + fn[1:], 0.0))
    return reductions.reduce_sum(step, name=name)


def sensitivity_at_specificity(
    labels: Any, predictions: Any, specificity: float, weights: Any = None,
    num_thresholds: int = 200, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of positives that are found, at the threshold where the share of negatives
    that are so predicted is nearest to ``specificity``."""
    _is_share("specificity", specificity)
    with metric_scope(name, "sensitivity_at_specificity", predictions, labels, weights):
        variables, updates = counts_of(
            labels, predictions, even_thresholds(num_thresholds), weights, _KINDS
        )

        def formula(tp: Tensor, fn: Tensor, tn: Tensor, fp: Tensor, name: str) -> Tensor:
            found = div_no_nan(tn, tn + fp)
            place = reductions.argmin(math.abs(found - specificity), 0)
            return math.divide(tp[place], tp[place] + fn[place] + _TINY, name)

        return of_variables(formula, variables, updates, metrics_collections, updates_collections)


def specificity_at_sensitivity(
    labels: Any, predictions: Any, sensitivity: float, weights: Any = None,
    num_thresholds: int = 200, metrics_collections: Any = None, updates_collections: Any = None,
    name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of negatives that are so predicted, at the threshold where the share of
    positives that are found is nearest to ``sensitivity``; the last one of those that tie."""
    _is_share("sensitivity", sensitivity)
    with metric_scope(name, "specificity_at_sensitivity", predictions, labels, weights):
        variables, updates = counts_of(
            labels,
            predictions,
            [*even_thresholds(num_thresholds)[:-1], 1.0 - _TINY],
            weights,
            _KINDS,
        )

        def formula(tp: Tensor, fn: Tensor, tn: Tensor, fp: Tensor, name: str) -> Tensor:
            distance = math.abs(tp / (tp + fn + _TINY) - sensitivity)
            nearest = logic.equal(distance, reductions.reduce_min(distance))
            place = reductions.reduce_max(selection.where(nearest)[:, 0])
            return math.divide(tn[place], tn[place] + fp[place] + _TINY, name)

        return of_variables(formula, variables, updates, metrics_collections, updates_collections)


def _is_share(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InvalidArgumentError(None, None, f"{what}={value} must be from 0 to 1.")
