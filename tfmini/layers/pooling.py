"""Pooling layers: the largest element, or the mean, of windows over 1, 2 or 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.layers.base import Layer
from tfmini.layers.functional import functional
from tfmini.layers.spec import InputSpec
from tfmini.layers.windows import FORMATS, check_data_format, ints, output_length, padding_word
from tfmini.nodes import Tensor
from tfmini.ops import pooling
from tfmini.shapes import TensorShape


class _Pooling(Layer):
    """Base of pools over ``space`` dimensions.

    Parameters
    ----------
    pool_size, strides : an int, or one for each spatial dimension
    padding : "valid" or "same", in any case of letters
    data_format : "channels_last" or "channels_first"
    """

    space: int
    function: Callable[..., Tensor]

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = ints("pool_size", pool_size, self.space)
        self.strides = ints("strides", pool_size if strides is None else strides, self.space)
        self.padding = padding_word(padding)
        self.data_format = check_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.space + 2)

    def call(self, inputs: Any) -> Tensor:
        return type(self).function(
            inputs, self.pool_size, self.strides, self.padding.upper(),
            FORMATS[self.data_format, self.space],
        )  # fmt: skip

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        dims = TensorShape(input_shape).as_list()
        start = 2 if self.data_format == "channels_first" else 1
        for i, (size, stride) in enumerate(zip(self.pool_size, self.strides, strict=True), start):
            dims[i] = output_length(dims[i], size, stride, self.padding)
        return TensorShape(dims)


class MaxPooling1D(_Pooling):
    """The largest element of each window of sequences [batch, width, channels]."""

    space, function = 1, staticmethod(pooling.max_pool1d)


class MaxPooling2D(_Pooling):
    """The largest element of each window of images [batch, height, width, channels]."""

    space, function = 2, staticmethod(pooling.max_pool)


class MaxPooling3D(_Pooling):
    """The largest element of each window of volumes [batch, depth, height, width, channels]."""

    space, function = 3, staticmethod(pooling.max_pool3d)


class AveragePooling1D(_Pooling):
    """The mean of each window of sequences [batch, width, channels]."""

    space, function = 1, staticmethod(pooling.avg_pool1d)


class AveragePooling2D(_Pooling):
    """The mean of each window of images [batch, height, width, channels]."""

    space, function = 2, staticmethod(pooling.avg_pool)


class AveragePooling3D(_Pooling):
    """The mean of each window of volumes [batch, depth, height, width, channels]."""

    space, function = 3, staticmethod(pooling.avg_pool3d)


max_pooling1d = functional(MaxPooling1D, "max_pooling1d", variables=False)
max_pooling2d = functional(MaxPooling2D, "max_pooling2d", variables=False)
max_pooling3d = functional(MaxPooling3D, "max_pooling3d", variables=False)
average_pooling1d = functional(AveragePooling1D, "average_pooling1d", variables=False)
average_pooling2d = functional(AveragePooling2D, "average_pooling2d", variables=False)
average_pooling3d = functional(AveragePooling3D, "average_pooling3d", variables=False)
