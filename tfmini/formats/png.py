"""PNG images: the file format, and nothing else.

In: bytes of a file, or an array of pixels.  Out: the other.  The format is
https://www.w3.org/TR/png; interlaced files and all bit depths are read, what is written is neither.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tfmini.errors import DataLossError, InvalidArgumentError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_PALETTE = 3
# Where the pixels of the seven passes of an interlaced image are: first row and column, steps.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
           (1, 0, 2, 1))  # fmt: skip


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    color_type: int
    compression: int
    filter: int
    interlace: int

    @property
    def channels(self) -> int:
        return _CHANNELS[self.color_type]


def png_pixels(data: bytes) -> np.ndarray:
    """Return the pixels, [height, width, channels], uint8 or uint16 (for 16-bit files).

    Channels are grey, grey and alpha, RGB, or RGBA.
    """
    chunks: dict[bytes, bytes] = {}
    body = []
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            body.append(content)
        else:
            chunks.setdefault(kind, content)
    if b"IHDR" not in chunks or len(chunks[b"IHDR"]) != 13 or not body:
        raise DataLossError(None, None, "the PNG image has no header or no pixels.")
    header = _Header(*struct.unpack(">IIBBBBB", chunks[b"IHDR"]))
    if header.color_type not in _CHANNELS or header.depth not in (1, 2, 4, 8, 16):
        raise InvalidArgumentError(None, None, f"no such PNG image: {header}.")
    try:
        raw = np.frombuffer(zlib.decompress(b"".join(body)), np.uint8)
    except zlib.error as e:
        raise DataLossError(None, None, f"the PNG image is damaged: {e}.") from e
    pixels = _pixels(raw, header)
    return _expanded(pixels, header, chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise InvalidArgumentError(None, None, "the bytes are no PNG image.")
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + length]
        crc = data[place + 8 + length : place + 12 + length]
        if len(crc) < 4 or zlib.crc32(kind + content) != struct.unpack(">I", crc)[0]:
            raise DataLossError(None, None, f"the PNG image is damaged in its {kind!r} chunk.")
        yield kind, content
        place += 12 + length
        if kind == b"IEND":
            return
    raise DataLossError(None, None, "the PNG image is cut off.")


def _pixels(raw: np.ndarray, h: _Header) -> np.ndarray:
    if not h.interlace:
        return _pass(raw, h, h.height, h.width)[0]
    out = np.zeros((h.height, h.width, h.channels), np.uint16 if h.depth == 16 else np.uint8)
    for row, column, down, right in _PASSES:
        place = out[row::down, column::right]
        if place.size:
            part, used = _pass(raw, h, *place.shape[:2])
            place[...] = part
            raw = raw[used:]
    return out


def _pass(raw: np.ndarray, h: _Header, height: int, width: int) -> tuple[np.ndarray, int]:
    """Return the pixels of one pass, and how many bytes it took."""
    stride = (width * h.channels * h.depth + 7) // 8
    used = height * (stride + 1)
    if raw.size < used:
        raise DataLossError(None, None, "the PNG image has too few pixels.")
    lines = raw[:used].reshape(height, stride + 1)
    rows = _unfiltered(lines, max(1, h.channels * h.depth // 8))
    if h.depth == 16:
        rows = rows.reshape(-1).view(">u2").astype(np.uint16).reshape(height, -1)
    elif h.depth < 8:
        bits = np.unpackbits(rows, axis=1).reshape(height, -1, h.depth)
        rows = (bits << np.arange(h.depth - 1, -1, -1, dtype=np.uint8)).sum(2, dtype=np.uint8)
    return rows[:, : width * h.channels].reshape(height, width, h.channels), used


def _unfiltered(lines: np.ndarray, step: int) -> np.ndarray:
    """Undo each line's filter; ``step`` is the distance of a byte to its left neighbour."""
    rows = lines[:, 1:].copy()
    above = np.zeros(rows.shape[1], np.uint8)
    for kind, row in zip(lines[:, 0].tolist(), rows, strict=True):
        if kind == 1:
            for i in range(step):
                np.cumsum(row[i::step], dtype=np.uint8, out=row[i::step])
        elif kind == 2:
            row += above
        elif kind == 3:
            row[:] = _averaged(row.tolist(), above.tolist(), step)
        elif kind == 4:
            row[:] = _paeth(row.tolist(), above.tolist(), step)
        elif kind:
            raise DataLossError(None, None, f"the PNG image has a line of unknown filter {kind}.")
        above = row
    return rows


def _averaged(row: list[int], above: list[int], step: int) -> list[int]:
    for i, b in enumerate(above):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + b) // 2) & 255
    return row


def _paeth(row: list[int], above: list[int], step: int) -> list[int]:
    for i, b in enumerate(above):
        a, c = (row[i - step], above[i - step]) if i >= step else (0, 0)
        p, q = b - c, a - c  # the distances of a and b from a + b - c
        da, db, dc = abs(p), abs(q), abs(p + q)
        near = a if da <= db and da <= dc else b if db <= dc else c
        row[i] = (row[i] + near) & 255
    return row


def _expanded(pixels: np.ndarray, h: _Header, chunks: dict[bytes, bytes]) -> np.ndarray:
    """Return whole channels: palettes looked up, transparent colours as alpha."""
    transparent = chunks.get(b"tRNS")
    if h.color_type == _PALETTE:
        palette = np.frombuffer(chunks.get(b"PLTE", b""), np.uint8).reshape(-1, 3)
        if pixels.size and pixels.max() >= len(palette):
            raise DataLossError(None, None, "the PNG image uses a colour that is not there.")
        if transparent is not None:
            alpha = np.full((len(palette), 1), 255, np.uint8)
            alpha[: len(transparent), 0] = np.frombuffer(transparent, np.uint8)
            palette = np.concatenate([palette, alpha], 1)
        return palette[pixels[..., 0]]
    if h.depth < 8:
        return pixels * np.uint8(255 // (2**h.depth - 1))
    return pixels


def png_bytes(pixels: np.ndarray, level: int = -1) -> bytes:
    """Return the file of ``pixels``: [height, width, 1 to 4 channels] of uint8 or uint16."""
    if pixels.ndim != 3 or pixels.shape[2] not in _COLOR_TYPES or not pixels.size:
        raise InvalidArgumentError(
            None, None, f"a PNG image is [height, width, 1 to 4], not {list(pixels.shape)}."
        )
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidArgumentError(None, None, f"PNG takes uint8 or uint16, not {pixels.dtype}.")
    height, width, channels = pixels.shape
    depth = 8 * pixels.itemsize
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8)
    rows = rows.reshape(height, -1)
    lines = np.empty((height, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = 2  # differences to the line above compress better
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOR_TYPES[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), level)), (b"IEND", b"")]
    return SIGNATURE + b"".join([
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    ])  # fmt: skip
