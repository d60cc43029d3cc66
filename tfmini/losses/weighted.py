"""From a loss for each element to one number: weights, reduction, and the collection of losses."""

from __future__ import annotations

from typing import Any

from tfmini.build import constant_value, convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, division, math, reductions
from tfmini.ops.creation import constant, ones_like
from tfmini.ops.logic import not_equal
from tfmini.ops.weighting import broadcastable_weights


class Reduction:
    """How losses of the elements, times their weights, become one number.

    ``NONE``: they don't; ``SUM``; ``SUM_BY_NONZERO_WEIGHTS``: the sum divided by the number of
    elements whose weight is not 0; ``MEAN``: divided by the sum of the weights;
    ``SUM_OVER_BATCH_SIZE``: divided by the number of elements.
    """

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        return (
            cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_OVER_NONZERO_WEIGHTS,
            cls.SUM_BY_NONZERO_WEIGHTS,
        )  # fmt: skip

    @classmethod
    def validate(cls, key: Any) -> None:
        """Raise InvalidArgumentError (a ``ValueError``) unless ``key`` is one of these."""
        if key not in cls.all():
            raise InvalidArgumentError(None, None, f"reduction={key!r}: use one of {cls.all()}.")


def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return ``losses`` times ``weights``, reduced to a scalar, and add it to a collection.

    Parameters
    ----------
    weights : a scalar, or of the rank of ``losses`` with each dimension 1 or equal
    loss_collection : None adds it to no collection
    reduction : one of `Reduction`; what would be divided by 0 is 0

    The work is done in float32, and the result has the dtype of ``losses``.
    """
    Reduction.validate(reduction)
    if weights is None:
        raise InvalidArgumentError(None, None, "weights must not be None; leave them out for 1.")
    with name_scope(scope, "weighted_loss", [losses, weights]):
        losses = convert_to_tensor(losses)
        dtype = losses.dtype
        losses, weights = math.cast(losses, float32), math.cast(weights, float32)
        plain = weights.spec.shape == () and _is_one(weights)
        weights = broadcastable_weights(weights, losses)
        loss = losses if plain else losses * weights
        if reduction != Reduction.NONE:
            total = reductions.reduce_sum(loss)
            loss = total
            if reduction == Reduction.MEAN:
                loss = _ratio(total, reductions.reduce_sum(ones_like(losses) * weights))
            elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
                loss = _ratio(total, _elements(losses) if plain else present(losses, weights))
            elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
                loss = _ratio(total, _elements(losses))
        if dtype is not None:
            loss = math.cast(loss, dtype)
        add_loss(loss, loss_collection)
        return loss


def _is_one(weights: Tensor) -> bool:
    known = constant_value(weights.op.inputs[0] if weights.op.type == "Cast" else weights)
    return known is not None and bool(known == 1)


def _ratio(total: Tensor, count: Tensor) -> Tensor:
    return division.div_no_nan(total, count, "value")


def _elements(losses: Tensor) -> Tensor:
    return math.cast(array.size(losses), float32)


def present(losses: Tensor, weights: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return how many elements of ``losses`` have a weight other than 0."""
    counted = math.cast(not_equal(weights, 0.0), float32) * ones_like(losses)
    return reductions.reduce_sum(counted, axis, keepdims)


def add_loss(loss: Any, loss_collection: Any = GraphKeys.LOSSES) -> None:
    """Add ``loss`` to the collection of losses, or to that named; None: to none."""
    if loss_collection:
        get_default_graph().add_to_collection(loss_collection, loss)


def get_losses(scope: str | None = None, loss_collection: Any = GraphKeys.LOSSES) -> list[Any]:
    """Return the losses in a collection, or those whose names match ``scope``."""
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Any]:
    """Return what regularizers have given, or what of it has a name that matches ``scope``."""
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(
    scope: str | None = None, name: str = "total_regularization_loss"
) -> Tensor:
    """Return the sum of what regularizers have given: 0 if there is none."""
    losses = get_regularization_losses(scope)
    return math.add_n(losses, name) if losses else constant(0.0)


def get_total_loss(
    add_regularization_losses: bool = True,
    name: str = "total_loss",
    scope: str | None = None,
) -> Tensor:
    """Return the sum of all losses and, if so told, of what regularizers have given.

    Without any, InvalidArgumentError (a ``ValueError``).
    """
    losses = get_losses(scope)
    if add_regularization_losses:
        losses += get_regularization_losses(scope)
    if not losses:
        raise InvalidArgumentError(
            None, None, "there is no loss to add up: call a function of tf.losses before."
        )
    return math.add_n(losses, name)
