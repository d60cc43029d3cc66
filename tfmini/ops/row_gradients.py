"""Gradients that consist of rows: those of ``tf.gather`` and ``tf.nn.embedding_lookup``.

In: a gradient.  Out: its rows, if it consists of some; a gradient that consists of other rows.

TensorFlow has ``tf.IndexedSlices`` for them.  Here they are tensors like all others, and are told
by the operation that makes them: what is done to their rows alone leaves them such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tfmini.nodes import Tensor
from tfmini.ops import array, indexing, joining, math


class Slices(NamedTuple):
    """Gradients ``values`` [n, ...] of the rows ``indices`` [n] of a variable of ``shape``."""

    values: Tensor
    indices: Tensor
    shape: Tensor


def slices_of(grad: Tensor) -> Slices | None:
    """Return the rows that a gradient consists of, or None if it is one of the whole variable."""
    node = grad.op
    if node.opdef is indexing._gather_grad.opdef:
        if node.attrs["axis"] != 0 or node.attrs["batch_dims"] != 0:
            return None
        values, indices, whole = node.inputs
        shape = grad.spec.shape
        if indices.spec.rank == 1:
            return Slices(values, indices, whole)
        if shape is None or None in shape[1:]:
            return None
        flat = array.reshape(values, [-1, *shape[1:]])
        return Slices(flat, array.reshape(indices, [-1]), whole)
    if node.opdef not in (math.add.opdef, math.add_n.opdef):
        return None
    parts = [slices_of(x) for x in node.inputs]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    indices = [math.cast(p.indices, "int64") for p in known]
    values = joining.concat([p.values for p in known], 0)
    return Slices(values, joining.concat(indices, 0), known[0].shape)


def of_slices(slices: Slices) -> Tensor:
    """Return the gradient that consists of ``slices``."""
    out: Tensor = indexing._gather_grad(*slices, axis=0, batch_dims=0)
    return out


def with_values(grad: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ``function(grad)``; of a gradient that consists of rows, with it done to these.

    A row that is there several times is not added up before, as in TensorFlow.
    """
    slices = slices_of(grad)
    if slices is None:
        return function(grad)
    return of_slices(slices._replace(values=function(slices.values)))


def values_of(grad: Tensor) -> Tensor:
    """Return the rows that a gradient consists of, else the gradient itself."""
    slices = slices_of(grad)
    return grad if slices is None else slices.values
