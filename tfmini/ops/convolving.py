"""The convolution functions that users call, with TensorFlow's parameters.

In: images in any ``data_format``, strides and paddings in any spelling.  Out: nodes of the
operations in ``convolution.py``, with transpositions around them where channels come first.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.defaults import own_scope
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, joining
from tfmini.ops.convolution import DEPTHWISE, STANDARD, Family
from tfmini.ops.windows import (
    channels_first,
    padding_of,
    spatial,
    to_channels_first,
    to_channels_last,
)


def _attrs(space: int, first: bool, strides: Any, padding: Any, dilations: Any) -> dict[str, Any]:
    return {
        "strides": spatial("strides", strides, space, first),
        "padding": padding_of(padding, space, first),
        "dilations": spatial("dilations", dilations, space, first),
    }


def _given(name: str, *values: Any) -> Any:
    """Return the one of ``values``, spellings of argument ``name``, that is not None."""
    found = [v for v in values if v is not None]
    if len(found) != 1:
        raise InvalidArgumentError(None, None, f"give {name} once; it came {len(found)} times.")
    return found[0]


def _pair(x: Any, w: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors; data takes the dtype of the tensor beside it."""
    hint = next((t.dtype for t in (x, w) if isinstance(t, Tensor)), None)
    x, w = (v if hasattr(v, "op") or hasattr(v, "outputs") else convert_to_tensor(v, hint)
            for v in (x, w))  # fmt: skip
    return convert_to_tensor(x), convert_to_tensor(w)


def _forward(
    family: Family, x: Any, w: Any, data_format: Any, strides: Any, padding: Any, dilations: Any,
    name: str | None,
) -> Tensor:  # fmt: skip
    first, space = channels_first(data_format), family.space
    attrs = _attrs(space, first, strides, padding, dilations)
    x, w = _pair(x, w)
    if not first:
        return family.ops[0](x, w, **attrs, name=name)
    y = family.ops[0](to_channels_last(x, space), w, **attrs, name=name)
    return to_channels_first(y, space)


def _for_input(
    family: Family, sizes: Any, w: Any, grad: Any, data_format: Any, strides: Any, padding: Any,
    dilations: Any, name: str | None,
) -> Tensor:  # fmt: skip
    first, space = channels_first(data_format), family.space
    attrs = _attrs(space, first, strides, padding, dilations)
    grad, w = _pair(grad, w)
    if not first:
        return family.ops[1](sizes, w, grad, **attrs, name=name)
    sizes = convert_to_tensor(sizes)
    sizes = joining.concat([sizes[:1], sizes[2:], sizes[1:2]], 0)
    y = family.ops[1](sizes, w, to_channels_last(grad, space), **attrs, name=name)
    return to_channels_first(y, space)


def _for_filter(
    family: Family, x: Any, sizes: Any, grad: Any, data_format: Any, strides: Any, padding: Any,
    dilations: Any, name: str | None,
) -> Tensor:  # fmt: skip
    first, space = channels_first(data_format), family.space
    attrs = _attrs(space, first, strides, padding, dilations)
    x, grad = _pair(x, grad)
    if first:
        x, grad = to_channels_last(x, space), to_channels_last(grad, space)
    return family.ops[2](x, sizes, grad, **attrs, name=name)


def conv2d(
    input: Any, filter: Any = None, strides: Any = None, padding: Any = None,
    use_cudnn_on_gpu: bool = True, data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1),
    name: str | None = None, filters: Any = None,
) -> Tensor:  # fmt: skip
    """Return the convolution of images [batch, height, width, channels] with a filter [height,
    width, channels, channels out].

    Parameters
    ----------
    strides, dilations : an int, one for height and width, or one for each dimension
    padding : "SAME", "VALID", or a pair (before, after) for each dimension
    data_format : "NHWC" or "NCHW"
    """
    w = _given("filter", filter, filters)
    return _forward(STANDARD[2], input, w, data_format, strides, padding, dilations, name)


def conv2d_backprop_input(
    input_sizes: Any, filter: Any = None, out_backprop: Any = None, strides: Any = None,
    padding: Any = None, use_cudnn_on_gpu: bool = True, data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1), name: str | None = None, filters: Any = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `conv2d` for images of shape ``input_sizes``."""
    w = _given("filter", filter, filters)
    return _for_input(STANDARD[2], input_sizes, w, out_backprop, data_format, strides, padding,
                      dilations, name)  # fmt: skip


def conv2d_backprop_filter(
    input: Any, filter_sizes: Any, out_backprop: Any, strides: Any = None, padding: Any = None,
    use_cudnn_on_gpu: bool = True, data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `conv2d` for a filter of shape ``filter_sizes``."""
    return _for_filter(STANDARD[2], input, filter_sizes, out_backprop, data_format, strides,
                       padding, dilations, name)  # fmt: skip


