"""Which variables a session has given a value: what scripts ask before they initialise some.

In: variables.  Out: operations that look into the running session.  A variable that has no value
yet can be read all the same: the session initialises it then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmini.build import apply, op
from tfmini.dtypes import bool_, string
from tfmini.errors import FailedPreconditionError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.grouping import group
from tfmini.ops.state import global_variables, local_variables
from tfmini.spec import TensorSpec

HAVE_VALUES = "variables that have a value"  # the session's resource: a function that tells them


class _Look(OpDef):
    """Looks which variables of the session have a value; ``nodes`` are ids of variables."""

    resource = True
    gradient = None
    tested_by = "tests of initialization: ids of variables are no samples"

    def cost(self, **_attrs: Any) -> Cost:
        return Cost(0, 0)


@op("IsVariableInitialized")
class _is_variable_initialized(_Look):
    """Whether each of ``nodes`` has a value."""

    def compute(self, *, nodes: tuple[int, ...], resources: Any) -> Any:
        have = {node for node, _ in resources.get(HAVE_VALUES, lambda: dict)()}
        return np.array([node in have for node in nodes], bool)

    def infer(self, *, nodes: tuple[int, ...]) -> TensorSpec:
        return TensorSpec((len(nodes),), bool_)


@op("ReportUninitialized")
class _report_uninitialized(_Look):
    """The ``names`` of those of ``nodes`` that have no value."""

    def compute(self, *, nodes: tuple[int, ...], names: tuple[str, ...], resources: Any) -> Any:
        have = {node for node, _ in resources.get(HAVE_VALUES, lambda: dict)()}
        missing = [m.encode() for n, m in zip(nodes, names, strict=True) if n not in have]
        return np.array(missing, object)

    def infer(self, *, nodes: tuple[int, ...], names: tuple[str, ...]) -> TensorSpec:
        return TensorSpec((None,), string)


@op("AssertInitialized")
class _assert_initialized(_Look):
    """Fail if one of ``nodes`` has no value."""

    def compute(self, *, nodes: tuple[int, ...], names: tuple[str, ...], resources: Any) -> Any:
        have = {node for node, _ in resources.get(HAVE_VALUES, lambda: dict)()}
        missing = [m for n, m in zip(nodes, names, strict=True) if n not in have]
        if missing:
            raise FailedPreconditionError(None, None, f"not initialized: {', '.join(missing)}")
        return ()

    def infer(self, *, nodes: tuple[int, ...], names: tuple[str, ...]) -> tuple[()]:
        return ()


def is_variable_initialized(variable: Any) -> Tensor:
    """Return whether the session has given ``variable`` a value, as a scalar."""
    found = apply(
        _is_variable_initialized.opdef, (), {"nodes": (variable.op.id,)}, "IsVariableInitialized"
    )
    return found[0]


def _described(variables: Iterable[Any] | None) -> dict[str, Any]:
    chosen = [*global_variables(), *local_variables()] if variables is None else list(variables)
    return {"nodes": tuple([v.op.id for v in chosen]),
            "names": tuple([v.op.name for v in chosen])}  # fmt: skip


def report_uninitialized_variables(
    var_list: Iterable[Any] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """Return the names of variables without a value: strings [n], default of all variables."""
    return apply(_report_uninitialized.opdef, (), _described(var_list), name)


def assert_variables_initialized(var_list: Iterable[Any] | None = None) -> Operation:
    """Return an operation that raises FailedPreconditionError if a variable has no value."""
    return apply(_assert_initialized.opdef, (), _described(var_list), None)


def model_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that layers mark as the model's own."""
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


def tables_initializer(name: str = "init_all_tables") -> Operation:
    """Return an operation that runs the initializers of all tables."""
    found = get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS)
    return group(*found, name=name)
