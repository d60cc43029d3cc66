"""Rows for strings, and for assertions."""

from __future__ import annotations

from tests.oracle.draw import A, B, I, T, row

WORDS = B([[b"a b", b"", b" c,dd "], [b"Wide", b"\xc3\xa4\xe2\x82\xac", b"x"]])
LINES = B([b"a b  c", b"", b" dd,e f"])
NUMBERS = A([[-1.5, 0, 3.25], [1e10, -0.1, 1e-5]])
UNICODE = B(["aä€😀".encode(), b"", b"abc"])
# fmt: off
ROWS = [
    row("as_string", NUMBERS),
    row("as_string", NUMBERS, precision=3),
    row("as_string", NUMBERS, scientific=True),
    row("as_string", NUMBERS, shortest=True),
    row("as_string", NUMBERS, precision=2, width=9, fill="0"),
    row("as_string", T(3), dtypes="ilbu"),
    row("as_string", I([-3, 12]), width=5),
    row("reduce_join", WORDS, 1, separator="+"),
    row("reduce_join", WORDS, 0, keep_dims=True),
    row("reduce_join", WORDS, [0, 1]),
    row("reduce_join", WORDS, [1, 0]),
    row("reduce_join", WORDS),
    row("string_join", [WORDS, WORDS, B(b"-")], separator=","),
    row("string_join", [WORDS]),
    row("string_strip", WORDS),
    row("strings.lower strings.upper", WORDS),
    row("strings.lower strings.upper", WORDS, encoding="utf-8"),
    row("strings.length", WORDS),
    row("strings.length", WORDS, unit="UTF8_CHAR"),
    row("substr", B([b"abcdef", b"ghijkl"]), 1, 3),
    row("substr", B([b"abcdef", b"ghijkl"]), I([-4, 2]), I([2, 9])),
    row("substr", UNICODE, 0, 2, unit="UTF8_CHAR"),
    row("substr", WORDS, 30, 2),
    row("string_to_number", B([b"1.5", b"-2e3", b" 7 ", b"inf", b"nan"])),
    row("string_to_number", B([b"15", b"-2"]), "int32"),
    row("string_to_number", B([b"15", b"-2"]), "int64"),
    row("string_to_number", B([b"0.1"]), "float64"),
    row("string_to_number", B([b"x"])),
    row("string_to_number", B([b"1.5"]), "int32"),
    row("regex_replace", WORDS, "[a-c]+", r"<\0>"),
    row("regex_replace", WORDS, "(.)b?", r"\1\1", replace_global=False),
    row("regex_replace", WORDS, B(b"^$"), B(b"empty")),
    row("strings.regex_full_match", WORDS, "[a-z ]*"),
    row("string_split", LINES),
    row("string_split", LINES, ","),
    row("string_split", LINES, " ", skip_empty=False),
    row("string_split", LINES, ""),
    row("string_split", B([b"abc", b"d"]), ""),
    row("strings.split", LINES, result_type="SparseTensor"),
    row("strings.split", LINES, sep=",", result_type="SparseTensor"),
    row("strings.split", LINES, sep=" ", maxsplit=1, result_type="SparseTensor"),
    row("string_to_hash_bucket", WORDS, 1000),
    row("string_to_hash_bucket_fast strings.to_hash_bucket_fast", WORDS, 1000),
    row("string_to_hash_bucket_strong strings.to_hash_bucket_strong", WORDS, 1000, [1, 2]),
    row("strings.unicode_encode", A([[97, 228], [8364, 128512]], "int32"), "UTF-8"),
    row("strings.unicode_encode", A([[97, 228], [8364, 128512]], "int32"), "UTF-16-BE"),
    row("strings.unicode_encode", A([[97, 0x110000]], "int32"), "UTF-8"),
    row("strings.unicode_transcode", UNICODE, "UTF-8", "UTF-16-BE"),
    row("strings.unicode_transcode", B([b"a\xffb"]), "UTF-8", "UTF-8", errors="replace",
        replacement_char=63),
    row("strings.unicode_transcode", B([b"a\xffb"]), "UTF-8", "UTF-8", errors="ignore"),
    row("strings.unicode_transcode", B([b"a\xffb"]), "UTF-8", "UTF-8", errors="strict"),
    row("strings.unicode_decode strings.unicode_split strings.unicode_decode_with_offsets "
        "strings.unicode_split_with_offsets", B("aä€".encode()), "UTF-8"),
    row("strings.unicode_decode strings.unicode_split strings.unicode_decode_with_offsets "
        "strings.unicode_split_with_offsets", UNICODE, "UTF-8"),
    row("strings.bytes_split", B(b"abc")),
    row("strings.bytes_split", LINES),
    row("strings.ngrams", B([[b"a", b"b", b"c"]]), 2),
    row("strings.ngrams", B([b"a", b"b", b"c"]), 2),
    row("strings.ngrams", B([b"a", b"b", b"c"]), [1, 2], separator="|"),
    row("strings.format", "x = {}", A([1.5, 2.0])),
    row("strings.format", "{} and {}", [I([[1, 2], [3, 4]]), B([b"a"])]),
    row("strings.format", "{}", I([1, 2, 3, 4, 5, 6, 7, 8]), summarize=2),
    row("strings.unsorted_segment_join", WORDS, I([1, 0]), 3, separator="."),
    *[row(f"assert_{name}", A(x), A(y), program="after") for name in (
        "equal", "greater", "greater_equal", "less", "less_equal", "none_equal")
      for x, y in (([1, 2], [1, 2]), ([1, 2], [2, 3]), ([4, 3], [1, 2]), ([1, 4], 2), ([], []))],
    *[row(f"assert_{name}", A(x), program="after") for name in (
        "negative", "non_negative", "non_positive", "positive")
      for x in ([1, 2], [0, 1], [-1, 0], [-2, -1], [])],
    row("assert_near", A([1.0, 2.0]), A([1.0, 2.000001]), program="after"),
    row("assert_near", A([1.0, 2.0]), A([1.0, 2.001]), program="after"),
    *[row("assert_rank assert_rank_at_least", T(2, 3), n, program="after") for n in (1, 2, 3)],
    row("assert_rank_in", T(2, 3), (1, 2), program="after"),
    row("assert_rank_in", T(2, 3), (1, 3), program="after"),
    row("assert_scalar assert_integer", T(), program="after", dtypes="fi"),
    row("assert_scalar", T(2), program="after"),
    row("assert_type", T(2), "float32", program="after", dtypes="fi"),
    row("assert_type", T(2), "int32", program="after", dtypes="fi"),
    row("Assert", A(True, "bool"), [T(2)], program="after"),
    row("Assert", A([True, False], "bool"), [T(2)], program="after"),
    row("Print", T(2, 3), [T(2)], "message", dtypes="f"),
    row("verify_tensor_all_finite", T(2, 3), "message"),
    row("verify_tensor_all_finite", A([1, float("nan")]), "message"),
    row("check_numerics debugging.check_numerics", T(2, 3), "message"),
]
# fmt: on
