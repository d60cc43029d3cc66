"""The lists and dicts that repeated and map fields of messages are.

In: values that somebody puts in.  Out: the values, checked, and word to the message that it has
changed, which makes it present in the message that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from tfmini.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    from tfmini.formats.fields import Field, Map
    from tfmini.formats.protobuf import Message


class RepeatedScalar(list[Any]):
    """The list of a repeated field of numbers or strings; each value is checked."""

    __slots__ = ("_field", "_message")

    def __init__(self, message: Message, field: Field) -> None:
        super().__init__()
        self._message = message
        self._field = field

    def append(self, value: Any) -> None:
        super().append(self._field.checked(value))
        self._message._changed()

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, self._field.checked(value))
        self._message._changed()

    def extend(self, values: Iterable[Any]) -> None:
        if values is None:
            return
        if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
            raise InvalidTypeError(
                None, None, f"field {self._field.name!r} takes a list, not {values!r:.60}."
            )
        if isinstance(values, RepeatedScalar) and values._field is self._field:
            super().extend(values)  # checked when they were put in there
            self._message._changed()
            return
        try:
            super().extend(self._field.scalar.check_all(values))  # type: ignore[union-attr]
        except InvalidArgumentError as e:
            raise type(e)(None, None, f"field {self._field.name!r}: {e.message}") from None
        self._message._changed()

    MergeFrom = extend

    def __iadd__(self, values: Iterable[Any]) -> Self:  # type: ignore[misc]
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        many = isinstance(index, slice)
        checked = [self._field.checked(v) for v in value] if many else self._field.checked(value)
        super().__setitem__(index, checked)

    def __reduce__(self) -> Any:
        return list, (list(self),)


class RepeatedMessage(list[Any]):
    """The list of a repeated field of messages: ``add(**values)`` makes one in its place."""

    __slots__ = ("_field", "_message")

    def __init__(self, message: Message, field: Field) -> None:
        super().__init__()
        self._message = message
        self._field = field

    def add(self, **values: Any) -> Any:
        """Append a new message and return it."""
        made = self._field.message(**values)
        super().append(made)
        self._message._changed()
        return made

    def adopt(self, value: Any) -> None:
        """Append a message without a copy: nobody else may hold it."""
        super().append(value)
        self._message._changed()

    def append(self, value: Any) -> None:
        super().append(self._copied(value))
        self._message._changed()

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, self._copied(value))
        self._message._changed()

    def extend(self, values: Iterable[Any]) -> None:
        super().extend([self._copied(v) for v in values])
        self._message._changed()

    MergeFrom = extend

    def __iadd__(self, values: Iterable[Any]) -> Self:  # type: ignore[misc]
        self.extend(values)
        return self

    def _copied(self, value: Any) -> Any:
        wanted = self._field.message
        if isinstance(value, dict):
            return wanted(**value)
        if not isinstance(value, wanted):
            raise InvalidTypeError(
                None,
                None,
                f"field {self._field.name!r} takes {wanted.__name__} messages, not {value!r:.60}.",
            )
        made = wanted()
        made.CopyFrom(value)
        return made

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(f"messages of {self._field.name!r} can't be replaced; use CopyFrom.")

    def __reduce__(self) -> Any:
        return list, (list(self),)


class MapContainer(dict[Any, Any]):
    """The dict of a map field: a missing key is made when it is asked for by ``[]``."""

    __slots__ = ("_field", "_message")

    def __init__(self, message: Message, field: Map) -> None:
        super().__init__()
        self._message = message
        self._field = field

    def __missing__(self, key: Any) -> Any:
        key = self._field.key.checked(key)
        scalar = self._field.scalar
        made = self._field.message() if scalar is None else scalar.default
        super().__setitem__(key, made)
        self._message._changed()
        return made

    def adopt(self, key: Any, value: Any) -> None:
        """Put a message in without a copy: nobody else may hold it."""
        super().__setitem__(key, value)
        self._message._changed()

    def get_or_create(self, key: Any) -> Any:
        return self[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._field.scalar is None:
            raise InvalidArgumentError(
                None,
                None,
                f"a message can't be assigned into map {self._field.name!r}; use "
                f"{self._field.name}[{key!r}].CopyFrom(value).",
            )
        super().__setitem__(self._field.key.checked(key), self._field.checked(value))
        self._message._changed()

    def MergeFrom(self, other: Any) -> None:
        for key, value in other.items():
            if self._field.scalar is not None:
                self[key] = value
            elif isinstance(value, dict):
                self[key].CopyFrom(self._field.message(**value))
            else:
                self[key].CopyFrom(value)

    def update(self, *others: Any, **values: Any) -> None:
        for key, value in dict(*others, **values).items():
            self[key] = value

    def __reduce__(self) -> Any:
        return dict, (dict(self),)
