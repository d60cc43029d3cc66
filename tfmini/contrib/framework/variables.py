"""Variables of models: made in the collection ``MODEL_VARIABLES``, and listed by scope or name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tfmini.contrib.framework.arg_scope import add_arg_scope
from tfmini.errors import NotFoundError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import VariableScope


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
) -> Any:
    """Return ``get_variable(...)``, added to ``collections`` and ``GLOBAL_VARIABLES``."""
    keys = dict.fromkeys([*(collections or ()), GraphKeys.GLOBAL_VARIABLES])
    return get_variable(
        name, shape, dtype, initializer, regularizer, trainable, list(keys), caching_device,
        partitioner, custom_getter=custom_getter,
    )  # fmt: skip


@add_arg_scope
def model_variable(
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
) -> Any:
    """Return ``get_variable(...)``, added to ``MODEL_VARIABLES`` as well."""
    keys = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable(
        name, shape, dtype, initializer, regularizer, trainable, keys, caching_device, device,
        partitioner, custom_getter,
    )  # fmt: skip


def _scope_name(scope: Any) -> str | None:
    return scope.name if isinstance(scope, VariableScope) else scope


def get_variables(
    scope: Any = None, suffix: str | None = None, collection: Any = GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """Return the variables of a collection in ``scope`` whose names end in ``suffix``."""
    found = get_default_graph().get_collection(collection, _scope_name(scope))
    if suffix is None:
        return found
    return [v for v in found if v.op.name.endswith(suffix)]


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
    """Return the one variable of that name; NotFoundError (a ``LookupError``) without."""
    for candidate in get_variables():
        if candidate.op.name == var_op_name:
            return candidate
    raise NotFoundError(None, None, f"there is no variable {var_op_name!r}.")


def get_variables_to_restore(
    include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
) -> list[Any]:
    """Return the variables in the scopes ``include`` (all), without those in ``exclude``."""
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
        if (include_patterns is None or fits(v.op.name, include_patterns))
        and not fits(v.op.name, exclude_patterns or ())
    ]  # fmt: skip


def add_model_variable(var: Any) -> None:
    """Add ``var`` to ``MODEL_VARIABLES``, if it is not there."""
    graph = get_default_graph()
    if not any(v is var for v in graph.get_collection(GraphKeys.MODEL_VARIABLES)):
        graph.add_to_collection(GraphKeys.MODEL_VARIABLES, var)
