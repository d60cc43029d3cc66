"""Feeds in chunks that are not what they should be: errors that name the feed and the chunk."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import futures_of

import tfmini as tf


def broken():
    raise FileNotFoundError("no such file: part-1.npy")


def good(rows=5):
    return dask.delayed(np.ones)((rows, 2))


def second(delayed, rows=5):
    """Return an array of a good chunk and ``delayed``, said to be numbers of so many rows."""
    return da.concatenate(
        [da.from_delayed(good(), (5, 2), float), da.from_delayed(delayed, (rows, 2), float)]
    )


def words(rows=5):
    return dask.delayed(np.full)((rows, 2), "a")


def unknown():
    """Return an array whose chunks' sizes are known along no dimension."""
    array = da.ones((6, 2), chunks=(2, 2))
    return da.Array(array.dask, array.name, ((np.nan,) * 3, (np.nan,)), float)


@pytest.fixture
def feed():
    return tf.placeholder(tf.float64, [None, 2], name="rows")


@pytest.mark.parametrize(
    ("fed", "error", "message"),
    [
        (lambda: second(dask.delayed(broken)()), "UnknownError", "chunk 1 of the 2.*part-1.npy"),
        (lambda: [good(), dask.delayed(broken)()], "UnknownError", "chunk 1 of the 2.*part-1.npy"),
        (lambda: second(good(), 4), "InvalidArgumentError", r"chunk 1 .*\(5, 2\), but \(4, 2\)"),
        (
            lambda: [good(), dask.delayed(np.ones)((5, 3))],
            "InvalidArgumentError",
            r"chunk 1 has shape \(5, 3\), chunk 0 \(5, 2\)",
        ),
        (lambda: second(words()), "InvalidArgumentError", "chunk 1 .* dtype is <U1, but float64"),
        (lambda: [good(), words()], "InvalidArgumentError", "chunk 1 has dtype <U1"),
        (lambda: [words()], "InvalidArgumentError", "dtype is <U1"),
        (unknown, "InvalidArgumentError", "compute_chunk_sizes"),
        (
            lambda: da.from_array(np.array([["1", "x"]], object), chunks=2),
            "InvalidArgumentError",
            "dtype is object",
        ),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_bad_chunks_are_named(feed, fed, error, message, alone):
    """Whether a chunk is made in the task that takes it, or in one of its own."""
    total = tf.reduce_sum(feed, 0)
    fetches = total if alone else [total, feed]
    with (
        tf.Session("threads") as session,
        pytest.raises(getattr(tf.errors, error), match=message) as caught,
    ):
        session.run(fetches, {feed: fed()})
    assert caught.value.node_def.name == "rows"
    assert "test_chunks.py" in str(caught.value)


def test_what_fits_is_taken(feed):
    mean, total = tf.reduce_mean(feed), tf.reduce_sum(feed, 0)
    with tf.Session("threads") as session:
        ones = da.from_delayed(dask.delayed(np.ones)((5, 2), np.int8), (5, 2), float)
        assert session.run(total, {feed: ones}).dtype == np.float64
        lists = [dask.delayed([[1, 2], [3, 4]]), dask.delayed([[5, 6]])]
        assert session.run(total, {feed: lists}).tolist() == [9.0, 12.0]
        assert session.run(total, {feed: [good(0), good(), good(0)]}).tolist() == [5.0, 5.0]
        assert session.run(total, {feed: [good(0)]}).tolist() == [0.0, 0.0]
        assert np.isnan(session.run(mean, {feed: [good(0)]}))
        gap = da.from_array(np.array([[1.0, np.nan], [2.0, 3.0]]), chunks=1)
        assert np.isnan(session.run(mean, {feed: gap}))
        sizes_unknown = da.ones((6, 2), chunks=2)[da.arange(6, chunks=2) > 2]
        assert session.run(total, {feed: sizes_unknown}).tolist() == [3.0, 3.0]


class Frame:
    """What is fed of a ``dask.dataframe``: it gives an array whose chunks' sizes are unknown."""

    def to_dask_array(self):
        array = da.ones((6, 2), chunks=(2, 2))
        return da.Array(array.dask, array.name, ((np.nan,) * 3, (2,)), float)


@pytest.mark.parametrize("target", ["threads", pytest.param("client", marks=pytest.mark.cluster)])
def test_data_frames_are_taken_chunk_by_chunk(feed, target, request):
    target = request.getfixturevalue(target) if target == "client" else target
    doubled = 2.0 * feed
    with tf.Session(target) as session:
        assert session.run(tf.reduce_sum(doubled), {feed: Frame()}) == 24.0
        assert session.persist(doubled, {feed: Frame()}).chunks == ((2, 2, 2), (2,))


@pytest.mark.cluster
def test_futures_that_have_no_result_are_named(feed, client):
    v = tf.Variable(1.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        total = tf.reduce_sum(feed, 0)

    def futures(make):
        first = client.submit(np.ones, (5, 2), pure=False)
        return [first, client.submit(make, pure=False)]

    with tf.Session(client) as session:
        session.run(v)

        def refused(fed, message):
            with pytest.raises(tf.errors.OpError, match=message) as caught:
                session.run(total, {feed: fed})
            assert "chunk 1 of the 2" in str(caught.value)
            assert caught.value.node_def.name == "rows"
            assert session.run(v) == 1.0

        refused(futures(broken), "part-1.npy")
        parts = futures(lambda: np.zeros((1, 2)))
        client.gather(parts)
        client.cancel(parts[1])
        refused(parts, "cancelled, or lost with its worker")
        array = client.persist(da.ones((10, 2), chunks=(5, 2)))
        client.gather(futures_of(array))
        client.cancel([f for f in futures_of(array) if f.key[1] == 1])
        refused(array, "cancelled, or lost with its worker")
        refused(client.persist(second(dask.delayed(broken)())), "part-1.npy")
        session.run(total, {feed: da.ones((10, 2), chunks=(5, 2))})
        assert session.run(v) == 2.0
