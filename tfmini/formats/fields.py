"""The fields of protocol buffer messages.

In: a field's number and type, as a message class declares it.  Out: an attribute of the message,
which checks what is set, and writes itself to and reads itself from the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tfmini.errors import InvalidArgumentError
from tfmini.formats.containers import MapContainer, RepeatedMessage, RepeatedScalar
from tfmini.formats.scalars import SCALARS, Enum, Scalar
from tfmini.formats.wire import LENGTH, read_length, read_tag, skip, varint

if TYPE_CHECKING:
    from tfmini.formats.protobuf import Message


class Field:
    """A field of a message.

    Parameters
    ----------
    number : int
        What identifies the field on the wire.
    type : the name of a scalar type ("int64", "string", ...), an ``Enum``, a ``Message`` class, or
        a function without arguments that returns a class defined later
    repeated : whether it is a list; numbers are packed unless ``packed=False``
    oneof : the name of a group of fields of which at most one is set
    optional : whether a scalar's presence is told from its value
    """

    is_map = False

    def __init__(
        self, number: int, type: str | Enum | Callable[[], Any], *, repeated: bool = False,
        oneof: str | None = None, optional: bool = False, packed: bool = True,
    ) -> None:  # fmt: skip
        self.name = ""
        self.number = number
        self.repeated = repeated
        self.oneof = oneof
        self._type = type
        self.scalar: Scalar | None = None
        if isinstance(type, str):
            self.scalar = SCALARS[type]
        elif isinstance(type, Enum):
            self.scalar = type
        self.explicit = optional or oneof is not None or (self.scalar is None and not repeated)
        self._packed = packed and self.scalar is not None and self.scalar.packable
        wire_type = LENGTH if self.scalar is None else self.scalar.wire_type
        self._tag = varint(number << 3 | wire_type)
        self._packed_tag = varint(number << 3 | LENGTH)

    def __set_name__(self, _owner: Any, name: str) -> None:
        self.name = name

    @cached_property
    def message(self) -> type[Message]:
        """The class of a message field."""
        found: Any = self._type
        return found if isinstance(found, type) else found()

    # -- as an attribute ------------------------------------------------------------------------

    def __get__(self, message: Message | None, _owner: Any = None) -> Any:
        if message is None:
            return self
        value = message._values.get(self.name)
        return self._absent(message) if value is None else value

    def _absent(self, message: Message) -> Any:
        if self.repeated:
            made: Any = self.container(message)
            message._values[self.name] = made
            return made
        if self.scalar is not None:
            return self.scalar.default
        if self.name not in message._lazy:
            made = self.message()
            made._owner = (message, self)
            message._lazy[self.name] = made
        return message._lazy[self.name]

    def container(self, message: Message) -> Any:
        return RepeatedScalar(message, self) if self.scalar else RepeatedMessage(message, self)

    def __set__(self, message: Message, value: Any) -> None:
        if self.scalar is None or self.repeated:
            if self.repeated and value is message._values.get(self.name):
                return  # what `message.field += more` ends with
            what = "repeated" if self.repeated else "message"
            remedy = "use del, extend or append" if self.repeated else "use CopyFrom"
            raise AttributeError(
                f"Assignment not allowed to {what} field {self.name!r} in protocol message "
                f"object; {remedy}."
            )
        self.put(message, self.checked(value))

    def checked(self, value: Any) -> Any:
        try:
            return self.scalar.check(value)  # type: ignore[union-attr]
        except InvalidArgumentError as e:
            raise type(e)(None, None, f"field {self.name!r}: {e.message}") from None

    def put(self, message: Message, value: Any) -> None:
        """Set the field of ``message`` to a value of the right type."""
        if not self.explicit and not value and str(value) != "-0.0":
            message._values.pop(self.name, None)
        else:
            if self.oneof is not None:
                for other in message._oneofs[self.oneof]:
                    if other is not self:
                        message._values.pop(other.name, None)
            message._values[self.name] = value
        message._changed()

    def fill(self, message: Message, value: Any) -> None:
        """Set the field to what a constructor was given."""
        if self.repeated:
            self.__get__(message).extend(value)
        elif self.scalar is not None:
            self.__set__(message, value)
        else:
            inner = self.__get__(message)
            inner.MergeFrom(self.message(**value) if isinstance(value, dict) else value)
            inner.SetInParent()

    def merge(self, message: Message, value: Any) -> None:
        """Merge the field's value in another message into ``message``."""
        if self.repeated or self.scalar is None:
            own = self.__get__(message)
            own.MergeFrom(value)
            if not self.repeated:
                own.SetInParent()
        else:
            self.put(message, value)

    # -- on the wire ----------------------------------------------------------------------------

    def encode(self, value: Any, out: list[bytes]) -> None:
        """Append the tag and bytes of ``value`` to ``out``."""
        if self.scalar is None:
            for item in value if self.repeated else (value,):
                data = item.SerializeToString()
                out += (self._tag, varint(len(data)), data)
        elif self.repeated and self._packed:
            data = self.scalar.pack(value)
            out += (self._packed_tag, varint(len(data)), data)
        else:
            for item in value if self.repeated else (value,):
                out += (self._tag, self.scalar.encode(item))

    def decode(
        self, message: Message, data: bytes, pos: int, end: int, wire_type: int, depth: int
    ) -> int | None:
        """Merge the value at ``pos`` and return the position after it; None: it is of another
        wire type, so unknown."""
        scalar = self.scalar
        if scalar is None:
            if wire_type != LENGTH:
                return None
            pos, stop = read_length(data, pos, end)
            own = self.__get__(message)
            inner = own.add() if self.repeated else own
            inner._merge_bytes(data, pos, stop, depth + 1)
            inner._changed()
            return stop
        if self.repeated and wire_type == LENGTH and scalar.packable:
            pos, stop = read_length(data, pos, end)
            list.extend(self.__get__(message), scalar.unpack(data[pos:stop]))
            return stop
        if wire_type != scalar.wire_type:
            return None
        value, pos = scalar.decode(data, pos, end)
        if self.repeated:
            list.append(self.__get__(message), value)
        else:
            self.put(message, value)
        return pos

    def __repr__(self) -> str:
        return f"<field {self.name!r} = {self.number}>"


