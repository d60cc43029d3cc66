"""Activations and initializers by name: layers take ``"relu"`` as well as ``tf.nn.relu``."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tfmini import initializers
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import activations, array, exponential
from tfmini.ops import math as numbers

_ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "elu": activations.elu, "exponential": exponential.exp, "linear": array.identity,
    "relu": activations.relu, "selu": activations.selu, "sigmoid": exponential.sigmoid,
    "softmax": activations.softmax, "softplus": exponential.softplus,
    "softsign": activations.softsign, "tanh": exponential.tanh,
    "hard_sigmoid": lambda x: numbers.clip_by_value(0.2 * x + 0.5, 0.0, 1.0),
}  # fmt: skip

_INITIALIZERS: dict[str, Callable[..., Any]] = {
    "zeros": initializers.Zeros, "ones": initializers.Ones, "constant": initializers.Constant,
    "uniform": initializers.RandomUniform, "random_uniform": initializers.RandomUniform,
    "normal": initializers.RandomNormal, "random_normal": initializers.RandomNormal,
    "truncated_normal": initializers.TruncatedNormal, "orthogonal": initializers.Orthogonal,
    "identity": initializers.Identity, "glorot_uniform": initializers.GlorotUniform,
    "glorot_normal": initializers.GlorotNormal, "he_normal": initializers.he_normal,
    "he_uniform": initializers.he_uniform, "lecun_normal": initializers.lecun_normal,
    "lecun_uniform": initializers.lecun_uniform,
    "variance_scaling": initializers.VarianceScaling,
}  # fmt: skip


def _looked_up(what: str, name: str, known: Mapping[str, Any]) -> Any:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(known))}."
    raise InvalidArgumentError(None, None, f"unknown {what} {name!r}.{hint}")


def activation_of(given: Any) -> Callable[..., Any] | None:
    """Return the activation that ``given``, a function, a name or None, stands for."""
    if isinstance(given, str):
        return None if given == "linear" else _looked_up("activation", given, _ACTIVATIONS)
    if given is not None and not callable(given):
        raise InvalidTypeError(None, None, f"activation={given!r} is no function and no name.")
    return given


def initializer_of(given: Any) -> Any:
    """Return the initializer that ``given``, one itself, a class, a name or None, stands for."""
    if isinstance(given, str):
        return _looked_up("initializer", given, _INITIALIZERS)()
    return given() if inspect.isclass(given) else given
