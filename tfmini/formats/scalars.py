"""The scalar types of message fields: which Python values they take, and their bytes.

In: a value that somebody assigns, or bytes.  Out: the value as the field keeps it, checked, or
bytes.  One ``Scalar`` per type of protobuf's table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    damaged,
    pack_varints,
    read_length,
    read_varint,
    unpack_varints,
    varint,
)

_FEW = 16  # values that are checked one by one


def _wrong(value: Any, expected: str) -> InvalidTypeError:
    return InvalidTypeError(
        None,
        None,
        f"{value!r:.60} has type {type(value).__name__}, but expected one of: {expected}.",
    )


def _plain_array(values: Any) -> np.ndarray | None:
    """Return many numbers as an array, to be checked all at once; None for what is none."""
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 and values.size else None
    if not isinstance(values, (list, tuple)) or len(values) < _FEW:
        return None
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):
        return None
    return array if array.ndim == 1 else None


class Scalar:
    """One scalar type: ``check`` a value, ``encode`` it without tag, ``decode`` it somewhere."""

    wire_type = VARINT
    packable = True
    default: Any = 0

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, value: Any) -> Any:
        raise NotImplementedError

    def check_all(self, values: Iterable[Any]) -> list[Any]:
        return [self.check(v) for v in values]

    def encode(self, value: Any) -> bytes:
        raise NotImplementedError

    def decode(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        raise NotImplementedError

    def pack(self, values: list[Any]) -> bytes:
        return b"".join([self.encode(v) for v in values])

    def unpack(self, data: bytes) -> list[Any]:
        raise NotImplementedError


class Integer(Scalar):
    """Varints: int32, int64, uint32, uint64, and the zigzag-coded sint32, sint64."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        bits = 32 if name.endswith("32") else 64
        self.signed = not name.startswith("u")
        self.zigzag = name.startswith("sint")
        self.low = -(1 << (bits - 1)) if self.signed else 0
        self.high = (1 << (bits - 1 if self.signed else bits)) - 1
        self.bits = bits

    def check(self, value: Any) -> int:
        if type(value) is not int:
            try:
                value = value.__index__()
            except (AttributeError, TypeError):
                raise _wrong(value, "int") from None
        if not self.low <= value <= self.high:
            raise InvalidArgumentError(None, None, f"{value} is out of range for {self.name}.")
        return value

    def check_all(self, values: Iterable[Any]) -> list[Any]:
        array = _plain_array(values)
        if array is None or array.dtype.kind not in "iu":
            return [self.check(v) for v in values]
        self.check(array.min())
        self.check(array.max())
        return array.tolist()

    def encode(self, value: int) -> bytes:
        return varint((value << 1) ^ (value >> 63) if self.zigzag else value)

    def decode(self, data: bytes, pos: int, end: int) -> tuple[int, int]:
        value, pos = read_varint(data, pos, end)
        return self._restored(value), pos

    def _restored(self, value: int) -> int:
        if self.zigzag:
            value = (value >> 1) ^ -(value & 1)
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value > self.high else value

    def pack(self, values: list[int]) -> bytes:
        return super().pack(values) if self.zigzag else pack_varints(values)

    def unpack(self, data: bytes) -> list[Any]:
        numbers = unpack_varints(data)
        if self.zigzag:
            return [self._restored(n) for n in numbers.tolist()]
        return numbers.astype(f"{'i' if self.signed else 'u'}{self.bits // 8}").tolist()


class Boolean(Integer):
    default = False

    def __init__(self) -> None:
        super().__init__("uint64")
        self.name = "bool"

    def check(self, value: Any) -> bool:
        if not isinstance(value, (bool, int, np.bool_, np.integer)):
            raise _wrong(value, "bool, int")
        return bool(value)

    def check_all(self, values: Iterable[Any]) -> list[Any]:
        return [self.check(v) for v in values]

    def decode(self, data: bytes, pos: int, end: int) -> tuple[bool, int]:
        value, pos = read_varint(data, pos, end)
        return value != 0, pos

    def unpack(self, data: bytes) -> list[Any]:
        return (unpack_varints(data) != 0).tolist()


