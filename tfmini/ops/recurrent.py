"""The recurrent layers of ``tf.nn.rnn_cell`` over a whole sequence, each as one operation.

In: ``x`` [steps, batch, inputs], the state [batch, units] before, and the cell's variables, with
the shapes that TensorFlow gives them.  Out: the outputs [steps, batch, units], the last state, and
the values that the gradient needs.  ``kernels/recurrent.py`` and its neighbours do the work.

The gradients are operations too, and yield what flows into each product plus bias; gradients of
the input and its part of the kernel are ordinary products of that.  For a second derivative the
layer is written as a scan of its step (``sequences.py``), of which any number can be taken.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import op
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import recurrent
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops import activations, array, exponential, joining, products, reductions
from tfmini.ops.bodies import body_gradients
from tfmini.ops.sequences import scan_steps
from tfmini.spec import TensorSpec

#: The activations that the operations know, by the type of the function that users give.
ACTIVATIONS: dict[str, str] = {
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Identity": "linear",
}  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    "tanh": exponential.tanh, "sigmoid": exponential.sigmoid, "relu": activations.relu,
    "linear": array.identity,
}  # fmt: skip


class Layer(OpDef):
    """What the layers have in common."""

    blas = True
    kinds = "f"
    flow = ""  # ``dims`` without lengths: the batch, "b", may be split

    def dims(self, *specs: TensorSpec, **_attrs: Any) -> str:
        left, _, right = self.flow.partition("->")
        more = len(specs) > left.count(",") + 1
        return f"{left}{',b' if more else ''}->{right}"

    def cost(self, x: TensorSpec, *rest: TensorSpec, **_attrs: Any) -> Cost:
        """Each row of each step meets all matrices (of which the states are the least)."""
        matrices = [s.size for s in rest if s.rank == 2]
        if x.size is None or None in matrices or any(s.rank is None for s in rest):
            return Cost(math.inf, math.inf)
        rows = math.prod((x.shape or ())[:2])
        return Cost(2.0 * rows * sum(matrices), nbytes(x, *rest))


def sizes_of(
    x: TensorSpec, h: TensorSpec, kernels: list[tuple[TensorSpec, TensorSpec, int]]
) -> tuple[int | None, int | None, int | None]:
    """Return the numbers of steps, rows and units; ``kernels`` are (matrix, bias, gates)."""
    if x.rank not in (None, 3):
        raise conflict("x must be [steps, batch, inputs]", x=x.shape)
    if h.rank not in (None, 2):
        raise conflict("the state must be [batch, units]", h=h.shape)
    steps, batch, inputs = x.shape or (None, None, None)
    rows, units = h.shape or (None, None)
    if None not in (batch, rows) and batch != rows:
        raise conflict("the batches differ", x=x.shape, state=h.shape)
    for kernel, bias, gates in kernels:
        if kernel.rank not in (None, 2) or bias.rank not in (None, 1):
            raise conflict("a kernel is a matrix, a bias a vector", kernel=kernel.shape,
                           bias=bias.shape)  # fmt: skip
        height, width = kernel.shape or (None, None)
        wide = [w for w in (width, (bias.shape or (None,))[0]) if w is not None]
        if units is None and wide:
            units = wide[0] // gates
        if units is not None and any(w != gates * units for w in wide):
            raise conflict(f"{gates} gates of {units} units don't fit", kernel=kernel.shape,
                           bias=bias.shape)  # fmt: skip
        if None not in (height, inputs, units) and height != inputs + units:
            raise conflict(f"{inputs} inputs and {units} units don't fit", kernel=kernel.shape)
    return steps, batch if batch is not None else rows, units


def without_values(*specs: TensorSpec) -> tuple[TensorSpec, ...]:
    return tuple([TensorSpec(s.shape, s.dtype) for s in specs])


def recurrent_spec(h: TensorSpec, kernel: TensorSpec) -> TensorSpec:
    units = (h.shape or (None, None))[1]
    return TensorSpec((units, (kernel.shape or (None, None))[1]), kernel.dtype)


def inputs_of(x: Tensor) -> Any:
    """Return how many inputs each row of ``x`` has: a number, or a tensor if it is unknown."""
    known = x.spec.shape[2] if x.spec.shape else None
    return array.shape(x)[2] if known is None else known


def input_product(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Return the product of ``x`` with the first rows of ``kernel``, plus bias, for all steps."""
    return products.matmul(x, kernel[: inputs_of(x)]) + bias


