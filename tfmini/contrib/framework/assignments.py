"""Values from outside for variables: of arrays, and of checkpoints.

In: names or variables, and arrays or the path of a checkpoint.  Out: an operation that assigns, and
its feed; or a function of a session that does it all, as ``init_fn`` of a Scaffold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.logging import warning
from tfmini.nodes import Operation
from tfmini.ops import array, grouping, state
from tfmini.ops.creation import zeros
from tfmini.ops.placeholders import placeholder
from tfmini.train.checkpoints import load_checkpoint
from tfmini.train.saver import Saver

Assignment = tuple[Operation, dict[Any, Any]]


def assign_from_values(var_names_to_values: Mapping[str, Any]) -> Assignment:
    """Return an operation that assigns arrays to variables, by name, and the feed it needs.

    An array is reshaped to its variable; InvalidArgumentError (a ``ValueError``) if there is no
    variable of that name.
    """
    pairs = []
    for name, value in var_names_to_values.items():
        found = get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, name)
        exact = [v for v in found if v.op.name == name] or found
        if len(exact) != 1:
            what = "wasn't found" if not exact else "is the name of several; give it in full"
            raise InvalidArgumentError(None, None, f"variable {name} {what}.")
        pairs.append((exact[0], np.reshape(value, exact[0].shape.as_list())))
    return _assigned(pairs)


def _assigned(pairs: Iterable[tuple[Any, Any]]) -> Assignment:
    feed, updates = {}, []
    for variable, value in pairs:
        fed = placeholder(variable.dtype, variable.shape, name=f"placeholder/{variable.op.name}")
        updates.append(state.assign(variable, fed))
        feed[fed] = value
    return grouping.group(*updates), feed


def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function of a session that assigns arrays to variables, by name."""
    operation, feed = assign_from_values(var_names_to_values)
    return lambda session: session.run(operation, feed)


def get_variable_full_name(var: Any) -> str:
    """Return the name of a variable in checkpoints."""
    return str(var.op.name)


def assign_from_checkpoint(
    model_path: Any, var_list: Sequence[Any] | Mapping[str, Any], ignore_missing_vars: bool = False
) -> Assignment:
    """Return an operation that assigns values of a checkpoint to variables, and the feed it needs.

    Parameters
    ----------
    var_list : variables, or a dict of names in the checkpoint to a variable or several
    ignore_missing_vars : whether names that the checkpoint lacks get a warning only, and no value
    """
    reader = load_checkpoint(model_path)
    pairs = []
    for name, variables in _by_name(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise InvalidArgumentError(
                    None, None, f"checkpoint {model_path} is missing variable [{name}]."
                )
            warning("Checkpoint %s is missing variable [%s]", model_path, name)
            continue
        value = reader.get_tensor(name)
        for variable in variables:
            if variable.shape.as_list() != list(value.shape):
                raise InvalidArgumentError(
                    variable.op.info, variable.op, f"the checkpoint has {name} as "
                    f"{list(value.shape)}, the variable is {variable.shape.as_list()}.",
                )  # fmt: skip
            pairs.append((variable, value))
    return _assigned(pairs)


def _by_name(var_list: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if not isinstance(var_list, Mapping):
        for variable in var_list:
            found.setdefault(get_variable_full_name(variable), []).append(variable)
        return found
    return {k: list(v) if isinstance(v, (list, tuple)) else [v] for k, v in var_list.items()}


def assign_from_checkpoint_fn(
    model_path: Any, var_list: Sequence[Any] | Mapping[str, Any],
    ignore_missing_vars: bool = False, reshape_variables: bool = False,
) -> Callable[[Any], None] | None:  # fmt: skip
    """Return a function of a session that restores variables from a checkpoint.

    It is None if ``ignore_missing_vars`` leaves none.  ``reshape_variables``: values of another
    shape but as many elements are reshaped.
    """
    if not var_list:
        raise InvalidArgumentError(None, None, "var_list cannot be empty.")
    wanted: Any = var_list
    if ignore_missing_vars:
        reader = load_checkpoint(model_path)
        if not isinstance(var_list, Mapping):
            wanted = {v.op.name: v for v in var_list}
        for name in [n for n in wanted if not reader.has_tensor(n)]:
            warning("Variable %s missing in checkpoint %s", name, model_path)
        wanted = {n: v for n, v in wanted.items() if reader.has_tensor(n)}
        if not wanted:
            warning("No Variables to restore")
            return None
    saver = Saver(wanted, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)


def zero_initializer(ref: Any, use_locking: bool = True, name: str = "zero_initializer") -> Any:
    """Return an assignment of zeros to the variable ``ref``."""
    return array.identity(state.assign(ref, zeros(ref.shape, ref.dtype)), name)
