"""Pooling: the largest or the mean element of windows, over 1, 2 or 3 spatial dimensions.

Images are [batch, *spatial, channels]; functions with a ``data_format`` transpose others to that.
The arithmetic is in ``kernels/pooling.py``.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import argmax_pool as argmax_kernels
from tfmini.kernels import pooling as kernels
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.ops import array
from tfmini.ops.casting import cast
from tfmini.ops.static import require_ints, shape_from
from tfmini.ops.windows import (
    channels_first,
    of_rank,
    padding_of,
    spatial,
    to_channels_first,
    to_channels_last,
)
from tfmini.shapes import merge_shapes
from tfmini.spec import TensorSpec

_ATTRS = {"ksize": (2, 2), "strides": (2, 1), "padding": "SAME", "dilations": (1, 1)}
_LINE = {"ksize": (3,), "strides": (2,), "padding": "VALID", "dilations": (1,)}
_IMAGE: Any = np.cos(np.arange(80.0) ** 2).reshape(2, 5, 4, 2)  # no two elements are equal


class _Windowed(OpDef):
    """Base of all operations on windows, whose attributes are those of the kernels."""

    kinds = "f"
    threaded = True

    def cost(self, first: TensorSpec, *rest: TensorSpec, ksize: Any, **_attrs: Any) -> Cost:
        taps = float(python_math.prod(ksize))
        size = max([python_math.inf if s.size is None else s.size for s in (first, *rest)])
        return Cost(size * taps, nbytes(first, *rest))


def _dims(space: int, inputs: str) -> str:
    image, out = ("".join(f"[{c}]" for c in s[:space]) for s in ("dhw", "pqr"))
    return inputs.replace("X", f"n{image}c").replace("Y", f"n{out}c")


class _Pool(_Windowed):
    kernel: Callable[..., Any]
    samples = [(_IMAGE, _ATTRS), (_IMAGE[:, 0], _LINE)]

    def compute(
        self, value: Any, *, ksize: Any, strides: Any, padding: Any, dilations: Any = 1
    ) -> Any:
        return type(self).kernel(
            value, ksize=ksize, strides=strides, padding=padding, dilations=dilations
        )

    def infer(self, value: TensorSpec, **attrs: Any) -> TensorSpec:
        self.check_kinds((value.dtype,))
        shape = of_rank(value.shape, len(attrs["ksize"]) + 2)
        return TensorSpec(kernels.pool_output_shape(shape, **attrs), value.dtype)

    def dims(self, value: TensorSpec, *, ksize: Any, **_attrs: Any) -> str:
        return _dims(len(ksize), "X->Y")


@op("MaxPool")
class _max_pool(_Pool):
    """The largest element of each window."""

    kinds = "iuf"
    kernel = kernels.max_pool

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_max_pool_grad(node.inputs[0], node.outputs[0], grad, **node.attrs),)


@op("MaxPoolGrad")
class _max_pool_grad(_Windowed):
    """The gradient of ``MaxPool``: that of a window goes to its first maximum."""

    samples = [(_IMAGE, kernels.max_pool(_IMAGE, **_ATTRS), (2, 3, 4, 2), _ATTRS)]

    def compute(
        self, orig_input: Any, orig_output: Any, grad: Any, *, ksize: Any, strides: Any,
        padding: Any, dilations: Any = 1,
    ) -> Any:  # fmt: skip
        return kernels.max_pool_gradient(
            orig_input, orig_output, grad, ksize=ksize, strides=strides, padding=padding,
            dilations=dilations,
        )  # fmt: skip

    def infer(
        self, orig_input: TensorSpec, orig_output: TensorSpec, grad: TensorSpec, **_attrs: Any
    ) -> TensorSpec:
        self.check_kinds((grad.dtype,))
        return TensorSpec(orig_input.shape, grad.dtype)

    def dims(self, *_specs: TensorSpec, ksize: Any, **_attrs: Any) -> str:
        return _dims(len(ksize), "X,Y,Y->X")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return None, None, _max_pool_grad_grad(node.inputs[0], grad, **node.attrs)


@op("MaxPoolGradGrad")
class _max_pool_grad_grad(_Windowed):
    """The elements of ``grad`` where the windows of ``orig_input`` have their first maximum."""

    samples = [(_IMAGE, (2, 5, 4, 2), _ATTRS)]

    def compute(
        self, orig_input: Any, grad: Any, *, ksize: Any, strides: Any, padding: Any,
        dilations: Any = 1,
    ) -> Any:  # fmt: skip
        _, argmax = argmax_kernels.max_pool_with_argmax(
            orig_input, ksize=ksize, strides=strides, padding=padding, dilations=dilations
        )
        return argmax_kernels.take_at(grad, argmax)

    def infer(self, orig_input: TensorSpec, grad: TensorSpec, **attrs: Any) -> TensorSpec:
        self.check_kinds((grad.dtype,))
        return TensorSpec(_max_pool.opdef.infer(orig_input, **attrs).shape, grad.dtype)

    def dims(self, *_specs: TensorSpec, ksize: Any, **_attrs: Any) -> str:
        return _dims(len(ksize), "X,X->Y")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x = node.inputs[0]
        y = _max_pool(x, **node.attrs)
        return None, _max_pool_grad(x, y, grad, **node.attrs)


@op("AvgPool")
class _avg_pool(_Pool):
    """The mean of each window; what lies outside the image is not counted."""

    kernel = kernels.avg_pool

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_avg_pool_grad(array.shape(node.inputs[0]), grad, **node.attrs),)


@op("AvgPoolGrad")
class _avg_pool_grad(_Windowed):
    """The gradient of ``AvgPool`` for images of shape ``orig_input_shape``."""

    shape_input = 0
    samples = [([2, 5, 4, 2], (2, 3, 4, 2), _ATTRS)]

    def compute(
        self, orig_input_shape: Any, grad: Any, *, ksize: Any, strides: Any, padding: Any,
        dilations: Any = 1,
    ) -> Any:  # fmt: skip
        return kernels.avg_pool_gradient(
            orig_input_shape.tolist(), grad, ksize=ksize, strides=strides, padding=padding,
            dilations=dilations,
        )  # fmt: skip

    def infer(self, orig_input_shape: TensorSpec, grad: TensorSpec, **attrs: Any) -> TensorSpec:
        require_ints(orig_input_shape=orig_input_shape)
        self.check_kinds((grad.dtype,))
        space = len(attrs["ksize"])
        out = of_rank(grad.shape, space + 2)
        shape = merge_shapes(shape_from(orig_input_shape), (out[0], *(None,) * space, out[-1]))
        return TensorSpec(shape, grad.dtype)

    def dims(self, *_specs: TensorSpec, ksize: Any, **_attrs: Any) -> str:
        return _dims(len(ksize), "[z],Y->X")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return None, _avg_pool(grad, **node.attrs)


class ArgmaxPool(NamedTuple):
    """The largest element of each window, and where it is."""

    output: Tensor
    argmax: Tensor


@op("MaxPoolWithArgmax")
class _max_pool_with_argmax(_Windowed):
    """The largest element of each window, and its position in the image."""

    kinds = "iuf"
    result = ArgmaxPool
    samples = [(_IMAGE, _ATTRS)]

    def compute(
        self, input: Any, *, ksize: Any, strides: Any, padding: Any, dilations: Any = 1
    ) -> Any:
        return argmax_kernels.max_pool_with_argmax(
            input, ksize=ksize, strides=strides, padding=padding, dilations=dilations
        )

    def infer(self, input: TensorSpec, **attrs: Any) -> tuple[TensorSpec, TensorSpec]:
        spec = _max_pool.opdef.infer(input, **attrs)
        return spec, TensorSpec(spec.shape, int64)

    def gradient(self, node: Operation, grad: Tensor, _grad_argmax: Tensor) -> Grads:
        x = node.inputs[0]
        return (_max_pool_grad(x, node.outputs[0], grad, **node.attrs),)


def _pool(
    function: Any, value: Any, ksize: Any, strides: Any, padding: Any, data_format: Any,
    name: str | None, space: int, dilations: Any = None,
) -> Tensor:  # fmt: skip
    first = channels_first(data_format)
    x = convert_to_tensor(value)
    attrs = {
        "ksize": spatial("ksize", ksize, space, first),
        "strides": spatial("strides", strides, space, first),
        "padding": padding_of(padding, space, first),
        "dilations": spatial("dilations", dilations, space, first),
    }
    if not first:
        return function(x, **attrs, name=name)
    return to_channels_first(function(to_channels_last(x, space), **attrs, name=name), space)


def _of(value: Any, input: Any) -> Any:
    if (value is None) == (input is None):
        raise InvalidArgumentError(None, None, "give a pool one of value and input.")
    return input if value is None else value


def max_pool(
    value: Any = None, ksize: Any = None, strides: Any = None, padding: Any = None,
    data_format: str = "NHWC", name: str | None = None, input: Any = None,
) -> Tensor:  # fmt: skip
    """Return the largest element of each window of images [batch, height, width, channels].

    Parameters
    ----------
    ksize, strides : an int, one for height and width, or one for each dimension
    padding : "SAME" or "VALID"
    data_format : "NHWC" or "NCHW"
    """
    return _pool(_max_pool, _of(value, input), ksize, strides, padding, data_format, name, 2)


def avg_pool(
    value: Any = None, ksize: Any = None, strides: Any = None, padding: Any = None,
    data_format: str = "NHWC", name: str | None = None, input: Any = None,
) -> Tensor:  # fmt: skip
    """Return the mean of each window of images [batch, height, width, channels], padding not
    counted; the parameters are those of `max_pool`."""
    return _pool(_avg_pool, _of(value, input), ksize, strides, padding, data_format, name, 2)


max_pool2d = max_pool
avg_pool2d = avg_pool


def max_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the largest element of each window of sequences [batch, width, channels]."""
    return _pool(_max_pool, input, ksize, strides, padding, data_format, name, 1)


