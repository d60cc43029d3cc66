"""How TensorFlow writes operations whose inputs or attributes differ from ours.

In: a node.  Out: its inputs and attributes as TensorFlow has them; and back.  Operations that are
not in the table are written as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import constant_value
from tfmini.dtypes import DType, int32, int64
from tfmini.exchange.attributes import decoded, encoded
from tfmini.formats.graphdef import AttrValue, NodeDef
from tfmini.nodes import Operation, Tensor


class Constant(NamedTuple):
    """An input that TensorFlow has as a tensor, and we as an attribute."""

    name: str
    value: np.ndarray


class Written(NamedTuple):
    """A node as TensorFlow has it."""

    op: str
    inputs: list[Tensor | Constant]
    attrs: dict[str, AttrValue]


class Read(NamedTuple):
    """A node as we have it: the name of its type, inputs, attributes."""

    type: str
    inputs: list[Tensor]
    attrs: dict[str, Any]


class NotUnderstood(Exception):
    """A node that has no form here; the message says why."""


class Form:
    """The form of one operation.

    Parameters
    ----------
    inputs : what TensorFlow's inputs are, in order, separated by blanks
        A number: our input; "*": all of ours; a name: our attribute, as a constant.
    attrs : str
        Attributes: "name" or "theirs=ours", with ":kind" where they are written differently.
    fixed : attributes that only TensorFlow has, with the one value that we understand
    given : attributes that only we have, with the one value that TensorFlow can express
    type : our operation, if it has another name
    """

    def __init__(
        self, inputs: str = "", attrs: str = "", fixed: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None, type: str = "",
    ) -> None:  # fmt: skip
        self._inputs = [int(t) if t.isdigit() else t for t in inputs.split()]
        self._attrs = [_attr(text) for text in attrs.split()]
        self._fixed = fixed or {}
        self._given = given or {}
        self._type = type

    def write(self, node: Operation) -> Written | None:
        """Return ``node`` in TensorFlow's form, or None if it has none."""
        used = {ours for _, ours, _ in self._attrs}
        inputs: list[Tensor | Constant] = []
        for token in self._inputs:
            if token == "*":
                inputs += node.inputs
            elif isinstance(token, int):
                if token >= len(node.inputs):
                    return None
                inputs.append(node.inputs[token])
            else:
                used.add(token)
                value = _default(token, node)
                if value is None:
                    return None
                known = not isinstance(value, Tensor)
                inputs.append(Constant(token, np.array(value, np.int32)) if known else value)
        numbered = [t for t in self._inputs if isinstance(t, int)]
        if numbered and len(node.inputs) != len(numbered):
            return None
        for name, value in node.attrs.items():
            if name not in used and not _same(value, self._given.get(name)):
                return None
        if any([isinstance(node.attrs.get(ours), Tensor) for _, ours, _ in self._attrs]):
            return None
        attrs = {theirs: _WRITERS[kind](node.attrs.get(ours)) for theirs, ours, kind in self._attrs}
        attrs |= {name: encoded(value) for name, value in self._fixed.items()}
        if any([a is None for a in attrs.values()]):
            return None
        return Written(node.type, inputs, attrs)

    def read(self, node: NodeDef, inputs: Sequence[Tensor]) -> Read:
        """Return TensorFlow's ``node`` in ours; NotUnderstood if that can't be."""
        taken: dict[int, Tensor] = {}
        attrs = dict(self._given)
        listed = len(inputs) - len(self._inputs) + 1
        pending = list(inputs)
        for token in self._inputs:
            if token == "*":
                for i in range(listed):
                    taken[i] = pending.pop(0)
            elif not pending:
                raise NotUnderstood(f"it has {len(inputs)} inputs")
            elif isinstance(token, int):
                taken[token] = pending.pop(0)
            else:
                given = pending.pop(0)
                attrs[token] = given if constant_value(given) is None else static(given)
        for name, wanted in self._fixed.items():
            if name in node.attr and decoded(node.attr[name]) != wanted:
                raise NotUnderstood(f"its {name} is {decoded(node.attr[name])!r}, not {wanted!r}")
        for theirs, ours, kind in self._attrs:
            if theirs in node.attr:
                attrs[ours] = _READERS[kind](decoded(node.attr[theirs]), node)
        return Read(self._type or node.op, [taken[i] for i in sorted(taken)], attrs)


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted or (isinstance(value, tuple) and {*value} == {wanted}))


def static(tensor: Tensor) -> Any:
    """Return the value of a constant tensor: an int, or a tuple of them."""
    plain = constant_value(tensor).tolist()
    return tuple(plain) if isinstance(plain, list) else plain


