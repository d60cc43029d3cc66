"""A step of a recurrent computation, run along dimension 0 of its inputs as one node.

Rows of the batch whose sequence has ended keep their state, and their outputs are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfmini.dtypes import int32
from tfmini.graph import graph_of
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, logic, selection
from tfmini.ops.bodies import body_input, slice_input, tracing
from tfmini.ops.loops import add_scan
from tfmini.shapes import merge_shapes

Tensors = list[Tensor]


def scan_steps(
    step: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]],
    xs: Sequence[Tensor],
    state: Sequence[Tensor],
    lengths: Tensor | None = None,
) -> tuple[Tensors, Tensors]:
    """Return the outputs of all steps, stacked, and the last state.

    Parameters
    ----------
    step : function of (slices of ``xs``, state) that returns (outputs, next state), as lists
    xs : tensors [steps, batch, ...]
    state : tensors [batch, ...]; those without dimensions do not stop where a sequence ends
    lengths : integers [batch], the number of steps of each row; None: all steps
    """
    graph = graph_of([*xs, *state])
    arrays = list(xs)
    if lengths is not None:
        arrays.append(alive(xs[0], lengths))
    with tracing(graph, "step") as start:
        slices = [slice_input(graph, t) for t in arrays]
        before = [body_input(graph, t.spec, "state") for t in state]
        outputs, after = step(slices[: len(xs)], list(before))
        for old, new in zip(before, after, strict=True):
            merge_shapes(old.spec.shape, new.spec.shape)
        if lengths is not None:
            going = slices[-1]
            outputs = [selection.where(going, y, creation.zeros_like(y)) for y in outputs]
            after = [
                new if new.spec.shape == () else selection.where(going, new, old)
                for old, new in zip(before, after, strict=True)
            ]
    results = add_scan(
        graph, list(zip(before, state, strict=True)), list(zip(slices, arrays, strict=True)),
        after, outputs, start,
    )  # fmt: skip
    return results[len(state) :], results[: len(state)]


def alive(x: Tensor, lengths: Tensor) -> Tensor:
    """Return bools [steps, batch]: whether each step of ``x`` is one of its row's ``lengths``."""
    steps = creation.range(array.shape(x, out_type=lengths.dtype or int32)[0])
    return logic.less(array.expand_dims(steps, 1), array.expand_dims(lengths, 0))
