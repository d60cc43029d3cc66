"""Reductions: sums, means, extremes, products and norms over dimensions.

``axis`` is None (all dimensions), an int, or a list of ints known while building; negative ones
count from the end.  ``keepdims`` leaves reduced dimensions with length 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import DType, bool_, float32, int32, int64
from tfmini.errors import InvalidTypeError
from tfmini.kernels.rows import FEW_COLUMNS, columns
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, Reduction, nbytes, normalize_axis
from tfmini.ops import array, creation, cumulative, indexing, joining, logic, math, sorting
from tfmini.ops.casting import cast, cast_like
from tfmini.ops.complex import conjugated, real, real_part
from tfmini.ops.division import floormod, truncated
from tfmini.ops.unbroadcast import mean_share, unreduce
from tfmini.spec import TensorSpec

SAMPLES: list[Any] = [
    ((2, 3),), ((),), ((2, 3), {"axis": 1}), ((2, 3), {"axis": -2, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, 2)}), ((2, 3), {"axis": ()}), ((2, 3), {"keepdims": True}),
]  # fmt: skip


def _spread(node: Operation, value: Tensor, mean: bool = False) -> Tensor:
    """Return ``value``, of the shape of the output of ``node``, in the shape of its input."""
    attrs = node.attrs
    shape = array.shape(node.inputs[0])
    if mean:
        value = mean_share(value, shape, attrs["axis"])
    return unreduce(value, shape, attrs["axis"], attrs["keepdims"])


@op("Sum")
class reduce_sum(Reduction):
    """Return the sum over ``axis``.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    kinds = "iufc"
    samples = SAMPLES

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = input_tensor
        if axis in (-1, x.ndim - 1) and x.ndim and 0 < x.shape[-1] <= FEW_COLUMNS:
            rows = columns(np.add, x)
            return rows if keepdims else rows[..., 0]
        return np.add.reduce(x, axis=axis, dtype=x.dtype, keepdims=bool(keepdims))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_spread(node, grad),)


class _Whole(Reduction):
    """A reduction whose parts can't simply be added: reduced dimensions must not be split."""

    of_parts = False  # reduced parts, reduced together, give the whole's reduction

    def dims(self, x: TensorSpec, *, axis: Any = None, keepdims: bool = False) -> str | None:
        given = super().dims(x, axis=axis, keepdims=keepdims)
        if given is None:
            return None
        letters, _, kept = given.partition("->")
        return "".join(c if c in kept else f"[{c}]" for c in letters) + "->" + kept


@op("Mean")
class reduce_mean(_Whole):
    """Return the mean over ``axis``; that of ints is truncated towards zero, NaN of no floats.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    kinds = "iufc"
    samples = SAMPLES

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = input_tensor
        wide = {"i": np.int64, "u": np.uint64}.get(x.dtype.kind, x.dtype)  # small ints overflow
        total = np.add.reduce(x, axis=axis, dtype=wide, keepdims=bool(keepdims))
        if x.dtype.kind in "iu":
            count = total.dtype.type(x.size // max(total.size, 1) or 1)
            return truncated(total, count).astype(x.dtype)
        return total / (x.size / total.size if total.size else 1)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (_spread(node, grad, mean=True),)


class _Extreme(_Whole):
    """Base of maximum and minimum: equal elements share the gradient, as in TensorFlow."""

    of_parts = True
    kinds = "iuf"
    samples = SAMPLES
    choose: Any = None

    def identity(self, dtype: np.dtype) -> Any:
        """Return what an empty array reduces to."""
        raise NotImplementedError

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = input_tensor
        if x.size:
            return self.choose.reduce(x, axis=axis, keepdims=bool(keepdims))
        return self.choose.reduce(
            x, axis=axis, keepdims=bool(keepdims), initial=self.identity(x.dtype)
        )

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x = node.inputs[0]
        chosen = cast_like(logic.equal(x, _spread(node, node.outputs[0])), grad)
        ties = reduce_sum(chosen, node.attrs["axis"], node.attrs["keepdims"])
        return (chosen * _spread(node, grad / ties),)


@op("Max")
class reduce_max(_Extreme):
    """Return the maximum over ``axis``; of nothing, the smallest value there is.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    choose = np.maximum

    def identity(self, dtype: np.dtype) -> Any:
        return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


