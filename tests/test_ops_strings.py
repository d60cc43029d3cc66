"""Strings: buckets, Unicode, pieces, n-grams, and tensors written out."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.kernels.hashes import farmhash, siphash


def value(tensor, feed=None):
    with tf.Session() as session:
        return session.run(tensor, feed)


def texts(found):
    return [item.decode() for item in np.asarray(found).ravel().tolist()]


# Buckets of 2**62 that TensorFlow 2.21 gives, for strings of each way that the hashes go.
LETTERS = ["", "a", "hello", "abc" * 5, "x" * 16, "x" * 17, "y" * 32, "z" * 33, "w" * 64, "w" * 65,
           "q" * 200]  # fmt: skip
FAST = [
    1936946117179621455, 3694432073954588131, 3786372426573024488, 3374094034959120197,
    3320895591121647644, 2082709914559524773, 2351315479247125839, 1983000239170337647,
    4555407945498560506, 3272011567211491968, 3537263014797593713,
]  # fmt: skip
PLAIN = [
    105434511174508091, 2996632905371535868, 1331861223480393034, 893053740446901159,
    1260831952859287914, 4161156153655800118, 3874897754820414304, 4527227941403067175,
    417399292188722093, 752361075503145470, 1673794137578948632,
]  # fmt: skip
STRONG = [
    887865449656487406, 2150915142212405420, 3917950836011642579, 419523579176407339,
    661598402011599954, 1067430206084356362, 2477054638917097592, 3596744849711324648,
    3601022045560282621, 3248169505280179752, 2373172895916081553,
]  # fmt: skip


def test_buckets_are_those_of_tensorflow():
    assert value(tf.strings.to_hash_bucket_fast(LETTERS, 2**62)).tolist() == FAST
    assert value(tf.strings.to_hash_bucket(LETTERS, 2**62)).tolist() == PLAIN
    strong = tf.strings.to_hash_bucket_strong(LETTERS, 2**62, [123, 456])
    assert value(strong).tolist() == STRONG
    assert strong.dtype is tf.int64
    few = value(tf.string_to_hash_bucket_fast([LETTERS[:3], LETTERS[3:6]], 7))
    assert few.tolist() == np.mod(np.array([farmhash(s.encode()) for s in LETTERS[:6]], np.uint64),
                                  np.uint64(7)).reshape(2, 3).tolist()  # fmt: skip
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_buckets must be 1 or more"):
        tf.string_to_hash_bucket_fast(LETTERS, 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_buckets"):
        tf.string_to_hash_bucket(LETTERS)


def test_siphash_of_its_authors_example():
    key = [int.from_bytes(bytes(range(8)), "little"), int.from_bytes(bytes(range(8, 16)), "little")]
    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5


def test_code_points_and_characters():
    word = "aé中😀".encode()
    points, offsets = value(list(tf.strings.unicode_decode_with_offsets(word, "UTF-8")))
    assert points.tolist() == [97, 233, 0x4E2D, 0x1F600]
    assert offsets.tolist() == [0, 1, 3, 6]
    assert texts(value(tf.strings.unicode_split(word, "UTF-8"))) == ["a", "é", "中", "😀"]
    back = tf.strings.unicode_encode(tf.strings.unicode_decode(word, "UTF-8"), "UTF-16-BE")
    assert value(back) == word.decode().encode("utf-16-be")
    with pytest.raises(tf.errors.UnimplementedError, match="ragged"):
        tf.strings.unicode_decode(["a", "bc"], "UTF-8")


def test_what_is_no_text_is_replaced_left_out_or_an_error():
    def transcoded(**attrs):
        return value(tf.strings.unicode_transcode([b"a\xff\xc3b\tc"], "UTF-8", "UTF-8", **attrs))

    assert texts(transcoded()) == ["a\ufffd\ufffdb\tc"]
    assert texts(transcoded(errors="ignore", replace_control_characters=True)) == ["abc"]
    assert texts(transcoded(replacement_char=63, replace_control_characters=True)) == ["a??b?c"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not UTF-8 at byte 1"):
        transcoded(errors="strict")
    with pytest.raises(tf.errors.InvalidArgumentError, match="unknown encoding"):
        tf.strings.unicode_transcode("a", "UTF-9", "UTF-8")
    lone = tf.strings.unicode_encode([[97, 0xD800], [98, 99]], "UTF-8", errors="ignore")
    assert texts(value(lone)) == ["a", "bc"]
    assert value(tf.strings.unicode_transcode(b"\x00a", "UTF-16-BE", "UTF-8")) == b"a"


def test_pieces_of_strings():
    found = value(tf.strings.split([["a  b", ""], ["c d e", " f "]]))
    assert texts(found.values) == ["a", "b", "c", "d", "e", "f"]
    assert found.indices.tolist() == [
        [0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 0, 1], [1, 0, 2], [1, 1, 0]
    ]  # fmt: skip
    assert found.dense_shape.tolist() == [2, 2, 3]
    comma = value(tf.strings.split(["a,b,,c", ""], sep=",", maxsplit=2))
    assert texts(comma.values) == ["a", "b", ",c", ""]
    assert texts(value(tf.strings.bytes_split("abc"))) == ["a", "b", "c"]
    with pytest.raises(tf.errors.UnimplementedError, match="ragged"):
        tf.strings.split(["a"], result_type="RaggedTensor")


def test_ngrams():
    words = [["a", "b", "c"], ["d", "e", "f"]]
    pairs = tf.strings.ngrams(words, 2)
    assert pairs.shape.as_list() == [2, 2]
    assert texts(value(pairs)) == ["a b", "b c", "d e", "e f"]
    both = value(tf.strings.ngrams(words[0], [1, 3], "-", pad_values=("<", ">"), padding_width=1))
    assert texts(both) == ["a", "b", "c", "<-a-b", "a-b-c", "b-c->"]
    assert value(tf.strings.ngrams(words, 5)).shape == (2, 0)
    short = tf.strings.ngrams(words, 5, preserve_short_sequences=True)
    assert texts(value(short)) == ["a b c", "d e f"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs pad_values"):
        tf.strings.ngrams(words, 2, padding_width=1)


def test_segments_are_joined():
    join = tf.strings.unsorted_segment_join
    assert texts(value(join(["a", "b", "c"], [2, 0, 2], 4, "+"))) == ["b", "", "a+c", ""]
    grid = value(join([["a", "b"], ["c", "d"]], [1, 1], 2))
    assert grid.tolist() == [[b"", b""], [b"ac", b"bd"]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be in 0\.\.1"):
        value(join(["a"], [2], 2))


def test_tensors_are_written_into_a_template():
    def written(*args, **attrs):
        return value(tf.strings.format(*args, **attrs)).decode()

    assert written("x {} y {}", [tf.constant([1.5, 2]), "ab"]) == 'x [1.5 2] y "ab"'
    rows = np.arange(20).reshape(2, 10)
    assert written("{}", rows) == "[[0 1 2 ... 7 8 9]\n [10 11 12 ... 17 18 19]]"
    assert written("{}", rows[:, :3], summarize=-1) == "[[0 1 2]\n [10 11 12]]"
    cube = np.arange(300).reshape(3, 10, 10)
    assert written("%%", cube, placeholder="%%", summarize=1) == (
        "[[[0 ... 9]\n  ...\n  [90 ... 99]]\n\n ...\n\n [[200 ... 209]\n  ...\n  [290 ... 299]]]"
    )
    assert written("{}", np.float32(1 / 3)) == "0.333333343"
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 places for 1 tensors"):
        tf.strings.format("{} {}", [1])
