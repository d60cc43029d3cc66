"""``tf.nn.static_state_saving_rnn``: sequences longer than a batch, whose states someone keeps.

In: a cell, the inputs of some steps, and an object that gives the states before them and takes
those after them.  Out: outputs and the last state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.defaults import control_dependencies
from tfmini.errors import InvalidTypeError
from tfmini.ops import array, nest
from tfmini.rnn.cell import require_cell
from tfmini.rnn.running import static_rnn


def static_state_saving_rnn(
    cell: Any,
    inputs: Sequence[Any],
    state_saver: Any,
    state_name: Any,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Return the list of the outputs of ``cell`` for a list of inputs, and its last state.

    The states are saved when the last output, or the state, is computed.

    Parameters
    ----------
    inputs, sequence_length, scope : as for ``static_rnn``
    state_saver : object
        ``state(name)`` returns the tensor to begin with, ``save_state(name, value)`` the operation
        or tensor that keeps the last one.
    state_name : a name, or a structure of names like the cell's ``state_size``
    """
    require_cell(cell, "static_state_saving_rnn's cell")
    if not nest.same_form(cell.state_size, state_name):
        raise InvalidTypeError(
            None,
            None,
            f"state_name must have a name for each part of the cell's state: {state_name!r} is not "
            f"like state_size, {cell.state_size!r}.",
        )
    names = nest.flatten(state_name)
    first = nest.pack(cell.state_size, [state_saver.state(name) for name in names])
    outputs, last = static_rnn(cell, inputs, first, None, sequence_length, scope)
    pairs = zip(names, nest.flatten(last), strict=True)
    with control_dependencies([state_saver.save_state(name, part) for name, part in pairs]):
        outputs[-1] = _same(outputs[-1])
        return outputs, _same(last)


def _same(structure: Any) -> Any:
    return nest.pack(structure, [array.identity(x) for x in nest.flatten(structure)])
