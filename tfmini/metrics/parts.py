"""What metrics share: variables, weights, and the pair (value, update operation) they return.

A metric's value is that of its variables at the start of a run; the update operation adds the run's
batch and gives the new value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, math, state
from tfmini.ops.division import div_no_nan
from tfmini.ops.weighting import broadcastable_weights
from tfmini.shapes import compatible, format_shape
from tfmini.variable_scope import variable_scope

Pair = tuple[Tensor, Tensor]


def metric_variable(shape: Any, dtype: Any = float32, name: str | None = None) -> Any:
    """Return a local variable of zeros that no optimizer trains and no checkpoint keeps."""
    return state.Variable(
        lambda: creation.zeros(shape, dtype), False,
        [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES], name=name,
    )  # fmt: skip


@contextmanager
def metric_scope(name: str | None, default: str, *values: Any) -> Iterator[None]:
    """Open the scope of a metric's variables and operations."""
    with variable_scope(name, default, [v for v in values if isinstance(v, Tensor)]):
        yield


def collected(
    value: Tensor, update: Tensor, metrics_collections: Any, updates_collections: Any
) -> Pair:
    """Return both, added to their collections."""
    graph = get_default_graph()
    for names, item in ((metrics_collections, value), (updates_collections, update)):
        if names:
            listed = names if isinstance(names, (list, tuple)) else [names]
            graph.add_to_collections(listed, item)
    return value, update


def aligned(predictions: Any, labels: Any, weights: Any = None) -> tuple[Tensor, Tensor, Any]:
    """Return all three as tensors; where one rank is larger by 1, a last dimension of 1 goes."""
    x, z = convert_to_tensor(predictions), convert_to_tensor(labels)
    if x.spec.rank is not None and z.spec.rank is not None:
        if x.spec.rank == z.spec.rank + 1:
            x = _without_last(x)
        elif z.spec.rank == x.spec.rank + 1:
            z = _without_last(z)
    if not compatible(x.spec.shape, z.spec.shape):
        raise InvalidArgumentError(
            None, None,
            f"predictions {format_shape(x.spec.shape)} and labels {format_shape(z.spec.shape)} "
            f"must have the same shape; use tf.reshape.",
        )  # fmt: skip
    if weights is not None:
        weights = convert_to_tensor(weights)
        if weights.spec.rank and x.spec.rank is not None:
            if weights.spec.rank == x.spec.rank + 1:
                weights = _without_last(weights)
            elif weights.spec.rank == x.spec.rank - 1:
                weights = array.expand_dims(weights, -1)
    return x, z, weights


def _without_last(x: Tensor) -> Tensor:
    shape = x.spec.shape
    return array.squeeze(x, [-1]) if shape and shape[-1] in (1, None) else x


def spread(weights: Any, values: Tensor) -> Any:
    """Return float32 ``weights`` in the shape of ``values``; None stays None."""
    if weights is None:
        return None
    fitting = broadcastable_weights(math.cast(weights, float32), values)
    return fitting * creation.ones_like(values, float32)


def ratio(part: Any, total: Any, name: str) -> Tensor:
    """Return ``part / total``, 0 where ``total`` is 0."""
    return div_no_nan(part, total, name)


def of_variables(
    formula: Callable[..., Tensor], variables: Any, updates: Any, metrics_collections: Any,
    updates_collections: Any,
) -> Pair:  # fmt: skip
    """Return ``formula`` of the variables, called "value", and of their updates, "update_op"."""
    value = formula(*variables, name="value")
    update = formula(*updates, name="update_op")
    return collected(value, update, metrics_collections, updates_collections)
