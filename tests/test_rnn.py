"""Recurrent networks: cells by their formulas, and sequences by cells called step by step."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini import threads

CELLS = tf.nn.rnn_cell
BATCH, STEPS, INPUTS = 4, 5, 3
LENGTHS = [5, 0, 3, 1]


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def flat(structure):
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flat(item)]
    return [structure]


def run(fetches, feeds=None, seed=3):
    """Run with all variables set to seeded normal numbers, in the order in which they were made."""
    rng = np.random.default_rng(seed)
    with tf.Session() as session:
        for v in tf.global_variables():
            v.load(0.5 * rng.normal(size=v.shape.as_list()), session)
        return session.run(fetches, feeds)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


# -- cells by their formulas ------------------------------------------------------------------


def one_step(cell, size):
    """Return one step of ``cell`` from random state: (values given, weights, results)."""
    x = tf.constant(data(BATCH, INPUTS, seed=1))
    before = [tf.constant(data(BATCH, n, seed=2 + i)) for i, n in enumerate(flat(size))]
    state = CELLS.LSTMStateTuple(*before) if isinstance(size, tuple) else before[0]
    output, after = cell(x, state)
    weights = list(tf.global_variables())
    return [np.array(v) for v in run([x, *before])], run(weights), run([output, *flat(after)])


def test_simple_cell():
    (x, h), (kernel, bias), (y, after) = one_step(CELLS.BasicRNNCell(2, tf.nn.relu), 2)
    expected = np.maximum(np.concatenate([x, h], 1) @ kernel + bias, 0)
    np.testing.assert_allclose(y, expected)
    np.testing.assert_allclose(after, expected)


@pytest.mark.parametrize("kind", [CELLS.BasicLSTMCell, CELLS.LSTMCell])
def test_lstm(kind):
    cell = kind(2, forget_bias=0.7)
    assert cell.state_size == CELLS.LSTMStateTuple(2, 2)
    (x, c, h), (kernel, bias), (y, c1, h1) = one_step(cell, (2, 2))
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, 1)
    expected = sigmoid(f + 0.7) * c + sigmoid(i) * np.tanh(j)
    np.testing.assert_allclose(c1, expected)
    np.testing.assert_allclose(h1, sigmoid(o) * np.tanh(expected))
    np.testing.assert_array_equal(y, h1)


def test_lstm_with_everything():
    cell = CELLS.LSTMCell(
        4, use_peepholes=True, cell_clip=0.3, num_proj=2, proj_clip=0.1, forget_bias=0.5
    )
    assert (cell.output_size, cell.state_size) == (2, (4, 2))
    (x, c, h), (kernel, bias, at_f, at_i, at_o, to), (y, c1, h1) = one_step(cell, (4, 2))
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, 1)
    new = sigmoid(f + 0.5 + at_f * c) * c + sigmoid(i + at_i * c) * np.tanh(j)
    new = np.clip(new, -0.3, 0.3)
    out = np.clip((sigmoid(o + at_o * new) * np.tanh(new)) @ to, -0.1, 0.1)
    np.testing.assert_allclose(c1, new)
    np.testing.assert_allclose(h1, out)
    np.testing.assert_array_equal(y, h1)


def test_gru():
    (x, h), (gates, bias, kernel, candidate_bias), (y, _) = one_step(CELLS.GRUCell(2), 2)
    r, u = np.split(sigmoid(np.concatenate([x, h], 1) @ gates + bias), 2, 1)
    c = np.tanh(np.concatenate([x, r * h], 1) @ kernel + candidate_bias)
    np.testing.assert_allclose(y, u * h + (1 - u) * c)


def test_gru_gates_start_open():
    cell = CELLS.GRUCell(2)
    cell(tf.zeros([1, 3]), tf.zeros([1, 2]))
    with tf.Session() as session:
        found = {v.name: session.run(v) for v in cell.trainable_variables if "bias" in v.name}
    assert found.keys() == {"gru_cell/gates/bias:0", "gru_cell/candidate/bias:0"}
    assert found["gru_cell/gates/bias:0"].tolist() == [1.0] * 4
    assert found["gru_cell/candidate/bias:0"].tolist() == [0.0] * 2


def test_layer_norm_lstm():
    cell = tf.contrib.rnn.LayerNormBasicLSTMCell(4, norm_gain=1.0, norm_shift=0.0)
    (x, c, h), weights, (_, c1, h1) = one_step(cell, (4, 4))
    kernel, norms = weights[0], weights[1:]

    def normed(z, part):
        z = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
        return z * norms[2 * part] + norms[2 * part + 1]

    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel, 4, 1)
    new = c * sigmoid(normed(f, 2) + 1) + sigmoid(normed(i, 0)) * np.tanh(normed(j, 1))
    new = normed(new, 4)
    np.testing.assert_allclose(c1, new)
    np.testing.assert_allclose(h1, np.tanh(new) * sigmoid(normed(o, 3)))


# -- sequences --------------------------------------------------------------------------------


class Own(CELLS.RNNCell):
    """A user's cell, with variables from ``get_variable`` and a state of two parts."""

    state_size = property(lambda self: (2, (2,)))
    output_size = property(lambda self: 2)

    def call(self, inputs, state):
        w = tf.get_variable("w", [INPUTS, 2], tf.float64)
        a, (b,) = state
        a = tf.tanh(tf.matmul(inputs, w) + b)
        return a * b, (a, (b + 0.1 * a,))