@op("Min")
class reduce_min(_Extreme):
    """Return the minimum over ``axis``; of nothing, the largest value there is.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    choose = np.minimum

    def identity(self, dtype: np.dtype) -> Any:
        return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


@op("Prod")
class reduce_prod(_Whole):
    """Return the product over ``axis``; its gradient is right where elements are 0.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    of_parts = True
    kinds = "iufc"
    samples = SAMPLES

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        dtype = input_tensor.dtype
        return np.multiply.reduce(input_tensor, axis=axis, dtype=dtype, keepdims=bool(keepdims))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, axis = node.inputs[0], node.attrs["axis"]
        result = _spread(node, grad)
        if axis is None:
            flat = array.reshape(conjugated(x), [-1])
            return (result * array.reshape(_others(flat, 0), array.shape(x)),)
        if isinstance(axis, Tensor):
            return (result * _others_along(conjugated(x), axis),)
        # One dimension after the other: the factors of a chain of products.
        factor = conjugated(x)
        for a in (axis,) if isinstance(axis, int) else axis:
            result = result * _others(factor, a)
            factor = reduce_prod(factor, a, True)
        return (result,)


def _others(x: Tensor, axis: int) -> Tensor:
    """Return for each element the product of the others along ``axis``."""
    before = cumulative.cumprod(x, axis, exclusive=True)
    return before * cumulative.cumprod(x, axis, exclusive=True, reverse=True)


def _others_along(x: Tensor, axis: Tensor) -> Tensor:
    """Return the same along axes that are known only when it runs."""
    rank = array.rank(x)
    axes = array.reshape(floormod(cast(axis, int32), rank), [-1])
    kept, _ = sorting.setdiff1d(creation.range(rank), axes)
    order = joining.concat([axes, kept], 0)
    moved = array.transpose(x, order)
    length = reduce_prod(indexing.gather(array.shape(x), axes))
    width = reduce_prod(indexing.gather(array.shape(x), kept))
    products = _others(array.reshape(moved, joining.stack([length, width])), 0)
    back = sorting.invert_permutation(order)
    return array.transpose(array.reshape(products, array.shape(moved)), back)


_BOOLS: list[Any] = [
    (np.array([[True, False], [False, False]]), attrs)
    for attrs in ({}, {"axis": 1}, {"axis": (0,), "keepdims": True})
]


class _OfBools(_Whole):
    """Base of reductions of bools."""

    of_parts = True
    kinds = "b"
    gradient = None
    output = bool_
    samples = _BOOLS
    combine: Any = None  # the ufunc of two

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        return self.combine.reduce(input_tensor, axis=axis, keepdims=bool(keepdims))


@op("Any")
class reduce_any(_OfBools):
    """Return whether any element over ``axis`` is true.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    combine = np.logical_or


@op("All")
class reduce_all(_OfBools):
    """Return whether all elements over ``axis`` are true.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    combine = np.logical_and


@op("CountNonzero")
class _count_nonzero(Reduction):
    """Return how many elements over ``axis`` are not zero."""

    gradient = None
    samples = [(np.array([[0, 1], [2, 3]]), {"axis": 0}), ((2, 3), {"dtype": float32})]

    def compute(
        self, x: Any, *, axis: Any = None, keepdims: bool = False, dtype: DType = int64
    ) -> Any:
        return np.asarray(np.count_nonzero(x, axis, keepdims=bool(keepdims))).astype(dtype.dtype)

    def infer(self, x: TensorSpec, **attrs: Any) -> TensorSpec:
        dtype = attrs.pop("dtype")
        return TensorSpec(super().infer(x, **attrs).shape, dtype)

    def dims(self, x: TensorSpec, *, dtype: DType = int64, **attrs: Any) -> str | None:
        return super().dims(x, **attrs)


@own_scope("count_nonzero")
def count_nonzero(
    input_tensor: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
    dtype: Any = int64,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
    input: Any = None,
) -> Tensor:
    """Return how many elements over ``axis`` are not zero, as ``dtype``."""
    x = input if input_tensor is None else input_tensor
    axis = reduction_indices if axis is None else axis
    return _count_nonzero(x, axis, bool(keepdims or keep_dims), dtype, "Sum")


@own_scope("zero_fraction")
def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """Return the share of zeros in ``value``, a float32 scalar."""
    value = convert_to_tensor(value)
    zeros = cast(logic.equal(value, creation.zeros_like(value)), float32)
    return reduce_mean(zeros, name="fraction")


@op("ReduceLogSumExp")
class reduce_logsumexp(_Whole):
    """Return ``log(sum(exp(x)))`` over ``axis``, without overflow.

    ``axis`` is an int, a list of ints, or None: all; ``keepdims`` keeps them, of size 1.
    """

    of_parts = True
    kinds = "f"
    weight = 6.0
    samples = SAMPLES

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = input_tensor
        if not x.size:
            return np.log(np.add.reduce(x, axis=axis, keepdims=bool(keepdims)))
        largest = np.maximum.reduce(x, axis=axis, keepdims=True)
        largest = np.where(np.isfinite(largest), largest, largest.dtype.type(0))
        powers = np.exp(np.subtract(x, largest))
        total = np.log(np.add.reduce(powers, axis=axis, keepdims=bool(keepdims)))
        return total + largest.reshape(total.shape)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs[0], node.outputs[0]
        return (_spread(node, grad) * math.exp(x - _spread(node, y)),)


