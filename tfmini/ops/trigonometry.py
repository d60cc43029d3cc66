"""Trigonometric and hyperbolic functions and their inverses; angles are in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise
from tfmini.ops import math
from tfmini.ops.complex import conjugated


class _Unary(Elementwise):
    """Base: functions of one float or complex number."""

    kinds = "fc"
    weight = 8.0
    samples = [((2, 3),), ((),)]

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``d y / d x``."""
        raise NotImplementedError

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * self.derivative(conjugated(node.inputs[0]), conjugated(node.outputs[0])),)


@op("Sin")
class sin(_Unary):
    """Return the sine element-wise."""

    ufunc = np.sin

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return cos(x)


@op("Cos")
class cos(_Unary):
    """Return the cosine element-wise."""

    ufunc = np.cos

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return -sin(x)


@op("Tan")
class tan(_Unary):
    """Return the tangent element-wise."""

    ufunc = np.tan
    domain = (-1.0, 1.0)

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return 1.0 + y * y


@op("Asin")
class asin(_Unary):
    """Return the angle in [-pi/2, pi/2] whose sine is ``x``, element-wise."""

    ufunc = np.arcsin
    domain = (-0.9, 0.9)

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return math.rsqrt(1.0 - x * x)


@op("Acos")
class acos(_Unary):
    """Return the angle in [0, pi] whose cosine is ``x``, element-wise."""

    ufunc = np.arccos
    domain = (-0.9, 0.9)

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return -math.rsqrt(1.0 - x * x)


@op("Atan")
class atan(_Unary):
    """Return the angle in (-pi/2, pi/2) whose tangent is ``x``, element-wise."""

    ufunc = np.arctan

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return math.reciprocal(1.0 + x * x)


@op("Sinh")
class sinh(_Unary):
    """Return the hyperbolic sine element-wise."""

    ufunc = np.sinh

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return cosh(x)


@op("Cosh")
class cosh(_Unary):
    """Return the hyperbolic cosine element-wise."""

    ufunc = np.cosh

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return sinh(x)


@op("Asinh")
class asinh(_Unary):
    """Return the inverse hyperbolic sine element-wise."""

    ufunc = np.arcsinh

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return math.reciprocal(cosh(y))


@op("Acosh")
class acosh(_Unary):
    """Return the inverse hyperbolic cosine element-wise; NaN below 1."""

    ufunc = np.arccosh
    domain = (1.2, 3.0)

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return math.reciprocal(sinh(y))


@op("Atanh")
class atanh(_Unary):
    """Return the inverse hyperbolic tangent element-wise; NaN outside [-1, 1]."""

    ufunc = np.arctanh
    domain = (-0.9, 0.9)

    def derivative(self, x: Tensor, y: Tensor) -> Tensor:
        return math.reciprocal(1.0 - x * x)


@op("Atan2")
class atan2(Elementwise):
    """Return the angle in [-pi, pi] of the point ``(x, y)``, element-wise, with broadcasting."""

    ufunc = np.arctan2
    kinds = "f"
    weight = 15.0
    domain = (0.5, 2.0)
    samples: list[Any] = [((2, 3), (3,)), ((), (4,))]

    def compute(self, y: Any, x: Any, *, out: Any = None) -> Any:
        return np.arctan2(y, x, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y, x = node.inputs
        scaled = grad / (x * x + y * y)
        return x * scaled, -y * scaled
