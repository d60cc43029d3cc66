"""Beam search against a search in plain Python, and the greedy decoder."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tfmini as tf

seq2seq = tf.contrib.seq2seq
UNITS, SYMBOLS, END, START = 4, 5, 0, 1


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def run(fetches, feeds=None):
    """Run with seeded normal numbers in all variables; return values, and variables by name."""
    rng = np.random.default_rng(8)
    with tf.Session() as session:
        weights = {}
        for v in sorted(tf.global_variables(), key=lambda v: v.name):
            weights[v.op.name] = 1.5 * rng.normal(size=v.shape.as_list()).astype(np.float32)
            v.load(weights[v.op.name], session)
        return session.run(fetches, feeds), weights


def all_sequences(weights, table, h, steps, penalty):
    """Return (score, symbols) of all sequences of up to ``steps`` symbols, the best first."""
    kernel = weights["decoder/basic_rnn_cell/kernel"]
    bias = weights["decoder/basic_rnn_cell/bias"]
    layer = weights["decoder/dense/kernel"]
    found = []
    for n in range(1, steps + 1):
        for ids in itertools.product(range(SYMBOLS), repeat=n):
            if END in ids[:-1] or (n < steps and ids[-1] != END):
                continue
            state, last, total = h, START, 0.0
            for symbol in ids:
                state = np.tanh(np.concatenate([table[last], state]) @ kernel + bias)
                total += log_softmax(state @ layer)[symbol]
                last = symbol
            # As in TensorFlow, the end counts from the step after it on.
            length = n - (ids[-1] == END and n == steps)
            found.append((total / ((5 + length) / 6) ** penalty, ids))
    return sorted(found, reverse=True)


def search(h, table, beams, steps, batch=None, cell=None, layer=None, **options):
    rows = len(h) if batch is None else batch
    state = seq2seq.tile_batch(tf.constant(h) if batch is None else h, beams)
    decoder = seq2seq.BeamSearchDecoder(
        cell or tf.nn.rnn_cell.BasicRNNCell(UNITS), table, tf.fill([rows], START), END, state,
        beams, layer or tf.layers.Dense(SYMBOLS, use_bias=False), **options,
    )  # fmt: skip
    return seq2seq.dynamic_decode(decoder, maximum_iterations=steps)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_finds_the_best_of_all_sequences(penalty):
    """As many beams as there are sequences: nothing is lost, so the best are those of all."""
    rng = np.random.default_rng(0)
    h, table = rng.normal(size=(2, UNITS)).astype(np.float32), np.eye(SYMBOLS, dtype=np.float32)
    steps, beams = 3, 101
    outputs, state, _ = search(h, table, beams, steps, length_penalty_weight=penalty)
    (ids, scores, lengths), weights = run(
        [outputs.predicted_ids, outputs.beam_search_decoder_output.scores, state.lengths]
    )
    assert ids.shape == (2, steps, beams)
    assert ids.dtype == np.int32
    for row in range(2):
        expected = all_sequences(weights, table, h[row], steps, penalty)[:20]
        for place, (score, symbols) in enumerate(expected):
            padded = [*symbols, *[END] * (steps - len(symbols))]
            assert ids[row, :, place].tolist() == padded
            np.testing.assert_allclose(scores[row, -1, place], score, rtol=1e-4)
            # A beam counts its end as a step.
            assert lengths[row, place] == len(symbols)


def test_one_beam_is_greedy():
    h = np.random.default_rng(1).normal(size=(3, UNITS)).astype(np.float32)
    table = np.eye(SYMBOLS, dtype=np.float32)
    cell = tf.nn.rnn_cell.BasicRNNCell(UNITS)
    layer = tf.layers.Dense(SYMBOLS, use_bias=False)
    outputs, _, _ = search(h, table, 1, 6, cell=cell, layer=layer)
    helper = seq2seq.GreedyEmbeddingHelper(table, tf.fill([3], START), END)
    decoder = seq2seq.BasicDecoder(cell, helper, tf.constant(h), layer)
    greedy, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=6)
    (found, expected), _ = run([outputs.predicted_ids, greedy.sample_id])
    for row, other in zip(found[:, :, 0], expected, strict=True):
        ended = np.flatnonzero(other == END)
        upto = ended[0] + 1 if ended.size else len(other)
        np.testing.assert_array_equal(row[:upto], other[:upto])
        assert (row[upto:] == END).all()


def test_a_batch_of_any_size():
    h = tf.placeholder(tf.float32, [None, UNITS])
    table = np.eye(SYMBOLS, dtype=np.float32)
    outputs, _, lengths = search(h, table, 3, 4, batch=tf.shape(h)[0])
    rows = np.random.default_rng(2).normal(size=(5, UNITS))
    assert outputs.predicted_ids.shape.as_list() == [None, None, 3]
    (ids, n), _ = run([outputs.predicted_ids, lengths], {h: rows})
    (one, _), _ = run([outputs.predicted_ids, lengths], {h: rows[2:3]})
    assert ids.shape[::2] == n.shape == (5, 3)
    np.testing.assert_array_equal(one[0], ids[2, : one.shape[1]])


def attentive(places=4, batch=2, beams=3, **options):
    """Return what a beam search with attention gives, and its cell's history."""
    memory = np.random.default_rng(4).normal(size=(batch, places, UNITS)).astype(np.float32)
    tiled = seq2seq.tile_batch(tf.constant(memory), beams)
    cell = seq2seq.AttentionWrapper(
        tf.nn.rnn_cell.GRUCell(UNITS), seq2seq.LuongAttention(UNITS, tiled), UNITS,
        alignment_history=True,
    )  # fmt: skip
    decoder = seq2seq.BeamSearchDecoder(
        cell, tf.eye(SYMBOLS), tf.fill([batch], START), END,
        cell.zero_state(batch * beams, tf.float32), beams, tf.layers.Dense(SYMBOLS), **options,
    )  # fmt: skip
    outputs, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=5)
    return outputs, state, state.cell_state.alignment_history


