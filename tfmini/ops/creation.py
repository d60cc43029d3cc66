"""New tensors: constants, zeros and ones, ranges, identity matrices, grids.

Small results that are known while building become constants, as TensorFlow makes them.
"""

from __future__ import annotations

import builtins
import math as python_math
from typing import Any

import numpy as np

from tfmini.build import apply, constant_value, convert_to_tensor, make_const, op
from tfmini.defaults import own_scope
from tfmini.dtypes import DType, as_dtype, float32, float64, int32, int64, promote, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import get_default_graph, graph_of
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.ops import array, joining, math
from tfmini.ops.static import Copy, as_list, full, require_ints, shape_from
from tfmini.shapes import as_shape, format_shape
from tfmini.spec import TensorSpec, as_array

# Results of at most this many elements become constants.
_CONSTANT_SIZE = 1000


def constant(
    value: Any,
    dtype: Any = None,
    shape: Any = None,
    name: str = "Const",
    verify_shape: bool = False,
) -> Tensor:
    """Return a tensor whose value is ``value``: a number, an array, or nested lists of numbers.

    Parameters
    ----------
    dtype : default: float32 for Python floats, int32 for ints, an array's own.
    shape : the value's elements are laid out in it; where it has more, the last one is repeated.
    verify_shape : True: a value of another shape is an error.
    """
    if isinstance(value, Tensor):
        raise InvalidTypeError(
            value.op.info, value.op, "it is a tensor already; tf.identity gives another one."
        )
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, (np.ndarray, np.generic)) and wanted is not None:
        given = np.asarray(value).astype(wanted.dtype)  # TensorFlow converts arrays freely
    else:
        given = as_array(value, wanted)
    if shape is not None:
        given = _laid_out(given, as_shape(shape), verify_shape)
    if given is value or not given.flags.owndata:
        given = given.copy()
    given.flags.writeable = False
    return make_const(get_default_graph(), given, name)


def _laid_out(given: np.ndarray, shape: Any, verify: bool) -> np.ndarray:
    if given.shape == shape:
        return given
    wanted = python_math.prod(shape)
    if verify or (given.size > wanted and given.ndim) or (not given.size and wanted):
        raise InvalidArgumentError(
            None,
            None,
            f"the value has shape {format_shape(given.shape)}, {format_shape(shape)} is wanted.",
        )
    flat = np.empty(wanted, given.dtype)
    flat[: given.size] = given.reshape(-1)[:wanted]
    if given.size:
        flat[given.size :] = given.reshape(-1)[-1]
    return flat.reshape(shape)


