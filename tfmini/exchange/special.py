"""Operations that are written and read in ways of their own: values, variables, slices, products.

In: a node, or TensorFlow's.  Out: as ``forms.py`` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.dtypes import as_dtype, float32
from tfmini.exchange.attributes import decoded, encoded, shape_attr
from tfmini.exchange.forms import FORMS, Constant, Read, Written
from tfmini.exchange.sparse_nodes import write_cross
from tfmini.formats.graphdef import AttrValue, NodeDef
from tfmini.formats.tensors import make_tensor_proto
from tfmini.nodes import Operation, Tensor
from tfmini.ops.index import Index, items_of
from tfmini.ops.slicing import bounds_of

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
WEAK = "_weak"  # on a Const: a Python number, which takes the dtype of what it meets


def _write_const(node: Operation) -> Written:
    value = node.attrs["value"]
    weak = isinstance(value, (int, float, complex)) and not isinstance(value, np.generic)
    proto = make_tensor_proto(value)
    attrs = {"dtype": AttrValue(type=proto.dtype), "value": AttrValue(tensor=proto)}
    if weak:
        attrs[WEAK] = encoded(True)
    return Written("Const", [], attrs)


def _write_leaf(node: Operation) -> Written:
    """Write a placeholder or a variable: what is known of it is in its output."""
    spec = node.outputs[0].spec
    shape = node.attrs["shape"] if node.opdef.is_placeholder else spec.shape
    attrs = {"shape": shape_attr(shape)}
    if spec.dtype is not None:
        attrs["dtype"] = encoded(spec.dtype)
    return Written(node.type, [], attrs)


def _read_placeholder(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    dtype = decoded(node.attr["dtype"]) if "dtype" in node.attr else None
    shape = decoded(node.attr["shape"]) if "shape" in node.attr else None
    return Read("Placeholder", [], {"dtype": dtype, "shape": shape})


def _write_default(node: Operation) -> Written:
    return Written(node.type, list(node.inputs), {"shape": shape_attr(node.attrs["shape"])})


def _write_assign(node: Operation) -> Written:
    checked = node.attrs["shape"] is not None or node.inputs[0].spec.shape is None
    attrs = {"validate_shape": encoded(checked), "use_locking": encoded(True)}
    return Written("Assign", list(node.inputs), attrs)


def _read_assign(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    ref, value = inputs
    checked = "validate_shape" not in node.attr or node.attr["validate_shape"].b
    attrs = {"shape": ref.spec.shape if checked else None, "dtype": ref.spec.dtype}
    return Read("Assign", [ref, value], attrs)


def _write_product(node: Operation) -> Written | None:
    rank = max([len(t.spec.shape or ()) for t in node.inputs])
    a, b = node.attrs["transpose_a"], node.attrs["transpose_b"]
    if rank > 2:
        attrs = {"adj_x": encoded(a), "adj_y": encoded(b)}
        complex_ = any([t.dtype is None or t.dtype.is_complex for t in node.inputs])
        return None if complex_ else Written("BatchMatMulV2", list(node.inputs), attrs)
    attrs = {"transpose_a": encoded(a), "transpose_b": encoded(b)}
    return Written("MatMul", list(node.inputs), attrs)


def _write_slice(node: Operation) -> Written:
    *vectors, masks = bounds_of(node.attrs["index"].items)
    names = ("begin", "end", "strides")
    constants = [Constant(n, np.array(v, np.int32)) for n, v in zip(names, vectors, strict=True)]
    attrs = {name: encoded(int(mask)) for name, mask in masks.items()}
    return Written("StridedSlice", [node.inputs[0], *constants], attrs)


def _write_dynamic_slice(node: Operation) -> Written:
    attrs = {name: encoded(int(node.attrs[name])) for name in _MASKS}
    return Written("StridedSlice", list(node.inputs), attrs)


def _write_slice_grad(node: Operation) -> Written | None:
    """Write the gradient of a slice: TensorFlow has the shape first and the gradient last."""
    grad, shape, *bounds = node.inputs
    written = _write_dynamic_slice(node) if bounds else _write_slice(node)
    inputs: list[Tensor | Constant] = [shape, *written.inputs[1:], grad]
    if bounds:
        inputs[1:-1] = bounds
    return Written("StridedSliceGrad", inputs, written.attrs)


def _read_slice(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    masks = {name: node.attr[name].i if name in node.attr else 0 for name in _MASKS}
    x, *bounds = inputs
    values = [constant_value(b) for b in bounds]
    if any([v is None for v in values]):
        return Read("StridedSliceDynamic", [x, *bounds], masks)
    begin, end, strides = [v.tolist() for v in values if v is not None]
    items = items_of(begin, end, strides, list(masks.values()))
    return Read("StridedSlice", [x], {"index": Index(items)})


def _read_slice_grad(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    shape, *bounds, grad = inputs
    read = _read_slice(node, [grad, *bounds])
    if "index" in read.attrs:
        return Read("StridedSliceGrad", [grad, shape], read.attrs)
    return Read("StridedSliceGradDynamic", [grad, shape, *bounds], read.attrs)


def _read_batch_norm(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    epsilon = decoded(node.attr["epsilon"]) if "epsilon" in node.attr else 0.0001
    return Read("FusedBatchNormV3", list(inputs[:3]), {"epsilon": epsilon})


def _write_batch_norm(node: Operation) -> Written:
    dtype = node.inputs[1].dtype
    empty = np.zeros(0, dtype.dtype if dtype else np.float32)
    attrs = {"epsilon": encoded(float(node.attrs["epsilon"])), "is_training": encoded(True),
             "U": encoded(as_dtype(empty.dtype))}  # fmt: skip
    inputs = [*node.inputs, Constant("mean", empty), Constant("variance", empty)]
    return Written("FusedBatchNormV3", inputs, attrs)


def _write_batch_norm_grad(node: Operation) -> Written:
    attrs = {"epsilon": encoded(float(node.attrs["epsilon"])), "is_training": encoded(True),
             "U": encoded(float32)}  # fmt: skip
    reserved = Constant("reserved", np.zeros(0, np.float32))
    return Written("FusedBatchNormGradV3", [*node.inputs, reserved], attrs)


def _write_pool(node: Operation) -> Written | None:
    """Write a pool; TensorFlow has one type for images and another for volumes."""
    volumes = node.type.replace("Pool", "Pool3D")
    name = volumes if len(node.attrs["ksize"]) == 3 else node.type
    written = FORMS[name].write(node)
    return None if written is None else written._replace(op=name)


def _write_pairs(node: Operation) -> Written | None:
    """Write what has pairs (before, after), which are one vector here."""
    at = 1 if node.type in ("Pad", "MirrorPad") else 2
    known = constant_value(node.inputs[at])
    if known is None:
        return None
    inputs: list[Tensor | Constant] = list(node.inputs)
    inputs[at] = Constant("pairs", known.reshape(-1, 2))
    attrs = {name: encoded(value) for name, value in node.attrs.items()}
    return Written("PadV2" if node.type == "Pad" else node.type, inputs, attrs)


def _read_ftrl(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    """Read the older form of the update, which has no ``l2_shrinkage``."""
    *before, lr, l1, l2, power = inputs
    state, grad = before[:3], before[3:]
    none = convert_to_tensor(0.0, lr.dtype)
    return Read(f"{node.op}V2", [*state, lr, l1, l2, none, power, *grad], {})


def _write_restore(node: Operation) -> Written:
    return Written("RestoreV2", list(node.inputs), {"dtypes": encoded(node.attrs["dtypes"])})


def _read_dropped_types(node: NodeDef, inputs: Sequence[Tensor]) -> Read:
    return Read(node.op, list(inputs), {})


WRITERS: dict[str, Callable[[Operation], Written | None]] = {
    "Const": _write_const,
    "Placeholder": _write_leaf,
    "PlaceholderWithDefault": _write_default,
    "VariableV2": _write_leaf,
    "Assign": _write_assign,
    "MatMul": _write_product,
    "StridedSlice": _write_slice,
    "StridedSliceDynamic": _write_dynamic_slice,
    "StridedSliceGrad": _write_slice_grad,
    "StridedSliceGradDynamic": _write_slice_grad,
    "FusedBatchNormV3": _write_batch_norm,
    "FusedBatchNormGradV3": _write_batch_norm_grad,
    **dict.fromkeys(["AvgPool", "AvgPoolGrad", "MaxPool", "MaxPoolGrad"], _write_pool),
    "Pad": _write_pairs,
    "MirrorPad": _write_pairs,
    "SpaceToBatchND": _write_pairs,
    "BatchToSpaceND": _write_pairs,
    "RestoreV2": _write_restore,
    "SparseCross": write_cross,
}
READERS: dict[str, Callable[[NodeDef, Sequence[Tensor]], Read]] = {
    "Placeholder": _read_placeholder,
    "Assign": _read_assign,
    "StridedSlice": _read_slice,
    "StridedSliceGrad": _read_slice_grad,
    **dict.fromkeys(["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"], _read_batch_norm),
    "SaveV2": _read_dropped_types,
    "ApplyFtrl": _read_ftrl,
    "SparseApplyFtrl": _read_ftrl,
}
