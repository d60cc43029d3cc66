"""Whole models, and single operations, on chunks: nothing is gathered that need not be.

What single operations' ``dims`` say is checked on their samples by ``test_shards.py``.
"""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfmini as tf

STEPS, INPUTS, UNITS, CLASSES = 4, 3, 5, 3


def chunked(array, sizes):
    return da.from_array(array, (sizes, *[(n,) for n in array.shape[1:]]))


def weights(name, *shape):
    size = int(np.prod(shape))
    values = np.sin(np.arange(1.0, size + 1)).reshape(shape) / np.sqrt(max(shape[0], 1))
    return tf.get_variable(name, initializer=values)


def classified(features, y):
    w = weights("w", features.shape[-1].value, CLASSES)
    logits = tf.nn.bias_add(tf.matmul(features, w), weights("b", CLASSES))
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    return logits, tf.reduce_mean(losses)


def sequences(cell, lengths, time_major=False):
    def model():
        x = tf.placeholder(tf.float64, [None, STEPS, INPUTS])
        y, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
        outputs, _ = tf.nn.dynamic_rnn(
            cell(UNITS), tf.transpose(x, [1, 0, 2]) if time_major else x,
            sequence_length=n if lengths else None, dtype=tf.float64, time_major=time_major,
        )  # fmt: skip
        last = outputs[-1] if time_major else tf.reduce_sum(outputs, 1)
        return [x, y, n], *classified(last, y)

    return model


def reversed_sequences():
    x = tf.placeholder(tf.float64, [None, STEPS, INPUTS])
    y, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    cells = [tf.nn.rnn_cell.GRUCell(UNITS), tf.nn.rnn_cell.GRUCell(UNITS)]
    both, _ = tf.nn.bidirectional_dynamic_rnn(*cells, x, n, dtype=tf.float64)
    return [x, y, n], *classified(tf.reduce_max(tf.concat(both, 2), 1), y)


def unrolled():
    x, y = tf.placeholder(tf.float64, [None, STEPS, INPUTS]), tf.placeholder(tf.int32, [None])
    _, state = tf.nn.static_rnn(
        tf.nn.rnn_cell.BasicRNNCell(UNITS), tf.unstack(x, axis=1), dtype=tf.float64
    )
    return [x, y], *classified(state, y)


def autoencoder():
    x = tf.placeholder(tf.float64, [None, STEPS, INPUTS])
    flat = tf.layers.flatten(x)
    code = tf.tanh(tf.matmul(flat, weights("down", STEPS * INPUTS, 2)))
    back = tf.matmul(code, weights("up", 2, STEPS * INPUTS))
    out = tf.reshape(back, tf.shape(x))
    return [x], out, tf.reduce_mean(tf.squared_difference(x, out))


def text():
    words = tf.placeholder(tf.int32, [None, STEPS])
    y, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    found = tf.nn.embedding_lookup(weights("table", 11, UNITS), words)
    mask = tf.sequence_mask(n, STEPS, dtype=tf.float64)
    total = tf.reduce_sum(found * tf.expand_dims(mask, -1), 1)
    mean = total / tf.maximum(tf.reduce_sum(mask, 1, keepdims=True), 1.0)
    return [words, y, n], *classified(mean, y)


def images():
    x, y = tf.placeholder(tf.float64, [None, STEPS, INPUTS]), tf.placeholder(tf.int32, [None])
    maps = tf.pad(tf.expand_dims(x, -1), [[0, 0], [1, 1], [2, 1], [0, 0]], "REFLECT")
    maps = tf.pad(maps, [[0, 0], [0, 1], [1, 1], [0, 0]])
    maps = tf.nn.relu(tf.nn.conv2d(maps, weights("k", 3, 3, 1, 4), [1, 1, 1, 1], "VALID"))
    maps = tf.image.resize_bilinear(maps, [6, 6])[:, 1:5, :4]
    maps = tf.depth_to_space(tf.space_to_depth(maps, 2), 2)
    maps = tf.slice(tf.roll(tf.reverse(maps, [1]), 1, 2), [0, 0, 1, 0], [-1, 4, 3, 4])
    return [x, y], *classified(tf.reduce_mean(maps, [1, 2]), y)


def dense_steps():
    """A product of all steps with one matrix, attention over the steps, and the best two."""
    x, y = tf.placeholder(tf.float64, [None, STEPS, INPUTS]), tf.placeholder(tf.int32, [None])
    hidden = tf.tanh(tf.matmul(x, weights("a", INPUTS, UNITS)) + weights("c", UNITS))
    scores = tf.nn.softmax(tf.matmul(hidden, hidden, transpose_b=True))
    best, _ = tf.nn.top_k(tf.reduce_sum(tf.matmul(scores, hidden), 2), 2)
    where = tf.where(best[:, 0] > 0.0, hidden[:, 0], hidden[:, -1])
    return [x, y], *classified(tf.concat([where, best], 1), y)


