"""Layers of ``tf.contrib.layers`` around others: normalization, dropout, stacks, embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.contrib.framework.variables import add_model_variable, model_variable
from tfmini.contrib.layers.parts import collected, collections_for, make_variable
from tfmini.dtypes import float32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import Ones, Zeros
from tfmini.layers.choice import smart_cond
from tfmini.layers.core import Flatten
from tfmini.layers.normalization import BatchNormalization
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    casting,
    nn,
    normalization,
    powers,
    reductions,
    selection,
)
from tfmini.ops.windows import channels_first
from tfmini.variable_scope import variable_scope


class _BatchNorm(BatchNormalization):
    """Batch normalization that keeps its updates to itself, and fuses matrices too."""

    def __init__(self, fused: bool | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_fuse = fused is not False

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.fused = self._may_fuse and len(input_shape) in (2, 4)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        self._added_updates.append((updates, inputs))


@add_arg_scope
def batch_norm(
    inputs: Any,
    decay: float = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Any = None,
    param_initializers: Any = None,
    param_regularizers: Any = None,
    updates_collections: Any = GraphKeys.UPDATE_OPS,
    is_training: Any = True,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_decay: float = 0.99,
    adjustment: Any = None,
) -> Tensor:
    """Return ``inputs`` normalized for each channel, and activated.

    ``updates_collections=None`` moves the averages whenever the result is computed in training;
    else the operations that do so go to that collection.
    """
    if batch_weights is not None or zero_debias_moving_mean:
        raise InvalidArgumentError(
            None,
            None,
            "batch_norm has no batch_weights and no zero_debias_moving_mean: leave them out.",
        )
    inputs = convert_to_tensor(inputs)
    starts, regularizers = dict(param_initializers or {}), dict(param_regularizers or {})
    with variable_scope(scope, "BatchNorm", [inputs], reuse=reuse) as own:
        layer = _BatchNorm(
            fused, 1 if channels_first(data_format) else -1, decay, epsilon, center, scale,
            starts.get("beta", Zeros), starts.get("gamma", Ones),
            starts.get("moving_mean", Zeros), starts.get("moving_variance", Ones),
            regularizers.get("beta"), regularizers.get("gamma"), renorm=renorm,
            renorm_clipping=renorm_clipping, renorm_momentum=renorm_decay, trainable=trainable,
            adjustment=adjustment, name=own.name, dtype=inputs.dtype, _scope=own, _reuse=reuse,
        )  # fmt: skip
        outputs = layer(inputs, training=is_training)
        _collect_variables(layer, variables_collections)
        graph = get_default_graph()
        if updates_collections is None:
            with graph.control_dependencies(layer.updates):
                outputs = array.identity(outputs)
        else:
            for update in layer.updates:
                graph.add_to_collection(updates_collections, update)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collected(outputs_collections, outputs)


def _collect_variables(layer: BatchNormalization, variables_collections: Any) -> None:
    graph = get_default_graph()
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        variable = getattr(layer, name)
        if variable is not None:
            add_model_variable(variable)
            graph.add_to_collections(collections_for(name, variables_collections), variable)


@add_arg_scope
def layer_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    activation_fn: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> Tensor:
    """Return ``inputs`` normalized over the dimensions from ``begin_norm_axis`` on, with a gain
    and a bias for each place from ``begin_params_axis`` on (Ba et al. 2016, arXiv:1607.06450)."""
    inputs = convert_to_tensor(inputs)
    rank = inputs.spec.rank
    if rank is None:
        raise InvalidArgumentError(inputs.op.info, inputs.op, "its rank must be known.")
    shape = (inputs.spec.shape or ())[begin_params_axis % rank :]
    rest = (None, trainable, variables_collections)
    with variable_scope(scope, "LayerNorm", [inputs], reuse=reuse):
        beta = make_variable("beta", shape, inputs, Zeros, *rest) if center else None
        gamma = make_variable("gamma", shape, inputs, Ones, *rest) if scale else None
        axes = list(range(begin_norm_axis % rank, rank))
        mean, variance = normalization.moments(inputs, axes, keepdims=True)
        outputs = normalization.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)
        outputs.set_shape(inputs.shape)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collected(outputs_collections, outputs)


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
    with variable_scope(scope, "Dropout", [inputs]):
        outputs = smart_cond(
            is_training,
            lambda: nn.dropout(inputs, keep_prob, noise_shape, seed),
            lambda: array.identity(inputs),
        )
    return collected(outputs_collections, outputs)


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> Tensor:
    """Return ``inputs`` with one row for each element of the batch."""
    with variable_scope(scope, "Flatten", [inputs]):
        outputs = Flatten().call(convert_to_tensor(inputs))
    return collected(outputs_collections, outputs)


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
    with variable_scope(scope, "OneHotEncoding", [labels]):
        ids = casting.cast(labels, int64)
        outputs = selection.one_hot(ids, num_classes, on_value=on_value, off_value=off_value)
    return collected(outputs_collections, outputs)


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
    with variable_scope(scope, "BiasAdd", [inputs], reuse=reuse):
        size = (inputs.spec.shape or (None,))[1 if channels_first(data_format) else -1]
        biases = make_variable(
            "biases", (size,), inputs, initializer, regularizer, trainable, variables_collections
        )
        outputs = nn.bias_add(inputs, biases, data_format)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collected(outputs_collections, outputs)


def softmax(logits: Any, scope: Any = None) -> Tensor:
    """Return the softmax over the last dimension."""
    with variable_scope(scope, "softmax", [logits]):
        return activations.softmax(logits)


def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Tensor:
    """Return ``inputs`` divided by ``sqrt(epsilon + sum(inputs**2))`` along ``dim``."""
    with variable_scope(scope, "UnitNorm", [inputs]):
        squares = reductions.reduce_sum(powers.square(inputs), dim, keepdims=True)
        return convert_to_tensor(inputs) / powers.sqrt(epsilon + squares)


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: Any = None,
) -> Tensor:
    """Return rows ``ids`` of a variable ``embeddings`` [vocab_size, embed_dim]."""
    if not (reuse or (vocab_size and embed_dim)):
        raise InvalidArgumentError(
            None, None, "embed_sequence needs vocab_size and embed_dim to make its variable."
        )
    with variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = (vocab_size, embed_dim) if vocab_size and embed_dim else None
        table = model_variable("embeddings", shape, float32, initializer, regularizer, trainable)
        return nn.embedding_lookup(table, ids)


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
