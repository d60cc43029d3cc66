"""``tf.linalg.LinearOperator*`` against the same matrices in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfmini as tf

A = np.array([[[2.0, 0.5], [0.3, 1.5]], [[1.0, -0.4], [0.7, 3.0]]])
D = A[:, 0]
X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
MADE = [
    (tf.linalg.LinearOperatorFullMatrix, A, A),
    (tf.linalg.LinearOperatorLowerTriangular, A, np.tril(A)),
    (tf.linalg.LinearOperatorDiag, D, D[:, None] * np.eye(2)),
    (lambda n: tf.linalg.LinearOperatorIdentity(n, [2], tf.float64), 2, np.stack([np.eye(2)] * 2)),
]


def values(*fetches: Any) -> list[Any]:
    with tf.Session() as session:
        return session.run(list(fetches))


@pytest.mark.parametrize(("make", "given", "dense"), MADE)
def test_operators_do_as_their_matrices(make, given, dense) -> None:
    a = make(given)
    turned, v = dense.swapaxes(-1, -2), X[:, 0]
    pairs = [
        (a.to_dense(), dense),
        (a.shape_tensor(), (2, 2, 2)),
        (a.matmul(X), dense @ X),
        (a.matmul(X, adjoint=True), turned @ X),
        (a.matmul(X.T, adjoint_arg=True), dense @ X),
        (a.matvec(v), dense @ v),
        (a.solve(X), np.linalg.solve(dense, np.stack([X] * 2))),
        (a.solve(X, adjoint=True), np.linalg.solve(turned, np.stack([X] * 2))),
        (a.solvevec(v), np.linalg.solve(dense, np.stack([v[:, None]] * 2))[..., 0]),
        (a.determinant(), np.linalg.det(dense)),
        (a.log_abs_determinant(), np.linalg.slogdet(dense)[1]),
        (a.diag_part(), np.diagonal(dense, axis1=-2, axis2=-1)),
        (a.trace(), np.trace(dense, axis1=-2, axis2=-1)),
        (a.add_to_tensor(A), dense + A),
        (a.matmul(tf.linalg.LinearOperatorFullMatrix(A)).to_dense(), dense @ A),
    ]
    for found, (_, wanted) in zip(values(*[p[0] for p in pairs]), pairs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert a.shape.as_list() == [2, 2, 2]
    assert a.batch_shape.as_list() == [2]
    assert (a.tensor_rank, a.domain_dimension.value, a.is_square) == (3, 2, True)
    assert a.to_dense().dtype is tf.float64


def test_the_mask_of_a_decoder() -> None:
    """As scripts of transformers make it: ones below the diagonal, of a size known only later."""
    scores = tf.placeholder(tf.float32, [None, None])
    ones = tf.ones_like(scores)
    lower = tf.linalg.LinearOperatorLowerTriangular(ones)
    with tf.Session() as session:
        found = session.run(lower.to_dense(), {scores: np.zeros((3, 3))})
    np.testing.assert_array_equal(found, np.tril(np.ones((3, 3), np.float32)))
    assert lower.is_square is True


def test_gradients_stay_in_the_structure() -> None:
    given = tf.constant(A[0])
    loss = tf.reduce_sum(tf.linalg.LinearOperatorLowerTriangular(given).solve(X))
    (grad,) = values(tf.gradients(loss, given)[0])
    assert grad[0, 1] == 0
    assert np.all(grad[np.tril_indices(2)] != 0)


def test_hints_and_errors() -> None:
    diagonal = tf.linalg.LinearOperatorDiag([1.0, 2.0], is_positive_definite=True)
    assert diagonal.is_self_adjoint is True
    assert diagonal.is_non_singular is True
    wide = tf.linalg.LinearOperatorFullMatrix(np.ones((2, 3)))
    assert wide.is_square is False
    with pytest.raises(NotImplementedError, match="lstsq"):
        wide.solve(X)
    with pytest.raises(TypeError, match="float or complex"):
        tf.linalg.LinearOperatorDiag([1, 2])
    with pytest.raises(ValueError, match="denies"):
        tf.linalg.LinearOperatorDiag([1.0], is_square=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 or more dimensions"):
        tf.linalg.LinearOperatorLowerTriangular([1.0])
