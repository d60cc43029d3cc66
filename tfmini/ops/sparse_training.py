"""Optimizer updates of some rows: for gradients of ``tf.gather`` and ``tf.nn.embedding_lookup``.

In: the variable, its slots, hyper-parameters (0-d), gradients of rows, and which rows these are.
Out: the next values, where all other rows are as they were: an embedding that no example of the
batch has does not move by its momentum, and its slots do not decay.

That is what TensorFlow does with the ``tf.IndexedSlices`` that it has for such gradients; a row
that is there several times gets the sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, conflict
from tfmini.ops import adaptive, indexing, proximal, training
from tfmini.ops.row_gradients import slices_of
from tfmini.ops.training import Apply
from tfmini.ops.versions import with_rows
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec


class SparseApply(Apply):
    """Base: the update ``dense``, made for the rows at the last input alone."""

    dense: Apply

    def compute(self, *inputs: Any) -> Any:
        return self.on_rows(inputs)

    def on_rows(self, inputs: tuple[Any, ...], **attrs: Any) -> Any:
        *given, values, indices = inputs
        state, hyper = given[: 1 + self.slots], given[1 + self.slots :]
        var = state[0]
        flat = indexing.checked(indices.reshape(-1), var.shape[0])
        rows, places = np.unique(flat, return_inverse=True)
        values = np.asarray(values, var.dtype)
        grad = indexing.sum_rows(values, places.reshape(-1), [len(rows), *var.shape[1:]], 0)
        parts = self.dense.compute(*[s[rows] for s in state], *hyper, grad, **attrs)
        if not self.slots:
            return with_rows(var, rows, parts)
        return tuple([with_rows(s, rows, part) for s, part in zip(state, parts, strict=True)])

    def infer(self, *inputs: TensorSpec, **_attrs: Any) -> Any:
        var, values = inputs[0].shape, inputs[-2].shape
        indexing.require_ints(indices=inputs[-1])
        if None not in (var, values) and not compatible(var[1:], values[1:]):
            raise conflict("rows do not fit the variable", rows=values, variable=var)
        specs = tuple([TensorSpec(s.shape, s.dtype) for s in inputs[: 1 + self.slots]])
        return specs if self.slots else specs[0]

    def cost(self, *inputs: TensorSpec, **_attrs: Any) -> Cost:
        values = inputs[-2].size
        size = float("inf") if values is None else float(values)
        return Cost(size * (2 + 5 * self.slots), size * 16.0 * (1 + self.slots))


_ROWS: list[Any] = [(3, 2), np.array([3, 0, 3])]


@op("SparseApplyGradientDescent")
class sparse_apply_gradient_descent(SparseApply):
    """``apply_gradient_descent`` of rows."""

    dense = training.apply_gradient_descent.opdef
    updates = dense.updates
    samples = [((4, 2), 0.1, *_ROWS)]


@op("SparseApplyMomentum")
class sparse_apply_momentum(SparseApply):
    """``apply_momentum`` of rows."""

    dense = training.apply_momentum.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), (4, 2), 0.1, 0.9, *_ROWS, {"use_nesterov": True})]

    def compute(self, *inputs: Any, use_nesterov: bool = False) -> Any:
        return self.on_rows(inputs, use_nesterov=use_nesterov)


@op("SparseApplyAdagrad")
class sparse_apply_adagrad(SparseApply):
    """``apply_adagrad`` of rows."""

    dense = adaptive.apply_adagrad.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), np.ones((4, 2)), 0.1, *_ROWS)]


@op("SparseApplyAdadelta")
class sparse_apply_adadelta(SparseApply):
    """``apply_adadelta`` of rows."""

    dense = adaptive.apply_adadelta.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), np.ones((4, 2)), np.ones((4, 2)), 0.1, 0.95, 1e-6, *_ROWS)]


@op("SparseApplyRMSProp")
class sparse_apply_rms_prop(SparseApply):
    """``apply_rms_prop`` of rows."""

    dense = adaptive.apply_rms_prop.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), np.ones((4, 2)), (4, 2), 0.1, 0.9, 0.5, 1e-10, *_ROWS)]


@op("SparseApplyCenteredRMSProp")
class sparse_apply_centered_rms_prop(SparseApply):
    """``apply_centered_rms_prop`` of rows."""

    dense = adaptive.apply_centered_rms_prop.opdef
    updates, slots = dense.updates, dense.slots
    samples = [
        ((4, 2), np.zeros((4, 2)), np.ones((4, 2)), (4, 2), 0.1, 0.9, 0.5, 1e-10, *_ROWS),
    ]


@op("SparseApplyAdaMax")
class sparse_apply_ada_max(SparseApply):
    """``apply_ada_max`` of rows."""

    dense = adaptive.apply_ada_max.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), (4, 2), np.ones((4, 2)), 0.9, 0.1, 0.9, 0.999, 1e-8, *_ROWS)]


@op("SparseApplyLazyAdam")
class sparse_apply_lazy_adam(SparseApply):
    """``apply_adam`` of rows; the moments of the others do not decay."""

    dense = training.apply_adam.opdef
    updates, slots = dense.updates, dense.slots
    samples = [
        ((4, 2), (4, 2), np.ones((4, 2)), 0.9, 0.999, 0.1, 0.9, 0.999, 1e-8, *_ROWS),
    ]


@op("SparseApplyFtrlV2")
class sparse_apply_ftrl(SparseApply):
    """``apply_ftrl`` of rows."""

    dense = proximal.apply_ftrl.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), np.ones((4, 2)), (4, 2), 0.1, 0.01, 0.02, 0.1, -0.5, *_ROWS)]


@op("SparseApplyProximalGradientDescent")
class sparse_apply_proximal_gradient_descent(SparseApply):
    """``apply_proximal_gradient_descent`` of rows."""

    dense = proximal.apply_proximal_gradient_descent.opdef
    updates = dense.updates
    samples = [((4, 2), 0.1, 0.2, 0.3, *_ROWS)]


@op("SparseApplyProximalAdagrad")
class sparse_apply_proximal_adagrad(SparseApply):
    """``apply_proximal_adagrad`` of rows."""

    dense = proximal.apply_proximal_adagrad.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), np.ones((4, 2)), 0.1, 0.2, 0.3, *_ROWS)]


@op("SparseApplyAdagradDA")
class sparse_apply_adagrad_da(SparseApply):
    """``apply_adagrad_da`` of rows."""

    dense = proximal.apply_adagrad_da.opdef
    updates, slots = dense.updates, dense.slots
    samples = [((4, 2), (4, 2), np.ones((4, 2)), 0.1, 0.2, 0.3, 2.0, *_ROWS)]


_FORMS: list[Any] = [
    sparse_apply_gradient_descent, sparse_apply_momentum, sparse_apply_adagrad,
    sparse_apply_adadelta, sparse_apply_rms_prop, sparse_apply_centered_rms_prop,
    sparse_apply_ada_max, sparse_apply_ftrl, sparse_apply_proximal_gradient_descent,
    sparse_apply_proximal_adagrad, sparse_apply_adagrad_da,
]  # fmt: skip
_SPARSE: dict[Any, Any] = {form.opdef.dense: form for form in _FORMS}


def updated(dense: Any, *inputs: Any, lazy: bool = False, **attrs: Any) -> Tensor:
    """Return the next value of a variable by the update ``dense``, or its form for rows.

    ``inputs`` are the variable, its slots, hyper-parameters and the gradient.  Adam has a form for
    rows only if ``lazy``: in TensorFlow its moments decay, and so all rows move, in every step.
    """
    *given, grad = inputs
    sparse = sparse_apply_lazy_adam if lazy else _SPARSE.get(dense.opdef)
    slices = slices_of(grad) if sparse is not None else None
    if slices is None:
        out = dense(*inputs, **attrs)
    else:
        out = sparse([*given, slices.values, slices.indices], **attrs)
    return out[0] if isinstance(out, list) else out
