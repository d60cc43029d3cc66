"""Metrics of ``tf.contrib.metrics`` of whole batches: covariance, correlation, agreement, counts.

In: predictions and labels, or values.  Out: ``(value, update)``, of local variables.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32, float64, int32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
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
    casting,
    creation,
    diagonals,
    joining,
    logic,
    math,
    reductions,
    state,
)
from tfmini.ops.counting import confusion_matrix
from tfmini.ops.division import div_no_nan
from tfmini.ops.selection import where_v2


def streaming_covariance(
    predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the covariance of all elements, without bias; NaN of one element or none.

    Batches are joined as Welford does (Chan et al. 1979,
    https://en.wikipedia.org/wiki/Algorithms_for_calculating_variance#Parallel_algorithm).
    """
    with metric_scope(name, "covariance", predictions, labels, weights):
        x, z, weights = aligned(predictions, labels, weights)
        n, mean_x, mean_z, total = (
            metric_variable((), float32, kind)
            for kind in ("count", "mean_prediction", "mean_label", "comoment")
        )
        w = creation.ones_like(z, float32) if weights is None else spread(weights, z)
        batch = reductions.reduce_sum(w)
        count = state.assign_add(n, batch)
        own_x = div_no_nan(reductions.reduce_sum(x * w), batch)
        own_z = div_no_nan(reductions.reduce_sum(z * w), batch)
        step_x = div_no_nan((own_x - mean_x) * batch, count)
        step_z = div_no_nan((own_z - mean_z) * batch, count)
        before_x = state.assign_add(mean_x, step_x) - step_x
        before_z = state.assign_add(mean_z, step_z) - step_z
        within = reductions.reduce_sum((x - own_x) * (z - own_z) * w)
        between = (before_x - own_x) * (before_z - own_z) * ((count - batch) * batch / count)
        sums = state.assign_add(total, within + between)
        value, update = _covariance(total, n, "covariance"), _covariance(sums, count, "update_op")
    return collected(value, update, metrics_collections, updates_collections)


def _covariance(comoment: Any, count: Any, name: str) -> Tensor:
    return where_v2(logic.less_equal(count, 1.0), float("nan"), comoment / (count - 1.0), name)


def streaming_pearson_correlation(
    predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return Pearson's correlation of predictions and labels: covariance by both deviations."""
    with metric_scope(name, "pearson_r", predictions, labels, weights):
        x, z, weights = aligned(predictions, labels, weights)
        both = streaming_covariance(x, z, weights, name="covariance")
        of_x = streaming_covariance(x, x, weights, name="variance_predictions")
        of_z = streaming_covariance(z, z, weights, name="variance_labels")
        value, update = (
            math.divide(both[i], math.sqrt(of_x[i]) * math.sqrt(of_z[i]), name)
            for i, name in enumerate(("pearson_r", "update_op"))
        )
    return collected(value, update, metrics_collections, updates_collections)


def cohen_kappa(
    labels: Any, predictions_idx: Any, num_classes: int, weights: Any = None,
    metrics_collections: Any = None, updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return Cohen's kappa, how much classes agree beyond chance, float64
    (https://en.wikipedia.org/wiki/Cohen%27s_kappa).

    ``labels`` and ``predictions_idx`` are classes, [batch] or [batch, 1].
    """
    if num_classes < 2:
        raise InvalidArgumentError(None, None, f"num_classes={num_classes} must be 2 or more.")
    with metric_scope(name, "cohen_kappa", labels, predictions_idx, weights):
        z = convert_to_tensor(labels)
        z = array.squeeze(z, [-1]) if z.spec.rank == 2 else z
        x, z, weights = aligned(predictions_idx, z, weights)
        whole = weights is None or (weights.dtype is not None and weights.dtype.is_integer)
        dtype = int64 if whole else float32
        table = confusion_matrix(z, x, num_classes, dtype, "counts_in_table", weights)
        sums = {
            "po": diagonals.diag_part(table), "pe_row": reductions.reduce_sum(table, 0),
            "pe_col": reductions.reduce_sum(table, 1),
        }  # fmt: skip
        made = [metric_variable((num_classes,), dtype, kind) for kind in sums]
        added = [state.assign_add(v, t) for v, t in zip(made, sums.values(), strict=True)]
        return of_variables(_kappa, made, added, metrics_collections, updates_collections)


def _kappa(agreed: Any, rows: Any, columns: Any, name: str) -> Tensor:
    agreed, rows, columns = (casting.cast(t, float64) for t in (agreed, rows, columns))
    total = reductions.reduce_sum(rows)
    chance = reductions.reduce_sum(div_no_nan(rows * columns, total))
    return div_no_nan(reductions.reduce_sum(agreed) - chance, total - chance, name)


def count(
    values: Any, weights: Any = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return the number of elements, or the sum of their weights."""
    with metric_scope(name, "count", values, weights):
        values = convert_to_tensor(values)
        number = metric_variable((), float32, "count")
        if weights is None:
            new = casting.cast(array.size(values), float32)
        else:
            new = reductions.reduce_sum(spread(convert_to_tensor(weights), values))
        update = state.assign_add(number, new)
        value = array.identity(number)
        return collected(value, update, metrics_collections, updates_collections)


def streaming_concat(
    values: Any, axis: int = 0, max_size: int | None = None, metrics_collections: Any = None,
    updates_collections: Any = None, name: str | None = None,
) -> Pair:  # fmt: skip
    """Return all values joined along ``axis``, at most ``max_size`` of them; the update gives how
    many there are.  Other dimensions must have known sizes."""
    with metric_scope(name, "streaming_concat", values):
        values = convert_to_tensor(values)
        rank = values.spec.rank
        if rank is None or not -rank <= axis < rank:
            raise InvalidArgumentError(
                values.op.info, values.op, f"streaming_concat: axis={axis}, its rank is {rank}."
            )
        axis %= rank
        fixed = [n for i, n in enumerate(values.spec.shape or ()) if i != axis]
        if None in fixed:
            raise InvalidArgumentError(
                values.op.info, values.op, f"all sizes but that of dimension {axis} must be known."
            )
        kept = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]
        rows = state.Variable(
            creation.zeros([0, *fixed], values.dtype), False, kept, validate_shape=False,
            name="array",
        )  # fmt: skip
        size = metric_variable((), int32, "size")
        front = [axis, *(i for i in range(rank) if i != axis)]
        back = [front.index(i) for i in range(rank)]
        joined = joining.concat([rows, array.transpose(values, front)], 0)[:max_size]
        stored = state.assign(rows, joined, validate_shape=False)
        with get_default_graph().control_dependencies([stored]):
            update = state.assign(size, array.shape(joined)[0])
        value = array.transpose(rows, back, name="concat")
        value.set_shape([*fixed[:axis], None, *fixed[axis:]])
        return collected(value, update, metrics_collections, updates_collections)
