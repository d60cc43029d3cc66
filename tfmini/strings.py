"""``tf.strings``: strings from and to numbers, joined, cut and replaced."""

from __future__ import annotations

from tfmini.ops import hash_buckets, string_pieces, text
from tfmini.ops.formatting import format
from tfmini.ops.string_pieces import bytes_split, ngrams, reduce_join, unsorted_segment_join
from tfmini.ops.text import (
    as_string,
    regex_full_match,
    regex_replace,
    substr,
)
from tfmini.ops.unicode import (
    unicode_decode,
    unicode_decode_with_offsets,
    unicode_encode,
    unicode_split,
    unicode_split_with_offsets,
    unicode_transcode,
)

join = text.string_join
length = text.string_length
lower = text.string_lower
split = string_pieces.string_split_v2
strip = text.string_strip
to_hash_bucket = hash_buckets.string_to_hash_bucket
to_hash_bucket_fast = hash_buckets.string_to_hash_bucket_fast
to_hash_bucket_strong = hash_buckets.string_to_hash_bucket_strong
to_number = text.string_to_number
upper = text.string_upper

__all__ = [
    "as_string", "bytes_split", "format", "join", "length", "lower", "ngrams", "reduce_join",
    "regex_full_match", "regex_replace", "split", "strip", "substr", "to_hash_bucket",
    "to_hash_bucket_fast", "to_hash_bucket_strong", "to_number", "unicode_decode",
    "unicode_decode_with_offsets", "unicode_encode", "unicode_split", "unicode_split_with_offsets",
    "unicode_transcode", "unsorted_segment_join", "upper",
]  # fmt: skip
