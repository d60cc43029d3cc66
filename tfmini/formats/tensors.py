"""Tensors, shapes and dtypes as messages, and NumPy arrays to and from them.

Field numbers are those of TensorFlow's ``types.proto``, ``tensor_shape.proto``, ``tensor.proto``.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from tfmini.dtypes import DTYPES, DType, as_dtype, float32, int8, int32, string, uint8
from tfmini.errors import DataLossError, InvalidArgumentError, UnimplementedError
from tfmini.formats.fields import Field
from tfmini.formats.protobuf import Message
from tfmini.formats.scalars import Enum
from tfmini.shapes import Shape, as_shape
from tfmini.spec import as_array

_NAMES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
_REF = 100  # added to the number of a dtype for a reference to a variable of it
_BFLOAT16 = 14
# Types that tensors here don't have, and the ones that hold their values.
_STAND_INS = {11: int8, 12: uint8, 13: int32, _BFLOAT16: float32}
_OTHERS = {"QINT8": 11, "QUINT8": 12, "QINT32": 13, "BFLOAT16": 14, "QINT16": 15, "QUINT16": 16,
           "RESOURCE": 20, "VARIANT": 21}  # fmt: skip
_BY_NUMBER: dict[int, DType] = {d.as_datatype_enum: d for d in DTYPES}


def _data_types() -> dict[str, int]:
    numbers = {_NAMES.get(d.name, d.name.upper()): d.as_datatype_enum for d in DTYPES}
    numbers |= _OTHERS
    plain = {f"DT_{name}": number for name, number in numbers.items()}
    return {"DT_INVALID": 0, **plain, **{f"{k}_REF": v + _REF for k, v in plain.items()}}


DataType = Enum("DataType", **_data_types())


def dtype_of_number(number: int) -> DType:
    """Return the dtype for TensorFlow's number of it or of a reference to it."""
    number %= _REF
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if number in _STAND_INS:
        return _STAND_INS[number]
    name = DataType.names_by_value.get(number, f"number {number}")
    raise UnimplementedError(None, None, f"dtype {name} is one that tensors here can't have.")


class TensorShapeProto(Message):
    """A shape: -1 for an unknown dimension."""

    class Dim(Message):
        """One dimension."""

        size = Field(1, "int64")
        name = Field(2, "string")

    dim = Field(2, Dim, repeated=True)
    unknown_rank = Field(3, "bool")


class TensorProto(Message):
    """A value: as raw bytes (``tensor_content``), or as a list in the field of its type."""

    dtype = Field(1, DataType)
    tensor_shape = Field(2, TensorShapeProto)
    version_number = Field(3, "int32")
    tensor_content = Field(4, "bytes")
    float_val = Field(5, "float", repeated=True)
    double_val = Field(6, "double", repeated=True)
    int_val = Field(7, "int32", repeated=True)
    string_val = Field(8, "bytes", repeated=True)
    scomplex_val = Field(9, "float", repeated=True)
    int64_val = Field(10, "int64", repeated=True)
    bool_val = Field(11, "bool", repeated=True)
    dcomplex_val = Field(12, "double", repeated=True)
    half_val = Field(13, "int32", repeated=True)
    uint32_val = Field(16, "uint32", repeated=True)
    uint64_val = Field(17, "uint64", repeated=True)


_VALUE_FIELDS = {
    "float32": "float_val", "float64": "double_val", "int32": "int_val", "uint8": "int_val",
    "int16": "int_val", "int8": "int_val", "uint16": "int_val", "string": "string_val",
    "complex64": "scomplex_val", "int64": "int64_val", "bool": "bool_val",
    "complex128": "dcomplex_val", "float16": "half_val", "uint32": "uint32_val",
    "uint64": "uint64_val",
}  # fmt: skip


def shape_proto(shape: Shape) -> TensorShapeProto:
    """Return a static shape as a message."""
    if shape is None:
        return TensorShapeProto(unknown_rank=True)
    return TensorShapeProto(dim=[{"size": -1 if d is None else d} for d in shape])


def shape_of_proto(proto: TensorShapeProto) -> Shape:
    """Return the static shape that a message holds."""
    if proto.unknown_rank:
        return None
    return tuple([None if d.size < 0 else d.size for d in proto.dim])


