"""CRC-32C, the checksum of records and checkpoints.

In: bytes or an array.  Out: the checksum, plain or masked as files store it.  The polynomial is
Castagnoli's, 0x1EDC6F41, in reflected form (RFC 3720, appendix B.4); the mask is LevelDB's, for
checksums of data that holds checksums.

A message's checksum is linear in its bits, so a long message is folded: rows of words are advanced
past one another by table look-ups, all words of a row at once, until one row is left, whose
checksum is that of the whole.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

_POLYNOMIAL = 0x82F63B78
_WORDS = (4096, 64)  # words of 8 bytes in a row, for long and for short messages
_MASK_DELTA = 0xA282EAD8


def _byte_table() -> Any:
    table: Any = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ (_POLYNOMIAL * (table & 1))
    return table


_TABLE = _byte_table()
_LIST = _TABLE.tolist()
_SHORT = 64  # bytes below which a look-up per byte is quick enough
_PLACES = 512  # bytes whose look-ups are one


def _advanced(registers: Any, zeros: int) -> Any:
    """Return what registers become by so many zero bytes."""
    for _ in range(zeros):
        registers = _TABLE[registers & 255] ^ (registers >> 8)
    return registers


@cache
def _place_tables() -> np.ndarray:
    """Return what a byte becomes that ``i`` more follow, for each place ``i`` and each byte."""
    tables = np.empty((_PLACES, 256), np.uint32)
    table = _TABLE
    for i in range(_PLACES):
        tables[i] = table
        table = _advanced(table, 1)
    return tables


@cache
def _fold_tables(words: int) -> list[np.ndarray]:
    """Return four tables: what the i-th 16 bits of a word become, one row of words further."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    columns = _advanced(bits, 8 * words - 8)  # advancing is linear: one column per bit
    tables = []
    low, high = np.arange(65536) & 255, np.arange(65536) >> 8
    for i in range(4):
        by_byte = []
        for place in (7 - 2 * i, 6 - 2 * i):
            registers = _advanced(_TABLE, place)
            chosen = np.where(registers[:, None] & bits, columns, np.uint32(0))
            by_byte.append(np.bitwise_xor.reduce(chosen, axis=1))
        tables.append(by_byte[0][low] ^ by_byte[1][high])
    return tables


def _folded(register: int, data: np.ndarray, words: int) -> np.ndarray:
    """Return one row of bytes that takes register 0 to what ``data`` takes ``register`` to."""
    rows = data.view(np.uint64).reshape(-1, words)
    tables = _fold_tables(words)
    row = rows[0].copy()
    row[0] ^= np.uint64(register)
    for following in rows[1:]:
        parts = row.view(np.uint16).reshape(words, 4)
        carried = tables[0][parts[:, 0]]
        for i in (1, 2, 3):
            carried ^= tables[i][parts[:, i]]
        row = following ^ carried
    return row.view(np.uint8)


def _register(register: int, data: np.ndarray) -> int:
    for words in _WORDS:
        width = 8 * words
        if data.size >= 4 * width:
            whole = data.size - data.size % width
            row = _folded(register, data[:whole], words)
            return _register(_register(0, row), data[whole:])
    while data.size >= _SHORT:
        part, data = data[:_PLACES].copy(), data[_PLACES:]
        part[:4] ^= np.frombuffer(register.to_bytes(4, "little"), np.uint8)
        places = np.arange(part.size - 1, -1, -1)
        register = int(np.bitwise_xor.reduce(_place_tables()[places, part]))
    for byte in data.tobytes():
        register = _LIST[(register ^ byte) & 255] ^ (register >> 8)
    return register


def crc32c(data: Any, crc: int = 0) -> int:
    """Return the CRC-32C of ``data`` (bytes or a contiguous array), continuing from ``crc``."""
    if isinstance(data, np.ndarray):
        raw = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    else:
        raw = np.frombuffer(data, np.uint8)
    return _register(crc ^ 0xFFFFFFFF, raw) ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """Return a checksum as files store it."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def masked_crc32c(data: Any) -> int:
    """Return the masked CRC-32C of ``data``."""
    return masked(crc32c(data))
