"""``tensorflow.python.util.tf_inspect``: Python's ``inspect``, as it was in Python 3.7.

In: functions and objects.  Out: what their signatures and sources are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import (
    currentframe,
    getcallargs,
    getdoc,
    getfile,
    getfullargspec,
    getmembers,
    getmodule,
    getmro,
    getsource,
    isbuiltin,
    isclass,
    isframe,
    isfunction,
    isgenerator,
    ismethod,
    ismodule,
    isroutine,
    stack,
)
from typing import Any, NamedTuple

__all__ = [
    "ArgSpec", "currentframe", "getargspec", "getcallargs", "getdoc", "getfile", "getfullargspec",
    "getmembers", "getmodule", "getmro", "getsource", "isbuiltin", "isclass", "isframe",
    "isfunction", "isgenerator", "ismethod", "ismodule", "isroutine", "stack",
]  # fmt: skip


class ArgSpec(NamedTuple):
    """The positional parameters of a function, and the names of the collecting ones."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(obj: Callable[..., Any]) -> ArgSpec:
    """Return the parameters of a function, method or callable object; ``self`` is one of them."""
    if not (inspect.isroutine(obj) or inspect.isclass(obj)):
        obj = type(obj).__call__
    return ArgSpec(*inspect.getfullargspec(inspect.unwrap(obj))[:4])
