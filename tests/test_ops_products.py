"""Matrix products and einsum: vectors, batches, flags, unknown ranks, and bad shapes."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.ops import contraction, products
from tfmini.ops.products import matmul

rng = np.random.default_rng(3)


def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, shape)


PAIRS = [
    ((2, 3), (3, 4), {}), ((3, 2), (3, 4), {"transpose_a": True}),
    ((2, 3), (4, 3), {"transpose_b": True}),
    ((3, 2), (4, 3), {"transpose_a": True, "transpose_b": True}),
    ((2, 3), (3,), {}), ((3,), (3, 4), {}), ((3,), (3,), {}),
    ((5, 2, 3), (3, 4), {}), ((5, 2, 3), (4, 3), {"transpose_b": True}),
    ((5, 3, 2), (3, 4), {"transpose_a": True}), ((2, 3), (5, 3, 4), {}),
    ((5, 1, 2, 3), (6, 4, 3), {"transpose_b": True}), ((3,), (5, 3, 4), {}), ((5, 2, 3), (3,), {}),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "flags"), PAIRS)
def test_gradients_of_products(a: tuple, b: tuple, flags: dict) -> None:
    """First and second, of static and unknown rank."""
    assert_gradient(matmul, draw(*a), draw(*b), **flags)


def test_known_ranks_give_plain_products() -> None:
    with tf.Graph().as_default() as graph:
        x, w = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [3, 4])
        gradients(matmul(x, w), [x, w])
        types = [node.type for node in graph.operations]
    assert types.count("MatMul") == 3
    assert not {"MatMulGrad", "SumToShape", "Transpose"} & set(types)


def test_lesson_style_vector() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        a = tf.Variable([[1, 0], [0, -1]])
        x = tf.placeholder()
        assert session.run(matmul(a, x), {x: [1, 2]}).tolist() == [1, -2]


def test_adjoint_conjugates() -> None:
    a, b = draw(3, 2) + 1j * draw(3, 2), draw(3, 4) + 1j * draw(3, 4)
    np.testing.assert_allclose(run(matmul, a, b, adjoint_a=True), a.conj().T @ b)
    with pytest.raises(InvalidArgumentError, match="only one of"):
        matmul(a, b, transpose_a=True, adjoint_a=True)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "float32", "complex64"])
def test_products_keep_the_dtype(dtype: str) -> None:
    a, b = np.ones((2, 3), dtype), np.ones((3, 4), dtype)
    result = run(matmul, a, b)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.full((2, 4), 3))


def test_float16_is_summed_in_float32() -> None:
    ones = np.ones((1, 4096), np.float16)
    assert run(matmul, ones, ones, transpose_b=True) == 4096


def test_a_large_batch_by_a_matrix() -> None:
    a, b = draw(64, 40, 30), draw(30, 20)
    np.testing.assert_allclose(run(matmul, a, b), np.einsum("bij,jk->bik", a, b))
    np.testing.assert_allclose(run(products.matvec, a, b[:, 0]), a @ b[:, 0])


def test_shape_conflicts_are_named() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    with pytest.raises(InvalidArgumentError, match=r"inner dimensions differ.*\[2, 3\].*\[2, 3\]"):
        matmul(x, x)
    with pytest.raises(InvalidArgumentError, match="needs vectors or matrices"):
        matmul(x, tf.placeholder(tf.float32, []))
    with pytest.raises(InvalidTypeError, match="bool given"):
        matmul(x, tf.placeholder(tf.bool, [3, 2]))


def test_unknown_shapes_conflict_when_they_run() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = tf.placeholder(), tf.placeholder()
        z = matmul(x, y, name="product")
        with pytest.raises(InvalidArgumentError, match="product"):
            session.run(z, {x: np.ones((2, 3)), y: np.ones((2, 3))})


EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("bij,bj->ib", (5, 2, 3), (5, 3)),
    ("ij->j", (2, 3)), ("ij->", (2, 3)), ("ij->ji", (2, 3)), ("ij,k->", (2, 3), (4,)),
    ("...ij,jk->...ik", (5, 2, 3), (3, 4)), ("...i,...i->...", (5, 2, 3), (1, 2, 3)),
    ("ij,...jk->...ik", (2, 3), (5, 3, 4)), ("ij,jk,kl->li", (2, 3), (3, 4), (4, 5)),
    ("ii->i", (3, 3)), ("ii", (3, 3)), ("iji,j->i", (3, 2, 3), (2,)), ("...ii->...i", (2, 3, 3)),
    (",i->i", (), (3,)), ("ij , kj -> ik", (2, 3), (4, 3)),
]  # fmt: skip


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
def test_einsum(case: tuple) -> None:
    equation, *shapes = case
    values = [draw(*s) for s in shapes]

    def function(*tensors: tf.Tensor) -> tf.Tensor:
        return contraction.einsum(equation, *tensors)

    np.testing.assert_allclose(run(function, *values), np.einsum(equation, *values))
    assert_gradient(function, *values)


def test_einsum_broadcasts_no_label_that_turns_out_to_be_1() -> None:
    """As in TensorFlow, where only "..." is broadcast; gradients rely on it."""
    x, y = tf.placeholder(tf.float64, [None, 2]), tf.placeholder(tf.float64, [None, 2])
    z = tf.einsum("ij,ik->jk", x, y)
    with tf.Session() as session:
        with pytest.raises(InvalidArgumentError, match="'i' has several sizes: 7 and 1"):
            session.run(z, {x: np.ones((7, 2)), y: np.ones((1, 2))})
        assert session.run(z, {x: np.ones((7, 2)), y: np.ones((7, 2))}).sum() == 28


def test_einsum_returns_no_view() -> None:
    x = draw(2, 3)
    compute = contraction._einsum.opdef.compute
    assert not np.shares_memory(compute(x, equation="ij->ji"), x)


@pytest.mark.parametrize(
    ("equation", "message"),
    [("ij,jk->iz", "letters behind"), ("ij,jk->ii", "letters behind"), ("ij->i", "1 terms for 2"),
     ("i?,jk->i", "can't read"), ("...ij,jk->ik", "keep its"), ("ijk,jk->i", "does not fit"),
     ("ij,ik->j", "'i' has several sizes: 2 and 5")],
)  # fmt: skip
def test_bad_equations(equation: str, message: str) -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    y = tf.placeholder(tf.float32, [5, 3])
    with pytest.raises(InvalidArgumentError, match=message):
        contraction.einsum(equation, x, y)


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [((2, 3), (3, 4), 1), ((2,), (3,), 0), ((2, 3), (2, 3, 4), 2), ((2, 3), (3, 4), [[1], [0]]),
     ((2, 3), (3, 2, 5), [[0, 1], [1, 0]]), ((2, 3), (4, 3), [-1, -1])],
)  # fmt: skip
def test_tensordot(a: tuple, b: tuple, axes: object) -> None:
    x, y = draw(*a), draw(*b)
    result = run(contraction.tensordot, x, y, axes=axes)
    np.testing.assert_allclose(result, np.tensordot(x, y, axes))


def test_tensordot_of_bad_axes() -> None:
    x = tf.placeholder(tf.float32, [2, 3])
    with pytest.raises(InvalidArgumentError, match="out of range"):
        contraction.tensordot(x, x, [[2], [0]])
    with pytest.raises(InvalidArgumentError, match="known ranks"):
        contraction.tensordot(x, tf.placeholder(), 1)
