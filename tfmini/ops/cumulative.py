"""Running sums, products and logarithms of sums along one dimension; whether numbers rise."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import float64
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes, normalize_axis
from tfmini.ops import array, creation, logic, math, reductions
from tfmini.ops.casting import cast_like
from tfmini.ops.complex import conjugated
from tfmini.ops.selection import where_v2
from tfmini.spec import TensorSpec


class _Cumulative(OpDef):
    """Base of running reductions: ``ufunc.accumulate``, forwards or from the end."""

    kinds = "iufc"
    samples = [((4,),), ((2, 3), {"axis": 1}), ((2, 3), {"axis": -1, "exclusive": True}),
               ((2, 3), {"reverse": True}),
               ((2, 3), {"axis": 1, "exclusive": True, "reverse": True})]  # fmt: skip
    step: Any = None

    def compute(
        self, x: Any, *, axis: int = 0, exclusive: bool = False, reverse: bool = False
    ) -> Any:
        # The dimension comes first, so that one index reaches it; out has the layout of x.
        out = np.empty_like(x)
        source, target = x.swapaxes(0, axis), out.swapaxes(0, axis)
        if reverse:
            source, target = source[::-1], target[::-1]
        if exclusive:
            target[:1] = self.step.identity
            source, target = source[:-1], target[1:]
        self.step.accumulate(source, axis=0, dtype=x.dtype, out=target)
        return out

    def infer(
        self, x: TensorSpec, *, axis: int, exclusive: bool = False, reverse: bool = False
    ) -> TensorSpec:
        self.check_kinds((x.dtype,))
        normalize_axis(axis, x.rank)
        return TensorSpec(x.shape, x.dtype)

    def cost(self, x: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(float("inf") if x.size is None else 2.0 * x.size, 2 * nbytes(x))

    def dims(self, x: TensorSpec, *, axis: int, **_attrs: Any) -> str | None:
        if x.shape is None or len(x.shape) > 26:
            return None
        (along,) = normalize_axis(axis, len(x.shape)) or ()
        letters = "abcdefghijklmnopqrstuvwxyz"[: len(x.shape)]
        marked = f"{letters[:along]}[{letters[along]}]{letters[along + 1 :]}"
        return f"{marked}->{marked}"


@op("Cumsum")
class cumsum(_Cumulative):
    """Return running sums along ``axis``.

    ``exclusive``: each without the element at its own place; ``reverse``: from the end.
    """

    step = np.add

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        attrs = node.attrs
        return (cumsum(grad, attrs["axis"], attrs["exclusive"], not attrs["reverse"]),)


@op("Cumprod")
class cumprod(_Cumulative):
    """Return running products along ``axis``; ``exclusive`` and ``reverse`` as for ``cumsum``.

    The gradient is right where elements are 0, unlike TensorFlow's.
    """

    step = np.multiply
    domain = (0.5, 2.0)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        axis, exclusive, reverse = (node.attrs[k] for k in ("axis", "exclusive", "reverse"))
        x, y = conjugated(node.inputs[0]), conjugated(node.outputs[0])

        def total(products: Tensor) -> Tensor:
            return cumsum(grad * products, axis, exclusive, not reverse)

        # Products without x[k] are the products over x[k], unless that is 0.  The first 0 of a
        # row is the only one whose derivative isn't 0: left out, it makes the products anew.
        zero = cast_like(logic.equal(x, 0), x)
        first = math.masked(zero, logic.equal(cumsum(zero, axis, reverse=reverse), 1))
        without = cumprod(x + first, axis, exclusive, reverse)
        return (total(y) * (1.0 - zero) / (x + zero) + total(without) * first,)


@op("CumulativeLogsumexp")
class _cumulative_logsumexp(_Cumulative):
    """Running ``log(sum(exp(x)))``, taken without overflow."""

    kinds = "f"
    step = np.logaddexp

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs[0], node.outputs[0]
        axis, exclusive, reverse = (node.attrs[k] for k in ("axis", "exclusive", "reverse"))

        def passed(part: Tensor) -> Tensor:
            """Return what flows back of a gradient that is nowhere negative."""
            some = logic.greater(part, 0)
            least = np.array(np.finfo((x.dtype or float64).dtype).min)
            logs = where_v2(some, math.log(where_v2(some, part, creation.ones_like(part))),
                            cast_like(least, part))  # fmt: skip
            total = _cumulative_logsumexp(logs - y, axis, exclusive, not reverse)
            return math.exp(total + x)

        zero = creation.zeros_like(grad)
        return (passed(math.maximum(grad, zero)) - passed(math.maximum(-grad, zero)),)


def cumulative_logsumexp(
    x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """Return running ``log(sum(exp(x)))`` along ``axis``, without overflow.

    ``exclusive``: each without the element at its own place, minus infinity where there is no
    other; ``reverse``: from the end.
    """
    return _cumulative_logsumexp(x, axis, exclusive, reverse, name)


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Return whether no element of ``x``, taken row by row, is below the one before it."""
    before, after = _neighbours(x)
    return reductions.reduce_all(after >= before, name=name or "is_non_decreasing")


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Return whether each element of ``x``, taken row by row, is above the one before it."""
    before, after = _neighbours(x)
    return reductions.reduce_all(after > before, name=name or "is_strictly_increasing")


def _neighbours(x: Any) -> tuple[Tensor, Tensor]:
    flat = array.reshape(convert_to_tensor(x), [-1])
    return flat[:-1], flat[1:]
