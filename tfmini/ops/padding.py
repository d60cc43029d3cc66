"""Borders: ``pad`` in its three modes.

In: paddings as pairs (before, after) for each dimension; operations take them as one vector, whose
known elements give static shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor, op
from tfmini.dtypes import bool_, string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import conflict
from tfmini.ops import array, flow, slicing
from tfmini.ops.static import Copy, elements_of, full, require_ints
from tfmini.shapes import Shape, compatible
from tfmini.spec import TensorSpec


def flat_pairs(pairs: Any) -> Tensor:
    """Return ``[[before, after], ...]`` as one vector, whose known elements stay known."""
    if isinstance(pairs, (list, tuple)) and all(isinstance(p, (list, tuple)) for p in pairs):
        if any(len(p) != 2 for p in pairs):
            raise InvalidArgumentError(None, None, f"{pairs!r} must have two numbers an entry.")
        flat = [n for p in pairs for n in p]
        return convert_to_tensor(flat) if flat else convert_to_tensor(np.zeros(0, np.int32))
    pairs = convert_to_tensor(pairs)
    if not compatible(pairs.spec.shape, (None, 2)):
        raise InvalidArgumentError(
            pairs.op.info, pairs.op, f"an (n, 2) tensor is needed, not {pairs.spec!r}."
        )
    known = constant_value(pairs)
    if known is not None:
        return convert_to_tensor(known.reshape(-1))
    return array.reshape(pairs, [-1])


def _check_pairs(x: TensorSpec, pairs: TensorSpec) -> list[tuple[Any, Any]] | None:
    """Return (before, after) for each dimension of ``x``, or None if their number is unknown."""
    flat = elements_of(pairs)
    if flat is None:
        return None if x.shape is None else [(None, None)] * len(x.shape)
    if x.shape is not None and len(flat) != 2 * len(x.shape):
        raise conflict(f"{len(flat) // 2} paddings don't fit", tensor=x.shape)
    if any(n is not None and n < 0 for n in flat):
        raise ValueError(f"paddings {list(flat)} must not be negative")
    return list(zip(flat[::2], flat[1::2], strict=True))


def _padded(x: TensorSpec, pairs: TensorSpec) -> Shape:
    listed = _check_pairs(x, pairs)
    if listed is None or x.shape is None:
        return None if listed is None else (None,) * len(listed)
    return tuple([None if None in (n, a, b) else n + a + b
                  for n, (a, b) in zip(x.shape, listed, strict=True)])  # fmt: skip


@op("Pad")
class _pad(Copy):
    """``tensor`` with ``constant_values`` before and after the elements of each dimension."""

    samples = [((2, 3), [1, 0, 0, 2], np.array(0.0)), ((0,), [1, 1], np.array(2.0))]

    def compute(self, tensor: Any, paddings: Any, constant_values: Any) -> Any:
        flat, value = paddings.tolist(), np.asarray(constant_values)
        dims = tensor.shape
        target = [n + a + b for n, a, b in zip(dims, flat[::2], flat[1::2], strict=True)]
        out = full(target, value.astype(tensor.dtype, copy=False))
        out[tuple([slice(a, a + n) for a, n in zip(flat[::2], dims, strict=True)])] = tensor
        return out

    def infer(self, tensor: TensorSpec, paddings: TensorSpec, value: TensorSpec) -> TensorSpec:
        require_ints(paddings=paddings)
        return TensorSpec(_padded(tensor, paddings), tensor.dtype)

    def dims(self, tensor: TensorSpec, paddings: TensorSpec, value: TensorSpec) -> str | None:
        pairs = _check_pairs(tensor, paddings)
        return flow.bordered(tensor.shape, _padded(tensor, paddings), pairs, scalars=1)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, paddings, _ = node.inputs
        before = slicing.getitem(paddings, slice(None, None, 2))
        # TensorFlow, too, has no gradient for the constant.
        return slicing.slice(grad, before, array.shape(x)), None, None


@op("MirrorPad")
class _mirror_pad(Copy):
    """``tensor`` continued by its mirror image, with the border (SYMMETRIC) or without it."""

    samples = [
        ((2, 3), [1, 0, 0, 2], {"mode": "REFLECT"}),
        ((2, 3), [2, 0, 3, 2], {"mode": "SYMMETRIC"}),
        ((0, 3), [0, 0, 1, 2], {"mode": "REFLECT"}),
    ]

    def compute(self, tensor: Any, paddings: Any, *, mode: str) -> Any:
        pairs = paddings.reshape(-1, 2).tolist()
        for n, pair in zip(tensor.shape, pairs, strict=True):
            if max(pair) and max(pair) > n - (mode == "REFLECT"):
                raise ValueError(f"paddings {pairs} are too large for {mode} of {tensor.shape}")
        return np.pad(tensor, pairs, mode.lower())

    def infer(self, tensor: TensorSpec, paddings: TensorSpec, *, mode: str) -> TensorSpec:
        require_ints(paddings=paddings)
        for n, pair in zip(tensor.shape or (), _check_pairs(tensor, paddings) or (), strict=False):
            most = max([p or 0 for p in pair])
            if n is not None and most and most > n - (mode == "REFLECT"):
                raise conflict(f"padding {list(pair)} is too large for {mode}", tensor=tensor.shape)
        return TensorSpec(_padded(tensor, paddings), tensor.dtype)

    def dims(self, tensor: TensorSpec, paddings: TensorSpec, *, mode: str) -> str | None:
        pairs = _check_pairs(tensor, paddings)
        return flow.bordered(tensor.shape, _padded(tensor, paddings), pairs)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _unmirror(grad, node.inputs[1], **node.attrs), None


@op("MirrorPadGrad")
class _unmirror(Copy):
    """``grad`` without the padding, whose elements are added to those that they mirror."""

    samples = [((3, 5), [1, 0, 0, 2], {"mode": "REFLECT"})]

    def compute(self, grad: Any, paddings: Any, *, mode: str) -> Any:
        border = int(mode == "REFLECT")
        for axis, (before, after) in enumerate(paddings.reshape(-1, 2).tolist()):
            rows = np.moveaxis(grad, axis, 0)
            length = len(rows) - before - after
            core = rows[before : before + length].copy()
            core[border : border + before] += rows[:before][::-1]
            stop = length - border
            core[stop - after : stop] += rows[before + length :][::-1]
            grad = np.moveaxis(core, 0, axis)
        return grad if paddings.size else grad.copy()

    def infer(self, grad: TensorSpec, paddings: TensorSpec, *, mode: str) -> TensorSpec:
        pairs = _check_pairs(grad, paddings)
        if pairs is None or grad.shape is None:
            return TensorSpec(None, grad.dtype)
        out = [None if None in (n, a, b) else n - a - b
               for n, (a, b) in zip(grad.shape, pairs, strict=True)]  # fmt: skip
        if any([n is not None and n < 0 for n in out]):
            raise conflict("the gradient is smaller than the padding", grad=grad.shape)
        return TensorSpec(tuple(out), grad.dtype)

    def dims(self, grad: TensorSpec, paddings: TensorSpec, *, mode: str) -> str | None:
        out = self.infer(grad, paddings, mode=mode).shape
        return flow.bordered(grad.shape, out, _check_pairs(grad, paddings))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _mirror_pad(grad, node.inputs[1], **node.attrs), None


def pad(
    tensor: Any,
    paddings: Any,
    mode: str = "CONSTANT",
    name: str | None = None,
    constant_values: Any = 0,
) -> Tensor:
    """Return ``tensor`` with elements put before and after those of each dimension.

    Parameters
    ----------
    paddings : (rank, 2): how many before, how many after.
    mode : "CONSTANT" (``constant_values``), or the mirror image without the border element,
        "REFLECT", or with it, "SYMMETRIC".
    """
    x, flat, mode = convert_to_tensor(tensor), flat_pairs(paddings), mode.upper()
    if mode == "CONSTANT":
        if not isinstance(constant_values, Tensor):
            if x.dtype in (bool_, string) and constant_values == 0:
                constant_values = False if x.dtype is bool_ else ""
            constant_values = convert_to_tensor(constant_values, x.dtype)
        return _pad(x, flat, constant_values, name)
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise InvalidArgumentError(
            None, None, f"mode {mode!r} must be CONSTANT, REFLECT or SYMMETRIC."
        )
    return _mirror_pad(x, flat, mode, name)
