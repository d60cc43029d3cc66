"""Convolutions: gradients in every spelling and layout, static shapes, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from op_checks import assert_gradient, run

import tfmini as tf
from tfmini.autodiff import gradients
from tfmini.errors import InvalidArgumentError
from tfmini.ops import convolving

rng = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return rng.uniform(-1.5, 1.5, shape)


X, W = draw(2, 5, 4, 2), draw(3, 2, 2, 3)


def by_definition(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the convolution without padding."""
    rows, columns = x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1
    out = np.zeros((len(x), rows, columns, w.shape[-1]))
    for i, j in np.ndindex(*w.shape[:2]):
        out += x[:, i : i + rows, j : j + columns] @ w[i, j]
    return out


SPELLINGS = [
    {"strides": 1, "padding": "SAME"}, {"strides": [1, 2, 1, 1], "padding": "VALID"},
    {"strides": [2], "padding": "SAME"}, {"strides": 1, "padding": "VALID", "dilations": [2, 1]},
    {"strides": 1, "padding": [[0, 0], [1, 0], [0, 2], [0, 0]]},
]  # fmt: skip


@pytest.mark.parametrize("options", SPELLINGS, ids=str)
@pytest.mark.parametrize("function", [convolving.conv2d, convolving.depthwise_conv2d])
def test_gradients(function: object, options: dict) -> None:
    assert_gradient(function, X, W, **options)


@pytest.mark.parametrize("function", [convolving.conv2d, convolving.depthwise_conv2d])
def test_channels_first(function: object) -> None:
    expected = run(function, X, W, strides=[1, 2, 1, 1], padding="SAME")
    x = X.transpose(0, 3, 1, 2)
    result = run(function, x, W, strides=[1, 1, 2, 1], padding="SAME", data_format="NCHW")
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected)


def test_values() -> None:
    np.testing.assert_allclose(run(convolving.conv2d, X, W, strides=1, padding="VALID"),
                               by_definition(X, W))  # fmt: skip
    atrous = run(convolving.atrous_conv2d, X, W[:2], rate=2, padding="VALID")
    spread = np.zeros((3, 3, 2, 3))
    spread[::2, ::2] = W[:2]
    np.testing.assert_allclose(atrous, by_definition(X, spread))


def test_depthwise_is_convolution_of_each_channel() -> None:
    result = run(convolving.depthwise_conv2d, X, W, strides=[1, 1, 1, 1], padding="VALID")
    parts = [by_definition(X[..., c : c + 1], W[:, :, c : c + 1]) for c in range(2)]
    np.testing.assert_allclose(result, np.concatenate(parts, -1))


def test_separable() -> None:
    point = draw(1, 1, 6, 4)
    depthwise = run(convolving.depthwise_conv2d, X, W, strides=1, padding="SAME")
    result = run(convolving.separable_conv2d, X, W, point, strides=[1, 1, 1, 1], padding="SAME")
    np.testing.assert_allclose(result, depthwise @ point[0, 0])


def test_transposed_is_the_adjoint() -> None:
    y = run(convolving.conv2d, X, W, strides=2, padding="SAME")
    g = draw(*y.shape)
    back = run(lambda g, w: convolving.conv2d_transpose(g, w, list(X.shape), 2, "SAME"), g, W)
    assert np.vdot(back, X) == pytest.approx(np.vdot(g, y))
    assert_gradient(lambda g, w: convolving.conv2d_transpose(g, w, list(X.shape), 2), g, W)
    first = run(
        lambda g, w: convolving.conv2d_transpose(g, w, [2, 2, 5, 4], 2, data_format="NCHW"),
        g.transpose(0, 3, 1, 2), W,
    )  # fmt: skip
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), back)


def test_shape_of_the_transposed_may_come_from_a_tensor() -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        g = tf.placeholder(tf.float32, [None, 3, 2, 3])
        y = convolving.conv2d_transpose(g, W.astype(np.float32), [tf.shape(g)[0], 5, 4, 2], 2)
        assert y.shape.as_list() == [None, 5, 4, 2]
        assert session.run(y, {g: draw(2, 3, 2, 3)}).shape == (2, 5, 4, 2)


def test_gradient_operations_have_gradients() -> None:
    g = draw(2, 5, 4, 3)
    assert_gradient(
        lambda w, g: convolving.conv2d_backprop_input([2, 5, 4, 2], w, g, 1, "SAME"), W, g
    )
    assert_gradient(
        lambda x, g: convolving.conv2d_backprop_filter(x, [3, 2, 2, 3], g, 1, "SAME"), X, g
    )


