"""The text form of messages: what ``str(message)`` shows and ``.pbtxt`` files hold.

In: a message, or text and a message to merge it into.  Out: text, or the message filled in.  The
form is https://protobuf.dev/reference/protobuf/textformat-spec.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.formats.scalars import Enum, Fixed

_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
_TEXTS = np.array(
    [_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in range(256)], "S4"
).view(np.uint32)
_BLOCK = 1 << 20  # bytes escaped at a time: a constant of a graph may be large
_UNESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "'": 39, '"': 34,
              "\\": 92, "?": 63}  # fmt: skip
_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\#[^\n]*)+)
      |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      |(?P<word>[-+]?[A-Za-z0-9_.][A-Za-z0-9_.+-]*)
      |(?P<mark>[{}<>\[\]:;,/-])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", re.DOTALL)
_CLOSING = {"{": "}", "<": ">"}


def to_text(message: Any) -> str:
    """Return ``message`` in text form, as ``str`` of protobuf's own messages gives it."""
    lines: list[str] = []
    _write(message, "", lines)
    return "".join(lines)


def _write(message: Any, indent: str, lines: list[str]) -> None:
    for field, value in message.ListFields():
        if field.is_map:
            for key in sorted(value):
                lines.append(f"{indent}{field.name} {{\n")
                _write_value(field.key, "key", key, indent + "  ", lines)
                _write_value(field, "value", value[key], indent + "  ", lines)
                lines.append(f"{indent}}}\n")
            continue
        for item in value if field.repeated else (value,):
            _write_value(field, field.name, item, indent, lines)


def _write_value(field: Any, name: str, value: Any, indent: str, lines: list[str]) -> None:
    if field.scalar is None:
        lines.append(f"{indent}{name} {{\n")
        _write(value, indent + "  ", lines)
        lines.append(f"{indent}}}\n")
    else:
        lines.append(f"{indent}{name}: {_scalar_text(field.scalar, value)}\n")


