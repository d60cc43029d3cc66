"""``tf.make_template``: a function that makes its variables at the first call and shares them.

In: a function that calls ``get_variable``.  Out: one that does so in a scope of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.graph import GraphKeys, get_default_graph
from tfmini.variable_scope import VariableScope, variable_scope


class Template:
    """A function with a variable scope; calls after the first reuse its variables."""

    def __init__(
        self, name: str, function: Callable[..., Any], unique_name: str | None, custom_getter: Any,
        arguments: dict[str, Any],
    ) -> None:  # fmt: skip
        self._name = name
        self._function = function
        self._unique_name = unique_name
        self._custom_getter = custom_getter
        self._arguments = arguments
        self._scope: VariableScope | None = None
        self._called = False
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", name)

    def open(self) -> VariableScope:
        """Take a scope name now, that of the place where this is called."""
        block = self._block()
        with block as scope:
            self._scope = scope
        return scope

    def _block(self) -> variable_scope:
        if self._scope is None:
            return variable_scope(self._unique_name, self._name, custom_getter=self._custom_getter)
        return variable_scope(self._scope, reuse=True if self._called else None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._block() as scope:
            result = self._function(*args, **{**self._arguments, **kwargs})
            self._scope, self._called = self._scope or scope, True
            return result

    @property
    def name(self) -> str:
        return self._name if self._scope is None else self._scope.name

    @property
    def variable_scope(self) -> VariableScope | None:
        """The scope of the variables; None before the first call."""
        return self._scope

    @property
    def variables(self) -> list[Any]:
        """The variables made in the calls."""
        if self._scope is None:
            return []
        prefix = self._scope.name + "/"
        return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, prefix)

    @property
    def trainable_variables(self) -> list[Any]:
        if self._scope is None:
            return []
        return self._scope.trainable_variables()


def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Any = None,
    **kwargs: Any,
) -> Template:
    """Return a function like ``func_`` whose calls share the variables that the first one makes.

    Parameters
    ----------
    name_ : of the scope; gets a number if it is taken
    create_scope_now_ : take the scope's name here, not where the first call stands
    unique_name_ : a name that is used as it is
    kwargs : arguments of ``func_`` that all calls have
    """
    template = Template(name_, func_, unique_name_, custom_getter_, kwargs)
    if create_scope_now_:
        template.open()
    return template