def as_bytes(value: Any) -> bytes:
    """Return an element of a string tensor as bytes; text as UTF-8."""
    return value if isinstance(value, bytes) else str(value).encode()


def make_tensor_proto(
    values: Any, dtype: Any = None, shape: Any = None, verify_shape: bool = False,
    allow_broadcast: bool = False,
) -> TensorProto:  # fmt: skip
    """Return ``values`` (an array, number, string or nested list) as a ``TensorProto``.

    A ``shape`` of more elements than there are values repeats the last one; with
    ``allow_broadcast`` the values are broadcast to it.
    """
    array = as_array(values, None if dtype is None else as_dtype(dtype))
    if dtype is not None and array.dtype != as_dtype(dtype).dtype:
        array = array.astype(as_dtype(dtype).dtype)
    wanted = array.shape if shape is None else tuple([d or 0 for d in as_shape(shape) or ()])
    if allow_broadcast and array.size > 1:
        array = np.broadcast_to(array, wanted)
    size = math.prod(wanted)
    if array.size > size or (verify_shape and array.shape != wanted):
        raise InvalidArgumentError(
            None, None, f"values of shape {array.shape} can't be given shape {wanted}."
        )
    kept = as_dtype(array.dtype)
    proto = TensorProto(dtype=kept.as_datatype_enum, tensor_shape=shape_proto(wanted))
    if kept is string:
        proto.string_val.extend([as_bytes(v) for v in array.ravel().tolist()])
    elif size == array.size > 1:
        proto.tensor_content = array.astype(kept.dtype.newbyteorder("<"), copy=False).tobytes()
    else:
        flat = array.ravel()
        if kept.is_complex:
            flat = flat.view(flat.real.dtype)
        elif kept.name == "float16":
            flat = flat.view(np.uint16)
        getattr(proto, _VALUE_FIELDS[kept.name]).extend(flat.tolist())
    return proto


def make_ndarray(tensor: TensorProto) -> np.ndarray:
    """Return the array that a ``TensorProto`` holds; strings as bytes in an object array."""
    dtype = dtype_of_number(tensor.dtype)
    shape = tuple([d.size for d in tensor.tensor_shape.dim])
    if tensor.tensor_content:
        return from_bytes(tensor.tensor_content, tensor.dtype, shape)
    values: Any = getattr(tensor, _VALUE_FIELDS[dtype.name])
    if tensor.dtype % _REF == _BFLOAT16:
        values = _bfloat16(np.array(tensor.half_val, np.uint16))
    flat = _elements(list(values), dtype)
    size = math.prod(shape)
    if flat.size > size:
        raise DataLossError(None, None, f"{flat.size} values in a tensor of shape {shape}.")
    if flat.size < size:  # the last one stands for the rest, none for zeros
        filler = flat[-1] if flat.size else b"" if dtype is string else 0
        flat = np.concatenate([flat, np.full(size - flat.size, filler, flat.dtype)])
    return flat.reshape(shape)


def _elements(values: list[Any], dtype: DType) -> np.ndarray:
    if dtype is string:
        flat = np.empty(len(values), object)
        flat[:] = values
        return flat
    if dtype.is_complex:
        half = np.array(values, np.float32 if dtype.size == 8 else np.float64)
        return half.view(dtype.dtype)
    if dtype.name == "float16":
        return np.array(values, np.uint16).view(np.float16)
    return np.array(values, dtype.dtype)


def from_bytes(
    data: bytes, number: int, shape: tuple[int, ...], order: Literal["<", ">"] = "<"
) -> np.ndarray:
    """Return a new array of the dtype with TensorFlow's ``number`` from its raw bytes."""
    dtype = dtype_of_number(number)
    narrow = number % _REF == _BFLOAT16
    width = np.dtype(np.uint16) if narrow else dtype.dtype
    size = math.prod(shape)
    if len(data) != size * width.itemsize:
        raise DataLossError(
            None, None, f"{len(data)} bytes for {dtype.name} values of shape {shape}."
        )
    raw = np.frombuffer(data, width.newbyteorder(order))
    return (_bfloat16(raw) if narrow else raw.astype(width)).reshape(shape)


def _bfloat16(raw: np.ndarray) -> np.ndarray:
    """Return bfloat16 numbers, the upper halves of float32 ones, as float32."""
    return (raw.astype(np.uint32) << 16).view(np.float32)
