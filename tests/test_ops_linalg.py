"""Linear algebra: against NumPy, gradients of batches, what is not defined, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, grad, run

import tfmini as tf
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.ops import decompositions, diagonals, linalg, solvers
from tfmini.ops.products import matmul

rng = np.random.default_rng(6)


def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, shape)


A = draw(2, 3, 3) + 3 * np.eye(3)
B = draw(2, 3, 2)


def gram(x: tf.Tensor) -> tf.Tensor:
    return matmul(x, x, transpose_b=True)


def of_rank_3(function: object, rows: int, columns: int) -> object:
    """Return ``function`` of a batch of matrices whose sides are known."""

    def run_with_shape(x: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        x.set_shape([None, rows, columns])
        return function(x, *others)

    return run_with_shape


# -- diagonals --------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, 1, -1])
def test_diagonals(k: int) -> None:
    x, d = draw(2, 3, 4), draw(2, 3)
    expected = np.stack([np.diag(row, k) for row in d])
    np.testing.assert_array_equal(run(diagonals.matrix_diag, d, k=k), expected)
    part = run(diagonals.matrix_diag_part, x, k=k)
    np.testing.assert_array_equal(part, x.diagonal(k, 1, 2))
    put = run(diagonals.matrix_set_diag, x, -part, k=k)
    np.testing.assert_array_equal(put.diagonal(k, 1, 2), -part)
    assert np.count_nonzero(put != x) == part.size
    assert_gradient(diagonals.matrix_diag, d, k=k)
    assert_gradient(diagonals.matrix_diag_part, x, k=k)
    assert_gradient(diagonals.matrix_set_diag, x, part, k=k)


def test_diagonals_in_given_frames() -> None:
    d = np.array([1.0, 2.0])
    result = run(diagonals.matrix_diag, d, k=-1, num_rows=4, num_cols=2, padding_value=9.0)
    np.testing.assert_array_equal(result, [[9, 9], [1, 9], [9, 2], [9, 9]])
    with pytest.raises(InvalidArgumentError, match="does not fit"):
        diagonals.matrix_diag(tf.placeholder(tf.float32, [3]), num_rows=2, num_cols=2)
    with pytest.raises(InvalidArgumentError, match="no diagonal 3"):
        diagonals.matrix_diag_part(tf.placeholder(tf.float32, [3, 3]), k=3)
    with pytest.raises(InvalidArgumentError, match="one diagonal"):
        diagonals.matrix_diag_part(tf.placeholder(tf.float32, [3, 3]), k=(0, 1))


def test_diagonals_of_tensors() -> None:
    x = draw(2, 3)
    whole = run(diagonals.diag, x)
    assert whole.shape == (2, 3, 2, 3)
    assert whole[1, 2, 1, 2] == x[1, 2]
    np.testing.assert_array_equal(run(diagonals.diag_part, whole), x)
    assert_gradient(diagonals.diag, x)
    assert_gradient(diagonals.diag_part, whole)
    np.testing.assert_allclose(run(diagonals.trace, A), np.trace(A, axis1=1, axis2=2))


def test_bands() -> None:
    x = draw(2, 4, 5)
    for lower, upper in ((-1, 0), (0, -1), (1, 1), (-1, -1), (0, 0)):
        result = run(diagonals.matrix_band_part, x, np.array(lower), np.array(upper))
        i, j = np.indices((4, 5))
        inside = ((lower < 0) | (i - j <= lower)) & ((upper < 0) | (j - i <= upper))
        np.testing.assert_array_equal(result, np.where(inside, x, 0))
    assert_gradient(lambda t: diagonals.matrix_band_part(t, 1, 0), x)


# -- systems of equations ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "values", "flags"),
    [(solvers.matrix_inverse, [A], {}), (solvers.matrix_inverse, [A], {"adjoint": True}),
     (solvers.matrix_determinant, [A], {}), (lambda x: solvers.slogdet(x)[1], [A], {}),
     (lambda x: solvers.logdet(gram(x)), [A], {}), (solvers.adjoint, [B], {}),
     (solvers.solve, [A, B], {}), (solvers.solve, [A, B], {"adjoint": True}),
     (solvers.solve, [A, B[0]], {}), (solvers.triangular_solve, [A, B], {}),
     (solvers.triangular_solve, [A, B], {"lower": False}),
     (solvers.triangular_solve, [A, B], {"adjoint": True}),
     (lambda x, b: solvers.cholesky_solve(decompositions.cholesky(gram(x)), b), [A, B], {})],
)  # fmt: skip
def test_gradients_of_solvers(function: object, values: list, flags: dict) -> None:
    assert_gradient(function, *values, **flags)


def test_solvers_against_numpy() -> None:
    np.testing.assert_allclose(run(solvers.solve, A, B), np.linalg.solve(A, B))
    result = run(solvers.triangular_solve, A, B, lower=False, adjoint=True)
    np.testing.assert_allclose(result, np.linalg.solve(np.triu(A).swapaxes(1, 2), B))
    sign, log = (run(lambda x, i=i: solvers.slogdet(x)[i], -A) for i in (0, 1))
    np.testing.assert_allclose(sign * np.exp(log), np.linalg.det(-A))


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3)])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_least_squares(shape: tuple, ridge: float) -> None:
    a, b = draw(2, *shape), draw(2, shape[0], 2)
    function = of_rank_3(lambda x, y: solvers.matrix_solve_ls(x, y, ridge), *shape)
    expected = np.linalg.pinv(a) @ b
    if ridge:
        at = a.swapaxes(1, 2)
        expected = np.linalg.solve(at @ a + ridge * np.eye(shape[1]), at @ b)
    np.testing.assert_allclose(run(function, a, b), expected, rtol=1e-6)
    assert_gradient(function, a, b)


def test_a_singular_matrix_is_an_error_that_names_the_node() -> None:
    singular = np.ones((2, 2))
    for function in (solvers.matrix_inverse, lambda x: solvers.solve(x, x),
                     lambda x: decompositions.cholesky(-x)):  # fmt: skip
        with pytest.raises(InvalidArgumentError, match=r"Matrix|Cholesky"):
            run(function, singular)


@pytest.mark.parametrize(
    ("function", "shapes", "message"),
    [(solvers.matrix_inverse, [[2, 3]], "square"), (solvers.matrix_determinant, [[3]], "matrix"),
     (solvers.solve, [[3, 3], [2, 2]], "differ in rows"), (solvers.solve, [[3, 3], [3]], "matrix"),
     (decompositions.cholesky, [[2, 3]], "square"), (decompositions.svd, [[3]], "matrix"),
     (diagonals.trace, [[3]], "matrix")],
)  # fmt: skip
def test_bad_shapes(function: object, shapes: list, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        function(*[tf.placeholder(tf.float32, s) for s in shapes])


def test_half_floats_are_refused_while_building() -> None:
    x = tf.placeholder(tf.float16, [3, 3])
    for function in (solvers.matrix_inverse, decompositions.svd, decompositions.cholesky):
        with pytest.raises(InvalidArgumentError, match="float16"):
            function(x)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_single_precision_stays(dtype: str) -> None:
    a = A.astype(dtype)
    for function in (solvers.matrix_inverse, solvers.matrix_determinant,
                     lambda x: solvers.slogdet(x)[1], lambda x: decompositions.qr(x)[1],
                     lambda x: decompositions.svd(x)[2]):  # fmt: skip
        assert run(function, a).dtype == dtype
    assert run(decompositions.svd, a, compute_uv=False).dtype == np.float32


# -- decompositions ---------------------------------------------------------------------------


def test_cholesky() -> None:
    spd = A @ A.swapaxes(1, 2)
    np.testing.assert_allclose(run(decompositions.cholesky, spd), np.linalg.cholesky(spd))
    assert_gradient(lambda x: decompositions.cholesky(gram(x)), A)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3)])
def test_qr(shape: tuple) -> None:
    x = draw(2, *shape) + 2 * np.eye(3)[: shape[0], : shape[1]]
    q, r = (run(lambda t, i=i: decompositions.qr(t)[i], x) for i in (0, 1))
    np.testing.assert_allclose(q @ r, x)
    for i in (0, 1):
        assert_gradient(lambda t, i=i: decompositions.qr(t)[i], x)
    full = run(lambda t: decompositions.qr(t, full_matrices=True)[0], x)
    assert full.shape == (2, shape[0], shape[0])


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3)])
def test_svd(shape: tuple) -> None:
    x = draw(2, *shape)
    s, u, v = (run(lambda t, i=i: decompositions.svd(t)[i], x) for i in range(3))
    np.testing.assert_allclose(u * s[:, None] @ v.swapaxes(1, 2), x)
    for i in range(3):
        assert_gradient(lambda t, i=i: decompositions.svd(t)[i], x)
    assert_gradient(decompositions.svd, x, compute_uv=False)
    full = run(lambda t: decompositions.svd(t, full_matrices=True)[1], x)
    assert full.shape == (2, shape[0], shape[0])


def test_gradients_of_singular_values_alone_stand_equal_ones() -> None:
    x = np.eye(3)
    np.testing.assert_allclose(grad(lambda t: decompositions.svd(t)[0], x), x, atol=1e-12)
    np.testing.assert_allclose(grad(decompositions.eigvalsh, x), x, atol=1e-12)


def test_eigenvectors() -> None:
    x = A + A.swapaxes(1, 2)
    e, v = (run(lambda t, i=i: decompositions.eigh(t)[i], x) for i in (0, 1))
    np.testing.assert_allclose(v * e[:, None] @ v.swapaxes(1, 2), x, atol=1e-12)
    for i in (0, 1):
        assert_gradient(lambda t, i=i: decompositions.eigh(t)[i], x)
    assert_gradient(decompositions.eigvalsh, x)
    np.testing.assert_allclose(run(decompositions.eigvalsh, x), e)


def test_gradients_that_are_not_defined_say_so() -> None:
    x = tf.placeholder(tf.float64, [3, 2])
    unknown = tf.placeholder(tf.float64)
    complex_x = tf.placeholder(tf.complex128, [3, 2])
    cases = [(decompositions.qr(unknown, True)[0], unknown), (decompositions.qr(x, True)[0], x),
             (decompositions.svd(x, True)[1], x)]  # fmt: skip
    for y, source in cases:
        with pytest.raises(UnimplementedError, match="gradient"):
            tf.gradients(y, [source])
    with pytest.raises(UnimplementedError, match="complex"):
        tf.gradients(decompositions.svd(complex_x)[1], [complex_x])


# -- norms ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", [1, 2, 3, np.inf, "euclidean"])
def test_norms_of_vectors(ord: object) -> None:
    x = draw(3, 4)
    order = 2 if ord == "euclidean" else ord
    np.testing.assert_allclose(run(linalg.norm, x, ord=ord, axis=1),
                               np.linalg.norm(x, order, 1))  # fmt: skip
    np.testing.assert_allclose(run(linalg.norm, x, ord=ord), np.linalg.norm(x.ravel(), order))
    assert_gradient(linalg.norm, x, ord=ord, axis=0)


@pytest.mark.parametrize("ord", ["fro", 1, 2, np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_matrices(ord: object, keepdims: bool) -> None:
    x = draw(3, 2, 4)
    for axis in ([0, 2], [-1, 0]):
        function = lambda t, axis=axis: linalg.norm(t, ord, axis, keepdims=keepdims)  # noqa: E731
        expected = np.linalg.norm(x, ord, tuple(axis), keepdims)
        np.testing.assert_allclose(run(function, x), expected)


def test_norms_that_there_are_not() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    for ord, axis in ((0, None), (-1, 0), ("nuc", None), (3, [0, 1]), (1, [0, 0])):
        with pytest.raises(InvalidArgumentError, match=r"norm|ints"):
            linalg.norm(x, ord, axis)


def test_cross_products() -> None:
    a, b = draw(2, 3), draw(2, 3)
    np.testing.assert_allclose(run(linalg.cross, a, b), np.cross(a, b))
    assert_gradient(linalg.cross, a, b)
    with pytest.raises(InvalidArgumentError, match="length 3"):
        linalg.cross(tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2]))
