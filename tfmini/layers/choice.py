"""A choice that may be known while the graph is built, such as ``training``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import constant_value, convert_to_tensor
from tfmini.dtypes import bool_
from tfmini.nodes import Operators
from tfmini.ops import casting, control


def smart_constant_value(pred: Any) -> bool | None:
    """Return the value of ``pred``, a bool, 0, 1 or a scalar tensor, or None if it is not known."""
    if isinstance(pred, Operators) or hasattr(pred, "__tf_tensor__"):
        known = constant_value(convert_to_tensor(pred))
        return None if known is None else bool(known)
    return bool(pred)


def smart_cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return ``tf.cond(pred, true_fn, false_fn)``, or the one branch if ``pred`` is known."""
    known = smart_constant_value(pred)
    if known is not None:
        branch = true_fn if known else false_fn
        return branch() if branch is not None else None
    pred = convert_to_tensor(pred)
    if pred.dtype is not bool_:
        pred = casting.cast(pred, bool_)
    return control.cond(pred, true_fn, false_fn, name=name)
