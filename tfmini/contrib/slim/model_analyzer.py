"""``tf.contrib.slim.model_analyzer``: how large a model's variables and tensors are.

In: a list of variables, or a graph.  Out: numbers of elements and bytes, printed if asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfmini.graph import Graph
from tfmini.nodes import Tensor

__all__ = ["analyze_ops", "analyze_vars", "tensor_description"]


def tensor_description(var: Tensor) -> str:
    """Return dtype, shape and size of a tensor as text: ``(float32 5x5x3) [75, bytes: 300]``."""
    dims = ["?" if n is None else str(n) for n in var.shape.as_list()]
    size, width = _size(var), var.dtype.size if var.dtype else 0
    name = var.dtype.name if var.dtype else "unknown"
    return f"({name} {'x'.join(dims)}) [{size}, bytes: {size * width}]"


def analyze_vars(variables: Iterable[Tensor], print_info: bool = False) -> tuple[int, int]:
    """Return how many elements and how many bytes ``variables`` have together.

    ``print_info``: print a line for each of them, and the totals.
    """
    found = list(variables)
    size = sum(map(_size, found))
    width = sum(_size(v) * (v.dtype.size if v.dtype else 0) for v in found)
    if print_info:
        print("---------\nVariables: name (type shape) [size]\n---------")
        for var in found:
            print(var.name, tensor_description(var))
        print(f"Total size of variables: {size}\nTotal bytes of variables: {width}")
    return size, width


def analyze_ops(graph: Graph, print_info: bool = False) -> int:
    """Return how many elements the outputs of all operations of ``graph`` have, as far as known."""
    outputs = [(op, out) for op in graph.get_operations() for out in op.outputs]
    if print_info:
        print("---------\nOperations: name -> (type shapes) [size]\n---------")
        for op, out in outputs:
            print(f"{op.name} -> {tensor_description(out) if out.shape.ndims is not None else '?'}")
    return sum(_size(out) for _, out in outputs)


def _size(tensor: Any) -> int:
    """Return the number of elements, 0 where it is unknown."""
    return tensor.spec.size or 0