MAKERS = {
    "simple": lambda: CELLS.BasicRNNCell(3),
    "simple relu": lambda: CELLS.BasicRNNCell(3, activation=tf.nn.relu),
    "simple softsign": lambda: CELLS.BasicRNNCell(3, activation=tf.nn.softsign),
    "lstm": lambda: CELLS.BasicLSTMCell(3, forget_bias=0.5),
    "lstm sigmoid": lambda: CELLS.BasicLSTMCell(3, activation=tf.sigmoid),
    "lstm in one": lambda: CELLS.BasicLSTMCell(3, state_is_tuple=False),
    "peepholes": lambda: CELLS.LSTMCell(3, use_peepholes=True, num_proj=2),
    "gru": lambda: CELLS.GRUCell(3),
    "gru linear": lambda: CELLS.GRUCell(2, activation=tf.identity),
    "stack": lambda: CELLS.MultiRNNCell([CELLS.BasicLSTMCell(3), CELLS.GRUCell(2)]),
    "stack in one": lambda: CELLS.MultiRNNCell(
        [CELLS.GRUCell(3), CELLS.BasicRNNCell(2)], state_is_tuple=False
    ),
    "residual": lambda: CELLS.ResidualWrapper(CELLS.GRUCell(INPUTS)),
    "residual function": lambda: CELLS.ResidualWrapper(
        CELLS.GRUCell(INPUTS), lambda x, y: 2.0 * x - y
    ),
    "projected": lambda: CELLS.OutputProjectionWrapper(
        CELLS.InputProjectionWrapper(CELLS.GRUCell(3), 2), 4, tf.tanh
    ),
    "device": lambda: CELLS.DeviceWrapper(CELLS.GRUCell(2), "/cpu:0"),
    "kept": lambda: CELLS.DropoutWrapper(CELLS.GRUCell(2), 1.0, tf.constant(1.0, tf.float64)),
    "own": Own,
}


def by_steps(cell, x, lengths):
    """Run ``cell`` by one call for each step, of ordinary nodes."""
    state, outputs = cell.zero_state(BATCH, tf.float64), []
    with tf.variable_scope("rnn"):
        for t in range(STEPS):
            output, after = cell(x[:, t], state)
            if lengths is not None:
                going = tf.constant(t) < tf.constant(lengths)
                output = tf.where(going, output, tf.zeros_like(output))
                kept = [
                    tf.where(going, a, b) for a, b in zip(flat(after), flat(state), strict=True)
                ]
                after = pack(after, kept)
            state = after
            outputs.append(output)
    return tf.stack(outputs, 1), state


def pack(structure, leaves):
    from tfmini.ops import nest

    return nest.pack(structure, leaves)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("name", MAKERS)
def test_a_sequence_is_its_steps(name, lengths):
    results = []
    for how in (by_steps, lambda *given: tf.nn.dynamic_rnn(
            given[0], given[1], given[2], dtype=tf.float64)):  # fmt: skip
        with tf.Graph().as_default():
            x = tf.constant(data(BATCH, STEPS, INPUTS, seed=1))
            outputs, state = how(MAKERS[name](), x, lengths)
            leaves = [outputs, *flat(state)]
            loss = tf.add_n([tf.reduce_sum((i + 1.0) * y * y) for i, y in enumerate(leaves)])
            variables = tf.trainable_variables()
            grads = tf.gradients(loss, [x, *variables])
            names = [v.name for v in variables]
            results.append((run(leaves + grads), names))
    (expected, names), (found, found_names) = results
    assert found_names == names
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("name", ["simple", "lstm", "gru", "stack"])
def test_second_derivatives(name):
    x = tf.placeholder(tf.float64, [BATCH, STEPS, INPUTS])
    outputs, state = tf.nn.dynamic_rnn(MAKERS[name](), x, LENGTHS, dtype=tf.float64)
    loss = tf.reduce_sum(outputs**3) + tf.reduce_sum(flat(state)[0] ** 2)
    xs = [x, *tf.trainable_variables()]
    first = tf.add_n([tf.reduce_sum(g * g) for g in tf.gradients(loss, xs)])
    (second,) = tf.gradients(first, [x])
    value, direction = data(BATCH, STEPS, INPUTS, seed=1), data(BATCH, STEPS, INPUTS, seed=2)
    found = np.sum(run(second, {x: value}) * direction)
    h = 1e-5
    up, down = (run(first, {x: value + s * direction}) for s in (h, -h))
    np.testing.assert_allclose(found, (up - down) / (2 * h), rtol=1e-6)


