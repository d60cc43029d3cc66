"""``tf.losses``: losses of predictions, or of logits, that go to the collection of losses.

All take ``weights`` and ``reduction`` as `compute_weighted_loss` does and return its result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys
from tfmini.losses.weighted import Reduction, add_loss, compute_weighted_loss, present
from tfmini.nodes import Tensor
from tfmini.ops import activations, array, creation, division, exponential, math, reductions
from tfmini.ops import losses as kernels
from tfmini.ops.logic import greater
from tfmini.ops.powers import square
from tfmini.ops.selection import where
from tfmini.ops.weighting import broadcastable_weights
from tfmini.shapes import compatible, format_shape

_LOSSES, _MEAN = GraphKeys.LOSSES, Reduction.SUM_BY_NONZERO_WEIGHTS


@contextmanager
def _pair(
    scope: str | None, default: str, labels: Any, predictions: Any, weights: Any
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Open the loss's scope and give its name, the predictions and the labels, as float32."""
    _given(labels, predictions)
    with name_scope(scope, default, [predictions, labels, weights]) as own:
        pair = math.cast(predictions, float32), math.cast(labels, float32)
        _same_shape(*pair)
        yield own, *pair


def _given(labels: Any, predictions: Any) -> None:
    if labels is None or predictions is None:
        raise InvalidArgumentError(None, None, "labels and predictions must not be None.")


def _same_shape(predictions: Tensor, labels: Tensor) -> None:
    if not compatible(predictions.spec.shape, labels.spec.shape):
        raise InvalidArgumentError(
            None, None,
            f"predictions {format_shape(predictions.spec.shape)} and labels "
            f"{format_shape(labels.spec.shape)} must have the same shape; use tf.reshape.",
        )  # fmt: skip


