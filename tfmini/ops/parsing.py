"""``parse_example`` and ``decode_raw``: from byte strings to tensors.

In: serialized ``tf.train.Example`` messages, and the features wanted.  Out: a dict of tensors,
and of sparse tensors for features of variable length.  The wire format is read directly: of a
message with many features only those wanted become values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, float32, int64, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.tensors import TensorProto, make_ndarray, make_tensor_proto
from tfmini.formats.wire import (
    FIXED32,
    LENGTH,
    DecodeError,
    read_varint,
    records,
    unpack_varints,
)
from tfmini.nodes import Tensor
from tfmini.ops.sparse import SparseTensor
from tfmini.ops.string_values import StringOp, as_bytes, string_vector
from tfmini.shapes import Shape, as_shape, format_shape
from tfmini.spec import TensorSpec

_PACKED = 1 << 3 | LENGTH  # the tag of the values of a list
_KINDS = {1: string, 2: float32, 3: int64}  # the lists of a Feature, by their field numbers


class FixedLenFeature(NamedTuple):
    """A feature of one shape in all examples; ``default_value`` stands in where it is missing."""

    shape: Any
    dtype: Any
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """A feature of any length: it becomes a sparse tensor."""

    dtype: Any


class FixedLenSequenceFeature(NamedTuple):
    """A list of values of one shape, as long as an example has them; shorter ones are padded."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class _Wanted(NamedTuple):
    """A feature in the form that nodes keep."""

    key: str
    kind: str  # "fixed", "sequence" or "sparse"
    type: DType
    shape: tuple[int, ...]
    required: bool


def fields(data: bytes) -> list[tuple[int, int, Any]]:
    """Return the fields of a message, as ``records`` does, but quicker where all are bytes."""
    out = []
    place, end = 0, len(data)
    while place < end:
        tag = data[place]
        if tag & 7 != LENGTH or tag > 127 or place + 1 == end:
            return list(records(data))
        length = data[place + 1]
        place += 2
        if length > 127:
            length, place = read_varint(data, place - 1, end)
        stop = place + length
        if stop > end:
            return list(records(data))  # which says what is wrong
        out.append((tag >> 3, LENGTH, data[place:stop]))
        place = stop
    return out


def _lists(serialized: bytes) -> dict[bytes, bytes]:
    """Return the features of an Example, not yet decoded, by name."""
    found: dict[bytes, bytes] = {}
    try:
        for field, _type, features in fields(serialized):
            entries = [v for n, _t, v in fields(features) if n == 1] if field == 1 else []
            for entry in entries:
                parts = {n: v for n, _t, v in fields(entry)}
                found[parts.get(1, b"")] = parts.get(2, b"")
    except (DecodeError, TypeError) as e:  # a number where bytes should be
        raise InvalidArgumentError(
            None, None, f"{serialized!r:.60} is no serialized Example: {e}"
        ) from e
    return found


def values_of(feature: bytes, key: str, wanted: DType) -> np.ndarray | None:
    """Return the values of a Feature, or None if it has none."""
    for number, _type, body in fields(feature):
        dtype = _KINDS.get(number)
        if dtype is None:
            continue
        if dtype is not wanted:
            raise InvalidArgumentError(
                None, None, f"feature {key!r} has {dtype.name} values, {wanted.name} is wanted"
            )
        return _decoded(body, dtype)
    return None


def _decoded(body: bytes, dtype: DType) -> np.ndarray:
    if dtype is not string and len(body) > 1 and body[0] == _PACKED and body[1] == len(body) - 2:
        packed = body[2:]  # as nearly all writers have it: one field
        if dtype is float32:
            return np.frombuffer(packed, "<f4")
        return unpack_varints(packed).view(np.int64)
    items = [(t, v) for n, t, v in fields(body) if n == 1]
    if dtype is string:
        return string_vector([v for _t, v in items])
    parts = []
    for wire_type, value in items:
        if wire_type == LENGTH:  # packed
            packed = unpack_varints(value) if dtype is int64 else np.frombuffer(value, "<f4")
            parts.append(packed.view(np.int64) if dtype is int64 else packed)
        elif wire_type == FIXED32:
            parts.append(np.frombuffer(value, "<f4"))
        else:
            parts.append(np.array([value], np.uint64).view(np.int64))
    return np.concatenate(parts) if parts else np.zeros(0, dtype.dtype)


