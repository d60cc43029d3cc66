"""Squares, roots, reciprocals and powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise
from tfmini.ops import array, creation, logic, selection
from tfmini.ops.buffers import again
from tfmini.ops.complex import conjugated
from tfmini.ops.exponential import ZeroTimes, log


@op("Square")
class square(Elementwise):
    """Return ``x * x`` element-wise."""

    ufunc = np.square
    kinds = "iufc"
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (2.0 * grad * conjugated(node.inputs[0]),)


@op("Sqrt")
class sqrt(Elementwise):
    """Return the square root element-wise; NaN for negative reals."""

    ufunc = np.sqrt
    kinds = "fc"
    weight = 3.0
    domain = (0.1, 3.0)
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_sqrt_grad(node.outputs[0], grad),)


@op("Rsqrt")
class rsqrt(Elementwise):
    """Return ``1 / sqrt(x)`` element-wise."""

    kinds = "fc"
    weight = 5.0
    domain = (0.1, 3.0)
    samples = [((2, 3),), ((),)]

    def compute(self, x: Any, *, out: Any = None) -> Any:
        root = np.sqrt(x, out=out)
        return np.divide(1.0, root, out=again(root))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_rsqrt_grad(node.outputs[0], grad),)


@op("Reciprocal")
class reciprocal(Elementwise):
    """Return ``1 / x`` element-wise."""

    kinds = "fc"
    weight = 2.0
    domain = (0.5, 2.0)
    samples = [((2, 3),), ((),)]

    def compute(self, x: Any, *, out: Any = None) -> Any:
        return np.divide(1.0, x, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_reciprocal_grad(node.outputs[0], grad),)


class _Slope(ZeroTimes):
    """Base of ``dy * f(conj(y))``, for the results ``y`` of a function: 0 where ``dy`` is 0, as
    TensorFlow has it, for ``f`` may be infinite there: a masked root of 0 has no slope."""

    samples = [((2, 3), (2, 3)), ((), ())]

    def compute(self, y: Any, dy: Any, *, out: Any = None) -> Any:
        return super().compute(dy, np.conjugate(y), out=out)


@op("SqrtGrad")
class _sqrt_grad(_Slope):
    """The gradient of the roots ``y``."""

    def _factor(self, y: Any) -> Any:
        return np.divide(0.5, y)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y, _ = node.inputs
        return -conjugated(grad / y) * node.outputs[0], _sqrt_grad(conjugated(y), grad)


@op("RsqrtGrad")
class _rsqrt_grad(_Slope):
    """The gradient of the reciprocal roots ``y``."""

    def _factor(self, y: Any) -> Any:
        return -0.5 * y * y * y

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y, dy = conjugated(node.inputs[0]), node.inputs[1]
        return -1.5 * conjugated(grad) * dy * y * y, _rsqrt_grad(y, grad)


@op("ReciprocalGrad")
class _reciprocal_grad(_Slope):
    """The gradient of the reciprocals ``y``."""

    def _factor(self, y: Any) -> Any:
        return -y * y

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y, dy = conjugated(node.inputs[0]), node.inputs[1]
        return -2.0 * conjugated(grad) * dy * y, _reciprocal_grad(y, grad)


@op("Pow")
class pow(Elementwise):
    """Return ``x**y`` element-wise, with broadcasting; ints can't have negative exponents."""

    kinds = "iufc"
    weight = 10.0
    domain = (0.5, 2.0)
    samples = [((2, 3), (3,)), ((), (4,)), ((3,), 2.0)]

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        if _is_two(x, y):
            return np.square(x, out=out)
        return np.power(x, y, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        power = conjugated(node.outputs[0])
        # The logarithm of a base that isn't positive counts as 0, as in TensorFlow.
        usable = logic.not_equal(x, 0) if x.dtype and x.dtype.is_complex else x > 0
        safe_log = log(selection.where(usable, x, creation.ones_like(x)))
        dx = grad * conjugated(y) * pow(conjugated(x), conjugated(y) - 1)
        return dx, grad * power * conjugated(safe_log)


def _is_two(x: Any, y: Any) -> bool:
    """Whether ``x**y`` is a square of the dtype of ``x``: much quicker, and the usual exponent."""
    if type(y) is int:
        return y == 2
    dtype = getattr(y, "dtype", None)
    return dtype is not None and y.ndim == 0 and dtype == getattr(x, "dtype", None) and y == 2


def polyval(coeffs: Sequence[Any], x: Any, name: str | None = None) -> Tensor:
    """Return the polynomial with ``coeffs``, a list with the highest power first, at ``x``."""
    if not isinstance(coeffs, (list, tuple)):
        raise InvalidArgumentError(
            None, None, f"polyval: coeffs must be a list of coefficients, not {coeffs!r}."
        )
    x = convert_to_tensor(x)
    if not coeffs:
        return creation.zeros_like(x, name=name)
    total = convert_to_tensor(coeffs[0], x.dtype)
    for coefficient in coeffs[1:]:
        total = total * x + coefficient
    return array.identity(total, name or "polyval")