def test_ends_of_sequences():
    x = tf.constant(data(BATCH, STEPS, INPUTS))
    cell = CELLS.BasicLSTMCell(2)
    start = CELLS.LSTMStateTuple(tf.constant(data(BATCH, 2)), tf.constant(data(BATCH, 2, seed=1)))
    outputs, state = tf.nn.dynamic_rnn(cell, x, tf.constant(LENGTHS, tf.int64), start)
    y, (c, h), (c0, h0) = run([outputs, state, start])
    for row, length in enumerate(LENGTHS):
        assert not y[row, length:].any()
        assert y[row, :length].all()
        np.testing.assert_array_equal(h[row], y[row, length - 1] if length else h0[row])
    np.testing.assert_array_equal(c[1], c0[1])


def test_layouts_and_static_rnn_agree():
    value = data(BATCH, STEPS, INPUTS)
    found = []
    for how in ("batch", "time", "list"):
        with tf.Graph().as_default():
            x = tf.constant(value)
            cell = MAKERS["stack"]()
            if how == "batch":
                y, state = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float64)
            elif how == "time":
                y, state = tf.nn.dynamic_rnn(
                    cell, tf.transpose(x, [1, 0, 2]), LENGTHS, dtype=tf.float64, time_major=True
                )
                y = tf.transpose(y, [1, 0, 2])
            else:
                steps = tf.unstack(x, axis=1)
                ys, state = tf.nn.static_rnn(cell, steps, dtype=tf.float64, sequence_length=LENGTHS)
                assert len(ys) == STEPS
                y = tf.stack(ys, 1)
            found.append(run([y, *flat(state)]))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_unknown_batch_and_steps():
    x = tf.placeholder(tf.float32, [None, None, INPUTS])
    lengths = tf.placeholder(tf.int32, [None])
    outputs, state = tf.nn.dynamic_rnn(MAKERS["stack"](), x, lengths, dtype=tf.float32)
    assert outputs.shape.as_list() == [None, None, 2]
    assert state[0].c.shape.as_list() == [None, 3]
    loss = tf.reduce_sum(outputs)
    grads = tf.gradients(loss, tf.trainable_variables())
    for batch, steps in ((2, 7), (3, 1), (1, 0)):
        feeds = {x: np.ones((batch, steps, INPUTS)), lengths: [steps] * batch}
        y, *values = run([outputs, *grads], feeds)
        assert y.shape == (batch, steps, 2)
        assert y.dtype == np.float32
        assert [v.shape for v in values] == [tuple(g.shape.as_list()) for g in grads]


def test_both_directions():
    value = data(BATCH, STEPS, INPUTS)
    x = tf.constant(value)
    (forward, backward), (_, state_bw) = tf.nn.bidirectional_dynamic_rnn(
        CELLS.GRUCell(2), CELLS.BasicRNNCell(3), x, LENGTHS, dtype=tf.float64
    )
    names = [v.name for v in tf.global_variables()]
    assert names[0] == "bidirectional_rnn/fw/gru_cell/gates/kernel:0"
    assert names[-1] == "bidirectional_rnn/bw/basic_rnn_cell/bias:0"
    steps = tf.unstack(x, axis=1)
    with tf.variable_scope("", reuse=True):
        both, _, last = tf.nn.static_bidirectional_rnn(
            CELLS.GRUCell(2), CELLS.BasicRNNCell(3), steps, dtype=tf.float64,
            sequence_length=LENGTHS,
        )  # fmt: skip
    f, b, s, both, last, w, bias = run(
        [forward, backward, state_bw, tf.stack(both, 1), last, *tf.global_variables()[-2:]]
    )
    np.testing.assert_array_equal(np.concatenate([f, b], 2), both)
    np.testing.assert_array_equal(s, last)
    for row, length in enumerate(LENGTHS):
        h = np.zeros(3)
        for t in reversed(range(length)):
            h = np.tanh(np.concatenate([value[row, t], h]) @ w + bias)
            np.testing.assert_allclose(b[row, t], h)
        np.testing.assert_allclose(s[row], h)


def test_stacked_directions():
    x = tf.constant(data(BATCH, STEPS, INPUTS))
    outputs, fw, bw = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
        [CELLS.GRUCell(2), CELLS.GRUCell(3)], [CELLS.GRUCell(2), CELLS.GRUCell(4)], x,
        dtype=tf.float64,
    )  # fmt: skip
    assert outputs.shape.as_list() == [BATCH, STEPS, 7]
    y, last_fw, last_bw = run([outputs, fw[-1], bw[-1]])
    np.testing.assert_array_equal(y[:, -1, :3], last_fw)
    np.testing.assert_array_equal(y[:, 0, 3:], last_bw)


