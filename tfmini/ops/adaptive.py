"""Optimizer updates whose step sizes follow the squares of past gradients.

In: the variable, its slots, hyper-parameters (0-d) and the gradient last.  Out: the next values of
the variable and its slots, as for ``training``; formulas of TensorFlow 1.15's ``training_ops.cc``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.ops.training import Apply, Arrays, blockwise


@op("ApplyAdagrad")
class apply_adagrad(Apply):
    """``accum += grad**2``, ``var -= lr * grad / sqrt(accum)`` (Duchi et al., 2011)."""

    updates = {0: 0, 1: 1}
    slots = 1
    samples = [((3, 4), np.full((3, 4), 0.1), 0.1, (3, 4))]

    def compute(self, var: Any, accum: Any, lr: Any, grad: Any) -> Arrays:
        def step(g: Any, t: Any, var: Any, accum: Any, new: Any, new_accum: Any) -> None:
            np.square(g, out=t)
            np.add(accum, t, out=new_accum)
            np.sqrt(new_accum, out=t)
            np.divide(g, t, out=t)
            t *= lr
            np.subtract(var, t, out=new)

        return blockwise(step, (var, accum), grad)


@op("ApplyAdadelta")
class apply_adadelta(Apply):
    """``var -= lr * update``, where ``update = grad * sqrt((accum_update + eps) / (accum + eps))``
    and ``accum``, ``accum_update`` are running means of ``grad**2``, ``update**2`` (Zeiler, 2012).
    """

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [((3, 4), np.ones((3, 4)), np.ones((3, 4)), 0.1, 0.95, 1e-6, (3, 4))]

    def compute(
        self, var: Any, accum: Any, accum_update: Any, lr: Any, rho: Any, epsilon: Any, grad: Any
    ) -> Arrays:
        rest = var.dtype.type(1 - rho)

        def step(
            g: Any, t: Any, var: Any, accum: Any, accum_update: Any, new: Any, new_accum: Any,
            new_accum_update: Any,
        ) -> None:  # fmt: skip
            np.square(g, out=t)
            t *= rest
            np.multiply(accum, rho, out=new_accum)
            new_accum += t
            np.add(accum_update, epsilon, out=t)
            np.add(new_accum, epsilon, out=new)
            t /= new
            np.sqrt(t, out=t)
            t *= g
            np.multiply(t, lr, out=new)
            np.subtract(var, new, out=new)
            np.square(t, out=t)
            t *= rest
            np.multiply(accum_update, rho, out=new_accum_update)
            new_accum_update += t

        return blockwise(step, (var, accum, accum_update), grad)


@op("ApplyRMSProp")
class apply_rms_prop(Apply):
    """``var -= mom``, where ``mom = momentum * mom + lr * grad / sqrt(ms + epsilon)`` and ``ms`` is
    the running mean of ``grad**2`` (Tieleman and Hinton, 2012); epsilon is inside the root.
    """

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [((3, 4), np.ones((3, 4)), (3, 4), 0.1, 0.9, 0.5, 1e-10, (3, 4))]

    def compute(
        self, var: Any, ms: Any, mom: Any, lr: Any, rho: Any, momentum: Any, epsilon: Any, grad: Any
    ) -> Arrays:
        rest = var.dtype.type(1 - rho)

        def step(
            g: Any, t: Any, var: Any, ms: Any, mom: Any, new: Any, new_ms: Any, new_mom: Any
        ) -> None:
            _towards_square(g, t, ms, rest, new_ms)
            np.add(new_ms, epsilon, out=t)
            _rms_step(g, t, var, mom, lr, momentum, new, new_mom)

        return blockwise(step, (var, ms, mom), grad)


@op("ApplyCenteredRMSProp")
class apply_centered_rms_prop(Apply):
    """As ``apply_rms_prop``, with the variance ``ms - mg**2`` for ``ms`` under the root, where
    ``mg`` is the running mean of ``grad`` (Graves, 2013, section 4.2).
    """

    updates = {0: 0, 1: 1, 2: 2, 3: 3}
    slots = 3
    samples = [
        ((3, 4), np.zeros((3, 4)), np.ones((3, 4)), (3, 4), 0.1, 0.9, 0.5, 1e-10, (3, 4)),
    ]

    def compute(
        self, var: Any, mg: Any, ms: Any, mom: Any, lr: Any, rho: Any, momentum: Any,
        epsilon: Any, grad: Any,
    ) -> Arrays:  # fmt: skip
        rest = var.dtype.type(1 - rho)

        def step(
            g: Any, t: Any, var: Any, mg: Any, ms: Any, mom: Any,
            new: Any, new_mg: Any, new_ms: Any, new_mom: Any,
        ) -> None:  # fmt: skip
            _towards_square(g, t, ms, rest, new_ms)
            np.subtract(g, mg, out=t)
            t *= rest
            np.add(mg, t, out=new_mg)
            np.square(new_mg, out=t)
            np.subtract(new_ms, t, out=t)
            t += epsilon
            _rms_step(g, t, var, mom, lr, momentum, new, new_mom)

        return blockwise(step, (var, mg, ms, mom), grad)


def _towards_square(g: Any, t: Any, mean: Any, share: Any, new_mean: Any) -> None:
    """Move ``mean`` to ``g**2`` by ``share`` of the way."""
    np.square(g, out=t)
    t -= mean
    t *= share
    np.add(mean, t, out=new_mean)


def _rms_step(
    g: Any, t: Any, var: Any, mom: Any, lr: Any, momentum: Any, new: Any, new_mom: Any
) -> None:
    """Take the step of RMSProp; ``t`` holds what the root is taken of."""
    np.sqrt(t, out=t)
    np.divide(g, t, out=t)
    t *= lr
    np.multiply(mom, momentum, out=new_mom)
    new_mom += t
    np.subtract(var, new_mom, out=new)


@op("ApplyAdaMax")
class apply_ada_max(Apply):
    """``var -= lr / (1 - beta1_power) * m / (v + epsilon)``, where ``m`` is the running mean of the
    gradient and ``v = max(beta2 * v, abs(grad))`` (Kingma and Ba, 2014, section 7.1).
    """

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [((3, 4), (3, 4), np.ones((3, 4)), 0.9, 0.1, 0.9, 0.999, 1e-8, (3, 4))]

    def compute(
        self, var: Any, m: Any, v: Any, beta1_power: Any, lr: Any, beta1: Any, beta2: Any,
        epsilon: Any, grad: Any,
    ) -> Arrays:  # fmt: skip
        dtype = var.dtype.type
        rate, rest = dtype(lr / (1 - beta1_power)), dtype(1 - beta1)

        def step(
            g: Any, t: Any, var: Any, m: Any, v: Any, new: Any, new_m: Any, new_v: Any
        ) -> None:
            np.subtract(g, m, out=t)
            t *= rest
            np.add(m, t, out=new_m)
            np.multiply(v, beta2, out=new_v)
            np.absolute(g, out=t)
            np.maximum(new_v, t, out=new_v)
            np.add(new_v, epsilon, out=t)
            np.divide(new_m, t, out=t)
            t *= rate
            np.subtract(var, t, out=new)

        return blockwise(step, (var, m, v), grad)
