"""Variables of models: made in the collection ``MODEL_VARIABLES``, and listed by scope or name;
which device each is for."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.device_names import DeviceSpec
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.ops.state import Variable
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import (
    VariableAggregation,
    VariableScope,
    VariableSynchronization,
    get_variable_scope,
)


@add_arg_scope
def variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Iterable[Any] | None = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: bool | None = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Return ``get_variable(...)``, in ``collections``: by default ``GLOBAL_VARIABLES``.

    ``device`` may be a function of the operation, such as a `VariableDeviceChooser`.
    """
    keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else dict.fromkeys(collections)
    getter = get_variable
    if custom_getter is not None:
        getter = functools.partial(custom_getter, reuse=get_variable_scope().reuse)
    with get_default_graph().device(device or ""):
        return getter(
            name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer,
            trainable=trainable, collections=list(keys), caching_device=caching_device,
            partitioner=partitioner, use_resource=use_resource, synchronization=synchronization,
            aggregation=aggregation,
        )  # fmt: skip


@add_arg_scope
def model_variable(
    name: str,
    shape: Any = None,
    dtype: Any = float32,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Iterable[Any] | None = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: bool | None = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Return `variable`, in ``GLOBAL_VARIABLES`` and ``MODEL_VARIABLES`` as well."""
    keys = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable(
        name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer,
        trainable=trainable, collections=keys, caching_device=caching_device, device=device,
        partitioner=partitioner, custom_getter=custom_getter, use_resource=use_resource,
        synchronization=synchronization, aggregation=aggregation,
    )  # fmt: skip


def get_variables(
    scope: Any = None, suffix: str | None = None, collection: Any = GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """Return the variables of a collection in ``scope`` whose names end in ``suffix``.

    Both are patterns.
    """
    pattern = scope.name if isinstance(scope, VariableScope) else scope
    if suffix is not None:
        pattern = f"{pattern or ''}.*{suffix if ':' in suffix else suffix + ':'}"
    return get_default_graph().get_collection(collection, pattern)


def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Return the variables of ``MODEL_VARIABLES`` in ``scope``."""
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Return the variables of ``LOCAL_VARIABLES`` in ``scope``."""
    return get_variables(scope, suffix, GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """Return the variables of ``TRAINABLE_VARIABLES`` in ``scope``."""
    return get_variables(scope, suffix, GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Any]:
    """Return the variables in ``scope`` whose names end in ``suffix``."""
    return get_variables(scope, suffix)


def get_variables_by_name(given_name: str, scope: Any = None) -> list[Any]:
    """Return the variables in ``scope`` whose names, without their scopes, are ``given_name``."""
    return [v for v in get_variables(scope) if v.op.name.rpartition("/")[2] == given_name]


def get_unique_variable(var_op_name: str) -> Any:
    """Return the one variable of that name; InvalidArgumentError (a ``ValueError``) without."""
    for candidate in get_variables():
        if candidate.op.name == var_op_name:
            return candidate
    raise InvalidArgumentError(None, None, f"there is no variable {var_op_name!r}.")


def get_variables_to_restore(
    include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
) -> list[Any]:
    """Return the variables in the scopes ``include`` (all), without those in ``exclude``."""
    for scopes in (include, exclude):
        if scopes is not None and not isinstance(scopes, (list, tuple)):
            raise InvalidTypeError(None, None, f"give a list of scopes, not {scopes!r}.")
    kept = get_variables() if include is None else [v for s in include for v in get_variables(s)]
    dropped = {v for s in exclude or () for v in get_variables(s)}
    return [v for v in dict.fromkeys(kept) if v not in dropped]


def filter_variables(
    var_list: Iterable[Any], include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None, reg_search: bool = True,
) -> list[Any]:  # fmt: skip
    """Return the variables whose names match one of ``include_patterns``, if given, and none of
    ``exclude_patterns``; anywhere in the name, or with ``reg_search=False`` at its start."""
    match = re.search if reg_search else re.match

    def fits(name: str, patterns: Sequence[str]) -> bool:
        return any(match(p, name) for p in patterns)

    return [
        v for v in var_list
        if (include_patterns is None or fits(v.name, include_patterns))
        and not fits(v.name, exclude_patterns or ())
    ]  # fmt: skip


def add_model_variable(var: Any) -> None:
    """Add ``var`` to ``MODEL_VARIABLES``, if it is not there."""
    graph = get_default_graph()
    if not any(v is var for v in graph.get_collection(GraphKeys.MODEL_VARIABLES)):
        graph.add_to_collection(GraphKeys.MODEL_VARIABLES, var)


def global_variable(
    initial_value: Any, validate_shape: bool = True, name: str | None = None,
    use_resource: bool | None = None,
) -> Variable:  # fmt: skip
    """Return a variable of ``GLOBAL_VARIABLES`` that no optimizer trains."""
    return Variable(initial_value, False, [GraphKeys.GLOBAL_VARIABLES], validate_shape, name=name)


def local_variable(
    initial_value: Any, validate_shape: bool = True, name: str | None = None,
    use_resource: bool | None = None,
) -> Variable:  # fmt: skip
    """Return a variable of ``LOCAL_VARIABLES``: no checkpoint keeps it, no optimizer trains it."""
    return Variable(initial_value, False, [GraphKeys.LOCAL_VARIABLES], validate_shape, name=name)


class VariableDeviceChooser:
    """A function for ``device=`` of `variable` that deals variables out to tasks in turn.

    Parameters
    ----------
    num_tasks : of ``job_name``; 0: variables have no task
    """

    def __init__(
        self, num_tasks: int = 0, job_name: str = "ps", device_type: str = "CPU",
        device_index: int = 0, replica: int | None = None,
    ) -> None:  # fmt: skip
        self._num_tasks, self._next = num_tasks, 0
        self._job, self._type, self._index = job_name, device_type, device_index
        self._replica = replica

    def __call__(self, op: Any) -> str:
        """Return the device of the next variable."""
        job, task = None, None
        if self._num_tasks > 0:
            job, task = self._job, self._next
            self._next = (task + 1) % self._num_tasks
        return DeviceSpec(job, self._replica, task, self._type, self._index).to_string()
