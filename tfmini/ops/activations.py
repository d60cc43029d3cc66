"""Activations: element-wise functions of neural networks, and softmax.

Rectifiers pass on gradients by multiplying with what their outputs say, which is several times
quicker than ``where``.
"""

from __future__ import annotations

import math as python_math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, float32
from tfmini.kernels import softmax as softmax_kernels
from tfmini.kernels.normal import normal_cdf
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, Elementwise, OpDef, nbytes, normalize_axis
from tfmini.ops import exponential, joining, logic, math, reductions
from tfmini.ops.buffers import again
from tfmini.spec import TensorSpec

UNARY: list[Any] = [((2, 3),), ((),)]


@op("Relu")
class relu(Elementwise):
    """Return ``max(features, 0)`` element-wise."""

    kinds = "iuf"
    samples = UNARY

    def compute(self, features: Any, *, out: Any = None) -> Any:
        return np.maximum(features, 0, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_relu_grad(grad, node.outputs[0]),)


@op("ReluGrad")
class _relu_grad(Elementwise):
    """``gradients`` where ``features`` are above 0, and 0 elsewhere."""

    same_dtype = False
    weight = 2.0
    samples = [((2, 3), (2, 3)), ((), ())]

    def compute(self, gradients: Any, features: Any, *, out: Any = None) -> Any:
        return np.multiply(gradients, np.greater(features, 0), out=out)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return dtypes[0]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _relu_grad(grad, node.inputs[1]), None