def absolute_difference(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean of ``abs(predictions - labels)``."""
    with _pair(scope, "absolute_difference", labels, predictions, weights) as (own, x, z):
        return compute_weighted_loss(math.abs(x - z), weights, own, loss_collection, reduction)


def cosine_distance(
    labels: Any, predictions: Any, axis: int | None = None, weights: Any = 1.0,
    scope: str | None = None, loss_collection: Any = _LOSSES, reduction: str = _MEAN,
    dim: int | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of 1 less the product of ``predictions`` and ``labels`` along ``axis``:
    the cosine of their angle, if they have length 1."""
    axis = dim if axis is None else axis
    if axis is None:
        raise InvalidArgumentError(None, None, "cosine_distance needs an axis.")
    with _pair(scope, "cosine_distance_loss", labels, predictions, weights) as (own, x, z):
        losses = 1.0 - reductions.reduce_sum(x * z, axis, keepdims=True)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def hinge_loss(
    labels: Any, logits: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean of ``max(0, 1 - s * logits)``, s = 1 for a label of 1 and -1 for 0."""
    with _pair(scope, "hinge_loss", labels, logits, weights) as (own, x, z):
        losses = activations.relu(1.0 - (2.0 * z - 1.0) * x)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def huber_loss(
    labels: Any, predictions: Any, weights: Any = 1.0, delta: float = 1.0,
    scope: str | None = None, loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean of ``d**2 / 2`` where the difference d is at most ``delta``, and of
    ``delta**2 / 2 + delta * (d - delta)`` where it is larger."""
    with _pair(scope, "huber_loss", labels, predictions, weights) as (own, x, z):
        error = math.abs(x - z)
        near = math.minimum(error, delta)
        # The rest is taken as a difference: its gradient is 0 where the error is delta.
        losses = 0.5 * square(near) + delta * (error - near)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def log_loss(
    labels: Any, predictions: Any, weights: Any = 1.0, epsilon: float = 1e-7,
    scope: str | None = None, loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean of ``-z log(p) - (1 - z) log(1 - p)`` for labels z and predictions p, with
    ``epsilon`` added inside of each logarithm."""
    with _pair(scope, "log_loss", labels, predictions, weights) as (own, x, z):
        losses = -z * exponential.log(x + epsilon) - (1.0 - z) * exponential.log(1.0 - x + epsilon)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def mean_pairwise_squared_error(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: Any = _LOSSES,
) -> Tensor:  # fmt: skip
    """Return the sum, over the elements of the batch, of the mean squared difference between the
    errors of each two entries: with errors e of one element and n entries,
    ``2 * (sum(e**2) / (n - 1) - sum(e)**2 / (n * (n - 1)))``.

    ``weights`` are scalar, or one for each element of the batch.
    """
    default = "mean_pairwise_squared_error"
    with _pair(scope, default, labels, predictions, weights) as (_, x, z):
        weights = broadcastable_weights(math.cast(weights, float32), z)
        error = x - z
        axes = creation.range(1, array.rank(error))
        count = present(error, weights, axes, True)
        squares = reductions.reduce_sum(square(error), axes, keepdims=True)
        total = reductions.reduce_sum(error, axes, keepdims=True)
        pairs = division.div_no_nan(squares, math.maximum(count - 1.0, 0.0))
        common = division.div_no_nan(square(total), math.maximum(count * (count - 1.0), 0.0))
        loss = reductions.reduce_sum(2.0 * (pairs - common) * weights)
        some = greater(reductions.reduce_sum(count), 0.0)
        loss = where(some, loss, creation.zeros_like(loss), name="value")
        add_loss(loss, loss_collection)
        return loss


def mean_squared_error(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean of ``(predictions - labels)**2``."""
    with _pair(scope, "mean_squared_error", labels, predictions, weights) as (own, x, z):
        losses = math.squared_difference(x, z)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def sigmoid_cross_entropy(
    multi_class_labels: Any, logits: Any, weights: Any = 1.0, label_smoothing: float = 0,
    scope: str | None = None, loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of probability ``multi_class_labels`` and
    ``sigmoid(logits)``; ``label_smoothing`` moves the labels by that share towards 1/2."""
    _given(multi_class_labels, logits)
    values = [logits, multi_class_labels, weights]
    with name_scope(scope, "sigmoid_cross_entropy_loss", values) as own:
        x = convert_to_tensor(logits)
        z = math.cast(multi_class_labels, x.dtype or float32)
        _same_shape(x, z)
        if label_smoothing > 0:
            z = z * (1.0 - label_smoothing) + 0.5 * label_smoothing
        losses = kernels.sigmoid_cross_entropy_with_logits(labels=z, logits=x, name="xentropy")
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def softmax_cross_entropy(
    onehot_labels: Any, logits: Any, weights: Any = 1.0, label_smoothing: float = 0,
    scope: str | None = None, loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of each row of ``onehot_labels`` and ``softmax(logits)``;
    ``label_smoothing`` moves the labels by that share towards the same for each class.

    No gradient flows into the labels.
    """
    _given(onehot_labels, logits)
    with name_scope(scope, "softmax_cross_entropy_loss", [logits, onehot_labels, weights]) as own:
        x = convert_to_tensor(logits)
        z = math.cast(onehot_labels, x.dtype or float32)
        _same_shape(x, z)
        if label_smoothing > 0:
            classes = math.cast_like(array.shape(z)[1], x)
            z = z * (1.0 - label_smoothing) + label_smoothing / classes
        losses = kernels.softmax_cross_entropy_with_logits_v2(
            labels=array.stop_gradient(z), logits=x, name="xentropy"
        )
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def sparse_softmax_cross_entropy(
    labels: Any, logits: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: Any = _LOSSES, reduction: str = _MEAN,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of classes ``labels`` [...] and ``softmax(logits)``
    [..., classes].

    Labels, and weights, may have a last dimension of 1 more than the losses have.
    """
    _given(labels, logits)
    default = "sparse_softmax_cross_entropy_loss"
    with name_scope(scope, default, [logits, labels, weights]) as own:
        x, z = convert_to_tensor(logits), convert_to_tensor(labels)
        z = squeezed(z, None if x.spec.rank is None else x.spec.rank - 1)
        losses = kernels.sparse_softmax_cross_entropy_with_logits(
            labels=z, logits=x, name="xentropy"
        )
        weights = convert_to_tensor(weights)
        if weights.spec.rank:
            weights = squeezed(weights, losses.spec.rank)
        return compute_weighted_loss(losses, weights, own, loss_collection, reduction)


def squeezed(x: Tensor, rank: int | None) -> Tensor:
    """Return ``x`` without its last dimension, if that is 1 and one more than ``rank``."""
    shape = x.spec.shape
    if rank is None or shape is None or len(shape) != rank + 1 or shape[-1] not in (1, None):
        return x
    return array.squeeze(x, [-1])
