"""Arithmetic: sums, products, quotients, extremes, and what is nearest to them.

The functions that the other modules' gradients use most are names of this module too.

Formulas of derivatives are those of any table (e.g. NIST DLMF, chapter 4) unless a docstring
names its source.  The gradient with respect to a complex number is the one that TensorFlow gives:
the conjugate of the derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, float32, float64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Operators, Tensor
from tfmini.opdef import Elementwise, conflict
from tfmini.ops import creation, logic
from tfmini.ops.buffers import again
from tfmini.ops.casting import cast, cast_like
from tfmini.ops.complex import conjugated, real_part
from tfmini.ops.exponential import exp, log, sigmoid, softplus, tanh
from tfmini.ops.powers import pow, reciprocal, rsqrt, sqrt, square
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import Shape, compatible, merge_shapes
from tfmini.spec import TensorSpec

__all__ = [
    "abs", "accumulate_n", "add", "add_n", "cast", "cast_like", "clip_by_value", "divide", "exp",
    "log", "masked", "maximum", "minimum", "multiply", "negative", "pow", "realdiv", "reciprocal",
    "rsqrt", "scalar_mul", "sigmoid", "sign", "softplus", "sqrt", "square", "squared_difference",
    "subtract", "sum_to_shape", "tanh", "truediv",
]  # fmt: skip

PAIRS: list[Any] = [((2, 3), (3,)), ((), (4,)), ((2, 1), (1, 3))]


@op("Add")
class add(Elementwise):
    """Return ``x + y`` element-wise, with broadcasting."""

    ufunc = np.add
    kinds = "iufcO"
    samples = PAIRS
    bad_samples = [((2, 3), (4,), InvalidArgumentError)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, grad


@op("Sub")
class subtract(Elementwise):
    """Return ``x - y`` element-wise, with broadcasting."""

    ufunc = np.subtract
    kinds = "iufc"
    samples = PAIRS

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, -grad


@op("Mul")
class multiply(Elementwise):
    """Return ``x * y`` element-wise, with broadcasting."""

    ufunc = np.multiply
    kinds = "iufc"
    samples = PAIRS

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        return grad * conjugated(y), grad * conjugated(x)


@op("RealDiv")
class realdiv(Elementwise):
    """Return ``x / y`` element-wise, with broadcasting."""

    ufunc = np.true_divide
    kinds = "iufc"
    weight = 2.0
    samples = PAIRS
    domain = (0.5, 2.0)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        common = super().output_dtype(*dtypes)
        return float64 if common is not None and common.is_integer else common

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = conjugated(node.inputs[1])
        return grad / y, -grad * conjugated(node.outputs[0]) / y


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` element-wise, with broadcasting; ints give floats, as in Python."""
    x, y = as_floats(x, y)
    return realdiv(x, y, name or "truediv")


def as_floats(x: Any, y: Any) -> tuple[Any, Any]:
    """Return operands of a quotient: tensors of ints as floats, others as they are."""
    if not (isinstance(x, Operators) or isinstance(y, Operators)):
        x = convert_to_tensor(x)
    return _as_float(x), _as_float(y)


