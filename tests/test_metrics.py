"""``tf.metrics``: values over several batches against NumPy, and where their variables are."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tfmini as tf

RNG = np.random.default_rng(0)
P = RNG.random((3, 8)).astype(np.float32)
Z = RNG.random((3, 8)) > 0.4
W = RNG.integers(0, 3, (3, 8)).astype(np.float32)
C, D = RNG.integers(0, 4, (2, 3, 8))


def streamed(function, *batches, weights=None, **attrs):
    """Return the last update and the value after all batches."""
    inputs = [tf.placeholder(b.dtype, [None, *b.shape[2:]]) for b in batches]
    w = None if weights is None else tf.placeholder(tf.float32, [None])
    value, update = function(*inputs, weights=w, **attrs)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        for i in range(len(batches[0])):
            feed = {x: b[i] for x, b in zip(inputs, batches, strict=True)}
            if w is not None:
                feed[w] = weights[i]
            last = sess.run(update, feed)
        return last, sess.run(value)


@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
def test_means(weights):
    w = np.ones_like(P) if weights is None else weights
    for function, batches, each in [
        (tf.metrics.mean, (P,), P),
        (tf.metrics.accuracy, (C, D), C == D),
        (tf.metrics.mean_absolute_error, (W, P), np.abs(W - P)),
        (tf.metrics.mean_squared_error, (W, P), (W - P) ** 2),
    ]:
        expected = (each * w).sum() / w.sum()
        got = streamed(function, *batches, weights=weights)
        np.testing.assert_allclose(got, [expected] * 2, rtol=1e-5)
    root = streamed(tf.metrics.root_mean_squared_error, W, P, weights=weights)
    np.testing.assert_allclose(root, [np.sqrt(((W - P) ** 2 * w).sum() / w.sum())] * 2, rtol=1e-5)
    below = streamed(tf.metrics.percentage_below, P, threshold=0.4, weights=weights)
    np.testing.assert_allclose(below, [((P < 0.4) * w).sum() / w.sum()] * 2, rtol=1e-5)


@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
def test_counts_and_shares(weights):
    w = np.ones_like(P) if weights is None else weights
    guess = P > 0.5
    tp, fp = (w * (Z & guess)).sum(), (w * (~Z & guess)).sum()
    tn, fn = (w * (~Z & ~guess)).sum(), (w * (Z & ~guess)).sum()
    expected = {
        "true_positives": tp, "false_positives": fp, "true_negatives": tn, "false_negatives": fn,
        "precision": tp / (tp + fp), "recall": tp / (tp + fn),
    }  # fmt: skip
    for name, value in expected.items():
        got = streamed(getattr(tf.metrics, name), Z, guess, weights=weights)
        np.testing.assert_allclose(got, [value] * 2, rtol=1e-6, err_msg=name)
        at = streamed(
            getattr(tf.metrics, f"{name}_at_thresholds"), Z, P, thresholds=[0.5, 1.0],
            weights=weights,
        )  # fmt: skip
        np.testing.assert_allclose(at[1][0], value, rtol=1e-6, err_msg=name)


def test_area_below_the_curve():
    pairs = P.ravel()[Z.ravel()][:, None], P.ravel()[~Z.ravel()]
    exact = np.mean((pairs[0] > pairs[1]) + 0.5 * (pairs[0] == pairs[1]))
    got = streamed(tf.metrics.auc, Z, P, num_thresholds=2000)
    np.testing.assert_allclose(got, [exact] * 2, atol=1e-2)
    low, _ = streamed(tf.metrics.auc, Z, P, curve="PR", summation_method="minoring")
    high, _ = streamed(tf.metrics.auc, Z, P, curve="PR", summation_method="majoring")
    middle, _ = streamed(tf.metrics.auc, Z, P, curve="PR", summation_method="careful_interpolation")
    assert low < middle < high
    with pytest.raises(ValueError, match="ROC"):
        tf.metrics.auc(Z[0], P[0], curve="roc")


def test_sensitivity_and_specificity():
    thresholds = np.linspace(0, 1, 200)
    sensitivity = np.array([(P[Z] > t).mean() for t in thresholds])
    specificity = np.array([(P[~Z] <= t).mean() for t in thresholds])
    got = streamed(tf.metrics.sensitivity_at_specificity, Z, P, specificity=0.6)
    first = np.abs(specificity - 0.6).argmin()
    np.testing.assert_allclose(got, [sensitivity[first]] * 2, rtol=1e-5)
    got = streamed(tf.metrics.specificity_at_sensitivity, Z, P, sensitivity=0.6)
    distance = np.abs(sensitivity - 0.6)
    last = np.flatnonzero(distance == distance.min())[-1]
    np.testing.assert_allclose(got, [specificity[last]] * 2, rtol=1e-5)


def test_classes():
    hits = np.array([[(k == C).sum(), ((k == C) & (k == D)).sum()] for k in range(4)])
    _, value = streamed(tf.metrics.mean_per_class_accuracy, C, D, num_classes=4)
    np.testing.assert_allclose(value, np.mean(hits[:, 1] / hits[:, 0]), rtol=1e-6)
    union = np.array([((k == C) | (k == D)).sum() for k in range(4)])
    matrix, value = streamed(tf.metrics.mean_iou, C, D, num_classes=5)
    np.testing.assert_allclose(value, np.mean(hits[:, 1] / union), rtol=1e-6)
    assert matrix.shape == (5, 5)
    assert matrix.sum() == C.size
    assert matrix[1, 2] == ((C == 1) & (D == 2)).sum()


def test_recall_and_precision_of_the_best():
    scores = RNG.random((3, 8, 5)).astype(np.float32)
    labels = np.stack([C, D], -1)
    best = np.argsort(-scores, -1)[..., :2]
    both = [len(set(a) & set(b)) for a, b in zip(labels.reshape(-1, 2), best.reshape(-1, 2),
                                                 strict=True)]  # fmt: skip
    wanted = sum(len(set(a)) for a in labels.reshape(-1, 2))
    _, recall = streamed(tf.metrics.recall_at_k, labels, scores, k=2)
    _, precision = streamed(tf.metrics.precision_at_k, labels, scores, k=2)
    assert recall == pytest.approx(sum(both) / wanted)
    assert precision == pytest.approx(sum(both) / best.size * 1.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_average_precision(weighted):
    """Rows of two batches; labels that are no classes do not count, repeated ones do."""
    k, n = 3, 4
    scores = RNG.random((2, 6, 5)).astype(np.float32)
    labels = RNG.integers(-1, 6, (2, 6, n))
    labels[..., 0] = 2
    rows = RNG.integers(0, 3, (2, 6)).astype(np.float32)
    each = np.zeros((2, 6))
    for i in np.ndindex(2, 6):
        right = [b in labels[i] for b in np.argsort(-scores[i])[:k]]
        each[i] = sum(sum(right[: j + 1]) / (j + 1) for j in range(k) if right[j])
        each[i] /= min(k, np.sum((labels[i] >= 0) & (labels[i] < 5)))
    assert len(set(each.ravel())) > 3
    weights = rows if weighted else None
    got = streamed(tf.metrics.average_precision_at_k, labels, scores, k=k, weights=weights)
    np.testing.assert_allclose(got, [np.average(each, weights=weights)] * 2, rtol=1e-6)
    one = streamed(tf.metrics.average_precision_at_k, labels[:, :, 0], scores, k=1)
    first = np.mean(labels[:, :, 0] == scores.argmax(-1))
    np.testing.assert_allclose(one, [first] * 2)
    assert tf.metrics.sparse_precision_at_k is tf.metrics.precision_at_k


def test_variables_are_local_and_collected():
    value, update = tf.metrics.accuracy(
        [1, 2], [1, 3], metrics_collections=["m"], updates_collections=["u"], name="acc"
    )
    assert [v.name for v in tf.local_variables()] == ["acc/total:0", "acc/count:0"]
    assert tf.global_variables() == []
    assert tf.get_collection(tf.GraphKeys.METRIC_VARIABLES) == tf.local_variables()
    assert (tf.get_collection("m"), tf.get_collection("u")) == ([value], [update])
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        # The value is that at the start of the run; the update's is the new one.
        assert sess.run([value, update]) == [0.0, 0.5]


def test_what_is_refused():
    with pytest.raises(ValueError, match="same shape"):
        tf.metrics.accuracy(tf.zeros([2]), tf.zeros([3]))
    x = tf.placeholder(tf.float32, [None])
    _, update = tf.metrics.auc(tf.constant([True]), x)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be in \[0, 1\]"):
            sess.run(update, {x: [1.5]})


def test_contrib_takes_predictions_first():
    metrics = tf.contrib.metrics
    for name in metrics.__all__:
        of_pairs = not any(w in name for w in ("mean", "percent", "curve", "concat", "top_k"))
        if name.startswith("streaming_") and of_pairs:
            assert list(inspect.signature(getattr(metrics, name)).parameters)[:2] == [
                "predictions", "labels"]  # fmt: skip
    recall = streamed(metrics.streaming_recall, Z, P > 0.5)
    assert recall == streamed(tf.metrics.recall, P > 0.5, Z)
    assert recall != streamed(tf.metrics.recall, Z, P > 0.5)
    precision = streamed(metrics.streaming_precision, P > 0.5, Z, weights=W)
    assert precision == streamed(tf.metrics.recall, P > 0.5, Z, weights=W)
    assert tf.contrib.slim.metrics is metrics


def test_metrics_of_contrib_together():
    found = {"hits": (1, 2), "misses": (3, 4)}
    values, updates = tf.contrib.metrics.aggregate_metric_map(found)
    assert (values, updates) == ({"hits": 1, "misses": 3}, {"hits": 2, "misses": 4})
    assert tf.contrib.metrics.aggregate_metrics(*found.values()) == ([1, 3], [2, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one"):
        tf.contrib.metrics.aggregate_metrics()


def test_accuracy_of_one_batch():
    accuracy = tf.contrib.metrics.accuracy
    guess, truth = tf.constant([1, 2, 3, 4]), tf.constant([1, 0, 3, 0])
    weights = [1.0, 2.0, 0.0, 1.0]
    with tf.Session() as session:
        assert session.run(accuracy(guess, truth)) == 0.5
        assert session.run(accuracy(guess, truth, weights)) == 0.25
        assert session.run(accuracy(guess, truth, 2.0)) == 0.5
        assert np.isnan(session.run(accuracy(guess, truth, [0.0] * 4)))
    with pytest.raises(ValueError, match=r"tf\.cast"):
        accuracy(guess, tf.cast(truth, tf.int64))
