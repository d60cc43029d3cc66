"""Strings as Unicode: code points, characters, and other encodings.

Encodings are Python's codecs ("UTF-8", "UTF-16-BE", "latin-1", ...).  What can't be read is
replaced, left out, or an error, as ``errors`` says: "replace", "ignore" or "strict".
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import int32, int64, string
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.string_values import as_bytes
from tfmini.spec import TensorSpec

_WORDS = np.array([[b"ab", b"", "é中".encode()], [b"\xff\xfex", b"a\nb", b"\xc3"]], object)
_READ = {"errors": "replace", "replacement_char": 65533, "replace_control_characters": False}
_WRITTEN = {"output_encoding": "UTF-8", "errors": "replace", "replacement_char": 65533}
_MODES = ("replace", "ignore", "strict")
_OUTPUTS = ("UTF-8", "UTF-16-BE", "UTF-32-BE")


class _Unicode(OpDef):
    gradient = None
    kinds: Any = "O"

    def cost(self, input: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if input.size is None else float(input.size)
        return Cost(3e3 * size, 64.0 * size)


def _check(errors: str, replacement: int, *encodings: str) -> None:
    if errors not in _MODES:
        raise ValueError(f"errors={errors!r}: use 'replace', 'ignore' or 'strict'")
    if not _is_character(replacement):
        raise ValueError(f"replacement_char {replacement} is no Unicode character")
    for encoding in encodings:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"unknown encoding {encoding!r}") from None


def _is_character(point: int) -> bool:
    return 0 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF


def _pieces(data: bytes, encoding: str) -> Iterator[tuple[str | None, int]]:
    """Yield (character, where it starts in bytes); None for what can't be read."""
    at = 0
    while at < len(data):
        try:
            text, bad = data[at:].decode(encoding), None
        except UnicodeDecodeError as e:
            bad = e.start, e.end
            text = data[at : at + e.start].decode(encoding)
        for character in text:
            yield character, at
            at += len(character.encode(encoding))
        if bad is None:
            return
        yield None, at
        at += bad[1] - bad[0]


def _read(
    value: Any, encoding: str, errors: str, replacement: int, controls: bool
) -> list[tuple[str, int]]:
    """Return the characters of a string with their offsets, by the rules for errors."""
    found = []
    for character, at in _pieces(as_bytes(value), encoding):
        if character is None or (controls and ord(character) < 32):
            if errors == "strict" and character is None:
                raise ValueError(f"{value!r} is not {encoding} at byte {at}")
            if errors == "ignore":
                continue
            character = chr(replacement)
        found.append((character, at))
    return found


@op("UnicodeTranscode")
class _unicode_transcode(_Unicode):
    """Strings in another encoding."""

    dims = "..."
    samples = [(_WORDS, {"input_encoding": "UTF-8", "output_encoding": "UTF-16-BE", **_READ})]
    bad_samples = [
        (_WORDS, {"input_encoding": "UTF-8", "output_encoding": "UTF-8", **_READ,
                  "errors": "strict"}, InvalidArgumentError),
        (_WORDS, {"input_encoding": "UTF-9", "output_encoding": "UTF-8", **_READ},
         InvalidArgumentError),
    ]  # fmt: skip

    def compute(
        self, input: Any, *, input_encoding: str, output_encoding: str, errors: str,
        replacement_char: int, replace_control_characters: bool,
    ) -> Any:  # fmt: skip
        rule = (input_encoding, errors, replacement_char, replace_control_characters)
        out = np.empty(np.shape(input), object)
        flat = out.reshape(-1)
        for i, value in enumerate(np.asarray(input, object).reshape(-1)):
            text = "".join([character for character, _ in _read(value, *rule)])
            flat[i] = text.encode(output_encoding)
        return out

    def infer(self, input: TensorSpec, **attrs: Any) -> TensorSpec:
        self.check_kinds((input.dtype,))
        _check(attrs["errors"], attrs["replacement_char"], attrs["input_encoding"])
        _check_output(attrs["output_encoding"])
        return TensorSpec(input.shape, string)


def _check_output(encoding: str) -> None:
    if encoding not in _OUTPUTS:
        raise ValueError(f"output_encoding={encoding!r}: use one of {', '.join(_OUTPUTS)}")


