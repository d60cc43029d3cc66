"""Protocol buffer messages, declared as Python classes.

In: a class such as ::

    class Feature(Message):
        bytes_list = Field(1, BytesList, oneof="kind")
        float_list = Field(2, FloatList, oneof="kind")

Out: objects with the methods, the rules of presence and the text form of protobuf's own Python
classes, to and from the same bytes.  Fields have proto3's meaning: a number or string that is zero
or empty is absent, unless it is in a oneof or ``optional``; a message is present once something in
it, or in it in turn, was set.  Fields that a message does not declare are kept and written again.
"""

from __future__ import annotations

from typing import Any, Self

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats import prototext
from tfmini.formats.fields import Field
from tfmini.formats.scalars import Enum
from tfmini.formats.wire import check_depth, damaged, read_tag, skip


class _Slotted(type):
    """Gives messages no ``__dict__``: a misspelt field is an AttributeError."""

    def __new__(mcs, name: str, bases: Any, namespace: dict[str, Any], **kwargs: Any) -> Any:
        namespace.setdefault("__slots__", ())
        return super().__new__(mcs, name, bases, namespace, **kwargs)


class Message(metaclass=_Slotted):
    """The base of all messages; ``Message(**fields)`` fills fields, None leaves one out."""

    __slots__ = ("_values", "_lazy", "_owner", "_unknown")

    _fields: dict[str, Field] = {}
    _numbers: dict[int, Field] = {}
    _oneofs: dict[str, list[Field]] = {}

    def __init_subclass__(cls) -> None:
        found = [v for v in vars(cls).values() if isinstance(v, Field)]
        cls._fields = {f.name: f for f in sorted(found, key=lambda f: f.number)}
        cls._numbers = {f.number: f for f in found}
        cls._oneofs = {}
        for field in found:
            if field.oneof is not None:
                cls._oneofs.setdefault(field.oneof, []).append(field)
        for enum in [v for v in vars(cls).values() if isinstance(v, Enum)]:
            for name, number in enum.items():
                setattr(cls, name, number)

    def __init__(self, **fields: Any) -> None:
        self._values: dict[str, Any] = {}
        self._lazy: dict[str, Any] = {}
        self._owner: tuple[Message, Field] | None = None
        self._unknown = b""
        for name, value in fields.items():
            if value is not None:
                self._field(name).fill(self, value)

    @classmethod
    def _field(cls, name: str) -> Field:
        try:
            return cls._fields[name]
        except KeyError:
            known = ", ".join(cls._fields) or "none"
            raise InvalidArgumentError(
                None,
                None,
                f'Protocol message {cls.__name__} has no "{name}" field; it has: {known}.',
            ) from None

    def _changed(self) -> None:
        """Note that something was set: a message got by reading is now part of its owner."""
        if self._owner is not None:
            message, field = self._owner
            self._owner = None
            message._lazy.pop(field.name, None)
            field.put(message, self)

    def __bool__(self) -> bool:
        return True

    # -- presence -------------------------------------------------------------------------------

    def ListFields(self) -> list[tuple[Field, Any]]:
        """Return (field, value) of all fields that are present, by number."""
        fields = self._fields
        found = [(fields[n], v) for n, v in self._values.items() if v or not fields[n].repeated]
        return found if len(found) < 2 else sorted(found, key=_by_number)

    def HasField(self, name: str) -> bool:
        """Return whether a message, oneof or optional field is present."""
        if name in self._oneofs:
            return self.WhichOneof(name) is not None
        field = self._field(name)
        if not field.explicit:
            raise InvalidArgumentError(
                None,
                None,
                f"can't test the presence of {type(self).__name__}.{name}: a "
                f"{'repeated field has a length' if field.repeated else 'plain scalar is 0'}.",
            )
        return name in self._values

    def WhichOneof(self, oneof_group: str) -> str | None:
        """Return the name of the field of a oneof that is set, or None."""
        if oneof_group not in self._oneofs:
            raise InvalidArgumentError(
                None, None, f"Protocol message {type(self).__name__} has no oneof {oneof_group!r}."
            )
        return next((f.name for f in self._oneofs[oneof_group] if f.name in self._values), None)

    def ClearField(self, name: str) -> None:
        """Remove a field, or what is set of a oneof."""
        if name in self._oneofs:
            name = self.WhichOneof(name) or self._oneofs[name][0].name
        self._field(name)
        self._values.pop(name, None)
        self._forget_lazy(name)
        self._changed()

    def _forget_lazy(self, name: str) -> None:
        lazy = self._lazy.pop(name, None)
        if lazy is not None:
            lazy._owner = None

    def Clear(self) -> None:
        """Remove all fields."""
        self._values.clear()
        for name in list(self._lazy):
            self._forget_lazy(name)
        self._unknown = b""
        self._changed()

    def SetInParent(self) -> None:
        """Make this message present in the one it was read from, though nothing in it is set."""
        self._changed()

    def IsInitialized(self) -> bool:
        return True

    def DiscardUnknownFields(self) -> None:
        """Forget fields that the message does not declare."""
        self._unknown = b""
        for field, value in self.ListFields():
            if field.scalar is None:
                inner = value.values() if field.is_map else value if field.repeated else (value,)
                for message in inner:
                    message.DiscardUnknownFields()

    # -- merging --------------------------------------------------------------------------------

    def MergeFrom(self, other: Any) -> None:
        """Set what is set in ``other``; lists are appended to."""
        given = self.of(other)
        for field, value in given.ListFields():
            field.merge(self, value)
        self._unknown += given._unknown
        self._changed()

    def CopyFrom(self, other: Any) -> None:
        """Become equal to ``other``."""
        if other is not self:
            given = self.of(other)
            self.Clear()
            self.MergeFrom(given)

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return ``given``; a message of this name that protobuf made, as one of this class."""
        if type(given) is cls:
            return given
        if getattr(getattr(given, "DESCRIPTOR", None), "name", "") == cls.__name__:
            return cls.FromString(given.SerializeToString())
        raise InvalidTypeError(
            None,
            None,
            f"a {cls.__name__} message is expected, not {given!r:.60} of type "
            f"{type(given).__name__}.",
        )

    def __deepcopy__(self, _memo: Any) -> Self:
        made = type(self)()
        made.MergeFrom(self)
        return made

    def __copy__(self) -> Self:
        return self.__deepcopy__(None)

    # -- bytes ----------------------------------------------------------------------------------

    def SerializeToString(self, deterministic: bool | None = None) -> bytes:
        """Return the message as bytes; the same message always gives the same."""
        out: list[bytes] = []
        for field, value in self.ListFields():
            field.encode(value, out)
        out.append(self._unknown)
        return b"".join(out)

    SerializePartialToString = SerializeToString

    def ByteSize(self) -> int:
        return len(self.SerializeToString())

    def MergeFromString(self, serialized: Any) -> int:
        """Merge a message given as bytes and return their number; DecodeError if malformed."""
        if isinstance(serialized, str) or not isinstance(
            serialized, (bytes, bytearray, memoryview)
        ):
            raise InvalidTypeError(
                None, None, f"a serialized message is bytes, not {type(serialized).__name__}."
            )
        data = bytes(serialized)
        self._merge_bytes(data, 0, len(data), 0)
        self._changed()
        return len(data)

    def ParseFromString(self, serialized: Any) -> int:
        """Become the message that ``serialized`` holds."""
        self.Clear()
        return self.MergeFromString(serialized)

    @classmethod
    def FromString(cls, s: Any) -> Self:
        """Return the message that bytes hold."""
        made = cls()
        made.MergeFromString(s)
        return made

    def _merge_bytes(self, data: bytes, pos: int, end: int, depth: int) -> None:
        check_depth(depth)
        numbers = self._numbers
        while pos < end:
            start = pos
            number, wire_type, pos = read_tag(data, pos, end)
            field = numbers.get(number)
            after = None
            if field is not None:
                after = field.decode(self, data, pos, end, wire_type, depth)
            if after is None:
                after = skip(data, pos, end, number, wire_type, depth)
                self._unknown += data[start:after]
            pos = after
        if pos != end:
            raise damaged(f"a value reaches past the end of its message at byte {end}")

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.SerializeToString())

    # -- in Python ------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self.ListFields(), other.ListFields()
        return mine == theirs and self._unknown == other._unknown

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return prototext.to_text(self)

    __repr__ = __str__


def _by_number(item: tuple[Field, Any]) -> int:
    return item[0].number


def _restored(cls: type[Message], data: bytes) -> Message:
    return cls.FromString(data)
