"""Numbers as few bits would hold them: ``fake_quant_with_min_max_*``, for training what will run
quantized.

A range [min, max] is cut into ``2**num_bits - 1`` steps (one less if ``narrow_range``), moved so
that 0 is met exactly.  Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (2018), section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.ops import array, math, rounding
from tfmini.ops.casting import cast_like
from tfmini.ops.logic import equal, logical_and, logical_or
from tfmini.ops.static import letters
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

_INPUTS: Any = np.array([[-1.2, -0.31, 0.1], [0.17, 0.6, 2.0]])


@op("FakeQuantWithMinMaxVars")
class _fake_quant(OpDef):
    """``inputs`` on the steps between ``min`` and ``max``, scalars or one for each channel."""

    kinds = "f"
    checked = True
    samples = [
        (_INPUTS, np.array(-1.0), np.array(1.5), {"num_bits": 3}),
        (_INPUTS, np.array([-1.0, -0.5, 0.0]), np.array([1.5, 1.0, 0.7]), {"num_bits": 2,
                                                                          "narrow_range": True}),
    ]  # fmt: skip
    bad_samples = [
        (_INPUTS, np.zeros(2), np.ones(2), InvalidArgumentError),
        (_INPUTS, np.array(-1.0), np.array(1.0), {"num_bits": 17}, InvalidArgumentError),
    ]
    expected_failures = {
        "gradient": "it passes straight through the steps, whose own slope is 0 (as TensorFlow's)",
    }

    def compute(
        self, inputs: Any, min: Any, max: Any, *, num_bits: int = 8, narrow_range: bool = False
    ) -> Any:
        first, last = _ends(num_bits, narrow_range)
        low, high = (np.asarray(end, inputs.dtype) for end in (min, max))
        scale = (high - low) / inputs.dtype.type(last - first)
        with np.errstate(all="ignore"):
            zero = np.floor(np.clip(first - low / scale, first, last) + 0.5)
            start = (first - zero) * scale
            steps = np.floor((np.clip(inputs, start, (last - zero) * scale) - start) / scale + 0.5)
            out = steps * scale + start
        return np.where(low == high, 0, out).astype(inputs.dtype, copy=False)

    def infer(
        self, inputs: TensorSpec, min: TensorSpec, max: TensorSpec, *, num_bits: int = 8,
        narrow_range: bool = False,
    ) -> TensorSpec:  # fmt: skip
        self.check_kinds((inputs.dtype,))
        if not 2 <= num_bits <= 16:
            raise ValueError(f"num_bits must be 2 to 16, not {num_bits}")
        for end in (min, max):
            if inputs.shape is None or not end.shape:
                continue
            if len(end.shape) > 1 or not compatible(end.shape, inputs.shape[-1:]):
                raise conflict("one range, or one for each channel",
                               inputs=inputs.shape, range=end.shape)  # fmt: skip
        return TensorSpec(inputs.shape, inputs.dtype)

    def cost(self, inputs: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if inputs.size is None else float(inputs.size)
        return Cost(12.0 * size, 16.0 * size)

    def dims(self, inputs: TensorSpec, min: TensorSpec, max: TensorSpec, **_attrs: Any) -> Any:
        whole = letters(inputs.rank)
        if whole is None or min.rank not in (0, 1) or max.rank not in (0, 1):
            return None
        return f"{whole},{whole[-1:] * (min.rank or 0)},{whole[-1:] * (max.rank or 0)}->{whole}"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return _slopes(grad, *node.inputs, **node.attrs)


def _ends(num_bits: int, narrow_range: bool) -> tuple[int, int]:
    return int(narrow_range), 2**num_bits - 1


def _slopes(
    grad: Tensor, inputs: Tensor, low: Tensor, high: Tensor, num_bits: int = 8,
    narrow_range: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients for the inputs, inside the range, and for its ends, beyond them."""
    first, last = _ends(num_bits, narrow_range)
    scale = (high - low) / float(last - first)
    zero = rounding.floor(math.clip_by_value(first - low / scale, first, last) + 0.5)
    start, end = (first - zero) * scale, (last - zero) * scale
    unset = logical_and(equal(low, 0.0), equal(high, 0.0))  # no range yet: all passes, as 0
    inside = logical_or(unset, logical_and(inputs >= start, inputs <= end))
    below, above = cast_like(inputs < start, grad), cast_like(inputs > end, grad)
    by_low = sum_to_shape(grad * below, array.shape(low))
    by_inputs = grad * cast_like(inside, grad)
    return by_inputs, by_low, sum_to_shape(grad * above, array.shape(high))


