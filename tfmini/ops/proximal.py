"""Optimizer updates with L1 and L2 penalties in closed form: FTRL and proximal steps.

In: the variable, its slots, hyper-parameters (0-d) and the gradient last.  Out: the next values of
the variable and its slots, as for ``training``; formulas of TensorFlow 1.15's ``training_ops.cc``.

Soft thresholding ``sign(x) * max(abs(x) - c, 0)`` is written ``x - clip(x, -c, c)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.ops.training import Apply, Arrays, blockwise


@op("ApplyFtrlV2")
class apply_ftrl(Apply):
    """Follow the regularized leader (McMahan et al., 2013, algorithm 1).

    ``accum += grad**2``; ``linear += grad + 2 * l2_shrinkage * var - var * change / lr``, where
    ``change`` is that of ``accum**-lr_power``; then ``var`` is the minimum of
    ``linear * var + (accum**-lr_power / (2 * lr) + l2) * var**2 + l1 * abs(var)``.
    """

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [
        ((3, 4), np.full((3, 4), 0.1), (3, 4), 0.1, 0.01, 0.02, 0.0, -0.5, (3, 4)),
        ((3, 4), np.full((3, 4), 0.1), (3, 4), 0.1, 0.0, 0.0, 0.1, -0.6, (3, 4)),
    ]

    def compute(
        self, var: Any, accum: Any, linear: Any, lr: Any, l1: Any, l2: Any, l2_shrinkage: Any,
        lr_power: Any, grad: Any,
    ) -> Arrays:  # fmt: skip
        def powered(x: Any, out: Any) -> None:
            if lr_power == -0.5:
                np.sqrt(x, out=out)
            else:
                np.power(x, -lr_power, out=out)

        least = np.finfo(var.dtype).tiny

        def step(
            g: Any, t: Any, var: Any, accum: Any, linear: Any,
            new: Any, new_accum: Any, new_linear: Any,
        ) -> None:  # fmt: skip
            np.square(g, out=t)
            np.add(accum, t, out=new_accum)
            powered(new_accum, t)
            powered(accum, new)
            np.subtract(t, new, out=new)
            new /= lr
            new *= var
            np.subtract(g, new, out=new)
            np.add(linear, new, out=new_linear)
            if l2_shrinkage:
                np.multiply(var, 2 * l2_shrinkage, out=new)
                new_linear += new
            t /= lr
            t += 2 * l2
            np.maximum(t, least, out=t)  # a variable that never had a gradient is 0, not 0 / 0
            np.clip(new_linear, -l1, l1, out=new)
            new -= new_linear
            new /= t

        return blockwise(step, (var, accum, linear), grad)


@op("ApplyProximalGradientDescent")
class apply_proximal_gradient_descent(Apply):
    """A step of gradient descent, then the penalties' own minimum (Duchi and Singer, 2009)."""

    updates = {0: 0}
    samples = [((3, 4), 0.1, 0.2, 0.3, (3, 4)), ((3, 4), 0.1, 0.0, 0.0, (3, 4))]

    def compute(self, var: Any, alpha: Any, l1: Any, l2: Any, delta: Any) -> Any:
        def step(g: Any, t: Any, var: Any, new: Any) -> None:
            np.multiply(g, alpha, out=t)
            np.subtract(var, t, out=new)
            if l1 > 0:
                np.clip(new, -alpha * l1, alpha * l1, out=t)
                new -= t
            new /= 1 + l2 * alpha

        return blockwise(step, (var,), delta)[0]


@op("ApplyProximalAdagrad")
class apply_proximal_adagrad(Apply):
    """A proximal step with Adagrad's rates, ``lr / sqrt(accum)`` for each element."""

    updates = {0: 0, 1: 1}
    slots = 1
    samples = [
        ((3, 4), np.full((3, 4), 0.1), 0.1, 0.2, 0.3, (3, 4)),
        ((3, 4), np.full((3, 4), 0.1), 0.1, 0.0, 0.0, (3, 4)),
    ]

    def compute(self, var: Any, accum: Any, lr: Any, l1: Any, l2: Any, grad: Any) -> Arrays:
        def step(
            g: Any, rate: Any, low: Any, high: Any, var: Any, accum: Any, new: Any, new_accum: Any
        ) -> None:
            np.square(g, out=rate)
            np.add(accum, rate, out=new_accum)
            np.sqrt(new_accum, out=rate)
            np.divide(lr, rate, out=rate)
            np.multiply(g, rate, out=new)
            np.subtract(var, new, out=new)
            if l1 > 0:
                np.multiply(rate, l1, out=high)
                np.negative(high, out=low)
                np.clip(new, low, high, out=high)
                new -= high
            rate *= l2
            rate += 1
            new /= rate

        return blockwise(step, (var, accum), grad, temporaries=3)


@op("ApplyAdagradDA")
class apply_adagrad_da(Apply):
    """Adagrad by dual averaging (Duchi et al., 2011): the variable follows from the sums of all
    gradients and of their squares, after ``global_step`` steps.
    """

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [
        ((3, 4), (3, 4), np.full((3, 4), 0.1), 0.1, 0.2, 0.3, 2.0, (3, 4)),
        ((3, 4), (3, 4), np.full((3, 4), 0.1), 0.1, 0.0, 0.0, 1.0, (3, 4)),
    ]

    def compute(
        self, var: Any, gradient_accumulator: Any, gradient_squared_accumulator: Any, lr: Any,
        l1: Any, l2: Any, global_step: Any, grad: Any,
    ) -> Arrays:  # fmt: skip
        threshold, offset = l1 * global_step, l2 * global_step * lr

        def step(
            g: Any, t: Any, _var: Any, total: Any, squares: Any,
            new: Any, new_total: Any, new_squares: Any,
        ) -> None:  # fmt: skip
            np.add(total, g, out=new_total)
            np.square(g, out=t)
            np.add(squares, t, out=new_squares)
            np.sqrt(new_squares, out=t)
            t += offset
            np.clip(new_total, -threshold, threshold, out=new)
            new -= new_total
            new *= lr
            new /= t

        return blockwise(step, (var, gradient_accumulator, gradient_squared_accumulator), grad)
