"""CTC: losses against all alignments one by one, gradients, and decoders."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

import tfmini as tf

STEPS, BATCH, CLASSES = 5, 3, 4  # the last class is the blank
LOGITS = np.random.default_rng(1).normal(size=(STEPS, BATCH, CLASSES))
LENGTHS = np.array([5, 4, 3], np.int32)
ROWS = [[0, 1, 1], [2, 2], [1]]


def sparse(rows):
    places = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    values = np.array([v for row in rows for v in row], np.int32)
    return tf.SparseTensor(np.array(places), values, [len(rows), max(map(len, rows))])


def evaluate(fetches):
    with tf.Session() as session:
        return session.run(fetches)


def alignments(row, length, merge=True):
    """Yield each way through the first steps, its labels, and its probability."""
    y = np.exp(LOGITS[:length, row])
    y /= y.sum(-1, keepdims=True)
    for path in itertools.product(range(CLASSES), repeat=length):
        kept = [c for i, c in enumerate(path) if not (merge and i and c == path[i - 1])]
        yield [c for c in kept if c != CLASSES - 1], np.prod(y[np.arange(length), path])


@pytest.mark.parametrize("merge", [True, False])
def test_loss_is_that_of_all_alignments_together(merge):
    loss = tf.nn.ctc_loss(sparse(ROWS), LOGITS, LENGTHS, ctc_merge_repeated=merge)
    expected = [
        -np.log(sum(p for labels, p in alignments(i, n, merge) if labels == ROWS[i]))
        for i, n in enumerate(LENGTHS)
    ]
    np.testing.assert_allclose(evaluate(loss), expected, rtol=1e-9)


@pytest.mark.parametrize("merge", [True, False])
def test_gradient(merge):
    x = tf.placeholder(tf.float64, LOGITS.shape)
    weights = np.array([1.0, -2.0, 3.0])
    loss = tf.nn.ctc_loss(sparse(ROWS), x, LENGTHS, ctc_merge_repeated=merge) * weights
    slope, direction = tf.gradients(loss, x)[0], np.random.default_rng(2).normal(size=LOGITS.shape)
    with tf.Session() as session:
        ends = [session.run(loss, {x: LOGITS + e * direction}).sum() for e in (1e-5, -1e-5)]
        along = (session.run(slope, {x: LOGITS}) * direction).sum()
    assert along == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_there_is_no_gradient_past_the_end():
    x = tf.constant(LOGITS)
    slope = evaluate(tf.gradients(tf.nn.ctc_loss(sparse(ROWS), x, LENGTHS), x)[0])
    assert not slope[4:, 1].any()
    assert not slope[3:, 2].any()
    with pytest.raises(tf.errors.UnimplementedError, match="no second derivative"):
        tf.hessians(tf.reduce_sum(tf.nn.ctc_loss(sparse(ROWS), x, LENGTHS)), x)


def test_loss_of_the_forms_that_inputs_take():
    base = evaluate(tf.nn.ctc_loss(sparse(ROWS), LOGITS, LENGTHS))
    x = tf.constant(LOGITS.swapaxes(0, 1).astype(np.float32))
    other = evaluate(
        tf.nn.ctc_loss(sparse(ROWS), sequence_length=LENGTHS, time_major=False, logits=x)
    )
    assert other.dtype == np.float32
    np.testing.assert_allclose(other, base, rtol=1e-5)
    blanks = [[*row, 3] for row in ROWS]  # fill the rows
    assert (evaluate(tf.nn.ctc_loss(sparse(blanks), LOGITS, LENGTHS)) == base).all()
    collapsed = tf.nn.ctc_loss(sparse(ROWS), LOGITS, LENGTHS, preprocess_collapse_repeated=True)
    merged = tf.nn.ctc_loss(sparse([[0, 1], [2], [1]]), LOGITS, LENGTHS)
    assert (evaluate(collapsed) == evaluate(merged)).all()


def test_labels_that_do_not_fit():
    x, rows = tf.constant(LOGITS), [[0, 1, 2, 0, 1, 2], [2, 2], [0, 0, 0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="6 labels of sequence 0"):
        evaluate(tf.nn.ctc_loss(sparse(rows), x, LENGTHS))
    loss = tf.nn.ctc_loss(sparse(rows), x, LENGTHS, ignore_longer_outputs_than_inputs=True)
    values, slope = evaluate([loss, tf.gradients(loss, x)[0]])
    assert values[0] == 0
    assert np.isfinite(values[1])
    assert values[2] == np.inf  # three equal labels need five steps
    assert not slope[:, [0, 2]].any()
    assert slope[:, 1].any()


@pytest.mark.parametrize(
    ("rows", "says"),
    [([[0], [4], [1]], r"sequence 1 are \[4\]"), ([[0], [1], [3, 1]], "sequence 2 are"),
     ([[0], [1], [-1]], "sequence 2 are"), ([[0], [], [1]], "sequence 1 of the batch has no")],
)  # fmt: skip
def test_wrong_labels_are_named(rows, says):
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        evaluate(tf.nn.ctc_loss(sparse(rows), LOGITS, LENGTHS))


def test_lengths_over_the_steps():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"sequence_length\(1\) is 6, of 5"):
        evaluate(tf.nn.ctc_greedy_decoder(LOGITS, np.array([5, 6, 1])))


def test_greedy_decoder():
    x = np.full((5, 2, 3), -1.0)
    for row, path in enumerate([[0, 0, 2, 0, 1], [1, 1, 1, 2, 2]]):
        x[np.arange(5), row, path] = 2.0
    lengths = np.array([5, 4])
    [found], scores = evaluate(tf.nn.ctc_greedy_decoder(x, lengths))
    assert found.indices.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert found.values.tolist() == [0, 0, 1, 1]
    assert found.dense_shape.tolist() == [2, 3]
    assert scores.tolist() == [[-10.0], [-8.0]]
    [found], _ = evaluate(tf.nn.ctc_greedy_decoder(x, lengths, merge_repeated=False))
    assert found.values.tolist() == [0, 0, 0, 1, 1, 1, 1]
    [found], _ = evaluate(tf.nn.ctc_greedy_decoder(x, lengths, blank_index=0))
    assert found.values.tolist() == [2, 1, 1, 2]


def test_beam_search_finds_the_best_labellings():
    found, scores = evaluate(tf.nn.ctc_beam_search_decoder_v2(LOGITS, LENGTHS, 500, 3))
    for row, length in enumerate(LENGTHS):
        total = {}
        for labels, p in alignments(row, length):
            total[tuple(labels)] = total.get(tuple(labels), 0) + p
        best = sorted(total, key=total.get, reverse=True)[:3]
        mine = [tuple(f.values[f.indices[:, 0] == row].tolist()) for f in found]
        assert mine == best
        np.testing.assert_allclose(scores[row], np.log([total[b] for b in best]), rtol=1e-9)
    # Few beams do worse, never better.
    _, narrow = evaluate(tf.nn.ctc_beam_search_decoder(LOGITS, LENGTHS, beam_width=2))
    assert (narrow[:, 0] <= scores[:, 0] + 1e-12).all()


def test_beam_search_merges_what_blanks_parted():
    x = np.full((3, 1, 2), -9.0)
    x[[0, 1, 2], 0, [0, 1, 0]] = 9.0
    [parted], _ = evaluate(tf.nn.ctc_beam_search_decoder(x, [3], merge_repeated=False))
    [merged], _ = evaluate(tf.nn.ctc_beam_search_decoder(x, [3]))
    assert (parted.values.tolist(), merged.values.tolist()) == ([0, 0], [0])


@pytest.mark.parametrize("blank", [0, 2, 3, -1])
@pytest.mark.parametrize("time_major", [True, False])
@pytest.mark.parametrize("dense", [True, False])
def test_the_blank_may_be_any_class(blank, time_major, dense):
    # Class c of ROWS stands where the blank leaves a place for it.
    place = blank % CLASSES
    order = [c for c in range(CLASSES) if c != place] + [place]
    moved = np.empty_like(LOGITS)
    moved[..., order] = LOGITS
    rows = [[order[c] for c in row] for row in ROWS]
    table = np.zeros((BATCH, 3), np.int32)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    x = tf.constant(moved if time_major else moved.transpose(1, 0, 2))
    labels, lengths = (table, [3, 2, 1]) if dense else (sparse(rows), None)
    given = None if dense and blank == 0 else blank
    loss = tf.nn.ctc_loss_v2(labels, x, lengths, LENGTHS, time_major, blank_index=given)
    known = tf.nn.ctc_loss(sparse(ROWS), tf.constant(LOGITS), LENGTHS)
    found, wanted, slope = evaluate([loss, known, tf.gradients(loss, x)[0]])
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert slope.shape == x.shape


def test_what_the_blank_and_labels_must_say():
    with pytest.raises(ValueError, match="give blank_index"):
        tf.nn.ctc_loss_v2(sparse(ROWS), LOGITS, None, LENGTHS)
    with pytest.raises(ValueError, match="has label_length"):
        tf.nn.ctc_loss_v2(np.zeros((3, 2), np.int32), LOGITS, None, LENGTHS)
    with pytest.raises(ValueError, match="number of classes must be known"):
        tf.nn.ctc_loss_v2(sparse(ROWS), tf.placeholder(tf.float32), None, LENGTHS, blank_index=0)


def test_a_recognizer_learns_its_sequence():
    tf.set_random_seed(1)
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 8, 5)))
    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(12), x, dtype=tf.float64)
    logits = tf.transpose(tf.layers.dense(outputs, 4), [1, 0, 2])
    loss = tf.reduce_mean(tf.nn.ctc_loss(sparse([[0, 2, 2, 1]]), logits, [8]))
    train = tf.train.AdamOptimizer(0.05).minimize(loss)
    [decoded], _ = tf.nn.ctc_beam_search_decoder(logits, [8], merge_repeated=False)
    mistakes = tf.edit_distance(tf.cast(decoded, tf.int32), sparse([[0, 2, 2, 1]]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(80):
            session.run(train)
        assert session.run([loss, mistakes]) == [pytest.approx(0, abs=0.1), [0.0]]


@pytest.mark.parametrize(
    ("function", "parameters"),
    [(tf.nn.ctc_loss_v2, "labels logits label_length logit_length logits_time_major unique "
      "blank_index name"),
     (tf.nn.ctc_loss, "labels inputs sequence_length preprocess_collapse_repeated "
      "ctc_merge_repeated ignore_longer_outputs_than_inputs time_major logits"),
     (tf.nn.ctc_greedy_decoder, "inputs sequence_length merge_repeated blank_index"),
     (tf.nn.ctc_beam_search_decoder, "inputs sequence_length beam_width top_paths merge_repeated")],
)  # fmt: skip
def test_parameters_stand_in_the_order_of_tensorflow(function, parameters):
    assert list(inspect.signature(function).parameters) == parameters.split()
