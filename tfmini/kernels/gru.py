"""The GRU layer over a whole sequence; what flows in and out is described in ``recurrent.py``.

``r, u = sigmoid([x, h] gate_kernel + gate_bias)``,
``c = activation([x, r h] candidate_kernel + candidate_bias)``, ``h = u h + (1 - u) c``: the gated
recurrent unit of Cho et al. 2014 (arXiv:1406.1078), as TensorFlow 1's ``GRUCell`` has it.
"""

from __future__ import annotations

import numpy as np

from tfmini.kernels.matmul import matmul
from tfmini.kernels.recurrent import (
    SQUASH,
    Array,
    Ends,
    by_rows,
    flat,
    input_product,
    of_rows,
)


def gru(
    x: Array, h: Array, gate_kernel: Array, gate_bias: Array, candidate_kernel: Array,
    candidate_bias: Array, lengths: Array | None, activation: str,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Return the outputs, the last state, and for each step the values of the gates and c."""
    squash, sigmoid = SQUASH[activation].apply, SQUASH["sigmoid"].apply
    units, inputs = h.shape[1], x.shape[2]
    gates = input_product(x, gate_kernel)
    candidates = input_product(x, candidate_kernel)
    to_gates, to_candidate = gate_kernel[inputs:], candidate_kernel[inputs:]
    y, last = np.empty_like(candidates), np.empty(h.shape, h.dtype)

    def loop(rows: slice) -> None:
        state = h[rows]
        wide = np.empty((len(state), 2 * units), x.dtype)
        scratch, product = np.empty((2, *state.shape), x.dtype)
        ends = Ends(of_rows(lengths, rows), len(y), len(state))
        for t in range(ends.steps):
            z, c, out = gates[t, rows], candidates[t, rows], y[t, rows]
            np.dot(state, to_gates, out=wide)
            wide += gate_bias
            z += wide
            sigmoid(z, z)
            np.multiply(z[:, :units], state, out=scratch)
            np.dot(scratch, to_candidate, out=product)
            product += candidate_bias
            c += product
            squash(c, c)
            np.subtract(state, c, out=scratch)
            np.multiply(z[:, units:], scratch, out=out)
            out += c
            dead = ends.dead(t)
            if dead is None:
                state = out
            else:
                state = np.where(dead[:, None], state, out)
                out[dead] = z[dead] = c[dead] = 0
        for rest in (y, gates, candidates):
            rest[ends.steps :, rows] = 0
        last[rows] = state

    by_rows(loop, *h.shape)
    return y, last, gates, candidates


def gru_backward(
    h: Array, to_gates: Array, to_candidate: Array, lengths: Array | None, y: Array, gates: Array,
    candidates: Array, dy: Array, dh: Array, activation: str,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Return the gradients of both products plus bias [steps, ...], of ``h``, ``to_gates`` and
    ``to_candidate``."""
    slope, units = SQUASH[activation].slope, h.shape[1]
    from_gates = np.ascontiguousarray(to_gates.T)
    from_candidate = np.ascontiguousarray(to_candidate.T)
    d_gates, d_candidates = np.empty(gates.shape, y.dtype), np.empty(y.shape, y.dtype)
    d_first = np.empty(h.shape, h.dtype)
    before = np.concatenate([h[np.newaxis], y[:-1]])[: len(y)]

    def loop(rows: slice) -> None:
        flowing = np.array(dh[rows], order="C")
        scratch, d_reset = np.empty((2, *flowing.shape), h.dtype)
        ends = Ends(of_rows(lengths, rows), len(y), len(flowing))
        for rest in (d_gates, d_candidates):
            rest[ends.steps :, rows] = 0
        for t in range(ends.steps - 1, -1, -1):
            z, c, state = gates[t, rows], candidates[t, rows], before[t, rows]
            d, dc, dead = d_gates[t, rows], d_candidates[t, rows], ends.dead(t)
            r, u = z[:, :units], z[:, units:]
            kept = None if dead is None else flowing[dead]
            flowing += dy[t, rows]
            # h = c + u (state - c)
            np.multiply(flowing, u, out=scratch)
            slope(c, dc)
            np.subtract(flowing, scratch, out=d_reset)
            dc *= d_reset
            np.multiply(z, z, out=d)
            np.subtract(z, d, out=d)
            np.subtract(state, c, out=d_reset)
            d_reset *= flowing
            d[:, units:] *= d_reset
            # The candidates' product is of r times the state.
            np.dot(dc, from_candidate, out=d_reset)
            np.multiply(d_reset, r, out=flowing)
            flowing += scratch
            d_reset *= state
            d[:, :units] *= d_reset
            if dead is not None:
                d[dead] = 0
                dc[dead] = 0
            np.dot(d, from_gates, out=scratch)
            flowing += scratch
            if dead is not None:
                flowing[dead] = kept
        d_first[rows] = flowing

    by_rows(loop, *h.shape)
    d_to_gates = matmul(flat(before).T, flat(d_gates))
    before *= gates[:, :, :units]  # now the states after the reset
    return d_gates, d_candidates, d_first, d_to_gates, matmul(flat(before).T, flat(d_candidates))