@op("Fill")
class fill(Copy):
    """Return a tensor of shape ``dims`` with ``value``, a scalar, in each element."""

    shape_input = 0
    samples = [([2, 3], np.array(1.5)), (np.zeros(0, np.int32), ()), ([0, 3], ())]

    def compute(self, dims: Any, value: Any) -> Any:
        value = np.asarray(value)
        if value.ndim:
            raise ValueError(f"value must be a scalar, not of shape {value.shape}")
        return full(as_list(dims), value)

    def infer(self, dims: TensorSpec, value: TensorSpec) -> TensorSpec:
        require_ints(dims=dims)
        if value.shape not in ((), None):
            raise ValueError(f"value must be a scalar, not of shape {format_shape(value.shape)}")
        return TensorSpec(shape_from(dims), value.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return None, math.sum_to_shape(grad, array.shape(node.inputs[1]))


def zeros(shape: Any, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Return a tensor of zeros (False for bool, "" for strings)."""
    return _filled(shape, as_dtype(dtype), 0, name or "zeros")


def ones(shape: Any, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Return a tensor of ones (True for bool)."""
    return _filled(shape, as_dtype(dtype), 1, name or "ones")


def _filled(shape: Any, dtype: DType, number: int, name: str) -> Tensor:
    text = dtype.dtype == object
    if text and number:
        raise InvalidTypeError(None, None, "there are no ones of strings; zeros are empty ones.")
    item = b"" if text else number
    dims = _known_shape(shape)
    if dims is not None and python_math.prod(dims) <= _CONSTANT_SIZE:
        value = np.full(dims, item, dtype.dtype)
        value.flags.writeable = False
        return make_const(graph_of([shape]), value, name)
    vector = convert_to_tensor(shape) if dims is None else np.array(dims, np.int32)
    return apply(fill.opdef, (vector, np.array(item, dtype.dtype)), {}, name)


def _known_shape(shape: Any) -> tuple[int, ...] | None:
    """Return ``shape``, given in any way, as ints if it is known while building."""
    if isinstance(shape, (list, tuple)) and any(isinstance(d, (Tensor, Operation)) for d in shape):
        shape = convert_to_tensor(shape)
    if isinstance(shape, (Tensor, Operation)):
        known = constant_value(convert_to_tensor(shape))
        return None if known is None else tuple(as_list(known))
    dims = as_shape(shape)
    if dims is None or None in dims:
        raise InvalidArgumentError(
            None, None, f"shape {format_shape(dims)} must be fully known; use tf.shape(x) instead."
        )
    return dims


@op("ZerosLike")
class _zeros_like(Copy):
    """Zeros of the shape of ``tensor``, and of its dtype if ``dtype`` is None."""

    gradient = None
    number = 0
    dims = "..."
    samples = [((2, 3),), ((), {"dtype": float64})]

    def compute(self, tensor: Any, *, dtype: Any = None) -> Any:
        tensor = np.asarray(tensor)
        if dtype is string:
            return np.full(tensor.shape, b"", object)
        return np.zeros(tensor.shape, tensor.dtype if dtype is None else dtype.dtype)

    def infer(self, tensor: TensorSpec, *, dtype: Any = None) -> TensorSpec:
        return TensorSpec(tensor.shape, dtype or tensor.dtype)


@op("OnesLike")
class _ones_like(Copy):
    """Ones of the shape of ``tensor``, and of its dtype if ``dtype`` is None."""

    gradient = None
    dims = "..."
    samples = [((2, 3),), ((), {"dtype": float64})]

    def compute(self, tensor: Any, *, dtype: Any = None) -> Any:
        tensor = np.asarray(tensor)
        out = np.empty(tensor.shape, tensor.dtype if dtype is None else dtype.dtype)
        out.fill(1)
        return out

    def infer(self, tensor: TensorSpec, *, dtype: Any = None) -> TensorSpec:
        return TensorSpec(tensor.shape, dtype or tensor.dtype)


def zeros_like(
    tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return zeros of the shape of ``tensor``, and of its dtype unless ``dtype`` is given."""
    return _filled_like(tensor, dtype, 0, _zeros_like.opdef, name or "zeros_like", optimize)


def ones_like(
    tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return ones of the shape of ``tensor``, and of its dtype unless ``dtype`` is given."""
    return _filled_like(tensor, dtype, 1, _ones_like.opdef, name or "ones_like", optimize)


def _filled_like(
    tensor: Any, dtype: Any, number: int, opdef: Any, name: str, optimize: bool
) -> Tensor:
    x = convert_to_tensor(tensor)
    wanted = x.spec.dtype if dtype is None else as_dtype(dtype)
    if optimize and wanted is not None and x.spec.size is not None:
        # Nothing but the shape is needed, so the value need not be computed or kept for it.
        return _filled(array.shape(x), wanted, number, name)
    if wanted is string:
        dtype = wanted  # its array alone does not tell it from a TensorArray's flow
    return apply(opdef, (x,), {"dtype": dtype}, name)


@op("Range")
class _range(Copy):
    """Numbers from ``start`` up to, but without, ``limit``, by ``delta``."""

    same_dtype = True
    gradient = None
    samples = [(0, 5, 1), (5, 0, -2), (0.0, 1.0, 0.25), (3, 3, 1)]

    def compute(self, start: Any, limit: Any, delta: Any) -> Any:
        return _numbers(start, limit, delta, np.result_type(start, limit, delta))

    def infer(self, start: TensorSpec, limit: TensorSpec, delta: TensorSpec) -> TensorSpec:
        for spec in (start, limit, delta):
            if spec.shape not in ((), None):
                raise ValueError("start, limit and delta must be scalars")
        dtype = promote(start.dtype, limit.dtype, delta.dtype)
        bounds = (start.value, limit.value, delta.value)
        if None in bounds:
            return TensorSpec((None,), dtype)
        _check_range(*bounds)
        numbers = builtins.range(*bounds)
        return TensorSpec((len(numbers),), dtype, tuple(numbers) if len(numbers) <= 64 else None)


def range(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range"
) -> Tensor:
    """Return the numbers ``start, start + delta, ...`` below ``limit``; one bound: from 0.

    The dtype is the widest of int32, int64, float32, float64 that occurs among the bounds.
    """
    if limit is None:
        start, limit = 0, start
    wanted = None if dtype is None else as_dtype(dtype)
    parts = [v if isinstance(v, Tensor) else convert_to_tensor(v, wanted)
             for v in (start, limit, delta)]  # fmt: skip
    order = (int32, int64, float32, float64)
    if wanted is None and all([p.dtype in order for p in parts]):
        wanted = max([p.dtype for p in parts], key=order.index)
    if wanted is None:
        return apply(_range.opdef, parts, {}, name)
    values = [p.op.attrs["value"] if p.op.opdef.is_constant else None for p in parts]
    if wanted.is_floating and not any([v is None for v in values]):
        numbers = _numbers(values[0], values[1], values[2], wanted.dtype)
        if numbers.size <= _CONSTANT_SIZE:
            numbers.flags.writeable = False
            return make_const(parts[0].graph, numbers, name)
    parts = [p if p.dtype is wanted else math.cast(p, wanted) for p in parts]
    return apply(_range.opdef, parts, {}, name)


def _numbers(start: Any, limit: Any, delta: Any, dtype: np.dtype) -> Any:
    """Return ``start + i * delta`` below ``limit``; their number is found in ``dtype`` too, as
    TensorFlow does, so that rounding decides alike."""
    _check_range(start, limit, delta)
    if dtype.kind != "f":
        return np.arange(start, limit, delta, dtype=dtype)
    first, last, step = (dtype.type(v) for v in (start, limit, delta))
    count = max(int(np.ceil((last - first) / step)), 0)
    return (first + np.arange(count, dtype=dtype) * step).astype(dtype, copy=False)


def _check_range(start: Any, limit: Any, delta: Any) -> None:
    """Raise for a delta that does not lead from ``start`` to ``limit``, as TensorFlow does."""
    if not delta or (start > limit if delta > 0 else start < limit):
        raise ValueError(f"delta={delta} does not lead from {start} to {limit}")


@op("LinSpace")
class _linspace(Copy):
    """``num`` numbers, evenly spaced, from ``start`` to ``stop``."""

    kinds = "f"
    samples = [(0.0, 1.0, 5), (2.0, -1.0, 1)]

    def compute(self, start: Any, stop: Any, num: Any) -> Any:
        dtype = np.result_type(start, stop)
        if num < 1:
            raise ValueError(f"num={num} must be positive")
        return np.linspace(start, stop, int(num), dtype=dtype)

    def infer(self, start: TensorSpec, stop: TensorSpec, num: TensorSpec) -> TensorSpec:
        require_ints(num=num)
        if num.value is not None and num.value < 1:
            raise ValueError(f"num={num.value} must be positive")
        self.check_kinds((start.dtype, stop.dtype))
        return TensorSpec((num.value,), promote(start.dtype, stop.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        start, stop, num = node.inputs
        zero, one = (math.cast_like(convert_to_tensor(n), grad) for n in (0.0, 1.0))
        last = grad * _linspace(zero, one, num)
        return (math.sum_to_shape(grad - last, array.shape(start)),
                math.sum_to_shape(last, array.shape(stop)), None)  # fmt: skip


def linspace(start: Any, stop: Any, num: Any, name: str | None = None) -> Tensor:
    """Return ``num`` numbers, evenly spaced, from ``start`` to ``stop``, both included."""
    first = convert_to_tensor(start, None if isinstance(start, Tensor) or not isinstance(
        stop, Tensor) else stop.dtype)  # fmt: skip
    last = stop if isinstance(stop, Tensor) else convert_to_tensor(stop, first.dtype)
    return _linspace(first, last, num, name)


lin_space = linspace


@op("Eye")
class _eye(Copy):
    """Matrices of ``shape``, ones on the diagonal and zeros elsewhere."""

    gradient = None
    samples = [([2, 3], {"dtype": float64}), ([2, 3, 2], {"dtype": float32})]

    def compute(self, shape: Any, *, dtype: DType) -> Any:
        out = np.zeros(shape.tolist(), dtype.dtype)
        places = np.arange(min(out.shape[-2:]))
        out[..., places, places] = 1
        return out

    def infer(self, shape: TensorSpec, *, dtype: DType) -> TensorSpec:
        return TensorSpec(shape_from(shape), dtype)


@own_scope("eye")
def eye(
    num_rows: Any,
    num_columns: Any = None,
    batch_shape: Any = None,
    dtype: Any = float32,
    name: str | None = None,
) -> Tensor:
    """Return an identity matrix of ``num_rows`` by ``num_columns`` (default: as many), repeated
    over ``batch_shape``."""
    matrix = [num_rows, num_rows if num_columns is None else num_columns]
    if isinstance(batch_shape, Tensor):
        shape = joining.concat([batch_shape, convert_to_tensor(matrix, batch_shape.dtype)], 0)
    else:
        listed = [*(batch_shape or ()), *matrix]
        shape = convert_to_tensor(listed)
        shape.set_shape([len(listed)])
    return _eye(shape, as_dtype(dtype), "diag")


@own_scope("meshgrid")
def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list[Tensor]:
    """Return one tensor for each of the vectors ``args``, holding its coordinate at each point of
    the grid they span; "xy": the first two dimensions are exchanged, "ij": they are not."""
    if indexing not in ("xy", "ij"):
        raise InvalidArgumentError(None, None, f"indexing {indexing!r} must be 'xy' or 'ij'.")
    vectors = [array.reshape(v, [-1]) for v in args]
    order = [*builtins.range(len(vectors))]
    if indexing == "xy" and len(vectors) > 1:
        order[:2] = [1, 0]
    sizes = [array.size(vectors[i]) for i in order]
    shape = joining.stack(sizes) if sizes else None
    out = []
    for i, vector in enumerate(vectors):
        dims = [1] * len(vectors)
        dims[order.index(i)] = -1
        out.append(array.broadcast_to(array.reshape(vector, dims), shape, "mul"))
    return out