def _attr(text: str) -> tuple[str, str, str]:
    names, _, kind = text.partition(":")
    theirs, _, ours = names.partition("=")
    return theirs, ours or theirs, kind


def _default(name: str, node: Operation) -> Any:
    """Return an attribute as a constant; the value that None stands for where that is known."""
    value = node.attrs[name]
    if value is not None or not node.inputs or node.inputs[0].spec.shape is None:
        return value
    rank = len(node.inputs[0].spec.shape)
    if name == "axis":
        return list(range(rank))
    return list(reversed(range(rank))) if name == "perm" else None


def _write_images(value: Any) -> AttrValue | None:
    listed = (value, value) if isinstance(value, int) else tuple(value)
    return encoded((1, *listed, 1))


def _write_volumes(value: Any) -> AttrValue | None:
    return _write_images((value,) * 3 if isinstance(value, int) else value)


def _read_images(value: Any, node: NodeDef) -> Any:
    return tuple(value[1:-1])


def _write_padding(value: Any) -> AttrValue | None:
    return encoded(value) if isinstance(value, str) else None


def _read_padding(value: Any, node: NodeDef) -> Any:
    if value != "EXPLICIT":
        return value
    pairs = decoded(node.attr["explicit_paddings"])
    return tuple(zip(pairs[2:-2:2], pairs[3:-2:2], strict=True))


def _write_seed(value: Any) -> AttrValue:
    return encoded(int(value or 0))


def _read_seed(value: int, node: NodeDef) -> int | None:
    first = node.attr["seed"].i if "seed" in node.attr else 0
    return value if value or first else None


def _write_type(value: Any) -> AttrValue:
    return encoded(int32 if value is None else value)


def _write_long(value: Any) -> AttrValue:
    return encoded(int64 if value is None else value)


def _write_axes(value: Any) -> AttrValue:
    return encoded(() if value is None else (value,) if isinstance(value, int) else tuple(value))


def _plain(value: Any) -> AttrValue | None:
    return None if value is None else encoded(value)


_WRITERS: dict[str, Any] = {
    "": _plain, "images": _write_images, "volumes": _write_volumes, "padding": _write_padding,
    "seed": _write_seed,
    "int32": _write_type, "int64": _write_long, "axes": _write_axes,
}  # fmt: skip
_READERS: dict[str, Any] = {
    **dict.fromkeys(_WRITERS, lambda value, node: value),
    "images": _read_images, "volumes": _read_images, "padding": _read_padding, "seed": _read_seed,
    "axes": lambda value, node: tuple(value) or None,
}  # fmt: skip

_NHWC = {"data_format": "NHWC"}
_WINDOW = "strides:images padding:padding"
_reduction = Form("0 axis", "keep_dims=keepdims")
_pool = Form("0", f"ksize:images {_WINDOW}", _NHWC, {"dilations": 1})
_conv = Form("0 1", f"{_WINDOW} dilations:images", _NHWC)
_NDHWC = {"data_format": "NDHWC"}
_VOLUMES = "strides:volumes padding:padding dilations:volumes"
_POOLED_VOLUMES = "ksize:volumes strides:volumes padding:padding"
_conv3d = Form("0 1", _VOLUMES, _NDHWC)
_conv3d_grad = Form("0 1 2", _VOLUMES, _NDHWC)
_conv_grad = Form("0 1 2", f"{_WINDOW} dilations:images", _NHWC)
_random = Form("0", "dtype seed2=seed:seed")