def _quantized(
    inputs: Any, low: Any, high: Any, num_bits: int, narrow_range: bool, name: str
) -> Tensor:
    x = convert_to_tensor(inputs)
    ends = [convert_to_tensor(e, None if isinstance(e, Tensor) else x.dtype) for e in (low, high)]
    attrs = {"num_bits": num_bits, "narrow_range": narrow_range}
    out: Tensor = apply(_fake_quant.opdef, (x, *ends), attrs, name)
    return out


def _gradients(
    gradients: Any, inputs: Any, low: Any, high: Any, num_bits: int, narrow_range: bool
) -> tuple[Tensor, Tensor, Tensor]:
    x = convert_to_tensor(inputs)
    ends = [convert_to_tensor(e, None if isinstance(e, Tensor) else x.dtype) for e in (low, high)]
    return _slopes(convert_to_tensor(gradients), x, *ends, num_bits, narrow_range)


def fake_quant_with_min_max_args(
    inputs: Any, min: float = -6, max: float = 6, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return ``inputs`` on the nearest of the steps between the numbers ``min`` and ``max``.

    Parameters
    ----------
    inputs : float tensor of any shape
    num_bits : 2 to 16: there are ``2**num_bits`` levels
    narrow_range : whether the lowest level is left out
    """
    if not min < max:
        raise InvalidArgumentError(None, None, f"min {min} must be below max {max}.")
    return _quantized(inputs, min, max, num_bits, narrow_range, name or "FakeQuantWithMinMaxArgs")


def fake_quant_with_min_max_vars(
    inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return ``inputs`` on the nearest of the steps between the scalars ``min`` and ``max``.

    The gradient passes straight through inside the range; beyond it goes to the end of the range.
    """
    return _quantized(inputs, min, max, num_bits, narrow_range, name or "FakeQuantWithMinMaxVars")


def fake_quant_with_min_max_vars_per_channel(
    inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return `fake_quant_with_min_max_vars` with vectors ``min`` and ``max``: a range for each
    element of the last dimension."""
    name = name or "FakeQuantWithMinMaxVarsPerChannel"
    return _quantized(inputs, min, max, num_bits, narrow_range, name)


def fake_quant_with_min_max_args_gradient(
    gradients: Any, inputs: Any, min: float = -6, max: float = 6, num_bits: int = 8,
    narrow_range: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `fake_quant_with_min_max_args` for its inputs."""
    found = _gradients(gradients, inputs, min, max, num_bits, narrow_range)[0]
    return array.identity(found, name or "FakeQuantWithMinMaxArgsGradient")


def fake_quant_with_min_max_vars_gradient(
    gradients: Any, inputs: Any, min: Any, max: Any, num_bits: int = 8,
    narrow_range: bool = False, name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients of `fake_quant_with_min_max_vars` for inputs, min and max."""
    return _gradients(gradients, inputs, min, max, num_bits, narrow_range)


def fake_quant_with_min_max_vars_per_channel_gradient(
    gradients: Any, inputs: Any, min: Any, max: Any, num_bits: int = 8,
    narrow_range: bool = False, name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients of `fake_quant_with_min_max_vars_per_channel` for inputs, min, max."""
    return _gradients(gradients, inputs, min, max, num_bits, narrow_range)
