"""Bias, dropout, look-up, normalization: statistics, layouts, gradients, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError
from tfmini.ops import nn, normalization

rng = np.random.default_rng(5)


def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, shape)


def test_bias() -> None:
    x, b = draw(3, 4), draw(4)
    np.testing.assert_allclose(run(nn.bias_add, x, b), x + b)
    assert_gradient(nn.bias_add, x, b)
    image = draw(2, 4, 3, 3)
    np.testing.assert_allclose(
        run(nn.bias_add, image, b, data_format="NCHW"), image + b[:, None, None]
    )
    w = draw(4, 2)
    np.testing.assert_allclose(run(nn.xw_plus_b, x, w, draw(2) * 0), x @ w)
    assert_gradient(nn.xw_plus_b, x, w, draw(2))


@pytest.mark.parametrize(
    ("value", "bias", "message"),
    [([2, 3], [4], "one bias"), ([2, 3], [1, 3], "vector"), ([3], [3], "batch")],
)
def test_bad_bias(value: list, bias: list, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        nn.bias_add(tf.placeholder(tf.float32, value), tf.placeholder(tf.float32, bias))
    with pytest.raises(InvalidArgumentError, match="data_format"):
        nn.bias_add(tf.placeholder(tf.float32, [2, 3]), [1.0, 2.0, 3.0], data_format="XYZ")


def test_dropout_keeps_the_mean_and_masks_the_gradient() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        x, keep = tf.placeholder(tf.float32, [None, 50]), tf.placeholder(tf.float32)
        y = nn.dropout(x, keep)
        slope = gradients(y, [x])[0]
        values = session.run([y, slope], {x: np.ones((200, 50)), keep: 0.8})
        np.testing.assert_array_equal(*values)
        kept = values[0][values[0] != 0]
        np.testing.assert_allclose(kept, 1.25)
        assert values[0].mean() == pytest.approx(1.0, abs=0.03)
        assert values[0].dtype == np.float32


def test_dropout_with_shared_fates() -> None:
    x = np.ones((50, 3, 4))
    y = run(lambda t: nn.dropout(t, rate=0.5, noise_shape=[None, 1, 4], seed=1), x)
    assert (y == y[:, :1]).all()
    assert 0 < np.count_nonzero(y[:, 0]) < 200


def test_dropout_of_nothing() -> None:
    x = tf.placeholder(tf.float32, [2])
    assert nn.dropout(x, rate=0.0) is x
    assert nn.dropout(x, keep_prob=1.0) is x
    for arguments in ({"rate": 1.0}, {"rate": -0.1}, {}, {"rate": 0.1, "keep_prob": 0.9}):
        with pytest.raises(ValueError, match="rate"):
            nn.dropout(x, **arguments)
    with pytest.raises(ValueError, match=r"keep_prob must be in \(0, 1\], not 0"):
        nn.dropout(x, 0)
    with pytest.raises(ValueError, match="floats"):
        nn.dropout(tf.placeholder(tf.int32, [2]), 0.5)


def test_in_top_k() -> None:
    scores = np.array([[1, 2, 2], [3, 1, 2], [1, 2, 3], [np.nan, 1, 2], [1, np.inf, 2]])
    found = run(nn.in_top_k, scores, np.array([1, 1, 9, 2, 2]), k=1)
    assert found.tolist() == [True, False, False, False, False]
    assert run(nn.in_top_k, scores[:1], np.array([2]), k=1).tolist() == [True]  # a tie
    with pytest.raises(InvalidArgumentError, match="one target"):
        nn.in_top_k(tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.int32, [3]), 1)


@pytest.mark.parametrize("strategy", ["mod", "div"])
def test_embeddings_in_several_tables(strategy: str) -> None:
    tables = [draw(3, 2), draw(2, 2), draw(2, 2)]
    rows = {"mod": [tables[i % 3][i // 3] for i in range(7)], "div": np.concatenate(tables)}
    ids = np.array([[0, 1, 6], [3, 3, 2]])
    function = lambda *t: nn.embedding_lookup(list(t), tf.convert_to_tensor(ids), strategy)  # noqa: E731
    np.testing.assert_array_equal(run(function, *tables), np.array(rows[strategy])[ids])
    assert_gradient(function, *tables)


def test_embeddings_of_one_table() -> None:
    table, ids = draw(4, 2), tf.constant([[0, 1], [3, 3]])
    assert_gradient(lambda t: nn.embedding_lookup(t, tf.constant([[0, 1], [3, 3]])), table)
    with tf.Graph().as_default():
        ids = tf.constant([1, 2])
        with pytest.raises(InvalidArgumentError, match="mod"):
            nn.embedding_lookup([tf.constant(table)] * 2, ids, "odd")
    norms = np.linalg.norm(run(lambda t: nn.embedding_lookup(t, [0, 1, 2, 3], max_norm=0.5), table),
                           axis=1)  # fmt: skip
    assert (norms <= 0.5 + 1e-12).all()


@pytest.mark.parametrize("axes", [[0], [0, 2], [-1], 1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_moments(axes: object, keepdims: bool) -> None:
    x = draw(3, 4, 2)
    function = lambda t: tf.stack(normalization.moments(t, axes, keepdims=keepdims))  # noqa: E731
    along = tuple(axes) if isinstance(axes, list) else axes
    expected = [f(x, axis=along, keepdims=keepdims) for f in (np.mean, np.var)]
    np.testing.assert_allclose(run(function, x), expected)
    assert_gradient(function, x)


def test_moments_of_one_output_alone() -> None:
    for i in (0, 1):
        assert_gradient(lambda t, i=i: normalization.moments(t, [0])[i], draw(3, 4))


def test_variance_of_large_numbers() -> None:
    x = (1e4 + np.array([0, 1, 2, 3])).astype(np.float32)
    assert run(lambda t: normalization.moments(t, [0])[1], x) == 1.25


def test_other_statistics() -> None:
    x, w = draw(5, 4), np.abs(draw(5, 1)) + 0.1
    statistics = lambda t: tf.stack(  # noqa: E731
        normalization.normalize_moments(*normalization.sufficient_statistics(t, [0], 0.3))
    )
    np.testing.assert_allclose(run(statistics, x), [x.mean(0), x.var(0)])
    weighted = lambda t, v: tf.stack(normalization.weighted_moments(t, [0], v))  # noqa: E731
    mean = np.average(x, 0, w[:, 0])
    np.testing.assert_allclose(run(weighted, x, w), [mean, np.average((x - mean) ** 2, 0, w[:, 0])])
    assert_gradient(weighted, x, w)


def test_batch_normalization() -> None:
    x, scale, offset = draw(3, 2, 2, 4), draw(4), draw(4)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-3) * scale + offset
    fused = lambda t, s, o: normalization.fused_batch_norm(t, s, o)[0]  # noqa: E731
    np.testing.assert_allclose(run(fused, x, scale, offset), expected)
    plain = run(normalization.batch_normalization, x, mean, variance, offset, scale,
                variance_epsilon=1e-3)  # fmt: skip
    np.testing.assert_allclose(plain, expected)
    unbiased = run(lambda t, s, o: normalization.fused_batch_norm(t, s, o)[2], x, scale, offset)
    np.testing.assert_allclose(unbiased, variance * 12 / 11)
    turned = run(
        lambda t, s, o: normalization.fused_batch_norm(t, s, o, data_format="NCHW")[0],
        x.transpose(0, 3, 1, 2), scale, offset,
    )  # fmt: skip
    np.testing.assert_allclose(turned, expected.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("output", [0, 1, 2])
def test_gradients_of_fused_batch_normalization(output: int) -> None:
    def function(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        x.set_shape([None] * 4)
        return normalization.fused_batch_norm(x, scale, offset)[output]

    assert_gradient(function, draw(3, 2, 2, 4), draw(4), draw(4))


def test_batch_normalization_with_given_moments() -> None:
    values = [draw(3, 2, 2, 4), draw(4), draw(4), draw(4), np.abs(draw(4))]
    x, scale, offset, mean, variance = [v.astype(np.float32) for v in values]
    function = lambda *t: normalization.fused_batch_norm(*t, is_training=False)[0]  # noqa: E731
    expected = (x - mean) / np.sqrt(variance + 1e-3) * scale + offset
    np.testing.assert_allclose(run(function, x, scale, offset, mean, variance), expected, rtol=1e-4)
    with pytest.raises(InvalidArgumentError, match="are needed"):
        normalization.fused_batch_norm(x, scale, offset, is_training=False)
    with pytest.raises(InvalidArgumentError, match="one number for each channel"):
        normalization.fused_batch_norm(x, scale[:3], offset)


def test_local_response() -> None:
    x = draw(2, 2, 2, 7)
    squares = np.stack([np.square(x[..., max(0, c - 2) : c + 3]).sum(-1) for c in range(7)], -1)
    result = run(normalization.lrn, x, depth_radius=2, bias=1.5, alpha=0.3, beta=0.7)
    np.testing.assert_allclose(result, x / (1.5 + 0.3 * squares) ** 0.7)
    assert_gradient(normalization.lrn, x, depth_radius=2)


def test_unit_length() -> None:
    x = draw(3, 4)
    result = run(normalization.l2_normalize, x, axis=1)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1)
    assert_gradient(normalization.l2_normalize, x, axis=1)
    zeros = np.zeros(3)
    np.testing.assert_array_equal(run(normalization.l2_normalize, zeros), zeros)
    assert np.isfinite(grad(normalization.l2_normalize, zeros)).all()


def test_lengths_of_complex_vectors_are_normalized() -> None:
    x = np.array([[3 + 4j, 0], [1j, 1]], np.complex64)
    result = run(normalization.l2_normalize, x, axis=1)
    assert result.dtype == np.complex64
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, rtol=1e-6)


def test_count_of_statistics_is_a_scalar_where_ranks_are_unknown() -> None:
    x = tf.placeholder(tf.float32)
    count, *_ = normalization.sufficient_statistics(x, [0, -1])
    assert count.shape.as_list() == []
    assert tf.Session().run(count, {x: np.zeros((4, 3, 2))}) == 8
