"""``tf.layers.conv2d`` and its kin: convolution layers as functions that make their variables.

The variables are new at each call, unless ``name`` is given and ``reuse`` says that they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.initializers import Zeros
from tfmini.layers.convolution import (
    Conv,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Transpose,
)
from tfmini.layers.core import dtype_of
from tfmini.layers.separable import Separable, SeparableConv1D, SeparableConv2D
from tfmini.nodes import Tensor


def _named(function: Callable[..., Tensor], name: str, layer: type[Conv]) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return: {layer.__doc__}\n\n    See `{layer.__name__}`."
    return function


def _plain(name: str, layer: type[Conv]) -> Callable[..., Tensor]:
    def convolution(
        inputs: Any,
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
        reuse: Any = None,
    ) -> Tensor:
        return layer(
            filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, trainable, name,
            dtype=dtype_of(inputs), _scope=name, _reuse=reuse,
        )(inputs)  # fmt: skip

    return _named(convolution, name, layer)


def _transposed(name: str, layer: type[Transpose]) -> Callable[..., Tensor]:
    def convolution(
        inputs: Any,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
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
        reuse: Any = None,
    ) -> Tensor:
        return layer(
            filters, kernel_size, strides, padding, data_format, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, trainable, name,
            dtype=dtype_of(inputs), _scope=name, _reuse=reuse,
        )(inputs)  # fmt: skip

    return _named(convolution, name, layer)


def _separable(name: str, layer: type[Separable]) -> Callable[..., Tensor]:
    def convolution(
        inputs: Any,
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
        reuse: Any = None,
    ) -> Tensor:
        return layer(
            filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
            activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
            depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, pointwise_constraint, bias_constraint, trainable, name,
            dtype=dtype_of(inputs), _scope=name, _reuse=reuse,
        )(inputs)  # fmt: skip

    return _named(convolution, name, layer)


conv1d = _plain("conv1d", Conv1D)
conv2d = _plain("conv2d", Conv2D)
conv3d = _plain("conv3d", Conv3D)
conv2d_transpose = _transposed("conv2d_transpose", Conv2DTranspose)
conv3d_transpose = _transposed("conv3d_transpose", Conv3DTranspose)
separable_conv1d = _separable("separable_conv1d", SeparableConv1D)
separable_conv2d = _separable("separable_conv2d", SeparableConv2D)
