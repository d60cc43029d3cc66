"""tf.contrib.crf: against all tags one by one; and training."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tfmini as tf

crf = tf.contrib.crf
RNG = np.random.default_rng(0)
BATCH, STEPS, TAGS = 4, 4, 3
SCORES = RNG.normal(size=(BATCH, STEPS, TAGS))
TRANSITIONS = RNG.normal(size=(TAGS, TAGS))
CHOSEN = RNG.integers(0, TAGS, (BATCH, STEPS))
LENGTHS = np.array([4, 2, 1, 3])


def evaluate(fetches, feed=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def score(row, tags):
    alone = sum(SCORES[row, t, tag] for t, tag in enumerate(tags))
    return alone + sum(TRANSITIONS[a, b] for a, b in itertools.pairwise(tags))


def of_all(row):
    paths = list(itertools.product(range(TAGS), repeat=LENGTHS[row]))
    return paths, np.array([score(row, path) for path in paths])


def test_likelihoods_are_scores_over_those_of_all_tags():
    likelihood, transitions = crf.crf_log_likelihood(SCORES, CHOSEN, LENGTHS, TRANSITIONS)
    assert transitions is TRANSITIONS
    found, total, norm = evaluate(
        [likelihood, crf.crf_sequence_score(SCORES, CHOSEN, LENGTHS, TRANSITIONS),
         crf.crf_log_norm(SCORES, LENGTHS, TRANSITIONS)]
    )  # fmt: skip
    own = [score(row, CHOSEN[row, :n]) for row, n in enumerate(LENGTHS)]
    every = [np.log(np.exp(of_all(row)[1]).sum()) for row in range(BATCH)]
    np.testing.assert_allclose(total, own)
    np.testing.assert_allclose(norm, every)
    np.testing.assert_allclose(found, np.subtract(own, every))


def test_the_norm_of_no_steps_is_0():
    assert evaluate(crf.crf_log_norm(SCORES, LENGTHS * 0, TRANSITIONS)).tolist() == [0] * BATCH


def test_the_best_tags():
    scores = tf.placeholder(tf.float64, [None, None, TAGS])
    tags, best = evaluate(crf.crf_decode(scores, TRANSITIONS, LENGTHS), {scores: SCORES})
    assert tags.dtype == np.int32
    for row, n in enumerate(LENGTHS):
        paths, values = of_all(row)
        assert tags[row].tolist() == [*paths[values.argmax()], *[0] * (STEPS - n)]
        assert best[row] == pytest.approx(values.max())
        found, value = crf.viterbi_decode(SCORES[row, :n], TRANSITIONS)
        assert (found, value) == (list(paths[values.argmax()]), pytest.approx(values.max()))


def test_sequences_of_one_step():
    one = SCORES[:, :1]
    tags, best = evaluate(crf.crf_decode(one, TRANSITIONS, [1] * BATCH))
    assert tags.tolist() == one.argmax(-1).tolist()
    assert best.tolist() == one.max((1, 2)).tolist()
    likelihood, _ = crf.crf_log_likelihood(one, CHOSEN[:, :1], [1] * BATCH, TRANSITIONS)
    softmax = np.exp(one[:, 0]) / np.exp(one[:, 0]).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        np.exp(evaluate(likelihood)), softmax[np.arange(BATCH), CHOSEN[:, 0]]
    )


def test_gradients_are_differences():
    x, w = tf.placeholder(tf.float64, SCORES.shape), tf.placeholder(tf.float64, TRANSITIONS.shape)
    likelihood, _ = crf.crf_log_likelihood(x, CHOSEN, LENGTHS, w)
    slopes = tf.gradients(likelihood, [x, w])
    ways = RNG.normal(size=SCORES.shape), RNG.normal(size=TRANSITIONS.shape)
    with tf.Session() as session:
        dx, dw = session.run(slopes, {x: SCORES, w: TRANSITIONS})
        ends = [
            session.run(likelihood, {x: SCORES + e * ways[0], w: TRANSITIONS + e * ways[1]}).sum()
            for e in (1e-5, -1e-5)
        ]
    along = (dx * ways[0]).sum() + (dw * ways[1]).sum()
    assert along == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)
    assert not dx[1, 2:].any()


def test_a_tagger_learns_transitions():
    tf.set_random_seed(0)
    tags = np.tile([[0, 1, 2, 0, 1, 2]], (2, 1))
    likelihood, transitions = crf.crf_log_likelihood(tf.zeros([2, 6, 3]), tags, [6, 5])
    assert [v.name for v in tf.trainable_variables()] == ["transitions:0"]
    loss = -tf.reduce_mean(likelihood)
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    start = np.zeros((2, 6, 3), np.float32)
    start[:, 0, 0] = 1
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(30):
            session.run(train)
        found, _ = session.run(crf.crf_decode(start, transitions, [6, 5]))
    assert found.tolist() == [[0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 0]]


def test_tensors_have_no_viterbi_path_yet():
    with pytest.raises(ValueError, match="use crf_decode"):
        crf.viterbi_decode(tf.zeros([2, 2]), TRANSITIONS)