class Map(Field):
    """A field that is a dict from a scalar ``key`` to ``value``, a scalar type or a message."""

    is_map = True

    def __init__(self, number: int, key: str, value: str | Enum | Callable[[], Any]) -> None:
        super().__init__(number, value, repeated=True)
        self.key = Field(1, key, optional=True)
        self.value = Field(2, value, optional=True)
        self._tag = self._packed_tag

    def container(self, message: Message) -> MapContainer:
        return MapContainer(message, self)

    def fill(self, message: Message, value: Any) -> None:
        self.__get__(message).MergeFrom(value)

    def encode(self, value: Any, out: list[bytes]) -> None:
        for key in sorted(value):
            entry: list[bytes] = []
            self.key.encode(key, entry)
            self.value.encode(dict.__getitem__(value, key), entry)
            data = b"".join(entry)
            out += (self._tag, varint(len(data)), data)

    def decode(
        self, message: Message, data: bytes, pos: int, end: int, wire_type: int, depth: int
    ) -> int | None:
        if wire_type != LENGTH:
            return None
        pos, stop = read_length(data, pos, end)
        key, value = self.key.scalar.default, None  # type: ignore[union-attr]
        while pos < stop:
            number, inner_type, pos = read_tag(data, pos, stop)
            if number == 1 and inner_type == self.key.scalar.wire_type:  # type: ignore[union-attr]
                key, pos = self.key.scalar.decode(data, pos, stop)  # type: ignore[union-attr]
            elif number == 2 and self.scalar and inner_type == self.scalar.wire_type:
                value, pos = self.scalar.decode(data, pos, stop)
            elif number == 2 and self.scalar is None and inner_type == LENGTH:
                pos, inner_stop = read_length(data, pos, stop)
                value = self.message() if value is None else value
                value._merge_bytes(data, pos, inner_stop, depth + 1)
                pos = inner_stop
            else:
                pos = skip(data, pos, stop, number, inner_type)
        if value is None:
            value = self.scalar.default if self.scalar else self.message()
        dict.__setitem__(self.__get__(message), key, value)
        return stop
