"""What the layers of ``tf.contrib.layers`` share: variables, normalizer and activation."""

from __future__ import annotations

from typing import Any

from tfmini.contrib.framework.variables import model_variable
from tfmini.contrib.layers.aliases import get_variable_collections
from tfmini.nodes import Tensor
from tfmini.ops import nn
from tfmini.ops.windows import channels_first


def collections_for(name: str, variables_collections: Any) -> list[Any]:
    """Return the collections of variable ``name``, in a list."""
    return list(get_variable_collections(variables_collections, name) or ())


def make_variable(
    name: str, shape: Any, like: Tensor, initializer: Any, regularizer: Any, trainable: bool,
    variables_collections: Any,
) -> Any:  # fmt: skip
    """Return a model variable of the dtype of ``like``."""
    return model_variable(
        name, shape=shape, dtype=like.dtype, initializer=initializer, regularizer=regularizer,
        trainable=trainable, collections=collections_for(name, variables_collections),
    )  # fmt: skip


def finished(
    outputs: Tensor, units: int, normalizer_fn: Any, normalizer_params: Any, activation_fn: Any,
    biases: tuple[Any, ...], data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Return ``outputs`` normalized, or else with biases added, and activated.

    ``biases`` are initializer, regularizer, trainable and collections; no initializer: no biases.
    """
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    elif biases[0] is not None:
        bias = make_variable("biases", (units,), outputs, *biases)
        first = channels_first(data_format)
        outputs = nn.bias_add(outputs, bias, "NCHW" if first else None)
    return outputs if activation_fn is None else activation_fn(outputs)