class _ParseExample(StringOp):
    """The wanted features of one example, or of a vector of them."""

    listed = True

    def compute(
        self, serialized: Any, *defaults: Any, wanted: tuple[_Wanted, ...], single: bool
    ) -> list[Any]:
        texts = [serialized] if single else serialized
        examples = [_lists(as_bytes(t)) for t in texts]
        given = iter(defaults)
        out: list[Any] = []
        for w in wanted:
            default = None if w.kind == "sparse" or w.required else next(given)
            columns = [values_of(e.get(w.key.encode(), b""), w.key, w.type) for e in examples]
            if w.kind == "sparse":
                out += _sparse(columns, w, single)
            elif w.kind == "sequence":
                out.append(_sequences(columns, w, default, single))
            else:
                out.append(_fixed(columns, w, default, single))
        return out

    def infer(
        self, serialized: TensorSpec, *defaults: TensorSpec, wanted: tuple[_Wanted, ...],
        single: bool,
    ) -> list[TensorSpec]:  # fmt: skip
        if serialized.rank not in ((0, None) if single else (1, None)):
            what = "a scalar" if single else "a vector"
            raise ValueError(f"serialized must be {what} of strings, not {serialized!r}")
        batch: tuple[Any, ...] = () if single else (serialized.shape or (None,))
        out = []
        for w in wanted:
            if w.kind == "sparse":
                rank = 1 if single else 2
                out += [TensorSpec((None, rank), int64), TensorSpec((None,), w.type),
                        TensorSpec((rank,), int64)]  # fmt: skip
            else:
                length = (None,) if w.kind == "sequence" else ()
                out.append(TensorSpec((*batch, *length, *w.shape), w.type))
        return out


def _fixed(
    columns: Sequence[np.ndarray | None], w: _Wanted, default: Any, single: bool
) -> np.ndarray:
    size = math.prod(w.shape)
    rows = []
    for number, values in enumerate(columns):
        if values is None:
            if default is None:
                raise InvalidArgumentError(
                    None, None, f"feature {w.key!r} is required, but missing in example {number}"
                )
            default = np.asarray(default)
            values = np.broadcast_to(default, (size,)) if default.size == 1 else default
        if values.size != size:
            raise InvalidArgumentError(
                None,
                None,
                f"feature {w.key!r} of example {number} has {values.size} values; shape "
                f"{format_shape(w.shape)} needs {size}",
            )
        rows.append(values.reshape(-1))
    if single:
        return np.array(rows[0], w.type.dtype).reshape(w.shape)
    flat = np.concatenate(rows) if rows else np.zeros(0, w.type.dtype)
    return flat.reshape(len(rows), *w.shape)


