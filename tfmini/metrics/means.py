"""Means over all batches: of values, of errors, and the share of right predictions."""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
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
from tfmini.ops import array, creation, logic, math, powers, reductions, state
from tfmini.ops.division import div_no_nan


def mean(
    values: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of ``values`` over all batches, weighted where ``weights`` are given."""
    with metric_scope(name, "mean", values, weights):
        x = math.cast(values, float32)
        total, count = metric_variable((), name="total"), metric_variable((), name="count")
        if weights is None:
            size = math.cast(array.size(x), float32)
        else:
            x, _, weights = aligned(x, x, weights)
            weights = spread(weights, x)
            x, size = x * weights, reductions.reduce_sum(weights)
        updates = (state.assign_add(total, reductions.reduce_sum(x)), state.assign_add(count, size))
        return of_variables(
            ratio, (total, count), updates, metrics_collections, updates_collections
        )


def mean_tensor(
    values: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of each element of ``values`` over all batches."""
    with metric_scope(name, "mean", values, weights):
        x = math.cast(values, float32)
        shape = x.shape.as_list()
        total = metric_variable(shape, name="total_tensor")
        count = metric_variable(shape, name="count_tensor")
        counted = creation.ones_like(x)
        if weights is not None:
            x, _, weights = aligned(x, x, weights)
            counted = spread(weights, x)
            x = x * counted
        updates = state.assign_add(total, x), state.assign_add(count, counted)
        return of_variables(
            ratio, (total, count), updates, metrics_collections, updates_collections
        )


def accuracy(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return how often ``predictions`` are equal to ``labels``."""
    x, z, weights = aligned(predictions, labels, weights)
    if None not in (x.dtype, z.dtype) and x.dtype is not z.dtype:
        x = math.cast(x, z.dtype)
    right = math.cast(logic.equal(x, z), float32)
    return mean(right, weights, metrics_collections, updates_collections, name or "accuracy")


def _errors(labels: Any, predictions: Any, weights: Any) -> tuple[Tensor, Tensor, Any]:
    x, z, weights = aligned(predictions, labels, weights)
    return math.cast(x, float32), math.cast(z, float32), weights


def mean_absolute_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of ``abs(predictions - labels)``."""
    x, z, weights = _errors(labels, predictions, weights)
    return mean(
        math.abs(x - z), weights, metrics_collections, updates_collections,
        name or "mean_absolute_error",
    )  # fmt: skip


def mean_squared_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of ``(predictions - labels)**2``."""
    x, z, weights = _errors(labels, predictions, weights)
    return mean(
        math.squared_difference(x, z), weights, metrics_collections, updates_collections,
        name or "mean_squared_error",
    )  # fmt: skip


def root_mean_squared_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the root of the mean of ``(predictions - labels)**2``."""
    value, update = mean_squared_error(
        labels, predictions, weights, None, None, name or "root_mean_squared_error"
    )
    return collected(
        powers.sqrt(value), powers.sqrt(update), metrics_collections, updates_collections
    )


def mean_relative_error(
    labels: Any, predictions: Any, normalizer: Any, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the mean of ``abs(predictions - labels) / normalizer``, 0 where that is 0."""
    x, z, weights = _errors(labels, predictions, weights)
    errors = div_no_nan(math.abs(z - x), math.cast(normalizer, float32))
    return mean(
        errors, weights, metrics_collections, updates_collections, name or "mean_relative_error"
    )


def mean_cosine_distance(
    labels: Any, predictions: Any, dim: int, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return 1 less the mean product of ``predictions`` and ``labels`` along ``dim``."""
    x, z, weights = _errors(labels, predictions, weights)
    products = reductions.reduce_sum(x * z, dim, keepdims=True)
    value, update = mean(products, weights, None, None, name or "mean_cosine_distance")
    return collected(1.0 - value, 1.0 - update, metrics_collections, updates_collections)


def percentage_below(
    values: Any, threshold: float, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the share of ``values`` below ``threshold``."""
    below = math.cast(logic.less(convert_to_tensor(values), threshold), float32)
    return mean(
        below,
        weights,
        metrics_collections,
        updates_collections,
        name or "percentage_below_threshold",
    )
