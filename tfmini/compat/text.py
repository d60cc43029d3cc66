"""Text and bytes, which Python 2 and TensorFlow's strings mix."""

from __future__ import annotations

import numbers
import os
from typing import Any

import numpy as np

from tfmini.errors import InvalidTypeError

integral_types = (numbers.Integral, np.integer)
real_types = (numbers.Real, np.integer, np.floating)
complex_types = (numbers.Complex, np.number)
bytes_or_text_types = (bytes, str)


def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """Return text encoded, bytes as they are."""
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    raise InvalidTypeError(None, None, f"text or bytes are wanted, not {bytes_or_text!r}.")


def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Return bytes decoded, text as it is."""
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    raise InvalidTypeError(None, None, f"text or bytes are wanted, not {bytes_or_text!r}.")


as_str = as_text


def as_str_any(value: Any) -> str:
    """Return bytes decoded, anything else as ``str`` shows it."""
    return as_text(value) if isinstance(value, bytes) else str(value)


def path_to_str(path: Any) -> Any:
    """Return a path object as text."""
    return as_str_any(os.fspath(path)) if hasattr(path, "__fspath__") else path
