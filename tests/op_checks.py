"""What tests of operations share: run a function on values, and check its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tfmini as tf
from tfmini.autodiff import gradients


def run(function: Callable[..., Any], *values: Any, **attrs: Any) -> Any:
    """Return what ``function`` of placeholders gives for ``values``; lists are lists of tensors."""
    with tf.Graph().as_default(), tf.Session() as session:
        feed: dict[Any, Any] = {}
        y = function(*[_fed(v, feed, bare=False) for v in values], **attrs)
        result = session.run(y, feed)
        dtype, shape = np.asarray(result).dtype, np.shape(result)
        assert y.dtype == dtype, f"dtype {y.dtype} inferred, {dtype} computed"
        assert y.shape.is_compatible_with(shape), f"shape {y.shape} inferred, {shape} computed"
        return result


def grad(function: Callable[..., Any], *values: Any, bare: bool = False, **attrs: Any) -> Any:
    """Return the gradients of the sum of ``function`` for each float array of ``values``.

    ``bare``: through placeholders of unknown shape and dtype.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        feed: dict[Any, Any] = {}
        inputs = [_fed(v, feed, bare) for v in values]
        xs = [x for x in feed if feed[x].dtype.kind in "fc"]
        y = function(*inputs, **attrs)
        found = session.run(gradients(y, xs, unconnected_gradients="zero"), feed)
        return found[0] if len(found) == 1 else found


def assert_gradient(function: Callable[..., Any], *values: Any, **attrs: Any) -> None:
    """Compare the gradient, and that of the gradient, with central differences along a direction.

    With static shapes known and unknown; the values should be float64, away from any kink.
    """
    for bare in (False, True):
        with tf.Graph().as_default(), tf.Session() as session:
            feed: dict[Any, Any] = {}
            inputs = [_fed(v, feed, bare) for v in values]
            xs = [x for x in feed if feed[x].dtype.kind == "f"]
            y = function(*inputs, **attrs)
            weights = _like(session.run(y, feed))
            first = gradients(y, xs, [tf.convert_to_tensor(weights)])
            _compare(session, feed, xs, [y], [weights], first)
            seeds = [_like(feed[x]) for x in xs]
            given = [tf.convert_to_tensor(s) for s in seeds]
            second = gradients(first, xs, given, unconnected_gradients="zero")
            _compare(session, feed, xs, first, seeds, second)


def _compare(session: Any, feed: Any, xs: Any, ys: Any, weights: Any, found: Any) -> None:
    step, directions = 1e-6, [_like(feed[x]) for x in xs]

    def total(sign: int) -> float:
        moved = {x: feed[x] + sign * step * d for x, d in zip(xs, directions, strict=True)}
        values = session.run(list(ys), {**feed, **moved})
        return sum(float(np.sum(w * v)) for w, v in zip(weights, values, strict=True))

    expected = (total(1) - total(-1)) / (2 * step)
    values = session.run(list(found), feed)
    for x, value in zip(xs, values, strict=True):
        assert np.shape(value) == feed[x].shape
        assert np.asarray(value).dtype == feed[x].dtype
    actual = sum(float(np.sum(v * d)) for v, d in zip(values, directions, strict=True))
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=1e-6)


def _fed(value: Any, feed: dict[Any, Any], bare: bool) -> Any:
    if isinstance(value, list):
        return [_fed(v, feed, bare) for v in value]
    array = np.asarray(value)
    x = tf.placeholder() if bare else tf.placeholder(array.dtype, array.shape)
    feed[x] = array
    return x


def _like(value: Any) -> np.ndarray:
    """Return fixed, irregular numbers of the shape of ``value``."""
    return np.cos(1.0 + np.arange(np.size(value), dtype=float)).reshape(np.shape(value))