def _scalar_text(scalar: Any, value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return f'"{escaped(value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(scalar, Enum):
        return scalar.names_by_value.get(value, str(value))
    if isinstance(scalar, Fixed) and scalar.real:
        return _float_text(value, scalar.code)
    return str(value)


def _float_text(value: float, code: str) -> str:
    """Return a number with the digits that it needs, as protobuf's own libraries write it."""
    if math.isnan(value) or math.isinf(value):
        return str(value)
    short, full = ("%.6g", "%.9g") if code == "f" else ("%.15g", "%.17g")
    text = short % value
    again = np.float32(text) if code == "f" else float(text)
    return text if again == value else full % value


def escaped(value: str | bytes) -> str:
    """Return bytes, or a string as UTF-8, with C escapes for what is not printable ASCII."""
    raw = value.encode() if isinstance(value, str) else value
    codes = np.frombuffer(raw, np.uint8)
    blocks = [codes[i : i + _BLOCK] for i in range(0, len(codes), _BLOCK)]
    # NumPy fills texts of less than four characters with zeros.
    return b"".join([_TEXTS[b].tobytes().replace(b"\0", b"") for b in blocks]).decode("ascii")


def merge_text(text: str | bytes, message: Any) -> Any:
    """Merge ``text`` into ``message`` and return it; InvalidArgumentError names line and cause."""
    source = text.decode() if isinstance(text, bytes) else text
    _Reader(source).message(message, "")
    return message


class _Reader:
    """A position in the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        pos, line = 0, 1
        while pos < len(text):
            match = _TOKEN.match(text, pos)
            if match is None:
                raise InvalidArgumentError(
                    None, None, f"line {line}: {text[pos]!r} has no place in a text-form message."
                )
            if match.lastgroup != "space":
                self._tokens.append((match.lastgroup or "", match[0], line))
            line += match[0].count("\n")
            pos = match.end()
        self._tokens.append(("end", "", line))
        self._at = 0

    def message(self, message: Any, closing: str) -> None:
        while not self._take(closing):
            kind, name, _ = self._next()
            if kind != "word":
                raise self._error(f"a field name is expected, not {name or 'the end'!r}")
            field = message._fields.get(name)
            if field is None:
                known = ", ".join(message._fields)
                raise self._error(f"{type(message).__name__} has no field {name!r}; it has {known}")
            colon = self._take(":")
            if field.repeated and self._take("["):
                while not self._take("]"):
                    self._field(field, message)
                    self._take(",")
            else:
                if field.scalar is not None and not field.is_map and not colon:
                    raise self._error(f"':' is expected after {name!r}")
                self._field(field, message)
            _ = self._take(",") or self._take(";")

    def _field(self, field: Any, message: Any) -> None:
        own = field.__get__(message)
        if field.is_map:
            self._entry(field, own)
        elif field.scalar is None:
            inner = own.add() if field.repeated else own
            self._nested(inner)
            inner.SetInParent()
        elif field.repeated:
            own.append(self._value(field.scalar))
        else:
            field.__set__(message, self._value(field.scalar))

    def _nested(self, message: Any) -> None:
        _, opening, _ = self._next()
        if opening not in _CLOSING:
            raise self._error(f"'{{' is expected, not {opening!r}")
        self.message(message, _CLOSING[opening])

    def _entry(self, field: Any, own: Any) -> None:
        _, opening, _ = self._next()
        if opening not in _CLOSING:
            raise self._error(f"'{{' is expected, not {opening!r}")
        key, value = field.key.scalar.default, None
        while not self._take(_CLOSING[opening]):
            _, name, _ = self._next()
            self._take(":")
            if name == "key":
                key = self._value(field.key.scalar)
            elif name == "value" and field.scalar is None:
                value = field.message()
                self._nested(value)
            elif name == "value":
                value = self._value(field.scalar)
            else:
                raise self._error(f"an entry of {field.name!r} has key and value, not {name!r}")
            _ = self._take(",") or self._take(";")
        if field.scalar is None:
            own[key].CopyFrom(value or field.message())
        else:
            own[key] = field.scalar.default if value is None else value

    def _value(self, scalar: Any) -> Any:
        kind, text, _ = self._next()
        if kind == "string":
            raw = unescaped(text[1:-1])
            while self._tokens[self._at][0] == "string":
                raw += unescaped(self._next()[1][1:-1])
            return self._checked(scalar, raw)
        if kind != "word":
            raise self._error(f"a value is expected, not {text or 'the end'!r}")
        if scalar.name == "bool":
            if text not in ("true", "false", "True", "False", "t", "f", "0", "1"):
                raise self._error(f"{text!r} is neither true nor false")
            return text.lower() in ("true", "t", "1")
        if isinstance(scalar, Enum) and not text.lstrip("-").isdigit():
            return self._checked(scalar, text)
        try:
            real = isinstance(scalar, Fixed) and scalar.real
            number = (
                float(text.rstrip("fF") if "inf" not in text else text) if real else int(text, 0)
            )
        except ValueError:
            raise self._error(f"{text!r} is no {scalar.name}") from None
        return self._checked(scalar, number)

    def _checked(self, scalar: Any, value: Any) -> Any:
        try:
            return scalar.check(value)
        except InvalidArgumentError as e:
            raise self._error(e.message.rstrip(".")) from None

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _take(self, mark: str) -> bool:
        kind, text, _ = self._tokens[self._at]
        if text != mark or kind not in ("mark", "end"):
            return False
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return True

    def _error(self, what: str) -> InvalidArgumentError:
        line = self._tokens[max(self._at - 1, 0)][2]
        return InvalidArgumentError(None, None, f"line {line}: {what}.")


def unescaped(text: str) -> bytes:
    """Return the bytes that C escapes in ``text`` stand for."""

    def byte(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code[:1].isdigit():
            return bytes([int(code, 8) & 255])
        if code[:1] in b"xX" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        known = _UNESCAPES.get(code.decode("latin-1"))
        return code if known is None else bytes([known])

    return _ESCAPE.sub(byte, text.encode())