class Fixed(Scalar):
    """4 or 8 little-endian bytes: float, double, fixed32, fixed64, sfixed32, sfixed64."""

    def __init__(self, name: str, code: str) -> None:
        super().__init__(name)
        self.code = code
        self.struct = struct.Struct("<" + code)
        self.numpy = np.dtype("<" + code)
        self.wire_type = FIXED32 if self.struct.size == 4 else FIXED64
        self.real = code in "fd"
        self.default = 0.0 if self.real else 0

    def check(self, value: Any) -> Any:
        if type(value) is float and self.code == "d":
            return value
        try:
            number = float(value) if self.real else value.__index__()
        except (AttributeError, TypeError, ValueError):
            raise _wrong(value, "int, float" if self.real else "int") from None
        if isinstance(value, (str, bytes)):
            raise _wrong(value, "int, float")
        try:
            return self.struct.unpack(self.struct.pack(number))[0]  # as rounded as it is kept
        except OverflowError:
            return float("inf") if number > 0 else float("-inf")
        except struct.error:
            raise InvalidArgumentError(
                None, None, f"{value} is out of range for {self.name}."
            ) from None

    def check_all(self, values: Iterable[Any]) -> list[Any]:
        array = _plain_array(values) if self.real else None
        if array is None or array.dtype.kind not in "fiu":
            return [self.check(v) for v in values]
        with np.errstate(over="ignore"):
            return array.astype(self.numpy).tolist()

    def encode(self, value: Any) -> bytes:
        return self.struct.pack(value)

    def decode(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        after = pos + self.struct.size
        if after > end:
            raise damaged(f"a number is cut off at byte {end}")
        return self.struct.unpack_from(data, pos)[0], after

    def pack(self, values: list[Any]) -> bytes:
        return struct.pack(f"<{len(values)}{self.code}", *values)

    def unpack(self, data: bytes) -> list[Any]:
        if len(data) % self.struct.size:
            raise damaged(f"{len(data)} bytes are no whole number of {self.name} values")
        return np.frombuffer(data, self.numpy).tolist()


class Bytes(Scalar):
    wire_type = LENGTH
    packable = False
    default: Any = b""

    def check(self, value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise _wrong(value, "bytes")

    def encode(self, value: Any) -> bytes:
        return varint(len(value)) + value

    def decode(self, data: bytes, pos: int, end: int) -> tuple[Any, int]:
        start, stop = read_length(data, pos, end)
        return data[start:stop], stop


class String(Bytes):
    default = ""

    def check(self, value: Any) -> str:
        if isinstance(value, str):
            return str(value)
        if isinstance(value, bytes):
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise InvalidArgumentError(
                    None, None, f"{value!r:.60} is no UTF-8, which a string field must be."
                ) from None
        raise _wrong(value, "bytes, str")

    def encode(self, value: str) -> bytes:
        return super().encode(value.encode())

    def decode(self, data: bytes, pos: int, end: int) -> tuple[str, int]:
        raw, pos = super().decode(data, pos, end)
        try:
            return raw.decode(), pos
        except UnicodeDecodeError:
            raise damaged(f"a string that is no UTF-8 before byte {pos}") from None


class Enum(Integer):
    """An enumeration: ``Enum("Level", LOW=0, HIGH=1)``. Its values are ints, ``Enum.HIGH`` one.

    Assigned to a name in the body of a message, it gives the message its values too, as protobuf
    does: ``RunOptions.FULL_TRACE``.
    """

    def __init__(self, name: str, **values: int) -> None:
        super().__init__("int32")
        self.name = name
        self.values_by_name = dict(values)
        self.names_by_value = {v: k for k, v in reversed(values.items())}
        self.default = next(iter(values.values()), 0)

    def __getattr__(self, name: str) -> int:
        try:
            return self.__dict__["values_by_name"][name]
        except KeyError:
            raise AttributeError(f"enumeration {self.__dict__.get('name')} has no {name}") from None

    def check(self, value: Any) -> int:
        if isinstance(value, str):
            return self.Value(value)
        return super().check(value)

    def check_all(self, values: Iterable[Any]) -> list[Any]:
        return [self.check(v) for v in values]

    def Name(self, number: int) -> str:
        """Return the name of a value."""
        try:
            return self.names_by_value[number]
        except KeyError:
            raise InvalidArgumentError(None, None, f"{self.name} has no value {number}.") from None

    def Value(self, name: str) -> int:
        """Return the value of a name."""
        try:
            return self.values_by_name[name]
        except KeyError:
            known = ", ".join(self.values_by_name)
            raise InvalidArgumentError(
                None, None, f"{self.name} has no value {name!r}; it has {known}."
            ) from None

    def keys(self) -> list[str]:
        return list(self.values_by_name)

    def values(self) -> list[Any]:
        return list(self.values_by_name.values())

    def items(self) -> list[tuple[str, int]]:
        return list(self.values_by_name.items())


_INTEGERS = ("int32", "int64", "uint32", "uint64", "sint32", "sint64")
_FIXED = {"float": "f", "double": "d", "fixed32": "I", "fixed64": "Q", "sfixed32": "i",
          "sfixed64": "q"}  # fmt: skip
SCALARS: dict[str, Scalar] = {
    **{name: Integer(name) for name in _INTEGERS},
    **{name: Fixed(name, code) for name, code in _FIXED.items()},
    "bool": Boolean(),
    "bytes": Bytes("bytes"),
    "string": String("string"),
}
