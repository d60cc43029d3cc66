"""How a library's own objects in a collection are written to meta graphs, and read back.

In: functions between the objects and protocol buffers, by collection.  Out: bytes and objects.
The messages are the library's: anything with ``SerializeToString`` and ``ParseFromString``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tfmini.errors import InvalidArgumentError, InvalidTypeError

Function = Callable[..., Any]


class _Way(NamedTuple):
    message: Any
    write: Function | None
    read: Function | None


_ways: dict[str, _Way] = {}


def register_proto_function(
    collection_name: str, proto_type: Any = None, to_proto: Function | None = None,
    from_proto: Function | None = None,
) -> None:  # fmt: skip
    """Let meta graphs hold the objects of a collection.

    Parameters
    ----------
    collection_name : the collection's name
    proto_type : class of the messages that ``to_proto`` returns
    to_proto : called with ``(object, export_scope=name)``; None leaves the object out
    from_proto : called with ``(message, import_scope=name)``; None adds nothing
    """
    for given in (to_proto, from_proto):
        if given is not None and not callable(given):
            raise InvalidTypeError(None, None, f"{given!r} is no function of an object.")
    if from_proto is not None and proto_type is None:
        raise InvalidArgumentError(
            None, None, f"collection {collection_name!r}: from_proto needs a proto_type to read."
        )
    _ways[collection_name] = _Way(proto_type, to_proto, from_proto)


def get_collection_proto_type(collection_name: str) -> Any:
    """Return the registered class of messages, or None."""
    way = _ways.get(collection_name)
    return way and way.message


def get_to_proto_function(collection_name: str) -> Function | None:
    """Return the registered function from objects to messages, or None."""
    way = _ways.get(collection_name)
    return way and way.write


def get_from_proto_function(collection_name: str) -> Function | None:
    """Return the registered function from messages to objects, or None."""
    way = _ways.get(collection_name)
    return way and way.read


def written(key: str, items: list[Any]) -> list[bytes] | None:
    """Return the objects of a collection as bytes; None if no function is registered for it."""
    write = get_to_proto_function(key)
    if write is None:
        return None
    messages = [write(item, export_scope=None) for item in items]
    return [m.SerializeToString() for m in messages if m is not None]


def read(key: str, data: bytes, scope: str | None) -> Any:
    """Return the object that ``written`` wrote, or None."""
    way = _ways[key]
    message = way.message()
    message.ParseFromString(data)
    assert way.read is not None, key
    return way.read(message, import_scope=scope)
