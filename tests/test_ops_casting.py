"""Conversions of dtype, and complex numbers."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import grad, run

import tfmini as tf
from tfmini.ops import casting
from tfmini.ops import complex as parts

Z = np.array([3 + 4j, -1 - 1j, 2j])


def test_cast_truncates_and_drops_imaginary_parts() -> None:
    x = np.array([1.9, -1.9, 0.5, 0.0])
    np.testing.assert_array_equal(run(casting.cast, x, dtype="int32"), [1, -1, 0, 0])
    np.testing.assert_array_equal(run(casting.cast, x, dtype=bool), [True, True, True, False])
    np.testing.assert_array_equal(run(casting.cast, Z, dtype=tf.float32), [3, -1, 0])
    np.testing.assert_array_equal(run(casting.cast, Z * [1, 0, 1], dtype=tf.bool), [1, 0, 1])


def test_cast_of_what_is_sparse_converts_the_values() -> None:
    x = tf.SparseTensor([[0, 1], [2, 0]], [1.5, -2.5], [3, 2])
    rows = tf.IndexedSlices(tf.constant([[1.5]]), [2], None)
    with tf.Session() as session:
        found, slices = session.run([tf.cast(x, tf.int32), tf.cast(rows, tf.int64).values])
    assert isinstance(found, tf.SparseTensorValue)
    assert (found.values.dtype, found.values.tolist()) == ("int32", [1, -2])
    assert (found.indices.tolist(), found.dense_shape.tolist()) == ([[0, 1], [2, 0]], [3, 2])
    assert (slices.dtype, slices.tolist()) == ("int64", [[1]])


def test_cast_to_the_same_dtype_is_the_tensor_itself() -> None:
    x = tf.placeholder(tf.float32, [2])
    assert casting.cast(x, tf.float32) is x
    assert casting.to_float(x) is x
    assert casting.to_int64(x).dtype is tf.int64


@pytest.mark.parametrize(
    ("values", "dtype", "target", "expected"),
    [
        ([300, -5, 7], "int32", "uint8", [255, 0, 7]),
        ([300.7, -5.0, 7.9], "float32", "int8", [127, -5, 7]),
        ([1e10, -1e10], "float32", "int32", [2147483520, -(2**31)]),
        ([1e20, -1e20], "float64", "int64", [2**63 - 1024, -(2**63)]),
        ([1e300, -1e300], "float64", "float32", [np.finfo("f4").max, np.finfo("f4").min]),
        ([600, 10**9], "int64", "float16", [600, 65504]),
        ([5, 200], "uint8", "int64", [5, 200]),
    ],
)
def test_saturation(values: list, dtype: str, target: str, expected: list) -> None:
    result = run(casting.saturate_cast, np.array(values, dtype), dtype=target)
    assert result.dtype == target
    np.testing.assert_array_equal(result, np.array(expected, target))


def test_gradients_come_back_in_the_dtype_they_left() -> None:
    for bare in (False, True):
        g = grad(lambda x: casting.cast(x, tf.float64) * 2.0, np.ones(2, np.float32), bare=bare)
        assert g.dtype == np.float32
        np.testing.assert_array_equal(g, [2, 2])


def test_parts_of_complex_numbers() -> None:
    np.testing.assert_array_equal(run(parts.real, Z), Z.real)
    np.testing.assert_array_equal(run(parts.imag, Z), Z.imag)
    np.testing.assert_array_equal(run(parts.conj, Z), Z.conj())
    np.testing.assert_allclose(run(parts.angle, Z), np.angle(Z))
    result = run(parts.complex, np.array([1, np.inf], "f4"), np.array([np.inf, 2], "f4"))
    assert result.dtype == np.complex64
    np.testing.assert_array_equal(result.real, [1, np.inf])
    np.testing.assert_array_equal(result.imag, [np.inf, 2])


def test_parts_of_reals() -> None:
    x = tf.placeholder(tf.float32, [2])
    assert parts.real(x) is x
    assert parts.conj(x) is x
    np.testing.assert_array_equal(run(parts.imag, np.array([1.0, -1.0])), [0, 0])
    np.testing.assert_array_equal(run(parts.angle, np.array([1.0, -1.0])), [0, np.pi])


def test_gradients_of_parts() -> None:
    """TensorFlow's convention: df/dx + i df/dy."""
    for bare in (False, True):
        np.testing.assert_array_equal(grad(parts.real, Z, bare=bare), [1, 1, 1])
        np.testing.assert_array_equal(grad(parts.imag, Z, bare=bare), [1j, 1j, 1j])
    np.testing.assert_allclose(grad(parts.angle, Z), 1j * Z / np.abs(Z) ** 2)
    dx, dy = grad(lambda a, b: parts.real(parts.complex(a, b) * (2 + 3j)), np.ones(2), np.ones(()))
    np.testing.assert_array_equal(dx, [2, 2])
    assert dy == -6