def avg_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of each window of sequences [batch, width, channels]."""
    return _pool(_avg_pool, input, ksize, strides, padding, data_format, name, 1)


def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the largest element of each window of volumes [batch, depth, height, width,
    channels]."""
    return _pool(_max_pool, input, ksize, strides, padding, data_format, name or "MaxPool3D", 3)


def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of each window of volumes [batch, depth, height, width, channels]."""
    return _pool(_avg_pool, input, ksize, strides, padding, data_format, name or "AvgPool3D", 3)


def _space_of(x: Tensor, sizes: Any) -> int:
    """Return the number of spatial dimensions of ``x``, or that which ``sizes`` are for."""
    if x.spec.rank is not None:
        return x.spec.rank - 2
    if isinstance(sizes, int):
        raise InvalidArgumentError(x.op.info, x.op, "its rank must be known; use set_shape.")
    return len(sizes) - 2 if len(sizes) > 3 else len(sizes)


def pool(
    input: Any, window_shape: Any, pooling_type: str, padding: Any, dilation_rate: Any = None,
    strides: Any = None, name: str | None = None, data_format: Any = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Return the largest ("MAX") or mean ("AVG") element of windows over 1, 2 or 3 dimensions."""
    functions = {"MAX": _max_pool, "AVG": _avg_pool}
    if pooling_type not in functions:
        raise InvalidArgumentError(None, None, f"pooling_type={pooling_type!r}: use MAX or AVG.")
    x = convert_to_tensor(input)
    rates = dilation_rate if dilations is None else dilations
    return _pool(functions[pooling_type], x, window_shape, strides, padding, data_format,
                 name or "pool", _space_of(x, window_shape), rates)  # fmt: skip