def _as_float(x: Any) -> Any:
    x = convert_to_tensor(x) if isinstance(x, Operators) else x
    dtype = x.dtype if isinstance(x, Tensor) else None
    if dtype is None or not dtype.is_integer:
        return x
    return cast(x, float32 if dtype.size < 4 else float64)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` element-wise, with broadcasting; ints give floats, as in Python."""
    return truediv(x, y, name)


@op("Neg")
class negative(Elementwise):
    """Return ``-x`` element-wise."""

    ufunc = np.negative
    kinds = "iufc"
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (-grad,)


@op("Abs")
class abs(Elementwise):
    """Return the absolute value element-wise; that of complex numbers is real."""

    ufunc = np.absolute
    kinds = "iufc"
    samples = [((2, 3),), ((),), (np.array([3 + 4j, -1j]),)]

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return dtypes[0].real_dtype if dtypes[0] is not None else None

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x = node.inputs[0]
        if x.dtype is not None and x.dtype.is_complex:
            grad = cast(grad, x.dtype)
        return (grad * sign(x),)


@op("Sign")
class sign(Elementwise):
    """Return -1, 0 or 1 element-wise; ``x / |x|`` for complex numbers."""

    ufunc = np.sign
    kinds = "iufc"
    samples = [((2, 3),), ((),)]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs[0], node.outputs[0]
        if x.dtype is not None and not x.dtype.is_complex:
            return (creation.zeros_like(x),)
        from tfmini.ops.division import div_no_nan

        # The part of the gradient across the direction of x, which alone turns it; 0 for reals.
        across = 0.5 * (grad - conjugated(grad) * y * y)
        return (div_no_nan(across, cast_like(abs(x), x)),)


@op("SquaredDifference")
class squared_difference(Elementwise):
    """Return ``(x - y)**2`` element-wise, with broadcasting; ``|x - y|**2`` for complex numbers."""

    kinds = "iufc"
    weight = 2.0
    samples = PAIRS

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        d = np.subtract(x, y, out=out)
        other = d.conj() if d.dtype.kind == "c" else d
        return np.multiply(other, d, out=again(d))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        d = 2.0 * real_part(grad, node.outputs[0]) * (x - y)
        return d, -d


@op("Masked")
class masked(Elementwise):
    """Return ``x`` where ``mask`` is true and 0 elsewhere: what gradients of choices are made of.

    A product, which is quicker than ``where``: NaN and infinities stay NaN where masked out.
    """

    same_dtype = False
    samples = [((2, 3), np.array([True, False, True]))]

    def compute(self, x: Any, mask: Any, *, out: Any = None) -> Any:
        # Converting the mask first is quicker than letting the product do it.
        return np.multiply(x, np.asarray(mask).astype(x.dtype), out=out)

    def output_dtype(self, *dtypes: DType | None) -> DType | None:
        return dtypes[0]

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return masked(grad, node.inputs[1]), None


@op("Maximum")
class maximum(Elementwise):
    """Return the larger of ``x`` and ``y`` element-wise; the gradient at a tie goes to ``x``."""

    ufunc = np.maximum
    kinds = "iuf"
    samples = PAIRS

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        chosen = x >= y
        return masked(grad, chosen), masked(grad, ~chosen)


@op("Minimum")
class minimum(Elementwise):
    """Return the smaller of ``x`` and ``y`` element-wise; the gradient at a tie goes to ``x``."""

    ufunc = np.minimum
    kinds = "iuf"
    samples = PAIRS

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        chosen = x <= y
        return masked(grad, chosen), masked(grad, ~chosen)


@op("ClipByValue")
class clip_by_value(Elementwise):
    """Return ``t`` with values below ``clip_value_min`` or above ``clip_value_max`` set to those.

    The limits broadcast to the shape of ``t``.  The gradient passes where ``t`` is within them.
    """

    node_name = "clip_by_value"
    kinds = "iuf"
    weight = 2.0
    samples = [((2, 3), -0.5, 0.5), ((2, 3), np.array([-1.0, -0.5, 0.0]), 1.0)]

    def compute(
        self, t: Any, clip_value_min: Any, clip_value_max: Any, *, out: Any = None
    ) -> Any:  # fmt: skip
        below = np.minimum(t, clip_value_max, out=None if out is clip_value_min else out)
        return np.maximum(below, clip_value_min, out=again(below) if out is None else out)

    def infer(self, *specs: TensorSpec, **attrs: Any) -> TensorSpec:
        result = super().infer(*specs, **attrs)
        if not compatible(result.shape, specs[0].shape):
            raise conflict("the limits are larger than t", t=specs[0].shape, limits=result.shape)
        return TensorSpec(specs[0].shape, result.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        t, low, high = node.inputs
        inside = logic.logical_and(t >= low, t <= high)
        return masked(grad, inside), masked(grad, t < low), masked(grad, t > high)


@op("AddN")
class add_n(Elementwise):
    """Return the sum of a list of tensors of one shape and dtype."""

    kinds = "iufc"
    samples = [((2, 3), (2, 3), (2, 3)), ((),), ((4,), (4,))]

    def compute(self, *inputs: Any, out: Any = None) -> Any:
        if len(inputs) == 1:
            return np.positive(inputs[0], out=out)
        # A number may stand for an array that repeats it; else NumPy would broadcast.
        if len({x.shape for x in inputs} - {()}) > 1:
            raise conflict("tensors of one shape are added", **_numbered(inputs))
        *first, last = inputs
        total = first[0]
        for n, x in enumerate(first[1:]):
            # A new array first: out may be one of the inputs that are still to be added.
            total = np.add(total, x, out=again(total) if n else None)
        return np.add(total, last, out=out)

    def infer(self, *specs: TensorSpec, **attrs: Any) -> TensorSpec:
        if not specs:
            raise ValueError("add_n needs at least one tensor")
        shape: Shape = None
        for spec in specs:
            shape = merge_shapes(shape, spec.shape)
        return TensorSpec(shape, super().infer(*specs, **attrs).dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad,) * len(node.inputs)


def _numbered(inputs: Sequence[Any]) -> dict[str, Any]:
    return {f"input {i}": x.shape for i, x in enumerate(inputs)}


def accumulate_n(
    inputs: Sequence[Any], shape: Any = None, tensor_dtype: Any = None, name: str | None = None
) -> Tensor:
    """Return the sum of a list of tensors; ``shape`` and ``tensor_dtype`` say what they must be."""
    tensors = [convert_to_tensor(x, tensor_dtype) for x in inputs]
    total = add_n(tensors, name or "AccumulateNV2")
    if shape is not None:
        total.set_shape(shape)
    return total


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Tensor:
    """Return ``scalar * x``; ``scalar`` must have no dimensions."""
    x = convert_to_tensor(x)
    scalar = convert_to_tensor(scalar, x.dtype)
    if not compatible(scalar.spec.shape, ()):
        raise conflict("scalar_mul needs a scalar", scalar=scalar.spec.shape)
    return multiply(scalar, x, name)
