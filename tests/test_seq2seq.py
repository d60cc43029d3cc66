"""``tf.contrib.seq2seq`` against loops in NumPy, and a task that a decoder learns."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

seq2seq = tf.contrib.seq2seq
BATCH, STEPS, UNITS, SYMBOLS = 3, 5, 4, 6
LENGTHS = np.array([5, 2, 3], np.int32)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run(fetches, feeds=None):
    """Run with seeded normal numbers in all variables; return values, and variables by name."""
    rng = np.random.default_rng(3)
    with tf.Session() as session:
        weights = {}
        for v in sorted(tf.global_variables(), key=lambda v: v.name):
            weights[v.op.name] = rng.normal(size=v.shape.as_list()).astype(np.float32)
            v.load(weights[v.op.name], session)
        return session.run(fetches, feeds), weights


def rnn(weights, path="decoder/basic_rnn_cell"):
    kernel, bias = weights[path + "/kernel"], weights[path + "/bias"]
    return lambda x, h: np.tanh(np.concatenate([x, h], 1) @ kernel + bias)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def dense(weights, path):
    return lambda x: x @ weights[path + "/kernel"] + weights.get(path + "/bias", 0)


# -- helpers and the basic decoder ------------------------------------------------------------


@pytest.mark.parametrize("impute", [False, True])
@pytest.mark.parametrize("time_major", [False, True])
def test_training_reads_the_inputs(impute, time_major):
    x, h = data(BATCH, STEPS, 2), data(BATCH, UNITS, seed=1)
    helper = seq2seq.TrainingHelper(
        np.swapaxes(x, 0, 1) if time_major else x, LENGTHS, time_major=time_major
    )
    decoder = seq2seq.BasicDecoder(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), helper, tf.constant(h), tf.layers.Dense(SYMBOLS)
    )
    made = seq2seq.dynamic_decode(decoder, output_time_major=time_major, impute_finished=impute)
    assert isinstance(made[0], seq2seq.BasicDecoderOutput)
    assert made[0].rnn_output.shape.as_list()[2:] == [SYMBOLS]
    (outputs, state, lengths), weights = run(made)
    step, layer = rnn(weights), dense(weights, "decoder/dense")
    expected = np.zeros((BATCH, STEPS, SYMBOLS), np.float32)
    for t in range(STEPS):
        after = step(x[:, t] * (t < STEPS), h)
        on = (t < LENGTHS) | (not impute)
        expected[on, t] = layer(after)[on]
        h = np.where(on[:, None], after, h)
    ids = expected.argmax(-1)
    got = outputs.rnn_output
    got = np.swapaxes(got, 0, 1) if time_major else got
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    got = outputs.sample_id.T if time_major else outputs.sample_id
    np.testing.assert_array_equal(got, ids)
    np.testing.assert_allclose(state, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(lengths, LENGTHS)
    assert lengths.dtype == outputs.sample_id.dtype == np.int32


def test_imputed_training_is_dynamic_rnn_gradients_too():
    x = tf.constant(data(BATCH, STEPS, 2))
    cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS)
    helper = seq2seq.TrainingHelper(x, LENGTHS)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
    decoded = seq2seq.dynamic_decode(decoder, impute_finished=True)
    with tf.variable_scope("decoder", reuse=True):
        outputs, state = tf.nn.dynamic_rnn(cell, x, LENGTHS, dtype=tf.float32)
    pairs = [(decoded[0].rnn_output, outputs), *zip(decoded[1], state, strict=True)]
    wanted = [x, *tf.trainable_variables()]
    assert len(wanted) == 3
    mixed = tf.constant(data(BATCH, STEPS, UNITS, seed=8))
    pairs += list(zip(*[tf.gradients([y * mixed, s.c], wanted)
                        for y, s in ((pairs[0][0], decoded[1]), (outputs, state))],
                      strict=True))  # fmt: skip
    values, _ = run(pairs)
    for a, b in values:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def greedy(step, layer, table, h, start, end, limit):
    ids, lengths = [], np.zeros(BATCH, int)
    finished, token = np.zeros(BATCH, bool), np.full(BATCH, start)
    for t in range(limit):
        h = step(table[token], h)
        token = layer(h).argmax(-1)
        ids.append(token)
        lengths[~finished] = t + 1
        finished |= token == end
        if finished.all():
            break
    return np.array(ids).T, lengths


@pytest.mark.parametrize("end", range(SYMBOLS))
def test_greedy_reads_its_own_symbols(end):
    h, table = data(BATCH, UNITS, seed=1), data(SYMBOLS, 2, seed=2)
    helper = seq2seq.GreedyEmbeddingHelper(table, tf.fill([BATCH], 1), end)
    decoder = seq2seq.BasicDecoder(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), helper, tf.constant(h), tf.layers.Dense(SYMBOLS)
    )
    outputs, _, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=7)
    (ids, lengths), weights = run([outputs.sample_id, lengths])
    expected = greedy(rnn(weights), dense(weights, "decoder/dense"), table, h, 1, end, 7)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(lengths, expected[1])


def constant_cell(logits):
    """A cell that gives ``logits`` at every step."""

    class Cell(tf.nn.rnn_cell.RNNCell):
        state_size, output_size = 1, SYMBOLS

        def call(self, inputs, state):
            return tf.constant(logits), state

    return Cell()


def test_samples_follow_the_logits():
    rows, steps = 50, 40
    chances = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.0])
    with np.errstate(divide="ignore"):
        logits = np.tile(np.log(chances).astype(np.float32), (rows, 1))
    helper = seq2seq.SampleEmbeddingHelper(
        lambda ids: tf.one_hot(ids, SYMBOLS), tf.zeros([rows], tf.int32), 5, 0.5, seed=1
    )
    decoder = seq2seq.BasicDecoder(constant_cell(logits), helper, tf.zeros([rows, 1]))
    outputs, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=steps)
    ids, _ = run(outputs.sample_id)
    found = np.bincount(ids.ravel(), minlength=SYMBOLS) / ids.size
    np.testing.assert_allclose(found, chances**2 / (chances**2).sum(), atol=0.04)


def test_inference_of_any_values():
    """Samples are real numbers that become inputs: here, doubled each step."""
    helper = seq2seq.InferenceHelper(
        lambda outputs: outputs * 2.0, [1], tf.float32, tf.ones([BATCH, 1]),
        lambda samples: samples[:, 0] > 30.0,
    )  # fmt: skip

    class Same(tf.nn.rnn_cell.RNNCell):
        state_size, output_size = 1, 1

        def call(self, inputs, state):
            return inputs, state

    decoder = seq2seq.BasicDecoder(Same(), helper, tf.zeros([BATCH, 1]))
    (outputs, _, lengths), _ = run(seq2seq.dynamic_decode(decoder))
    np.testing.assert_array_equal(outputs.sample_id[0, :, 0], [2, 4, 8, 16, 32])
    np.testing.assert_array_equal(lengths, [5] * BATCH)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_scheduled_embeddings(probability):
    x, table = data(BATCH, STEPS, 2), data(SYMBOLS, 2, seed=2)
    helper = seq2seq.ScheduledEmbeddingTrainingHelper(
        x, LENGTHS, table, tf.constant(probability), seed=1
    )
    logits = np.full((BATCH, SYMBOLS), -1e9, np.float32)
    logits[:, 4] = 0
    seen = []

    class Cell(tf.nn.rnn_cell.RNNCell):
        state_size, output_size = 2, SYMBOLS

        def call(self, inputs, state):
            seen.append(inputs)
            return tf.constant(logits), inputs

    decoder = seq2seq.BasicDecoder(Cell(), helper, tf.zeros([BATCH, 2]))
    (outputs, state, _), _ = run(seq2seq.dynamic_decode(decoder))
    assert (outputs.sample_id == (4 if probability else -1)).all()
    np.testing.assert_array_equal(state, np.tile(table[4], (BATCH, 1)) if probability else x[:, -1])


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_scheduled_outputs_with_extra_inputs(probability):
    x, extra = data(BATCH, STEPS, 1), data(BATCH, STEPS, 2, seed=1)
    helper = seq2seq.ScheduledOutputTrainingHelper(
        x, [STEPS] * BATCH, probability, next_inputs_fn=lambda y: y[:, :1] + 1.0,
        auxiliary_inputs=extra,
    )  # fmt: skip

    class Same(tf.nn.rnn_cell.RNNCell):
        state_size, output_size = 1, 3

        def call(self, inputs, state):
            return inputs, state

    decoder = seq2seq.BasicDecoder(Same(), helper, tf.zeros([BATCH, 1]))
    (outputs, _, _), _ = run(seq2seq.dynamic_decode(decoder))
    read = x[:, :1] + np.arange(STEPS)[:, None] if probability else x
    np.testing.assert_allclose(outputs.rnn_output, np.concatenate([read, extra], 2), rtol=1e-6)


def test_custom_helper_has_functions():
    helper = seq2seq.CustomHelper(
        lambda: (tf.zeros([2], tf.bool), tf.zeros([2, 1])),
        lambda time, outputs, state: tf.cast(outputs[:, 0], tf.int32),
        lambda time, outputs, state, sample_ids: (
            [sample_ids[0] >= 2, sample_ids[1] >= 0], outputs + 1.0, state),
    )  # fmt: skip

    class Same(tf.nn.rnn_cell.RNNCell):
        state_size, output_size = 1, 1

        def call(self, inputs, state):
            return inputs, state

    decoder = seq2seq.BasicDecoder(Same(), helper, tf.zeros([2, 1]))
    (outputs, _, lengths), _ = run(seq2seq.dynamic_decode(decoder))
    np.testing.assert_array_equal(outputs.sample_id, [[0, 1, 2]] * 2)
    np.testing.assert_array_equal(lengths, [3, 1])


def test_sizes_that_are_known_only_when_it_runs():
    x = tf.placeholder(tf.float32, [None, None, 2])
    lengths = tf.placeholder(tf.int32, [None])
    cell = tf.nn.rnn_cell.GRUCell(UNITS)
    memory = tf.layers.dense(x, UNITS)
    wrapped = seq2seq.AttentionWrapper(
        cell, seq2seq.LuongAttention(UNITS, memory, lengths), UNITS, alignment_history=True
    )
    decoder = seq2seq.BasicDecoder(
        wrapped,
        seq2seq.TrainingHelper(x, lengths),
        wrapped.zero_state(tf.shape(x)[0], tf.float32),
    )
    outputs, state, _ = seq2seq.dynamic_decode(decoder)
    grad = tf.gradients(outputs.rnn_output, x)[0]
    feeds = {x: data(BATCH, STEPS, 2), lengths: LENGTHS}
    fetches = [outputs.rnn_output, grad, state.alignment_history.stack()]
    (found, grad, history), _ = run(fetches, feeds)
    assert found.shape == (BATCH, STEPS, UNITS)
    assert grad.shape == (BATCH, STEPS, 2)
    assert np.abs(grad).sum() > 0
    assert history.shape == (STEPS, BATCH, STEPS)
    np.testing.assert_allclose(history.sum(-1), 1, rtol=1e-5)
    assert (history[:, 1, 2:] == 0).all()


def test_nothing_to_decode():
    helper = seq2seq.TrainingHelper(data(2, 3, 1), [0, 0])
    cell = tf.nn.rnn_cell.BasicRNNCell(2)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32))
    (outputs, _, lengths), _ = run(seq2seq.dynamic_decode(decoder))
    assert outputs.rnn_output.shape == (2, 0, 2)
    assert lengths.tolist() == [0, 0]


def test_lengths_beyond_the_inputs_are_an_error():
    helper = seq2seq.TrainingHelper(data(2, 3, 1), [2, 4])
    cell = tf.nn.rnn_cell.BasicRNNCell(2)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32))
    made = seq2seq.dynamic_decode(decoder)
    with pytest.raises(tf.errors.OpError, match=r"index 4|out of range|4 elements"):
        run(made)


# -- attention --------------------------------------------------------------------------------


def luong(weights, query, keys, path, scale):
    score = np.einsum("bu,bsu->bs", query, keys)
    return score * weights[path + "/attention_g"] if scale else score


def bahdanau(weights, query, keys, path, normalize):
    v = weights[path + "/attention_v"]
    total = keys + (query @ weights[path + "/query_layer/kernel"])[:, None]
    if normalize:
        v = weights[path + "/attention_g"] * v / np.sqrt((v * v).sum())
        total = total + weights[path + "/attention_b"]
    return (v * np.tanh(total)).sum(2)


@pytest.mark.parametrize("option", [False, True])
@pytest.mark.parametrize("kind", ["luong", "bahdanau"])
@pytest.mark.parametrize("attention_size", [None, 5])
def test_attention_by_its_formula(kind, option, attention_size):
    memory, x, h = data(BATCH, 4, 3), data(BATCH, STEPS, 2, seed=1), data(BATCH, UNITS, seed=2)
    lengths = np.array([4, 1, 3], np.int32)
    if kind == "luong":
        mechanism = seq2seq.LuongAttention(UNITS, memory, lengths, scale=option)
    else:
        mechanism = seq2seq.BahdanauAttention(7, memory, lengths, normalize=option)
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), mechanism, attention_size, alignment_history=True,
        output_attention=kind == "luong",
    )  # fmt: skip
    state = cell.zero_state(BATCH, tf.float32).clone(cell_state=h)
    helper = seq2seq.TrainingHelper(x, [STEPS] * BATCH)
    outputs, state, _ = seq2seq.dynamic_decode(seq2seq.BasicDecoder(cell, helper, state))
    fetches = [outputs.rnn_output, state.attention, state.alignment_history.stack(), state.time]
    (found, last, history, time), weights = run(fetches)

    scope = "decoder/attention_wrapper"
    step = rnn(weights, scope + "/basic_rnn_cell")
    values = memory * (np.arange(4) < lengths[:, None])[:, :, None]
    keys = values @ weights["memory_layer/kernel"]
    attention = np.zeros((BATCH, attention_size or 3), np.float32)
    for t in range(STEPS):
        h = step(np.concatenate([x[:, t], attention], 1), h)
        formula = luong if kind == "luong" else bahdanau
        score = formula(weights, h, keys, f"{scope}/{kind}_attention", option)
        weight = softmax(np.where(np.arange(4) < lengths[:, None], score, -np.inf))
        attention = np.einsum("bs,bsn->bn", weight, values)
        if attention_size:
            both = np.concatenate([h, attention], 1)
            attention = dense(weights, scope + "/attention_layer")(both)
        np.testing.assert_allclose(history[t], weight, rtol=1e-4, atol=1e-6)
        expected = attention if kind == "luong" else h
        np.testing.assert_allclose(found[:, t], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last, attention, rtol=1e-4, atol=1e-5)
    assert time == STEPS


def test_two_memories():
    first = seq2seq.LuongAttention(UNITS, data(BATCH, 4, 3), name="a")
    second = seq2seq.BahdanauAttention(7, data(BATCH, 6, 2, seed=1), name="b")
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), [first, second], [5, 6], alignment_history=True
    )
    assert cell.output_size == 11
    state = cell.zero_state(BATCH, tf.float32)
    output, state = cell(tf.constant(data(BATCH, 2)), state)
    alignments, _ = run([output, *state.alignments, state.alignment_history[1].stack()])
    assert [a.shape for a in alignments] == [(3, 11), (3, 4), (3, 6), (1, 3, 6)]


def test_one_cell_trains_and_infers():
    """The same variables in two decoders, under one scope."""
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), seq2seq.BahdanauAttention(7, data(BATCH, 4, 3)), 5
    )
    layer = tf.layers.Dense(SYMBOLS, name="out")
    table = tf.get_variable("table", [SYMBOLS, 2])
    ids = np.array([[1, 2, 3]] * BATCH)
    helpers = [
        seq2seq.TrainingHelper(tf.nn.embedding_lookup(table, ids), [3] * BATCH),
        seq2seq.GreedyEmbeddingHelper(table, [1] * BATCH, 0),
    ]
    made = []
    for reuse, helper in zip([None, True], helpers, strict=True):
        with tf.variable_scope("decode", reuse=reuse):
            state = cell.zero_state(BATCH, tf.float32)
            decoder = seq2seq.BasicDecoder(cell, helper, state, layer)
            made.append(seq2seq.dynamic_decode(decoder, maximum_iterations=3)[0])
    names = [v.op.name for v in tf.trainable_variables()]
    assert len(names) == len(set(names)) == 9
    (train, infer), _ = run([m.rnn_output for m in made])
    np.testing.assert_allclose(train[:, 0], infer[:, 0], rtol=1e-5)


def test_rows_repeated():
    x = np.arange(6).reshape(3, 2)
    tiled, _ = run(seq2seq.tile_batch((tf.constant(x), tf.constant(x[:, 0])), 2))
    np.testing.assert_array_equal(tiled[0], np.repeat(x, 2, 0))
    np.testing.assert_array_equal(tiled[1], np.repeat(x[:, 0], 2))
    hard, _ = run(seq2seq.hardmax([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]]))
    np.testing.assert_array_equal(hard, [[0, 1, 0], [1, 0, 0]])


# -- learning ---------------------------------------------------------------------------------


def test_learns_to_copy():
    """Encoder, attention and decoder learn to repeat their input, and then do it greedily."""
    symbols, steps, rows = 6, 4, 64
    tf.set_random_seed(1)
    source = tf.placeholder(tf.int32, [None, steps])
    batch = tf.shape(source)[0]
    table = tf.get_variable("table", [symbols + 2, 12])
    start, end = symbols, symbols + 1
    with tf.variable_scope("encoder"):
        memory, last = tf.nn.dynamic_rnn(
            tf.nn.rnn_cell.GRUCell(32), tf.nn.embedding_lookup(table, source), dtype=tf.float32
        )
    targets = tf.concat([source, tf.fill([batch, 1], end)], 1)
    inputs = tf.concat([tf.fill([batch, 1], start), source], 1)
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.GRUCell(32), seq2seq.LuongAttention(32, memory), 32
    )
    layer = tf.layers.Dense(symbols + 2)
    lengths = tf.fill([batch], steps + 1)
    helpers = [
        seq2seq.TrainingHelper(tf.nn.embedding_lookup(table, inputs), lengths),
        seq2seq.GreedyEmbeddingHelper(table, tf.fill([batch], start), end),
    ]
    made = []
    for reuse, helper in zip([None, True], helpers, strict=True):
        with tf.variable_scope("decode", reuse=reuse):
            state = cell.zero_state(batch, tf.float32).clone(cell_state=last)
            decoder = seq2seq.BasicDecoder(cell, helper, state, layer)
            made.append(seq2seq.dynamic_decode(decoder, maximum_iterations=steps + 2)[0])
    loss = seq2seq.sequence_loss(made[0].rnn_output, targets, tf.ones([batch, steps + 1]))
    step = tf.train.AdamOptimizer(0.02).minimize(loss)
    rng = np.random.default_rng(0)
    with tf.Session() as session:
        for _ in range(120):
            session.run(step, {source: rng.integers(symbols, size=(rows, steps))})
        unseen = rng.integers(symbols, size=(rows, steps))
        copied = session.run(made[1].sample_id, {source: unseen})
    width = min(steps, copied.shape[1])
    assert (copied[:, :width] == unseen[:, :width]).mean() > 0.9