def test_nested_inputs():
    class Two(CELLS.RNNCell):
        state_size = output_size = property(lambda self: 2)

        def call(self, inputs, state):
            a, b = inputs
            after = state + a * b
            return {"sum": after, "product": a * b}, after

    a, b = data(BATCH, STEPS, 2), data(BATCH, STEPS, 2, seed=1)
    outputs, last = tf.nn.dynamic_rnn(Two(), (tf.constant(a), tf.constant(b)), dtype=tf.float64)
    found, last = run([outputs, last])
    np.testing.assert_allclose(found["product"], a * b)
    np.testing.assert_allclose(found["sum"], np.cumsum(a * b, 1))
    np.testing.assert_allclose(last, np.sum(a * b, 1))


def test_a_sequence_is_one_node(graph):
    x = tf.placeholder(tf.float32, [None, 1000, INPUTS])
    y, _ = tf.nn.dynamic_rnn(MAKERS["stack"](), x, dtype=tf.float32)
    tf.gradients(y, tf.trainable_variables())
    kinds = [op.type for op in graph.get_operations()]
    assert kinds.count("LSTMSequence") == kinds.count("GRUSequence") == 1
    assert kinds.count("LSTMSequenceGrad") == kinds.count("GRUSequenceGrad") == 1
    assert len(kinds) < 250


def test_bits_do_not_depend_on_the_number_of_cores():
    x = tf.constant(data(256, 3, 5).astype(np.float32))
    outputs, state = tf.nn.dynamic_rnn(CELLS.BasicLSTMCell(96), x, dtype=tf.float32)
    grads = tf.gradients(tf.reduce_sum(outputs), tf.trainable_variables())
    parallel = run([outputs, *state, *grads])
    with threads.serial():
        alone = run([outputs, *state, *grads])
    for a, b in zip(parallel, alone, strict=True):
        np.testing.assert_array_equal(a, b)


# -- cells of users, and wrappers -------------------------------------------------------------


def test_a_subclass_that_changes_the_step_is_asked_for_it():
    class Doubled(CELLS.BasicLSTMCell):
        def call(self, inputs, state):
            output, state = super().call(inputs, state)
            return 2.0 * output, state

    x = tf.constant(data(BATCH, STEPS, INPUTS))
    y, state = tf.nn.dynamic_rnn(Doubled(2), x, dtype=tf.float64)
    y, (_, h) = run([y, state])
    np.testing.assert_allclose(y[:, -1], 2 * h)


def test_a_cell_of_the_oldest_kind():
    class Old(CELLS.RNNCell):
        def __init__(self, units):
            self._units = units

        state_size = output_size = property(lambda self: self._units)

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                w = tf.get_variable("W", [INPUTS, self._units])
                u = tf.get_variable("U", [self._units, self._units])
                state = tf.tanh(tf.matmul(inputs, w) + tf.matmul(state, u))
            return state, state

    x = tf.placeholder(tf.float32, [None, STEPS, INPUTS])
    y, _ = tf.nn.dynamic_rnn(Old(2), x, dtype=tf.float32)
    assert [v.name for v in tf.global_variables()] == ["rnn/Old/W:0", "rnn/Old/U:0"]
    value = data(BATCH, STEPS, INPUTS)
    y, w, u = run([y, *tf.global_variables()], {x: value})
    h = np.zeros((BATCH, 2))
    for t in range(STEPS):
        h = np.tanh(value[:, t] @ w + h @ u)
        np.testing.assert_allclose(y[:, t], h, rtol=1e-4, atol=1e-6)


def test_variables_of_cells():
    own = Own()
    tf.nn.dynamic_rnn(own, tf.zeros([1, 2, INPUTS], tf.float64), dtype=tf.float64)
    assert [v.name for v in own.trainable_variables] == ["rnn/own/w:0"]
    assert own.variables == own.trainable_weights
    stack = CELLS.MultiRNNCell([CELLS.BasicLSTMCell(2) for _ in range(2)])
    tf.nn.dynamic_rnn(stack, tf.zeros([1, 2, 3]), dtype=tf.float32, scope="deep")
    assert [v.name for v in stack.trainable_variables] == [
        f"deep/multi_rnn_cell/cell_{i}/basic_lstm_cell/{part}:0"
        for i in range(2) for part in ("kernel", "bias")
    ]  # fmt: skip


def test_dropout_of_outputs_and_inputs():
    x = tf.ones([50, 20, 4])
    cell = CELLS.DropoutWrapper(CELLS.GRUCell(10), output_keep_prob=0.25)
    y, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    found = run(y)
    assert abs(np.mean(found != 0) - 0.25) < 0.02

    class Echo(CELLS.RNNCell):
        state_size = output_size = property(lambda self: 4)

        def call(self, inputs, state):
            return inputs, state

    cell = CELLS.DropoutWrapper(Echo(), input_keep_prob=tf.constant(0.5))
    y, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    found = run(y)
    assert set(np.unique(found)) == {0.0, 2.0}
    assert abs(np.mean(found) - 1) < 0.05
    assert np.std(found[0], axis=0).all()  # other choices at each step


