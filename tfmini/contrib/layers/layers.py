"""``fully_connected``, convolutions and pools of ``tf.contrib.layers``.

Each opens a variable scope (``Conv``, ``Conv_1``, ...) and makes ``weights`` and ``biases`` in it;
then come the normalizer, instead of biases where there is one, and the activation.
"""

from __future__ import annotations

import numbers
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.contrib.layers.aliases import collect_named_outputs
from tfmini.contrib.layers.initializers import xavier_initializer
from tfmini.contrib.layers.parts import finished, make_variable
from tfmini.defaults import name_scope
from tfmini.errors import InvalidArgumentError
from tfmini.initializers import Zeros
from tfmini.layers.convolution import Conv2DTranspose, Conv3DTranspose
from tfmini.layers.windows import ints
from tfmini.nodes import Tensor
from tfmini.ops import activations, contraction, convolving, layout, pooling, products
from tfmini.ops.windows import channels_first
from tfmini.variable_scope import variable_scope

_XAVIER = xavier_initializer()
_ZEROS = Zeros()
_DEFAULT_FORMAT = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def _channels(inputs: Tensor, axis: int, what: str) -> int:
    shape = inputs.spec.shape
    if not shape or shape[axis] is None:
        raise InvalidArgumentError(
            inputs.op.info, inputs.op, f"{what} needs a known dimension {axis}; use set_shape."
        )
    return int(shape[axis])


