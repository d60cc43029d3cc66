"""Checks of values, shapes and types: ``assert_equal``, ``assert_positive``, ``assert_rank`` ...

Each returns an operation that raises InvalidArgumentError when it runs and the check fails; what is
known to fail while the graph is built raises at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, create
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, logic, reductions
from tfmini.ops.debugging import Assert
from tfmini.ops.grouping import no_op


def _compared(
    function: Callable[..., Tensor], sign: str, static: Callable[..., Any], kind: str
) -> Callable[..., Operation]:
    def check(
        x: Any, y: Any, data: Sequence[Any] | None = None, summarize: int | None = None,
        message: str | None = None, name: str | None = None,
    ) -> Operation:  # fmt: skip
        a = convert_to_tensor(x)
        b = convert_to_tensor(y, None if isinstance(y, Tensor) else a.dtype)
        _raise_if_known(a, b, static, sign, message)
        text = f"Condition x {sign} y did not hold element-wise:"
        shown = data or [f"x ({a.name}) = ", a, f"y ({b.name}) = ", b]
        condition = reductions.reduce_all(function(a, b))
        return Assert(condition, [message or "", text, *shown], summarize, name or kind)

    check.__name__ = check.__qualname__ = kind
    check.__doc__ = f"Return an operation that raises unless ``x {sign} y`` for all elements."
    return check


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
        return check(x, 0, data, summarize, message, name or kind)

    signed.__name__ = signed.__qualname__ = kind
    signed.__doc__ = f"Return an operation that raises unless all elements of ``x`` are {what}."
    return signed


assert_positive = _signed(assert_greater, "over 0", "assert_positive")
assert_negative = _signed(assert_less, "below 0", "assert_negative")
assert_non_negative = _signed(assert_greater_equal, "0 or more", "assert_non_negative")
assert_non_positive = _signed(assert_less_equal, "0 or less", "assert_non_positive")


def assert_rank(
    x: Any, rank: int, data: Sequence[Any] | None = None, summarize: int | None = None,
    message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless ``x`` has ``rank`` dimensions."""
    tensor = convert_to_tensor(x)
    return _ranked(tensor, logic.equal, tensor.spec.rank == rank, f"rank {rank}", rank, data,
                   summarize, message, name or "assert_rank")  # fmt: skip


def assert_rank_at_least(
    x: Any, rank: int, data: Sequence[Any] | None = None, summarize: int | None = None,
    message: str | None = None, name: str | None = None,
) -> Operation:  # fmt: skip
    """Return an operation that raises unless ``x`` has ``rank`` or more dimensions."""
    tensor = convert_to_tensor(x)
    known = tensor.spec.rank is not None and tensor.spec.rank >= rank
    return _ranked(tensor, logic.greater_equal, known, f"rank at least {rank}", rank, data,
                   summarize, message, name or "assert_rank_at_least")  # fmt: skip


def _ranked(
    x: Tensor, function: Any, holds: bool, wanted: str, rank: int, data: Any,
    summarize: int | None, message: str | None, name: str,
) -> Operation:  # fmt: skip
    text = f"{message + ' ' if message else ''}Tensor {x.name} must have {wanted}."
    if x.spec.rank is not None:
        if not holds:
            raise InvalidArgumentError(None, None, f"{text} Received shape {x.shape}.")
        return create(no_op.opdef, (), {}, name)
    found = array.rank(x)
    return Assert(function(found, rank), data or [text, "Received rank:", found], summarize, name)


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