@op("EuclideanNorm")
class reduce_euclidean_norm(_Whole):
    """Return the square root of the sum of squares over ``axis``."""

    of_parts = True
    kinds = "iufc"
    weight = 2.0
    samples = SAMPLES[:-2]

    def compute(self, input_tensor: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = input_tensor
        squares = np.multiply(x, np.conjugate(x))
        total = np.add.reduce(squares, axis=axis, dtype=x.dtype, keepdims=bool(keepdims))
        return np.sqrt(total).astype(x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, y = node.inputs[0], node.outputs[0]
        return (x * _spread(node, real_part(grad, y) / y),)


@own_scope("reduce_variance")
def reduce_variance(
    input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """Return the mean over ``axis`` of the squared distance from the mean."""
    x = convert_to_tensor(input_tensor)
    if x.dtype is not None and not x.dtype.is_differentiable:
        raise InvalidTypeError(
            None, None, f"reduce_variance of {x.dtype.name}: convert with tf.cast to a float."
        )
    centred = x - reduce_mean(x, axis, True)
    if x.dtype is not None and x.dtype.is_complex:
        squares = real(centred * conjugated(centred))
    else:
        squares = math.square(centred)
    return reduce_mean(squares, axis, keepdims)


@own_scope("reduce_std")
def reduce_std(
    input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """Return the square root of ``reduce_variance``."""
    return math.sqrt(reduce_variance(input_tensor, axis, keepdims))


class _ArgExtreme(OpDef):
    """Base of argmax and argmin: the index of the first extreme element along a dimension."""

    gradient = None
    kinds = "iufb"
    samples = [((2, 3), {"dimension": 1}), ((4,), {"dimension": 0}),
               ((2, 3), {"dimension": -2})]  # fmt: skip
    choose: Callable[..., Any]

    def compute(self, input: Any, *, dimension: int = 0, output_type: DType = int64) -> Any:
        return self.choose(input, dimension).astype(output_type.dtype)

    def infer(self, input: TensorSpec, *, dimension: int, output_type: DType) -> TensorSpec:
        self.check_kinds((input.dtype,))
        if input.shape is None:
            return TensorSpec(None, output_type)
        (axis,) = normalize_axis(dimension, len(input.shape)) or ()
        if input.shape[axis] == 0:
            raise ValueError(f"dimension {dimension} is empty, so no element is the extreme one")
        return TensorSpec(input.shape[:axis] + input.shape[axis + 1 :], output_type)

    def cost(self, input: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(float("inf") if input.size is None else input.size, nbytes(input))

    def dims(self, input: TensorSpec, *, dimension: int, output_type: DType) -> str | None:
        if input.shape is None or len(input.shape) > 26:
            return None
        letters = "abcdefghijklmnopqrstuvwxyz"[: len(input.shape)]
        (axis,) = normalize_axis(dimension, len(input.shape)) or ()
        kept = letters[:axis] + letters[axis + 1 :]
        return f"{letters[:axis]}[{letters[axis]}]{letters[axis + 1 :]}->{kept}"


@op("ArgMax")
class arg_max(_ArgExtreme):
    """Return the index of the largest element along ``dimension``, the first of equal ones."""

    choose = staticmethod(np.argmax)


@op("ArgMin")
class arg_min(_ArgExtreme):
    """Return the index of the smallest element along ``dimension``, the first of equal ones."""

    choose = staticmethod(np.argmin)


def argmax(
    input: Any, axis: int | None = None, name: str | None = None, dimension: int | None = None,
    output_type: Any = int64,
) -> Tensor:  # fmt: skip
    """Return the index, int64, of the largest element along ``axis`` (default 0): the first of
    equals."""
    return arg_max(input, _axis(axis, dimension), output_type, name)


def argmin(
    input: Any, axis: int | None = None, name: str | None = None, dimension: int | None = None,
    output_type: Any = int64,
) -> Tensor:  # fmt: skip
    """Return the index, int64, of the smallest element along ``axis`` (default 0): the first of
    equals."""
    return arg_min(input, _axis(axis, dimension), output_type, name)


def _axis(axis: Any, dimension: Any) -> Any:
    """Return the one that is given of two spellings; the first dimension if none is."""
    given = dimension if axis is None else axis
    return 0 if given is None else given
