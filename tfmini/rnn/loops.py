"""What loops over the steps of sequences share.

In: tensors [batch, ...] of a step, in structures.  Out: the same with finished rows held fast, the
arrays that gather outputs, and sequences with their steps first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, nest, selection
from tfmini.ops.tensor_arrays import TensorArray


def tensors(structure: Any, like: Any = None) -> Any:
    """Return ``structure`` with its leaves as tensors, of the dtypes of those of ``like``."""
    leaves = nest.flatten(structure)
    dtypes = [None] * len(leaves) if like is None else [x.dtype for x in nest.flatten(like)]
    return nest.pack(structure, map(convert_to_tensor, leaves, dtypes))


def parts(structure: Any) -> list[Any]:
    """Return tensors and arrays of tensors in the order in which ``nest.flatten`` finds them."""
    if isinstance(structure, TensorArray):
        return [structure]
    if isinstance(structure, dict):
        return [p for key in sorted(structure) for p in parts(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [p for item in structure for p in parts(item)]
    return [convert_to_tensor(structure)]


def packed(structure: Any, values: list[Any]) -> Any:
    """Return a structure of the form of ``structure`` that has ``values`` as its ``parts``."""
    return nest.pack(structure, [leaf for value in values for leaf in nest.flatten(value)])


def held(finished: Tensor, old: Any, new: Any) -> Any:
    """Return ``new`` with the rows of ``old`` where ``finished`` [batch]; what has no rows is new.

    Rows are the first dimension of tensors; scalars and arrays of tensors have none.
    """
    values = [
        after
        if isinstance(after, TensorArray) or after.spec.rank == 0
        else selection.where(finished, before, after)
        for before, after in zip(parts(old), parts(tensors(new, old)), strict=True)
    ]
    return packed(new, values)


def output_array(zeros: Tensor) -> TensorArray:
    """Return an array that grows, for a tensor like ``zeros`` from each step."""
    return TensorArray(zeros.dtype, 0, dynamic_size=True, element_shape=zeros.shape)


def swapped(x: Tensor) -> Tensor:
    """Return ``x`` with its first two dimensions, batch and steps, in each other's place."""
    rank = x.spec.rank
    if rank is None:
        raise InvalidArgumentError(
            x.op.info, x.op, "the rank of a sequence must be known; use set_shape before."
        )
    return array.transpose(x, [1, 0, *range(2, rank)]) if rank > 1 else x


def batch_size(leaves: Sequence[Tensor], axis: int) -> Any:
    """Return the size of dimension ``axis``: a number if known of any leaf, else a tensor."""
    for x in leaves:
        shape = x.spec.shape
        if shape and shape[axis] is not None:
            return shape[axis]
    return array.shape(leaves[0])[axis]
