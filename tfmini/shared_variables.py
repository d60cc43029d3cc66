"""``tf.get_variable``: variables by name, made at the first call and found again at the next.

In: names, shapes and initializers, in variable scopes.  Out: variables of the default graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import NoneType
from typing import Any

from tfmini.dtypes import DType, as_dtype, float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import GlorotUniform, Zeros
from tfmini.logging import notice
from tfmini.nodes import Tensor
from tfmini.ops.state import Variable
from tfmini.shapes import as_shape, compatible, format_shape
from tfmini.spec import as_array
from tfmini.variable_scope import (
    Store,
    VariableAggregation,
    VariableScope,
    VariableSynchronization,
    store_of,
)


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
    store = store_of(get_default_graph())
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
    store: Store,
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
    if regularizer:  # libraries give {} too where there is none
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
            found.op.info,
            found.op,
            f"variable {name} has shape {format_shape(found.spec.shape)}, "
            f"{format_shape(shape)} is asked for.",
        )
    if found.dtype not in (None, dtype):
        raise InvalidArgumentError(
            found.op.info,
            found.op,
            f"variable {name} is {found.dtype!r}, {dtype!r} is asked for.",
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
        f"variable {name}: its shape must be fully known, not {format_shape(static)}; give shape=.",
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
