"""``tf.variable_creator_scope``: the user's functions take part in making variables.

In: a function, for a block of code.  Out: what it returns, in place of each variable made there.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from tfmini.errors import InvalidTypeError
from tfmini.graph import Graph, get_default_graph

Creator = Callable[..., Any]


class _Creators(threading.local):
    """The functions of the blocks that this thread is in, the innermost last, and their graphs."""

    def __init__(self) -> None:
        self.entered: list[tuple[Graph, Creator]] = []


_creators = _Creators()


class Created(type):
    """Makes variables by way of the functions whose blocks the caller is in."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        make: Creator = super().__call__
        if not _creators.entered:
            return make(*args, **kwargs)
        given = signature(cls.__init__).bind(None, *args, **kwargs)
        given.apply_defaults()
        _self, *names = given.arguments
        graph = get_default_graph()
        for of_graph, creator in _creators.entered:
            if of_graph is graph:
                make = functools.partial(creator, make)
        return make(**{name: given.arguments[name] for name in names})


@contextmanager
def variable_creator_scope(variable_creator: Creator) -> Iterator[None]:
    """Let ``variable_creator`` make the variables of the default graph in the block.

    Parameters
    ----------
    variable_creator : function of ``next_creator`` and, by keyword, all arguments of
        ``tf.Variable``; it returns a variable, as ``next_creator(**kwargs)`` does.  Of nested
        blocks, the innermost one's is called first.
    """
    if not callable(variable_creator):
        raise InvalidTypeError(
            None, None, f"{variable_creator!r} is no function of next_creator and **kwargs."
        )
    entry = (get_default_graph(), variable_creator)
    _creators.entered.append(entry)
    try:
        yield
    finally:
        _creators.entered.remove(entry)
