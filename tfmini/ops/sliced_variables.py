"""Assigning to part of a variable: ``w[0].assign(x)``, ``w[:, 1:3].assign(x)``.

In: a variable, an index and the part's new value.  Out: the slice, a tensor as any, that has
``assign``: it gives the whole variable's next value, as ``scatter_update`` and ``tf.assign`` do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops.index import as_key, items_of, sliced_shape
from tfmini.ops.slicing import bounds_of, getitem, static_items
from tfmini.ops.state import Variable, as_value
from tfmini.shapes import Shape, compatible
from tfmini.spec import TensorSpec

_NO_MASKS = bounds_of([])[-1]


@op("StridedSliceAssign")
class _assign_slice(OpDef):
    """A variable with ``value``, broadcast, from ``begin`` to ``end`` by ``strides``."""

    updates = {0: 0}
    stateful = True
    gradient = None
    samples = [
        ((4, 3), [1, 0], [3, 3], [1, 2], (2, 2), _NO_MASKS),
        ((4, 3), [-1], [0], [1], (), _NO_MASKS | {"shrink_axis_mask": 1}),
        ((4, 3), [1], [3], [1], (1, 1, 3), _NO_MASKS),
    ]
    bad_samples = [
        ((4, 3), [0], [2], [1], (3, 3), _NO_MASKS, InvalidArgumentError),
        ((4, 3), [4], [0], [1], (3,), _NO_MASKS | {"shrink_axis_mask": 1}, InvalidArgumentError),
    ]

    def compute(
        self, ref: Any, begin: Any, end: Any, strides: Any, value: Any, *, begin_mask: int,
        end_mask: int, ellipsis_mask: int, new_axis_mask: int, shrink_axis_mask: int,
    ) -> Any:  # fmt: skip
        masks = (begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
        key = as_key(items_of(begin.tolist(), end.tolist(), strides.tolist(), masks))
        out = np.array(ref)
        extra = np.ndim(value) - np.ndim(out[key])
        out[key] = value if extra <= 0 else np.reshape(value, np.shape(value)[extra:])
        return out

    def infer(
        self, ref: TensorSpec, begin: TensorSpec, end: TensorSpec, strides: TensorSpec,
        value: TensorSpec, **masks: int,
    ) -> TensorSpec:  # fmt: skip
        items = static_items(begin, end, strides, masks)
        part = None if items is None else sliced_shape(ref.shape, items)
        if not _fits(value.shape, part):
            raise conflict("the value can't be broadcast to the slice", slice=part,
                           value=value.shape)  # fmt: skip
        return TensorSpec(ref.shape, ref.dtype)

    def cost(self, ref: TensorSpec, *specs: TensorSpec, **masks: int) -> Cost:
        return Cost(0.0, 2.0 * nbytes(ref))


def _fits(value: Shape, part: Shape) -> bool:
    """Whether a value may have the shape that broadcasts to that of a slice; more ones in front,
    too, as NumPy has it."""
    if value is None or part is None:
        return True
    extra = max(0, len(value) - len(part))
    pairs = zip(value[extra:], part[len(part) - len(value) + extra :], strict=True)
    return all(n in (1, None) for n in value[:extra]) and all(
        n == 1 or compatible((n,), (m,)) for n, m in pairs
    )


def slice_of(variable: Variable, index: Any) -> Tensor:
    """Return ``variable[index]``, a tensor that also has ``assign(value, name=None)``."""
    taken = getitem(variable, index)
    taken.__dict__["assign"] = partial(_assign, variable, taken)
    return taken


def _assign(variable: Variable, taken: Tensor, value: Any, name: str | None = None) -> Tensor:
    """Return a tensor with all of the variable that, when it runs, sets the slice to ``value``.

    ``value`` is broadcast to the slice's shape.
    """
    bounds, masks = list(taken.op.inputs[1:]), taken.op.attrs
    if "index" in masks:
        *vectors, masks = bounds_of(masks["index"].items)
        bounds = [convert_to_tensor(np.array(v, np.int32)) for v in vectors]
    inputs = (variable, *bounds, as_value(variable, value))
    return apply(_assign_slice.opdef, inputs, masks, name or f"{taken.op.name}/_assign/")
