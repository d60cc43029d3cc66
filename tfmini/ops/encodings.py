"""Strings of bytes as other strings: base64, and what ZLIB and GZIP have made smaller.

In: tensors of strings.  Out: tensors of the same shape, each element encoded or decoded.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import string
from tfmini.errors import DataLossError, InvalidArgumentError
from tfmini.opdef import Cost, OpDef
from tfmini.ops.string_values import as_bytes
from tfmini.spec import TensorSpec


class _Encoding(OpDef):
    """Base: each element of a string tensor for one of the result."""

    kinds = "O"
    gradient = None
    samples: Any = [
        (np.array([["YWI", "__8"], ["", "YQ=="]], object),),
        (np.array("YWJj", object),),
    ]

    def infer(self, x: TensorSpec, **_attrs: Any) -> TensorSpec:
        self.check_kinds((x.dtype,))
        return TensorSpec(x.shape, string)

    def cost(self, x: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if x.size is None else x.size
        return Cost(1000.0 * size, 64.0 * size)


def _each(function: Any, x: Any) -> Any:
    """Return ``function`` of the bytes of each element."""
    return np.asarray(np.frompyfunc(lambda v: function(as_bytes(v)), 1, 1)(x), object)


@op("EncodeBase64")
class encode_base64(_Encoding):
    """Return each string in base64 of the alphabet for URLs (RFC 4648, section 5), without the
    "=" at its end unless ``pad``."""

    def compute(self, input: Any, *, pad: bool = False) -> Any:
        def encode(data: bytes) -> bytes:
            text = base64.urlsafe_b64encode(data)
            return text if pad else text.rstrip(b"=")

        return _each(encode, input)


@op("DecodeBase64")
class decode_base64(_Encoding):
    """Return the strings that ``encode_base64`` has encoded, with "=" at their ends or without."""

    bad_samples = [(np.array("Y", object), InvalidArgumentError),
                   (np.array("Y+8", object), InvalidArgumentError)]  # fmt: skip

    def compute(self, input: Any) -> Any:
        return _each(_from_base64, input)


def _from_base64(text: bytes) -> bytes:
    body = text.rstrip(b"=")
    padding = -len(body) % 4
    whole = len(text) - len(body) in (0, padding) and padding < 3
    if whole and not set(body) & set(b"+/"):  # which the standard library takes too
        try:
            return base64.b64decode(body + b"=" * padding, b"-_", validate=True)
        except binascii.Error:
            pass
    raise InvalidArgumentError(
        None, None, f"{text[:40]!r} is no base64 of the alphabet for URLs, which has - and _ where "
        "others have + and /",
    )  # fmt: skip


_COMPRESSIONS: dict[str, Any] = {"": bytes, "ZLIB": zlib.decompress, "GZIP": gzip.decompress}


@op("DecodeCompressed")
class decode_compressed(_Encoding):
    """Return each string as it was before it was compressed.

    ``compression_type``: "ZLIB", "GZIP", or "" for strings that are not compressed.
    """

    bad_samples = [
        (np.array("a", object), {"compression_type": "ZLIB"}, DataLossError),
        (np.array("a", object), {"compression_type": "LZ"}, InvalidArgumentError),
    ]

    def compute(self, bytes: Any, *, compression_type: str = "") -> Any:
        def decode(data: Any) -> Any:
            try:
                return _COMPRESSIONS[compression_type](data)
            except (zlib.error, gzip.BadGzipFile, EOFError) as e:
                raise DataLossError(
                    None, None, f"a string of {len(data)} bytes is no {compression_type}: {e}"
                ) from e

        return _each(decode, bytes)

    def infer(self, x: TensorSpec, *, compression_type: str = "") -> TensorSpec:
        if compression_type not in _COMPRESSIONS:
            known = ", ".join(map(repr, _COMPRESSIONS))
            raise ValueError(f"compression_type={compression_type!r}: give one of {known}")
        return super().infer(x)
