"""Convolution layers over 1, 2 or 3 spatial dimensions, and their transposes.

Kernels are [*window, channels, filters], those of transposes [*window, filters, channels].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.initializers import Zeros
from tfmini.layers.base import Layer
from tfmini.layers.core import last_dimension
from tfmini.layers.functional import functional
from tfmini.layers.named import activation_of, initializer_of
from tfmini.layers.spec import InputSpec
from tfmini.layers.windows import (
    FORMATS,
    check_data_format,
    ints,
    output_length,
    padding_word,
    transposed_length,
)
from tfmini.nodes import Tensor
from tfmini.ops import array, convolving, nn
from tfmini.ops import padding as filling
from tfmini.shapes import TensorShape


class Conv(Layer):
    """Base of convolutions.

    Parameters
    ----------
    filters : number of channels of the output
    kernel_size, strides, dilation_rate : an int, or one for each spatial dimension
    padding : "valid" or "same"; in one dimension also "causal": no output sees later inputs
    data_format : "channels_last" or "channels_first"
    activation : function, name or None
    """

    space: int
    function: Callable[..., Tensor]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = 1,
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
        self.filters = int(filters)
        self.kernel_size = ints("kernel_size", kernel_size, self.space)
        self.strides = ints("strides", strides, self.space)
        self.padding = padding_word(padding, *(["causal"] if self.space == 1 else []))
        self.data_format = check_data_format(data_format)
        self.dilation_rate = ints("dilation_rate", dilation_rate, self.space)
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
        self.input_spec = InputSpec(ndim=self.space + 2)

    @property
    def channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else self.space + 1

    @property
    def _format(self) -> str:
        return FORMATS[self.data_format, self.space]

    def build(self, input_shape: Any) -> None:
        channels = last_dimension(self, input_shape, self.channel_axis)
        self.input_spec = InputSpec(ndim=self.space + 2, axes={self.channel_axis: channels})
        self.build_kernels(channels)
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.filters,), None, self.bias_initializer, self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip
        self.built = True

    def build_kernels(self, channels: int) -> None:
        """Make the kernel for inputs of ``channels``."""
        self.kernel = self.add_weight(
            "kernel", (*self.kernel_size, *self.last_dimensions(channels)), None,
            self.kernel_initializer, self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip

    def last_dimensions(self, channels: int) -> tuple[int, int]:
        """Return the last two dimensions of the kernel."""
        return channels, self.filters

    def convolve(self, inputs: Tensor) -> Tensor:
        """Return the convolution, without bias and activation."""
        word = self.padding.upper()
        if word == "CAUSAL":
            inputs, word = self.filled(inputs), "VALID"
        return type(self).function(
            inputs, self.kernel, self.strides, word, data_format=self._format,
            dilations=self.dilation_rate,
        )  # fmt: skip

    def filled(self, inputs: Tensor) -> Tensor:
        """Return sequences with zeros before them, so that no output sees later inputs."""
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        fill = [[0, 0], [before, 0], [0, 0]]
        if self.data_format == "channels_first":
            fill = [[0, 0], [0, 0], [before, 0]]
        return filling.pad(inputs, fill)

    def call(self, inputs: Any) -> Tensor:
        outputs = self.convolve(inputs)
        if self.use_bias:
            first = self.data_format == "channels_first"
            outputs = nn.bias_add(outputs, self.bias, "NCHW" if first else None)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        dims = TensorShape(input_shape).as_list()
        start = 2 if self.data_format == "channels_first" else 1
        windows = zip(self.kernel_size, self.strides, self.dilation_rate, strict=True)
        for i, (size, stride, rate) in enumerate(windows, start):
            dims[i] = self.output_length(dims[i], (size - 1) * rate + 1, stride)
        dims[self.channel_axis] = self.filters
        return TensorShape(dims)

    def output_length(self, size: int | None, window: int, stride: int) -> Any:
        """Return the size of a spatial dimension of the output."""
        return output_length(size, window, stride, self.padding)


class Conv1D(Conv):
    """Convolution of sequences [batch, width, channels]."""

    space, function = 1, staticmethod(convolving.conv1d)


class Conv2D(Conv):
    """Convolution of images [batch, height, width, channels]."""

    space, function = 2, staticmethod(convolving.conv2d)


class Conv3D(Conv):
    """Convolution of volumes [batch, depth, height, width, channels]."""

    space, function = 3, staticmethod(convolving.conv3d)


class Transpose(Conv):
    """Base of transposed convolutions: for each window's element, a window of the output."""

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
        data_format: str = "channels_last", activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = None, bias_initializer: Any = Zeros,
        kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, trainable: bool = True, name: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, 1, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, trainable, name, **kwargs,
        )  # fmt: skip

    def last_dimensions(self, channels: int) -> tuple[int, int]:
        return self.filters, channels

    def convolve(self, inputs: Tensor) -> Tensor:
        static = inputs.spec.shape or (None,) * (self.space + 2)
        known = self.compute_output_shape(static).as_list()
        sizes: list[Any] = list(known)
        start = 2 if self.data_format == "channels_first" else 1
        lengths = array.shape(inputs) if None in known else static
        for i, n in enumerate(sizes):
            if n is None and start <= i < start + self.space:
                k = i - start
                sizes[i] = self.output_length(lengths[i], self.kernel_size[k], self.strides[k])
            elif n is None:
                sizes[i] = lengths[i]
        outputs = type(self).function(
            inputs, self.kernel, sizes, self.strides, self.padding.upper(), self._format
        )
        outputs.set_shape(known)
        return outputs

    def output_length(self, size: Any, window: int, stride: int) -> Any:
        return transposed_length(size, window, stride, self.padding)


class Conv2DTranspose(Transpose):
    """Transposed convolution of images [batch, height, width, channels]."""

    space, function = 2, staticmethod(convolving.conv2d_transpose)


class Conv3DTranspose(Transpose):
    """Transposed convolution of volumes [batch, depth, height, width, channels]."""

    space, function = 3, staticmethod(convolving.conv3d_transpose)


conv1d = functional(Conv1D, "conv1d")
conv2d = functional(Conv2D, "conv2d")
conv3d = functional(Conv3D, "conv3d")
conv2d_transpose = functional(Conv2DTranspose, "conv2d_transpose")
conv3d_transpose = functional(Conv3DTranspose, "conv3d_transpose")
