"""Changing parts of variables: ``scatter_update``, ``scatter_add``, ``scatter_nd_update`` ...

In: a variable, where, and what.  Out: a tensor with the new value that, when it runs, sets the
variable to it, as ``assign`` does.

Positions are row numbers (``scatter_*``: updates have the shape ``indices.shape +
variable.shape[1:]``), or the positions of ``scatter_nd``.  A position that is there several times
has all its updates applied; of several for ``*_update`` the last counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops.indexing import flat_positions
from tfmini.ops.state import Variable, as_value, checked_variable
from tfmini.ops.static import require_ints
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec


class _Scatter(OpDef):
    """Base: a copy of the variable with ``apply_at`` done to the rows at ``indices``."""

    updates = {0: 0}
    stateful = True
    gradient = None
    samples = [((4, 3), [1, 3, 1], (3, 3)), ((4,), np.array(2), ()), ((2, 3), [[1, 0]], (1, 2, 3)),
               ((3, 2), np.zeros((2, 0), np.int32), (2, 0, 2))]  # fmt: skip
    bad_samples = [((4, 3), np.array([4]), (1, 3), InvalidArgumentError)]

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        raise NotImplementedError

    def compute(self, ref: Any, indices: Any, updates: Any) -> Any:
        indices = np.asarray(indices)
        out = np.array(ref, order="C")
        if np.shape(updates) not in (indices.shape + out.shape[1:], ()):
            raise ValueError(f"updates {np.shape(updates)} for indices {indices.shape}")
        if indices.size and (indices.min() < 0 or indices.max() >= len(out)):
            raise ValueError(f"indices are out of range for {len(out)} rows")
        rows = np.broadcast_to(updates, indices.shape + out.shape[1:])
        self.apply_at(out, indices.ravel(), rows.reshape(indices.size, *out.shape[1:]))
        return out

    def infer(self, ref: TensorSpec, indices: TensorSpec, updates: TensorSpec) -> TensorSpec:
        require_ints(indices=indices)
        if None not in (ref.shape, indices.shape, updates.shape) and updates.shape != ():
            wanted = (*indices.shape, *ref.shape[1:])
            if not compatible(updates.shape, wanted):
                raise conflict("updates do not fit", variable=ref.shape, indices=indices.shape,
                               updates=updates.shape)  # fmt: skip
        return TensorSpec(ref.shape, ref.dtype)

    def cost(self, ref: TensorSpec, indices: TensorSpec, updates: TensorSpec) -> Cost:
        size = float("inf") if updates.size is None else updates.size
        return Cost(size, nbytes(ref) + 16.0 * size)


class _ScatterNd(_Scatter):
    """Base: the same at the positions that ``scatter_nd`` takes."""

    samples = [((4, 3), [[1], [3]], (2, 3)), ((4, 3), [[0, 1], [2, 2]], (2,)),
               ((4,), np.zeros((0, 1), np.int32), (0,))]  # fmt: skip
    bad_samples = [((4, 3), np.array([[4, 0]]), (1,), InvalidArgumentError)]

    def compute(self, ref: Any, indices: Any, updates: Any) -> Any:
        out = np.array(ref, order="C")
        depth = indices.shape[-1]
        outer, inner = out.shape[:depth], out.shape[depth:]
        if depth > out.ndim or np.shape(updates) != (*indices.shape[:-1], *inner):
            raise ValueError(
                f"indices {indices.shape} and updates {np.shape(updates)} do not fit a variable "
                f"{out.shape}"
            )
        places = flat_positions(indices, outer).reshape(-1)
        if places.size:
            rows = out.reshape(int(np.prod(outer)), *inner)
            self.apply_at(rows, places, np.reshape(updates, (places.size, *inner)))
        return out

    def infer(self, ref: TensorSpec, indices: TensorSpec, updates: TensorSpec) -> TensorSpec:
        require_ints(indices=indices)
        if None not in (ref.shape, indices.shape, updates.shape):
            depth = indices.shape[-1] if indices.shape else len(ref.shape) + 1
            if depth is None:
                return TensorSpec(ref.shape, ref.dtype)
            if depth > len(ref.shape):
                raise conflict("indices do not fit", variable=ref.shape, indices=indices.shape)
            if not compatible(updates.shape, (*indices.shape[:-1], *ref.shape[depth:])):
                raise conflict("updates do not fit", variable=ref.shape, indices=indices.shape,
                               updates=updates.shape)  # fmt: skip
        return TensorSpec(ref.shape, ref.dtype)


def _put(rows: Any, places: Any, updates: Any) -> None:
    rows[places] = updates


@op("ScatterUpdate")
class _scatter_update(_Scatter):
    """Set rows of a variable."""

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        _put(rows, places, updates)


@op("ScatterAdd")
class _scatter_add(_Scatter):
    """Add to rows of a variable."""

    commutes = True

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.add.at(rows, places, updates)


@op("ScatterSub")
class _scatter_sub(_Scatter):
    """Subtract from rows of a variable."""

    commutes = True

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.subtract.at(rows, places, updates)


@op("ScatterMul")
class _scatter_mul(_Scatter):
    """Multiply rows of a variable."""

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.multiply.at(rows, places, updates)


@op("ScatterDiv")
class _scatter_div(_Scatter):
    """Divide rows of a variable; ints give the quotient without its fraction."""

    domain = (0.5, 2.0)

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        if rows.dtype.kind not in "iu":
            np.divide.at(rows, places, updates)
            return
        if not np.all(updates):
            raise ValueError("division by zero")
        for place, update in zip(places, updates, strict=True):
            quotient = np.abs(rows[place]) // np.abs(update)
            rows[place] = quotient * np.sign(rows[place]) * np.sign(update)


@op("ScatterMin")
class _scatter_min(_Scatter):
    """Set rows of a variable to the smaller of them and the updates."""

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.minimum.at(rows, places, updates)


@op("ScatterMax")
class _scatter_max(_Scatter):
    """Set rows of a variable to the larger of them and the updates."""

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.maximum.at(rows, places, updates)


@op("ScatterNdUpdate")
class _scatter_nd_update(_ScatterNd):
    """Set parts of a variable."""

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        _put(rows, places, updates)


@op("ScatterNdAdd")
class _scatter_nd_add(_ScatterNd):
    """Add to parts of a variable."""

    commutes = True

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.add.at(rows, places, updates)


@op("ScatterNdSub")
class _scatter_nd_sub(_ScatterNd):
    """Subtract from parts of a variable."""

    commutes = True

    def apply_at(self, rows: Any, places: Any, updates: Any) -> None:
        np.subtract.at(rows, places, updates)


def _function(type_: Any, name: str, verb: str, does: str) -> Callable[..., Tensor]:
    def scatter(
        ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        ref = checked_variable(ref, verb)
        inputs = (ref, convert_to_tensor(indices), as_value(ref, updates))
        return apply(type_.opdef, inputs, {}, name)

    scatter.__name__ = scatter.__qualname__ = name
    scatter.__doc__ = (
        f"Return a tensor that, when it runs, {does} ``updates`` at ``indices`` of variable\n"
        f"    ``ref``, and has the new value."
    )
    return scatter


scatter_update = _function(_scatter_update, "scatter_update", "scatter to", "puts")
scatter_add = _function(_scatter_add, "scatter_add", "scatter to", "adds")
scatter_sub = _function(_scatter_sub, "scatter_sub", "scatter to", "subtracts")
scatter_mul = _function(_scatter_mul, "scatter_mul", "scatter to", "multiplies with")
scatter_div = _function(_scatter_div, "scatter_div", "scatter to", "divides by")
scatter_min = _function(_scatter_min, "scatter_min", "scatter to", "takes the minimum with")
scatter_max = _function(_scatter_max, "scatter_max", "scatter to", "takes the maximum with")
scatter_nd_update = _function(_scatter_nd_update, "scatter_nd_update", "scatter to", "puts")
scatter_nd_add = _function(_scatter_nd_add, "scatter_nd_add", "scatter to", "adds")
scatter_nd_sub = _function(_scatter_nd_sub, "scatter_nd_sub", "scatter to", "subtracts")


# -- as methods of variables --------------------------------------------------------------------


def _of_rows(scatter: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(
        self: Variable, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        return scatter(self, sparse_delta.indices, sparse_delta.values, use_locking, name)

    method.__name__ = method.__qualname__ = scatter.__name__
    method.__doc__ = f"Return ``tf.{scatter.__name__}`` of the rows that IndexedSlices have."
    return method


def _of_places(scatter: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(self: Variable, indices: Any, updates: Any, name: str | None = None) -> Tensor:
        return scatter(self, indices, updates, name=name)

    method.__name__ = method.__qualname__ = scatter.__name__
    method.__doc__ = f"Return ``tf.{scatter.__name__}`` of this variable."
    return method


for _scatter in (scatter_update, scatter_add, scatter_sub, scatter_mul, scatter_div, scatter_min,
                 scatter_max):  # fmt: skip
    setattr(Variable, _scatter.__name__, _of_rows(_scatter))
for _scatter in (scatter_nd_update, scatter_nd_add, scatter_nd_sub):
    setattr(Variable, _scatter.__name__, _of_places(_scatter))