def test_variational_dropout_chooses_once():
    class Echo(CELLS.RNNCell):
        state_size = output_size = property(lambda self: 64)

        def call(self, inputs, state):
            return inputs, state + 1.0

    cell = CELLS.DropoutWrapper(
        Echo(), input_keep_prob=0.5, state_keep_prob=0.5, variational_recurrent=True,
        input_size=64, dtype=tf.float32,
    )  # fmt: skip
    y, state = tf.nn.dynamic_rnn(cell, tf.ones([3, 4, 64]), dtype=tf.float32)
    y, state = run([y, state])
    assert (y == y[:1, :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}
    # ((((0 + 1) 2 + 1) 2 + 1) 2 + 1) 2 where it is kept.
    assert set(np.unique(state)) == {0.0, 30.0}


def test_dropout_of_the_state_keeps_c():
    cell = CELLS.DropoutWrapper(CELLS.BasicLSTMCell(50), state_keep_prob=0.5)
    _, (c, h) = cell(tf.ones([20, 3]), cell.zero_state(20, tf.float32))
    c, h = run([c, h])
    assert c.all()
    assert abs(np.mean(h == 0) - 0.5) < 0.1


def test_embedding_wrapper():
    ids = np.array([[1, 6, 0], [2, 2, 5]])
    cell = CELLS.EmbeddingWrapper(CELLS.GRUCell(3), 7, 4)
    found, _ = tf.nn.dynamic_rnn(cell, tf.constant(ids), dtype=tf.float32)
    assert tf.global_variables()[0].name == "rnn/embedding_wrapper/embedding:0"
    single = tf.contrib.rnn.static_rnn(
        CELLS.EmbeddingWrapper(CELLS.GRUCell(3), 7, 4), [tf.constant(ids[:, :1])],
        dtype=tf.float32, scope="other",
    )[0][0]  # fmt: skip
    assert single.shape.as_list() == [2, 3]
    found = run(found)
    with tf.Graph().as_default():
        matrix = tf.get_variable("matrix", [7, 4])
        y, _ = tf.nn.dynamic_rnn(CELLS.GRUCell(3), tf.gather(matrix, ids), dtype=tf.float32)
        np.testing.assert_allclose(found, run(y), rtol=1e-6)


# -- raw_rnn ----------------------------------------------------------------------------------


def test_raw_rnn_is_dynamic_rnn():
    value = data(BATCH, STEPS, INPUTS)
    x = tf.constant(value)
    cell = CELLS.LSTMCell(2)
    expected, state = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float64)
    array = tf.TensorArray(tf.float64, STEPS).unstack(tf.transpose(x, [1, 0, 2]))

    def loop_fn(time, output, state, loop_state):
        finished = time >= tf.constant(LENGTHS)
        following = tf.cond(
            tf.reduce_all(finished),
            lambda: tf.zeros([BATCH, INPUTS], tf.float64),
            lambda: array.read(time),
        )
        if output is None:
            return finished, following, cell.zero_state(BATCH, tf.float64), None, tf.constant(0)
        return finished, following, state, output, loop_state + 1

    emitted, last, count = tf.nn.raw_rnn(cell, loop_fn)
    found = tf.transpose(emitted.stack(), [1, 0, 2])
    grads = [tf.gradients(tf.reduce_sum(y * y), x)[0] for y in (expected, found)]
    a, b, s, t, n, (g, k) = run([expected, found, state, last, count, grads])
    np.testing.assert_allclose(b, a, atol=1e-14)
    np.testing.assert_allclose(t, s, atol=1e-14)
    np.testing.assert_allclose(k, g, atol=1e-14)
    assert n == max(LENGTHS)


def test_raw_rnn_that_generates():
    """Emitted values of another size than the cell's output, and its output as the next input."""
    cell = CELLS.GRUCell(2)

    def loop_fn(time, output, state, loop_state):
        finished = tf.fill([3], time >= 4)
        if output is None:
            return finished, tf.zeros([3, 2]), cell.zero_state(3, tf.float32), tf.zeros([]), None
        return finished, output, state, tf.reduce_sum(output, 1), None

    emitted, last, loop_state = tf.nn.raw_rnn(cell, loop_fn)
    assert loop_state is None
    sums, state = run([emitted.stack(), last])
    assert sums.shape == (4, 3)
    np.testing.assert_allclose(sums[-1], state.sum(1), rtol=1e-6)


# -- states that are kept ----------------------------------------------------------------------


