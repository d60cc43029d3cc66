"""``arg_scope``: default arguments for functions, within a block.

In: functions marked with ``add_arg_scope``, and arguments.  Out: the same functions, which take
those arguments where a call does not give them.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError

Scope = dict[str, dict[str, Any]]


class _Stack(threading.local):
    def __init__(self) -> None:
        self.scopes: list[Scope] = [{}]


_stack = _Stack()


def arg_scope_func_key(op: Any) -> str:
    """Return what stands for the function ``op`` in a scope."""
    return str(getattr(op, "_key_op", None) or f"{op.__module__}.{op.__name__}")


def current_arg_scope() -> Scope:
    """Return the arguments of the block, by function."""
    return _stack.scopes[-1]


def has_arg_scope(func: Any) -> bool:
    """Whether ``func`` is marked with ``add_arg_scope``."""
    return hasattr(func, "_key_op")


def add_arg_scope(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``func`` such that it takes arguments from ``arg_scope``."""

    @functools.wraps(func)
    def with_scope(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    key = arg_scope_func_key(func)
    with_scope._key_op = key
    return with_scope


@contextmanager
def arg_scope(
    list_ops_or_scope: Sequence[Callable[..., Any]] | Scope, **kwargs: Any
) -> Iterator[Scope]:
    """Give functions default arguments in the block; inner blocks win over outer ones.

    Parameters
    ----------
    list_ops_or_scope : functions marked with ``add_arg_scope``, or what an earlier block gave
    """
    if isinstance(list_ops_or_scope, Mapping):
        if kwargs:
            raise InvalidArgumentError(
                None, None, "arg_scope: a scope that is entered again takes no arguments."
            )
        scope = dict(list_ops_or_scope)
    else:
        if not isinstance(list_ops_or_scope, (list, tuple)):
            raise InvalidTypeError(None, None, "arg_scope takes a list of functions, or a scope.")
        scope = dict(current_arg_scope())
        for function in list_ops_or_scope:
            if not has_arg_scope(function):
                raise InvalidArgumentError(
                    None, None, f"{function!r} takes no arg_scope: mark it with add_arg_scope."
                )
            key = arg_scope_func_key(function)
            scope[key] = {**scope.get(key, {}), **kwargs}
    _stack.scopes.append(scope)
    try:
        yield scope
    finally:
        _stack.scopes.pop()


def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """Return the names of the arguments that a scope may give ``func``: those with defaults."""
    parameters = inspect.signature(func).parameters.values()
    return tuple(p.name for p in parameters if p.default is not p.empty)
