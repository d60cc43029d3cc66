"""The LSTM layer over a whole sequence, and its step; see ``recurrent.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import op
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import lstm
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


def lstm_step(
    z: Tensor, c: Tensor, forget_bias: Any, activation: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the next c and h of an LSTM, where ``z`` are the products of its gates plus bias."""
    i, j, f, o = joining.split(z, 4, 1)
    sigmoid = exponential.sigmoid
    c = c * sigmoid(f + forget_bias) + sigmoid(i) * activation(j)
    return c, activation(c) * sigmoid(o)


@op("LSTMSequence")
class _lstm_sequence(Layer):
    """An LSTM layer: all h, the last c and h, and the gates' values and c after each step."""

    flow = "[t]b[i],b[u],b[u],[k][w],[w]->[t]b[u],b[u],b[u],[t]b[w],[t]b[u]"
    checked = True
    samples = [
        ((3, 2, 4), (2, 2), (2, 2), (6, 8), (8,)),
        ((3, 2, 1), (2, 2), (2, 2), (3, 8), (8,), [2, 1],
         {"activation": "sigmoid", "forget_bias": 0.0}),
        ((0, 2, 1), (2, 2), (2, 2), (3, 8), (8,)),
    ]  # fmt: skip
    expected_failures = SAVED
    bad_samples = [((3, 2, 4), (2, 2), (2, 2), (6, 6), (8,), InvalidArgumentError)]

    def compute(
        self, x: Any, c: Any, h: Any, kernel: Any, bias: Any, lengths: Any = None, *,
        forget_bias: float = 1.0, activation: str = "tanh",
    ) -> Any:  # fmt: skip
        return lstm.lstm(x, c, h, kernel, bias, lengths, forget_bias, activation)

    def infer(
        self, x: TensorSpec, c: TensorSpec, h: TensorSpec, kernel: TensorSpec, bias: TensorSpec,
        lengths: TensorSpec | None = None, *, forget_bias: float, activation: str,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, c.dtype, h.dtype, kernel.dtype, bias.dtype))
        sizes_of(x, c, [(kernel, bias, 4)])
        steps, batch, units = sizes_of(x, h, [(kernel, bias, 4)])
        wide = None if units is None else 4 * units
        y, last = TensorSpec((steps, batch, units), x.dtype), TensorSpec((batch, units), x.dtype)
        return y, last, last, TensorSpec((steps, batch, wide), x.dtype), y

    def gradient(
        self, node: Operation, dy: Tensor, dc: Tensor, dh: Tensor, *_saved: Tensor
    ) -> Grads:
        x, c, h, kernel, bias, *lengths = node.inputs
        y, _, _, gates, cells = node.outputs
        dz, dc, dh, d_recurrent = _lstm_sequence_grad(
            x, c, h, kernel, bias, y, gates, cells, dy, dc, dh, *lengths, **node.attrs
        )
        dx, d_kernel, d_bias = input_gradients(x, kernel, dz, d_recurrent)
        return (dx, dc, dh, d_kernel, d_bias, *[None for _ in lengths])


@op("LSTMSequenceGrad")
class _lstm_sequence_grad(Layer):
    """What flows into the products of an LSTMSequence, its first state and the state's matrix."""

    flow = (
        "[t]b[i],b[u],b[u],[k][w],[w],[t]b[u],[t]b[w],[t]b[u],[t]b[u],b[u],b[u]"
        "->[t]b[w],b[u],b[u],[u][w]"
    )
    checked = True
    samples = [
        ((3, 2, 4), (2, 2), (2, 2), (6, 8), (8,), (3, 2, 2), (3, 2, 8), (3, 2, 2), (3, 2, 2),
         (2, 2), (2, 2)),
        ((3, 2, 4), (2, 2), (2, 2), (6, 8), (8,), (3, 2, 2), (3, 2, 8), (3, 2, 2), (3, 2, 2),
         (2, 2), (2, 2), [3, 1]),
    ]  # fmt: skip
    expected_failures = SAVED

    def compute(
        self, x: Any, c: Any, h: Any, kernel: Any, bias: Any, y: Any, gates: Any, cells: Any,
        dy: Any, dc: Any, dh: Any, lengths: Any = None, *, forget_bias: float = 1.0,
        activation: str = "tanh",
    ) -> Any:  # fmt: skip
        return lstm.lstm_backward(
            c, h, kernel[x.shape[2] :], lengths, y, gates, cells, dy, dc, dh, activation
        )

    def infer(
        self, x: TensorSpec, c: TensorSpec, h: TensorSpec, kernel: TensorSpec, bias: TensorSpec,
        y: TensorSpec, gates: TensorSpec, *_rest: TensorSpec, **_attrs: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, c.dtype, h.dtype, kernel.dtype, bias.dtype))
        sizes_of(x, h, [(kernel, bias, 4)])
        return without_values(gates, c, h, recurrent_spec(h, kernel))

    def gradient(self, node: Operation, *ups: Tensor) -> Grads:
        *given, _y, _gates, _cells, dy, dc, dh = node.inputs[:11]
        lengths = node.inputs[11:]
        layer = functools.partial(lstm_layer, lengths, **node.attrs)
        found = second_gradients(layer, given, [dy, dc, dh], ups)
        return (*found[:5], None, None, None, *found[5:], *[None for _ in lengths])


def lstm_layer(
    lengths: Sequence[Tensor], x: Tensor, c: Tensor, h: Tensor, kernel: Tensor, bias: Tensor, *,
    forget_bias: float, activation: str,
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """Return outputs of ``LSTMSequence``, as a scan of steps, and what its gradient is by."""
    across = kernel[inputs_of(x) :]
    z = input_product(x, kernel, bias)
    function = FUNCTIONS[activation]

    def step(slices: list[Tensor], state: list[Tensor]) -> Any:
        c, h = state
        c, h = lstm_step(slices[0] + products.matmul(h, across), c, forget_bias, function)
        return [h], [c, h]

    (y,), last = scan_steps(step, [z], [c, h], *lengths)
    return [y, *last], [z, c, h, across]
