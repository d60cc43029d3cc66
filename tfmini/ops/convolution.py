"""Convolutions: the operations and their gradients.

In: images [batch, *spatial, channels] and filters [*kernel, channels in, channels out], to which
``convolving.py`` brings others.  Out: images.  The arithmetic is in ``kernels/convolution.py``.

A convolution is linear in the image and in the filter, so each of the three operations of a family
(the convolution, its gradient for the image, that for the filter) has the other two as gradients.
"""

from __future__ import annotations

import math as python_math
from typing import Any

from tfmini.build import op
from tfmini.dtypes import promote
from tfmini.kernels import convolution as kernels
from tfmini.kernels import depthwise
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Contraction, Cost, nbytes
from tfmini.ops import array
from tfmini.ops.static import require_ints, shape_from
from tfmini.ops.windows import of_rank
from tfmini.shapes import Shape, merge_shapes
from tfmini.spec import TensorSpec

_LETTERS = {1: ("h", "i", "p"), 2: ("hw", "ij", "pq"), 3: ("dhw", "ijk", "pqr")}


class Family:
    """What the operations of one kind of convolution share: kernels, and each other."""

    def __init__(self, space: int, forward: Any, for_input: Any, for_filter: Any,
                 output_shape: Any) -> None:  # fmt: skip
        self.space = space
        self.kernels = (forward, for_input, for_filter)
        self.output_shape = output_shape
        self.ops: tuple[Any, Any, Any]

    def shape(self, spec: TensorSpec) -> Any:
        """Return the static shape of images or filters, of unknown dimensions if need be."""
        return of_rank(spec.shape, self.space + 2)

    def letters(self) -> tuple[str, str, str]:
        """Return the spatial letters of images, filters and outputs, which can't be split."""
        image, kernel, out = ("".join(f"[{c}]" for c in s) for s in _LETTERS[self.space])
        return image, kernel, out


STANDARD = {
    n: Family(n, kernels.conv, kernels.conv_input_gradient, kernels.conv_filter_gradient,
              kernels.conv_output_shape)
    for n in (2, 3)
}  # fmt: skip
DEPTHWISE = Family(
    2, depthwise.depthwise_conv, depthwise.depthwise_input_gradient,
    depthwise.depthwise_filter_gradient, depthwise.depthwise_output_shape,
)  # fmt: skip


class _Base(Contraction):
    """Base of all three operations of a family."""

    kinds = "f"
    threaded = True
    family: Family

    def _flops(self, grad: Shape, kernel: Shape) -> float:
        """Return the steps for an output of shape ``grad``: each window costs the whole filter."""
        if grad is None or kernel is None or None in grad or None in kernel:
            return python_math.inf
        windows = python_math.prod(grad[:-1])
        return 2.0 * windows * python_math.prod(kernel)

    def _dims(self, depthwise: str, standard: str) -> str:
        image, kernel, out = self.family.letters()
        text = depthwise if self.family is DEPTHWISE else standard
        return text.replace("H", image).replace("K", kernel).replace("P", out)


class _Forward(_Base):
    def compute(
        self, input: Any, filter: Any, *, strides: Any = 1, padding: Any = "VALID",
        dilations: Any = 1,
    ) -> Any:  # fmt: skip
        return self.family.kernels[0](
            input, filter, strides=strides, padding=padding, dilations=dilations
        )

    def infer(self, input: TensorSpec, filter: TensorSpec, **attrs: Any) -> TensorSpec:
        self.check_kinds((input.dtype, filter.dtype))
        shapes = self.family.shape(input), self.family.shape(filter)
        out = self.family.output_shape(*shapes, **attrs)
        return TensorSpec(out, promote(input.dtype, filter.dtype))

    def cost(self, input: TensorSpec, filter: TensorSpec, **attrs: Any) -> Cost:
        out = self.infer(input, filter, **attrs)
        return Cost(self._flops(out.shape, filter.shape), nbytes(input, filter, out))

    def dims(self, *_specs: TensorSpec, **_attrs: Any) -> str:
        return self._dims("nH[c],K[c][m]->nP[o]", "nH[c],K[c]f->nPf")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, w = node.inputs
        _, for_input, for_filter = self.family.ops
        return (for_input(array.shape(x), w, grad, **node.attrs),
                for_filter(x, array.shape(w), grad, **node.attrs))  # fmt: skip


