"""Recurrent layers, which are one operation here, as loops over their steps.

In: a layer, or its gradient.  Out: the nodes of a scan, made in a graph of its own and copied.
The gradient makes the steps again: what ours kept for it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.exchange.copies import Copies
from tfmini.exchange.parts import Parts, Result, Unknown
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor, ref_of
from tfmini.ops.bodies import body_gradients, body_input
from tfmini.ops.gru import gru_layer
from tfmini.ops.lstm import lstm_layer
from tfmini.ops.recurrent import rnn_layer


class _Layer(NamedTuple):
    """How a layer is made of steps, and how many inputs and outputs are not for its gradient."""

    steps: Callable[..., tuple[list[Tensor], list[Tensor]]]
    inputs: int
    outputs: int
    kept: int  # outputs that the gradient takes


_LAYERS = {
    "GRUSequence": _Layer(gru_layer, 6, 2, 3),
    "LSTMSequence": _Layer(lstm_layer, 5, 3, 3),
    "RNNSequence": _Layer(rnn_layer, 4, 2, 1),
}


def layer(parts: Parts, node: Operation, *inputs: Tensor) -> list[Result]:
    """Return the outputs of a layer; those that are for its gradient alone are empty."""
    kind = _LAYERS[node.type]
    with Graph().as_default() as graph:
        given = [body_input(graph, t.spec) for t in inputs]
        ys, _ = kind.steps(given[kind.inputs :], *given[: kind.inputs], **node.attrs)
    out = _copied(parts, ys, dict(zip(given, inputs, strict=True)))
    kept = node.outputs[kind.outputs :]
    return [*out, *[parts("Identity", _nothing(t)) for t in kept]]


def layer_gradient(parts: Parts, node: Operation, *inputs: Tensor) -> list[Result]:
    """Return the outputs of a layer's gradient."""
    kind = _LAYERS[node.type.removesuffix("Grad")]
    with Graph().as_default() as graph:
        given = [body_input(graph, t.spec) for t in inputs]
        first, last = kind.inputs + kind.kept, kind.inputs + kind.kept + kind.outputs
        ys, by = kind.steps(given[last:], *given[: kind.inputs], **node.attrs)
        found = body_gradients(ys, by, given[first:last], by)
    if None in found:
        raise Unknown
    return _copied(
        parts, [t for t in found if t is not None], dict(zip(given, inputs, strict=True))
    )


def _copied(parts: Parts, results: Sequence[Tensor], given: dict[Tensor, Tensor]) -> list[Result]:
    """Copy what ``results`` need, from ``given`` on, of which each stands for a tensor."""
    needed: set[Operation] = set()
    pending = list(results)
    while pending:
        tensor = pending.pop()
        if tensor not in given and tensor.op not in needed:
            needed.add(tensor.op)
            pending += tensor.op.inputs
    if any([t.dtype is None for t in given.values()]):
        raise Unknown
    outer = {ref_of(t): Result(parts.named(x), x.dtype) for t, x in given.items()}
    copies = Copies(parts, sorted(needed, key=lambda op: op.id), outer)
    return [copies.result(ref_of(t)) for t in results]


def _nothing(tensor: Tensor) -> Any:
    if tensor.dtype is None:
        raise Unknown
    return np.zeros(0, tensor.dtype.dtype)
