"""``tf.saved_model.utils``: tensors as signatures name them.

In: a tensor.  Out: its name, dtype and shape in a ``TensorInfo``; and back, in a graph.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.formats.graphdef import TensorInfo
from tfmini.formats.tensors import shape_proto
from tfmini.graph import Graph, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.sparse import SparseTensor
from tfmini.shapes import as_shape


def build_tensor_info(tensor: Any) -> TensorInfo:
    """Return the name, dtype and static shape of a tensor, variable or sparse tensor."""
    parts = tensor if isinstance(tensor, SparseTensor) else convert_to_tensor(tensor)
    if parts.dtype is None:
        raise InvalidArgumentError(
            None, None, f"a signature needs the dtype of {tensor!r}, which is not known: give it "
            "to the placeholder, or use tf.cast."
        )  # fmt: skip
    info = TensorInfo(dtype=parts.dtype.as_datatype_enum)
    info.tensor_shape.CopyFrom(shape_proto(as_shape(parts.shape)))
    if isinstance(parts, SparseTensor):
        info.coo_sparse.values_tensor_name = parts.values.name
        info.coo_sparse.indices_tensor_name = parts.indices.name
        info.coo_sparse.dense_shape_tensor_name = parts.dense_shape.name
    else:
        info.name = parts.name
    return info


def build_tensor_info_from_op(op: Operation) -> TensorInfo:
    """Return a ``TensorInfo`` that names an operation, and has no dtype."""
    return TensorInfo(name=op.name)


def get_tensor_from_tensor_info(
    tensor_info: TensorInfo, graph: Graph | None = None, import_scope: str | None = None
) -> Tensor | SparseTensor:
    """Return the tensor, or sparse tensor, of ``graph`` that ``tensor_info`` names."""
    source = graph or get_default_graph()

    def tensor(name: str) -> Any:
        return source.get_tensor_by_name(f"{import_scope}/{name}" if import_scope else name)

    encoding = tensor_info.WhichOneof("encoding")
    if encoding == "name":
        found: Tensor = tensor(tensor_info.name)
        return found
    if encoding == "coo_sparse":
        parts = tensor_info.coo_sparse
        return SparseTensor(
            tensor(parts.indices_tensor_name), tensor(parts.values_tensor_name),
            tensor(parts.dense_shape_tensor_name),
        )  # fmt: skip
    raise InvalidArgumentError(None, None, f"the TensorInfo names no tensor: {tensor_info}")
