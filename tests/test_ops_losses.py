"""Losses: extremes, labels out of range, gradients into labels and logits."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError
from tfmini.ops import losses

rng = np.random.default_rng(4)
LOGITS = rng.uniform(-2, 2, (3, 4))
LABELS = np.exp(LOGITS[::-1]) / np.exp(LOGITS[::-1]).sum(1, keepdims=True)


def dense(labels: object, logits: object, **kwargs: object) -> tf.Tensor:
    return losses.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits, **kwargs)


def sparse(labels: object, logits: object) -> tf.Tensor:
    return losses.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def test_gradients_of_dense_cross_entropy() -> None:
    # One input at a time: that for the logits takes labels to be distributions, as TensorFlow's.
    assert_gradient(lambda x: dense(tf.convert_to_tensor(LABELS), x), LOGITS)
    assert_gradient(lambda z: dense(z, tf.convert_to_tensor(LOGITS)), LABELS)


def test_gradients_of_other_losses() -> None:
    assert_gradient(lambda x: sparse(tf.convert_to_tensor(np.array([1, 0, 3])), x), LOGITS)
    assert_gradient(
        lambda z, x: losses.sigmoid_cross_entropy_with_logits(labels=z, logits=x), LABELS, LOGITS
    )
    assert_gradient(
        lambda z, x: losses.weighted_cross_entropy_with_logits(labels=z, logits=x, pos_weight=2.5),
        LABELS, LOGITS,
    )  # fmt: skip
    assert_gradient(losses.log_poisson_loss, 2 + LABELS, LOGITS, compute_full_loss=True)
    assert_gradient(losses.l2_loss, LOGITS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits(dtype: str) -> None:
    x = np.array([[1000.0, -1000.0, 0.0]] * 3, dtype)
    one_hot = np.eye(3, dtype=dtype)
    expected = [0, 2000, 1000]
    np.testing.assert_array_equal(run(dense, one_hot, x), expected)
    np.testing.assert_array_equal(run(sparse, np.arange(3), x), expected)
    assert run(dense, one_hot, x).dtype == dtype
    slope = grad(sparse, np.arange(3), x)
    np.testing.assert_array_equal(slope, [[0, 0, 0], [1, -1, 0], [1, 0, -1]])


def test_extreme_sigmoids() -> None:
    x = np.array([1000.0, -1000.0, 0.0, 1000.0], np.float32)
    z = np.array([1.0, 0.0, 0.5, 0.0], np.float32)
    function = lambda z, x: losses.sigmoid_cross_entropy_with_logits(labels=z, logits=x)  # noqa: E731
    np.testing.assert_allclose(run(function, z, x), [0, 0, np.log(2), 1000], rtol=1e-6)
    assert np.isfinite(grad(function, z, x)).all()


@pytest.mark.parametrize("label", [-1, 4])
def test_labels_out_of_range_are_an_error(label: int) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"label {label} .*\[0, 4\)"):
        run(sparse, np.array([0, label, 1]), LOGITS)


def test_bad_shapes_and_dtypes() -> None:
    logits = tf.placeholder(tf.float32, [3, 4])
    for labels in (tf.placeholder(tf.int32, [2]), tf.placeholder(tf.int32, [3, 4]),
                   tf.placeholder(tf.float32, [3])):  # fmt: skip
        with pytest.raises(InvalidArgumentError, match="labels"):
            sparse(labels, logits)
    with pytest.raises(InvalidArgumentError, match="broadcast"):
        dense(tf.placeholder(tf.float32, [3, 5]), logits)
    with pytest.raises(InvalidArgumentError, match="must be equal"):
        losses.sigmoid_cross_entropy_with_logits(
            labels=tf.placeholder(tf.float32, [3]), logits=logits
        )


def test_arguments_must_be_named() -> None:
    for function in (losses.softmax_cross_entropy_with_logits,
                     losses.sparse_softmax_cross_entropy_with_logits,
                     losses.sigmoid_cross_entropy_with_logits):  # fmt: skip
        with pytest.raises(ValueError, match="named arguments"):
            function(LABELS, LOGITS)


def test_mismatched_shapes_that_show_when_they_run() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        labels, logits = tf.placeholder(tf.int32), tf.placeholder(tf.float32)
        loss = sparse(labels, logits)
        with pytest.raises(InvalidArgumentError, match="labels"):
            session.run(loss, {labels: [1, 2], logits: LOGITS})


def test_the_first_version_stops_the_gradient_into_labels() -> None:
    with tf.Graph().as_default():
        z, x = tf.placeholder(tf.float64, [3, 4]), tf.placeholder(tf.float64, [3, 4])
        loss = losses.softmax_cross_entropy_with_logits(labels=z, logits=x)
        assert gradients(loss, [z, x], unconnected_gradients="none")[0] is None
        loss = dense(z, x)
        assert None not in gradients(loss, [z, x], unconnected_gradients="none")


def test_labels_take_the_dtype_of_logits() -> None:
    for labels in (LABELS, np.eye(4, dtype=np.int64)[:3]):
        assert run(dense, labels, LOGITS.astype(np.float32)).dtype == np.float32


def test_another_axis() -> None:
    expected = run(dense, LABELS, LOGITS)
    np.testing.assert_allclose(run(dense, LABELS.T, LOGITS.T, axis=0), expected)
    np.testing.assert_allclose(run(dense, LABELS, LOGITS, dim=1), expected)
    batch = [np.stack([a, a[::-1]]) for a in (LABELS, LOGITS)]
    np.testing.assert_allclose(run(dense, *batch), [expected, expected[::-1]])


def test_labels_broadcast() -> None:
    expected = run(dense, np.tile(LABELS[:1], (3, 1)), LOGITS)
    np.testing.assert_allclose(run(dense, LABELS[:1], LOGITS), expected)
    assert_gradient(lambda z: dense(z, tf.convert_to_tensor(LOGITS)), LABELS[:1])


def test_empty_batches() -> None:
    assert run(dense, np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)
    assert run(sparse, np.zeros(0, int), np.zeros((0, 4))).shape == (0,)


def test_backprop_shares_the_exponentials() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4])
        gradients(sparse([0, 1], x), [x])
        types = [n.type for n in graph.operations]
    assert not {"Exp", "Softmax", "LogSoftmax"} & set(types)


def test_half_sum_of_squares_of_half_floats() -> None:
    x = np.full(5000, 3.0, np.float16)
    result = run(losses.l2_loss, x)
    assert result.dtype == np.float16
    assert result == 22500


def test_sigmoid_cross_entropy_of_what_turns_out_to_broadcast() -> None:
    """As in TensorFlow: only known shapes must be equal."""
    labels, logits = tf.placeholder(tf.float64, [1]), tf.placeholder(tf.float64, [None])
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    assert loss.shape.as_list() == [None]
    with tf.Session() as session:
        x = np.linspace(-2.0, 2.0, 5)
        found = session.run(tf.reduce_mean(loss), {labels: [1.0], logits: x})
        assert found == pytest.approx(np.log1p(np.exp(-x)).mean())


@pytest.mark.parametrize(
    ("labels", "logits"),
    [((1, 3), (4, 3)), ((3,), (2, 3)), ((6, 3), (2, 3, 3)), ((1, 3), (2, 2, 3))],
)
@pytest.mark.parametrize("known", [True, False])
def test_softmax_cross_entropy_of_one_row_of_labels_or_as_many(labels, logits, known) -> None:
    rng = np.random.default_rng(0)
    given, z = rng.random(labels), rng.standard_normal(logits)
    x = tf.placeholder(tf.float64, labels if known else None)
    y = tf.placeholder(tf.float64, logits if known else None)
    loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=x, logits=y)
    rows = np.broadcast_to(given.reshape(-1, 3), (z.size // 3, 3)).reshape(z.shape)
    expected = (rows * (np.log(np.exp(z).sum(-1, keepdims=True)) - z)).sum(-1)
    with tf.Session() as session:
        fed = {x: given, y: z}
        np.testing.assert_allclose(session.run(loss, fed), expected)
        d_labels, _ = session.run(tf.gradients(loss, [x, y]), fed)
        slope = np.log(np.exp(z).sum(-1, keepdims=True)) - z
        slope = slope.reshape(-1, 3) if rows.size == given.size else slope.reshape(-1, 3).sum(0)
        np.testing.assert_allclose(d_labels, slope.reshape(labels))


def test_softmax_cross_entropy_of_more_labels_than_logits_is_refused() -> None:
    x, y = tf.placeholder(tf.float64), tf.placeholder(tf.float64)
    loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=x, logits=y)
    with tf.Session() as session:
        for labels, logits in [((4, 3), (1, 3)), ((2, 3), (4, 2, 3)), ((), (2, 3))]:
            with pytest.raises(InvalidArgumentError, match="one row or as many"):
                session.run(loss, {x: np.ones(labels), y: np.ones(logits)})