FORMS: dict[str, Form] = {
    **dict.fromkeys(
        ["All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"], _reduction
    ),
    **dict.fromkeys(["RandomStandardNormal", "RandomUniform", "TruncatedNormal"], _random),
    **dict.fromkeys(["ArgMax", "ArgMin"], Form("0 dimension", "output_type:int64")),
    **dict.fromkeys(["Cumprod", "Cumsum"], Form("0 axis", "exclusive reverse")),
    **dict.fromkeys(["MaxPool", "AvgPool"], _pool),
    "MaxPool3D": Form("0", _POOLED_VOLUMES, _NDHWC, {"dilations": 1}, "MaxPool"),
    "AvgPool3D": Form("0", _POOLED_VOLUMES, _NDHWC, {"dilations": 1}, "AvgPool"),
    "MaxPool3DGrad": Form("0 1 2", _POOLED_VOLUMES, _NDHWC, {"dilations": 1}, "MaxPoolGrad"),
    "AvgPool3DGrad": Form("0 1", _POOLED_VOLUMES, _NDHWC, {"dilations": 1}, "AvgPoolGrad"),
    "MaxPoolGrad": Form("0 1 2", f"ksize:images {_WINDOW}", _NHWC, {"dilations": 1}),
    "AvgPoolGrad": Form("0 1", f"ksize:images {_WINDOW}", _NHWC, {"dilations": 1}),
    "Conv2D": _conv,
    "DepthwiseConv2dNative": _conv,
    "Conv3D": _conv3d,
    "Conv3DBackpropInputV2": _conv3d_grad,
    "Conv3DBackpropFilterV2": _conv3d_grad,
    "Conv2DBackpropInput": _conv_grad,
    "Conv2DBackpropFilter": _conv_grad,
    "DepthwiseConv2dNativeBackpropInput": _conv_grad,
    "DepthwiseConv2dNativeBackpropFilter": _conv_grad,
    "BiasAdd": Form("0 1", "", _NHWC),
    "ApplyMomentum": Form("0 1 2 4 3", "use_nesterov"),
    "ApplyFtrlV2": Form("0 1 2 8 3 4 5 6 7"),
    "ApplyAdagradDA": Form("0 1 2 7 3 4 5 6"),
    "SparseApplyMomentum": Form("0 1 2 4 5 3", "use_nesterov"),
    "SparseApplyFtrlV2": Form("0 1 2 8 9 3 4 5 6 7"),
    "SparseApplyAdagradDA": Form("0 1 2 7 8 3 4 5 6"),
    "BatchMatMulV2": Form("0 1", "adj_x=transpose_a adj_y=transpose_b", type="MatMul"),
    "Cast": Form("0", "DstT=dtype"),
    "Concat": Form("axis *", type="ConcatV2"),
    "ConcatV2": Form("* axis"),
    "ExpandDims": Form("0 axis"),
    "ExtractImagePatches": Form(
        "0", "ksizes:images strides:images rates:images padding", None, {"fill": 0.0}
    ),
    "Gather": Form("0 1", "", None, {"axis": 0, "batch_dims": 0}, "GatherV2"),
    "GatherV2": Form("0 1 axis", "batch_dims"),
    "InTopKV2": Form("0 1 k"),
    "LogSoftmax": Form("0", "", None, {"axis": -1}),
    "Multinomial": Form("0 1", "output_dtype=dtype:int64 seed2=seed:seed"),
    "OnesLike": Form("0", "", None, {"dtype": None}),
    "RandomGamma": Form("0 1", "seed2=seed:seed"),
    "RandomUniformInt": Form("0 1 2", "seed2=seed:seed"),
    "RandomShuffle": Form("0", "seed2=seed:seed"),
    "ReverseSequence": Form("0 1", "seq_dim=seq_axis batch_dim=batch_axis"),
    "ReverseV2": Form("0 axis"),
    "Roll": Form("0 1 axis"),
    "Shape": Form("0", "out_type:int32"),
    "Size": Form("0", "out_type:int32"),
    "Softmax": Form("0", "", None, {"axis": -1}),
    "Split": Form("axis 0", "num_split=num"),
    "SplitV": Form("0 1 axis", "num_split=num"),
    "Squeeze": Form("0", "squeeze_dims=axis:axes"),
    "TopKV2": Form("0 1"),
    "Transpose": Form("0 perm", "", None, {"conjugate": False}),
    "ZerosLike": Form("0", "", None, {"dtype": None}),
}

# TensorFlow's names of types that we have under another one.
SYNONYMS = {
    "AddV2": "Add", "BatchMatMul": "BatchMatMulV2", "BatchMatMulV3": "BatchMatMulV2",
    "Inv": "Reciprocal", "InvGrad": "ReciprocalGrad",
    "Variable": "VariableV2", "VarHandleOp": "VariableV2",
    "ReadVariableOp": "Identity", "RefIdentity": "Identity", "AssignVariableOp": "Assign",
    "AssignAddVariableOp": "AssignAdd", "AssignSubVariableOp": "AssignSub",
    "ResourceGather": "Gather", "ResourceGatherNd": "GatherNd", "PlaceholderV2": "Placeholder",
    "ResourceStridedSliceAssign": "StridedSliceAssign",
    **{f"ResourceScatter{name}": f"Scatter{name}" for name in (
        "Add", "Div", "Max", "Min", "Mul", "NdAdd", "NdSub", "NdUpdate", "Sub", "Update",
    )},
    **{f"ResourceApply{name}": f"Apply{name}" for name in (
        "Adadelta", "Adagrad", "AdagradDA", "Adam", "AdaMax", "CenteredRMSProp", "Ftrl",
        "GradientDescent", "Momentum", "ProximalAdagrad", "ProximalGradientDescent", "RMSProp",
    )},
    **{f"ResourceSparseApply{name}": f"SparseApply{name}" for name in (
        "Adadelta", "Adagrad", "AdagradDA", "CenteredRMSProp", "Ftrl", "Momentum",
        "ProximalAdagrad", "ProximalGradientDescent", "RMSProp",
    )},
}  # fmt: skip

