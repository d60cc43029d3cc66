"""Candidate samplers, and the losses over sampled classes."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

CLASSES, DIM = 20, 4
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(CLASSES, DIM))
BIASES = RNG.normal(size=CLASSES)
INPUTS = RNG.normal(size=(3, DIM))
LABELS = np.array([[1, 3], [5, 2], [19, 0]])
SAMPLED = (np.array([5, 1, 7, 8]), np.full((3, 2), 0.25), np.array([0.4, 0.3, 0.2, 0.1]))


def zipf(classes):
    return np.log((classes + 2) / (classes + 1)) / np.log(CLASSES + 1)


@pytest.mark.parametrize(
    ("sampler", "probability"),
    [
        (tf.nn.log_uniform_candidate_sampler, zipf),
        (tf.nn.uniform_candidate_sampler, lambda c: np.full(c.shape, 1 / CLASSES)),
    ],
)
def test_samplers_draw_and_expect_alike(sampler, probability):
    repeated = sampler(LABELS, 2, 4000, False, CLASSES, seed=3)
    unique = sampler(LABELS, 2, 6, True, CLASSES, seed=3)
    with tf.Session() as session:
        drawn, of_true, of_drawn = session.run(repeated)
        found = [session.run(unique) for _ in range(50)]
    assert drawn.dtype == np.int64
    assert of_true.dtype == np.float32
    np.testing.assert_allclose(of_true, 4000 * probability(LABELS), rtol=1e-5)
    np.testing.assert_allclose(of_drawn, 4000 * probability(drawn), rtol=1e-5)
    expected = 4000 * probability(np.arange(CLASSES))
    assert np.all(np.abs(np.bincount(drawn, minlength=CLASSES) - expected) < 6 * expected**0.5)
    for classes, of_true, of_drawn in found:
        assert len(set(classes)) == 6
        assert classes.min() >= 0
        assert classes.max() < CLASSES
        # 1 - (1 - p)**tries, with a common number of tries.
        both = np.concatenate([of_true.ravel(), of_drawn])
        p = probability(np.concatenate([LABELS.ravel(), classes]))
        tries = np.log1p(-both.astype(float)) / np.log1p(-p)
        np.testing.assert_allclose(tries, np.round(tries[0]), rtol=1e-3)


def test_unigrams_are_drawn_in_proportion(tmp_path):
    counts = tmp_path / "counts.csv"
    counts.write_text("a,1\nb,3\nc,0\n")
    given = {"num_true": 1, "num_sampled": 4000, "unique": False, "range_max": 4}
    with tf.Session() as session:
        drawn, of_true, _ = session.run(
            tf.nn.fixed_unigram_candidate_sampler(
                [[2]], vocab_file=str(counts), num_reserved_ids=1, **given
            )
        )
    assert set(drawn) == {1, 2}
    np.testing.assert_allclose(of_true, [[3000]])
    assert abs(np.count_nonzero(drawn == 2) - 3000) < 6 * 750**0.5


def logits():
    """Return logits [batch, true + sampled] by the formula, the sampled ones as they are."""
    sampled, of_true, of_sampled = SAMPLED
    true = np.einsum("bd,btd->bt", INPUTS, WEIGHTS[LABELS]) + BIASES[LABELS] - np.log(of_true)
    return true, INPUTS @ WEIGHTS[sampled].T + BIASES[sampled] - np.log(of_sampled)


def given_samples():
    return tuple([tf.constant(s) for s in SAMPLED])


def test_nce_loss_is_the_formula():
    loss = tf.nn.nce_loss(WEIGHTS, BIASES, LABELS, INPUTS, 4, CLASSES, 2, given_samples())
    true, sampled = logits()
    expected = (np.logaddexp(0, true) - true / 2).sum(1) + np.logaddexp(0, sampled).sum(1)
    assert loss.shape == (3,)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(loss), expected)


def test_sampled_softmax_leaves_out_accidental_hits():
    loss = tf.nn.sampled_softmax_loss(
        WEIGHTS, BIASES, LABELS, INPUTS, 4, CLASSES, 2, given_samples()
    )
    true, sampled = logits()
    sampled[0, 1] = sampled[1, 0] = -np.inf
    both = np.concatenate([true, sampled], 1)
    expected = np.logaddexp.reduce(both, axis=1) - true.mean(1)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(loss), expected)
        hits = session.run(tf.nn.compute_accidental_hits(LABELS, SAMPLED[0], 2))
    np.testing.assert_array_equal(hits.indices, [0, 1])
    np.testing.assert_array_equal(hits.ids, [1, 0])
    assert np.all(hits.weights < -1e38)


def test_word2vec_learns():
    """Words that stand together get nearer; the loss over sampled classes sinks."""
    tf.set_random_seed(1)
    embeddings = tf.Variable(tf.random_uniform([10, 8], -1.0, 1.0))
    weights = tf.Variable(tf.truncated_normal([10, 8], stddev=0.3))
    words, near = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None, 1])
    loss = tf.reduce_mean(
        tf.nn.nce_loss(
            weights=weights, biases=tf.Variable(tf.zeros([10])), labels=near,
            inputs=tf.nn.embedding_lookup(embeddings, words), num_sampled=3, num_classes=10,
        )
    )  # fmt: skip
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    feed = {words: np.arange(10), near: (np.arange(10)[:, None] + 5) % 10}
    with tf.Session() as session:
        losses = [session.run([loss, train], feed)[0] for _ in range(150)]
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])


def test_misuse():
    with pytest.raises(tf.errors.InvalidArgumentError, match="no 5 different classes of 4"):
        tf.nn.uniform_candidate_sampler([[0]], 1, 5, True, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="true_classes must be"):
        tf.nn.uniform_candidate_sampler([[0]], 2, 3, True, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one of vocab_file and unigrams"):
        tf.nn.fixed_unigram_candidate_sampler([[0]], 1, 3, True, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 classes are given"):
        tf.nn.fixed_unigram_candidate_sampler([[0]], 1, 3, True, 4, unigrams=[1, 2])


def test_the_shape_of_what_is_expected_is_known():
    sampled = tf.nn.uniform_candidate_sampler(tf.placeholder(tf.int64), 2, 3, True, 9)
    assert sampled.true_expected_count.shape.as_list() == [None, 2]
    every = tf.nn.all_candidate_sampler(tf.placeholder(tf.int64), 2, 3, True)
    assert every.true_expected_count.shape.as_list() == [None, 2]
