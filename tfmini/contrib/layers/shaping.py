"""Layers of ``tf.contrib.layers`` that turn one form of data into another, or sum it up.

In: images, sequences, features.  Out: sequences of their columns and back, the largest of groups of
features, the places where features are, sparse tensors.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.contrib.framework.variables import model_variable
from tfmini.contrib.layers.aliases import collect_named_outputs, n_positive_integers
from tfmini.contrib.layers.encoders import without
from tfmini.contrib.layers.parts import collections_for
from tfmini.defaults import name_scope
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.initializers import Constant
from tfmini.nodes import Tensor
from tfmini.ops import activations, array, creation, joining, pooling, reductions
from tfmini.ops.custom_gradients import custom_gradient
from tfmini.ops.sparse import SparseTensor
from tfmini.variable_scope import variable_scope


def _shape(tensor: Tensor, what: str, least: int = 0) -> list[Any]:
    """Return the sizes, numbers where known and tensors elsewhere."""
    known = tensor.spec.shape
    if known is None or len(known) < least:
        raise InvalidArgumentError(
            tensor.op.info, tensor.op, f"{what}: its rank must be known, {least} or more."
        )
    sizes = array.shape(tensor)
    return [sizes[i] if n is None else n for i, n in enumerate(known)]


def _format(data_format: str) -> None:
    if data_format not in ("NHWC", "NCHW"):
        raise InvalidArgumentError(
            None, None, f"data_format has to be either NCHW or NHWC, not {data_format!r}."
        )


@add_arg_scope
def dense_to_sparse(
    tensor: Any, eos_token: Any = 0, outputs_collections: Any = None, scope: Any = None
) -> SparseTensor:
    """Return the elements of ``tensor`` other than ``eos_token``, in their places."""
    with variable_scope(scope, "dense_to_sparse", [tensor]) as own:
        return collect_named_outputs(outputs_collections, own.name, without(tensor, eos_token))


@add_arg_scope
def images_to_sequence(
    inputs: Any, data_format: str = "NHWC", outputs_collections: Any = None, scope: Any = None
) -> Tensor:
    """Return images [batch, height, width, depth] as sequences over their width,
    [width, batch * height, depth]."""
    _format(data_format)
    with name_scope(scope, "ImagesToSequence", [inputs]) as own:
        images = convert_to_tensor(inputs)
        if data_format == "NCHW":
            images = array.transpose(images, [0, 2, 3, 1])
        batch, height, width, depth = _shape(images, "images_to_sequence", 4)
        rows = array.transpose(images, [2, 0, 1, 3])
        outputs = array.reshape(rows, [width, batch * height, depth])
        return collect_named_outputs(outputs_collections, own, outputs)


@add_arg_scope
def sequence_to_images(
    inputs: Any, height: int, output_data_format: str = "channels_last",
    outputs_collections: Any = None, scope: Any = None,
) -> Tensor:  # fmt: skip
    """Return sequences [width, batch * height, depth] as images [batch, height, width, depth]."""
    with name_scope(scope, "SequenceToImages", [inputs]) as own:
        rows = convert_to_tensor(inputs)
        width, _, depth = _shape(rows, "sequence_to_images", 3)
        count = (rows.spec.shape or ())[1]
        batch = -1 if count is None else count // height
        apart = array.reshape(rows, [width, batch, height, depth])
        order = [1, 3, 2, 0] if output_data_format == "channels_first" else [1, 2, 0, 3]
        return collect_named_outputs(outputs_collections, own, array.transpose(apart, order))


@add_arg_scope
def maxout(inputs: Any, num_units: int, axis: int = -1, scope: Any = None) -> Tensor:
    """Return the largest of each of ``num_units`` groups of features along ``axis`` (Goodfellow et
    al. 2013, https://arxiv.org/abs/1302.4389)."""
    with variable_scope(scope, "MaxOut", [inputs]):
        inputs = convert_to_tensor(inputs)
        sizes = _shape(inputs, "maxout", 1)
        features = sizes[axis]
        if isinstance(features, Tensor) or features % num_units:
            raise InvalidArgumentError(
                inputs.op.info, inputs.op,
                f"number of features({features}) is not a multiple of num_units({num_units}).",
            )  # fmt: skip
        sizes[axis] = num_units
        grouped = array.reshape(inputs, [*sizes, features // num_units])
        return reductions.reduce_max(grouped, -1)


@add_arg_scope
def pool(
    inputs: Any, kernel_size: Any, pooling_type: str, padding: str = "VALID",
    data_format: str | None = None, dilation_rate: Any = 1, stride: Any = 1,
    outputs_collections: Any = None, scope: Any = None,
) -> Tensor:  # fmt: skip
    """Return the largest ("MAX") or mean ("AVG") of windows over all dimensions but the batch and
    the channels: 1, 2 or 3."""
    with name_scope(scope, f"{pooling_type.lower()}_pool", [inputs]) as own:
        inputs = convert_to_tensor(inputs)
        space = len(_shape(inputs, "pool", 3)) - 2
        outputs = pooling.pool(
            inputs, n_positive_integers(space, kernel_size), pooling_type, padding,
            n_positive_integers(space, dilation_rate), n_positive_integers(space, stride), own,
            data_format,
        )  # fmt: skip
        return collect_named_outputs(outputs_collections, own, outputs)


def scale_gradient(inputs: Any, gradient_multiplier: Any) -> Tensor:
    """Return ``inputs``, whose gradient is that of the result times ``gradient_multiplier``."""
    factor = convert_to_tensor(gradient_multiplier)

    @custom_gradient
    def scaled(x: Tensor) -> Any:
        return array.identity(x), lambda grad: grad * factor

    outputs: Tensor = scaled(inputs)
    return outputs


@add_arg_scope
def spatial_softmax(
    features: Any, temperature: float | None = None, name: str | None = None,
    variables_collections: Any = None, trainable: bool = True, data_format: str = "NHWC",
) -> Tensor:  # fmt: skip
    """Return the place of each channel in its image, [batch, 2 * channels].

    It is the mean place, rows then columns from -1 to 1, weighted with the softmax of the channel
    (Finn et al. 2015, https://arxiv.org/abs/1509.06113).

    Parameters
    ----------
    temperature : what the softmax divides by, or starts with; default 1
    trainable : whether the variable ``temperature`` is trained
    """
    _format(data_format)
    features = convert_to_tensor(features)
    with variable_scope(name, "spatial_softmax"):
        if data_format == "NCHW":
            features = array.transpose(features, [0, 2, 3, 1])
        _, height, width, channels = _shape(features, "spatial_softmax", 4)
        if isinstance(channels, Tensor):
            raise InvalidArgumentError(
                features.op.info, features.op, "spatial_softmax: its channels must be known."
            )
        rows, columns = creation.meshgrid(
            creation.linspace(-1.0, 1.0, height), creation.linspace(-1.0, 1.0, width),
            indexing="ij",
        )  # fmt: skip
        divisor = model_variable(
            "temperature", shape=(), dtype=float32, trainable=trainable,
            initializer=Constant(1.0 if temperature is None else temperature),
            collections=collections_for("temperature", variables_collections) if trainable else (),
        )  # fmt: skip
        flat = array.reshape(array.transpose(features, [0, 3, 1, 2]), [-1, height * width])
        attention = activations.softmax(flat / divisor)
        places = [
            reductions.reduce_sum(array.reshape(x, [-1]) * attention, [1], keepdims=True)
            for x in (rows, columns)
        ]
        return array.reshape(joining.concat(places, 1), [-1, channels * 2])
