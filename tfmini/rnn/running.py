"""What runs cells over sequences: ``dynamic_rnn``, ``static_rnn`` and their two-way kin.

In: a cell, inputs, where the sequences end, and a first state.  Out: outputs and the last state.
Variables are named as in TensorFlow: ``rnn/basic_lstm_cell/kernel``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import graph_of
from tfmini.nodes import Tensor
from tfmini.ops import casting, joining, layout, nest
from tfmini.rnn.cell import require_cell, unroll
from tfmini.rnn.loops import batch_size, swapped
from tfmini.shapes import format_shape
from tfmini.variable_scope import variable_scope


def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[Any, Any]:
    """Return the outputs of ``cell`` for all steps of ``inputs``, and its last state.

    Parameters
    ----------
    inputs : tensor [batch, steps, ...], or a structure of them; [steps, batch, ...] if time_major
    sequence_length : ints [batch]
        The number of steps of each row: after them its state stays, and its outputs are 0.
    initial_state : as the cell's ``state_size``; default zeros of ``dtype``
    parallel_iterations, swap_memory : accepted
    scope : of the variables, default "rnn"

    The outputs have the layout of ``inputs``.
    """
    require_cell(cell, "dynamic_rnn's cell")
    leaves = [_sequence(x) for x in nest.flatten(inputs)]
    if isinstance(inputs, list) and any([x.spec.rank == 2 for x in leaves]):
        raise InvalidTypeError(
            None, None, "dynamic_rnn takes one tensor of all steps: use tf.stack, or static_rnn."
        )
    with graph_of(leaves).as_default(), variable_scope(scope or "rnn"):
        if not time_major:
            leaves = [swapped(x) for x in leaves]
        batch = batch_size(leaves, 1)
        lengths = _lengths(sequence_length, batch)
        state = _first_state(cell, initial_state, batch, dtype)
        outputs, last = unroll(cell, nest.pack(inputs, leaves), state, lengths)
        if not time_major:
            outputs = nest.pack(outputs, [swapped(y) for y in nest.flatten(outputs)])
    return outputs, last


def _sequence(x: Any) -> Tensor:
    x = convert_to_tensor(x)
    if x.spec.rank is not None and x.spec.rank < 2:
        raise InvalidArgumentError(
            None,
            None,
            f"inputs need a batch and steps: their shape is {format_shape(x.spec.shape)}.",
        )
    return x


def _lengths(given: Any, batch: Any) -> Tensor | None:
    if given is None:
        return None
    lengths = convert_to_tensor(given)
    if lengths.dtype is not None and lengths.dtype.dtype.kind not in "iu":
        raise InvalidTypeError(
            None, None, f"sequence_length must be of integers, not {lengths.dtype!r}."
        )
    shape = lengths.spec.shape
    known = [n for n in (batch, shape[0] if shape else None) if isinstance(n, int)]
    if shape is not None and (len(shape) != 1 or len(set(known)) > 1):
        raise InvalidArgumentError(
            None,
            None,
            f"sequence_length must have one length for each of the {batch} rows; its shape is "
            f"{format_shape(shape)}.",
        )
    return casting.to_int32(lengths)


def _first_state(cell: Any, given: Any, batch: Any, dtype: Any) -> Any:
    if given is None:
        if dtype is None:
            raise InvalidArgumentError(
                None, None, "give initial_state, or the dtype of a state of zeros."
            )
        return cell.zero_state(batch, dtype)
    wanted = None if dtype is None else as_dtype(dtype)
    leaves = [convert_to_tensor(s, None if isinstance(s, Tensor) else wanted)
              for s in nest.flatten(given)]  # fmt: skip
    return nest.pack(given, leaves)


def static_rnn(
    cell: Any,
    inputs: Sequence[Any],
    initial_state: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Return the list of the outputs of ``cell`` for a list of inputs, and its last state.

    Parameters
    ----------
    inputs : list of tensors [batch, ...] of one shape, or of structures of them
    sequence_length, initial_state, dtype, scope : as for ``dynamic_rnn``
    """
    require_cell(cell, "static_rnn's cell")
    if not isinstance(inputs, (list, tuple)):
        raise InvalidTypeError(
            None, None, "static_rnn takes a list of inputs, one for each step; use tf.unstack."
        )
    if not inputs:
        raise InvalidArgumentError(None, None, "static_rnn: the list of inputs is empty.")
    steps = [[convert_to_tensor(x) for x in nest.flatten(step)] for step in inputs]
    with graph_of(steps[0]).as_default(), variable_scope(scope or "rnn"):
        batch = batch_size([x for step in steps for x in step], 0)
        lengths = _lengths(sequence_length, batch)
        state = _first_state(cell, initial_state, batch, dtype)
        stacked = [joining.stack(column) for column in zip(*steps, strict=True)]
        outputs, last = unroll(cell, nest.pack(inputs[0], stacked), state, lengths)
        columns = [joining.unstack(y, len(steps)) for y in nest.flatten(outputs)]
    return [nest.pack(outputs, row) for row in zip(*columns, strict=True)], last


def bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return ((outputs, outputs), (last state, last state)) of ``cell_fw``, which goes forward
    over ``inputs``, and ``cell_bw``, which goes backward.

    Outputs of both stand at the places of their inputs.  The parameters are those of
    ``dynamic_rnn``; variables are in ``bidirectional_rnn/fw`` and ``bidirectional_rnn/bw``.
    """
    require_cell(cell_fw, "cell_fw")
    require_cell(cell_bw, "cell_bw")
    axis = 0 if time_major else 1

    def backwards(values: Any) -> Any:
        return nest.pack(values, [_reversed(convert_to_tensor(x), sequence_length, axis)
                                  for x in nest.flatten(values)])  # fmt: skip

    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as fw:
            forward, state_fw = dynamic_rnn(
                cell_fw, inputs, sequence_length, initial_state_fw, dtype, time_major=time_major,
                scope=fw,
            )  # fmt: skip
        with variable_scope("bw") as bw:
            backward, state_bw = dynamic_rnn(
                cell_bw, backwards(inputs), sequence_length, initial_state_bw, dtype,
                time_major=time_major, scope=bw,
            )  # fmt: skip
        return (forward, backwards(backward)), (state_fw, state_bw)


def _reversed(x: Tensor, lengths: Any, axis: int) -> Tensor:
    if lengths is None:
        return layout.reverse(x, [axis])
    return layout.reverse_sequence(x, lengths, axis, 1 - axis)


def static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Sequence[Any],
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any, Any]:
    """Return (outputs of both cells side by side, last state forward, last state backward) for a
    list of inputs; see ``bidirectional_dynamic_rnn`` and ``static_rnn``."""
    require_cell(cell_fw, "cell_fw")
    require_cell(cell_bw, "cell_bw")
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as fw:
            forward, state_fw = static_rnn(
                cell_fw, inputs, initial_state_fw, dtype, sequence_length, fw
            )
        with variable_scope("bw") as bw:
            turned = _turned(inputs, sequence_length)
            backward, state_bw = static_rnn(
                cell_bw, turned, initial_state_bw, dtype, sequence_length, bw
            )
            backward = _turned(backward, sequence_length)
        outputs = [
            nest.pack(f, [joining.concat(pair, 1)
                          for pair in zip(nest.flatten(f), nest.flatten(b), strict=True)])
            for f, b in zip(forward, backward, strict=True)
        ]  # fmt: skip
    return outputs, state_fw, state_bw


def _turned(steps: Sequence[Any], lengths: Any) -> list[Any]:
    """Return a list of steps from the last to the first, of each row's own ``lengths``."""
    if lengths is None:
        return list(reversed(steps))
    columns = [
        joining.unstack(layout.reverse_sequence(joining.stack(column), lengths, 0, 1), len(steps))
        for column in zip(*[nest.flatten(step) for step in steps], strict=True)
    ]
    return [nest.pack(steps[0], row) for row in zip(*columns, strict=True)]


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[Any],
    cells_bw: Sequence[Any],
    inputs: Any,
    initial_states_fw: Sequence[Any] | None = None,
    initial_states_bw: Sequence[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Return (outputs, last states forward, last states backward) of layers that go both ways.

    Each layer gets the outputs of both directions of the one before, side by side.
    """
    if not isinstance(cells_fw, list) or not isinstance(cells_bw, list) or not cells_fw:
        raise InvalidArgumentError(None, None, "cells_fw and cells_bw must be lists of cells.")
    if len(cells_fw) != len(cells_bw):
        raise InvalidArgumentError(
            None, None, f"{len(cells_fw)} cells go forward, {len(cells_bw)} backward."
        )
    starts = [states or [None] * len(cells_fw) for states in (initial_states_fw, initial_states_bw)]
    states_fw, states_bw = [], []
    with variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (fw, bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with variable_scope(f"cell_{i}"):
                outputs, (state_fw, state_bw) = bidirectional_dynamic_rnn(
                    fw, bw, inputs, sequence_length, starts[0][i], starts[1][i], dtype,
                    time_major=time_major,
                )  # fmt: skip
                inputs = joining.concat(outputs, 2)
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return inputs, tuple(states_fw), tuple(states_bw)
