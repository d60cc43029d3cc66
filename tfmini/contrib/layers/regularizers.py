"""Regularizers: functions of a variable that return a loss, and their sums."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.defaults import name_scope
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import losses, math, reductions
from tfmini.ops.creation import constant

Regularizer = Callable[[Any], Any]


def _checked(scale: Any, most: float = float("inf")) -> float:
    if isinstance(scale, numbers.Integral):
        raise InvalidArgumentError(None, None, f"scale cannot be an integer: {scale}.")
    if not 0.0 <= scale <= most:
        raise InvalidArgumentError(
            None, None, f"scale={scale}: a regularizer needs one from 0 to {most}."
        )
    return float(scale)


def _nothing(_weights: Any) -> None:
    return None


def l1_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return a function that gives ``scale * sum(abs(weights))``; nothing if ``scale`` is 0."""
    if _checked(scale) == 0.0:
        return _nothing

    def l1(weights: Any, name: str | None = None) -> Tensor:
        with name_scope(scope, "l1_regularizer", [weights]) as own:
            return math.multiply(scale, reductions.reduce_sum(math.abs(weights)), name or own)

    return l1


def l2_regularizer(scale: float, scope: str | None = None) -> Regularizer:
    """Return a function that gives ``scale * sum(weights**2) / 2``; nothing if ``scale`` is 0."""
    if _checked(scale) == 0.0:
        return _nothing

    def l2(weights: Any) -> Tensor:
        with name_scope(scope, "l2_regularizer", [weights]) as own:
            return math.multiply(scale, losses.l2_loss(weights), own)

    return l2


def l1_l2_regularizer(
    scale_l1: float = 1.0, scale_l2: float = 1.0, scope: str | None = None
) -> Regularizer:
    """Return the sum of an L1 and an L2 regularizer."""
    parts = [l1_regularizer(scale_l1), l2_regularizer(scale_l2)]
    return sum_regularizer(parts, scope or "l1_l2_regularizer")


def sum_regularizer(regularizer_list: Sequence[Any], scope: str | None = None) -> Any:
    """Return a function that gives the sum of what the regularizers in the list give."""
    regularizers = [r for r in regularizer_list if r is not None]
    if not regularizers:
        return None

    def total(weights: Any) -> Any:
        with name_scope(scope, "sum_regularizer", [weights]) as own:
            given = [r(weights) for r in regularizers]
            parts = [g for g in given if g is not None]
            return math.add_n(parts, own) if parts else None

    return total


def apply_regularization(regularizer: Regularizer, weights_list: Any = None) -> Tensor:
    """Return the sum of ``regularizer`` over ``weights_list`` (default the collection
    ``WEIGHTS``), and add it to ``REGULARIZATION_LOSSES``."""
    graph = get_default_graph()
    weights = graph.get_collection(GraphKeys.WEIGHTS) if weights_list is None else weights_list
    if not weights:
        raise InvalidArgumentError(None, None, "there are no weights to regularize.")
    with graph.name_scope("get_regularization_penalty") as own:
        given = [regularizer(w) for w in weights]
        parts = [g for g in given if g is not None]
        total = math.add_n(parts, own) if parts else constant(0.0, name=own)
    graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, total)
    return total
