"""Convolutions and pools of TensorFlow's graphs whose channels come first.

In: a node with ``data_format="NCHW"``, as graphs for GPUs have them, and its inputs.  Out: the
tensor, of the function that takes the same format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.exchange.attributes import decoded
from tfmini.exchange.forms import NotUnderstood
from tfmini.formats.graphdef import NodeDef
from tfmini.ops import convolving, nn, pooling


def _attrs(node: NodeDef, *names: str) -> list[Any]:
    found = [decoded(node.attr[name]) if name in node.attr else None for name in names]
    if "EXPLICIT" in found:
        raise NotUnderstood("its channels come first, and its paddings are explicit")
    return found


def _conv2d(node: NodeDef, x: Any, w: Any) -> Any:
    strides, padding, dilations = _attrs(node, "strides", "padding", "dilations")
    return convolving.conv2d(
        x, w, strides, padding, data_format="NCHW", dilations=dilations or (1, 1, 1, 1)
    )


def _depthwise(node: NodeDef, x: Any, w: Any) -> Any:
    strides, padding, dilations = _attrs(node, "strides", "padding", "dilations")
    return convolving.depthwise_conv2d_native(
        x, w, strides, padding, "NCHW", dilations or (1, 1, 1, 1)
    )


def _backprop_input(node: NodeDef, sizes: Any, w: Any, dy: Any) -> Any:
    strides, padding, dilations = _attrs(node, "strides", "padding", "dilations")
    return convolving.conv2d_backprop_input(
        sizes, w, dy, strides, padding, data_format="NCHW", dilations=dilations or (1, 1, 1, 1)
    )


def _max_pool(node: NodeDef, x: Any) -> Any:
    return pooling.max_pool(x, *_attrs(node, "ksize", "strides", "padding"), "NCHW")


def _avg_pool(node: NodeDef, x: Any) -> Any:
    return pooling.avg_pool(x, *_attrs(node, "ksize", "strides", "padding"), "NCHW")


CHANNELS_FIRST: dict[str, Callable[..., Any]] = {
    "AvgPool": _avg_pool,
    "BiasAdd": lambda node, x, b: nn.bias_add(x, b, "NCHW"),
    "Conv2D": _conv2d,
    "Conv2DBackpropInput": _backprop_input,  # a transposed convolution
    "DepthwiseConv2dNative": _depthwise,
    "MaxPool": _max_pool,
}


def has_channels_first(node: NodeDef) -> bool:
    """Whether a node is one of these."""
    return (
        node.op in CHANNELS_FIRST
        and "data_format" in node.attr
        and bool(node.attr["data_format"].s == b"NCHW")
    )
