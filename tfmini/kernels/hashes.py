"""Hashes of byte strings, 64 bits: the three by which TensorFlow puts strings into buckets.

In: bytes.  Out: an int in 0..2**64-1.  They depend on nothing but the bytes (and the key), so
buckets stay what they are between runs, machines and releases.  ``joined`` makes one hash of two,
for arrays of them.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

import numpy as np

_ALL = (1 << 64) - 1

# The three primes of FarmHash.
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotated(x: int, by: int) -> int:
    return (x >> by | x << (64 - by)) & _ALL


def _word(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _mixed(x: int) -> int:
    return x ^ x >> 47


def _of_two(u: int, v: int, mul: int) -> int:
    a = _mixed((u ^ v) * mul & _ALL)
    b = _mixed((v ^ a) * mul & _ALL)
    return b * mul & _ALL


@functools.lru_cache(1 << 16)  # the words of a vocabulary come again with each batch
def farmhash(s: bytes) -> int:
    """Return FarmHash's 64-bit fingerprint (Pike and Alakuijala, 2014)."""
    n = len(s)
    if n > 64:
        return _farm_long(s)
    if n > 32:
        return _farm_64(s)
    if n > 16:
        return _farm_32(s)
    if n >= 8:
        mul = (_K2 + n * 2) & _ALL
        a, b = (_word(s, 0) + _K2) & _ALL, _word(s, n - 8)
        c = (_rotated(b, 37) * mul + a) & _ALL
        d = (_rotated(a, 25) + b) * mul & _ALL
        return _of_two(c, d, mul)
    if n >= 4:
        first, last = struct.unpack("<I", s[:4])[0], struct.unpack("<I", s[-4:])[0]
        return _of_two(n + (first << 3), last, (_K2 + n * 2) & _ALL)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return _mixed((y * _K2 ^ z * _K0) & _ALL) * _K2 & _ALL
    return _K2


def _farm_32(s: bytes) -> int:
    mul, a, b, c, d = _ends(s, _K1)
    first = _rotated((a + b) & _ALL, 43) + _rotated(c, 30) + d
    return _of_two(first & _ALL, (a + _rotated((b + _K2) & _ALL, 18) + c) & _ALL, mul)


def _ends(s: bytes, prime: int) -> tuple[int, int, int, int, int]:
    n = len(s)
    mul = (_K2 + n * 2) & _ALL
    a, b = _word(s, 0) * prime & _ALL, _word(s, 8)
    return mul, a, b, _word(s, n - 8) * mul & _ALL, _word(s, n - 16) * _K2 & _ALL


def _farm_64(s: bytes) -> int:
    n = len(s)
    mul, a, b, c, d = _ends(s, _K2)
    y = (_rotated((a + b) & _ALL, 43) + _rotated(c, 30) + d) & _ALL
    z = _of_two(y, (a + _rotated((b + _K2) & _ALL, 18) + c) & _ALL, mul)
    e, f = _word(s, 16) * mul & _ALL, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * mul & _ALL, (z + _word(s, n - 24)) * mul & _ALL
    first = _rotated((e + f) & _ALL, 43) + _rotated(g, 30) + h
    return _of_two(first & _ALL, (e + _rotated((f + a) & _ALL, 18) + g) & _ALL, mul)


def _farm_long(s: bytes) -> int:
    n = len(s)
    x = 81 * _K2 & _ALL
    y = (81 * _K1 + 113) & _ALL
    z = _mixed((y * _K2 + 113) & _ALL) * _K2 & _ALL
    v, w = (0, 0), (0, 0)
    x = (x + _word(s, 0)) & _ALL
    for at in range(0, (n - 1) // 64 * 64, 64):
        x, y, z, v, w = _farm_round(s, at, x, y, z, v, w, _K1, 1)
    mul = (_K1 + ((z & 0xFF) << 1)) & _ALL
    w = ((w[0] + (n - 1 & 63)) & _ALL, w[1])
    v = ((v[0] + w[0]) & _ALL, v[1])
    w = ((w[0] + v[0]) & _ALL, w[1])
    x, y, z, v, w = _farm_round(s, n - 64, x, y, z, v, w, mul, 9)
    return _of_two(
        (_of_two(v[0], w[0], mul) + _mixed(y) * _K0 + z) & _ALL,
        (_of_two(v[1], w[1], mul) + x) & _ALL,
        mul,
    )


Pair = tuple[int, int]


def _farm_round(
    s: bytes, at: int, x: int, y: int, z: int, v: Pair, w: Pair, mul: int, times: int
) -> tuple[int, int, int, Pair, Pair]:
    x = _rotated((x + y + v[0] + _word(s, at + 8)) & _ALL, 37) * mul & _ALL
    y = _rotated((y + v[1] + _word(s, at + 48)) & _ALL, 42) * mul & _ALL
    x ^= w[1] * times & _ALL
    y = (y + v[0] * times + _word(s, at + 40)) & _ALL
    z = _rotated((z + w[0]) & _ALL, 33) * mul & _ALL
    v = _farm_weak(s, at, v[1] * mul, x + w[0])
    w = _farm_weak(s, at + 32, z + w[1], y + _word(s, at + 16))
    return z, y, x, v, w


def _farm_weak(s: bytes, at: int, a: int, b: int) -> Pair:
    w, x, y, z = struct.unpack_from("<4Q", s, at)
    a = (a + w) & _ALL
    b = _rotated((b + a + z) & _ALL, 21)
    c, a = a, (a + x + y) & _ALL
    return (a + z) & _ALL, (b + _rotated(a, 44) + c) & _ALL


_MURMUR, _SEED = 0xC6A4A7935BD1E995, 0xDECAFCAFFE


def murmurhash(s: bytes) -> int:
    """Return MurmurHash64A (Appleby, 2008) with the seed that TensorFlow has."""
    n = len(s)
    h = _SEED ^ n * _MURMUR & _ALL
    whole = n & ~7
    for (k,) in struct.iter_unpack("<Q", s[:whole]):
        k = k * _MURMUR & _ALL
        h = (h ^ (k ^ k >> 47) * _MURMUR & _ALL) * _MURMUR & _ALL
    if n > whole:
        h = (h ^ int.from_bytes(s[whole:], "little")) * _MURMUR & _ALL
    h = _mixed(h) * _MURMUR & _ALL
    return _mixed(h)


def siphash(s: bytes, key: Sequence[int]) -> int:
    """Return SipHash-2-4 (Aumasson and Bernstein, 2012) under a key of two 64-bit words."""
    k0, k1 = (k & _ALL for k in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]  # fmt: skip
    whole = len(s) & ~7
    words = [word for (word,) in struct.iter_unpack("<Q", s[:whole])]
    words.append(int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[int], count: int) -> None:
    a, b, c, d = v
    for _ in range(count):
        a = (a + b) & _ALL
        b = _rotated(b, 51) ^ a
        a = _rotated(a, 32)
        c = (c + d) & _ALL
        d = _rotated(d, 48) ^ c
        a = (a + d) & _ALL
        d = _rotated(d, 43) ^ a
        c = (c + b) & _ALL
        b = _rotated(b, 47) ^ c
        c = _rotated(c, 32)
    v[:] = a, b, c, d


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return one hash for each pair of two, uint64, as TensorFlow's ``FingerprintCat64`` does."""
    mul, shift = np.uint64(_MURMUR), np.uint64(47)

    def mixed(x: np.ndarray) -> np.ndarray:
        return x ^ x >> shift

    out = (first ^ mul ^ mixed(second * mul) * mul) * mul
    return mixed(mixed(out) * mul)