def max_pool_v2(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the largest element of each window over 1, 2 or 3 spatial dimensions."""
    x = convert_to_tensor(input)
    space = _space_of(x, ksize)
    return _pool(_max_pool, x, ksize, strides, padding, data_format, name, space)


def avg_pool_v2(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of each window over 1, 2 or 3 spatial dimensions."""
    x = convert_to_tensor(input)
    space = _space_of(x, ksize)
    return _pool(_avg_pool, x, ksize, strides, padding, data_format, name, space)


def max_pool_with_argmax(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC",
    Targmax: Any = None, name: str | None = None, output_dtype: Any = None,
    include_batch_in_index: bool = False,
) -> ArgmaxPool:  # fmt: skip
    """Return the largest element of each window, and its position in the flattened image: that is
    (row * width + column) * channels + channel, as ``output_dtype`` (int64)."""
    if channels_first(data_format) or include_batch_in_index:
        raise InvalidArgumentError(None, None, "positions are counted in each NHWC image alone.")
    y, argmax = _max_pool_with_argmax(
        input, ksize=spatial("ksize", ksize, 2), strides=spatial("strides", strides, 2),
        padding=padding_of(padding, 2), name=name,
    )  # fmt: skip
    wanted = output_dtype if Targmax is None else Targmax
    return ArgmaxPool(y, argmax if wanted is None else cast(argmax, wanted))
