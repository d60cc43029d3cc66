"""What the layers of ``tf.contrib.layers`` share: variables, normalizer and activation, aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfmini.contrib.framework.variables import model_variable
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import nn
from tfmini.ops.windows import channels_first


def collections_for(name: str, variables_collections: Any) -> list[Any]:
    """Return the collections of variable ``name``: a list is for all, a dict has one for each."""
    if isinstance(variables_collections, Mapping):
        return list(variables_collections.get(name) or ())
    return list(variables_collections or ())


def make_variable(
    name: str, shape: Any, like: Tensor, initializer: Any, regularizer: Any, trainable: bool,
    variables_collections: Any,
) -> Any:  # fmt: skip
    """Return a model variable of the dtype of ``like``."""
    return model_variable(
        name, shape, like.dtype, initializer, regularizer, trainable,
        collections_for(name, variables_collections),
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


def collected(outputs_collections: Any, outputs: Any) -> Any:
    """Return ``outputs``, added to the collections."""
    if outputs_collections:
        names = outputs_collections
        if not isinstance(names, (list, tuple)):
            names = [names]
        get_default_graph().add_to_collections(names, outputs)
    return outputs
