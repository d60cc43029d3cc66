"""Learning rates that change with the steps: tensors that follow the global step.

In: the first rate, a step (variable, tensor or number) and what shapes the curve.  Out: a 0-d
tensor of the rate's dtype, which each run computes anew; formulas of TensorFlow 1.15.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import (
    exponential,
    indexing,
    logic,
    math,
    powers,
    random,
    rounding,
    trigonometry,
)


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * decay_rate**(global_step / decay_steps)``.

    Parameters
    ----------
    global_step : variable, tensor or number
    staircase : the exponent is rounded down, so that the rate changes every ``decay_steps``
    """
    with name_scope(name, "ExponentialDecay") as own:
        rate, base = _rate(learning_rate, decay_rate)
        periods = _periods(rate, global_step, decay_steps, staircase)
        return math.multiply(rate, powers.pow(base, periods), own)


def natural_exp_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * exp(-decay_rate * global_step / decay_steps)``."""
    with name_scope(name, "NaturalExpDecay") as own:
        rate, speed = _rate(learning_rate, decay_rate)
        periods = _periods(rate, global_step, decay_steps, staircase)
        return math.multiply(rate, exponential.exp(math.negative(speed) * periods), own)


def inverse_time_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate / (1 + decay_rate * global_step / decay_steps)``."""
    with name_scope(name, "InverseTimeDecay") as own:
        rate, speed = _rate(learning_rate, decay_rate)
        periods = _periods(rate, global_step, decay_steps, staircase)
        return math.divide(rate, 1.0 + speed * periods, own)


def piecewise_constant(
    x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str | None = None
) -> Tensor:
    """Return ``values[i]`` while ``boundaries[i - 1] < x <= boundaries[i]``.

    ``values`` has one element more than ``boundaries``; boundaries are of the dtype of ``x``.
    """
    if len(boundaries) != len(values) - 1:
        raise InvalidArgumentError(
            None,
            None,
            f"{len(values)} values need {len(values) - 1} boundaries between them, not "
            f"{len(boundaries)}.",
        )
    with name_scope(name, "PiecewiseConstant") as own:
        x = convert_to_tensor(x)
        if x.dtype is not None and x.dtype.dtype.kind in "iu":
            for b in boundaries:
                if isinstance(b, float):
                    raise InvalidArgumentError(
                        x.op.info, x.op, f"boundary {b} is a float, x is {x.dtype.name}."
                    )
        passed = [math.cast(logic.greater(x, _like(b, x)), "int32") for b in boundaries]
        stacked = convert_to_tensor(list(values))
        return indexing.gather(stacked, math.add_n(passed) if passed else 0, name=own)


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``(learning_rate - end) * (1 - step / decay_steps)**power + end``.

    After ``decay_steps`` the rate stays at ``end_learning_rate``; with ``cycle`` it starts again,
    with ``decay_steps`` multiplied so that it is beyond the step.
    """
    with name_scope(name, "PolynomialDecay") as own:
        rate, end, exponent = _rate(learning_rate, end_learning_rate, power)
        step, steps = _as_rate(rate, global_step), _as_rate(rate, decay_steps)
        if cycle:
            # The first cycle lasts until decay_steps, step 0 included.
            steps = steps * math.maximum(rounding.ceil(step / steps), _like(1.0, rate))
        else:
            step = math.minimum(step, steps)
        left = powers.pow(1.0 - step / steps, exponent)
        return math.add((rate - end) * left, end, own)


def cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    alpha: Any = 0.0,
    name: str | None = None,
) -> Tensor:
    """Return the rate on half a cosine wave down to ``alpha * learning_rate`` at ``decay_steps``.

    Loshchilov and Hutter, 2016, without restarts.
    """
    with name_scope(name, "CosineDecay") as own:
        rate, least = _rate(learning_rate, alpha)
        done = _done(rate, global_step, decay_steps)
        return math.multiply(rate, (1.0 - least) * _half_wave(done) + least, own)


def cosine_decay_restarts(
    learning_rate: Any,
    global_step: Any,
    first_decay_steps: Any,
    t_mul: Any = 2.0,
    m_mul: Any = 1.0,
    alpha: Any = 0.0,
    name: str | None = None,
) -> Tensor:
    """Return the rate on half cosine waves, each ``t_mul`` times as long as the one before and
    ``m_mul`` times as high (Loshchilov and Hutter, 2016).
    """
    with name_scope(name, "SGDRDecay") as own:
        rate, growth, height, least = _rate(learning_rate, t_mul, m_mul, alpha)
        done = _as_rate(rate, global_step) / _as_rate(rate, first_decay_steps)
        if not isinstance(t_mul, Tensor) and t_mul == 1:
            restarts = rounding.floor(done)
            done = done - restarts
        else:
            grown = exponential.log(1.0 - done * (1.0 - growth)) / exponential.log(growth)
            restarts = rounding.floor(grown)
            length = powers.pow(growth, restarts)
            done = (done - (1.0 - length) / (1.0 - growth)) / length
        wave = powers.pow(height, restarts) * _half_wave(done)
        return math.multiply(rate, (1.0 - least) * wave + least, own)


def linear_cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    num_periods: Any = 0.5,
    alpha: Any = 0.0,
    beta: Any = 0.001,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * ((alpha + linear) * wave + beta)`` (Bello et al., 2017).

    ``linear`` falls from 1 to 0 over ``decay_steps``, ``wave`` is a cosine wave between 0 and 1
    with ``num_periods`` periods.
    """
    with name_scope(name, "LinearCosineDecay") as own:
        rate, periods, offset, floor = _rate(learning_rate, num_periods, alpha, beta)
        done = _done(rate, global_step, decay_steps)
        wave = _half_wave(2.0 * periods * done)
        return math.multiply(rate, (offset + (1.0 - done)) * wave + floor, own)