# Which attributes hold the dtypes of TensorFlow's inputs; "T=0" where nothing is said.
_TYPES = {
    "T=0 N=n": "AddN Pack Einsum", "Tidx=1": "All Any",
    "T=0 Tidx=1": "ArgMax ArgMin BroadcastTo Cumprod Cumsum EuclideanNorm Max Mean Min Prod "
                  "ReverseV2 Sum",
    "": "Const LogicalAnd LogicalNot LogicalOr LoopCond NoOp Placeholder RestoreV2 SparseCross "
        "TensorArrayV3 VariableV2",
    "T=1": "AvgPoolGrad Conv2DBackpropInput DepthwiseConv2dNativeBackpropInput HistogramSummary "
           "ImageSummary InTopKV2 ScalarSummary Select SelectV2 Split",
    "T=0 Tblock_shape=1 Tcrops=2": "BatchToSpaceND", "T=2": "Bincount", "SrcT=0": "Cast",
    "T=0 N=m Tidx=-1": "ConcatV2", "T=0 Tdim=1": "ExpandDims", "index_type=0 T=1": "Fill",
    "T=-1 N=h": "DynamicStitch", "Tparams=0 Tindices=1": "GatherNd",
    "Tparams=0 Tindices=1 Taxis=2": "GatherV2", "T=0 Tidx=2": "LinSpace",
    "T=0 Tindex=1": "MatrixBandPart", "N=n": "MergeSummary",
    "T=0 Tpaddings=1": "MirrorPad MirrorPadGrad Pad PadV2", "TI=0 T=2": "OneHot",
    "dtype=0": "PlaceholderWithDefault", "S=0 T=1": "RandomGamma",
    "T=0 Tout=1": "RandomUniformInt", "Tidx=0": "Range UnravelIndex", "T=0 Tshape=1": "Reshape",
    "T=0 Tlen=1": "ReverseSequence SplitV", "T=0 Tshift=1 Taxis=2": "Roll",
    "Tindices=0 T=1": "ScatterNd", "T=0 Index=1": "Slice StridedSlice StridedSliceAssign",
    "T=0 Tindices=1": "ScatterAdd ScatterDiv ScatterMax ScatterMin ScatterMul ScatterNdAdd "
                      "ScatterNdSub ScatterNdUpdate ScatterSub ScatterUpdate SegmentMax "
                      "SegmentMean SegmentMin SegmentProd SegmentSum TensorScatterAdd "
                      "TensorScatterSub TensorScatterUpdate",
    "T=0 Tblock_shape=1 Tpaddings=2": "SpaceToBatchND",
    "T=0 Tlabels=1": "SparseSoftmaxCrossEntropyWithLogits", "Tindices=0 T=2": "SparseToDense",
    "T=0 Tmultiples=1": "Tile", "T=0 Tperm=1": "Transpose",
    "T=0 Tindices=1 Tnumsegments=2": "UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd "
                                     "UnsortedSegmentSum",
    "Index=0 T=4": "StridedSliceGrad", "dtypes=3*": "SaveV2",
}  # fmt: skip
_TYPES_BY_OP = {op: text for text, ops in _TYPES.items() for op in ops.split()}
_COUNTS = {"n": lambda n: n, "m": lambda n: n - 1, "h": lambda n: n // 2}


def type_attrs(op: str, dtypes: Sequence[DType | None]) -> dict[str, AttrValue]:
    """Return the attributes that say the dtypes and the number of an operation's inputs."""
    out: dict[str, AttrValue] = {}
    for part in _TYPES_BY_OP.get(op, "T=0" if dtypes else "").split():
        name, _, place = part.partition("=")
        if place in _COUNTS:
            out[name] = encoded(_COUNTS[place](len(dtypes)))
        elif place.endswith("*"):
            out[name] = encoded(tuple(dtypes[int(place[:-1]) :]))
        elif -len(dtypes) <= int(place) < len(dtypes) and dtypes[int(place)] is not None:
            out[name] = encoded(dtypes[int(place)])
    return out
