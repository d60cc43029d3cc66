"""Variables by name: ``tf.variable_scope`` and ``tf.get_variable``.

In: names, shapes and initializers.  Out: variables of the default graph, made at the first call
and, in scopes that say so, found again at the next.

A scope has two names.  That of its variables is the path of the scopes around it, always the
same; that of its operations is a name scope, which gets a number when it is entered again, as in
TensorFlow: ``scope/w``, but ``scope_1/MatMul``.
"""

from __future__ import annotations

import enum
import inspect
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from types import NoneType
from typing import Any

from tfmini.dtypes import DType, as_dtype, float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, GraphKeys, get_default_graph, graph_of
from tfmini.initializers import GlorotUniform, Zeros
from tfmini.logging import notice
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import Variable
from tfmini.shapes import as_shape, compatible, format_shape
from tfmini.spec import as_array


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


class _Store:
    """The variables that ``get_variable`` has made in one graph."""

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self.current = _Current()
        self.lock = threading.RLock()


_STORE_KEY = ("__variable_store",)  # no text: scripts that list collections do not see it


def _store(graph: Graph) -> _Store:
    kept = graph.get_collection_ref(_STORE_KEY)
    if not kept:
        kept.append(_Store())
    found: _Store = kept[0]
    return found


def get_variable_scope() -> VariableScope:
    """Return the variable scope that the call stands in."""
    return _store(get_default_graph()).current.scope


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
        current = _store(graph).current
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


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Iterable[Any] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Return the variable ``name`` of the current variable scope, made if it is not there.

    Parameters
    ----------
    shape : its shape; fully known, and left out where ``initializer`` is a value
    dtype : default that of the scope: float32
    initializer : an initializer, a function of ``(shape, dtype)``, or a tensor, array or number
        Default that of the scope; without one ``tf.glorot_uniform_initializer`` for floats, zeros
        for other types.
    regularizer : a function of the variable
        What it returns goes to the collection ``REGULARIZATION_LOSSES``.
    custom_getter : a function called as ``custom_getter(getter, name, shape=..., ...)``
        Makes the variable instead, as a rule by calling ``getter``.
    partitioner : accepted: variables stay in one piece here
    trainable, collections, validate_shape, constraint : as for ``tf.Variable``

    Raises
    ------
    InvalidArgumentError (a ``ValueError``)
        The variable is there, and the scope does not reuse; or the other way round; or shape or
        dtype are not those of the variable that is there.
    """
    store = _store(get_default_graph())
    scope = store.current.scope
    wanted = _wanted_dtype(name, dtype, initializer, scope)
    initial = scope.initializer if initializer is None else initializer
    if dtype is not None and not callable(initial) and not isinstance(initial, (Tensor, NoneType)):
        initial = as_array(initial, wanted)
    arguments: dict[str, Any] = {
        "name": f"{scope.name}/{name}" if scope.name else name,
        "shape": shape,
        "dtype": wanted,
        "initializer": initial,
        "regularizer": scope.regularizer if regularizer is None else regularizer,
        "reuse": scope.reuse,
        "trainable": True if trainable is None else trainable,
        "collections": collections,
        "caching_device": scope.caching_device if caching_device is None else caching_device,
        "partitioner": scope.partitioner if partitioner is None else partitioner,
        "validate_shape": validate_shape,
        "use_resource": scope.use_resource if use_resource is None else use_resource,
        "constraint": scope.constraint if constraint is None else constraint,
        "synchronization": synchronization,
        "aggregation": aggregation,
    }
    getter = partial(_get, store)
    custom = custom_getter or scope.custom_getter
    # The name has the path in it already, so the operations go to the top, in a scope of that name.
    with store.lock, get_default_graph().name_scope(None):
        if custom is None:
            return getter(**arguments)
        if not _takes(custom, "constraint"):
            del arguments["constraint"]
        return custom(getter=getter, **arguments)


def _wanted_dtype(name: str, dtype: Any, initializer: Any, scope: VariableScope) -> DType:
    if dtype is None:
        return scope.dtype
    wanted = as_dtype(dtype)
    if isinstance(initializer, Tensor) and initializer.dtype not in (None, wanted):
        raise InvalidArgumentError(
            None,
            None,
            f"variable {name!r} shall be {wanted.name}, but its initializer is "
            f"{initializer.dtype!r}; convert it with tf.cast.",
        )
    return wanted


def _takes(function: Any, parameter: str) -> bool:
    """Whether ``function`` has that parameter, or takes any keyword."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return parameter in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _get(
    store: _Store,
    name: str,
    shape: Any = None,
    dtype: Any = float32,
    initializer: Any = None,
    regularizer: Any = None,
    reuse: Any = None,
    trainable: bool | None = None,
    collections: Iterable[Any] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """Find or make the variable with the full name ``name``."""
    if partitioner is not None:
        notice("partitioner: variables stay in one piece; the session places work by itself.")
    found = store.variables.get(name)
    dtype, static = as_dtype(dtype), as_shape(shape)
    if found is not None:
        return _found(found, name, static, dtype, reuse)
    if reuse is True:
        raise InvalidArgumentError(
            None,
            None,
            f"variable {name} does not exist, or was not created with tf.get_variable(), and "
            f"this scope has reuse=True. To make it, use reuse=tf.AUTO_REUSE (or None, the first "
            f"time).",
        )
    trainable = True if trainable is None else trainable
    value, dtype = _initial_value(name, shape, dtype, initializer)
    variable = Variable(
        value, trainable, collections, validate_shape, caching_device, name, dtype=dtype,
        constraint=constraint,
    )  # fmt: skip
    store.variables[name] = variable
    if regularizer is not None:
        _regularize(variable, name, regularizer)
    return variable


