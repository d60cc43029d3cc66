"""Initializers whose spread keeps the variance of activations from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tfmini.dtypes import as_dtype, float32
from tfmini.errors import InvalidTypeError
from tfmini.initializers import fans
from tfmini.ops import random
from tfmini.shapes import TensorShape


def variance_scaling_initializer(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: int | None = None,
    dtype: Any = float32,
) -> Callable[..., Any]:  # fmt: skip
    """Return an initializer of variance ``factor / n``.

    n is the number of inputs ("FAN_IN"), of outputs ("FAN_OUT"), or their mean ("FAN_AVG").  The
    defaults are those of He et al. 2015, https://arxiv.org/abs/1502.01852.
    """
    if not as_dtype(dtype).is_floating:
        raise InvalidTypeError(None, None, f"the initializer makes floats, not {dtype!r}.")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise InvalidTypeError(None, None, f"mode={mode!r}: use FAN_IN, FAN_OUT or FAN_AVG.")

    def initializer(shape: Any, dtype: Any = dtype, partition_info: Any = None) -> Any:
        n_in, n_out = fans(TensorShape(shape).as_list())
        n = {"FAN_IN": n_in, "FAN_OUT": n_out, "FAN_AVG": (n_in + n_out) / 2.0}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return random.random_uniform(shape, -limit, limit, dtype, seed)
        # Cutting a normal distribution at two deviations takes a share of its variance: 1.3 puts
        # it back, as TensorFlow rounds it.
        return random.truncated_normal(shape, 0.0, math.sqrt(1.3 * factor / n), dtype, seed)

    return initializer


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: Any = float32
) -> Callable[..., Any]:
    """Return an initializer of variance 2 / (inputs + outputs).

    Glorot and Bengio 2010, http://proceedings.mlr.press/v9/glorot10a.html.
    """
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer
