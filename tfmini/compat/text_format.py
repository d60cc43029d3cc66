"""``google.protobuf.text_format``, where protobuf is not installed: messages as text.

In: messages of ``formats``, such as ``tf.GraphDef``, or their text.  Out: the other of the two.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.formats.prototext import merge_text, to_text


class ParseError(ValueError):
    """A text that is no message."""


def Merge(text: str | bytes, message: Any) -> Any:
    """Add what ``text`` says to ``message`` and return it."""
    try:
        return merge_text(text, message)
    except InvalidArgumentError as e:
        raise ParseError(e.message) from e


def Parse(text: str | bytes, message: Any) -> Any:
    """Return ``message`` as ``text`` says it; it was empty."""
    return Merge(text, message)


def MessageToString(message: Any) -> str:
    """Return ``message`` as text."""
    return to_text(message)