@op("Relu6")
class relu6(Elementwise):
    """Return ``min(max(features, 0), 6)`` element-wise."""

    kinds = "iuf"
    weight = 2.0
    samples = UNARY

    def compute(self, features: Any, *, out: Any = None) -> Any:
        out = np.maximum(features, 0, out=out)
        return np.minimum(out, 6, out=again(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = node.outputs[0]
        return (math.masked(grad, logic.logical_and(y > 0, y < 6)),)


@op("Elu")
class elu(Elementwise):
    """Return ``features`` where they are above 0, and ``exp(features) - 1`` elsewhere."""

    kinds = "f"
    weight = 10.0
    samples = UNARY

    def compute(self, features: Any, *, out: Any = None) -> Any:
        tail = np.minimum(features, 0)
        tail = np.expm1(tail, out=again(tail))
        out = np.maximum(features, 0, out=out)
        return np.add(out, tail, out=again(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * (1.0 + math.minimum(0.0, node.outputs[0])),)


SELU_SCALE = 1.0507009873554804934193349852946
SELU_TAIL = SELU_SCALE * 1.6732632423543772848170429916717


@op("Selu")
class selu(Elementwise):
    """Return the scaled exponential linear function (Klambauer et al. 2017) element-wise.

    ``1.0507 * features`` where they are above 0, and ``1.7581 * (exp(features) - 1)`` elsewhere.
    """

    kinds = "f"
    weight = 12.0
    samples = UNARY

    def compute(self, features: Any, *, out: Any = None) -> Any:
        tail = np.minimum(features, 0)
        tail = np.expm1(tail, out=again(tail))
        tail = np.multiply(tail, SELU_TAIL, out=again(tail))
        out = np.maximum(features, 0, out=out)
        out = np.multiply(out, SELU_SCALE, out=again(out))
        return np.add(out, tail, out=again(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = node.outputs[0]
        below = math.masked(grad, y < 0) * (SELU_TAIL - SELU_SCALE)
        return (grad * (SELU_SCALE + math.minimum(0.0, y)) + below,)


@op("LeakyRelu")
class _leaky_relu(Elementwise):
    """``features`` where they are above 0, and ``alpha * features`` elsewhere."""

    kinds = "f"
    weight = 3.0
    samples = UNARY

    def compute(self, features: Any, *, alpha: float = 0.2, out: Any = None) -> Any:
        tail = np.minimum(features, 0)
        tail = np.multiply(tail, alpha, out=again(tail))
        out = np.maximum(features, 0, out=out)
        return np.add(out, tail, out=again(out))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_leaky_relu_grad(grad, node.inputs[0], node.attrs["alpha"]),)


@op("LeakyReluGrad")
class _leaky_relu_grad(Elementwise):
    """``gradients`` where ``features`` are above 0, and ``alpha * gradients`` elsewhere."""

    kinds = "f"
    weight = 3.0
    samples = [((2, 3), (2, 3)), ((), (), {"alpha": 0.5})]

    def compute(
        self, gradients: Any, features: Any, *, alpha: float = 0.2, out: Any = None
    ) -> Any:  # fmt: skip
        slope = np.multiply(np.greater(features, 0), 1.0 - alpha, dtype=features.dtype)
        slope = np.add(slope, alpha, out=again(slope))
        return np.multiply(gradients, slope, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _leaky_relu_grad(grad, node.inputs[1], node.attrs["alpha"]), None


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """Return ``features`` where they are above 0, and ``alpha * features`` elsewhere.

    Ints become float32, as in TensorFlow.
    """
    features = convert_to_tensor(features)
    if features.dtype is not None and features.dtype.is_integer:
        features = math.cast(features, float32)
    return _leaky_relu(features, float(alpha), name or "LeakyRelu")


def crelu(features: Any, name: str | None = None, axis: int = -1) -> Tensor:
    """Return ``relu(features)`` and ``relu(-features)``, concatenated along ``axis``."""
    features = convert_to_tensor(features)
    return joining.concat([relu(features), relu(-features)], axis, name=name or "CRelu")


@op("Softsign")
class softsign(Elementwise):
    """Return ``features / (abs(features) + 1)`` element-wise."""

    kinds = "f"
    weight = 4.0
    samples = UNARY

    def compute(self, features: Any, *, out: Any = None) -> Any:
        below = np.absolute(features)
        below = np.add(below, 1, out=again(below))
        return np.divide(features, below, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad / math.square(1.0 + math.abs(node.inputs[0])),)


def swish(features: Any, name: str | None = None) -> Tensor:
    """Return ``features * sigmoid(features)`` element-wise."""
    features = convert_to_tensor(features)
    return math.multiply(features, exponential.sigmoid(features), name or "swish")


silu = swish


@op("NormalCdf")
class _normal_cdf(Elementwise):
    """The probability that a standard normal number is below ``x``."""

    kinds = "f"
    weight = 40.0
    samples = UNARY

    def compute(self, x: Any) -> Any:
        return normal_cdf(np.asarray(x))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        density = exponential.exp(-0.5 * math.square(node.inputs[0]))
        return ((2.0 * np.pi) ** -0.5 * grad * density,)


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Tensor:
    """Return ``features`` times the probability that a standard normal number is below them.

    ``approximate``: by tanh (Hendrycks and Gimpel 2016).
    """
    x = convert_to_tensor(features)
    if not approximate:
        return math.multiply(x, _normal_cdf(x), name or "Gelu")
    inner = (2.0 / np.pi) ** 0.5 * (x + 0.044715 * math.pow(x, 3))
    return math.multiply(0.5 * x, 1.0 + exponential.tanh(inner), name or "Gelu")


class _AlongAxis(OpDef):
    """Base of softmax and its logarithm: rows along ``axis``."""

    kinds = "f"
    weight = 12.0
    kernel: Any = None
    samples = [((2, 3),), ((3,),), ((2, 3, 4), {"axis": 1}), ((2, 3), {"axis": -2}), ((2, 0),)]

    def compute(self, logits: Any, *, axis: int = -1) -> Any:
        if axis in (-1, logits.ndim - 1):
            return type(self).kernel(np.ascontiguousarray(logits))
        rows = np.ascontiguousarray(np.moveaxis(logits, axis, -1))
        return np.ascontiguousarray(np.moveaxis(type(self).kernel(rows), -1, axis))

    def infer(self, logits: TensorSpec, *, axis: int = -1) -> TensorSpec:
        self.check_kinds((logits.dtype,))
        normalize_axis(axis, logits.rank)
        return TensorSpec(logits.shape, logits.dtype)

    def cost(self, logits: TensorSpec, **_attrs: Any) -> Cost:
        size = python_math.inf if logits.size is None else logits.size
        return Cost(size * self.weight, 2 * nbytes(logits))

    def dims(self, logits: TensorSpec, *, axis: int = -1) -> str | None:
        if logits.shape is None or len(logits.shape) > 26:
            return None
        letters = list("abcdefghijklmnopqrstuvwxyz"[: len(logits.shape)])
        letters[axis] = f"[{letters[axis]}]"
        return f"{''.join(letters)}->{''.join(letters)}"


@op("Softmax")
class _softmax(_AlongAxis):
    """``exp(logits) / sum(exp(logits))``, the sum along ``axis``."""

    kernel = softmax_kernels.softmax

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y, axis = node.outputs[0], node.attrs["axis"]
        inner = reductions.reduce_sum(grad * y, axis, keepdims=True)
        return ((grad - inner) * y,)


@op("LogSoftmax")
class _log_softmax(_AlongAxis):
    """``logits - log(sum(exp(logits)))``, the sum along ``axis``."""

    kernel = softmax_kernels.log_softmax

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        total = reductions.reduce_sum(grad, node.attrs["axis"], keepdims=True)
        return (grad - exponential.exp(node.outputs[0]) * total,)


def softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Return ``exp(logits) / sum(exp(logits))``, the sum along ``axis`` (-1), without overflow."""
    return _softmax(logits, _one_axis(axis, dim), name)


def log_softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Return ``logits - log(sum(exp(logits)))``, the sum along ``axis`` (-1), without overflow."""
    return _log_softmax(logits, _one_axis(axis, dim), name)


def _one_axis(axis: Any, dim: Any) -> Any:
    axis = dim if axis is None else axis
    return -1 if axis is None else axis