def conv2d_transpose(
    value: Any = None, filter: Any = None, output_shape: Any = None, strides: Any = None,
    padding: Any = "SAME", data_format: str = "NHWC", name: str | None = None, input: Any = None,
    filters: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the transposed convolution: the gradient of `conv2d` for images of ``output_shape``.

    The filter is [height, width, channels out, channels of ``value``].
    """
    x, w = _given("value", value, input), _given("filter", filter, filters)
    return _for_input(STANDARD[2], output_shape, w, x, data_format, strides, padding, dilations,
                      name or "conv2d_transpose")  # fmt: skip


def conv3d(
    input: Any, filter: Any = None, strides: Any = None, padding: Any = None,
    data_format: str = "NDHWC", dilations: Any = (1, 1, 1, 1, 1), name: str | None = None,
    filters: Any = None,
) -> Tensor:  # fmt: skip
    """Return the convolution of volumes [batch, depth, height, width, channels] with a filter
    [depth, height, width, channels, channels out]."""
    w = _given("filter", filter, filters)
    return _forward(STANDARD[3], input, w, data_format, strides, padding, dilations, name)


def conv3d_transpose(
    value: Any = None, filter: Any = None, output_shape: Any = None, strides: Any = None,
    padding: Any = "SAME", data_format: str = "NDHWC", name: str | None = None, input: Any = None,
    filters: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the transposed convolution: the gradient of `conv3d` for volumes of
    ``output_shape``."""
    x, w = _given("value", value, input), _given("filter", filter, filters)
    return _for_input(STANDARD[3], output_shape, w, x, data_format, strides, padding, dilations,
                      name or "conv3d_transpose")  # fmt: skip


def conv3d_backprop_filter_v2(
    input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: Any,
    data_format: str = "NDHWC", dilations: Any = (1, 1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `conv3d` for a filter of shape ``filter_sizes``."""
    return _for_filter(STANDARD[3], input, filter_sizes, out_backprop, data_format, strides,
                       padding, dilations, name)  # fmt: skip


conv3d_backprop_filter = conv3d_backprop_filter_v2


def _flat(name: str, value: Any) -> Any:
    """Return strides or dilations of one dimension as those of images with a height of 1."""
    return (1, *spatial(name, value, 1))


@own_scope("conv1d")
def conv1d(
    value: Any = None, filters: Any = None, stride: Any = None, padding: Any = None,
    use_cudnn_on_gpu: Any = None, data_format: Any = None, name: str | None = None,
    input: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the convolution of sequences [batch, width, channels] with a filter [width, channels,
    channels out]; ``data_format`` is "NWC" or "NCW"."""
    first = channels_first(data_format)
    x, w = _pair(_given("value", value, input), filters)
    x = to_channels_last(x, 1) if first else x
    stride, dilations = (s[2:] if first and isinstance(s, (list, tuple)) and len(s) == 3 else s
                         for s in (stride, dilations))  # fmt: skip
    y = _forward(
        STANDARD[2], array.expand_dims(x, 1), array.expand_dims(w, 0), "NHWC",
        _flat("stride", stride), _flat_padding(padding, first), _flat("dilations", dilations), None,
    )  # fmt: skip
    y = array.squeeze(y, [1])
    return to_channels_first(y, 1) if first else y


def _flat_padding(padding: Any, first: bool) -> Any:
    padding = padding_of(padding, 1, first)
    return padding if isinstance(padding, str) else ((0, 0), *padding)


def conv1d_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
    data_format: str = "NWC", dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the transposed convolution of sequences, the gradient of `conv1d` for those of
    ``output_shape``."""
    first = channels_first(data_format)
    x, w = _pair(input, filters)
    sizes = convert_to_tensor(output_shape)
    if first:
        x, sizes = to_channels_last(x, 1), joining.concat([sizes[:1], sizes[2:], sizes[1:2]], 0)
    sizes = joining.concat([sizes[:1], [1], sizes[1:]], 0)
    y = _for_input(
        STANDARD[2], sizes, array.expand_dims(w, 0), array.expand_dims(x, 1), "NHWC",
        _flat("strides", strides), _flat_padding(padding, first), _flat("dilations", dilations),
        None,
    )  # fmt: skip
    y = array.squeeze(y, [1], name=name or "conv1d_transpose")
    return to_channels_first(y, 1) if first else y


def conv_transpose(
    input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
    data_format: str | None = None, dilations: Any = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the transposed convolution over 1, 2 or 3 spatial dimensions, as the rank of the
    input says: the gradient of `convolution` for images of ``output_shape``."""
    x, w = _pair(input, filters)
    rank = w.spec.rank if x.spec.rank is None else x.spec.rank
    if rank not in (3, 4, 5):
        raise InvalidArgumentError(None, None, f"the rank must be known as 3, 4 or 5, not {rank}.")
    name = name or "conv_transpose"
    if rank == 3:
        return conv1d_transpose(x, w, output_shape, strides, padding, data_format or "NWC",
                                dilations, name)  # fmt: skip
    family = STANDARD[rank - 2]
    return _for_input(family, output_shape, w, x, data_format, strides, padding, dilations, name)


def convolution(
    input: Any, filter: Any = None, padding: Any = None, strides: Any = None,
    dilation_rate: Any = None, name: str | None = None, data_format: Any = None,
    filters: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the convolution over 1, 2 or 3 spatial dimensions, as the rank of the filter says."""
    x, w = _pair(input, _given("filter", filter, filters))
    rank = w.spec.rank if w.spec.rank is not None else x.spec.rank
    if rank not in (3, 4, 5):
        raise InvalidArgumentError(
            None, None, f"the rank of the filter must be known as 3, 4 or 5, not {rank}."
        )
    rates = dilation_rate if dilations is None else dilations
    name = name or "convolution"
    if rank == 3:
        return conv1d(x, w, 1 if strides is None else strides, padding, None, data_format, name,
                      dilations=rates)  # fmt: skip
    family = STANDARD[rank - 2]
    return _forward(family, x, w, data_format, strides, padding, rates, name)


def atrous_conv2d(
    value: Any, filters: Any, rate: int, padding: str, name: str | None = None
) -> Tensor:
    """Return `conv2d` with ``rate`` as dilation of height and width."""
    return _forward(STANDARD[2], value, filters, "NHWC", 1, padding, rate, name)


def atrous_conv2d_transpose(
    value: Any, filters: Any, output_shape: Any, rate: int, padding: str, name: str | None = None
) -> Tensor:
    """Return `conv2d_transpose` with ``rate`` as dilation of height and width."""
    return _for_input(STANDARD[2], output_shape, filters, value, "NHWC", 1, padding, rate, name)


def depthwise_conv2d_native(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the convolution of each channel with filters of its own.

    The filter is [height, width, channels, multiplier]; channel c gives channels c * multiplier to
    (c + 1) * multiplier - 1.
    """
    return _forward(DEPTHWISE, input, filter, data_format, strides, padding, dilations, name)


def depthwise_conv2d_native_backprop_input(
    input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: Any,
    data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `depthwise_conv2d_native` for images of shape ``input_sizes``."""
    return _for_input(DEPTHWISE, input_sizes, filter, out_backprop, data_format, strides, padding,
                      dilations, name)  # fmt: skip


def depthwise_conv2d_native_backprop_filter(
    input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: Any,
    data_format: str = "NHWC", dilations: Any = (1, 1, 1, 1), name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the gradient of `depthwise_conv2d_native` for a filter of shape ``filter_sizes``."""
    return _for_filter(DEPTHWISE, input, filter_sizes, out_backprop, data_format, strides, padding,
                       dilations, name)  # fmt: skip


def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: Any, rate: Any = None, name: str | None = None,
    data_format: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the convolution of each channel with filters of its own; ``rate`` is the dilation.

    The filter is [height, width, channels, multiplier]; channel c gives channels c * multiplier to
    (c + 1) * multiplier - 1.
    """
    rates = rate if dilations is None else dilations
    return _forward(DEPTHWISE, input, filter, data_format, strides, padding, rates,
                    name or "depthwise")  # fmt: skip


def separable_conv2d(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any,
    rate: Any = None, name: str | None = None, data_format: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return `depthwise_conv2d` followed by `conv2d` with a filter of height and width 1."""
    y = depthwise_conv2d(input, depthwise_filter, strides, padding, rate, None, data_format,
                         dilations)  # fmt: skip
    return _forward(STANDARD[2], y, pointwise_filter, data_format, 1, "VALID", 1,
                    name or "separable_conv2d")  # fmt: skip