class Kept:
    """States in local variables."""

    def __init__(self, **sizes):
        self.variables = {
            name: tf.Variable(tf.zeros([BATCH, n]), trainable=False, name=name)
            for name, n in sizes.items()
        }

    def state(self, name):
        return self.variables[name].read_value()

    def save_state(self, name, value):
        return self.variables[name].assign(value)


@pytest.mark.parametrize("fetched", ["output", "state"])
def test_states_go_on_from_run_to_run(fetched):
    value = data(BATCH, 6, INPUTS).astype(np.float32)
    cell = CELLS.MultiRNNCell([CELLS.BasicLSTMCell(2), CELLS.GRUCell(3)])
    x = tf.placeholder(tf.float32, [BATCH, 2, INPUTS])
    kept = Kept(c=2, h=2, g=3)
    outputs, state = tf.nn.static_state_saving_rnn(
        cell, tf.unstack(x, axis=1), kept, (("c", "h"), "g"), scope="rnn"
    )
    assert isinstance(state[0], CELLS.LSTMStateTuple)
    with tf.variable_scope("", reuse=True):
        whole, last = tf.nn.static_rnn(cell, tf.unstack(tf.constant(value), axis=1),
                                       dtype=tf.float32, scope="rnn")  # fmt: skip
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for i in range(3):
            found = session.run(
                outputs[-1] if fetched == "output" else state, {x: value[:, 2 * i : 2 * i + 2]}
            )
        expected = session.run(whole[-1] if fetched == "output" else last)
    for a, b in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_names_of_kept_states_must_fit():
    with pytest.raises(TypeError, match="a name for each part of the cell's state"):
        tf.contrib.rnn.static_state_saving_rnn(
            CELLS.BasicLSTMCell(2), [tf.zeros([BATCH, 2])], Kept(c=2), "c"
        )


# -- sequence to sequence ---------------------------------------------------------------------

LEGACY = tf.contrib.legacy_seq2seq


def test_rnn_decoder_feeds_what_it_said():
    cell = CELLS.BasicRNNCell(2)
    start = tf.constant(data(BATCH, 2))
    given = [tf.constant(data(BATCH, 2, seed=i)) for i in range(3)]
    outputs, last = LEGACY.rnn_decoder(given, start, cell, lambda y, i: 0.5 * y + float(i))
    names = [v.name for v in tf.global_variables()]
    assert names == ["rnn_decoder/basic_rnn_cell/kernel:0", "rnn_decoder/basic_rnn_cell/bias:0"]
    ys, last, kernel, bias, x, h = run([outputs, last, *tf.global_variables(), given[0], start])
    for i, y in enumerate(ys):
        x = x if i == 0 else 0.5 * h + i
        h = np.tanh(np.concatenate([x, h], 1) @ kernel + bias)
        np.testing.assert_allclose(y, h)
    np.testing.assert_allclose(last, h)


def test_decoders_without_and_with_a_loop_agree():
    start = tf.constant(data(BATCH, 2))
    given = [tf.constant(data(BATCH, 2, seed=i)) for i in range(3)]
    ahead, _ = LEGACY.rnn_decoder(given, start, CELLS.GRUCell(2))
    with tf.variable_scope("", reuse=True):
        looped, _ = LEGACY.rnn_decoder(given, start, CELLS.GRUCell(2), lambda y, i: given[i])
    a, b = run([ahead, looped])
    np.testing.assert_allclose(a, b, atol=1e-14)


@pytest.mark.parametrize(
    "build", [LEGACY.embedding_rnn_seq2seq, LEGACY.embedding_attention_seq2seq]
)
def test_symbols_to_symbols(build):
    rng = np.random.default_rng(0)
    encoder = [tf.placeholder(tf.int32, [None]) for _ in range(3)]
    decoder = [tf.placeholder(tf.int32, [None]) for _ in range(4)]
    feeds = {p: rng.integers(0, 6, BATCH) for p in encoder + decoder}
    fed = tf.placeholder(tf.bool, [])

    def made(feed):
        return build(encoder, decoder, CELLS.GRUCell(5), 6, 7, 4, feed_previous=feed)

    outputs = {}
    with tf.variable_scope("net"):
        outputs[False], _ = made(False)
    with tf.variable_scope("net", reuse=True):
        outputs[True], _ = made(True)
        either, _ = made(fed)
    assert outputs[False][0].shape.as_list()[-1] == 7
    for choice in (False, True):
        a, b = run([outputs[choice], either], {**feeds, fed: choice})
        np.testing.assert_allclose(b, a, rtol=1e-5)
    a, b = run([outputs[False], outputs[True]], feeds)
    np.testing.assert_allclose(a[0], b[0], rtol=1e-5)
    assert not np.allclose(a[1], b[1])
    loss = LEGACY.sequence_loss(outputs[False], decoder, [tf.ones([BATCH])] * 4)
    grads = tf.gradients(loss, tf.trainable_variables())
    assert all(np.abs(v).sum() > 0 for v in run(grads, feeds))


