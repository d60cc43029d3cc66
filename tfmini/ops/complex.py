"""Complex numbers: parts, conjugates, and building them from two reals."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, complex64, complex128, float64, promote
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise
from tfmini.ops.casting import cast_like


def conjugated(x: Tensor) -> Tensor:
    """Return the conjugate of ``x`` for a gradient: ``x`` itself if it is known as real.

    Where the dtype is unknown the node is there, and a run whose feeds are real drops it.
    """
    if x.dtype is not None:
        return _conj(x) if x.dtype.is_complex else x
    number = x.op.attrs["value"] if x.op.opdef.is_constant else 1j
    return _conj(x) if np.iscomplexobj(number) else x


def real_part(grad: Tensor, y: Tensor) -> Tensor:
    """Return the gradient for ``y``, which is real even where its dtype is complex.

    A complex dtype stays; its imaginary part becomes 0.
    """
    if y.dtype is not None and not y.dtype.is_complex:
        return grad
    other = conjugated(grad)
    return grad if other is grad else 0.5 * (grad + other)


def _real_part_of(dtype: DType | None) -> DType | None:
    return dtype.real_dtype if dtype is not None else None


@op("Conj")
class _conj(Elementwise):
    """Return the complex conjugate element-wise."""

    ufunc = np.conjugate
    kinds = "iufc"
    samples = [((2, 3),), (np.array([1 + 2j, -3j]),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (conj(grad),)


@op("Real")
class _real(Elementwise):
    """Return the real part element-wise."""

    kinds = "iufc"
    samples = [((2, 3),), (np.array([1 + 2j, -3j]),)]

    def compute(self, input: Any) -> Any:
        return np.array(np.real(input))

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return _real_part_of(dtypes[0])

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_as_input(node, grad, 1.0),)


@op("Imag")
class _imag(Elementwise):
    """Return the imaginary part element-wise."""

    kinds = "iufc"
    samples = [((2, 3),), (np.array([1 + 2j, -3j]),)]

    def compute(self, input: Any) -> Any:
        return np.array(np.imag(input))

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return _real_part_of(dtypes[0])

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_as_input(node, grad, 1j),)


def _as_input(node: Operation, grad: Tensor, factor: Any) -> Tensor:
    """Return a real gradient times 1 or 1j in the dtype of the input, also of an unknown one."""
    x = node.inputs[0]
    unit = cast_like(convert_to_tensor(factor, "complex128"), x)
    return cast_like(grad, x) * unit


@op("Angle")
class angle(Elementwise):
    """Return the argument of each complex number, in radians: 0 or pi for reals."""

    kinds = "fc"
    weight = 15.0
    samples = [((2, 3),), (np.array([1 + 2j, -3j, -2.0 + 0.5j]),)]

    def compute(self, input: Any) -> Any:
        if input.dtype.kind != "c":
            return np.multiply(input < 0, np.pi, dtype=input.dtype)
        return np.arctan2(input.imag, input.real)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return _real_part_of(dtypes[0])

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x = node.inputs[0]
        if x.dtype is not None and not x.dtype.is_complex:
            return (None,)
        # i x / |x|^2, the direction in which the argument grows fastest.
        return (_as_input(node, grad, 1j) / _conj(x),)


@op("Complex")
class complex(Elementwise):
    """Return the complex numbers ``real + 1j * imag`` element-wise, with broadcasting."""

    kinds = "f"
    samples = [((2, 3), (3,)), ((), (4,))]

    def compute(self, real: Any, imag: Any) -> Any:
        # Not real + 1j * imag: that makes NaN of an infinite part.
        common = np.result_type(real, imag)
        if common.kind == "c":
            raise ValueError("the real and the imaginary part must be real")
        double = common == np.float64
        out = np.empty(np.broadcast_shapes(np.shape(real), np.shape(imag)),
                       np.complex128 if double else np.complex64)  # fmt: skip
        out.real = real
        out.imag = imag
        return out

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        common = promote(*dtypes)
        if common is None:
            return None
        return complex128 if common is float64 else complex64

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return real(grad), imag(grad)


def conj(x: Any, name: str | None = None) -> Tensor:
    """Return the complex conjugate of ``x``: ``x`` itself if it is real."""
    x = convert_to_tensor(x)
    known_real = x.dtype is not None and not x.dtype.is_complex
    return x if known_real else _conj(x, name=name)


def real(input: Any, name: str | None = None) -> Tensor:
    """Return the real part of ``input``: ``input`` itself if it is real."""
    x = convert_to_tensor(input)
    known_real = x.dtype is not None and not x.dtype.is_complex
    return x if known_real else _real(x, name=name)


def imag(input: Any, name: str | None = None) -> Tensor:
    """Return the imaginary part of ``input``: zeros if it is real."""
    from tfmini.ops import creation

    x = convert_to_tensor(input)
    known_real = x.dtype is not None and not x.dtype.is_complex
    return creation.zeros_like(x, name=name) if known_real else _imag(x, name=name)
