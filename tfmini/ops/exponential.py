"""Exponentials, logarithms and the functions made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise
from tfmini.ops import logic
from tfmini.ops.buffers import again
from tfmini.ops.casting import cast_like
from tfmini.ops.complex import conjugated


@op("Exp")
class exp(Elementwise):
    """Return ``e**x`` element-wise."""

    ufunc = np.exp
    kinds = "fc"
    weight = 4.0
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * conjugated(node.outputs[0]),)


@op("Expm1")
class expm1(Elementwise):
    """Return ``e**x - 1`` element-wise, accurate near 0."""

    ufunc = np.expm1
    kinds = "fc"
    weight = 8.0
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * exp(conjugated(node.inputs[0])),)


@op("Log")
class log(Elementwise):
    """Return the natural logarithm element-wise; NaN for negative reals, -inf for 0."""

    ufunc = np.log
    kinds = "fc"
    weight = 4.0
    domain = (0.1, 3.0)
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad / conjugated(node.inputs[0]),)


@op("Log1p")
class log1p(Elementwise):
    """Return ``log(1 + x)`` element-wise, accurate near 0."""

    ufunc = np.log1p
    kinds = "fc"
    weight = 8.0
    domain = (-0.5, 3.0)
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad / (1.0 + conjugated(node.inputs[0])),)


@op("Tanh")
class tanh(Elementwise):
    """Return the hyperbolic tangent element-wise."""

    ufunc = np.tanh
    kinds = "fc"
    weight = 3.0
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = conjugated(node.outputs[0])
        return (grad * (1.0 - y * y),)


@op("Sigmoid")
class sigmoid(Elementwise):
    """Return the logistic function ``1 / (1 + exp(-x))`` element-wise.

    Where ``exp(-x)`` overflows the quotient is 0, as it should be.  ``0.5 * tanh(x / 2) + 0.5``
    would be quicker, but has no correct digit left from ``x = -18`` down in float32.
    """

    kinds = "fc"
    weight = 6.0
    samples = [((2, 3),), ((),)]

    def compute(self, x: Any, *, out: Any = None) -> Any:
        out = np.negative(x, out=out)
        out = np.exp(out, out=again(out))
        out += 1
        return np.reciprocal(out, out=again(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = conjugated(node.outputs[0])
        return (grad * y * (1.0 - y),)


@op("Softplus")
class softplus(Elementwise):
    """Return ``log(1 + exp(features))`` element-wise, without overflow.

    Computed as ``max(x, 0) + log(1 + exp(-|x|))``.
    """

    kinds = "f"
    weight = 14.0
    samples = [((2, 3),), ((),)]

    def compute(self, features: Any, *, out: Any = None) -> Any:
        tail = np.multiply(np.absolute(features), -1.0)
        tail = np.exp(tail, out=again(tail))
        tail = np.log1p(tail, out=again(tail))
        positive = np.maximum(features, 0, out=out)
        return np.add(positive, tail, out=again(tail) if out is None else out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * sigmoid(node.inputs[0]),)


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Return ``log(sigmoid(x))`` element-wise, without overflow: ``-softplus(-x)``."""
    from tfmini.ops.math import negative

    return negative(softplus(negative(x)), name or "LogSigmoid")


class ZeroTimes(Elementwise):
    """Base of ``x * f(y)`` that is 0 where ``x`` is 0, whatever ``f(y)`` is."""

    kinds = "fc"
    weight = 6.0
    domain = (0.5, 2.0)
    samples = [((2, 3), (3,)), ((), (4,))]

    def _factor(self, y: Any) -> Any:
        raise NotImplementedError

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        zero = np.equal(x, 0)  # before the product may overwrite x
        product = np.asarray(np.multiply(x, self._factor(y), out=out))
        np.copyto(product, 0, where=zero)
        return product


def _nonzero(x: Tensor) -> Tensor:
    return cast_like(logic.not_equal(x, 0), x)


@op("Xlogy")
class xlogy(ZeroTimes):
    """Return ``x * log(y)`` element-wise, and 0 where ``x`` is 0."""

    def _factor(self, y: Any) -> Any:
        return np.log(y)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = (conjugated(t) for t in node.inputs)
        return grad * xlogy(_nonzero(x), y), grad * xdivy(x, y)


@op("Xlog1py")
class xlog1py(ZeroTimes):
    """Return ``x * log(1 + y)`` element-wise, and 0 where ``x`` is 0."""

    def _factor(self, y: Any) -> Any:
        return np.log1p(y)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = (conjugated(t) for t in node.inputs)
        return grad * xlog1py(_nonzero(x), y), grad * xdivy(x, 1.0 + y)


@op("Xdivy")
class xdivy(ZeroTimes):
    """Return ``x / y`` element-wise, and 0 where ``x`` is 0."""

    weight = 3.0

    def _factor(self, y: Any) -> Any:
        return np.divide(1.0, y)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = (conjugated(t) for t in node.inputs)
        return grad * xdivy(_nonzero(x), y), grad * xdivy(-x, y * y)
