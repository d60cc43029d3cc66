"""Convolution layers that treat each channel alone first, and then the channels at each place.

The first kernel is [*window, channels, multiplier], the second [1..., channels * multiplier,
filters].
"""

from __future__ import annotations

from typing import Any

from tfmini.initializers import Zeros
from tfmini.layers.convolution import Conv
from tfmini.layers.functional import functional
from tfmini.layers.named import initializer_of
from tfmini.layers.windows import FORMATS
from tfmini.nodes import Tensor
from tfmini.ops import array, convolving


class Separable(Conv):
    """Base of convolutions of each channel alone, and then of the channels at each place.

    ``depth_multiplier`` is the number of outputs of each channel between the two.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = None,
        pointwise_initializer: Any = None,
        bias_initializer: Any = Zeros,
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, None, bias_initializer, None, bias_regularizer, activity_regularizer, None,
            bias_constraint, trainable, name, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = int(depth_multiplier)
        self.depthwise_initializer = initializer_of(depthwise_initializer)
        self.pointwise_initializer = initializer_of(pointwise_initializer)
        self.depthwise_regularizer = depthwise_regularizer
        self.pointwise_regularizer = pointwise_regularizer
        self.depthwise_constraint = depthwise_constraint
        self.pointwise_constraint = pointwise_constraint
        self.depthwise_kernel: Any = None
        self.pointwise_kernel: Any = None

    def build_kernels(self, channels: int) -> None:
        between = self.depth_multiplier * channels
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), None,
            self.depthwise_initializer, self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", (*(1,) * self.space, between, self.filters), None,
            self.pointwise_initializer, self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )  # fmt: skip


class SeparableConv2D(Separable):
    """Convolution of each channel of images [batch, height, width, channels] alone, and then of
    the channels at each place."""

    space = 2

    def convolve(self, inputs: Tensor) -> Tensor:
        return convolving.separable_conv2d(
            inputs, self.depthwise_kernel, self.pointwise_kernel, self.strides,
            self.padding.upper(), self.dilation_rate, None, self._format,
        )  # fmt: skip


class SeparableConv1D(Separable):
    """Convolution of each channel of sequences [batch, width, channels] alone, and then of the
    channels at each place."""

    space = 1

    def convolve(self, inputs: Tensor) -> Tensor:
        word = self.padding.upper()
        if word == "CAUSAL":
            inputs, word = self.filled(inputs), "VALID"
        axis = 2 if self.data_format == "channels_first" else 1
        outputs = convolving.separable_conv2d(
            array.expand_dims(inputs, axis), array.expand_dims(self.depthwise_kernel, 0),
            array.expand_dims(self.pointwise_kernel, 0), self.strides * 2, word,
            (1, *self.dilation_rate), None, FORMATS[self.data_format, 2],
        )  # fmt: skip
        return array.squeeze(outputs, [axis])


separable_conv1d = functional(SeparableConv1D, "separable_conv1d")
separable_conv2d = functional(SeparableConv2D, "separable_conv2d")
