"""Layers of ``tf.contrib.layers`` around others: dropout, biases, one-hot rows, stacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.contrib.layers.aliases import collect_named_outputs
from tfmini.contrib.layers.parts import make_variable
from tfmini.defaults import name_scope
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError
from tfmini.initializers import Zeros
from tfmini.layers.choice import smart_cond
from tfmini.layers.core import Flatten
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    casting,
    nn,
    powers,
    reductions,
    selection,
)
from tfmini.ops.windows import channels_first
from tfmini.variable_scope import variable_scope


@add_arg_scope
def dropout(
    inputs: Any,
    keep_prob: Any = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> Tensor:
    """Return ``inputs``, while training with each element kept with probability ``keep_prob``."""
    inputs = convert_to_tensor(inputs)
    with variable_scope(scope, "Dropout", [inputs]) as own:
        outputs = smart_cond(
            is_training,
            lambda: nn.dropout(inputs, keep_prob, noise_shape, seed),
            lambda: array.identity(inputs),
        )
    return collect_named_outputs(outputs_collections, own.name, outputs)


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> Tensor:
    """Return ``inputs`` with one row for each element of the batch."""
    inputs = convert_to_tensor(inputs)
    if not inputs.spec.rank:
        raise InvalidArgumentError(inputs.op.info, inputs.op, "flatten: its rank must be known.")
    with name_scope(scope, "Flatten", [inputs]) as own:
        outputs = Flatten().call(inputs)
    return collect_named_outputs(outputs_collections, own, outputs)


@add_arg_scope
def one_hot_encoding(
    labels: Any,
    num_classes: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    outputs_collections: Any = None,
    scope: Any = None,
) -> Tensor:
    """Return a row for each label that is ``on_value`` at its class and ``off_value`` elsewhere."""
    with name_scope(scope, "OneHotEncoding", [labels]) as own:
        ids = casting.cast(labels, int64)
        outputs = selection.one_hot(ids, num_classes, on_value=on_value, off_value=off_value)
    return collect_named_outputs(outputs_collections, own, outputs)


@add_arg_scope
def bias_add(
    inputs: Any,
    activation_fn: Any = None,
    initializer: Any = Zeros,
    regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Tensor:
    """Return ``inputs`` plus a variable ``biases``, one for each channel."""
    inputs = convert_to_tensor(inputs)
    with variable_scope(scope, "BiasAdd", [inputs], reuse=reuse) as own:
        size = (inputs.spec.shape or (None,))[1 if channels_first(data_format) else -1]
        biases = make_variable(
            "biases", (size,), inputs, initializer, regularizer, trainable, variables_collections
        )
        outputs = nn.bias_add(inputs, biases, data_format)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collect_named_outputs(outputs_collections, own.name, outputs)


def softmax(logits: Any, scope: Any = None) -> Tensor:
    """Return the softmax over the last dimension."""
    with variable_scope(scope, "softmax", [logits]):
        return activations.softmax(logits)


def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Tensor:
    """Return ``inputs`` divided by ``sqrt(epsilon + sum(inputs**2))`` along ``dim``, from 0."""
    inputs = convert_to_tensor(inputs)
    if inputs.spec.rank is None or not 0 <= dim < inputs.spec.rank:
        raise InvalidArgumentError(
            inputs.op.info, inputs.op, f"dim={dim} must be from 0 to below its rank, a known one."
        )
    with variable_scope(scope, "UnitNorm", [inputs]):
        squares = reductions.reduce_sum(powers.square(inputs), dim, keepdims=True)
        return inputs / powers.sqrt(epsilon + squares)


def repeat(
    inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Return ``layer`` applied ``repetitions`` times, in scopes ``name/name_1``, ...; the name is
    ``scope`` where given, else the layer's."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Repeat", [inputs]):
        base = scope or getattr(layer, "__name__", "repeat")
        base = base.rpartition("/")[2]
        outputs = inputs
        for i in range(repetitions):
            outputs = layer(outputs, *args, **kwargs, scope=f"{base}_{i + 1}")
        return outputs


def stack(inputs: Any, layer: Callable[..., Any], stack_args: Any, **kwargs: Any) -> Any:
    """Return ``layer`` applied once for each item of ``stack_args``, its further arguments."""
    scope = kwargs.pop("scope", None)
    with variable_scope(scope, "Stack", [inputs]):
        base = scope or getattr(layer, "__name__", "stack")
        base = base.rpartition("/")[2]
        outputs = inputs
        for i, given in enumerate(stack_args):
            listed = given if isinstance(given, (list, tuple)) else [given]
            outputs = layer(outputs, *listed, **kwargs, scope=f"{base}_{i + 1}")
        return outputs