def test_one_dimension() -> None:
    x, w = draw(2, 7, 2), draw(3, 2, 3)
    expected = by_definition(x[:, None], w[None])[:, 0]
    np.testing.assert_allclose(run(convolving.conv1d, x, w, stride=1, padding="VALID"), expected)
    turned = run(convolving.conv1d, x.swapaxes(1, 2), w, stride=1, padding="VALID",
                 data_format="NCW")  # fmt: skip
    np.testing.assert_allclose(turned.swapaxes(1, 2), expected)
    assert_gradient(convolving.conv1d, x, w, stride=2, padding="SAME")
    g = draw(2, 4, 3)
    assert_gradient(lambda g, w: convolving.conv1d_transpose(g, w, [2, 7, 2], 2), g, w)


def test_three_dimensions() -> None:
    x, w = draw(1, 3, 3, 4, 2), draw(2, 2, 2, 2, 3)
    assert_gradient(convolving.conv3d, x, w, strides=[1, 1, 2, 1, 1], padding="SAME")
    flat = run(convolving.conv3d, x, w[:1], strides=1, padding="VALID")
    np.testing.assert_allclose(flat[0], by_definition(x[0], w[0]))
    g = draw(1, 2, 2, 2, 3)
    assert_gradient(lambda g, w: convolving.conv3d_transpose(g, w, [1, 3, 3, 4, 2], 2), g, w)


def test_rank_by_filter() -> None:
    line, volume = (draw(2, 7, 2), draw(3, 2, 3)), (draw(1, 3, 3, 4, 2), draw(2, 2, 2, 2, 3))
    for x, w in (line, (X, W), volume):
        y = run(convolving.convolution, x, w, padding="SAME")
        assert y.shape == (*x.shape[:-1], 3)
    with pytest.raises(InvalidArgumentError, match="rank of the filter"):
        convolving.convolution(tf.placeholder(tf.float32), tf.placeholder(tf.float32), "SAME")


def test_static_shapes_with_unknown_dimensions() -> None:
    x, w = tf.placeholder(tf.float32, [None, None, 8, 2]), tf.placeholder(tf.float32, [3, 3, 2, 5])
    y = convolving.conv2d(x, w, 2, "SAME")
    assert y.shape.as_list() == [None, None, 4, 5]
    dx, dw = gradients(y, [x, w])
    assert dx.shape.as_list() == [None, None, 8, 2]
    assert dw.shape.as_list() == [3, 3, 2, 5]
    unknown = convolving.conv2d(tf.placeholder(), w, 1, "SAME")
    assert unknown.shape.as_list() == [None, None, None, 5]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_dtypes(dtype: str) -> None:
    result = run(convolving.conv2d, X.astype(dtype), W.astype(dtype), strides=1, padding="SAME")
    assert result.dtype == dtype


def test_arrays_take_the_dtype_of_the_tensor() -> None:
    x = tf.placeholder(tf.float32, [None, 5, 4, 2])
    assert convolving.conv2d(x, W, 1, "SAME").dtype is tf.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [({"strides": [2, 1, 1, 1], "padding": "SAME"}, "must be 1 for the batch"),
     ({"strides": 1, "padding": "same"}, "use SAME, VALID or pairs"),
     ({"strides": [1, 1, 1], "padding": "SAME"}, "give 1, 2 or 4"),
     ({"strides": 1, "padding": "FULL"}, "SAME, VALID"), ({"strides": 1}, "padding is missing"),
     ({"strides": 1, "padding": [[1, 1]]}, "pair"), ({"strides": 0, "padding": "SAME"}, "strides"),
     ({"strides": 1, "padding": "SAME", "data_format": "HWNC"}, "data_format"),
     ({"strides": 1, "padding": "SAME", "filters": W}, "give filter once")],
)  # fmt: skip
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        convolving.conv2d(tf.placeholder(tf.float32, X.shape), W, **options)


def test_bad_shapes() -> None:
    x = tf.placeholder(tf.float32, [2, 5, 4, 3])
    with pytest.raises(InvalidArgumentError, match="3 channels, filters expect 2"):
        convolving.conv2d(x, W, 1, "SAME")
    with pytest.raises(InvalidArgumentError, match=r"4 dimensions are wanted, shape \[5, 4, 2\]"):
        convolving.conv2d(tf.placeholder(tf.float32, [5, 4, 2]), W, 1, "SAME")
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32)
        y = convolving.conv2d(x, W, 1, "SAME", name="first_layer")
        with pytest.raises(InvalidArgumentError, match="first_layer"):
            session.run(y, {x: np.zeros((2, 5, 4, 3))})
