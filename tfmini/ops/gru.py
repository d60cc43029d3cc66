"""The GRU layer over a whole sequence, and its step; see ``recurrent.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import op
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import gru
from tfmini.nodes import Operation, Tensor
from tfmini.ops import exponential, joining, products
from tfmini.ops.recurrent import (
    FUNCTIONS,
    SAVED,
    Grads,
    Layer,
    input_gradients,
    input_product,
    inputs_of,
    recurrent_spec,
    second_gradients,
    sizes_of,
    without_values,
)
from tfmini.ops.sequences import scan_steps
from tfmini.spec import TensorSpec


def gru_step(z: Tensor, h: Tensor, candidate: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the next state of a GRU: ``z`` are its gates' products, ``candidate`` a function of
    the state after the reset."""
    r, u = joining.split(exponential.sigmoid(z), 2, 1)
    return u * h + (1.0 - u) * candidate(r * h)


@op("GRUSequence")
class _gru_sequence(Layer):
    """A GRU layer: all states, the last, and the values of gates and candidates of each step."""

    flow = "[t]b[i],b[u],[k][w],[w],[k][u],[u]->[t]b[u],b[u],[t]b[w],[t]b[u]"
    checked = True
    samples = [
        ((3, 2, 4), (2, 2), (6, 4), (4,), (6, 2), (2,)),
        ((3, 2, 1), (2, 2), (3, 4), (4,), (3, 2), (2,), [2, 1], {"activation": "sigmoid"}),
        ((0, 2, 1), (2, 2), (3, 4), (4,), (3, 2), (2,)),
    ]
    expected_failures = SAVED
    bad_samples = [((3, 2, 4), (2, 2), (6, 4), (4,), (5, 2), (2,), InvalidArgumentError)]

    def compute(
        self, x: Any, h: Any, gate_kernel: Any, gate_bias: Any, candidate_kernel: Any,
        candidate_bias: Any, lengths: Any = None, *, activation: str = "tanh",
    ) -> Any:  # fmt: skip
        return gru.gru(
            x, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias, lengths, activation
        )

    def infer(
        self, x: TensorSpec, h: TensorSpec, gate_kernel: TensorSpec, gate_bias: TensorSpec,
        candidate_kernel: TensorSpec, candidate_bias: TensorSpec,
        lengths: TensorSpec | None = None, *, activation: str,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, h.dtype, gate_kernel.dtype, candidate_kernel.dtype))
        kernels = [(gate_kernel, gate_bias, 2), (candidate_kernel, candidate_bias, 1)]
        steps, batch, units = sizes_of(x, h, kernels)
        wide = None if units is None else 2 * units
        y = TensorSpec((steps, batch, units), x.dtype)
        gates = TensorSpec((steps, batch, wide), x.dtype)
        return y, TensorSpec((batch, units), x.dtype), gates, y

    def gradient(self, node: Operation, dy: Tensor, dh: Tensor, *_saved: Tensor) -> Grads:
        x, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias, *lengths = node.inputs
        y, _, gates, candidates = node.outputs
        dz, dc, dh, d_across, d_across_candidate = _gru_sequence_grad(
            x, h, gate_kernel, gate_bias, candidate_kernel, candidate_bias, y, gates, candidates,
            dy, dh, *lengths, **node.attrs,
        )  # fmt: skip
        dx, d_gates, d_gate_bias = input_gradients(x, gate_kernel, dz, d_across)
        more, d_candidate, d_bias = input_gradients(x, candidate_kernel, dc, d_across_candidate)
        none = [None for _ in lengths]
        return (dx + more, dh, d_gates, d_gate_bias, d_candidate, d_bias, *none)


@op("GRUSequenceGrad")
class _gru_sequence_grad(Layer):
    """What flows into the products of a GRUSequence, its first state and the state's matrices."""

    flow = (
        "[t]b[i],b[u],[k][w],[w],[k][u],[u],[t]b[u],[t]b[w],[t]b[u],[t]b[u],b[u]"
        "->[t]b[w],[t]b[u],b[u],[u][w],[u][v]"
    )
    checked = True
    samples = [
        ((3, 2, 4), (2, 2), (6, 4), (4,), (6, 2), (2,), (3, 2, 2), (3, 2, 4), (3, 2, 2),
         (3, 2, 2), (2, 2)),
        ((3, 2, 4), (2, 2), (6, 4), (4,), (6, 2), (2,), (3, 2, 2), (3, 2, 4), (3, 2, 2),
         (3, 2, 2), (2, 2), [3, 1]),
    ]  # fmt: skip
    expected_failures = SAVED

    def compute(
        self, x: Any, h: Any, gate_kernel: Any, gate_bias: Any, candidate_kernel: Any,
        candidate_bias: Any, y: Any, gates: Any, candidates: Any, dy: Any, dh: Any,
        lengths: Any = None, *, activation: str = "tanh",
    ) -> Any:  # fmt: skip
        inputs = x.shape[2]
        return gru.gru_backward(
            h, gate_kernel[inputs:], candidate_kernel[inputs:], lengths, y, gates, candidates,
            dy, dh, activation,
        )  # fmt: skip

    def infer(
        self, x: TensorSpec, h: TensorSpec, gate_kernel: TensorSpec, gate_bias: TensorSpec,
        candidate_kernel: TensorSpec, candidate_bias: TensorSpec, y: TensorSpec,
        gates: TensorSpec, candidates: TensorSpec, *_rest: TensorSpec, **_attrs: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, h.dtype, gate_kernel.dtype, candidate_kernel.dtype))
        sizes_of(x, h, [(gate_kernel, gate_bias, 2), (candidate_kernel, candidate_bias, 1)])
        matrices = recurrent_spec(h, gate_kernel), recurrent_spec(h, candidate_kernel)
        return without_values(gates, candidates, h, *matrices)

    def gradient(self, node: Operation, *ups: Tensor) -> Grads:
        *given, _y, _gates, _candidates, dy, dh = node.inputs[:11]
        lengths = node.inputs[11:]
        layer = functools.partial(gru_layer, lengths, **node.attrs)
        found = second_gradients(layer, given, [dy, dh], ups)
        return (*found[:6], None, None, None, *found[6:], *[None for _ in lengths])


def gru_layer(
    lengths: Sequence[Tensor], x: Tensor, h: Tensor, gate_kernel: Tensor, gate_bias: Tensor,
    candidate_kernel: Tensor, candidate_bias: Tensor, *, activation: str,
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """Return outputs of ``GRUSequence``, as a scan of steps, and what its gradient is by."""
    inputs, function = inputs_of(x), FUNCTIONS[activation]
    to_gates, to_candidate = gate_kernel[inputs:], candidate_kernel[inputs:]
    z = input_product(x, gate_kernel, gate_bias)
    c = input_product(x, candidate_kernel, candidate_bias)

    def step(slices: list[Tensor], state: list[Tensor]) -> Any:
        z, c, h = *slices, *state
        h = gru_step(
            z + products.matmul(h, to_gates), h,
            lambda reset: function(c + products.matmul(reset, to_candidate)),
        )  # fmt: skip
        return [h], [h]

    (y,), (last,) = scan_steps(step, [z, c], [h], *lengths)
    return [y, last], [z, c, h, to_gates, to_candidate]
