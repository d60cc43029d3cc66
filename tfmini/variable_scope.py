"""``tf.variable_scope``: where ``get_variable`` stands, and what it does by default there.

In: names, and defaults such as initializers.  Out: scopes, nested, and the names that they give.

A scope has two names.  That of its variables is the path of the scopes around it, always the
same; that of its operations is a name scope, which gets a number when it is entered again, as in
TensorFlow: ``scope/w``, but ``scope_1/MatMul``.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any

from tfmini.dtypes import as_dtype, float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, GraphKeys, get_default_graph, graph_of
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import Variable


class _ReuseMode(enum.Enum):
    AUTO_REUSE = 1

    def __repr__(self) -> str:
        return f"tf.{self.name}"


#: ``reuse=tf.AUTO_REUSE``: make a variable at the first call, find it at the next.
AUTO_REUSE = _ReuseMode.AUTO_REUSE


class VariableSynchronization(enum.Enum):
    """How copies of a variable are kept equal; accepted, since a session has one copy."""

    AUTO, NONE, ON_WRITE, ON_READ = range(4)


class VariableAggregation(enum.Enum):
    """How copies of a variable are joined; accepted, since a session has one copy."""

    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = range(4)


class VariableScope:
    """What ``get_variable`` takes from the scope around it.

    Attributes
    ----------
    name : the path that the names of variables begin with
    original_name_scope : that of the operations, when the scope was first entered
    reuse : False, True (variables must exist) or ``tf.AUTO_REUSE``
    initializer, regularizer, constraint, custom_getter, dtype, partitioner, caching_device,
    use_resource : the defaults of ``get_variable``'s arguments
    """

    def __init__(
        self,
        reuse: Any,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        name_scope: str = "",
        dtype: Any = float32,
        use_resource: bool | None = None,
        constraint: Any = None,
    ) -> None:
        self._name = name
        self._name_scope = name_scope
        self._reuse = reuse
        self._initializer = initializer
        self._regularizer = regularizer
        self._caching_device = caching_device
        self._partitioner = partitioner
        self._custom_getter = custom_getter
        self._dtype = as_dtype(dtype)
        self._use_resource = use_resource
        self._constraint = constraint

    name = property(lambda self: self._name)
    original_name_scope = property(lambda self: self._name_scope)
    reuse = property(lambda self: self._reuse)
    initializer = property(lambda self: self._initializer)
    regularizer = property(lambda self: self._regularizer)
    caching_device = property(lambda self: self._caching_device)
    partitioner = property(lambda self: self._partitioner)
    custom_getter = property(lambda self: self._custom_getter)
    dtype = property(lambda self: self._dtype)
    use_resource = property(lambda self: self._use_resource)
    constraint = property(lambda self: self._constraint)

    def reuse_variables(self) -> None:
        """From here on, ``get_variable`` finds variables and makes none."""
        self._reuse = True

    def set_initializer(self, initializer: Any) -> None:
        self._initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        self._regularizer = regularizer

    def set_caching_device(self, caching_device: Any) -> None:
        self._caching_device = caching_device

    def set_partitioner(self, partitioner: Any) -> None:
        self._partitioner = partitioner

    def set_custom_getter(self, custom_getter: Any) -> None:
        self._custom_getter = custom_getter

    def set_dtype(self, dtype: Any) -> None:
        self._dtype = as_dtype(dtype)

    def set_use_resource(self, use_resource: bool) -> None:
        self._use_resource = use_resource

    def get_collection(self, name: Any) -> list[Any]:
        """Return the items of a collection whose names begin with this scope's."""
        scope = self._name + "/" if self._name else self._name
        return get_default_graph().get_collection(name, scope)

    def trainable_variables(self) -> list[Any]:
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self) -> list[Any]:
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self) -> list[Any]:
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def _derived(self, name: str, name_scope: str, reuse: Any, changes: dict[str, Any]) -> Any:
        """Return a scope with other names, and those of ``changes`` that are not None."""
        scope = VariableScope(
            reuse, name, self._initializer, self._regularizer, self._caching_device,
            self._partitioner, self._custom_getter, name_scope, self._dtype, self._use_resource,
            self._constraint,
        )  # fmt: skip
        getter = changes.pop("custom_getter")
        if getter is not None:
            scope._custom_getter = _nested(getter, self._custom_getter)
        for key, value in changes.items():
            if value is not None:
                setattr(scope, "_" + key, as_dtype(value) if key == "dtype" else value)
        return scope


