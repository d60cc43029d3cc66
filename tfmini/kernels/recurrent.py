"""Recurrent layers over a whole sequence, and what their kernels share: the simple layer here,
LSTM in ``lstm.py``, GRU in ``gru.py``.

In:  ``x`` [steps, batch, inputs]; the state [batch, units] before the first step; one matrix per
product, the rows for the input first, then those for the state; ``lengths`` [batch] or None.
Out: the states after each step [steps, batch, units], and what the backward kernel needs.

The product with the input is taken for all steps at once, before the loop.  Rows whose sequence
has ended keep their state; their outputs are 0.  The rows of a batch do not know of each other, so
each core takes some of them through all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from tfmini.kernels.blocks import image_blocks, run_blocks
from tfmini.kernels.matmul import matmul

Array = np.ndarray

# Elements of a state that one core takes through the steps, at least: measured, half as many are
# no quicker on two cores.
_BLOCK = 1 << 13


class Squash(NamedTuple):
    """An activation: ``apply(x, out)``, and ``slope(y, out)``, its derivative by its value."""

    apply: Callable[[Array, Array], object]
    slope: Callable[[Array, Array], object]


def _tanh_slope(y: Array, out: Array) -> None:
    np.multiply(y, y, out=out)
    np.subtract(1, out, out=out)


def _sigmoid(x: Array, out: Array) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _sigmoid_slope(y: Array, out: Array) -> None:
    np.subtract(1, y, out=out)
    out *= y


SQUASH = {
    "tanh": Squash(lambda x, out: np.tanh(x, out=out), _tanh_slope),
    "sigmoid": Squash(_sigmoid, _sigmoid_slope),
    "relu": Squash(
        lambda x, out: np.maximum(x, 0, out=out), lambda y, out: np.greater(y, 0, out=out)
    ),
    "linear": Squash(lambda x, out: np.copyto(out, x), lambda _y, out: out.fill(1)),
}


class Ends:
    """Where the sequences of some rows end: after ``steps`` none is alive."""

    def __init__(self, lengths: Array | None, steps: int, rows: int) -> None:
        whole = np.full(max(rows, 1), steps)
        self._lengths: Array = whole if lengths is None or not rows else lengths
        self._full = int(self._lengths.min())
        self.steps = min(steps, max(int(self._lengths.max()), 0))

    def dead(self, t: int) -> Array | None:
        """Return which rows have ended before step ``t``, or None if none has."""
        if t < self._full:
            return None
        ended: Array = self._lengths <= t
        return ended


def by_rows(loop: Callable[[slice], None], batch: int, units: int) -> None:
    """Call ``loop`` for parts of the batch, on all cores.

    One product on two cores would have them meet, and wait, at every step.
    """

    def work(taken: Iterable[slice]) -> None:
        for rows in taken:
            loop(rows)

    run_blocks(work, image_blocks(batch, units, _BLOCK))


def flat(x: Array) -> Array:
    """Return ``x`` with its steps and batch as one dimension."""
    return x.reshape(-1, x.shape[-1]) if x.size else np.zeros((0, x.shape[-1]), x.dtype)


def input_product(x: Array, kernel: Array) -> Array:
    """Return the product of ``x`` and the first rows of ``kernel``, for all steps at once."""
    steps, batch, inputs = x.shape
    product: Array = matmul(flat(x), kernel[:inputs])
    return product.reshape(steps, batch, kernel.shape[1])


def weight_gradient(before: Array, states: Array, d_products: Array) -> Any:
    """Return the gradient of a state's matrix: the state before each step times what flows in."""
    states = np.concatenate([before[np.newaxis], states])[: len(d_products)]
    return matmul(flat(states).T, flat(d_products))


def of_rows(lengths: Array | None, rows: slice) -> Array | None:
    """Return the lengths of some rows."""
    return None if lengths is None else lengths[rows]


def simple(
    x: Array, h: Array, kernel: Array, bias: Array, lengths: Array | None, activation: str
) -> tuple[Array, Array]:
    """Return the outputs ``h = activation([x, h] kernel + bias)``, and the last state."""
    squash = SQUASH[activation].apply
    y, last = input_product(x, kernel), np.empty(h.shape, h.dtype)
    across = kernel[x.shape[2] :]

    def loop(rows: slice) -> None:
        state, product = h[rows], np.empty(h[rows].shape, h.dtype)
        ends = Ends(of_rows(lengths, rows), len(y), len(state))
        for t in range(ends.steps):
            np.dot(state, across, out=product)
            product += bias
            out = y[t, rows]
            out += product
            squash(out, out)
            dead = ends.dead(t)
            if dead is None:
                state = out
            else:
                state = np.where(dead[:, None], state, out)
                out[dead] = 0
        y[ends.steps :, rows] = 0
        last[rows] = state

    by_rows(loop, *h.shape)
    return y, last


def simple_backward(
    h: Array, across: Array, lengths: Array | None, y: Array, dy: Array, dh: Array,
    activation: str,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return the gradients of the products plus bias [steps, ...], of ``h`` and ``across``, the
    state's matrix."""
    slope, back = SQUASH[activation].slope, np.ascontiguousarray(across.T)
    d_products, d_first = np.empty(y.shape, y.dtype), np.empty(h.shape, h.dtype)

    def loop(rows: slice) -> None:
        flowing = np.array(dh[rows], order="C")
        ends = Ends(of_rows(lengths, rows), len(y), len(flowing))
        d_products[ends.steps :, rows] = 0
        for t in range(ends.steps - 1, -1, -1):
            d, dead = d_products[t, rows], ends.dead(t)
            kept = None if dead is None else flowing[dead]
            flowing += dy[t, rows]
            slope(y[t, rows], d)
            d *= flowing
            if dead is not None:
                d[dead] = 0
            np.dot(d, back, out=flowing)
            if dead is not None:
                flowing[dead] = kept
        d_first[rows] = flowing

    by_rows(loop, *h.shape)
    return d_products, d_first, weight_gradient(h, y, d_products)
