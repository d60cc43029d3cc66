"""``tf.strings``: strings from and to numbers, joined, cut and replaced."""

from __future__ import annotations

from tfmini.ops import text
from tfmini.ops.text import (
    as_string,
    reduce_join,
    regex_full_match,
    regex_replace,
    substr,
)

join = text.string_join
length = text.string_length
lower = text.string_lower
strip = text.string_strip
to_number = text.string_to_number
upper = text.string_upper

__all__ = [
    "as_string", "join", "length", "lower", "reduce_join", "regex_full_match", "regex_replace",
    "strip", "substr", "to_number", "upper",
]  # fmt: skip
