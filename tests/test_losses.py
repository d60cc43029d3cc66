"""``tf.losses``: formulas, weights and reductions against NumPy, and the collections."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf

RNG = np.random.default_rng(0)
P = RNG.uniform(0.1, 0.9, (4, 3)).astype(np.float32)
Z = (RNG.random((4, 3)) > 0.5).astype(np.float32)
WEIGHTS = [1.0, 2.0, 0.0, np.array([[1.0], [0.0], [2.0], [0.0]]), RNG.integers(0, 2, (4, 3))]


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


ELEMENTWISE = {
    "absolute_difference": lambda z, p: np.abs(p - z),
    "mean_squared_error": lambda z, p: (p - z) ** 2,
    "hinge_loss": lambda z, p: np.maximum(0, 1 - (2 * z - 1) * p),
    "log_loss": lambda z, p: -z * np.log(p) - (1 - z) * np.log(1 - p),
    "huber_loss": lambda z, p: (p - z) ** 2 / 2,
    "sigmoid_cross_entropy": lambda z, p: np.log1p(np.exp(p)) - z * p,
}


@pytest.mark.parametrize("weights", WEIGHTS, ids=["one", "two", "zero", "rows", "all"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_weights_and_reductions(name, weights):
    losses = ELEMENTWISE[name](Z, P)
    w = np.broadcast_to(np.asarray(weights, np.float32), losses.shape)
    total, kinds = (losses * w).sum(), tf.losses.Reduction
    expected = {
        kinds.NONE: losses * w,
        kinds.SUM: total,
        kinds.MEAN: total / w.sum() if w.sum() else 0.0,
        kinds.SUM_OVER_BATCH_SIZE: total / losses.size,
        kinds.SUM_BY_NONZERO_WEIGHTS: total / np.count_nonzero(w) if w.any() else 0.0,
    }
    function = getattr(tf.losses, name)
    got = run({k: function(Z, tf.constant(P), weights=weights, reduction=k) for k in expected})
    for kind, value in expected.items():
        np.testing.assert_allclose(got[kind], value, rtol=1e-5, atol=1e-6, err_msg=kind)
    assert len(tf.losses.get_losses()) == len(expected)


def test_huber_beyond_delta():
    x = tf.constant([0.0, 0.5, 3.0])
    loss = tf.losses.huber_loss(tf.zeros([3]), x, delta=0.5, reduction="none")
    np.testing.assert_allclose(run(loss), [0.0, 0.125, 0.125 + 0.5 * 2.5])
    assert run(tf.gradients(loss, x))[0].tolist() == [0.0, 0.5, 0.5]


def softmax_loss(logits, labels):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return -(labels * np.log(e / e.sum(1, keepdims=True))).sum(1)


def test_cross_entropies():
    ids = np.array([0, 2, 1, 1])
    onehot = np.eye(3)[ids]
    expected = softmax_loss(P, onehot)
    a = tf.losses.softmax_cross_entropy(onehot, P)
    b = tf.losses.sparse_softmax_cross_entropy(ids, P)
    c = tf.losses.sparse_softmax_cross_entropy(ids[:, None], P, weights=[[1.0], [0], [0], [0]])
    smooth = tf.losses.softmax_cross_entropy(onehot, P, label_smoothing=0.3)
    names = [t.name for t in (a, b)]
    assert names == [
        "softmax_cross_entropy_loss/value:0", "sparse_softmax_cross_entropy_loss/value:0",
    ]  # fmt: skip
    a, b, c, smooth = run([a, b, c, smooth])
    np.testing.assert_allclose([a, b], expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(c, expected[0], rtol=1e-5)
    np.testing.assert_allclose(smooth, softmax_loss(P, onehot * 0.7 + 0.1).mean(), rtol=1e-5)


def test_cosine_distance():
    unit = P / np.linalg.norm(P, axis=1, keepdims=True)
    loss = tf.losses.cosine_distance(unit, unit[::-1].copy(), axis=1)
    np.testing.assert_allclose(run(loss), np.mean(1 - (unit * unit[::-1]).sum(1)), rtol=1e-5)
    with pytest.raises(ValueError, match="axis"):
        tf.losses.cosine_distance(unit, unit)


def test_mean_pairwise_squared_error():
    e = P - Z
    pairs = [((e[:, i] - e[:, j]) ** 2) for i in range(3) for j in range(i)]
    expected = np.sum(pairs) / 3  # of three pairs, summed over the batch
    np.testing.assert_allclose(
        run(tf.losses.mean_pairwise_squared_error(Z, P)), expected, rtol=1e-5
    )


def test_totals():
    tf.losses.mean_squared_error(Z, P)
    tf.losses.absolute_difference(Z, P, scope="other")
    tf.losses.hinge_loss(Z, P, loss_collection=None)
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(3.0))
    total, some, reg = run([
        tf.losses.get_total_loss(), tf.losses.get_total_loss(False, scope="other"),
        tf.losses.get_regularization_loss(),
    ])  # fmt: skip
    mse, mae = np.mean((P - Z) ** 2), np.mean(np.abs(P - Z))
    np.testing.assert_allclose([total, some, reg], [mse + mae + 3, mae, 3], rtol=1e-5)


def test_no_elements_give_no_nan():
    x = tf.placeholder(tf.float32, [None, 3])
    loss = tf.losses.mean_squared_error(x, tf.zeros_like(x))
    assert run(loss, {x: np.zeros((0, 3))}) == 0.0


def test_what_is_refused():
    x = tf.constant(P)
    with pytest.raises(ValueError, match="same shape"):
        tf.losses.mean_squared_error(Z[:, :2], x)
    with pytest.raises(ValueError, match="can not be broadcast"):
        tf.losses.mean_squared_error(Z, x, weights=tf.zeros([4]))
    with pytest.raises(ValueError, match="reduction='sum'"):
        tf.losses.mean_squared_error(Z, x, reduction="sum")
    with pytest.raises(ValueError, match="None"):
        tf.losses.mean_squared_error(None, x)
    with pytest.raises(ValueError, match="no loss"):
        tf.losses.get_total_loss()
    weights = tf.placeholder(tf.float32)
    loss = tf.losses.mean_squared_error(Z, x, weights=weights)
    with pytest.raises(tf.errors.InvalidArgumentError, match="can not be broadcast"):
        run(loss, {weights: np.zeros(4)})