def test_buckets_share_variables():
    encoder = [tf.zeros([2, 3])] * 4
    decoder = [tf.zeros([2, 3])] * 4
    targets = [tf.constant([0, 1])] * 4
    weights = [tf.ones([2])] * 4
    outputs, losses = LEGACY.model_with_buckets(
        encoder, decoder, targets, weights, [(2, 2), (4, 3)],
        lambda x, y: LEGACY.basic_rnn_seq2seq(x, y, CELLS.GRUCell(3)),
    )  # fmt: skip
    assert [len(o) for o in outputs] == [2, 3]
    assert len(tf.global_variables()) == 8
    assert np.isfinite(run(losses)).all()


def test_sequence_losses():
    logits, targets = data(BATCH, STEPS, 6), np.arange(20).reshape(BATCH, STEPS) % 6
    weights = np.random.default_rng(1).uniform(size=(BATCH, STEPS))
    weights[0, 2:] = 0
    logs = logits - np.log(np.exp(logits).sum(2, keepdims=True))
    each = -np.take_along_axis(logs, targets[:, :, None], 2)[:, :, 0] * weights
    loss = tf.contrib.seq2seq.sequence_loss

    def value(*flags, **named):
        given = [tf.constant(v) for v in (logits, targets, weights)]
        return run(loss(*given, *flags, **named))

    np.testing.assert_allclose(value(), each.sum() / weights.sum())
    np.testing.assert_allclose(value(True, False), each.sum(1) / weights.sum(1))
    np.testing.assert_allclose(value(False, True), each.sum(0) / weights.sum(0))
    np.testing.assert_allclose(value(False, False), each)
    np.testing.assert_allclose(
        value(False, False, True, True), each.sum() / np.count_nonzero(weights)
    )
    steps = [[tf.constant(v[:, t]) for t in range(STEPS)] for v in (logits, targets, weights)]
    by_example = LEGACY.sequence_loss_by_example(*steps)
    np.testing.assert_allclose(run(by_example), each.sum(1) / weights.sum(1))
    total = LEGACY.sequence_loss(*steps, average_across_timesteps=False)
    np.testing.assert_allclose(run(total), each.sum() / BATCH)


# -- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: tf.nn.dynamic_rnn(CELLS.GRUCell, x, dtype=tf.float32), "object such as"),
        (lambda x: tf.nn.dynamic_rnn(CELLS.GRUCell(2), x), "dtype"),
        (lambda x: tf.nn.dynamic_rnn(CELLS.GRUCell(2), x, [1, 2], dtype=tf.float32), "3 rows"),
        (lambda x: tf.nn.dynamic_rnn(CELLS.GRUCell(2), x, [1.0] * 3, dtype=tf.float32), "integers"),
        (lambda x: tf.nn.dynamic_rnn(CELLS.GRUCell(2), x[0, 0], dtype=tf.float32), "steps"),
        (lambda x: tf.nn.dynamic_rnn(CELLS.BasicLSTMCell(2), x, initial_state=x[:, 0]), "(c, h)"),
        (lambda x: tf.nn.static_rnn(CELLS.GRUCell(2), x, dtype=tf.float32), "tf.unstack"),
        (lambda x: CELLS.MultiRNNCell(CELLS.GRUCell(2)), "list"),
        (lambda x: CELLS.DropoutWrapper(CELLS.GRUCell(2), 1.5), "between 0 and 1"),
        (lambda x: CELLS.RNNCell().state_size, "state_size"),
        (lambda x: CELLS.BasicRNNCell(2, activation="tan"), "tanh"),
        (
            lambda x: tf.nn.dynamic_rnn(
                CELLS.GRUCell(2), tf.placeholder(tf.float32, [3, 4, None]), dtype=tf.float32
            ),
            "set_shape",
        ),
    ],
)
def test_what_errors_say(call, says):
    with pytest.raises(tf.errors.OpError, match=says.replace("(", r"\(").replace(")", r"\)")):
        call(tf.zeros([3, 4, INPUTS]))


def test_a_state_that_changes_its_shape():
    class Growing(CELLS.RNNCell):
        state_size = output_size = property(lambda self: 2)

        def call(self, inputs, state):
            return state, tf.concat([state, state], 1)

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[3, 2\].*\[3, 4\]"):
        tf.nn.dynamic_rnn(Growing(), tf.zeros([3, 4, 5]), dtype=tf.float32)


def test_two_cells_of_one_name_need_scopes():
    x = tf.zeros([3, 4, INPUTS])
    tf.nn.dynamic_rnn(CELLS.GRUCell(2), x, dtype=tf.float32)
    with pytest.raises(ValueError, match="rnn/gru_cell/gates/kernel"):
        tf.nn.dynamic_rnn(CELLS.GRUCell(2), x, dtype=tf.float32)
    tf.nn.dynamic_rnn(CELLS.GRUCell(2), x, dtype=tf.float32, scope="second")


