"""Random tensors: shapes, ranges and distributions; what a seed fixes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfmini as tf
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.ops import random

N = 20_000


def _draw(made: Any, feed: Any = None) -> Any:
    with tf.Session() as session:
        value = session.run(made, feed)
    assert made.dtype == value.dtype
    assert made.shape.is_compatible_with(value.shape)
    return value


@pytest.fixture(autouse=True)
def _seeded() -> Any:
    with tf.Graph().as_default() as graph:
        graph.seed = 7
        yield


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_moments(dtype: str) -> None:
    normal = _draw(random.random_normal([N], 2.0, 0.5, dtype)).astype(float)
    assert abs(normal.mean() - 2) < 0.02
    assert abs(normal.std() - 0.5) < 0.02
    cut = _draw(random.truncated_normal([N], -1.0, 0.5, dtype)).astype(float)
    assert np.abs(cut + 1).max() <= 1.001
    assert abs(cut.mean() + 1) < 0.02
    assert abs(cut.std() - 0.5 * 0.87963) < 0.02
    uniform = _draw(random.random_uniform([N], -1.0, 3.0, dtype)).astype(float)
    assert uniform.min() >= -1
    assert uniform.max() <= 3
    assert abs(uniform.mean() - 1) < 0.05


def test_uniform_ints() -> None:
    found = _draw(random.random_uniform([N], -2, 3, tf.int64))
    assert set(found.tolist()) == {-2, -1, 0, 1, 2}
    with pytest.raises(InvalidArgumentError, match="maxval"):
        random.random_uniform([2], dtype=tf.int32)
    with pytest.raises(InvalidArgumentError, match="float type"):
        random.random_normal([2], dtype=tf.int32)


def test_shapes_may_be_known_only_when_it_runs() -> None:
    n = tf.placeholder(tf.int32, [])
    for made in (random.random_normal([n, 2]), random.truncated_normal([n, 2]),
                 random.random_uniform([n, 2], 0, 5, tf.int32)):  # fmt: skip
        assert made.shape.as_list() == [None, 2]
        assert _draw(made, {n: 3}).shape == (3, 2)
    assert _draw(random.random_normal([])).shape == ()


def test_parameters_may_be_tensors_and_have_gradients() -> None:
    mean, deviation = tf.constant([1.0, -1.0]), tf.constant([[0.0], [2.0]])
    draws = random.random_normal([2, 2], mean, deviation)
    with tf.Session() as session:
        value, by_mean = session.run([draws, tf.gradients(draws, mean)[0]])
    np.testing.assert_array_equal(value[0], [1, -1])
    np.testing.assert_array_equal(by_mean, [2, 2])


def test_seeds() -> None:
    def draws(seed: Any, graph_seed: Any = 3, other: bool = False) -> Any:
        with tf.Graph().as_default() as graph, tf.Session() as session:
            graph.seed = graph_seed
            if other:
                random.random_normal([5])
            x = random.random_normal([4], seed=seed, name="x")
            return session.run(x).tolist(), session.run(x).tolist()

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert draws(1, graph_seed=4) != draws(1)
    first, second = draws(1)
    assert first != second


def test_gamma_and_poisson() -> None:
    alpha, rate = np.array([0.5, 4.0]), np.array([[1.0], [2.0]])
    found = _draw(random.random_gamma([N], alpha, rate, tf.float64))
    assert found.shape == (N, 2, 2)
    assert (found > 0).all()
    np.testing.assert_allclose(found.mean(0), alpha / rate, rtol=0.05)
    lam = np.array([0.5, 20.0])
    counts = _draw(random.random_poisson(lam, [N], tf.float32))
    np.testing.assert_allclose(counts.mean(0), lam, rtol=0.05)
    assert (counts == np.round(counts)).all()
    shape = tf.Variable([2.0])
    with pytest.raises(UnimplementedError, match="RandomGamma"):
        tf.gradients(random.random_gamma([3], shape), shape)


def test_classes_are_drawn_by_their_probabilities() -> None:
    p = np.array([[0.2, 0.0, 0.8], [0.5, 0.5, 0.0], [1e-30, 1.0, 0.0]])
    with np.errstate(divide="ignore"):
        logits = np.log(p) + 5
    found = _draw(random.multinomial(logits, N))
    assert found.dtype == np.int64
    assert found.shape == (3, N)
    shares = [(found == k).mean(1) for k in range(3)]
    np.testing.assert_allclose(np.transpose(shares), p, atol=0.02)
    assert not (found[0] == 1).any()
    assert not (found[1:] == 2).any()
    assert _draw(random.categorical(logits, 2, tf.int32)).dtype == np.int32
    with pytest.raises(InvalidArgumentError, match="matrix"):
        random.multinomial([0.5, 0.5], 3)


def test_shuffle_and_crop() -> None:
    x = np.arange(30).reshape(15, 2)
    found = _draw(random.random_shuffle(x))
    assert sorted(found.tolist()) == x.tolist()
    assert found.tolist() != x.tolist()
    places = set()
    with tf.Session() as session:
        crop = random.random_crop(x, [14, 1])
        assert crop.shape == [14, 1]
        for _ in range(40):
            part = session.run(crop)
            row, column = divmod(int(part[0, 0]), 2)
            np.testing.assert_array_equal(part, x[row : row + 14, column : column + 1])
            places.add((row, column))
    assert places == {(0, 0), (0, 1), (1, 0), (1, 1)}
    with tf.Session() as session, pytest.raises(InvalidArgumentError):
        session.run(random.random_crop(x, [16, 1]))


def test_nothing_random_is_merged_or_folded() -> None:
    a, b = random.random_normal([3]), random.random_normal([3])
    with tf.Session() as session:
        first, second = session.run([a, b])
        assert (first != second).all()
        assert (session.run(a) != first).all()
