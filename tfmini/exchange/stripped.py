"""Attributes that TensorFlow leaves out of a message where they have their defaults.

In: a node.  Out: the same with those that are needed here.  SavedModels of ``tf.estimator`` and of
TensorFlow 2 are written so, and MetaGraphs with ``strip_default_attrs``.
"""

from __future__ import annotations

from typing import Any

from tfmini.dtypes import float32, int32, int64, uint8
from tfmini.exchange.attributes import encoded
from tfmini.formats.graphdef import NodeDef

_UNICODE = "UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode"
# The attribute, its default, and the operations that can't do without.  From TensorFlow's registry.
_DEFAULTS: list[tuple[str, Any, str]] = [
    ("batch_dim", 0, "ReverseSequence"),
    *[(f"{name}_mask", 0, "ResourceStridedSliceAssign StridedSliceAssign")
      for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")],
    ("channels", 0, "DecodeBmp DecodeImage DecodeJpeg DecodePng"),
    ("chroma_downsampling", True, "EncodeJpeg"),
    ("compression", -1, "EncodePng"),
    ("dtype", float32, "StatelessRandomNormal StatelessRandomUniform StatelessTruncatedNormal"),
    ("dtype", int64, "RandomPoissonV2"),
    ("dtype", uint8, "DecodeImage DecodePng"),
    ("errors", "replace", _UNICODE),
    ("first_n", -1, "Print"),
    ("little_endian", True, "DecodeRaw"),
    ("maxsplit", -1, "StringSplitV2"),
    ("message", "", "Print"),
    ("out_type", float32, "StringToNumber"),
    ("out_type", int32, "Shape ShapeN Size"),
    ("output_dtype", int64, "Multinomial StatelessMultinomial"),
    ("output_type", int32, "ExtractJpegShape"),
    ("placeholder", "%s", "StringFormat"),
    ("progressive", False, "EncodeJpeg"),
    ("quality", 95, "EncodeJpeg"),
    ("replace_control_characters", False, "UnicodeDecodeWithOffsets UnicodeTranscode"),
    ("replacement_char", 65533, _UNICODE),
    ("summarize", 3, "Assert Print StringFormat"),
    ("template", "%s", "StringFormat"),
]  # fmt: skip
_BY_OP: dict[str, list[tuple[str, Any]]] = {}
for _name, _value, _ops in _DEFAULTS:
    for _op in _ops.split():
        _BY_OP.setdefault(_op, []).append((_name, _value))


def whole(node: NodeDef) -> NodeDef:
    """Return ``node`` with the attributes that its message leaves out."""
    absent = [(k, v) for k, v in _BY_OP.get(node.op, ()) if k not in node.attr]
    if not absent:
        return node
    out = NodeDef.FromString(node.SerializeToString())
    for name, value in absent:
        out.attr.adopt(name, encoded(value))
    return out
