"""``slim.losses``: the losses of ``tf.losses`` in their older form, predictions first."""

from __future__ import annotations

from typing import Any

from tfmini import losses as current
from tfmini.losses import (
    add_loss,
    compute_weighted_loss,
    get_losses,
    get_regularization_losses,
    get_total_loss,
)
from tfmini.nodes import Tensor

__all__ = [
    "absolute_difference", "add_loss", "compute_weighted_loss", "get_losses",
    "get_regularization_losses", "get_total_loss", "hinge_loss", "log_loss",
    "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]  # fmt: skip


def absolute_difference(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """Return the mean of ``abs(predictions - labels)``."""
    return current.absolute_difference(labels, predictions, weights, scope)


def hinge_loss(logits: Any, labels: Any = None, scope: str | None = None) -> Tensor:
    """Return the hinge losses of ``logits`` for labels of 0 and 1, each; no loss of the graph."""
    return current.hinge_loss(labels, logits, 1.0, scope, loss_collection=None, reduction="none")


def log_loss(
    predictions: Any, labels: Any = None, weights: Any = 1.0, epsilon: float = 1e-7,
    scope: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of ``labels`` and probabilities ``predictions``."""
    return current.log_loss(labels, predictions, weights, epsilon, scope)


def mean_squared_error(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """Return the mean of ``(predictions - labels)**2``."""
    return current.mean_squared_error(labels, predictions, weights, scope)


def sigmoid_cross_entropy(
    logits: Any, multi_class_labels: Any, weights: Any = 1.0, label_smoothing: float = 0,
    scope: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of ``multi_class_labels`` and ``sigmoid(logits)``."""
    return current.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing,
                                         scope)  # fmt: skip


def softmax_cross_entropy(
    logits: Any, onehot_labels: Any, weights: Any = 1.0, label_smoothing: float = 0,
    scope: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean cross entropy of ``onehot_labels`` and ``softmax(logits)``."""
    return current.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


def sparse_softmax_cross_entropy(
    logits: Any, labels: Any, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """Return the mean cross entropy of classes ``labels`` and ``softmax(logits)``."""
    return current.sparse_softmax_cross_entropy(labels, logits, weights, scope)
