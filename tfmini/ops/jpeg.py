"""JPEG files in part, and images as a JPEG file would leave them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import as_dtype, int32, int64, string, uint8
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import joining, random
from tfmini.ops.codecs import decode_jpeg, jpeg_bytes
from tfmini.ops.colors import convert_image_dtype
from tfmini.ops.logic import equal
from tfmini.ops.slicing import slice as slice_
from tfmini.ops.string_values import StringOp, as_bytes
from tfmini.ops.text import substr
from tfmini.spec import TensorSpec

# A frame header's marker is one of C0 to CF but these, which start tables.
_TABLES = (0xC4, 0xC8, 0xCC)
_SMALLEST = np.array(b"\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\x11\x08\0\x05\0\x07\x03", object)


def is_jpeg(contents: Any, name: str | None = None) -> Tensor:
    """Return whether strings begin as JPEG files do."""
    return equal(substr(contents, 0, 3), b"\xff\xd8\xff", name=name or "is_jpeg")


@op("ExtractJpegShape")
class _extract_jpeg_shape(StringOp):
    """Height, width and channels, read from a file's frame header."""

    tested_by = ""
    samples = [(_SMALLEST, {"output_type": int32})]
    bad_samples = [(np.array(b"GIF8", object), {"output_type": int32}, InvalidArgumentError)]

    def compute(self, contents: Any, *, output_type: Any) -> Any:
        data = as_bytes(contents)
        at = 2
        while data.startswith(b"\xff\xd8") and at + 9 < len(data) and data[at] == 0xFF:
            marker = data[at + 1]
            if 0xC0 <= marker <= 0xCF and marker not in _TABLES:
                sides = np.frombuffer(data, ">u2", 2, at + 5)
                return np.array([*sides, data[at + 9]], output_type.dtype)
            at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        raise ValueError("the string is no JPEG file, or cut off before its frame header")

    def infer(self, contents: TensorSpec, *, output_type: Any) -> TensorSpec:
        if output_type not in (int32, int64):
            raise ValueError(f"a shape is int32 or int64, not {output_type.name}")
        return TensorSpec((3,), output_type)


def extract_jpeg_shape(contents: Any, output_type: Any = int32, name: str | None = None) -> Tensor:
    """Return [height, width, channels] of a JPEG file without decoding it."""
    given = convert_to_tensor(contents, string)
    attrs = {"output_type": as_dtype(output_type)}
    out: Tensor = apply(_extract_jpeg_shape.opdef, (given,), attrs, name)
    return out


def decode_and_crop_jpeg(
    contents: Any, crop_window: Any, channels: int = 0, ratio: int = 1,
    fancy_upscaling: bool = True, try_recover_truncated: bool = False,
    acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return a part of a JPEG file's pixels: ``crop_window`` is [y, x, height, width]."""
    whole = decode_jpeg(contents, channels, ratio, fancy_upscaling)
    window = convert_to_tensor(crop_window)
    begin = joining.stack([window[0], window[1], 0])
    size = joining.stack([window[2], window[3], -1])
    return slice_(whole, begin, size, name or "DecodeAndCropJpeg")


@op("EncodeJpegVariableQuality")
class _encode_jpeg_quality(StringOp):
    """The JPEG file of an image, of a quality that is a tensor."""

    work = 5e6

    def compute(self, images: Any, quality: Any) -> Any:
        if not 0 <= quality <= 100:
            raise ValueError(f"the quality must be 0 to 100, not {quality}")
        return np.array(jpeg_bytes(images, quality=int(quality)), object)

    def infer(self, images: TensorSpec, quality: TensorSpec) -> TensorSpec:
        if images.dtype not in (uint8, None) or images.rank not in (3, None):
            raise ValueError(f"JPEG takes [height, width, 1 or 3] of uint8, not {images!r}")
        return TensorSpec((), string)


def adjust_jpeg_quality(
    image: Any, jpeg_quality: Any, name: str | None = None, dct_method: str = ""
) -> Tensor:
    """Return ``image`` [height, width, 1 or 3] as a JPEG file of this quality, 0 to 100, leaves it.

    It needs Pillow.
    """
    image = convert_to_tensor(image)
    channels = (image.spec.shape or (None,))[-1]
    pixels = convert_image_dtype(image, uint8, saturate=True)
    file = apply(_encode_jpeg_quality.opdef, (pixels, convert_to_tensor(jpeg_quality, int32)), {})
    out = decode_jpeg(file, channels or 0)
    return convert_image_dtype(out, image.dtype, saturate=True, name=name or "adjust_jpeg_quality")


def random_jpeg_quality(
    image: Any, min_jpeg_quality: int, max_jpeg_quality: int, seed: int | None = None
) -> Tensor:
    """Return ``image`` as a JPEG file of a quality drawn from [min, max) leaves it."""
    if not 0 <= min_jpeg_quality < max_jpeg_quality <= 100:
        raise InvalidArgumentError(
            None, None, "JPEG qualities must be 0 to 100, the least under the most."
        )
    drawn = random.random_uniform([], min_jpeg_quality, max_jpeg_quality, int32, seed)
    return adjust_jpeg_quality(image, drawn)
