"""Generated functions: right values, early release, errors traced to nodes, pickling."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from plans import plan_of

import tfmini as tf
from tfmini.codegen import generate, generator


def function_of(fetch, *feeds):
    plan = plan_of(fetch, feeds)
    return generate(plan.nodes, plan.feeds, plan.results, plan.constants)


def test_straight_line_source():
    x = tf.placeholder(tf.float32, [2])
    made = function_of(tf.exp(x) + 1.0, x)
    assert made.source.count("\n") == 3
    assert made(np.zeros(2, "f4"))[0].tolist() == [2.0, 2.0]


def test_variables_are_used_again():
    x = tf.placeholder(tf.float32, [2])
    y = x
    for _ in range(50):
        y = tf.exp(y)
    assert "v1" not in function_of(y, x).source


def test_functions_pickle_and_still_name_their_nodes():
    x = tf.placeholder()
    y = tf.placeholder()
    made = pickle.loads(pickle.dumps(function_of(tf.add(x, y, name="sum_of_both"), x, y)))
    assert made(np.ones(2), np.ones(2))[0].tolist() == [2.0, 2.0]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"sum_of_both.*float64\[2\], float64\[3\]"
    ):
        made(np.ones(2), np.ones(3))


def test_memory_of_a_long_chain_is_that_of_two_values():
    x = tf.placeholder(tf.float64, [None])
    y = x
    for _ in range(30):
        y = tf.reverse(tf.cumsum(y), [0]) * 1.0
    session = tf.Session("sync")
    value = np.ones(250_000)
    session.run(y, {x: value})
    tracemalloc.start()
    session.run(y, {x: value})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * value.nbytes


def test_streams_depend_on_each_part_of_their_key():
    draws = {key: generator(key).random() for key in [(1, 2, 3), (1, 2, 4), (1, 3, 3), (2, 2, 3)]}
    assert len(set(draws.values())) == 4
    assert generator((1, 2, 3)).random() == draws[1, 2, 3]


def test_kernels_travel_by_reference():
    """A method pickled by value drags its class along, and there `super()` fails."""
    import cloudpickle

    x = tf.placeholder(tf.float32, [4])
    made = function_of(tf.segment_mean(x, [0, 0, 1, 1]), x)
    packed = cloudpickle.dumps(made)
    assert b"segment_mean" in packed
    assert b"compute" not in packed
    assert cloudpickle.loads(packed)(np.ones(4, "f4"))[0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [tf.complex64, tf.complex128, None])
def test_complex_numbers_multiply_as_arrays_do(dtype):
    """Python's operator on NumPy's complex scalars differs from the ufunc in the last bit."""
    a, b = tf.placeholder(dtype, [] if dtype else None), tf.placeholder(dtype, [])
    made = function_of(a * b, a, b)
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((4, 100))
    x, y = (parts[:2] + 1j * parts[2:]).astype((dtype or tf.complex64).as_numpy_dtype)
    found = [made(p, q)[0] for p, q in zip(x, y, strict=True)]
    assert np.array(found).tobytes() == np.multiply(x, y).tobytes()
