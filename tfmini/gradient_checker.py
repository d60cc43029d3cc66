"""``tf.test.compute_gradient``: derivatives of graphs beside differences of their values.

In: tensors x and y of the default session's graph.  Out: Jacobians [elements of x, elements of y],
one from ``tf.gradients`` and one from ``(y(x + delta) - y(x - delta)) / (2 delta)``.  A complex
number counts as two elements, its real and its imaginary part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.autodiff import gradients
from tfmini.build import convert_to_tensor
from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.nodes import Tensor, get_default_session

Jacobians = tuple[np.ndarray, np.ndarray]
Feeds = Mapping[Any, Any] | None


def compute_gradient(
    x: Any, x_shape: Any, y: Tensor, y_shape: Any, x_init_value: Any = None, delta: float = 1e-3,
    init_targets: Any = None, extra_feed_dict: Feeds = None,
) -> Jacobians | list[Jacobians]:  # fmt: skip
    """Return the Jacobian dy/dx as the graph has it, and as differences give it.

    Parameters
    ----------
    x : tensor, or a list of them: then the result is a list
    x_shape, y_shape : shapes of the values; those of x a list if x is one
    x_init_value : array, or list of them, at which to look; default uniform in [0, 1)
    delta : half the distance of the differences
    init_targets : operations to run first
    extra_feed_dict : feeds besides x
    """
    session = get_default_session()
    if session is None:
        raise FailedPreconditionError(
            None, None, "compute_gradient needs a default session: use `with tf.Session():`."
        )
    if init_targets is not None:
        session.run(init_targets)
    if not isinstance(x, list):
        start = _start(x, x_shape, x_init_value)
        return _jacobians(session, x, start, y, y_shape, delta, extra_feed_dict)
    given = [None] * len(x) if x_init_value is None else x_init_value
    starts = [_start(*one) for one in zip(x, x_shape, given, strict=True)]
    extra = {**(extra_feed_dict or {}), **dict(zip(x, starts, strict=True))}
    return [
        _jacobians(session, one, start, y, y_shape, delta, extra)
        for one, start in zip(x, starts, strict=True)
    ]


def compute_gradient_error(
    x: Any, x_shape: Any, y: Tensor, y_shape: Any, x_init_value: Any = None, delta: float = 1e-3,
    init_targets: Any = None, extra_feed_dict: Feeds = None,
) -> float:  # fmt: skip
    """Return the largest difference between the two Jacobians of ``compute_gradient``."""
    found = compute_gradient(
        x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict
    )
    pairs = found if isinstance(found, list) else [found]
    return float(max([np.max(np.abs(a - b), initial=0.0) for a, b in pairs], default=0.0))


def _start(x: Tensor, shape: Sequence[int], given: Any) -> np.ndarray:
    """Return a value of ``x`` as an array of its own: its elements will be moved."""
    if x.dtype is None or not (x.dtype.is_floating or x.dtype.is_complex):
        raise InvalidArgumentError(x.op.info, x.op, "x must be of floats or complex numbers.")
    dtype = x.dtype.dtype
    if given is None:
        drawn = np.random.uniform(size=tuple(shape)).astype(dtype)
        return drawn * dtype.type(1 + 1j) if x.dtype.is_complex else drawn
    start = np.array(given, dtype)
    if start.shape != tuple(shape):
        raise InvalidArgumentError(
            x.op.info, x.op, f"x_init_value has shape {start.shape}, x_shape is {tuple(shape)}."
        )
    return start


def _parts(array: np.ndarray) -> np.ndarray:
    """Return the elements of a contiguous array as a vector of real numbers, not copied."""
    return array.reshape(-1).view(array.real.dtype)


def _jacobians(
    session: Any, x: Tensor, start: np.ndarray, y: Tensor, y_shape: Sequence[int], delta: float,
    extra: Feeds,
) -> Jacobians:  # fmt: skip
    if y.dtype is None or not (y.dtype.is_floating or y.dtype.is_complex):
        raise InvalidArgumentError(y.op.info, y.op, "y must be of floats or complex numbers.")
    feeds = dict(extra or {})
    dy = np.zeros(tuple(y_shape), y.dtype.dtype)
    return (
        _by_gradients(session, x, start, y, dy, feeds),
        _by_differences(session, x, start, y, dy.size and _parts(dy).size, delta, feeds),
    )


def _by_gradients(
    session: Any, x: Tensor, start: np.ndarray, y: Tensor, dy: np.ndarray, feeds: dict[Any, Any]
) -> np.ndarray:
    with x.graph.as_default():
        weights = convert_to_tensor(np.zeros_like(dy), name="dy")
        (grad,) = gradients(y, x, weights)
        if grad is None:
            raise InvalidArgumentError(y.op.info, y.op, f"y does not depend on x = {x.name!r}.")
        grad = convert_to_tensor(grad)
    out = np.zeros((_parts(start).size, _parts(dy).size), start.real.dtype)
    for i in range(out.shape[1]):
        _parts(dy)[i] = 1
        out[:, i] = _parts(
            np.ascontiguousarray(session.run(grad, {**feeds, x: start, weights: dy}))
        )
        _parts(dy)[i] = 0
    return out


def _by_differences(
    session: Any, x: Tensor, start: np.ndarray, y: Tensor, length: int, delta: float,
    feeds: dict[Any, Any],
) -> np.ndarray:  # fmt: skip
    moved = _parts(start)
    out = np.zeros((moved.size, length), start.real.dtype)
    for i, place in enumerate(moved.copy()):
        moved[i] = place + delta
        above = session.run(y, {**feeds, x: start})
        moved[i] = place - delta
        below = session.run(y, {**feeds, x: start})
        moved[i] = place
        out[i] = _parts(np.ascontiguousarray((above - below) / (2 * delta)))
    return out