def gaussians():
    """The log density of each row by its own covariance: matrices in a batch."""
    x, y = tf.placeholder(tf.float64, [None, STEPS, INPUTS]), tf.placeholder(tf.int32, [None])
    scale = weights("scale", INPUTS)
    gram = tf.matmul(x, x, transpose_a=True) + tf.matrix_diag(tf.square(scale) + 0.5)
    solved = tf.matrix_solve(gram, tf.transpose(x, [0, 2, 1]))
    _, log_size = tf.linalg.slogdet(gram)
    values = tf.self_adjoint_eigvals(gram)
    factor = tf.matrix_triangular_solve(tf.cholesky(gram), tf.reduce_sum(solved, 2, keepdims=True))
    features = tf.concat([tf.expand_dims(log_size, 1), values, factor[:, :, 0]], 1)
    return [x, y], *classified(features, y)


CELLS = tf.nn.rnn_cell
MODELS = {
    "lstm": sequences(CELLS.LSTMCell, False),
    "lstm with lengths": sequences(CELLS.LSTMCell, True),
    "lstm by steps": sequences(CELLS.BasicLSTMCell, True, time_major=True),
    "gru with lengths": sequences(CELLS.GRUCell, True),
    "simple with lengths": sequences(CELLS.BasicRNNCell, True),
    "both ways": reversed_sequences,
    "unrolled": unrolled,
    "autoencoder": autoencoder,
    "text": text,
    "images": images,
    "dense steps": dense_steps,
    "gaussians": gaussians,
}


def values_of(placeholders, rows):
    """Return data by the shapes of the placeholders: rows, words, classes, lengths."""
    rng = np.random.default_rng(rows)
    made = [rng.standard_normal((rows, STEPS, INPUTS)), rng.integers(0, CLASSES, rows),
            rng.integers(0, STEPS + 1, rows)]  # fmt: skip
    if placeholders[0].dtype == tf.int32:
        made[0] = rng.integers(0, 11, (rows, STEPS))
    pairs = zip(placeholders, made, strict=False)
    return {t: v.astype(t.dtype.as_numpy_dtype) for t, v in pairs}


def trained(model, rows, sizes=None, steps=2):
    with tf.Graph().as_default(), tf.Session("sync") as session:
        tf.set_random_seed(5)
        placeholders, outputs, loss = model()
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        feed = values_of(placeholders, rows)
        if sizes is not None:
            feed = {t: chunked(v, sizes) for t, v in feed.items()}
            notes = session.explain([outputs, loss, step], feed).notes
            # The rows of a table that were looked up are updated in one place.
            assert not [n for n in notes if "update_table" not in n], notes
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, step], feed)[0] for _ in range(steps)]
        return [losses, *session.run(tf.trainable_variables()), session.run(outputs, feed)]


