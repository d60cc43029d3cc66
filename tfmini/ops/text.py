"""Strings element by element: from and to numbers, joined, measured, cut, replaced.

Elements are bytes, as in all string tensors; where characters matter they are read as UTF-8, and
bytes that are not come through as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, bool_, float32, float64, int32, int64, string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.string_values import as_bytes, as_text
from tfmini.shapes import broadcast_shapes
from tfmini.spec import TensorSpec

_WORDS = np.array([["ab", "c d", ""], ["x1y22", "é", "ab"]], object)
_NUMBERS = np.array(["1", "-2.5", " 3e2 ", "inf"], object)


class _Text(OpDef):
    """Base: each element of strings for one element of the result."""

    kinds = "O"
    gradient = None
    output: DType = string
    samples: Any = [(_WORDS,)]

    def infer(self, *inputs: TensorSpec, **_attrs: Any) -> TensorSpec:
        self.check_kinds(tuple([x.dtype for x in inputs]))
        return TensorSpec(broadcast_shapes(*[x.shape for x in inputs]), self.output)

    def cost(self, *inputs: TensorSpec, **_attrs: Any) -> Cost:
        size = max([float("inf") if x.size is None else x.size for x in inputs])
        return Cost(300.0 * size, 64.0 * size)


def _each(function: Callable[..., Any], *inputs: Any, dtype: Any = object) -> Any:
    """Return ``function`` of each element, broadcast, as an array."""
    arrays = np.broadcast_arrays(*[np.asarray(x, object) for x in inputs])
    out = np.empty(arrays[0].shape, dtype)
    flat = out.reshape(-1)
    for i, items in enumerate(zip(*[a.reshape(-1) for a in arrays], strict=True)):
        flat[i] = function(*items)
    return out


@op("AsString")
class _as_string(_Text):
    """Numbers or bools written by C's printf rules."""

    kinds = "iufcb"
    samples = [((2, 3), {"format": "%6f"}), (np.array([1, -20]), {"format": "%5d"}),
               (np.array([True, False]), {"format": ""})]  # fmt: skip

    def compute(self, input: Any, *, format: str) -> Any:
        kind = np.asarray(input).dtype.kind
        if kind == "b":
            return _each(lambda x: b"true" if x else b"false", input)
        if kind == "c":
            return _each(lambda x: as_bytes(f"({format % x.real},{format % x.imag})"), input)
        return _each(lambda x: _written(format, x), input)


def _written(format: str, x: Any) -> bytes:
    # C fills no infinity or NaN with zeros.
    return as_bytes((format if np.isfinite(x) else format.replace("%0", "%")) % x)