def input_gradients(
    x: Tensor, kernel: Tensor, dz: Tensor, d_recurrent: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of ``x``, ``kernel`` and the bias, if ``dz`` flows into the products."""
    dx = products.matmul(dz, kernel[: inputs_of(x)], transpose_b=True)
    d_kernel = joining.concat([products.row_products(x, dz), d_recurrent], 0)
    return dx, d_kernel, reductions.reduce_sum(dz, [0, 1])


def second_gradients(
    layer: Callable[..., tuple[list[Tensor], list[Tensor]]],
    given: list[Tensor], grads: list[Tensor], ups: tuple[Tensor, ...],
) -> list[Tensor | None]:  # fmt: skip
    """Return gradients of a gradient operation, for the layer's inputs and for what flowed in.

    ``layer`` takes the inputs and returns (what the first derivatives are of, tensors that they
    are taken by).
    """
    n = len(given)
    given = [array.identity(t) for t in (*given, *grads)]  # one may be given twice
    ys, by = layer(*given[:n])
    first = body_gradients(ys, by, given[n:], by)
    pairs = [(f, up) for f, up in zip(first, ups, strict=True) if f is not None]
    return body_gradients([f for f, _ in pairs], given, [up for _, up in pairs], given)


SAVED = {"gradient": "what is kept for the gradient alone counts as constant"}


@op("RNNSequence")
class _rnn_sequence(Layer):
    """``h = activation([x, h] kernel + bias)`` for each step: all h, and the last one."""

    flow = "[t]b[i],b[u],[k][u],[u]->[t]b[u],b[u]"
    checked = True
    samples = [
        ((3, 2, 4), (2, 3), (7, 3), (3,)),
        ((3, 2, 1), (2, 2), (3, 2), (2,), [2, 1], {"activation": "linear"}),
        ((0, 2, 1), (2, 2), (3, 2), (2,)),
        ((2, 2, 1), (2, 2), (3, 2), (2,), [3, 0], {"activation": "sigmoid"}),
    ]
    bad_samples = [((3, 2, 4), (2, 3), (6, 3), (3,), InvalidArgumentError)]

    def compute(
        self, x: Any, h: Any, kernel: Any, bias: Any, lengths: Any = None, *,
        activation: str = "tanh",
    ) -> Any:  # fmt: skip
        return recurrent.simple(x, h, kernel, bias, lengths, activation)

    def infer(
        self, x: TensorSpec, h: TensorSpec, kernel: TensorSpec, bias: TensorSpec,
        lengths: TensorSpec | None = None, *, activation: str,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, h.dtype, kernel.dtype, bias.dtype))
        steps, batch, units = sizes_of(x, h, [(kernel, bias, 1)])
        return TensorSpec((steps, batch, units), x.dtype), TensorSpec((batch, units), x.dtype)

    def gradient(self, node: Operation, dy: Tensor, dh: Tensor) -> Grads:
        x, h, kernel, bias, *lengths = node.inputs
        dz, dh, d_recurrent = _rnn_sequence_grad(
            x, h, kernel, bias, node.outputs[0], dy, dh, *lengths, **node.attrs
        )
        dx, d_kernel, d_bias = input_gradients(x, kernel, dz, d_recurrent)
        return (dx, dh, d_kernel, d_bias, *[None for _ in lengths])


@op("RNNSequenceGrad")
class _rnn_sequence_grad(Layer):
    """What flows into the products of an RNNSequence, its first state and the state's matrix."""

    flow = "[t]b[i],b[u],[k][u],[u],[t]b[u],[t]b[u],b[u]->[t]b[u],b[u],[u][w]"
    checked = True
    samples = [
        ((3, 2, 4), (2, 3), (7, 3), (3,), (3, 2, 3), (3, 2, 3), (2, 3)),
        ((3, 2, 4), (2, 3), (7, 3), (3,), (3, 2, 3), (3, 2, 3), (2, 3), [2, 3]),
    ]
    expected_failures = SAVED

    def compute(
        self, x: Any, h: Any, kernel: Any, bias: Any, y: Any, dy: Any, dh: Any,
        lengths: Any = None, *, activation: str = "tanh",
    ) -> Any:  # fmt: skip
        return recurrent.simple_backward(h, kernel[x.shape[2] :], lengths, y, dy, dh, activation)

    def infer(
        self, x: TensorSpec, h: TensorSpec, kernel: TensorSpec, bias: TensorSpec, y: TensorSpec,
        dy: TensorSpec, dh: TensorSpec, lengths: TensorSpec | None = None, *, activation: str,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        self.check_kinds((x.dtype, h.dtype, kernel.dtype, bias.dtype))
        sizes_of(x, h, [(kernel, bias, 1)])
        return without_values(y, h, recurrent_spec(h, kernel))

    def gradient(self, node: Operation, *ups: Tensor) -> Grads:
        *given, _y, dy, dh = node.inputs[:7]
        lengths = node.inputs[7:]
        layer = functools.partial(rnn_layer, lengths, **node.attrs)
        found = second_gradients(layer, given, [dy, dh], ups)
        return (*found[:4], None, *found[4:], *[None for _ in lengths])


def rnn_layer(
    lengths: Sequence[Tensor], x: Tensor, h: Tensor, kernel: Tensor, bias: Tensor, *,
    activation: str,
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """Return the outputs of ``RNNSequence``, as a scan of steps, and what its gradient is by."""
    across = kernel[inputs_of(x) :]
    z = input_product(x, kernel, bias)

    def step(slices: list[Tensor], state: list[Tensor]) -> Any:
        h = FUNCTIONS[activation](slices[0] + products.matmul(state[0], across))
        return [h], [h]

    (y,), (last,) = scan_steps(step, [z], [h], *lengths)
    return [y, last], [z, h, across]
