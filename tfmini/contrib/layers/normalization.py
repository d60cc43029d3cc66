"""Normalizing layers of ``tf.contrib.layers``: over a batch, a layer, an image, groups of channels.

In: tensors, batch first.  Out: tensors of the same shape; variables ``beta`` and ``gamma``, and for
batches the moving averages with what updates them.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.contrib.framework.variables import add_model_variable
from tfmini.contrib.layers.aliases import collect_named_outputs
from tfmini.contrib.layers.parts import collections_for, make_variable
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import Ones, Zeros
from tfmini.layers.choice import smart_cond
from tfmini.layers.normalization import BatchNormalization, _Normalized
from tfmini.nodes import Tensor
from tfmini.ops import array, math, normalization
from tfmini.ops.windows import channels_first
from tfmini.train.averages import assign_moving_average
from tfmini.variable_scope import variable_scope


class _BatchNorm(BatchNormalization):
    """Batch normalization that keeps its updates to itself, and fuses matrices too.

    ``batch_weights``, one for each element of the batch, weight the moments; with ``debias`` the
    moving mean is corrected for its start at 0.
    """

    def __init__(self, fused: bool, batch_weights: Any, debias: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._may_fuse = fused and batch_weights is None
        self._weights, self._debias = batch_weights, debias

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.fused = self._may_fuse and len(input_shape) in (2, 4)

    def call(self, inputs: Any, training: Any = False) -> Tensor:
        self._training = training
        return super().call(inputs, training)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        self._added_updates.append((getattr(updates, "op", updates), inputs))

    def _add_averages(self, inputs: Tensor, mean: Tensor, variance: Tensor) -> None:
        if not self._debias:
            return super()._add_averages(inputs, mean, variance)
        keep = self.momentum
        # The count of updates rests where nothing is trained, so the update itself is a choice.
        moved = smart_cond(
            self._training,
            lambda: array.identity(assign_moving_average(self.moving_mean, mean, keep)),
            lambda: array.identity(self.moving_mean),
        )
        self.add_update(moved, inputs)
        self.add_update(assign_moving_average(self.moving_variance, variance, keep, False), inputs)

    def _with_moments_of(self, x: Tensor) -> _Normalized:
        if self._weights is None:
            return super()._with_moments_of(x)
        rank = x.spec.rank or 1
        others = [i for i in range(rank) if i not in self.axis]
        weights = array.reshape(math.cast(self._weights, x.dtype), [-1] + [1] * (rank - 1))
        mean, variance = normalization.weighted_moments(x, others, weights)
        return _Normalized(self._normalized(x, mean, variance, self.epsilon), mean, variance)


class _Legacy(_BatchNorm):
    """The same, its variables in the order of what TensorFlow does without its core layer."""

    _order = ("beta", "gamma")


def _rank(inputs: Tensor) -> int:
    if inputs.spec.rank is None:
        raise InvalidArgumentError(inputs.op.info, inputs.op, "its rank must be known.")
    return inputs.spec.rank


def _check_format(data_format: str) -> None:
    if data_format not in ("NHWC", "NCHW"):
        raise InvalidArgumentError(
            None, None, f"data_format has to be either NCHW or NHWC, not {data_format!r}."
        )


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

    Parameters
    ----------
    decay : share of the old averages that an update keeps
    param_initializers, param_regularizers : dicts by "beta", "gamma", "moving_mean" ...
    updates_collections : where the operations go that move the averages
        None: they move whenever the result is computed in training.
    batch_weights : [batch], how much each element counts in the moments
    zero_debias_moving_mean : whether the moving mean is corrected for its start at 0
    """
    inputs = convert_to_tensor(inputs)
    _check_format(data_format)
    rank = _rank(inputs)
    starts, regularizers = dict(param_initializers or {}), dict(param_regularizers or {})
    core = updates_collections == GraphKeys.UPDATE_OPS and not zero_debias_moving_mean
    core = core and batch_weights is None and (rank != 2 or fused is False)
    with variable_scope(scope, "BatchNorm", [inputs], reuse=reuse) as own:
        layer = (_BatchNorm if core else _Legacy)(
            fused is not False, batch_weights, zero_debias_moving_mean,
            axis=1 if channels_first(data_format) else -1, momentum=decay, epsilon=epsilon,
            center=center, scale=scale, beta_initializer=starts.get("beta", Zeros),
            gamma_initializer=starts.get("gamma", Ones),
            moving_mean_initializer=starts.get("moving_mean", Zeros),
            moving_variance_initializer=starts.get("moving_variance", Ones),
            beta_regularizer=regularizers.get("beta"), gamma_regularizer=regularizers.get("gamma"),
            renorm=renorm, renorm_clipping=renorm_clipping, renorm_momentum=renorm_decay,
            trainable=trainable, adjustment=adjustment, name=own.name, dtype=inputs.dtype,
            _scope=own, _reuse=reuse,
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
    return collect_named_outputs(outputs_collections, own.name, outputs)


def _collect_variables(layer: _BatchNorm, variables_collections: Any) -> None:
    graph = get_default_graph()
    for name in (*layer._order, "moving_mean", "moving_variance"):
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
    rank = _rank(inputs)
    if begin_params_axis >= rank or begin_norm_axis >= rank:
        raise InvalidArgumentError(
            inputs.op.info, inputs.op, f"begin_norm_axis={begin_norm_axis} and begin_params_axis="
            f"{begin_params_axis} must be below its rank, {rank}.",
        )  # fmt: skip
    shape = (inputs.spec.shape or ())[begin_params_axis % rank :]
    rest = (None, trainable, variables_collections)
    with variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as own:
        beta = make_variable("beta", shape, inputs, Zeros, *rest) if center else None
        gamma = make_variable("gamma", shape, inputs, Ones, *rest) if scale else None
        axes = list(range(begin_norm_axis % rank, rank))
        mean, variance = normalization.moments(inputs, axes, keepdims=True)
        outputs = normalization.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)
        outputs.set_shape(inputs.shape)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collect_named_outputs(outputs_collections, own.name, outputs)