def _sequences(
    columns: Sequence[np.ndarray | None], w: _Wanted, default: Any, single: bool
) -> np.ndarray:
    size = math.prod(w.shape)
    rows = [np.zeros(0, w.type.dtype) if v is None else v for v in columns]
    if any([r.size % size for r in rows]):
        raise InvalidArgumentError(
            None, None, f"feature {w.key!r} has no whole number of {format_shape(w.shape)}"
        )
    longest = max([r.size for r in rows], default=0)
    fill = b"" if w.type is string else 0
    if default is not None and np.size(default):
        fill = np.asarray(default).ravel()[0]
    out = np.full((len(rows), longest), fill, w.type.dtype)
    for target, row in zip(out, rows, strict=True):
        target[: row.size] = row
    out = out.reshape(len(rows), longest // size, *w.shape)
    return out[0] if single else out


def _sparse(columns: Sequence[np.ndarray | None], w: _Wanted, single: bool) -> list[np.ndarray]:
    """Return indices, values and the dense shape."""
    rows = [np.zeros(0, w.type.dtype) if v is None else v for v in columns]
    values = np.concatenate(rows) if rows else np.zeros(0, w.type.dtype)
    lengths = np.array([r.size for r in rows], np.int64)
    longest = int(lengths.max(initial=0))
    places = [np.arange(n) for n in lengths]
    within = np.concatenate(places) if places else np.zeros(0, np.int64)
    if single:
        return [within[:, None], values, np.array([longest], np.int64)]
    example = np.repeat(np.arange(len(rows)), lengths)
    shape = np.array([len(rows), longest], np.int64)
    return [np.stack([example, within], 1), values, shape]


_PARSE_EXAMPLE = _ParseExample("ParseExample", "_parse_example")
_PARSE_SINGLE_EXAMPLE = _ParseExample("ParseSingleExample", "_parse_single_example")


def parse_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """Return the features of a vector of serialized Examples, as a dict of tensors.

    Parameters
    ----------
    features : a dict from names to ``FixedLenFeature`` (a tensor of shape ``[batch] + shape``),
        ``FixedLenSequenceFeature`` or ``VarLenFeature`` (a sparse tensor)
    """
    return _parsed(serialized, features, False, name or "ParseExample")


def parse_single_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """Return the features of one serialized Example, as a dict of tensors; see parse_example."""
    return _parsed(serialized, features, True, name or "ParseSingleExample")


def _parsed(
    serialized: Any, features: Mapping[str, Any], single: bool, name: str
) -> dict[str, Any]:
    if not features:
        raise InvalidArgumentError(None, None, "parse_example: features is empty.")
    wanted = [_wanted(key, features[key]) for key in sorted(features)]
    defaults = [
        convert_to_tensor(features[w.key].default_value, w.type)
        for w in wanted
        if w.kind != "sparse" and not w.required
    ]
    attrs = {"wanted": tuple(wanted), "single": single}
    inputs = [convert_to_tensor(serialized, string), *defaults]
    opdef = _PARSE_SINGLE_EXAMPLE if single else _PARSE_EXAMPLE
    outputs = iter(apply(opdef, inputs, attrs, name))
    return {
        w.key: SparseTensor(*[next(outputs) for _ in range(3)])
        if w.kind == "sparse"
        else next(outputs)
        for w in wanted
    }


def _wanted(key: str, feature: Any) -> _Wanted:
    if isinstance(feature, VarLenFeature):
        return _Wanted(key, "sparse", type_of(key, feature.dtype), (), True)
    if not isinstance(feature, (FixedLenFeature, FixedLenSequenceFeature)):
        raise InvalidTypeError(
            None, None, f"feature {key!r} is {feature!r}; use tf.FixedLenFeature or "
            f"tf.VarLenFeature."
        )  # fmt: skip
    kind = "sequence" if isinstance(feature, FixedLenSequenceFeature) else "fixed"
    if isinstance(feature, FixedLenSequenceFeature) and not feature.allow_missing:
        raise InvalidArgumentError(
            None, None, f"feature {key!r}: FixedLenSequenceFeature needs allow_missing=True here."
        )
    required = feature.default_value is None
    return _Wanted(key, kind, type_of(key, feature.dtype), shape_of(key, feature.shape), required)


def shape_of(key: str, given: Any) -> tuple[int, ...]:
    """Return the shape of a feature, which must be known."""
    shape: Shape = as_shape(given)
    if shape is None or None in shape:
        raise InvalidArgumentError(
            None, None, f"feature {key!r} needs a known shape, not {format_shape(shape)}; use "
            f"tf.VarLenFeature for one of any length."
        )  # fmt: skip
    return tuple([d for d in shape if d is not None])


def type_of(key: str, dtype: Any) -> DType:
    """Return the dtype of a feature, which must be one that examples have."""
    found = as_dtype(dtype)
    if found not in _KINDS.values():
        raise InvalidArgumentError(
            None, None, f"feature {key!r} can't be {found.name}: an Example has float32, int64 and "
            f"string; convert with tf.cast."
        )  # fmt: skip
    return found


@op("DecodeRaw")
class _decode_raw(StringOp):
    """Numbers from the bytes of strings of one length."""

    def compute(self, strings: Any, *, out_type: DType, little_endian: bool) -> Any:
        given = np.asarray(strings, object)
        parts = [as_bytes(s) for s in given.ravel()]
        width = len(parts[0]) if parts else 0
        size = out_type.size
        if any([len(p) != width for p in parts]):
            raise InvalidArgumentError(None, None, "decode_raw: the strings differ in length")
        if width % size:
            raise InvalidArgumentError(
                None, None, f"decode_raw: {width} bytes are no whole number of {out_type.name}s"
            )
        order = "<" if little_endian else ">"
        flat = np.frombuffer(b"".join(parts), out_type.dtype.newbyteorder(order))
        return flat.astype(out_type.dtype).reshape(*given.shape, width // size)

    def infer(self, strings: TensorSpec, *, out_type: DType, little_endian: bool) -> TensorSpec:
        if out_type is string:
            raise ValueError("decode_raw makes numbers, not strings")
        return TensorSpec(None if strings.shape is None else (*strings.shape, None), out_type)


def decode_raw(
    input_bytes: Any = None,
    out_type: Any = None,
    little_endian: bool = True,
    name: str | None = None,
    bytes: Any = None,
) -> Tensor:
    """Return the bytes of each string as numbers of ``out_type``, along a new last dimension."""
    strings = convert_to_tensor(bytes if input_bytes is None else input_bytes, string)
    return _decode_raw(strings, as_dtype(out_type), little_endian, name=name or "DecodeRaw")


@op("ParseTensor")
class parse_tensor(StringOp):
    """Return the tensor of a serialized ``TensorProto``, of dtype ``out_type``."""

    def compute(self, serialized: Any, *, out_type: DType) -> Any:
        value = make_ndarray(TensorProto.FromString(as_bytes(serialized)))
        if value.dtype != out_type.dtype:
            raise InvalidArgumentError(
                None, None, f"the tensor is {value.dtype}, {out_type.name} is wanted"
            )
        return value

    def infer(self, serialized: TensorSpec, *, out_type: DType) -> TensorSpec:
        return TensorSpec(None, out_type)


@op("SerializeTensor")
class serialize_tensor(StringOp):
    """Return ``tensor`` as a serialized ``TensorProto``, a scalar string."""

    def compute(self, tensor: Any) -> Any:
        return np.array(make_tensor_proto(tensor).SerializeToString(), object)

    def infer(self, tensor: TensorSpec) -> TensorSpec:
        return TensorSpec((), string)
