"""Strings: from and to numbers, joined, cut, replaced."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf


def value(tensor):
    with tf.Session() as session:
        found = session.run(tensor)
    return texts(found)


def texts(found):
    """Return elements as lists, bytes as text: results are bytes, as in TensorFlow."""
    if isinstance(found, np.ndarray):
        return texts(found.tolist())
    if isinstance(found, list):
        return [texts(item) for item in found]
    assert not isinstance(found, str)
    return found.decode() if isinstance(found, bytes) else found


def test_numbers_as_strings():
    assert value(tf.as_string([1.5, -2.25])) == ["1.500000", "-2.250000"]
    assert value(tf.as_string([1.5], precision=2)) == ["1.50"]
    assert value(tf.as_string([1.5e10], scientific=True)) == ["1.500000e+10"]
    assert value(tf.as_string([1.5, np.nan], width=6, precision=1, fill="0")) == [
        "0001.5",
        "   nan",
    ]
    assert value(tf.as_string([7, -3])) == ["7", "-3"]
    assert value(tf.as_string([True, False])) == ["true", "false"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="floats only"):
        tf.as_string([1], precision=2)


def test_strings_as_numbers():
    found = tf.string_to_number(["1.5", " -2e3 "])
    assert found.dtype is tf.float32
    assert value(found) == [1.5, -2000.0]
    assert value(tf.string_to_number(["7"], tf.int64)) == [7]
    for text, dtype in (("one", tf.float32), ("1.5", tf.int32), ("1_0", tf.int32)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="is no number"):
            value(tf.string_to_number([text], dtype))


def test_joining():
    assert value(tf.string_join([["a", "b"], "x", ["c", "d"]], "-")) == ["a-x-c", "b-x-d"]
    words = [["a", "b"], ["c", "d"]]
    assert value(tf.reduce_join(words, 1, separator="+")) == ["a+b", "c+d"]
    assert value(tf.reduce_join(words, [0, 1])) == "acbd"
    assert value(tf.reduce_join(words)) == "abcd"
    assert value(tf.reduce_join(words, 0, keep_dims=True)) == [["ac", "bd"]]


def test_parts_and_lengths():
    assert value(tf.substr(["hello", "world"], 1, 3)) == ["ell", "orl"]
    assert value(tf.substr(["hello", "world"], [1, -2], [3, 9])) == ["ell", "ld"]
    assert value(tf.strings.length(["abc", "é"])) == [3, 2]
    assert value(tf.strings.length(["abc", "é"], unit="UTF8_CHAR")) == [3, 1]
    assert value(tf.strings.strip([" a ", "b\n"])) == ["a", "b"]
    assert value(tf.strings.lower(["AbC"])) == ["abc"]
    assert value(tf.strings.upper(["AbC"])) == ["ABC"]
    assert value(tf.strings.upper(["aé"])) == ["Aé"]  # ASCII's letters only
    assert value(tf.strings.upper(["aé"], encoding="utf-8")) == ["AÉ"]
    assert value(tf.strings.lower(["AÉ"], "utf-8")) == ["aé"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of range"):
        value(tf.substr(["ab"], 3, 1))


def test_patterns():
    assert value(tf.regex_replace(["a1b22"], "[0-9]+", r"<\0>")) == ["a<1>b<22>"]
    once = tf.regex_replace(["a1b22"], "([0-9])", r"\1\1", replace_global=False)
    assert value(once) == ["a11b22"]
    assert value(tf.strings.regex_full_match(["abc", "ab"], "ab.")) == [True, False]


def test_bytes_stay_bytes():
    given = tf.placeholder(tf.string, [None])
    with tf.Session() as session:
        found = session.run(tf.string_join([given, "!"]), {given: [b"a", b"\xff"]})
    assert found.tolist() == [b"a!", b"\xff!"]


def test_split():
    found = value(tf.string_split(["a b  c", "", "d"]))
    np.testing.assert_array_equal(found.indices, [[0, 0], [0, 1], [0, 2], [2, 0]])
    assert texts(found.values) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(found.dense_shape, [3, 3])
    assert value(tf.string_split(["abc"], "")).values.tolist() == [b"a", b"b", b"c"]
    kept = value(tf.string_split(["a,;b"], delimiter=",;", skip_empty=False))
    assert texts(kept.values) == ["a", "", "b"]