@add_arg_scope
def fully_connected(
    inputs: Any,
    num_outputs: int,
    activation_fn: Any = activations.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """Return ``activation_fn(inputs @ weights + biases)``, over the last dimension.

    Note the activation: relu, unless told otherwise.
    """
    inputs = convert_to_tensor(inputs)
    rows = _channels(inputs, -1, "fully_connected")
    if not isinstance(num_outputs, numbers.Integral):
        raise InvalidArgumentError(
            inputs.op.info, inputs.op, f"num_outputs must be an integer, not {num_outputs!r}."
        )
    units = int(num_outputs)
    with variable_scope(scope, "fully_connected", [inputs], reuse=reuse) as own:
        weights = make_variable(
            "weights", (rows, units), inputs, weights_initializer, weights_regularizer, trainable,
            variables_collections,
        )  # fmt: skip
        if inputs.spec.rank == 2:
            outputs = products.matmul(inputs, weights)
        else:
            outputs = contraction.tensordot(inputs, weights, 1)
        biases = (biases_initializer, biases_regularizer, trainable, variables_collections)
        outputs = finished(outputs, units, normalizer_fn, normalizer_params, activation_fn, biases)
    return collect_named_outputs(outputs_collections, own.name, outputs)


def _convolution(space: int | None) -> Any:
    def convolution(
        inputs: Any,
        num_outputs: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: str = "SAME",
        data_format: str | None = None,
        rate: Any = 1,
        activation_fn: Any = activations.relu,
        normalizer_fn: Any = None,
        normalizer_params: Any = None,
        weights_initializer: Any = _XAVIER,
        weights_regularizer: Any = None,
        biases_initializer: Any = _ZEROS,
        biases_regularizer: Any = None,
        reuse: Any = None,
        variables_collections: Any = None,
        outputs_collections: Any = None,
        trainable: bool = True,
        scope: Any = None,
        conv_dims: int | None = None,
    ) -> Tensor:
        inputs = convert_to_tensor(inputs)
        dims = conv_dims or space or (inputs.spec.rank or 0) - 2
        if dims not in (1, 2, 3) or inputs.spec.rank not in (None, dims + 2):
            raise InvalidArgumentError(
                inputs.op.info, inputs.op,
                f"a convolution over {dims} dimensions can't take rank {inputs.spec.rank}.",
            )  # fmt: skip
        form = data_format or _DEFAULT_FORMAT[dims]
        channels = _channels(inputs, 1 if channels_first(form) else -1, "a convolution")
        filters = int(num_outputs)
        strides, rates = ints("stride", stride, dims), ints("rate", rate, dims)
        if max(strides) > 1 and max(rates) > 1:
            raise InvalidArgumentError(
                inputs.op.info, inputs.op, "a convolution takes a stride or a rate over 1, not both"
            )
        with variable_scope(scope, "Conv", [inputs], reuse=reuse) as own:
            weights = make_variable(
                "weights", (*ints("kernel_size", kernel_size, dims), channels, filters), inputs,
                weights_initializer, weights_regularizer, trainable, variables_collections,
            )  # fmt: skip
            outputs = _FORWARD[dims](
                inputs, weights, strides, padding.upper(), data_format=form, dilations=rates,
            )  # fmt: skip
            biases = (biases_initializer, biases_regularizer, trainable, variables_collections)
            outputs = finished(
                outputs, filters, normalizer_fn, normalizer_params, activation_fn, biases, form
            )
        return collect_named_outputs(outputs_collections, own.name, outputs)

    name = "convolution" if space is None else f"convolution{space}d"
    convolution.__name__ = convolution.__qualname__ = name
    convolution.__doc__ = (
        f"Return the convolution over {space or '1, 2 or 3'} dimensions, with biases or normalized,"
        f" and activated: by relu, unless told otherwise."
    )
    return add_arg_scope(convolution)


_FORWARD = {1: convolving.conv1d, 2: convolving.conv2d, 3: convolving.conv3d}
convolution = _convolution(None)
convolution1d, convolution2d, convolution3d = (_convolution(n) for n in (1, 2, 3))


def _transposed(layer: Any, default: str, default_format: str) -> Any:
    def transposed(
        inputs: Any,
        num_outputs: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: str = "SAME",
        data_format: str = default_format,
        activation_fn: Any = activations.relu,
        normalizer_fn: Any = None,
        normalizer_params: Any = None,
        weights_initializer: Any = _XAVIER,
        weights_regularizer: Any = None,
        biases_initializer: Any = _ZEROS,
        biases_regularizer: Any = None,
        reuse: Any = None,
        variables_collections: Any = None,
        outputs_collections: Any = None,
        trainable: bool = True,
        scope: Any = None,
    ) -> Tensor:
        inputs = convert_to_tensor(inputs)
        first = channels_first(data_format)
        channels = _channels(inputs, 1 if first else -1, "a transposed convolution")
        words = "channels_first" if first else "channels_last"
        one = layer(num_outputs, kernel_size, stride, padding, words)
        with variable_scope(scope, default, [inputs], reuse=reuse) as own:
            one.kernel = make_variable(
                "weights", (*one.kernel_size, *one.last_dimensions(channels)), inputs,
                weights_initializer, weights_regularizer, trainable, variables_collections,
            )  # fmt: skip
            biases = (biases_initializer, biases_regularizer, trainable, variables_collections)
            outputs = finished(
                one.convolve(inputs), one.filters, normalizer_fn, normalizer_params,
                activation_fn, biases, data_format,
            )  # fmt: skip
        return collect_named_outputs(outputs_collections, own.name, outputs)

    transposed.__name__ = transposed.__qualname__ = default.lower().replace("conv", "convolution")
    transposed.__doc__ = (
        "Return the transposed convolution, with biases or normalized, and activated: by relu, "
        "unless told otherwise."
    )
    return add_arg_scope(transposed)


convolution2d_transpose = _transposed(Conv2DTranspose, "Conv2d_transpose", "NHWC")
convolution3d_transpose = _transposed(Conv3DTranspose, "Conv3d_transpose", "NDHWC")


@add_arg_scope
def separable_convolution2d(
    inputs: Any,
    num_outputs: int | None,
    kernel_size: Any,
    depth_multiplier: int = 1,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Any = 1,
    activation_fn: Any = activations.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    pointwise_initializer: Any = None,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """Return the convolution of each channel alone and then, unless ``num_outputs`` is None, of
    the channels at each place."""
    inputs = convert_to_tensor(inputs)
    form = data_format
    channels = _channels(inputs, 1 if channels_first(form) else -1, "a separable convolution")
    window, strides = ints("kernel_size", kernel_size, 2), ints("stride", stride, 2)
    rates, between = ints("rate", rate, 2), channels * int(depth_multiplier)
    rest = (weights_regularizer, trainable, variables_collections)
    with variable_scope(scope, "SeparableConv2d", [inputs], reuse=reuse) as own:
        depthwise = make_variable(
            "depthwise_weights", (*window, channels, int(depth_multiplier)), inputs,
            weights_initializer, *rest,
        )  # fmt: skip
        units = between if num_outputs is None else int(num_outputs)
        if num_outputs is None:
            outputs = convolving.depthwise_conv2d(
                inputs, depthwise, strides, padding.upper(), rates, None, form
            )
        else:
            pointwise = make_variable(
                "pointwise_weights", (1, 1, between, units), inputs,
                pointwise_initializer or weights_initializer, *rest,
            )  # fmt: skip
            outputs = convolving.separable_conv2d(
                inputs, depthwise, pointwise, strides, padding.upper(), rates, None, form
            )
        biases = (biases_initializer, biases_regularizer, trainable, variables_collections)
        outputs = finished(
            outputs, units, normalizer_fn, normalizer_params, activation_fn, biases, form
        )
    return collect_named_outputs(outputs_collections, own.name, outputs)


@add_arg_scope
def convolution2d_in_plane(
    inputs: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    activation_fn: Any = activations.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """Return the convolution of each channel alone, all with the same weights [h, w, 1, 1]."""
    inputs = convert_to_tensor(inputs)
    channels = _channels(inputs, -1, "a convolution in a plane")
    with variable_scope(scope, "ConvInPlane", [inputs], reuse=reuse) as own:
        weights = make_variable(
            "weights", (*ints("kernel_size", kernel_size, 2), 1, 1), inputs, weights_initializer,
            weights_regularizer, trainable, variables_collections,
        )  # fmt: skip
        outputs = convolving.depthwise_conv2d(
            inputs, layout.tile(weights, [1, 1, channels, 1]),
            [1, *ints("stride", stride, 2), 1], padding.upper(),
        )  # fmt: skip
        biases = (biases_initializer, biases_regularizer, trainable, variables_collections)
        outputs = finished(
            outputs, channels, normalizer_fn, normalizer_params, activation_fn, biases
        )
    return collect_named_outputs(outputs_collections, own.name, outputs)


def _pool(name: str, function: Any, scope_name: str, space: int) -> Any:
    default_format = _DEFAULT_FORMAT[space]

    def pool(
        inputs: Any,
        kernel_size: Any,
        stride: Any = 2,
        padding: str = "VALID",
        data_format: str = default_format,
        outputs_collections: Any = None,
        scope: Any = None,
    ) -> Tensor:
        with name_scope(scope, scope_name, [inputs]) as own:
            window, strides = ints("kernel_size", kernel_size, space), ints("stride", stride, space)
            outputs = function(inputs, window, strides, padding.upper(), data_format)
        return collect_named_outputs(outputs_collections, own, outputs)

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"Return the {'largest element' if 'max' in name else 'mean'} of each window."
    return add_arg_scope(pool)


max_pool2d = _pool("max_pool2d", pooling.max_pool, "MaxPool2D", 2)
max_pool3d = _pool("max_pool3d", pooling.max_pool3d, "MaxPool3D", 3)
avg_pool2d = _pool("avg_pool2d", pooling.avg_pool, "AvgPool2D", 2)
avg_pool3d = _pool("avg_pool3d", pooling.avg_pool3d, "AvgPool3D", 3)


def relu(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """Return ``fully_connected`` with relu."""
    return fully_connected(inputs, num_outputs, **{"activation_fn": activations.relu, **kwargs})


def relu6(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """Return ``fully_connected`` with relu6."""
    return fully_connected(inputs, num_outputs, **{"activation_fn": activations.relu6, **kwargs})


def linear(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """Return ``fully_connected`` without an activation."""
    return fully_connected(inputs, num_outputs, **{"activation_fn": None, **kwargs})


def elu(inputs: Any, num_outputs: int, **kwargs: Any) -> Tensor:
    """Return ``fully_connected`` with elu."""
    return fully_connected(inputs, num_outputs, **{"activation_fn": activations.elu, **kwargs})
