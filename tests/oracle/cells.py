"""Recurrent networks: each cell and wrapper, run in each way, with sequences of unequal length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .network import Run, network

Make = Callable[[Any], Any]  # of a module: a cell

STEPS = (2, 4, 3)  # sequences, time steps, features
LENGTHS = np.array([3, 1], "int32")
CELLS: dict[str, Make] = {
    "basic rnn": lambda c: c.BasicRNNCell(5),
    "basic rnn, relu": lambda c: c.BasicRNNCell(5, activation="relu"),
    "basic lstm": lambda c: c.BasicLSTMCell(5),
    "basic lstm, one tensor": lambda c: c.BasicLSTMCell(5, 0.3, state_is_tuple=False),
    "lstm": lambda c: c.LSTMCell(5),
    "lstm, peepholes": lambda c: c.LSTMCell(5, use_peepholes=True, cell_clip=0.4),
    "lstm, projection": lambda c: c.LSTMCell(5, num_proj=2, proj_clip=0.2, forget_bias=0.5),
    "lstm, all": lambda c: c.LSTMCell(5, True, num_proj=2, state_is_tuple=False),
    "gru": lambda c: c.GRUCell(5),
    "stack": lambda c: c.MultiRNNCell([c.GRUCell(4), c.BasicLSTMCell(3), c.BasicRNNCell(2)]),
    "stack, one tensor": lambda c: c.MultiRNNCell(
        [c.GRUCell(4), c.BasicRNNCell(2)], state_is_tuple=False
    ),
    "dropout that keeps all": lambda c: c.DropoutWrapper(c.GRUCell(4), 1.0, 1.0, 1.0),
    "residual": lambda c: c.ResidualWrapper(c.GRUCell(3)),
    "residual, function": lambda c: c.ResidualWrapper(
        c.BasicLSTMCell(3), residual_fn=lambda x, y: 2 * x - y
    ),
    "device": lambda c: c.DeviceWrapper(c.BasicLSTMCell(3), "/cpu:0"),
}


def dynamic(make: Make, **kwargs: Any) -> Callable[..., Any]:
    def build(tf: Any, x: Any, *lengths: Any) -> Any:
        return tf.nn.dynamic_rnn(make(tf.nn.rnn_cell), x, *lengths, dtype=tf.float32, **kwargs)

    return build


def static(make: Make) -> Callable[..., Any]:
    def build(tf: Any, x: Any, *lengths: Any) -> Any:
        given = dict(zip(["sequence_length"], lengths, strict=False))
        steps = tf.unstack(x, axis=1)
        return tf.nn.static_rnn(make(tf.nn.rnn_cell), steps, dtype=tf.float32, **given)

    return build


def started(make: Make) -> Callable[..., Any]:
    """A first state that is not zero, and time first."""

    def build(tf: Any, x: Any) -> Any:
        cell, x = make(tf.nn.rnn_cell), tf.transpose(x, [1, 0, 2])
        zero = cell.zero_state(tf.shape(x)[1], tf.float32)
        start = tf.nest.map_structure(lambda s: s + 0.5, zero)
        return tf.nn.dynamic_rnn(cell, x, initial_state=start, time_major=True, scope="own")

    return build


def single(make: Make) -> Callable[..., Any]:
    """Two steps by hand, in one scope."""

    def build(tf: Any, x: Any) -> Any:
        cell = make(tf.nn.rnn_cell)
        state = cell.zero_state(2, tf.float32)
        first, state = cell(x[:, 0], state)
        return first, cell(x[:, 1], state)

    return build


def both_ways(make: Make, kind: str) -> Callable[..., Any]:
    def build(tf: Any, x: Any, *lengths: Any) -> Any:
        cells = make(tf.nn.rnn_cell), make(tf.nn.rnn_cell)
        given = dict(zip(["sequence_length"], lengths, strict=False))
        if kind == "static":
            steps = tf.unstack(x, axis=1)
            return tf.nn.static_bidirectional_rnn(*cells, steps, dtype=tf.float32, **given)
        return tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32, **given)

    return build


def raw(make: Make) -> Callable[..., Any]:
    """A loop that feeds the outputs back."""

    def build(tf: Any, x: Any) -> Any:
        cell = make(tf.nn.rnn_cell)
        lengths = tf.constant(LENGTHS)

        def loop(time: Any, output: Any, state: Any, _: Any) -> Any:
            state = cell.zero_state(2, tf.float32) if output is None else state
            fed = x[:, 0] if output is None else output[:, :3]
            return time >= lengths, fed, state, output, None

        outputs, state, _ = tf.nn.raw_rnn(cell, loop)
        return outputs.stack(), state

    return build


def runs() -> dict[str, Run]:
    """Return each cell run in each way."""
    out = {}
    for name, make in CELLS.items():
        out |= {
            f"{name}, by hand": network(single(make), STEPS),
            f"{name}, dynamic": network(dynamic(make), STEPS),
            f"{name}, dynamic, lengths": network(dynamic(make), STEPS, LENGTHS),
            f"{name}, dynamic, started": network(started(make), STEPS),
            f"{name}, static": network(static(make), STEPS),
            f"{name}, static, lengths": network(static(make), STEPS, LENGTHS),
            f"{name}, both ways": network(both_ways(make, "dynamic"), STEPS, LENGTHS),
            f"{name}, both ways, static": network(both_ways(make, "static"), STEPS, LENGTHS),
        }
    out |= {f"{n}, raw": network(raw(CELLS[n]), STEPS) for n in ("basic lstm", "gru", "residual")}
    return out


RUNS = runs()
LIMIT = 2e-5  # of a difference, relative to the largest element
