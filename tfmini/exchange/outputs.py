"""How tensors are called in a message.

In: a tensor.  Out: its name, by which output of TensorFlow's operation it is.
"""

from __future__ import annotations

from tfmini.nodes import Tensor

#: TensorFlow's outputs, as ours, where they differ: it gives the mean once more, for the gradient.
PLACES = {"FusedBatchNormV3": (0, 1, 2, 1, 3, 3)}


def tensor_name(tensor: Tensor, node_name: str = "") -> str:
    """Return ``node:output``, the node alone for its first output.

    ``node_name`` is what the node is called, if not by its own name.
    """
    places = PLACES.get(tensor.op.type)
    index = places.index(tensor.value_index) if places else tensor.value_index
    name = node_name or tensor.op.name
    return f"{name}:{index}" if index else name