class _ForInput(_Base):
    same_dtype = False  # sizes are ints
    shape_input = 0

    def compute(
        self, input_sizes: Any, filter: Any, out_backprop: Any, *, strides: Any = 1,
        padding: Any = "VALID", dilations: Any = 1,
    ) -> Any:  # fmt: skip
        return self.family.kernels[1](
            tuple(input_sizes.tolist()), filter, out_backprop, strides=strides, padding=padding,
            dilations=dilations,
        )  # fmt: skip

    def infer(
        self, input_sizes: TensorSpec, filter: TensorSpec, out_backprop: TensorSpec, **attrs: Any
    ) -> TensorSpec:
        require_ints(input_sizes=input_sizes)
        self.check_kinds((filter.dtype, out_backprop.dtype))
        w, grad = self.family.shape(filter), self.family.shape(out_backprop)
        known = shape_from(input_sizes)
        shape = merge_shapes(known, (grad[0], *(None,) * self.family.space, w[-2]))
        merge_shapes(self.family.output_shape(shape, w, **attrs), grad)
        return TensorSpec(shape, promote(filter.dtype, out_backprop.dtype))

    def cost(
        self, input_sizes: TensorSpec, filter: TensorSpec, out_backprop: TensorSpec, **attrs: Any
    ) -> Cost:
        out = self.infer(input_sizes, filter, out_backprop, **attrs)
        flops = self._flops(out_backprop.shape, filter.shape)
        return Cost(flops, nbytes(filter, out_backprop, out))

    def dims(self, *_specs: TensorSpec, **_attrs: Any) -> str:
        return self._dims("[z],K[c][m],nP[o]->nH[c]", "[z],K[c]f,nPf->nH[c]")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        _, w, g = node.inputs
        forward, _, for_filter = self.family.ops
        return (None, for_filter(grad, array.shape(w), g, **node.attrs),
                forward(grad, w, **node.attrs))  # fmt: skip


class _ForFilter(_Base):
    same_dtype = False  # sizes are ints

    def compute(
        self, input: Any, filter_sizes: Any, out_backprop: Any, *, strides: Any = 1,
        padding: Any = "VALID", dilations: Any = 1,
    ) -> Any:  # fmt: skip
        return self.family.kernels[2](
            input, tuple(filter_sizes.tolist()), out_backprop, strides=strides, padding=padding,
            dilations=dilations,
        )  # fmt: skip

    def infer(
        self, input: TensorSpec, filter_sizes: TensorSpec, out_backprop: TensorSpec, **attrs: Any
    ) -> TensorSpec:
        require_ints(filter_sizes=filter_sizes)
        self.check_kinds((input.dtype, out_backprop.dtype))
        x, grad = self.family.shape(input), self.family.shape(out_backprop)
        known = shape_from(filter_sizes)
        last = None if self.family is DEPTHWISE else grad[-1]
        shape = merge_shapes(known, (*(None,) * self.family.space, x[-1], last))
        merge_shapes(self.family.output_shape(x, shape, **attrs), grad)
        return TensorSpec(shape, promote(input.dtype, out_backprop.dtype))

    def cost(
        self, input: TensorSpec, filter_sizes: TensorSpec, out_backprop: TensorSpec, **attrs: Any
    ) -> Cost:
        out = self.infer(input, filter_sizes, out_backprop, **attrs)
        return Cost(self._flops(out_backprop.shape, out.shape), nbytes(input, out_backprop, out))

    def dims(self, *_specs: TensorSpec, **_attrs: Any) -> str:
        return self._dims("nH[c],[z],nP[o]->K[c][m]", "nH[c],[z],nP[f]->K[c][f]")

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, _, g = node.inputs
        forward, for_input, _ = self.family.ops
        return (for_input(array.shape(x), grad, g, **node.attrs), None,
                forward(x, grad, **node.attrs))  # fmt: skip