def test_attention_is_counted_along_the_paths():
    outputs, state, history = attentive(coverage_penalty_weight=0.7, reorder_tensor_arrays=False)
    steps = outputs.beam_search_decoder_output
    (raw, parents, scores, covered, lengths, chances), _ = run(
        [history.stack(), steps.parent_ids, steps.scores, state.accumulated_attention_probs,
         state.lengths, state.log_probs]
    )  # fmt: skip
    raw = raw.reshape(*parents.transpose(1, 0, 2).shape, -1)
    np.testing.assert_allclose(raw.sum(-1), 1, rtol=1e-5)
    assert (parents[:, 1:] != np.arange(3)).any()  # else all paths are straight
    for b, w in np.ndindex(2, 3):
        paid, beam = 0, w
        for t in reversed(range(parents.shape[1])):
            beam = parents[b, t, beam]
            if t < lengths[b, w]:
                paid = paid + raw[t, b, beam]
        np.testing.assert_allclose(covered[b, w], paid, rtol=1e-5)
    ended = lengths < parents.shape[1]
    penalty = 0.7 * np.log(np.minimum(covered, 1)).sum(-1)
    assert ended.any()
    np.testing.assert_allclose(scores[:, -1][ended], (chances + penalty)[ended], rtol=1e-5)


def test_the_history_is_put_in_order():
    outputs, state, history = attentive()
    assert state.accumulated_attention_probs == ()
    (found, ids), _ = run([history, outputs.predicted_ids])
    assert found.shape == (ids.shape[1], 6, 4)


def test_coverage_needs_attention():
    with pytest.raises(tf.errors.OpError, match="AttentionWrapper"):
        search(np.zeros((1, UNITS), np.float32), np.eye(SYMBOLS), 2, 2, coverage_penalty_weight=0.5)


def test_paths_by_a_loop():
    rng = np.random.default_rng(6)
    steps, batch, beams, end = 6, 3, 4, 9
    ids, parents = rng.integers(0, 10, (2, steps, batch, beams)).astype(np.int32)
    parents %= beams
    longest = np.array([6, 0, 4], np.int32)
    found, _ = run(seq2seq.gather_tree(ids, parents, longest, end))
    for b, w in np.ndindex(batch, beams):
        path, beam = [], w
        for t in reversed(range(longest[b])):
            path.insert(0, ids[t, b, beam])
            beam = parents[t, b, beam]
        if end in path:
            path = path[: path.index(end)]
        np.testing.assert_array_equal(found[:, b, w], [*path, *[end] * (steps - len(path))])


def test_arrays_along_the_paths():
    parents = np.array([[[0, 0]], [[1, 0]], [[0, 0]]], np.int32)
    x = np.arange(12.0).reshape(3, 1, 2, 2)
    found, _ = run(seq2seq.gather_tree_from_array(x, parents, [[3, 2]]))
    # Beam 0 came by beams 1, 0, 0; beam 1 ended after step 2, where its path's beams are 1, 0.
    np.testing.assert_array_equal(found[:, 0, 0], [x[0, 0, 1], x[1, 0, 0], x[2, 0, 0]])
    np.testing.assert_array_equal(found[2, 0, 1], x[2, 0, 1])
    flat, _ = run(seq2seq.gather_tree_from_array(x.reshape(3, 2, 2), parents, [[3, 2]]))
    np.testing.assert_array_equal(flat, found.reshape(3, 2, 2))
