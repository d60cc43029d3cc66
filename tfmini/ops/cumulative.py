"""Running sums and products along one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes, normalize_axis
from tfmini.ops import logic, math
from tfmini.ops.casting import cast_like
from tfmini.ops.complex import conjugated
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
        source, target = np.moveaxis(x, axis, 0), np.moveaxis(out, axis, 0)
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
