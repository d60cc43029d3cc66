"""CRC-32C, the checksum of records and checkpoints.

In: bytes or an array.  Out: the checksum, plain or masked as files store it.  The polynomial is
Castagnoli's, 0x1EDC6F41, in reflected form (RFC 3720, appendix B.4); the mask is LevelDB's, for
checksums of data that holds checksums.

A message's checksum is linear in its bits.  So what each byte adds to it is looked up by its
place, for 512 bytes at once; what such rows of bytes add, in the same way.  A long message is
folded first: rows of words are advanced past one another, all words of a row at once, until one row
is left, whose checksum is that of the whole.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

_POLYNOMIAL = 0x82F63B78
_WORDS = 4096  # words of 8 bytes in a row of a message that is folded
_MASK_DELTA = 0xA282EAD8


def _byte_table() -> Any:
    table: Any = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ (_POLYNOMIAL * (table & 1))
    return table


_TABLE = _byte_table()
_LIST = _TABLE.tolist()
_SHORT = 48  # bytes below which a look-up per byte is quick enough
_PLACES = 512  # bytes in a row whose look-ups are one
_ROWS = 128  # such rows, at most, that are taken together


def _advanced(registers: Any, zeros: int) -> Any:
    """Return what registers become by so many zero bytes."""
    for _ in range(zeros):
        registers = _TABLE[registers & 255] ^ (registers >> 8)
    return registers


@cache
def _place_table() -> Any:
    """Return what bytes become at the places of a row, flat: 256 numbers for each place."""
    tables = np.empty((_PLACES, 256), np.uint32)
    table = _TABLE
    for i in range(_PLACES):
        tables[-1 - i] = table
        table = _advanced(table, 1)
    return tables.reshape(-1)


@cache
def _row_table() -> Any:
    """Return what the 4 bytes of a register become that 0, 1, 2 ... rows follow, the last first."""
    tables = np.empty((_ROWS, 4, 256), np.uint32)
    table: Any = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    for i in range(_ROWS):
        tables[-1 - i] = table
        table = _of_row(table.reshape(-1, 1).view(np.uint8), _PLACES).reshape(4, 256)
    return tables.reshape(-1)


_STEPS = np.arange(_PLACES) * 256


def _of_row(rows: Any, width: int) -> Any:
    """Return the registers [n] after rows [n, bytes] with zeros up to ``width``, from 0."""
    first = _PLACES - width
    found = _place_table().take(rows + _STEPS[first : first + rows.shape[1]])
    return np.bitwise_xor.reduce(found, axis=1)


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
    width = 8 * _WORDS
    if data.size >= 4 * width:
        whole = data.size - data.size % width
        return _register(_register(0, _folded(register, data[:whole], _WORDS)), data[whole:])
    while data.size > _ROWS * _PLACES:
        part, data = data[: _ROWS * _PLACES], data[_ROWS * _PLACES :]
        register = _by_rows(register, part)
    if data.size >= _SHORT:
        return _by_rows(register, data)
    for byte in data.tobytes():
        register = _LIST[(register ^ byte) & 255] ^ (register >> 8)
    return register


def _by_rows(register: int, data: np.ndarray) -> int:
    """Return the register after up to ``_ROWS`` rows of bytes, at least 4."""
    count = -(-data.size // _PLACES)
    width = _PLACES if count > 1 else data.size
    rows = np.zeros(count * width, np.uint8)  # zeros in front leave register 0 as it is
    given = rows[rows.size - data.size :]
    given[:] = data
    given[:4] ^= np.frombuffer(register.to_bytes(4, "little"), np.uint8)
    registers = _of_row(rows.reshape(count, width), width)
    if count == 1:
        return int(registers[0])
    first = 4 * (_ROWS - count)
    steps = np.arange(first, 4 * _ROWS) * 256
    return int(np.bitwise_xor.reduce(_row_table().take(registers.view(np.uint8) + steps)))


def masked_crc32c_of_parts(data: np.ndarray, starts: Any, lengths: Any) -> np.ndarray:
    """Return the masked CRC-32C of parts of ``data``, bytes; short ones are done together.

    Parameters
    ----------
    data : uint8 [bytes]
    starts, lengths : ints [n]
    """
    out = np.empty(len(starts), np.uint32)
    short = (lengths >= 4) & (lengths <= _PLACES)
    out[short] = _of_short_parts(data, starts[short], lengths[short])
    for i in np.flatnonzero(~short):
        out[i] = masked_crc32c(data[starts[i] : starts[i] + lengths[i]])
    return out


def _of_short_parts(data: np.ndarray, starts: Any, lengths: Any) -> Any:
    width = int(lengths.max(initial=4))
    before = (width - lengths)[:, None]
    columns = np.arange(width)
    # The ends of the parts are the ends of rows; in front of shorter ones are zeros.
    rows = data.take((starts + lengths - width)[:, None] + columns, mode="clip")
    if before.any():
        rows *= columns >= before
    np.put_along_axis(rows, before + columns[:4],
                      np.take_along_axis(rows, before + columns[:4], 1) ^ 255, 1)  # fmt: skip
    crc = _of_row(rows, width) ^ np.uint32(0xFFFFFFFF)
    return (crc >> 15 | crc << 17) + np.uint32(_MASK_DELTA)


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