def compared(model, rows, sizes):
    for a, b in zip(trained(model, rows, sizes), trained(model, rows), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("sizes", [(5, 4, 2), (1, 0, 8), (3, 1, 1, 1, 1), (6,)])
@pytest.mark.parametrize("name", MODELS)
def test_models_are_not_gathered_and_train_as_on_whole_feeds(name, sizes):
    compared(MODELS[name], sum(sizes), sizes)


@pytest.mark.parametrize("name", ["lstm with lengths", "images", "text"])
@settings(max_examples=8, deadline=None)
@given(rows=st.integers(1, 20), data=st.data())
def test_any_chunks(name, rows, data):
    edges = sorted(data.draw(st.lists(st.integers(0, rows), max_size=5)))
    compared(MODELS[name], rows, tuple(np.diff([0, *edges, rows]).tolist()))


X = np.arange(24.0).reshape(6, 4) - 9.5


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.pad(x, [[1, 0], [0, 0]]),
        lambda x: tf.pad(x, [[0, 2], [0, 1]], "SYMMETRIC"),
        lambda x: x[1:],
        lambda x: x[:5],
        lambda x: x[::-1],
        lambda x: tf.slice(x, [2, 0], [3, 4]),
        lambda x: tf.tile(x, [2, 1]),
        lambda x: tf.roll(x, 1, 0),
        lambda x: tf.roll(x, [1, 1], [0, 0]),
        lambda x: tf.reverse(x, [0]),
        lambda x: tf.reverse_sequence(x, [6, 2, 0, 3], seq_axis=0, batch_axis=1),
        lambda x: tf.ensure_shape(x, [6, None]),
        lambda x: tf.nn.top_k(tf.transpose(x), 2)[0],
        lambda x: tf.matrix_band_part(x, 0, -1),
        lambda x: tf.qr(x)[1],
        lambda x: tf.svd(x)[0],
        lambda x: tf.unstack(x, 6, axis=0)[3],
        lambda x: tf.gather_nd(x, [[5, 1], [0, 0]]),
        lambda x: tf.segment_max(x, [0, 0, 1, 1, 1, 4]),
        lambda x: tf.unsorted_segment_prod(x, [3, 0, 1, 1, 0, -1], 4),
        lambda x: tf.sort(x, axis=0),
        lambda x: tf.cumsum(x, 0),
        lambda x: tf.nn.softmax(x, axis=0),
        lambda x: tf.argmax(x, 0),
        lambda x: tf.nn.l2_normalize(x, 0),
        lambda x: tf.reduce_prod(x, 0),
        lambda x: tf.reduce_logsumexp(x, 0),
    ],
)  # fmt: skip
def test_what_goes_across_the_chunks_is_right_too(function):
    """Along the dimension that is cut: gathered, or done by parts; never wrong."""
    with tf.Graph().as_default(), tf.Session("sync") as session:
        x = tf.placeholder(tf.float64, [None, 4])
        y = function(x)
        fetches = [y]
        if y.dtype.is_floating:
            fetches.append(tf.gradients(tf.reduce_sum(tf.sin(y)), x)[0])
        expected = session.run(fetches, {x: X})
        for sizes in [(2, 4), (5, 0, 1), (1, 1, 4)]:
            for a, b in zip(session.run(fetches, {x: chunked(X, sizes)}), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, p: tf.pad(x, p),
        lambda x, p: tf.slice(x, p[0], [-1, -1]),
        lambda x, p: x[: p[1, 1] + 5],
        lambda x, p: x[:, p[1, 1] :],
        lambda x, p: tf.tile(x, p[1] + 1),
    ],
)
def test_positions_that_are_fed(function):
    with tf.Graph().as_default(), tf.Session("sync") as session:
        x, p = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.int32, [2, 2])
        y = function(x, p)
        fetches = [y, tf.gradients(tf.reduce_sum(y * y), x)[0]]
        for pairs in ([[0, 0], [0, 0]], [[1, 0], [0, 1]]):
            expected = session.run(fetches, {x: X, p: pairs})
            found = session.run(fetches, {x: chunked(X, (1, 5)), p: pairs})
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12)


def test_what_is_made_whole_and_needed_in_parts_is_cut():
    """Made shard by shard only where each shard has what its rows are made of."""
    x, w = tf.placeholder(tf.float64, [6]), tf.placeholder(tf.float64, [2, 3])
    v, s = tf.constant([1.0, 2.0, 3.0], tf.float64), tf.Session("sync")
    made = [
        tf.reshape(w, [6]) * x,
        tf.gradients(x[2:5], x, grad_ys=v)[0] * x,
        tf.gradients(tf.gather(x, [0, 5, 5]), x, grad_ys=v)[0] * x,
        tf.scatter_nd([[5], [0], [5]], v, [6]) + x,
        tf.slice(tf.concat([v, v, v], 0), [2], [6]) * x,
    ]
    feed = {x: X.ravel()[:6], w: np.arange(6.0).reshape(2, 3)}
    with s:
        for a, b in zip(s.run(made, feed), s.run(made, {**feed, x: chunked(feed[x], (1, 0, 5))}),
                        strict=True):  # fmt: skip
            np.testing.assert_allclose(b, a)


def test_sums_over_rows_are_added_up():
    x, n = tf.placeholder(tf.float64, [None, 4]), tf.placeholder(tf.int32, [None])
    sums = tf.unsorted_segment_sum(x, n, 3)
    placed = tf.scatter_nd(tf.expand_dims(n, 1), x, [3, 4])
    feed = {x: chunked(X, (1, 5)), n: chunked(np.array([2, 0, 2, 1, 1, 0]), (1, 5))}
    with tf.Session("sync") as session:
        for a in session.run([sums, placed], feed):
            np.testing.assert_allclose(a, [X[[1, 5]].sum(0), X[3:5].sum(0), X[[0, 2]].sum(0)])
        assert not session.explain([sums, placed], feed).notes


def test_a_dimension_of_one_that_stretches_is_not_cut():
    x, y = tf.placeholder(tf.float64, [None, None]), tf.placeholder(tf.float64, [None])
    total = tf.reduce_sum(x * y, 1)
    column, row = X[:, :1], X[0]
    with tf.Session("sync") as session:
        expected = session.run(total, {x: column, y: row})
        for feed in (
            {x: da.from_array(column, ((6,), (1,))), y: row},
            {x: column, y: chunked(row, (1, 3))},
            {x: da.from_array(column, ((6,), (0, 1))), y: chunked(row, (3, 1))},
        ):
            np.testing.assert_allclose(session.run(total, feed), expected)
