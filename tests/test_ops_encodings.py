"""Base64 and compressed strings: against the standard library, and what is neither."""

from __future__ import annotations

import base64
import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfmini as tf
from tfmini.errors import DataLossError, InvalidArgumentError


def run(tensor: tf.Tensor) -> np.ndarray:
    with tf.Session() as session:
        return session.run(tensor)


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_base64_there_and_back(data: list) -> None:
    x = tf.constant(np.array(data, object), tf.string)
    padded = run(tf.encode_base64(x, pad=True))
    assert list(padded) == [base64.urlsafe_b64encode(d) for d in data]
    assert list(run(tf.decode_base64(padded))) == data
    assert list(run(tf.io.decode_base64(tf.io.encode_base64(x)))) == data


@pytest.mark.parametrize(
    "text", ["Y", "Y===", "Y+==", "Y/8", "YQ=", "YQ==YQ==", "Y Q", "YQ\n=", "é"]
)
def test_what_is_no_base64(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"DecodeBase64.*no base64"):
        run(tf.decode_base64(text))


def test_no_strings_are_strings() -> None:
    assert tf.constant(np.array([], object)).dtype is tf.string
    assert run(tf.encode_base64(np.zeros((0, 2), object))).shape == (0, 2)


def test_compressed_strings() -> None:
    data = [b"hello", b"", bytes(1000)]
    for kind, function in (("ZLIB", zlib.compress), ("GZIP", gzip.compress), ("", bytes)):
        packed = np.array([function(d) for d in data], object)
        assert list(run(tf.io.decode_compressed(packed, compression_type=kind))) == data
    whole = gzip.compress(b"hello")
    for broken in (b"abc", whole[:-3], whole[:-8] + b"00000000"):
        with pytest.raises(DataLossError, match="GZIP"):
            run(tf.decode_compressed(broken, "GZIP"))
    with pytest.raises(InvalidArgumentError, match="'ZLIB'"):
        tf.decode_compressed(b"abc", "LZ")
