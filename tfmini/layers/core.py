"""Layers that act on each row alone: ``dense``, ``dropout``, ``flatten``."""

from __future__ import annotations

import math as python_math
from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.initializers import Zeros
from tfmini.layers.base import Layer
from tfmini.layers.choice import smart_cond
from tfmini.layers.functional import functional
from tfmini.layers.named import activation_of, initializer_of
from tfmini.layers.spec import InputSpec
from tfmini.layers.windows import check_data_format
from tfmini.nodes import Tensor
from tfmini.ops import array, contraction, nn, products
from tfmini.ops.windows import to_channels_last
from tfmini.shapes import TensorShape, format_shape


class Dense(Layer):
    """``activation(inputs @ kernel + bias)``, over the last dimension of the inputs.

    Parameters
    ----------
    units : size of the last dimension of the output
    activation : function, name or None
    kernel_initializer : default Glorot's uniform one, or that of the variable scope
    kernel_regularizer, bias_regularizer : functions of the variable that return a loss
    activity_regularizer : function of the output that returns a loss
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = Zeros,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable, name, activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        self.activation = activation_of(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializer_of(kernel_initializer)
        self.bias_initializer = initializer_of(bias_initializer)
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer
        self.kernel_constraint = kernel_constraint
        self.bias_constraint = bias_constraint
        self.kernel: Any = None
        self.bias: Any = None
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        columns = last_dimension(self, input_shape)
        if self._dtype is not None and not (self._dtype.is_floating or self._dtype.is_complex):
            raise InvalidTypeError(
                None, None,
                f"layer {self.name} needs floats, not {self._dtype.name}; convert with tf.cast.",
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: columns})
        self.kernel = self.add_weight(
            "kernel", (columns, self.units), None, self.kernel_initializer,
            self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), None, self.bias_initializer, self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        if inputs.spec.rank in (None, 2):
            outputs = products.matmul(inputs, self.kernel)
        else:
            outputs = contraction.tensordot(inputs, self.kernel, [[inputs.spec.rank - 1], [0]])
        if self.use_bias:
            outputs = nn.bias_add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        return TensorShape([*TensorShape(input_shape).as_list()[:-1], self.units])


def last_dimension(layer: Layer, input_shape: Any, axis: int = -1) -> int:
    """Return the size of that dimension, which a variable's shape needs."""
    shape = TensorShape(input_shape).dims_tuple
    size = None if shape is None else shape[axis]
    if size is None:
        raise InvalidArgumentError(
            None, None,
            f"dimension {axis} of the input of layer {layer.name} must be known, to make its "
            f"variables; the shape is {format_shape(shape)}. Use tf.reshape or set_shape.",
        )  # fmt: skip
    return size


class Dropout(Layer):
    """Set a share ``rate`` of the inputs to 0 at random while training, and scale up the others.

    Called as ``layer(inputs, training=...)``, with a Python bool or a scalar bool tensor.
    """

    def __init__(
        self,
        rate: Any = 0.5,
        noise_shape: Any = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs: Any, training: Any = False) -> Tensor:
        return smart_cond(
            training,
            lambda: nn.dropout(
                inputs, noise_shape=self.noise_shape, seed=self.seed, rate=self.rate
            ),
            lambda: array.identity(inputs),
        )

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        return TensorShape(input_shape)


class Flatten(Layer):
    """Make one row of each element of the batch: [batch, ...] gives [batch, n]."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = check_data_format(data_format or "channels_last")
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Tensor:
        rank = inputs.spec.rank
        if self.data_format == "channels_first" and rank is not None and rank > 2:
            inputs = to_channels_last(inputs, rank - 2)
        shape = inputs.spec.shape
        if shape is not None and None not in shape[1:]:
            return array.reshape(inputs, [-1, python_math.prod(shape[1:])])
        rows = shape[0] if shape and shape[0] is not None else array.shape(inputs)[0]
        return array.reshape(inputs, [rows, -1])

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        shape = TensorShape(input_shape)
        return TensorShape([shape.as_list()[0], shape[1:].num_elements()])


dense = functional(Dense, "dense")


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Tensor:
    """Return ``inputs``, while ``training`` with a share ``rate`` set to 0; see `Dropout`."""
    return Dropout(rate, noise_shape, seed, name)(inputs, training=training)


def flatten(inputs: Any, name: str | None = None, data_format: str = "channels_last") -> Tensor:
    """Return ``inputs`` with one row for each element of the batch."""
    return Flatten(data_format, name=name)(inputs)
