"""What else stands for a tensor: types that a user's library registers, such as random variables.

In: ``tf.register_tensor_conversion_function`` and, for fetches and feeds,
``register_session_run_conversion_functions``.  Out: the functions for a value, looked up by its
type; those of subclasses too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.errors import AlreadyExistsError, FailedPreconditionError, InvalidTypeError
from tfmini.nodes import Tensor

_PRIORITY = 100
# These are constants always: a function for them would change every graph.
_FIXED = (int, float, np.generic, np.ndarray)

Convert = Callable[..., Any]


class _Registered(NamedTuple):
    priority: int
    types: type | tuple[type, ...]
    function: Convert


class SessionFunctions(NamedTuple):
    """How one type is fetched and fed."""

    fetch: Callable[[Any], Any]  # value -> ([what to fetch], from their values to the result)
    feed: Callable[[Any, Any], Any] | None  # (key, value) -> [(tensor, its value), ...]
    keys: Callable[[Any], Any] | None  # key -> [tensor, ...]


_registered: list[_Registered] = []
_by_type: dict[type, list[Convert]] = {}
_in_sessions: dict[type, SessionFunctions] = {}


def register_tensor_conversion_function(
    base_type: Any, conversion_func: Convert, priority: int = _PRIORITY
) -> None:
    """Let values of ``base_type`` stand for tensors wherever a tensor is taken.

    Parameters
    ----------
    base_type : type, or tuple of types
        Not of numbers and arrays: those are constants.
    conversion_func : function of (value, dtype=, name=, as_ref=)
        Returns a tensor, of ``dtype`` unless that is None, or NotImplemented: then the next
        function is asked.  ``as_ref`` is False always.
    priority : int
        The function of the smallest is asked first; of equal ones, that which came first.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not types or not all([isinstance(t, type) for t in types]):
        raise InvalidTypeError(
            None, None, f"base_type must be a type or a tuple of types, not {base_type!r}."
        )
    if any([issubclass(t, _FIXED) for t in types]):
        raise InvalidTypeError(
            None,
            None,
            f"{base_type!r}: numbers and arrays are constants, so they take no conversion function "
            f"of their own. Remedy: register a class that holds them.",
        )
    if not callable(conversion_func):
        raise InvalidTypeError(
            None, None, f"conversion_func must be a function, not {conversion_func!r}."
        )
    _registered.append(_Registered(priority, types, conversion_func))
    _registered.sort(key=lambda r: r.priority)
    _by_type.clear()


def register_session_run_conversion_functions(
    tensor_type: type,
    fetch_function: Callable[[Any], Any],
    feed_function: Callable[[Any, Any], Any] | None = None,
    feed_function_for_partial_run: Callable[[Any], Any] | None = None,
) -> None:
    """Let ``Session.run`` take values of ``tensor_type`` as fetches and as keys of ``feed_dict``.

    Parameters
    ----------
    fetch_function : function of (value)
        Returns a list of what to fetch in its place, and a function from the list of their values
        to the result.
    feed_function : function of (key, value fed)
        Returns a list of pairs: a tensor, and the value to feed for it.
    feed_function_for_partial_run : function of (key)
        Returns those tensors alone.  Where it is not given, ``feed_function`` is asked for them
        with None as the value.
    """
    for known in _in_sessions:
        if issubclass(tensor_type, known):
            raise AlreadyExistsError(
                None, None, f"{tensor_type} has conversion functions already, those of {known}."
            )
    found = SessionFunctions(fetch_function, feed_function, feed_function_for_partial_run)
    _in_sessions[tensor_type] = found


def is_registered(value: Any) -> bool:
    """Whether some function converts values of this type."""
    return bool(_registered) and bool(_functions(type(value)))


def converted(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return ``value`` as a tensor if its type is registered, else ``value`` itself."""
    if not _registered or isinstance(value, Tensor):
        return value
    for function in _functions(type(value)):
        result = function(value, dtype=dtype, name=name, as_ref=False)
        if result is NotImplemented:
            continue
        if not isinstance(result, Tensor):
            raise _refused(function, value, f"{result!r}, which is no tensor")
        if dtype is not None and result.dtype is not None and result.dtype is not dtype:
            raise _refused(function, value, f"{result!r}; {dtype.name} is wanted")
        return result
    return value


def all_converted(values: Sequence[Any]) -> Sequence[Any]:
    """Return ``values`` with tensors in the place of those whose types are registered."""
    return [converted(v) for v in values] if _registered else values


def in_session(value: Any) -> SessionFunctions | None:
    """Return how ``value`` is fetched and fed, if its type is registered for that."""
    if _in_sessions:
        for kind, functions in _in_sessions.items():
            if isinstance(value, kind):
                return functions
    return None


def _functions(kind: type) -> list[Convert]:
    found = _by_type.get(kind)
    if found is None:
        found = [r.function for r in _registered if issubclass(kind, r.types)]
        _by_type[kind] = found
    return found


def _refused(function: Convert, value: Any, got: str) -> FailedPreconditionError:
    name = getattr(function, "__qualname__", repr(function))
    return FailedPreconditionError(
        None, None, f"the conversion function {name} for {type(value).__name__} returned {got}."
    )