@add_arg_scope
def instance_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Any = None,
    param_initializers: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Tensor:
    """Return each channel of each element of the batch normalized over its places (Ulyanov et al.
    2016, https://arxiv.org/abs/1607.08022)."""
    inputs = convert_to_tensor(inputs)
    rank = _rank(inputs)
    _check_format(data_format)
    axis = 1 if data_format == "NCHW" else rank - 1
    with variable_scope(scope, "InstanceNorm", [inputs], reuse=reuse) as own:
        shape = [1] * axis + [-1] + [1] * (rank - 1 - axis)
        beta, gamma = _scales(
            inputs, axis, shape, center, scale, param_initializers, trainable,
            variables_collections,
        )  # fmt: skip
        axes = [i for i in range(1, rank) if i != axis]
        mean, variance = normalization.moments(inputs, axes, keepdims=True)
        outputs = normalization.batch_normalization(
            inputs, mean, variance, beta, gamma, epsilon, "instancenorm"
        )
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collect_named_outputs(outputs_collections, own.name, outputs)


def _scales(
    inputs: Tensor, axis: int, shape: list[int], center: bool, scale: bool, initializers: Any,
    trainable: bool, variables_collections: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Return beta and gamma, one number for each channel, as ``shape``; or None."""
    channels = (inputs.spec.shape or ())[axis]
    if channels is None:
        raise InvalidArgumentError(
            inputs.op.info, inputs.op, f"its dimension {axis}, the channels, must be known."
        )
    found: list[Any] = []
    for name, wanted, start in (("beta", center, Zeros), ("gamma", scale, Ones)):
        initializer = (initializers or {}).get(name, start)
        made = wanted and make_variable(
            name, (channels,), inputs, initializer, None, trainable, variables_collections
        )
        found.append(array.reshape(made, shape) if wanted else None)
    return found[0], found[1]


@add_arg_scope
def group_norm(
    inputs: Any,
    groups: int = 32,
    channels_axis: int = -1,
    reduction_axes: Any = (-3, -2),
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Any = None,
    param_initializers: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    mean_close_to_zero: bool = False,
) -> Tensor:
    """Return ``inputs`` normalized over ``reduction_axes`` and over the channels of each of
    ``groups`` groups (Wu and He 2018, https://arxiv.org/abs/1803.08494).

    ``mean_close_to_zero``: the variance is that of sums of squares, faster and less exact.
    """
    inputs = convert_to_tensor(inputs)
    rank = _rank(inputs)
    axis, others = channels_axis % rank, [a % rank for a in reduction_axes]
    channels = _groupable(inputs, groups, channels_axis, axis, list(reduction_axes), others)
    sizes = [n or array.shape(inputs)[i] for i, n in enumerate(inputs.spec.shape or ())]
    split = [groups, channels // groups]
    with variable_scope(scope, "GroupNorm", [inputs], reuse=reuse) as own:
        beta, gamma = _scales(
            inputs, axis, [1] * axis + split + [1] * (rank - 1 - axis), center, scale,
            param_initializers, trainable, variables_collections,
        )  # fmt: skip
        grouped = array.reshape(inputs, sizes[:axis] + split + sizes[axis + 1 :])
        axes = [axis + 1, *(a + (a > axis) for a in others)]
        if mean_close_to_zero:
            sums = normalization.sufficient_statistics(grouped, axes, keepdims=True)
            mean, variance = normalization.normalize_moments(*sums[:3])
        else:
            mean, variance = normalization.moments(grouped, axes, keepdims=True)
        outputs = normalization.batch_normalization(grouped, mean, variance, beta, gamma, epsilon)
        outputs = array.reshape(outputs, sizes)
        outputs = outputs if activation_fn is None else activation_fn(outputs)
    return collect_named_outputs(outputs_collections, own.name, outputs)


def _groupable(
    inputs: Tensor, groups: int, channels_axis: int, axis: int, given: list[int], others: list[int]
) -> int:
    """Return the number of channels, which must be of whole groups."""
    shape = inputs.spec.shape or ()

    def need(right: bool, text: str) -> None:
        if not right:
            raise InvalidArgumentError(inputs.op.info, inputs.op, f"group_norm: {text}.")

    need(channels_axis < len(shape), f"channels_axis={channels_axis} is out of bounds")
    need(all(a < len(shape) for a in given), f"reduction_axes={given} are out of bounds")
    need(axis not in others, "reduction_axes must not have the channels among them")
    need(all(shape[a] is not None for a in others), "what is reduced must have a known size")
    channels = shape[axis]
    if channels is None or channels % groups or groups > channels:
        need(False, f"{channels} channels do not make {groups} groups")
    return int(channels or 0)