def _found(found: Variable, name: str, shape: Any, dtype: DType, reuse: Any) -> Variable:
    """Return ``found`` if the scope may use it again and it is what the call asks for."""
    if not reuse:
        file, line = found.op.source
        raise InvalidArgumentError(
            None,
            None,
            f"variable {name} already exists, disallowed: the scope does not reuse variables. "
            f"It was defined at {file}:{line}. Did you mean reuse=True or "
            f"reuse=tf.AUTO_REUSE in the variable_scope? (A notebook cell that runs again needs "
            f"tf.reset_default_graph() before it.)",
        )
    if not compatible(shape, found.spec.shape):
        raise InvalidArgumentError(
            None,
            None,
            f"variable {name} has shape {format_shape(found.spec.shape)}, "
            f"{format_shape(shape)} is asked for.",
        )
    if found.dtype not in (None, dtype):
        raise InvalidArgumentError(
            None, None, f"variable {name} is {found.dtype!r}, {dtype!r} is asked for."
        )
    return found


def _initial_value(
    name: str, shape: Any, dtype: DType, initializer: Any
) -> tuple[Any, DType | None]:
    """Return what ``tf.Variable`` takes as initial value, and the dtype."""
    static = as_shape(shape)
    if initializer is not None and not callable(initializer):
        if shape is not None:
            raise InvalidArgumentError(
                None,
                None,
                f"variable {name}: its initializer is a value, which has a shape of its own; "
                f"leave shape out.",
            )
        return initializer, None
    if initializer is None:
        initializer = _default_initializer(name, dtype)
    if inspect.isclass(initializer):
        initializer = initializer()
    if static is not None and None not in static:
        known = list(static)
        extra = {"partition_info": None} if _takes(initializer, "partition_info") else {}
        return lambda: initializer(known, dtype=dtype, **extra), dtype
    if static is None and _needs_nothing(initializer):
        return initializer, None
    raise InvalidArgumentError(
        None,
        None,
        f"variable {name}: its shape must be fully known, not {format_shape(static)}.",
    )


def _needs_nothing(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters
    )


def _default_initializer(name: str, dtype: DType) -> Any:
    if dtype.is_floating:
        return GlorotUniform()
    if dtype.is_integer or dtype.is_bool or dtype.dtype == object:
        return Zeros()
    raise InvalidArgumentError(
        None, None, f"variable {name} is {dtype!r}; that type needs an initializer."
    )


def _regularize(variable: Variable, name: str, regularizer: Callable[[Any], Any]) -> None:
    graph = variable.graph
    with graph.name_scope(name + "/Regularizer/"), graph.control_dependencies(None):
        loss = regularizer(variable)
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


def get_local_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = False,
    collections: Iterable[Any] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Return ``get_variable(...)``, but of ``LOCAL_VARIABLES`` and not trained."""
    keys = [*(collections or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(
        name, shape, dtype, initializer, regularizer, False, keys, caching_device, partitioner,
        validate_shape, use_resource, custom_getter, constraint, synchronization, aggregation,
    )  # fmt: skip


def no_regularizer(_: Any) -> None:
    """A regularizer without a loss, for a variable that shall not take its scope's."""
    return None


def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Callable[..., list[int]]:
    """Return a partitioner that asks for ``num_shards`` pieces along ``axis``."""

    def partitions(shape: Any, **_kwargs: Any) -> list[int]:
        pieces = [1] * len(as_shape(shape) or ())
        pieces[axis] = min(num_shards, (as_shape(shape) or ())[axis] or num_shards)
        return pieces

    return partitions