# -- careless use -------------------------------------------------------------------------------


def _reused(size):
    cell = tf.nn.rnn_cell.LSTMCell(3)
    tf.nn.dynamic_rnn(cell, tf.ones([1, 2, 5]), dtype=tf.float32)
    tf.nn.dynamic_rnn(cell, tf.ones([1, 2, size]), dtype=tf.float32)


def _one_cell_twice():
    stack = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(3)] * 2)
    tf.nn.dynamic_rnn(stack, tf.ones([1, 2, 5]), dtype=tf.float32)


class _Forgetful(tf.nn.rnn_cell.RNNCell):
    state_size = output_size = 3

    def call(self, inputs, state):
        return inputs


def _run(cell, inputs, **options):
    return lambda: tf.nn.dynamic_rnn(cell(), inputs(), **(options or {"dtype": tf.float32}))


@pytest.mark.parametrize(
    ("careless", "says"),
    [
        (lambda: _reused(4), "axis -1 to have size 5, found 4; .*make one for each size"),
        (_one_cell_twice, "axis -1 to have size 5, found 3; .*make one for each size"),
        (_run(lambda: tf.nn.rnn_cell.GRUCell(3), lambda: tf.ones([2, 3])),
         r"GRUCell takes \[batch, size\] in each step, not \[2\]"),
        (_run(lambda: tf.nn.rnn_cell.GRUCell(3), lambda: [tf.ones([1, 3])] * 2),
         "use tf.stack, or static_rnn"),
        (_run(_Forgetful, lambda: tf.ones([1, 2, 3])),
         r"_Forgetful must return \(output, next state\)"),
    ],
)  # fmt: skip
def test_careless_use_is_told_what_to_do(careless, says):
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        careless()


@pytest.mark.parametrize("kind", [tf.nn.rnn_cell.GRUCell, tf.nn.rnn_cell.LSTMCell])
def test_a_state_of_another_size_is_named(kind):
    cell = kind(3)
    state = tf.zeros([1, 4])
    given = state if kind is tf.nn.rnn_cell.GRUCell else (tf.zeros([1, 3]), state)
    says = rf"state of {kind.__name__} is \[\?, 3\], this one \[1, 4\]"
    with pytest.raises(ValueError, match=says):
        tf.nn.dynamic_rnn(cell, tf.ones([1, 2, 3]), initial_state=given)


def test_block_cells_are_the_plain_ones_under_their_own_names_and_clip_c_but_not_gradients():
    rnn, x = tf.contrib.rnn, tf.constant(data(BATCH, STEPS, INPUTS), tf.float32)

    def ran(cell, scope):
        y, _ = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float32, scope=scope)
        variables = [v for v in tf.trainable_variables() if v.op.name.startswith(f"{scope}/")]
        variables.sort(key=lambda v: (v.shape.as_list(), v.name))  # peepholes: in another order
        return y, [tf.gradients(tf.reduce_sum(y**2), v)[0] for v in variables], variables

    pairs = [
        (rnn.LSTMBlockCell(4), rnn.BasicLSTMCell(4)),
        (rnn.LSTMBlockCell(4, 0.5, 100.0, True), rnn.LSTMCell(4, True, forget_bias=0.5)),
        (rnn.LSTMBlockCell(4, cell_clip=-1), rnn.LSTMCell(4)),
        (rnn.GRUBlockCellV2(4), rnn.GRUCell(4)),
        (rnn.GRUBlockCell(cell_size=4), rnn.GRUCell(4)),
    ]
    with tf.Session() as session:
        for i, (block, plain) in enumerate(pairs):
            y, grads, own = ran(block, f"a{i}")
            wanted, wanted_grads, other = ran(plain, f"b{i}")
            session.run(tf.global_variables_initializer())
            for a, b in zip(own, other, strict=True):
                b.load(session.run(a) * 0.3, session)
                a.load(session.run(b), session)
            np.testing.assert_allclose(*session.run([y, wanted]), rtol=1e-4, atol=1e-6)
            for grad, known in zip(grads, wanted_grads, strict=True):
                np.testing.assert_allclose(*session.run([grad, known]), rtol=1e-4, atol=1e-6)
        names = {v.op.name for v in own}
        assert names == {f"a4/gru_cell/{n}" for n in ("w_ru", "b_ru", "w_c", "b_c")}
        y, (_kernel_grad, bias_grad), _ = ran(rnn.LSTMBlockCell(4, cell_clip=0.001), "c")
        session.run(tf.global_variables_initializer())
        found, of_bias = session.run([y, bias_grad])
        assert 0 < np.abs(found).max() <= np.tanh(0.001)
        assert np.abs(of_bias[4:8]).max() > 1e-4  # of j, which the clip would have stopped
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_units"):
        rnn.GRUBlockCell()