_IMAGE, _KERNEL = (2, 5, 4, 2), (3, 2, 2, 3)
_SAME2 = {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)}
_STRIDED = {"strides": (2, 1), "padding": "VALID", "dilations": (1, 2)}
_PADDED = {"strides": (1, 2), "padding": ((1, 0), (0, 2)), "dilations": (1, 1)}


@op("Conv2D")
class _conv2d(_Forward):
    """The convolution of images with a filter."""

    family = STANDARD[2]
    samples = [(_IMAGE, _KERNEL, _SAME2), (_IMAGE, _KERNEL, _STRIDED), (_IMAGE, _KERNEL, _PADDED)]


@op("Conv2DBackpropInput")
class _conv2d_for_input(_ForInput):
    """The gradient of ``Conv2D`` for images of shape ``input_sizes``."""

    family = STANDARD[2]
    samples = [([2, 5, 4, 2], _KERNEL, (2, 5, 4, 3), _SAME2),
               ([2, 5, 4, 2], _KERNEL, (2, 2, 2, 3), _STRIDED)]  # fmt: skip


@op("Conv2DBackpropFilter")
class _conv2d_for_filter(_ForFilter):
    """The gradient of ``Conv2D`` for a filter of shape ``filter_sizes``."""

    family = STANDARD[2]
    samples = [(_IMAGE, [3, 2, 2, 3], (2, 5, 4, 3), _SAME2),
               (_IMAGE, [3, 2, 2, 3], (2, 2, 2, 3), _STRIDED)]  # fmt: skip


_SAME3 = {"strides": (1, 2, 1), "padding": "SAME", "dilations": (1, 1, 1)}


@op("Conv3D")
class _conv3d(_Forward):
    """The convolution of volumes with a filter."""

    family = STANDARD[3]
    samples = [((2, 2, 3, 3, 2), (2, 2, 2, 2, 3), _SAME3)]


@op("Conv3DBackpropInputV2")
class _conv3d_for_input(_ForInput):
    """The gradient of ``Conv3D`` for volumes of shape ``input_sizes``."""

    family = STANDARD[3]
    samples = [([2, 2, 3, 3, 2], (2, 2, 2, 2, 3), (2, 2, 2, 3, 3), _SAME3)]


@op("Conv3DBackpropFilterV2")
class _conv3d_for_filter(_ForFilter):
    """The gradient of ``Conv3D`` for a filter of shape ``filter_sizes``."""

    family = STANDARD[3]
    samples = [((2, 2, 3, 3, 2), [2, 2, 2, 2, 3], (2, 2, 2, 3, 3), _SAME3)]


@op("DepthwiseConv2dNative")
class _depthwise(_Forward):
    """The convolution of each channel with filters of its own."""

    family = DEPTHWISE
    samples = [(_IMAGE, _KERNEL, _SAME2), (_IMAGE, _KERNEL, _STRIDED)]


@op("DepthwiseConv2dNativeBackpropInput")
class _depthwise_for_input(_ForInput):
    """The gradient of ``DepthwiseConv2dNative`` for images of shape ``input_sizes``."""

    family = DEPTHWISE
    samples = [([2, 5, 4, 2], _KERNEL, (2, 5, 4, 6), _SAME2)]


@op("DepthwiseConv2dNativeBackpropFilter")
class _depthwise_for_filter(_ForFilter):
    """The gradient of ``DepthwiseConv2dNative`` for a filter of shape ``filter_sizes``."""

    family = DEPTHWISE
    samples = [(_IMAGE, [3, 2, 2, 3], (2, 5, 4, 6), _SAME2)]


STANDARD[2].ops = (_conv2d, _conv2d_for_input, _conv2d_for_filter)
STANDARD[3].ops = (_conv3d, _conv3d_for_input, _conv3d_for_filter)
DEPTHWISE.ops = (_depthwise, _depthwise_for_input, _depthwise_for_filter)
