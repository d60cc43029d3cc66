"""Changing the element type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, complex64, complex128, float32, float64, int32, int64
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, Elementwise, OpDef
from tfmini.spec import TensorSpec


def _converted(x: Any, dtype: Any, out: Any = None) -> Any:
    """Return ``x`` as a new array of ``dtype``; complex numbers lose their imaginary part."""
    x = np.asarray(x)
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real
    if out is None:
        return x.astype(dtype)
    np.copyto(out, x, casting="unsafe")
    return out


@op("Cast")
class _cast(Elementwise):
    """Return ``x`` converted to ``dtype``."""

    same_dtype = False
    samples = [((2, 3), {"dtype": float64}), ((), {"dtype": float32}),
               (np.array([-1.7, 1.7]), {"dtype": int32})]  # fmt: skip

    def compute(self, x: Any, *, dtype: DType, out: Any = None) -> Any:
        return _converted(x, dtype.dtype, out)

    def infer(self, x: TensorSpec, *, dtype: DType) -> TensorSpec:
        return TensorSpec(x.shape, dtype, x.value if dtype.is_integer else None)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        source = node.inputs[0].dtype
        if source is None:
            return (cast_like(grad, node.inputs[0]),)
        return (cast(grad, source),)


@op("CastLike")
class cast_like(OpDef):
    """Return ``x`` converted to the dtype of ``like``."""

    samples = [((2, 3), (3,))]

    def compute(self, x: Any, like: Any) -> Any:
        return _converted(x, np.asarray(like).dtype)

    def infer(self, x: TensorSpec, like: TensorSpec) -> TensorSpec:
        return TensorSpec(x.shape, like.dtype)

    def cost(self, x: TensorSpec, like: TensorSpec) -> Cost:
        size = math.inf if x.size is None else x.size
        return Cost(size, 16.0 * size)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return cast_like(grad, node.inputs[0]), None


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """Return ``x`` converted to ``dtype``: ``x`` itself if it has that already.

    Floats are truncated towards zero for ints; complex numbers lose their imaginary part.  Of a
    ``SparseTensor`` or ``IndexedSlices`` the values are converted.
    """
    dtype = as_dtype(dtype)
    if hasattr(x, "values") and hasattr(x, "indices"):
        return type(x)(
            indices=x.indices, values=cast(x.values, dtype, name), dense_shape=x.dense_shape
        )
    x = convert_to_tensor(x)
    return x if x.dtype is dtype else _cast(x, dtype, name)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """Return ``value`` as ``dtype``; values out of its range become its smallest or largest."""
    from tfmini.ops import math as basic

    dtype = as_dtype(dtype)
    value = convert_to_tensor(value)
    source = value.dtype
    if source is None or source.dtype.kind not in "iuf":
        return cast(value, dtype, name)
    low, high = (_limit(source, dtype, which) for which in (min, max))
    value = basic.minimum(basic.maximum(value, low), high)
    return cast(value, dtype, name)


def _limit(source: DType, dtype: DType, which: Any) -> Any:
    """Return the smallest (largest) number of ``source`` that ``dtype`` can hold."""
    name, other = ("min", max) if which is min else ("max", min)
    limits = [getattr(d, name) for d in (source, dtype)]
    if source.is_integer:
        return other(int(n) for n in limits)
    limit = source.dtype.type(other(float(n) for n in limits))
    # The largest int may round up to a float that is out of range.
    if dtype.is_integer and abs(int(limit)) > abs(int(limits[1])):
        limit = np.nextafter(limit, source.dtype.type(0))
    return limit


def to_float(x: Any, name: str = "ToFloat") -> Tensor:
    """Return ``x`` as float32."""
    return cast(x, float32, name)


def to_double(x: Any, name: str = "ToDouble") -> Tensor:
    """Return ``x`` as float64."""
    return cast(x, float64, name)


def to_int32(x: Any, name: str = "ToInt32") -> Tensor:
    """Return ``x`` as int32."""
    return cast(x, int32, name)


def to_int64(x: Any, name: str = "ToInt64") -> Tensor:
    """Return ``x`` as int64."""
    return cast(x, int64, name)


def to_complex64(x: Any, name: str = "ToComplex64") -> Tensor:
    """Return ``x`` as complex64."""
    return cast(x, complex64, name)


def to_complex128(x: Any, name: str = "ToComplex128") -> Tensor:
    """Return ``x`` as complex128."""
    return cast(x, complex128, name)
