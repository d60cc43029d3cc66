"""Checks of values, shapes and types: ``assert_equal``, ``assert_near``, ``assert_shapes`` ...

Each returns an operation that raises InvalidArgumentError when it runs and the check fails; what is
known to fail while the graph is built raises at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, create
from tfmini.defaults import control_dependencies, name_scope, own_scope
from tfmini.dtypes import DType, as_dtype, float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, logic, math, reductions
from tfmini.ops.debugging import Assert
from tfmini.ops.grouping import no_op
from tfmini.shapes import as_shape


def _compared(
    function: Callable[..., Tensor], sign: str, static: Callable[..., Any], kind: str
) -> Callable[..., Operation]:
    def check(
        x: Any, y: Any, data: Sequence[Any] | None = None, summarize: int | None = None,
        message: str | None = None, name: str | None = None,
    ) -> Operation:  # fmt: skip
        with name_scope(name, kind, [x, y, data]):
            a, b = _pair(x, y)
            _raise_if_known(a, b, static, sign, message)
            text = f"Condition x {sign} y did not hold element-wise:"
            shown = data or [f"x ({a.name}) = ", a, f"y ({b.name}) = ", b]
            condition = reductions.reduce_all(function(a, b))
            return Assert(condition, [message or "", text, *shown], summarize)

    check.__name__ = check.__qualname__ = kind
    check.__doc__ = f"Return an operation that raises unless ``x {sign} y`` for all elements."
    return check


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    a = convert_to_tensor(x, name="x")
    return a, convert_to_tensor(y, None if isinstance(y, Tensor) else a.dtype, name="y")


def _raise_if_known(a: Tensor, b: Tensor, static: Any, sign: str, message: str | None) -> None:
    if not (a.op.opdef.is_constant and b.op.opdef.is_constant):
        return
    left, right = a.op.attrs["value"], b.op.attrs["value"]
    if not np.all(static(left, right)):
        raise InvalidArgumentError(
            None, None, f"{message or 'assertion failed'}: {left!r} {sign} {right!r} is false."
        )


assert_equal = _compared(logic.equal, "==", np.equal, "assert_equal")
assert_none_equal = _compared(logic.not_equal, "!=", np.not_equal, "assert_none_equal")
assert_less = _compared(logic.less, "<", np.less, "assert_less")
assert_less_equal = _compared(logic.less_equal, "<=", np.less_equal, "assert_less_equal")
assert_greater = _compared(logic.greater, ">", np.greater, "assert_greater")
assert_greater_equal = _compared(
    logic.greater_equal, ">=", np.greater_equal, "assert_greater_equal"
)


def _signed(check: Callable[..., Operation], what: str, kind: str) -> Callable[..., Operation]:
    def signed(
        x: Any, data: Sequence[Any] | None = None, summarize: int | None = None,
        message: str | None = None, name: str | None = None,
    ) -> Operation:  # fmt: skip
        with name_scope(name, kind, [x, data]):
            return check(x, 0, data, summarize, message)

    signed.__name__ = signed.__qualname__ = kind
    signed.__doc__ = f"Return an operation that raises unless all elements of ``x`` are {what}."
    return signed


assert_positive = _signed(assert_greater, "over 0", "assert_positive")
assert_negative = _signed(assert_less, "below 0", "assert_negative")
assert_non_negative = _signed(assert_greater_equal, "0 or more", "assert_non_negative")
assert_non_positive = _signed(assert_less_equal, "0 or less", "assert_non_positive")


@own_scope("assert_near")
def assert_near(
    x: Any, y: Any, rtol: Any = None, atol: Any = None, data: Sequence[Any] | None = None,
    summarize: int | None = None, message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless ``|x - y| <= atol + rtol * |y|`` for all elements.

    ``rtol`` and ``atol`` are ten times the dtype's epsilon unless given.
    """
    a, b = _pair(x, y)
    if a.dtype is None or not a.dtype.is_differentiable:
        found = a.dtype.name if a.dtype else "unknown"
        raise InvalidTypeError(
            a.op.info,
            a.op,
            f"assert_near needs floats, its dtype is {found}; convert with tf.cast.",
        )
    real = a.dtype.real_dtype
    epsilon = 10.0 * float(np.finfo(real.dtype).eps)
    relative, absolute = (
        convert_to_tensor(epsilon if t is None else t, real) for t in (rtol, atol)
    )
    near = logic.less_equal(math.abs(a - b), absolute + relative * math.abs(b))
    text = "x and y not equal to tolerance:"
    shown = data or [f"x ({a.name}) = ", a, f"y ({b.name}) = ", b]
    shown = [message or "", text, *shown, "rtol = ", relative, "atol = ", absolute]
    return Assert(reductions.reduce_all(near), shown, summarize)


