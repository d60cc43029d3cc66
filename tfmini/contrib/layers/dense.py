"""``legacy_fully_connected`` of ``tf.contrib.layers``: weights and activations in collections.

In: tensors of rank 2 or more.  Out: tensors; variables ``weights`` and ``bias``.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.layers.aliases import last_dimension
from tfmini.contrib.layers.initializers import xavier_initializer
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import Zeros
from tfmini.nodes import Tensor
from tfmini.ops import activations, contraction, nn, products
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import variable_scope

_XAVIER, _ZEROS = xavier_initializer(), Zeros()


def legacy_fully_connected(
    x: Any,
    num_output_units: int,
    activation_fn: Any = None,
    weight_init: Any = _XAVIER,
    bias_init: Any = _ZEROS,
    name: str | None = None,
    weight_collections: Any = (GraphKeys.WEIGHTS,),
    bias_collections: Any = (GraphKeys.BIASES,),
    output_collections: Any = (GraphKeys.ACTIVATIONS,),
    trainable: bool = True,
    weight_regularizer: Any = None,
    bias_regularizer: Any = None,
) -> Tensor:
    """Return ``activation_fn(x @ weights + bias)`` over the last dimension.

    ``bias_init=None``: no bias.  Weights, biases and results are added to their collections.
    """
    with variable_scope(name, "fully_connected", [x]):
        x = convert_to_tensor(x)
        units = last_dimension(x.shape, min_rank=2)
        weights = get_variable(
            "weights", (units, num_output_units), x.dtype, weight_init, weight_regularizer,
            trainable, _with_global(weight_collections),
        )  # fmt: skip
        flat = x.spec.rank == 2
        y = products.matmul(x, weights) if flat else contraction.tensordot(x, weights, 1)
        if bias_init is not None:
            bias = get_variable(
                "bias", (num_output_units,), x.dtype, bias_init, bias_regularizer, trainable,
                _with_global(bias_collections),
            )  # fmt: skip
            y = nn.bias_add(y, bias)
        y = y if activation_fn is None else activation_fn(y)
        get_default_graph().add_to_collections(list(output_collections or ()), y)
        return y


def _with_global(collections: Any) -> list[Any]:
    return list(dict.fromkeys([*(collections or ()), GraphKeys.GLOBAL_VARIABLES]))


def legacy_relu(x: Any, num_output_units: int, **kwargs: Any) -> Tensor:
    """Return ``legacy_fully_connected`` with relu."""
    options = {"activation_fn": activations.relu, **kwargs}
    return legacy_fully_connected(x, num_output_units, **options)


def legacy_linear(x: Any, num_output_units: int, **kwargs: Any) -> Tensor:
    """Return ``legacy_fully_connected`` without an activation."""
    return legacy_fully_connected(x, num_output_units, **{"activation_fn": None, **kwargs})
