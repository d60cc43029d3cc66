"""Whole quotients and remainders, and division where the divisor may be 0.

``floor`` quotients round down, as Python's ``//``; ``truncate`` quotients round towards zero, as
in C.  Ints divided by 0 are an error, as in TensorFlow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Elementwise
from tfmini.ops import math
from tfmini.ops.buffers import again
from tfmini.ops.complex import conjugated

_INTS: list[Any] = [(np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])),
                    (np.array(7), np.array([2]))]  # fmt: skip


def _is_int(x: Any, y: Any) -> bool:
    """Whether the quotient is one of ints; raise if one of them is divided by 0."""
    if np.result_type(x, y).kind not in "iu":
        return False
    if not np.all(y):
        raise InvalidArgumentError(None, None, "integer division by zero")
    return True


class _Division(Elementwise):
    """Base of quotients and remainders of ints and floats."""

    kinds = "iuf"
    domain = (0.5, 2.0)
    samples = [((2, 3), (3,)), ((), (4,)), *_INTS]


@op("FloorDiv")
class floordiv(_Division):
    """Return ``x / y`` rounded down, element-wise, with broadcasting."""

    node_name = "floordiv"
    weight = 4.0
    gradient = None

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        if _is_int(x, y):
            return np.floor_divide(x, y, out=out)
        # Not floor_divide, which takes the remainder first: 1 // 0.1 is 10 in TensorFlow.
        quotient = np.divide(x, y, out=out)
        return np.floor(quotient, out=again(quotient))


floor_div = floordiv


@op("FloorMod")
class floormod(_Division):
    """Return the remainder of ``x / y`` rounded down: it has the sign of ``y``."""

    weight = 8.0

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        _is_int(x, y)
        return np.remainder(x, y, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        return grad, -grad * floordiv(x, y)


mod = floormod


@op("TruncateDiv")
class truncatediv(_Division):
    """Return ``x / y`` rounded towards zero, element-wise, with broadcasting."""

    weight = 6.0
    gradient = None

    def compute(self, x: Any, y: Any) -> Any:
        return truncated(x, y) if _is_int(x, y) else np.trunc(np.divide(x, y))


def truncated(x: Any, y: Any) -> Any:
    """Return the quotient of ints rounded towards zero."""
    down = np.floor_divide(x, y)
    # One more where rounding down went away from zero.
    return np.add(down, np.less(down, 0) & np.not_equal(np.fmod(x, y), 0), dtype=down.dtype)


@op("TruncateMod")
class truncatemod(_Division):
    """Return the remainder of ``x / y`` rounded towards zero: it has the sign of ``x``."""

    weight = 8.0

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        _is_int(x, y)
        return np.fmod(x, y, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs
        return grad, grad * (node.outputs[0] - x) / y


@op("Div")
class div(_Division):
    """Return ``x / y`` as Python 2 had it: rounded down for ints, exact for floats."""

    node_name = "div"
    kinds = "iufc"
    weight = 3.0

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        divide = np.floor_divide if _is_int(x, y) else np.true_divide
        return divide(x, y, out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        y = conjugated(node.inputs[1])
        return grad / y, -grad * conjugated(node.outputs[0]) / y


class _WithoutNaN(Elementwise):
    """Base of operations that are 0 where ``y`` is 0, whatever ``x`` is."""

    kinds = "fc"
    weight = 4.0
    domain = (0.5, 2.0)
    samples = [((2, 3), (3,)), ((), (4,))]
    step: Any = None

    def compute(self, x: Any, y: Any, *, out: Any = None) -> Any:
        zero = np.equal(y, 0)  # before the result may overwrite y
        result = np.asarray(self.step(x, y, out=out))
        np.copyto(result, 0, where=zero)
        return result


@op("DivNoNan")
class _div_no_nan(_WithoutNaN):
    """Return ``x / y`` element-wise, and 0 where ``y`` is 0."""

    step = np.divide

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = (conjugated(t) for t in node.inputs)
        return div_no_nan(grad, y), grad * div_no_nan(div_no_nan(-x, y), y)


@op("MulNoNan")
class multiply_no_nan(_WithoutNaN):
    """Return ``x * y`` element-wise, and 0 where ``y`` is 0, also if ``x`` is infinite or NaN."""

    step = np.multiply

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = (conjugated(t) for t in node.inputs)
        return multiply_no_nan(grad, y), multiply_no_nan(x, grad)


def div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return ``x / y`` element-wise, and 0 where ``y`` is 0; ints give floats."""
    x, y = math.as_floats(x, y)
    return _div_no_nan(x, y, name or "div_no_nan")


def reciprocal_no_nan(x: Any, name: str | None = None) -> Tensor:
    """Return ``1 / x`` element-wise, and 0 where ``x`` is 0."""
    return div_no_nan(1, convert_to_tensor(x), name or "reciprocal_no_nan")
