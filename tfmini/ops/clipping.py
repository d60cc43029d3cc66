"""Clipping, as against exploding gradients.

Of gradients that consist of rows (``row_gradients``) the rows are clipped, and stay rows: an
optimizer leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope, own_scope
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, math, powers, reductions, selection
from tfmini.ops.row_gradients import values_of, with_values


def clip_by_value(
    t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None
) -> Tensor:
    """Return ``t`` with values below ``clip_value_min`` or above ``clip_value_max`` set to those.

    The limits broadcast to the shape of ``t``.  The gradient passes where ``t`` is within them.
    """
    t = convert_to_tensor(t)
    return with_values(t, lambda x: math.clip_by_value(x, clip_value_min, clip_value_max, name))


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """Return ``t`` scaled down so that its L2 norm over ``axes`` is at most ``clip_norm``."""
    t = convert_to_tensor(t)
    return with_values(t, lambda x: _clip_by_norm(x, clip_norm, axes, name))


def _clip_by_norm(t: Tensor, clip_norm: Any, axes: Any, name: str | None) -> Tensor:
    with name_scope(name, "clip_by_norm", [t]) as own:
        squares = reductions.reduce_sum(t * t, axes, True)
        positive = squares > 0
        # The root of 0 has no derivative: keep it out of the graph's gradient.
        root = powers.sqrt(selection.where(positive, squares, creation.ones_like(squares)))
        norm = selection.where(positive, root, squares)
        return array.identity(t * clip_norm / math.maximum(norm, clip_norm), own)


def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Tensor:
    """Return ``t`` scaled down so that its L2 norm over its size is at most ``clip_norm``."""
    t = convert_to_tensor(t)
    with name_scope(name, "clip_by_average_norm", [t]) as own:
        count = math.cast_like(array.size(t), t)
        inverse = powers.rsqrt(reductions.reduce_sum(t * t)) * count
        scale = math.minimum(inverse, powers.reciprocal(_like(clip_norm, t)))
        return array.identity(t * clip_norm * scale, own)


@own_scope("global_norm")
def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """Return the L2 norm of all elements of all tensors of a list together; Nones are left out."""
    tensors = [t for t in _listed(t_list) if t is not None]
    if not tensors:
        raise InvalidArgumentError(None, None, "global_norm of no tensors: every item is None.")
    rows = [values_of(t) for t in tensors]
    squares = [reductions.reduce_sum(powers.square(math.abs(t))) for t in rows]
    return powers.sqrt(math.add_n(squares), "global_norm")


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Tensor | None], Tensor]:
    """Return a list of tensors scaled down together to a norm of ``clip_norm``, and their norm.

    ``use_norm``: the norm, if it is known already.  If it is infinite or NaN all results are NaN.
    """
    tensors = _listed(t_list)
    norm = global_norm(tensors) if use_norm is None else convert_to_tensor(use_norm)
    label = name or "clip_by_global_norm"
    with name_scope(label, values=[norm]):
        limit = _like(clip_norm, norm)
        scale = limit * math.minimum(powers.reciprocal(norm), powers.reciprocal(limit))
        # norm - norm is 0, but NaN if the norm is not finite.
        scale = scale + (norm - norm)
        clipped = [
            None
            if t is None
            else with_values(t, lambda x, i=i: math.multiply(x, scale, f"{label}/_{i}"))
            for i, t in enumerate(tensors)
        ]
    return clipped, norm


def _listed(t_list: Any) -> list[Any]:
    if not isinstance(t_list, (list, tuple)):
        raise InvalidArgumentError(None, None, f"a list of tensors is needed, not {t_list!r}.")
    return [None if t is None else convert_to_tensor(t) for t in t_list]


def _like(number: Any, tensor: Tensor) -> Tensor:
    """Return a limit as a tensor of the dtype of ``tensor``."""
    return number if isinstance(number, Tensor) else convert_to_tensor(number, tensor.dtype)