def noisy_linear_cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    initial_variance: Any = 1.0,
    variance_decay: Any = 0.55,
    num_periods: Any = 0.5,
    alpha: Any = 0.0,
    beta: Any = 0.001,
    name: str | None = None,
) -> Tensor:
    """Return ``linear_cosine_decay`` with normal noise added to its linear part.

    The noise's variance is ``initial_variance / (1 + step)**variance_decay``.
    """
    with name_scope(name, "NoisyLinearCosineDecay") as own:
        rate, periods, offset, floor = _rate(learning_rate, num_periods, alpha, beta)
        done = _done(rate, global_step, decay_steps)
        step = math.minimum(_as_rate(rate, global_step), _as_rate(rate, decay_steps))
        first, speed = _as_rate(rate, initial_variance), _as_rate(rate, variance_decay)
        deviation = powers.sqrt(first / powers.pow(1.0 + step, speed))
        noise = random.random_normal([], dtype=rate.dtype or float32) * deviation
        wave = _half_wave(2.0 * periods * done)
        return math.multiply(rate, (offset + (1.0 - done + noise)) * wave + floor, own)


def _rate(learning_rate: Any, *others: Any) -> list[Tensor]:
    """Return the rate as a float tensor, and the other parameters in its dtype."""
    numeric = isinstance(learning_rate, int)
    rate = convert_to_tensor(float(learning_rate) if numeric else learning_rate)
    return [rate, *[_as_rate(rate, other) for other in others]]


def _as_rate(rate: Tensor, value: Any) -> Tensor:
    """Return a step or parameter in the dtype of the rate."""
    if value is None:
        raise InvalidArgumentError(
            None, None, "a schedule needs a global_step: tf.train.get_or_create_global_step()."
        )
    value = value() if callable(value) else value
    if isinstance(value, Tensor):
        return value if value.dtype is rate.dtype else math.cast(value, rate.dtype or float32)
    return _like(value, rate)


def _like(value: Any, tensor: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else convert_to_tensor(value, tensor.dtype)


def _periods(rate: Tensor, global_step: Any, decay_steps: Any, staircase: bool) -> Tensor:
    periods = _as_rate(rate, global_step) / _as_rate(rate, decay_steps)
    return rounding.floor(periods) if staircase else periods


def _done(rate: Tensor, global_step: Any, decay_steps: Any) -> Tensor:
    """Return how much of ``decay_steps`` is over: from 0 to 1, and then 1."""
    steps = _as_rate(rate, decay_steps)
    return math.minimum(_as_rate(rate, global_step), steps) / steps


def _half_wave(x: Tensor) -> Tensor:
    """Return a cosine wave that falls from 1 at ``x = 0`` to 0 at ``x = 1``."""
    return 0.5 * (1.0 + trigonometry.cos(python_math.pi * x))