@own_scope("assert_rank")
def assert_rank(
    x: Any, rank: int, data: Sequence[Any] | None = None, summarize: int | None = None,
    message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless ``x`` has ``rank`` dimensions."""
    tensor = convert_to_tensor(x)
    return _ranked(tensor, logic.equal, tensor.spec.rank == rank, f"rank {rank}", rank, data,
                   summarize, message)  # fmt: skip


@own_scope("assert_rank_at_least")
def assert_rank_at_least(
    x: Any, rank: int, data: Sequence[Any] | None = None, summarize: int | None = None,
    message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless ``x`` has ``rank`` or more dimensions."""
    tensor = convert_to_tensor(x)
    known = tensor.spec.rank is not None and tensor.spec.rank >= rank
    return _ranked(tensor, logic.greater_equal, known, f"rank at least {rank}", rank, data,
                   summarize, message)  # fmt: skip


@own_scope("assert_rank_in")
def assert_rank_in(
    x: Any, ranks: Sequence[int], data: Sequence[Any] | None = None,
    summarize: int | None = None, message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless the number of dimensions of ``x`` is in ``ranks``."""
    tensor, wanted = convert_to_tensor(x), [int(r) for r in ranks]
    return _ranked(tensor, lambda found, all_: reductions.reduce_any(logic.equal(found, all_)),
                   tensor.spec.rank in wanted, f"rank in {wanted}", wanted, data, summarize,
                   message)  # fmt: skip


def _ranked(
    x: Tensor, function: Any, holds: bool, wanted: str, rank: Any, data: Any,
    summarize: int | None, message: str | None,
) -> Operation:  # fmt: skip
    text = f"{message + ' ' if message else ''}Tensor {x.name} must have {wanted}."
    if x.spec.rank is not None:
        if not holds:
            raise InvalidArgumentError(None, None, f"{text} Received shape {x.shape}.")
        return create(no_op.opdef, (), {})
    found = array.rank(x)
    return Assert(function(found, rank), data or [text, "Received rank:", found], summarize)


def assert_type(
    tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None
) -> Operation:
    """Raise at once unless ``tensor`` is of the dtype; return an operation that does nothing."""
    x, wanted = convert_to_tensor(tensor), as_dtype(tf_type)
    if x.dtype is not wanted:
        found = x.dtype.name if x.dtype else "unknown"
        raise InvalidTypeError(
            None, None, f"{message or ''} {x.name} must be of type {wanted.name}, not {found}."
        )
    return create(no_op.opdef, (), {}, name or "assert_type")


def assert_scalar(tensor: Any, name: str | None = None, message: str | None = None) -> Tensor:
    """Return ``tensor``; raise at once unless it is known to have no dimensions."""
    x = convert_to_tensor(tensor, name=name)
    if x.spec.shape != ():
        raise InvalidArgumentError(
            x.op.info, x.op, f"{message or ''} a scalar is needed, its shape is {x.shape}."
        )
    return x


@own_scope("assert_shapes")
def assert_shapes(
    shapes: Any, data: Sequence[Any] | None = None, summarize: int | None = None,
    message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless tensors have given shapes that fit each other.

    Parameters
    ----------
    shapes : dict or list of pairs of a tensor and its shape, a list of sizes: an int; a text, which
        stands for the same size wherever it is written; None or ".", any size.  The first may be
        "..." or "*": any dimensions before the others.
    """
    pairs = list(shapes.items() if isinstance(shapes, Mapping) else shapes)
    checks: list[Operation] = []
    sizes: dict[Any, tuple[Any, Tensor]] = {}  # by symbol: the first of that name, and whose it is
    for x, given in pairs:
        tensor = convert_to_tensor(x)
        wanted = list(given) if isinstance(given, (list, tuple)) else as_shape(given)
        if wanted is None:
            continue
        free = bool(wanted) and wanted[0] in ("...", "*", Ellipsis)
        wanted = list(wanted[1:] if free else wanted)
        ranked = assert_rank_at_least if free else assert_rank
        rank = ranked(tensor, len(wanted), data, summarize, message)
        checks.append(rank)
        with tensor.graph.control_dependencies([rank]):
            for i, size in enumerate(wanted):
                if size not in (None, "."):
                    found = _size(tensor, i - len(wanted))
                    named = (
                        sizes.setdefault(size, (found, tensor)) if isinstance(size, str) else None
                    )
                    first, owner = named or (int(size), tensor)
                    where = f"{message or ''} size {size!r} of {tensor.name}, as of {owner.name}:"
                    checks += _same_size(tensor, found, first, where, data, summarize)
    with control_dependencies(checks):
        return create(no_op.opdef, (), {})


def _size(x: Tensor, axis: int) -> Any:
    """Return a dimension of ``x``: an int if it is known, else a tensor."""
    shape = x.spec.shape
    known = None if shape is None else shape[axis]
    return array.shape(x)[axis] if known is None else known


def _same_size(
    x: Tensor, found: Any, first: Any, where: str, data: Any, summarize: int | None
) -> list[Operation]:
    if found is first:
        return []
    if isinstance(found, int) and isinstance(first, int):
        if found != first:
            raise InvalidArgumentError(
                x.op.info, x.op, f"{where} {found} and {first} are not equal."
            )
        return []
    same = logic.equal(found, convert_to_tensor(first))
    return [Assert(same, data or [where, found, first], summarize)]


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """Raise at once unless ``x`` is of an integer dtype; return an operation that does nothing."""
    tensor = convert_to_tensor(x)
    if tensor.dtype is None or not tensor.dtype.is_integer:
        found = tensor.dtype.name if tensor.dtype else "unknown"
        raise InvalidTypeError(
            None, None, f"{message or ''} {tensor.name} must be of an integer type, not {found}."
        )
    return create(no_op.opdef, (), {}, name or "assert_integer")


def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> DType:
    """Return the dtype that all ``tensors`` have, and ``dtype`` if it is given; float32 if there
    is neither.  Raise if they differ, or are not floats."""
    found = None if dtype is None else as_dtype(dtype)
    for tensor in [convert_to_tensor(t) for t in tensors or [] if t is not None]:
        if found is not None and tensor.dtype is not found:
            name = tensor.dtype.name if tensor.dtype else "unknown"
            raise InvalidTypeError(
                tensor.op.info, tensor.op, f"its dtype is {name}, that of the others {found.name}; "
                "convert with tf.cast.",
            )  # fmt: skip
        found = tensor.dtype
    found = found or float32
    if not found.is_floating:
        raise InvalidTypeError(None, None, f"a float dtype is needed, not {found.name}.")
    return found


def assert_proper_iterable(values: Any) -> None:
    """Raise unless ``values`` is an iterable, and neither a tensor nor an array nor a text."""
    improper = (Tensor, Operation, np.ndarray, bytes, str)
    if isinstance(values, improper) or hasattr(values, "__tf_flatten__"):
        raise InvalidTypeError(
            None,
            None,
            f"a list or another iterable of values is needed, not {type(values).__name__}.",
        )
    if not hasattr(values, "__iter__"):
        raise InvalidTypeError(None, None, f"{values!r} is no iterable; give a list.")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether ``tensor`` is a tensor of numbers: floats, ints or complex numbers."""
    dtype = tensor.dtype if isinstance(tensor, Tensor) else None
    return dtype is not None and (dtype.is_differentiable or dtype.is_integer)


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a tensor, a variable or a sparse tensor: a value of the graph."""
    return isinstance(x, Tensor) or hasattr(x, "__tf_tensor__") or hasattr(x, "__tf_flatten__")
