"""Gradient functions that users register by the name of an operation type.

In: functions under ``@tf.RegisterGradient("add")``.  Out: the one for a type, for ``autodiff``
where the type has no rule of its own, and for the lesson's classes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tfmini.errors import AlreadyExistsError, InvalidTypeError

# By the type's name, then by the module that registered it.
_functions: dict[str, dict[str, Callable[..., Any]]] = {}
_lock = threading.Lock()


class RegisterGradient:
    """Decorator that registers a gradient function under an operation type's name.

    For lesson-style operations (classes derived from ``tf.Operation``) the function takes the
    operation, with the *values* ``op.inputs`` and ``op.output``, and the gradient's value; it
    returns one value per input.  For other types it takes tensors and returns tensors, as in
    TensorFlow.
    """

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):
            raise InvalidTypeError(
                None, None, f"write @tf.RegisterGradient('name of the type'), not {op_type!r:.60}."
            )
        self._op_type = op_type

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        with _lock:  # a module that runs again replaces its own
            _functions.setdefault(self._op_type, {})[function.__module__] = function
        return function


def NotDifferentiable(op_type: str) -> None:
    """Declare that operations of the type ``op_type`` have no gradient: none flows past them."""
    if not isinstance(op_type, str):
        raise InvalidTypeError(
            None, None, f"write tf.NotDifferentiable('name of the type'), not {op_type!r:.60}."
        )
    RegisterGradient(op_type)(_no_gradients)


NoGradient = no_gradient = NotDifferentiable


def _no_gradients(op: Any, *_grads: Any) -> list[None]:
    return [None] * len(op.inputs)


def gradient_function(name: str, module: str = "") -> Callable[..., Any] | None:
    """Return the gradient function that ``RegisterGradient(name)`` decorated, or None.

    Scripts in one process may each have their ``add``: one of ``module`` itself goes first.
    """
    found = _functions.get(name, {})
    if module in found or not found:
        return found.get(module)
    if len(found) > 1:
        raise AlreadyExistsError(
            None,
            None,
            f"gradients for {name!r} are registered by {', '.join(sorted(found))}; none of "
            f"them is the module that defines the operation.",
        )
    return next(iter(found.values()))
