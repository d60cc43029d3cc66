"""The bits behind numbers: the same bytes as another dtype, and the next number there is."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import DType, as_dtype, float32, int16, int32, uint8
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise, conflict
from tfmini.ops import creation
from tfmini.ops.static import View
from tfmini.spec import TensorSpec


@op("Bitcast")
class _bitcast(View):
    """The bytes of ``input`` as elements of dtype ``type``."""

    kinds = "iufc"
    gradient = None
    samples = [(np.array([[1, -2], [3, 4]], np.int32), {"type": float32}),
               (np.array([1.5, -2.0], np.float32), {"type": uint8}),
               (np.array([[1, -2], [3, 4]], np.int16), {"type": int32}),
               (np.array(258, np.int32), {"type": int16})]  # fmt: skip

    def compute(self, input: Any, *, type: DType) -> Any:
        if type.size == input.itemsize:
            return input.view(type.dtype)
        if type.size < input.itemsize:
            parts = np.ascontiguousarray(input)[..., None] if input.ndim else input.reshape(1)
            return parts.view(type.dtype)
        self.infer(TensorSpec(input.shape, as_dtype(input.dtype)), type=type)
        return np.ascontiguousarray(input).view(type.dtype)[..., 0]

    def infer(self, input: TensorSpec, *, type: DType) -> TensorSpec:
        self.check_kinds((input.dtype, type))
        if input.shape is None or input.dtype is None:
            return TensorSpec(None, type)
        if type.size <= input.dtype.size:
            parts = input.dtype.size // type.size
            return TensorSpec((*input.shape, parts) if parts > 1 else input.shape, type)
        parts = type.size // input.dtype.size
        if not input.shape or input.shape[-1] not in (None, parts):
            raise conflict(
                f"{type.name} is made of {parts} elements of {input.dtype.name}, which the last "
                f"dimension must hold", input=input.shape,
            )  # fmt: skip
        return TensorSpec(input.shape[:-1], type)


def bitcast(input: Any, type: Any, name: str | None = None) -> Tensor:
    """Return the bytes of ``input`` as elements of dtype ``type``, without any conversion.

    Larger elements become several of ``type``, along a new last dimension; smaller ones are taken
    together along the last, which disappears.  The order of bytes is that of the machine.
    """
    return _bitcast(input, as_dtype(type), name)


@op("NextAfter")
class nextafter(Elementwise):
    """Return the number next to ``x1`` in the direction of ``x2``, element-wise, with
    broadcasting."""

    kinds = "f"
    weight = 4.0
    samples = [((2, 3), (3,)), ((), (4,))]

    def compute(self, x1: Any, x2: Any, *, out: Any = None) -> Any:
        return np.nextafter(x1, x2, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, creation.zeros_like(grad)
