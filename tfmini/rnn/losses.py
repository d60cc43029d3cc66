"""Losses of sequences of symbols: weighted cross-entropies, of steps in a list or in a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, division, losses, math, reductions

# Added to sums of weights, which may be zero.
_LITTLE = 1e-12


def _crossents(function: Any, labels: Tensor, logits: Tensor) -> Tensor:
    if function is None:
        return losses.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    found: Tensor = function(labels=labels, logits=logits)
    return found


def sequence_loss_by_example(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return the weighted sum [batch] of the steps' cross-entropies, by default over their weights.

    Parameters
    ----------
    logits, targets, weights : lists of one length: [batch, symbols], ints [batch], floats [batch]
    softmax_loss_function : function of ``labels`` and ``logits`` instead of
        ``tf.nn.sparse_softmax_cross_entropy_with_logits``
    """
    if len({len(logits), len(targets), len(weights)}) != 1:
        raise InvalidArgumentError(
            None,
            None,
            f"logits, targets and weights must be lists of one length, not {len(logits)}, "
            f"{len(targets)} and {len(weights)}.",
        )
    with get_default_graph().name_scope(name or "sequence_loss_by_example"):
        steps = []
        for logit, target, weight in zip(logits, targets, weights, strict=True):
            target = convert_to_tensor(target)
            if softmax_loss_function is None:
                target = array.reshape(target, [-1])
            steps.append(_crossents(softmax_loss_function, target, logit) * weight)
        total = math.add_n(steps)
        if average_across_timesteps:
            total = total / (math.add_n([convert_to_tensor(w) for w in weights]) + _LITTLE)
    return total


def legacy_sequence_loss(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return the sum of ``sequence_loss_by_example`` over the batch, by default over its size."""
    with get_default_graph().name_scope(name or "sequence_loss"):
        cost = reductions.reduce_sum(sequence_loss_by_example(
            logits, targets, weights, average_across_timesteps, softmax_loss_function
        ))  # fmt: skip
        if average_across_batch:
            batch = array.shape(convert_to_tensor(targets[0]))[0]
            cost = cost / math.cast_like(batch, cost)
    return cost


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return the weighted cross-entropy of sequences.

    Parameters
    ----------
    logits, targets, weights : [batch, steps, symbols], ints [batch, steps], floats [batch, steps]
    average_across_timesteps, average_across_batch : sums over a dimension, or both, are divided
        by those of the weights
    sum_over_timesteps, sum_over_batch : the same, divided by how many weights are not 0
    softmax_loss_function : as for ``sequence_loss_by_example``

    Without any of them the result is [batch, steps].
    """
    logits, targets = convert_to_tensor(logits), convert_to_tensor(targets)
    weights = convert_to_tensor(weights)
    for what, tensor, rank in (("logits", logits, 3), ("targets", targets, 2),
                               ("weights", weights, 2)):  # fmt: skip
        if tensor.spec.rank not in (None, rank):
            raise InvalidArgumentError(
                None, None, f"sequence_loss: {what} must have rank {rank}; its shape is "
                f"{tensor.shape}."
            )  # fmt: skip
    if (average_across_timesteps and sum_over_timesteps) or (
        average_across_batch and sum_over_batch
    ):
        raise InvalidArgumentError(None, None, "sequence_loss: either average or sum, not both.")
    over = [axis for axis, wanted in ((0, average_across_batch or sum_over_batch),
                                      (1, average_across_timesteps or sum_over_timesteps))
            if wanted]  # fmt: skip
    with get_default_graph().name_scope(name or "sequence_loss"):
        rows = array.reshape(logits, [-1, array.shape(logits)[2]])
        found = _crossents(softmax_loss_function, array.reshape(targets, [-1]), rows)
        found = found * array.reshape(weights, [-1])
        found = array.reshape(found, array.shape(targets))
        if not over:
            return found
        total = reductions.reduce_sum(found, over)
        if sum_over_timesteps or sum_over_batch:
            count = reductions.count_nonzero(weights, over)
            return division.div_no_nan(total, math.cast_like(count, total))
        return total / (reductions.reduce_sum(weights, over) + _LITTLE)
