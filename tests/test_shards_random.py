"""Random graphs on feeds in chunks: the values of whole feeds, or an error where these give one."""

from __future__ import annotations

import dask.array as da
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tfmini as tf

ONE = [
    tf.tanh,
    tf.nn.relu,
    tf.stop_gradient,
    tf.nn.softmax,
    tf.reduce_sum,
    tf.transpose,
    lambda t: tf.sqrt(tf.abs(t) + 1.0),
    lambda t: tf.where(t > 0.3, t, tf.zeros_like(t)),
    lambda t: tf.reduce_mean(t, 0),
    lambda t: tf.reduce_max(t, -1, keepdims=True),
    lambda t: tf.reduce_logsumexp(t, 0, keepdims=True),
    lambda t: tf.nn.moments(t, [0])[1],
    lambda t: tf.cast(tf.argmax(t, 0), tf.float64),
    lambda t: tf.cumsum(t, 0),
    lambda t: tf.reverse(t, [0]),
    lambda t: tf.sort(t, 0),
    lambda t: tf.concat([t, 3.0 * t], 0),
    lambda t: tf.stack([t, t + 1.0], -1),
    lambda t: tf.expand_dims(t, 0),
    lambda t: tf.reshape(t, [-1]),
    lambda t: tf.reshape(t, [tf.shape(t)[0], -1]),
    lambda t: tf.pad(t, [[1, 0]] * t.shape.ndims),
    lambda t: tf.tile(t, [2] + [1] * (t.shape.ndims - 1)),
    lambda t: tf.gather(t, [0, 0]),
    lambda t: t[1:],
    lambda t: t[::-1],
    lambda t: t[0],
    lambda t: tf.cast(tf.shape(t)[0], tf.float64) * t,
    lambda t: tf.nn.l2_normalize(t, 0),
    lambda t: tf.matmul(t, t, transpose_a=True),
    lambda t: tf.matmul(t, t, transpose_b=True),
]
TWO = [
    tf.add,
    tf.multiply,
    tf.maximum,
    tf.squared_difference,
    tf.matmul,
    lambda a, b: a / (tf.abs(b) + 1.0),
    lambda a, b: tf.where(a > b, a, b),
    lambda a, b: tf.add_n([a, b]),
    lambda a, b: tf.concat([a, b], 0),
    lambda a, b: tf.matmul(a, b, transpose_a=True),
    lambda a, b: tf.tensordot(a, b, 1),
    lambda a, b: tf.einsum("ij,ik->jk", a, b),
    lambda a, b: tf.boolean_mask(a, b > 0),
    lambda a, b: tf.gather(a, tf.cast(tf.abs(b), tf.int32) % 2),
    lambda a, b: tf.unsorted_segment_sum(a, tf.zeros([tf.shape(b)[0]], tf.int32), 2),
    lambda a, b: tf.nn.sigmoid_cross_entropy_with_logits(labels=a, logits=b),
    lambda a, b: tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.nn.softmax(a), logits=b),
]


@st.composite
def graphs(draw):
    """Return fetches and two feeds, of which the second may have other rows than the first."""
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    others = draw(st.sampled_from([rows, rows, rows, 1, rows + 1]))
    x, y = (tf.placeholder(tf.float64, [None, columns]) for _ in range(2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    pool = [x, y, tf.constant(rng.standard_normal((columns, 2)))]
    for _ in range(draw(st.integers(1, 7))):
        number = draw(st.integers(0, len(ONE) + len(TWO) - 1))
        a = pool[draw(st.integers(max(0, len(pool) - 3), len(pool) - 1))]
        b = pool[draw(st.integers(0, len(pool) - 1))]
        try:
            made = ONE[number](a) if number < len(ONE) else TWO[number - len(ONE)](a, b)
        except (tf.errors.OpError, ValueError, TypeError, IndexError):
            continue  # its shapes do not fit
        pool.append(made)
    fetches = [pool[-1]]
    if draw(st.booleans()):
        fetches += [g for g in grads_of(pool[-1], (x, y)) if g is not None]
    return fetches, {x: rng.standard_normal((rows, columns)),
                     y: rng.standard_normal((others, columns))}  # fmt: skip


def grads_of(z, xs):
    try:
        return tf.gradients(z, list(xs), unconnected_gradients="zero")
    except tf.errors.OpError:  # its type has none
        return []


def outcome(session, fetches, feed):
    try:
        return session.run(fetches, feed)
    except tf.errors.OpError as e:
        return type(e)


def chunked(draw, array):
    sizes, left = [], len(array)
    while left:
        sizes.append(draw(st.integers(1, left)))
        left -= sizes[-1]
    return da.from_array(array, (tuple(sizes), array.shape[1]))


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_random_graphs(data):
    with tf.Graph().as_default(), tf.Session("sync") as session:
        fetches, feed = data.draw(graphs())
        cut = data.draw(st.sets(st.sampled_from([0, 1]), min_size=1))
        chunks = {
            x: chunked(data.draw, value) if i in cut else value
            for i, (x, value) in enumerate(feed.items())
        }
        expected, found = outcome(session, fetches, feed), outcome(session, fetches, chunks)
        if isinstance(expected, type):
            assert found is expected
            return
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