def _nested(inner: Callable[..., Any], outer: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return the getter that gives ``inner`` the outer one to call."""
    if outer is None:
        return inner
    return lambda getter, *args, **kwargs: inner(partial(outer, getter), *args, **kwargs)


class _Current(threading.local):
    """The scope that this thread is in, and how often scopes of a name were opened."""

    def __init__(self) -> None:
        self.scope = VariableScope(False)
        self.opened: dict[str, int] = {}


class Store:
    """The variables that ``get_variable`` has made in one graph."""

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self.current = _Current()
        self.lock = threading.RLock()


_STORE_KEY = ("__variable_store",)  # no text: scripts that list collections do not see it


def store_of(graph: Graph) -> Store:
    """Return the variables of ``graph`` by name, and the scope that its thread is in."""
    kept = graph.get_collection_ref(_STORE_KEY)
    if not kept:
        kept.append(Store())
    found: Store = kept[0]
    return found


def get_variable_scope() -> VariableScope:
    """Return the variable scope that the call stands in."""
    return store_of(get_default_graph()).current.scope


class variable_scope:
    """Prefix the names of variables that ``get_variable`` makes in the block, and of operations.

    Parameters
    ----------
    name_or_scope : text, or a ``VariableScope`` to enter again
        None: ``default_name`` is used, with a number if a scope of that name was opened before.
    default_name, values
        As for ``name_scope``; the graph is that of the tensors ``values``.
    reuse : None (as the scope around), True, ``tf.AUTO_REUSE``
    initializer, regularizer, constraint, dtype, custom_getter, caching_device, partitioner,
    use_resource : defaults of ``get_variable``'s arguments in the block
    auxiliary_name_scope : False: names of operations stay as they are outside.

    Entering gives the ``VariableScope``.
    """

    def __init__(
        self,
        name_or_scope: Any,
        default_name: str | None = None,
        values: Iterable[Any] | None = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        reuse: Any = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        if name_or_scope is None and default_name is None:
            raise InvalidTypeError(
                None, None, "variable_scope: give a name, a scope, or a default_name."
            )
        if reuse not in (None, True, False, AUTO_REUSE):
            raise InvalidArgumentError(
                None, None, f"reuse must be None, True, False or tf.AUTO_REUSE, not {reuse!r}."
            )
        if name_or_scope is None and reuse:
            raise InvalidArgumentError(
                None, None, "reuse=True needs a name: default_name makes a new one each time."
            )
        if not isinstance(name_or_scope, (str, VariableScope, type(None))):
            raise InvalidTypeError(
                None, None, f"variable_scope takes text or a VariableScope, not {name_or_scope!r}."
            )
        self._given = name_or_scope
        self._default_name = default_name
        self._values = list(values or ())
        self._reuse = reuse
        self._own_names = auxiliary_name_scope
        self._changes = {
            "initializer": initializer, "regularizer": regularizer, "dtype": dtype,
            "caching_device": caching_device, "partitioner": partitioner,
            "custom_getter": custom_getter, "use_resource": use_resource, "constraint": constraint,
        }  # fmt: skip
        self._blocks: list[ExitStack] = []

    def __enter__(self) -> VariableScope:
        graph = graph_of([v for v in self._values if isinstance(v, (Tensor, Operation))])
        with ExitStack() as stack:
            stack.enter_context(graph.as_default())
            scope = self._enter(graph, stack)
            self._blocks.append(stack.pop_all())
        return scope

    def __exit__(self, *exc: Any) -> None:
        self._blocks.pop().__exit__(*exc)

    def _enter(self, graph: Graph, stack: ExitStack) -> VariableScope:
        current = store_of(graph).current
        outer, given = current.scope, self._given
        if given is None:
            text = str(self._default_name)
        else:
            text = given if isinstance(given, str) else given.name.rpartition("/")[2]
        names = graph.get_name_scope()
        if self._own_names and text:
            names = stack.enter_context(graph.name_scope(text))
        elif names:
            names += "/"
        if given is None:
            text = _unused(current, outer, text)
        changes = dict(self._changes)
        if isinstance(given, VariableScope):
            reuse = self._reuse or given.reuse
            scope = given._derived(given.name, given.original_name_scope, reuse, changes)
        else:
            name = f"{outer.name}/{text}" if outer.name else text
            scope = outer._derived(name, names, self._reuse or outer.reuse, changes)
        current.opened[scope.name] = current.opened.get(scope.name, 0) + 1
        entered_again = isinstance(given, VariableScope)
        before = dict(current.opened) if entered_again else None
        stack.callback(_leave, current, outer, scope.name, before)
        current.scope = scope
        return scope


def _leave(
    current: _Current, outer: VariableScope, name: str, before: dict[str, int] | None
) -> None:
    """Go back to ``outer``; scopes opened inside count no longer."""
    current.scope = outer
    if before is not None:
        current.opened = before
        return
    for key in current.opened:
        if key.startswith(name + "/"):
            current.opened[key] = 0


def _unused(current: _Current, outer: VariableScope, text: str) -> str:
    """Return ``text``, with a number if a scope of that name was opened in this one."""
    path = f"{outer.name}/{text}" if outer.name else text
    number = 0
    while current.opened.get(f"{path}_{number}" if number else path, 0):
        number += 1
    return f"{text}_{number}" if number else text


def variable_op_scope(
    values: Iterable[Any] | None,
    name_or_scope: Any,
    default_name: str | None = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: bool | None = None,
    constraint: Any = None,
) -> variable_scope:
    """Return ``variable_scope(name_or_scope, default_name, values, ...)``; the older spelling."""
    return variable_scope(
        name_or_scope, default_name, values, initializer, regularizer, caching_device,
        partitioner, custom_getter, reuse, dtype, use_resource, constraint,
    )  # fmt: skip
