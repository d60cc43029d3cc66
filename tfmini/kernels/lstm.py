"""The LSTM layer over a whole sequence; what flows in and out is described in ``recurrent.py``.

With the gates i, j, f, o = [x, h] kernel + bias, as TensorFlow orders them:
``c = sigmoid(f + forget_bias) c + sigmoid(i) activation(j)``, ``h = sigmoid(o) activation(c)``.
Hochreiter and Schmidhuber 1997; Gers et al. 2000 for f.
"""

from __future__ import annotations

import numpy as np

from tfmini.kernels.recurrent import (
    SQUASH,
    Array,
    Ends,
    by_rows,
    input_product,
    of_rows,
    weight_gradient,
)


def lstm(
    x: Array, c: Array, h: Array, kernel: Array, bias: Array, lengths: Array | None,
    forget_bias: float, activation: str,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Return the outputs, the last c and h, and for each step the gates' values and c."""
    squash, units = SQUASH[activation].apply, h.shape[1]
    # sigmoid(z) = tanh(z / 2) / 2 + 1/2: one tanh for all gates of a step.
    halves = np.full(4 * units, 0.5, x.dtype)
    halves[units : 2 * units] = 1
    shift = np.full(4 * units, 0.5, x.dtype)
    shift[units : 2 * units] = 0
    kernel, bias = kernel * halves, bias.copy()
    bias[2 * units : 3 * units] += x.dtype.type(forget_bias)
    bias *= halves
    gates = input_product(x, kernel)
    across = kernel[x.shape[2] :]
    y = np.empty((*x.shape[:2], units), x.dtype)
    cells = np.empty_like(y)
    last_c, last_h = np.empty(c.shape, c.dtype), np.empty(h.shape, h.dtype)

    def loop(rows: slice) -> None:
        cell, state = c[rows], h[rows]
        product = np.empty((len(state), 4 * units), x.dtype)
        scratch = np.empty(state.shape, x.dtype)
        ends = Ends(of_rows(lengths, rows), len(y), len(state))
        for t in range(ends.steps):
            z = gates[t, rows]
            np.dot(state, across, out=product)
            product += bias
            z += product
            i, j, f, o = _parts(z, units)
            if activation == "tanh":
                np.tanh(z, out=z)
            else:
                squash(j, j)
                np.tanh(i, out=i)
                np.tanh(z[:, 2 * units :], out=z[:, 2 * units :])
            z *= halves
            z += shift
            before, cell = cell, cells[t, rows]
            np.multiply(f, before, out=cell)
            np.multiply(i, j, out=scratch)
            cell += scratch
            squash(cell, scratch)
            out = y[t, rows]
            np.multiply(o, scratch, out=out)
            dead = ends.dead(t)
            if dead is None:
                state = out
            else:
                state = np.where(dead[:, None], state, out)
                out[dead] = z[dead] = 0
                cell[dead] = before[dead]
        for rest, value in ((y, 0), (gates, 0), (cells, cell)):
            rest[ends.steps :, rows] = value
        last_c[rows], last_h[rows] = cell, state

    by_rows(loop, *h.shape)
    return y, last_c, last_h, gates, cells


def _parts(z: Array, units: int) -> list[Array]:
    return [z[:, k * units : (k + 1) * units] for k in range(4)]


def lstm_backward(
    c: Array, h: Array, across: Array, lengths: Array | None, y: Array, gates: Array,
    cells: Array, dy: Array, dc: Array, dh: Array, activation: str,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Return the gradients of the gates' products plus bias [steps, ...], of ``c``, ``h`` and
    ``across``, the state's matrix."""
    squash, slope = SQUASH[activation]
    units, back = h.shape[1], np.ascontiguousarray(across.T)
    d_products = np.empty(gates.shape, gates.dtype)
    d_cell, d_state = np.empty(c.shape, c.dtype), np.empty(h.shape, h.dtype)

    def loop(rows: slice) -> None:
        to_cell, to_state = np.array(dc[rows], order="C"), np.array(dh[rows], order="C")
        squashed, scratch = np.empty((2, *to_state.shape), h.dtype)
        ends = Ends(of_rows(lengths, rows), len(y), len(to_state))
        d_products[ends.steps :, rows] = 0
        for t in range(ends.steps - 1, -1, -1):
            z, d, dead = gates[t, rows], d_products[t, rows], ends.dead(t)
            if dead is not None:
                kept = to_cell[dead], to_state[dead]
            to_state += dy[t, rows]
            i, j, f, o = _parts(z, units)
            di, dj, df, do = _parts(d, units)
            squash(cells[t, rows], squashed)
            # h = o squash(c)
            slope(squashed, scratch)
            scratch *= to_state
            scratch *= o
            to_cell += scratch
            # The slope of the sigmoid, s - s * s, of all gates but j.
            np.multiply(z, z, out=d)
            np.subtract(z, d, out=d)
            slope(j, dj)
            before = cells[t - 1, rows] if t else c[rows]
            for part, flowing, other in (
                (di, to_cell, j), (dj, to_cell, i), (df, to_cell, before),
                (do, to_state, squashed),
            ):  # fmt: skip
                np.multiply(flowing, other, out=scratch)
                part *= scratch
            to_cell *= f
            if dead is not None:
                d[dead] = 0
            np.dot(d, back, out=to_state)
            if dead is not None:
                to_cell[dead], to_state[dead] = kept
        d_cell[rows], d_state[rows] = to_cell, to_state

    by_rows(loop, *h.shape)
    return d_products, d_cell, d_state, weight_gradient(h, y, d_products)
