"""Large shards in blocks of rows: the same training, in the same order everywhere."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from test_shards import cnn, logistic, mlp, normalised, trained

import tfmini as tf
from tfmini import row_blocks, shards
from tfmini.row_blocks import BLOCK_BYTES, BlocksTask, block_rows

SIZES = (7, 0, 24, 1, 9)
RNG = np.random.default_rng(3)
DATA = RNG.standard_normal((sum(SIZES), 4)), RNG.integers(0, 3, sum(SIZES)).astype(np.int32)


def chunked():
    x, y = DATA
    return da.from_array(x, (SIZES, (4,))), da.from_array(y, (SIZES,))


@pytest.fixture
def blocks(monkeypatch):
    """Cut shards of three rows and more, and return how many rows each block had."""
    seen = []
    run = BlocksTask._results

    def watched(self, values, *options):
        seen.append(self.rows)
        return run(self, values, *options)

    monkeypatch.setattr(BlocksTask, "_results", watched)
    monkeypatch.setattr(shards, "block_rows", lambda n, *_: n if n < 3 else -(-n // 3))
    return seen


@pytest.mark.parametrize(
    ("nbytes", "sums", "seconds", "rows"),
    [
        (4 * BLOCK_BYTES, 100, 1.0, 25_000),
        (3.5 * BLOCK_BYTES, 100, 1.0, 33_334),
        (4 * BLOCK_BYTES, 100, 2 * row_blocks._BLOCK_SECONDS, 50_000),  # not so many
        (4 * BLOCK_BYTES, 100, 1e-6, 100_000),  # too little to do
        (1.9 * BLOCK_BYTES, 100, 1.0, 100_000),  # small
        (4 * BLOCK_BYTES, BLOCK_BYTES, 1.0, 100_000),  # to add up the sums would take as long
        (1e6 * BLOCK_BYTES, 100, 1e9, 1283),  # large rows: enough for a product
        (1e6 * BLOCK_BYTES, BLOCK_BYTES, 1e9, 1283),
    ],
)
def test_blocks_are_as_large_as_the_cache_allows(nbytes, sums, seconds, rows):
    assert block_rows(100_000, int(nbytes), sums, seconds) == rows


@pytest.mark.parametrize("model", [logistic, mlp, cnn, normalised])
def test_models_train_in_blocks_as_on_whole_feeds(model, blocks):
    for a, b in zip(trained(model, chunked(), "sync"), trained(model, DATA, "sync"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert set(blocks) == {3, 8}


@pytest.mark.parametrize("target", ["threads", "processes"])
def test_blocks_have_the_same_bits_on_every_executor(target, blocks):
    expected = trained(logistic, chunked(), "sync")
    for a, b in zip(trained(logistic, chunked(), target), expected, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.cluster
def test_blocks_have_the_same_bits_on_a_cluster(client, blocks):
    expected = trained(logistic, chunked(), "sync")
    for a, b in zip(trained(logistic, chunked(), client), expected, strict=True):
        assert np.array_equal(a, b)


def test_a_shard_that_draws_or_gives_rows_is_whole(blocks):
    x = tf.placeholder(tf.float64, [None, 4])
    kept = tf.nn.dropout(x, keep_prob=0.5, seed=2)
    with tf.Session("sync") as session:
        feed = {x: chunked()[0]}
        session.run(tf.reduce_sum(kept, 0), feed)
        session.run([x * 2.0, tf.reduce_sum(x, 0)], feed)
        assert not blocks
        session.run(tf.reduce_sum(x * 3.0, 0), feed)
        assert set(blocks) == {3, 8}


def test_an_error_in_a_block_names_the_node(blocks):
    rows = tf.placeholder(tf.int32, [None])
    table = tf.constant(np.arange(6.0).reshape(3, 2))
    total = tf.reduce_sum(tf.gather(table, rows, name="lookup"), 0)
    wrong, right = DATA[1].copy(), da.from_array(DATA[1], (SIZES,))
    wrong[-1] = 3
    with tf.Session("sync") as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="lookup"):
            session.run(total, {rows: da.from_array(wrong, (SIZES,))})
        assert blocks
        session.run(total, {rows: right})
        shown = session.explain(total, {rows: right}).rows
        assert all(r.measured > 0 for r in shown)
