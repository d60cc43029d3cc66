"""LU factors, tridiagonal systems and functions of matrices: against SciPy, gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from op_checks import assert_gradient, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import elimination, matrix_functions
from tfmini.ops.elimination import (
    lu,
    lu_matrix_inverse,
    lu_reconstruct,
    lu_solve,
    tridiagonal_matmul,
    tridiagonal_solve,
)
from tfmini.ops.matrix_functions import expm, logm, sqrtm

rng = np.random.default_rng(12)


def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, shape)


A = draw(2, 3, 3) + 3 * np.eye(3)
B = draw(2, 3, 2)


def value(tensors: object) -> object:
    with tf.Session() as session:
        return session.run(tensors)


# -- LU factors -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 31, 33, 70])
def test_lu_equals_lapacks(n: int) -> None:
    x = draw(n, n)
    found, order = elimination.factor_lu(x)
    lower = np.tril(found, -1) + np.eye(n)
    np.testing.assert_allclose(lower @ np.triu(found), x[order], atol=1e-12)
    assert np.abs(lower).max(initial=0) <= 1  # of partial pivoting


def test_lu_of_a_stack_and_what_is_made_of_it() -> None:
    packed, order = lu(A[:, ::-1])
    back = lu_reconstruct(packed, order)
    solved, inverse = lu_solve(packed, order, B), lu_matrix_inverse(packed, order)
    back, solved, inverse, order = value([back, solved, inverse, order])
    np.testing.assert_allclose(back, A[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(solved, np.linalg.solve(A[:, ::-1], B))
    np.testing.assert_allclose(inverse, np.linalg.inv(A[:, ::-1]))
    assert order.dtype == np.int32
    assert lu(A, tf.int64).p.dtype is tf.int64


def test_one_permutation_serves_all_right_hand_sides() -> None:
    packed, order = lu(A[0])
    with pytest.raises(InvalidArgumentError, match="3"):
        lu_solve(packed, order, B[:, :2])
    np.testing.assert_allclose(value(lu_solve(packed, order, B)), np.linalg.solve(A[0], B))


def test_gradients_of_lu() -> None:
    x = A[:, ::-1].copy()
    assert_gradient(lambda t: lu(t).lu, x)
    assert_gradient(lambda t, b: lu_solve(*lu(t), b), x, B)
    assert_gradient(lambda t: lu_reconstruct(*lu(t)), x)


def test_a_singular_matrix_has_no_factors() -> None:
    with pytest.raises(InvalidArgumentError, match="singular"):
        run(lambda x: lu(x).lu, np.ones((2, 2)))


# -- tridiagonal systems ----------------------------------------------------------------------


def dense(d: np.ndarray) -> np.ndarray:
    return np.diag(d[1]) + np.diag(d[0, :-1], 1) + np.diag(d[2, 1:], -1)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_tridiagonal_systems(n: int) -> None:
    d, b = draw(2, 3, n), draw(2, n, 2)
    matrices = np.stack([dense(x) for x in d])
    expected = np.linalg.solve(matrices, b)
    np.testing.assert_allclose(run(tridiagonal_solve, d, b), expected, rtol=1e-8)
    np.testing.assert_allclose(run(tridiagonal_matmul, d, b), matrices @ b, atol=1e-12)
    strong = d + np.array([[0.0], [9.0], [0.0]])
    result = run(tridiagonal_solve, strong, b, partial_pivoting=False)
    np.testing.assert_allclose(result, np.linalg.solve(np.stack([dense(x) for x in strong]), b))


def test_ways_to_give_the_diagonals() -> None:
    d, b = draw(3, 4), draw(4, 2)
    expected = np.linalg.solve(dense(d), b)
    for form, given in (("matrix", dense(d)), ("sequence", [*d]),
                        ("sequence", [d[0, :-1], d[1], d[2, 1:]])):  # fmt: skip
        np.testing.assert_allclose(value(tridiagonal_solve(given, b, form)), expected, rtol=1e-8)
        product = value(tridiagonal_matmul(given, b, form))
        np.testing.assert_allclose(product, dense(d) @ b, atol=1e-12)
    np.testing.assert_allclose(value(tridiagonal_solve(d, b[:, 0])), expected[:, 0], rtol=1e-8)
    turned = value(tridiagonal_solve(d, b.T, transpose_rhs=True))
    np.testing.assert_allclose(turned, expected, rtol=1e-8)
    with pytest.raises(InvalidArgumentError, match="compact"):
        tridiagonal_solve(d, b, "dense")
    with pytest.raises(InvalidArgumentError, match="list of three"):
        tridiagonal_solve([d, d], b, "sequence")


def test_gradients_of_tridiagonal_systems() -> None:
    d, b = draw(3, 4) + np.array([[0.0], [3.0], [0.0]]), draw(4, 2)
    d[0, -1] = d[2, 0] = 0
    for function in (tridiagonal_solve, tridiagonal_matmul):
        assert_gradient(lambda x, y, f=function: f(_of_rank(x, 2), _of_rank(y, 2)), d, b)


def _of_rank(x: tf.Tensor, rank: int) -> tf.Tensor:
    x.set_shape([None] * rank)
    return x


def test_only_singular_systems_are_nan() -> None:
    d = draw(2, 3, 3)
    d[0, :, 1] = 0
    d[0, 2, 2] = 0
    found = run(tridiagonal_solve, d, draw(2, 3, 1))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


# -- functions of matrices --------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_exponentials(scale: float, dtype: str) -> None:
    x = (scale * draw(2, 4, 4)).astype(dtype)
    expected = scipy.linalg.expm(x.astype("complex128"))
    size = np.abs(expected).max()
    found = run(expm, x)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(
        found / size, expected / size, atol=2e-5 if dtype == "float32" else 1e-11
    )


JORDAN = np.triu(np.full((5, 5), 2.0))
CASES = {
    "symmetric": A[0] @ A[0].T,
    "general": A[1],
    "complex": A[1] + 1j * draw(3, 3),
    "one eigenvalue": JORDAN,
    "its mixture": np.linalg.inv(draw(5, 5)) @ JORDAN,
    "rotation": np.array([[0.0, -1.0], [1.0, 0.0]]),
}


@pytest.mark.parametrize("kind", CASES)
def test_roots_and_logarithms(kind: str) -> None:
    x = CASES[kind]
    if kind == "its mixture":
        mixing = np.random.default_rng(1).uniform(-1, 1, (5, 5))
        x = np.linalg.solve(mixing, JORDAN @ mixing)
    root = run(sqrtm, x)
    assert root.dtype == x.dtype
    np.testing.assert_allclose(root @ root, x, atol=1e-10 * np.abs(x).max())
    log = run(logm, x.astype("complex128"))
    np.testing.assert_allclose(scipy.linalg.expm(log), x, atol=1e-10 * np.abs(x).max())


@pytest.mark.parametrize("kind", CASES)
def test_both_ways_to_a_schur_form(kind: str) -> None:
    x = CASES[kind].astype("complex128")
    for q, t in (matrix_functions.schur(x), matrix_functions._by_deflation(x)):
        np.testing.assert_allclose(q @ q.conj().T, np.eye(len(x)), atol=1e-13)
        np.testing.assert_allclose(q @ t @ q.conj().T, x, atol=1e-12 * np.abs(x).max())


def test_gradients_of_functions_of_matrices() -> None:
    for function in (expm, sqrtm):
        assert_gradient(function, A)
        assert_gradient(lambda x, f=function: f(tf.matmul(x, x, transpose_b=True)), A[0])
    assert_gradient(lambda x: tf.real(logm(tf.cast(x, tf.complex128))), A)


def test_no_root_and_no_logarithm() -> None:
    x = np.stack([np.diag([-1.0, 4.0]), np.array([[0.0, 1.0], [0.0, 0.0]]), np.eye(2)])
    root = run(sqrtm, x)
    assert np.isnan(root[:2]).all()
    np.testing.assert_array_equal(root[2], np.eye(2))
    np.testing.assert_allclose(run(sqrtm, x[0].astype("complex64")), np.diag([1j, 2]))
    assert np.isnan(run(logm, np.zeros((2, 2), "complex128"))).all()
    with pytest.raises(InvalidArgumentError, match="complex"):
        logm(tf.placeholder(tf.float64, [2, 2]))
    for function in (expm, sqrtm, lu):
        with pytest.raises(InvalidArgumentError, match="square"):
            function(tf.placeholder(tf.float64, [2, 3]))
    for function in (expm, sqrtm):
        assert run(function, np.zeros((2, 0, 0))).shape == (2, 0, 0)