def unicode_transcode(
    input: Any, input_encoding: str, output_encoding: str, errors: str = "replace",
    replacement_char: int = 65533, replace_control_characters: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return strings in another encoding: "UTF-8", "UTF-16-BE" or "UTF-32-BE".

    Parameters
    ----------
    errors, replacement_char : what becomes of bytes that can't be read
    replace_control_characters : treat U+0000 to U+001F so too
    """
    attrs = {
        "input_encoding": input_encoding, "output_encoding": output_encoding, "errors": errors,
        "replacement_char": replacement_char,
        "replace_control_characters": replace_control_characters,
    }  # fmt: skip
    out: Tensor = apply(_unicode_transcode.opdef, (input,), attrs, name)
    return out


@op("UnicodeDecodeWithOffsets")
class _unicode_decode(_Unicode):
    """The code points of one string, and where each starts in bytes."""

    samples = [(np.array(word, object), {"input_encoding": "UTF-8", **_READ})
               for word in (b"a\xc3\xa9\xffb", b"")]  # fmt: skip
    bad_samples = [(np.array(b"\xff", object),
                    {"input_encoding": "UTF-8", **_READ, "errors": "strict"},
                    InvalidArgumentError)]  # fmt: skip

    def compute(
        self, input: Any, *, input_encoding: str, errors: str, replacement_char: int,
        replace_control_characters: bool,
    ) -> Any:  # fmt: skip
        rule = (input_encoding, errors, replacement_char, replace_control_characters)
        found = _read(input, *rule)
        points = np.array([ord(character) for character, _ in found], np.int32)
        return points, np.array([at for _, at in found], np.int64)

    def infer(self, input: TensorSpec, **attrs: Any) -> tuple[TensorSpec, ...]:
        self.check_kinds((input.dtype,))
        _check(attrs["errors"], attrs["replacement_char"], attrs["input_encoding"])
        return TensorSpec((None,), int32), TensorSpec((None,), int64)


def _decoded(
    input: Any, input_encoding: str, errors: str, replacement_char: int, controls: bool,
    name: str | None,
) -> list[Tensor]:  # fmt: skip
    given = convert_to_tensor(input, string)
    if given.spec.rank != 0:
        raise UnimplementedError(
            None, None, f"strings of shape {given.shape} have rows of different lengths, which "
            f"tfmini has no ragged tensors for; give one string, or pad what py_func returns.",
        )  # fmt: skip
    attrs = {
        "input_encoding": input_encoding, "errors": errors, "replacement_char": replacement_char,
        "replace_control_characters": controls,
    }  # fmt: skip
    found: list[Tensor] = apply(_unicode_decode.opdef, (given,), attrs, name)
    return found


def unicode_decode(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 65533,
    replace_control_characters: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the code points of one string, int32 [characters]."""
    given = (input, input_encoding, errors, replacement_char, replace_control_characters)
    return _decoded(*given, name or "UnicodeDecode")[0]


def unicode_decode_with_offsets(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 65533,
    replace_control_characters: bool = False, name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the code points of one string, and where each starts in bytes, int64."""
    given = (input, input_encoding, errors, replacement_char, replace_control_characters)
    points, offsets = _decoded(*given, name or "UnicodeDecodeWithOffsets")
    return points, offsets


def unicode_split(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 65533,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the characters of one string as strings of the same encoding, [characters]."""
    return unicode_split_with_offsets(input, input_encoding, errors, replacement_char, name)[0]


def unicode_split_with_offsets(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 65533,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the characters of one string, and where each starts in bytes, int64."""
    points, offsets = _decoded(input, input_encoding, errors, replacement_char, False, name)
    return unicode_encode(points[:, None], input_encoding, errors, replacement_char), offsets


@op("UnicodeEncode")
class _unicode_encode(_Unicode):
    """Strings of code points, those of the last dimension together."""

    kinds = "iu"
    samples = [(np.array([[97, 233], [0x4E2D, 0xD800]], np.int32), _WRITTEN)]
    bad_samples = [(np.array([-1], np.int32), {**_WRITTEN, "errors": "strict"},
                    InvalidArgumentError)]  # fmt: skip

    def compute(
        self, input: Any, *, output_encoding: str, errors: str, replacement_char: int
    ) -> Any:
        out = np.empty(input.shape[:-1], object)
        flat = out.reshape(-1)
        for i, row in enumerate(input.reshape(out.size, input.shape[-1]).tolist()):
            wrong = [point for point in row if not _is_character(point)]
            if wrong and errors == "strict":
                raise ValueError(f"{wrong[0]} is no Unicode character")
            spare = chr(replacement_char) if errors == "replace" else ""
            text = "".join([chr(p) if _is_character(p) else spare for p in row])
            flat[i] = text.encode(output_encoding)
        return out

    def infer(
        self, input: TensorSpec, *, output_encoding: str, errors: str, replacement_char: int
    ) -> TensorSpec:
        self.check_kinds((input.dtype,))
        if input.rank == 0:
            raise ValueError("a vector of code points is needed")
        _check(errors, replacement_char)
        _check_output(output_encoding)
        return TensorSpec(None if input.shape is None else input.shape[:-1], string)


def unicode_encode(
    input: Any, output_encoding: str, errors: str = "replace", replacement_char: int = 65533,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the strings that int32 code points along the last dimension spell.

    ``output_encoding`` is "UTF-8", "UTF-16-BE" or "UTF-32-BE".
    """
    attrs = {
        "output_encoding": output_encoding, "errors": errors, "replacement_char": replacement_char
    }  # fmt: skip
    out: Tensor = apply(_unicode_encode.opdef, (input,), attrs, name)
    return out
