"""Decorators that give a warning where something old is used, and one for functions of Python.

In: functions, and what replaces them from which date.  Out: the same functions, which warn once.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from tfmini import logging, nest
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import debugging

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _checked(date: str | None, instructions: str) -> None:
    if date is not None and not re.match(r"20\d\d-[01]\d-[0123]\d", date):
        raise InvalidArgumentError(None, None, f"date={date!r} must be YYYY-MM-DD.")
    if not instructions:
        raise InvalidArgumentError(None, None, "instructions: say what to use in place.")


def _decorator(
    date: str | None, instructions: str, warn_once: bool,
    used: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], list[str]],
) -> Decorator:  # fmt: skip
    """Return a decorator; ``used`` tells what of a call is old: words to be put in the warning."""
    when = "in a future version" if date is None else f"after {date}"

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise InvalidArgumentError(None, None, f"{func!r} is no function.")

        @functools.wraps(func)
        def warning(*args: Any, **kwargs: Any) -> Any:
            for what in used(func, args, kwargs):
                text = (
                    f"{func.__qualname__} (from {func.__module__}){what} is deprecated and will be "
                    f"removed {when}. Instructions for updating: {instructions}"
                )
                logging.notice(text) if warn_once else logging.warning("%s", text)
            return func(*args, **kwargs)

        return warning

    return decorate


def deprecated(date: str | None, instructions: str, warn_once: bool = True) -> Decorator:
    """Return a decorator of a function that goes away after ``date`` ("2026-11-23", or None)."""
    _checked(date, instructions)
    return _decorator(date, instructions, warn_once, lambda func, args, kwargs: [""])


def deprecated_args(
    date: str | None, instructions: str, *deprecated_arg_names_or_tuples: Any, **kwargs: Any
) -> Decorator:
    """Return a decorator of a function that has arguments which go away after ``date``.

    They are names, or pairs of a name and a value that is still right.  ``warn_once=False``: warn
    at each call.
    """
    _checked(date, instructions)
    once = kwargs.pop("warn_once", True)
    if not deprecated_arg_names_or_tuples or kwargs:
        raise InvalidArgumentError(
            None, None, f"deprecated_args takes names of arguments and warn_once, not {kwargs}."
        )
    listed = [a if isinstance(a, tuple) else (a,) for a in deprecated_arg_names_or_tuples]

    def used(func: Any, args: tuple[Any, ...], given: dict[str, Any]) -> list[str]:
        bound = inspect.signature(func).bind(*args, **given).arguments
        return [
            f" with {name}"
            for name, *right in listed
            if name in bound and not (right and bound[name] == right[0])
        ]

    decorate = _decorator(date, instructions, once, used)

    def checked(func: Callable[..., Any]) -> Callable[..., Any]:
        missing = [a[0] for a in listed if a[0] not in inspect.signature(func).parameters]
        if missing:
            raise InvalidArgumentError(
                None, None, f"deprecated arguments {missing} are not in the function's signature."
            )
        return decorate(func)

    return checked


def deprecated_arg_values(
    date: str | None, instructions: str, warn_once: bool = True, **deprecated_kwargs: Any
) -> Decorator:
    """Return a decorator of a function of whose arguments some values go away after ``date``."""
    _checked(date, instructions)
    if not deprecated_kwargs:
        raise InvalidArgumentError(None, None, "say which values of arguments are deprecated.")

    def used(func: Any, args: tuple[Any, ...], given: dict[str, Any]) -> list[str]:
        bound = inspect.signature(func).bind(*args, **given)
        bound.apply_defaults()
        return [
            f" with {name}={value}"
            for name, value in deprecated_kwargs.items()
            if name in bound.arguments and bound.arguments[name] == value
        ]

    return _decorator(date, instructions, warn_once, used)


def py_func(
    func: Callable[..., Any],
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    output_types: Any = None,
    output_shapes: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Return what ``func(*args, **kwargs)`` returns when it runs, in the structure of its types.

    Parameters
    ----------
    args, kwargs : structures of tensors; the function gets arrays in their places
    output_types : a structure of dtypes, or a function of the arguments that returns it
    output_shapes : such a structure of shapes, or a function; default unknown
    """
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, (dict, type(None))):
        raise InvalidTypeError(None, None, "py_func: args must be a list and kwargs a dict.")
    given = (tuple(args), kwargs or {})
    types = output_types(*args, **given[1]) if callable(output_types) else output_types
    shapes = output_shapes(*args, **given[1]) if callable(output_shapes) else output_shapes

    def flat(*values: Any) -> list[Any]:
        arguments, named = nest.pack_sequence_as(given, list(values))
        return nest.flatten(func(*arguments, **named))

    results = debugging.py_func(flat, nest.flatten(given), nest.flatten(types), stateful, name)
    if shapes is not None:
        for result, shape in zip(results, nest.flatten_up_to(types, shapes), strict=True):
            result.set_shape(shape)
    return nest.pack_sequence_as(types, list(results))
