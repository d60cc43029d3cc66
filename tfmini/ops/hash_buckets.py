"""Strings into buckets: ``string_to_hash_bucket`` and its kind.

Buckets are what TensorFlow gives: FarmHash, MurmurHash or SipHash of the bytes, modulo their
number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, op
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError
from tfmini.kernels.hashes import farmhash, murmurhash, siphash
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.string_values import of_each
from tfmini.spec import TensorSpec

_WORDS = np.array([["ab", "", "hello world"], ["x" * 20, "y" * 40, "z" * 70]], object)


class _Buckets(OpDef):
    kinds = "O"
    gradient = None
    dims = "..."
    samples: Any = [(_WORDS, {"num_buckets": 10}), (np.array("a", object), {"num_buckets": 1})]
    bad_samples: Any = [(_WORDS, {"num_buckets": 0}, InvalidArgumentError)]
    hashed: Callable[[bytes], int]

    def compute(self, input: Any, *, num_buckets: int) -> Any:
        return _each(type(self).hashed, input, num_buckets)

    def infer(self, input: TensorSpec, *, num_buckets: int, **_attrs: Any) -> TensorSpec:
        self.check_kinds((input.dtype,))
        if num_buckets < 1:
            raise ValueError(f"num_buckets must be 1 or more, not {num_buckets}")
        return TensorSpec(input.shape, int64)

    def cost(self, input: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if input.size is None else float(input.size)
        return Cost(5e3 * size, 64.0 * size)


def _each(hashed: Callable[[bytes], int], strings: Any, buckets: int) -> Any:
    flat = of_each(np.asarray(strings, object).reshape(-1), lambda s: hashed(s) % buckets)
    return np.array(flat, np.int64).reshape(np.shape(strings))


@op("StringToHashBucketFast")
class string_to_hash_bucket_fast(_Buckets):
    """Return for each string a number in 0..num_buckets-1, by FarmHash of its bytes."""

    hashed = staticmethod(farmhash)


@op("StringToHashBucket")
class _to_hash_bucket(_Buckets):
    """The buckets of strings, by MurmurHash."""

    hashed = staticmethod(murmurhash)


@op("StringToHashBucketStrong")
class _to_hash_bucket_strong(_Buckets):
    """The buckets of strings, by SipHash."""

    samples = [(_WORDS, {"num_buckets": 10, "key": (1, 2)})]
    bad_samples = [(_WORDS, {"num_buckets": 10, "key": (1,)}, InvalidArgumentError)]

    def compute(self, input: Any, *, num_buckets: int, key: Sequence[int]) -> Any:
        return _each(lambda s: siphash(s, key), input, num_buckets)

    def infer(self, input: TensorSpec, *, num_buckets: int, **attrs: Any) -> TensorSpec:
        if len(attrs["key"]) != 2:
            raise ValueError(f"a key is two integers, not {attrs['key']}")
        return super().infer(input, num_buckets=num_buckets)


def string_to_hash_bucket(
    string_tensor: Any = None, num_buckets: int | None = None, name: str | None = None,
    input: Any = None,
) -> Tensor:  # fmt: skip
    """Return for each string a number in 0..num_buckets-1, by MurmurHash of its bytes.

    `string_to_hash_bucket_fast` spreads better, and is as stable.
    """
    given = string_tensor if input is None else input
    if given is None or num_buckets is None:
        raise InvalidArgumentError(None, None, "give strings, and num_buckets.")
    out: Tensor = apply(_to_hash_bucket.opdef, (given,), {"num_buckets": num_buckets}, name)
    return out


def string_to_hash_bucket_strong(
    input: Any, num_buckets: int, key: Sequence[int], name: str | None = None
) -> Tensor:
    """Return for each string a number in 0..num_buckets-1, by SipHash of its bytes under ``key``.

    The key is two integers; who does not know it can't find strings that share a bucket.
    """
    attrs = {"num_buckets": num_buckets, "key": tuple(int(k) for k in key)}
    out: Tensor = apply(_to_hash_bucket_strong.opdef, (input,), attrs, name)
    return out