def as_string(
    input: Any, precision: int = -1, scientific: bool = False, shortest: bool = False,
    width: int = -1, fill: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return numbers or bools as strings.

    Parameters
    ----------
    precision : digits after the point of floats, by default 6
    scientific, shortest : "1.5e+00", or the shorter of both ways
    width, fill : least width, and " ", "+", "-" or "0" to fill it with
    """
    x = convert_to_tensor(input)
    if scientific and shortest:
        raise InvalidArgumentError(None, None, "give one of scientific and shortest.")
    if fill and fill not in (" ", "+", "-", "0"):
        raise InvalidArgumentError(None, None, f"fill={fill!r}: use ' ', '+', '-' or '0'.")
    integer = x.dtype is not None and x.dtype.is_integer
    if integer and (scientific or shortest or precision >= 0):
        raise InvalidArgumentError(None, None, "precision and notation are for floats only.")
    letter = "d" if integer else "e" if scientific else "g" if shortest else "f"
    digits = f".{precision}" if precision >= 0 else ""
    spec = f"%{fill}{width if width >= 0 else ''}{digits}{letter}"
    out: Tensor = apply(_as_string.opdef, (x,), {"format": spec}, name)
    return out


@op("StringToNumber")
class _string_to_number(_Text):
    """The numbers that strings spell."""

    samples = [(_NUMBERS, {"out_type": float32}), (np.array(["7", "-3"], object),
                                                   {"out_type": int64})]  # fmt: skip
    bad_samples = [(np.array(["one"], object), {"out_type": float32}, InvalidArgumentError)]

    def compute(self, string_tensor: Any, *, out_type: DType) -> Any:
        read = float if out_type.is_floating else int
        out = _each(lambda x: _read(read, x, out_type), string_tensor, dtype=out_type.dtype)
        return out if out.ndim else out[()]

    def infer(self, string_tensor: TensorSpec, *, out_type: DType) -> TensorSpec:
        self.check_kinds((string_tensor.dtype,))
        if out_type not in (float32, float64, int32, int64):
            raise ValueError(f"strings can't be read as {out_type.name}")
        return TensorSpec(string_tensor.shape, out_type)


def _read(read: Callable[[str], Any], value: Any, dtype: DType) -> Any:
    text = as_text(value)
    try:
        number = read(text)
        if "_" in text or (read is int and not dtype.min <= number <= dtype.max):
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is no number of type {dtype.name}") from None
    return number


def string_to_number(
    string_tensor: Any = None, out_type: Any = float32, name: str | None = None, input: Any = None
) -> Tensor:
    """Return the numbers that strings spell, as ``out_type``: float32, float64, int32 or int64."""
    x = string_tensor if input is None else input
    out: Tensor = apply(_string_to_number.opdef, (x,), {"out_type": as_dtype(out_type)}, name)
    return out


@op("StringJoin")
class string_join(_Text):
    """Return the strings of a list of tensors joined, element by element, with ``separator``.

    They have one shape; scalars go with every element.
    """

    samples = [(_WORDS, _WORDS, {"separator": "-"}), (_WORDS, np.array("!", object))]

    def compute(self, *inputs: Any, separator: str = "") -> Any:
        return _each(lambda *parts: as_bytes(separator.join([as_text(p) for p in parts])), *inputs)


@op("StringLength")
class _string_length(_Text):
    """The number of bytes, or of UTF-8 characters, of strings."""

    output = int32
    samples = [(_WORDS,), (_WORDS, {"unit": "UTF8_CHAR"})]

    def compute(self, input: Any, *, unit: str = "BYTE") -> Any:
        out = _each(lambda x: len(_measured(x, unit)), input, dtype=np.int32)
        return out if out.ndim else out[()]


def _measured(value: Any, unit: str) -> Any:
    if unit == "UTF8_CHAR":
        return as_text(value)
    if unit != "BYTE":
        raise ValueError(f"unit={unit!r}: use BYTE or UTF8_CHAR")
    return as_bytes(value)


def string_length(input: Any, name: str | None = None, unit: str = "BYTE") -> Tensor:
    """Return the lengths of strings in bytes, or in characters with unit="UTF8_CHAR"."""
    out: Tensor = _string_length(input, unit, name)
    return out


@op("Substr")
class _substr(_Text):
    """Parts of strings."""

    samples = [(np.array(["abcd", "efgh"], object), np.array(1), np.array(2))]
    bad_samples = [(np.array(["ab"], object), np.array(3), np.array(1), InvalidArgumentError)]

    def compute(self, input: Any, pos: Any, len: Any, *, unit: str = "BYTE") -> Any:
        return _each(lambda x, p, n: _part(x, p, n, unit), input, pos, len)

    def infer(
        self, input: TensorSpec, pos: TensorSpec, len: TensorSpec, **_attrs: Any
    ) -> TensorSpec:
        self.check_kinds((input.dtype,))
        return TensorSpec(broadcast_shapes(input.shape, pos.shape, len.shape), string)


def _part(value: Any, start: int, length: int, unit: str) -> Any:
    whole = _measured(value, unit)
    if not -len(whole) <= start <= len(whole):
        raise ValueError(f"position {start} is out of range for {value!r}")
    start = start + len(whole) if start < 0 else start
    part = whole[start : start + length]
    return as_bytes(part) if isinstance(part, str) else part


def substr(input: Any, pos: Any, len: Any, name: str | None = None, unit: str = "BYTE") -> Tensor:
    """Return the parts of strings of ``len`` bytes (or UTF-8 characters) from ``pos`` on."""
    out: Tensor = _substr(input, pos, len, unit, name)
    return out


@op("RegexReplace")
class _regex_replace(_Text):
    """Strings with what matches ``pattern`` replaced."""

    samples = [(_WORDS, {"pattern": "[ab]+(.?)", "rewrite": r"<\1>"}),
               (_WORDS, {"pattern": "b|d", "rewrite": "", "replace_global": False})]  # fmt: skip

    def compute(
        self, input: Any, *, pattern: str, rewrite: str, replace_global: bool = True
    ) -> Any:
        rule, new = re.compile(pattern), rewrite.replace(r"\0", r"\g<0>")
        count = 0 if replace_global else 1
        return _each(lambda x: as_bytes(rule.sub(new, as_text(x), count=count)), input)


def regex_replace(
    input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None
) -> Tensor:
    r"""Return strings with what matches a regular expression replaced.

    Patterns are Python's (TensorFlow's are RE2's, which has nothing that Python's lack but
    possessive quantifiers and Unicode classes); ``\1`` in ``rewrite`` is the first group.
    """
    out: Tensor = _regex_replace(input, pattern, rewrite, replace_global, name)
    return out


@op("RegexFullMatch")
class regex_full_match(_Text):
    """Return whether whole strings match the regular expression ``pattern``."""

    output = bool_
    samples = [(_WORDS, {"pattern": "[a-c ]*"})]

    def compute(self, input: Any, *, pattern: str) -> Any:
        rule = re.compile(pattern)
        out = _each(lambda x: rule.fullmatch(as_text(x)) is not None, input, dtype=bool)
        return out if out.ndim else out[()]


class _Cased(_Text):
    """Base: strings whose letters are changed by ``change``."""

    samples = [(_WORDS,), (_WORDS, {"encoding": "utf-8"})]
    bad_samples = [(_WORDS, {"encoding": "latin-1"}, InvalidArgumentError)]

    def change(self, text: Any) -> Any:
        """Return ``text``, a str or bytes, with its letters changed."""
        raise NotImplementedError

    def compute(self, input: Any, *, encoding: str = "") -> Any:
        if encoding:
            return _each(lambda x: as_bytes(self.change(as_text(x))), input)
        return _each(lambda x: self.change(as_bytes(x)), input)

    def infer(self, input: TensorSpec, *, encoding: str = "") -> TensorSpec:
        if encoding not in ("", "utf-8"):
            raise ValueError(f"encoding must be '' or 'utf-8', not {encoding!r}")
        return super().infer(input)


@op("StringLower")
class string_lower(_Cased):
    """Return strings in lower case: ASCII's letters, or all with ``encoding="utf-8"``."""

    def change(self, text: Any) -> Any:
        return text.lower()


@op("StringUpper")
class string_upper(_Cased):
    """Return strings in upper case: ASCII's letters, or all with ``encoding="utf-8"``."""

    def change(self, text: Any) -> Any:
        return text.upper()


@op("StringStrip")
class string_strip(_Text):
    """Return strings without white space at both ends."""

    def compute(self, input: Any) -> Any:
        return _each(lambda x: as_bytes(as_text(x).strip()), input)
