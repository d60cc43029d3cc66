"""A variable as a ``VariableDef``: the names of what belongs to it.

In: a variable.  Out: the message that collections in files hold; and back, in a graph that has the
nodes already.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfmini.errors import InvalidTypeError
from tfmini.formats.graphdef import VariableDef
from tfmini.graph import get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import Variable


def to_proto(variable: Variable, export_scope: str | None = None) -> VariableDef | None:
    """Return the names of a variable, its initializer and initial value.

    With ``export_scope`` they are relative to it, and None is returned of a variable outside it.
    """
    prefix = f"{export_scope}/" if export_scope else ""
    if not variable.name.startswith(prefix):
        return None
    return VariableDef(
        variable_name=variable.name.removeprefix(prefix),
        initializer_name=variable.initializer.name.removeprefix(prefix),
        snapshot_name=variable.name.removeprefix(prefix),
        initial_value_name=variable.initial_value.name.removeprefix(prefix),
        trainable=variable.trainable,
    )


def from_proto(variable_def: VariableDef, import_scope: str | None = None) -> Variable:
    """Return the variable of the default graph that a message names, below ``import_scope``."""
    prefix = f"{import_scope}/" if import_scope else ""
    graph = get_default_graph()
    found = graph.as_graph_element(prefix + variable_def.variable_name)
    if not isinstance(found, Variable):
        raise InvalidTypeError(None, None, f"{found!r} is no variable.")
    describe(found, variable_def, graph.find_operation(prefix + variable_def.initializer_name))
    return found


def describe(variable: Variable, definition: VariableDef, assigned: Operation | None) -> None:
    """Tell an imported variable what a message says of it; ``assigned`` initialises it."""
    variable.trainable = variable.trainable or definition.trainable
    if assigned is not None and assigned.type == "Assign":
        _set_initializer(variable, assigned.outputs[0])


def find_initializer(variable: Variable) -> None:
    """Find the operation that sets the variable first: the one that TensorFlow's names say."""
    assigns = [n for n in variable.consumers() if n.type == "Assign" and n.inputs[0] is variable]
    assigns.sort(key=lambda node: node.name != f"{variable.op.name}/Assign")
    found = next((n for n in assigns if _is_initial(n.inputs[1])), None)
    if found is not None:
        _set_initializer(variable, found.outputs[0])


def _set_initializer(variable: Variable, assigned: Tensor) -> None:
    """Make the assignment whose output is given the one that initialises the variable."""
    variable._initializer = assigned
    variable.initial_value = assigned.op.inputs[1]


def _is_initial(value: Tensor) -> bool:
    """Whether a value comes from the graph, not from a checkpoint or a feed."""
    seen: set[int] = set()
    pending: Sequence[Operation] = [value.op]
    while pending:
        node, *rest = pending
        if node.type == "RestoreV2" or node.opdef.is_placeholder:
            return False
        before = [t.op for t in node.inputs if t.op.id not in seen]
        seen.update([n.id for n in before])
        pending = [*rest, *before]
    return True


Variable.to_proto = to_proto
Variable.from_proto = staticmethod(from_proto)
