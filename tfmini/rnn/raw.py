"""``tf.nn.raw_rnn``: a cell in a loop whose inputs, emitted values and end a function decides.

In: a cell and ``loop_fn``.  Out: a TensorArray of what was emitted, and the last states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import control, creation, logic, nest, reductions
from tfmini.rnn.cell import joined, require_cell, zeros_of
from tfmini.rnn.loops import batch_size, held, output_array, tensors
from tfmini.variable_scope import variable_scope


def raw_rnn(
    cell: Any,
    loop_fn: Callable[..., Any],
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    scope: Any = None,
) -> tuple[Any, Any, Any]:
    """Return (TensorArray of emitted values, last state of the cell, last loop state).

    Parameters
    ----------
    loop_fn : function of (time, cell_output, cell_state, loop_state)
        Returns (finished, next_input, next_state, emit, loop_state).  At time 0 it is called with
        None for all but the time: it then gives the first input and state, and as ``emit`` a value
        without the batch, of the shape and dtype that later ones have (None: the cell's output).
        ``finished`` [batch] are bools: rows that are finished emit zeros and keep their state; the
        loop ends when all are.
    scope : of the variables, default "rnn"
    """
    require_cell(cell, "raw_rnn's cell")
    if not callable(loop_fn):
        raise InvalidTypeError(None, None, "raw_rnn: loop_fn must be a function.")
    with variable_scope(scope or "rnn"):
        time = creation.constant(0)
        finished, inputs, state, emit, loop_state = loop_fn(time, None, None, None)
        leaves = [convert_to_tensor(x) for x in nest.flatten(inputs)]
        inputs, state = nest.pack(inputs, leaves), tensors(state)
        batch = batch_size([leaves[0], nest.flatten(state)[0]], 0)
        zeros = _zeros(cell, emit, batch, nest.flatten(state)[0])
        arrays = [output_array(z) for z in nest.flatten(zeros)]
        has_loop_state = loop_state is not None
        first = (time, convert_to_tensor(finished), inputs, state, arrays,
                 tensors(loop_state) if has_loop_state else time)  # fmt: skip

        def body(
            time: Any, finished: Any, inputs: Any, state: Any, arrays: Any, loop_state: Any
        ) -> Any:
            output, after = cell(inputs, state)
            now = time + 1
            given = loop_state if has_loop_state else None
            ended, inputs, after, emit, returned = loop_fn(now, output, after, given)
            nest.require_same_form(state, after, "raw_rnn: the states of loop_fn")
            after = held(finished, state, after)
            emit = held(finished, zeros, emit)
            arrays = [a.write(time, e) for a, e in zip(arrays, nest.flatten(emit), strict=True)]
            ended = logic.logical_or(finished, ended)
            # Without a loop state of its own, the loop carries the time.
            return now, ended, inputs, after, arrays, returned if has_loop_state else loop_state

        def going(_time: Any, finished: Any, *_rest: Any) -> Any:
            return logic.logical_not(reductions.reduce_all(finished))

        _, _, _, state, arrays, loop_state = control.while_loop(going, body, first)
    return nest.pack(zeros, arrays), state, loop_state if has_loop_state else None


def _zeros(cell: Any, emit: Any, batch: Any, like: Tensor) -> Any:
    """Return what rows that are finished emit, in the structure of ``emit``."""
    if emit is None:
        if like.dtype is None:
            raise InvalidArgumentError(None, None, "raw_rnn: the state's dtype must be known.")
        return zeros_of(cell.output_size, batch, like.dtype)
    return nest.pack(emit, [_with_batch(convert_to_tensor(e), batch) for e in nest.flatten(emit)])


def _with_batch(emit: Tensor, batch: Any) -> Tensor:
    shape = emit.spec.shape
    if shape is None or None in shape:
        raise InvalidArgumentError(
            None, None, "raw_rnn: the shape of what loop_fn emits at time 0 must be known."
        )
    return creation.zeros(joined([batch, *shape]), emit.dtype)
