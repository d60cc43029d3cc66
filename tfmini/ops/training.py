"""Optimizer updates: one operation per variable, the next values of it and its slots.

In: the variable, its slots, hyper-parameters (0-d) and the gradient.  Out: new arrays; the old
ones are never written, so that a failed run changes nothing.  Each kernel goes over its arrays
once, block by block, so that intermediates stay in cache and nothing but the results is allocated.

Formulas are those of TensorFlow 1.15's ``training_ops.cc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tfmini import threads
from tfmini.build import op
from tfmini.opdef import Cost, OpDef
from tfmini.shapes import compatible, format_shape
from tfmini.spec import TensorSpec

# Elements per block, at most.  Smaller ones would fit a core's own cache, but threads pass Python's
# lock at every call, and that costs more (tests/bench, W3).
_BLOCK = 1 << 18

Arrays = tuple[np.ndarray, ...]


class Apply(OpDef):
    """Base: inputs are the variable, its slots, hyper-parameters, and the gradient last."""

    stateful = True
    same_dtype = True
    threaded = True
    gradient = None
    slots = 0

    def infer(self, var: TensorSpec, *rest: TensorSpec, **_attrs: Any) -> Any:
        grad = rest[-1]
        if not compatible(var.shape, grad.shape):
            raise ValueError(
                f"the variable has shape {format_shape(var.shape)}, its gradient "
                f"{format_shape(grad.shape)}"
            )
        specs = tuple([TensorSpec(s.shape, s.dtype) for s in (var, *rest[: self.slots])])
        return specs if self.slots else specs[0]

    def cost(self, var: TensorSpec, *rest: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if var.size is None else var.size
        # In cache an operation takes about a third of its time in memory.
        return Cost(size * (2 + 5 * self.slots) / 3, size * 4.0 * (3 + 2 * self.slots))


def blockwise(
    kernel: Callable[..., None], state: Arrays, grad: np.ndarray, temporaries: int = 1
) -> Arrays:
    """Return new arrays for ``state``, made by ``kernel(grad, *scratch, *old, *new)`` per block."""
    var = state[0]
    grad = np.asarray(grad, var.dtype)
    if grad.shape != var.shape:
        raise ValueError(
            f"the variable has shape {format_shape(var.shape)}, its gradient "
            f"{format_shape(grad.shape)}"
        )
    new = tuple([np.empty(a.shape, a.dtype) for a in state])
    flat = [np.ascontiguousarray(a).reshape(-1) for a in (grad, *state)]
    flat += [a.reshape(-1) for a in new]
    size = var.size

    count = -(-size // _BLOCK)
    step = -(-size // max(count, 1))

    def work(numbers: Iterable[int]) -> None:
        scratch = [np.empty(step, var.dtype) for _ in range(temporaries)]
        for i in numbers:
            g, *arrays = [a[i * step : (i + 1) * step] for a in flat]
            kernel(g, *[t[: len(g)] for t in scratch], *arrays)

    threads.run_blocks(work, range(count))
    return new if new[0].ndim else tuple([a[()] for a in new])


@op("ApplyGradientDescent")
class apply_gradient_descent(Apply):
    """Return ``var - alpha * delta``."""

    updates = {0: 0}
    samples = [((3, 4), 0.1, (3, 4))]

    def compute(self, var: Any, alpha: Any, delta: Any) -> Any:
        same = delta.dtype == var.dtype
        out = delta * alpha if same else np.asarray(delta, var.dtype) * alpha
        if out.shape != var.shape:
            raise ValueError(
                f"the variable has shape {format_shape(var.shape)}, its gradient "
                f"{format_shape(out.shape)}"
            )
        return np.subtract(var, out, out=out if isinstance(out, np.ndarray) else None)


@op("ApplyMomentum")
class apply_momentum(Apply):
    """Return the next variable and accumulator: ``accum = accum * momentum + grad``."""

    updates = {0: 0, 1: 1}
    slots = 1
    samples = [((3, 4), (3, 4), 0.1, 0.9, (3, 4), {"use_nesterov": True})]

    def compute(
        self, var: Any, accum: Any, lr: Any, momentum: Any, grad: Any, *,
        use_nesterov: bool = False,
    ) -> Arrays:  # fmt: skip
        def step(g: Any, t: Any, var: Any, accum: Any, new: Any, new_accum: Any) -> None:
            np.multiply(accum, momentum, out=new_accum)
            new_accum += g
            if use_nesterov:
                np.multiply(new_accum, momentum, out=t)
                t += g
                t *= lr
            else:
                np.multiply(new_accum, lr, out=t)
            np.subtract(var, t, out=new)

        return blockwise(step, (var, accum), grad)


@op("ApplyAdam")
class apply_adam(Apply):
    """Return the next variable and its two moments (Kingma and Ba, 2014, section 2's last form)."""

    updates = {0: 0, 1: 1, 2: 2}
    slots = 2
    samples = [
        ((3, 4), np.zeros((3, 4)), np.zeros((3, 4)), 0.9, 0.999, 0.1, 0.9, 0.999, 1e-8, (3, 4))
    ]

    def compute(
        self, var: Any, m: Any, v: Any, beta1_power: Any, beta2_power: Any, lr: Any,
        beta1: Any, beta2: Any, epsilon: Any, grad: Any, *, use_nesterov: bool = False,
    ) -> Arrays:  # fmt: skip
        dtype = var.dtype.type
        rate = dtype(lr * np.sqrt(1 - beta2_power) / (1 - beta1_power))
        decay1, decay2 = dtype(1 - beta1), dtype(1 - beta2)

        def step(
            g: Any, t: Any, var: Any, m: Any, v: Any, new: Any, new_m: Any, new_v: Any
        ) -> None:
            np.subtract(g, m, out=t)
            t *= decay1
            np.add(m, t, out=new_m)
            np.square(g, out=t)
            t -= v
            t *= decay2
            np.add(v, t, out=new_v)
            np.sqrt(new_v, out=t)
            t += epsilon
            if use_nesterov:
                np.multiply(new_m, beta1, out=new)
                new += decay1 * g
                np.divide(new, t, out=t)
            else:
                np.divide(new_m, t, out=t)
            t *= rate
            np.subtract(var, t, out=new)

        return blockwise(step, (var, m, v), grad)
