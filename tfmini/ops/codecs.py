"""Images to and from the bytes of files: ``decode_png``, ``decode_jpeg``, ``decode_image``, ...

In: strings.  Out: pixels, [height, width, channels].  PNG is read and written here; JPEG, GIF and
BMP are Pillow's, which ``pip install pillow`` adds.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, float32, string, uint8, uint16
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.formats import png
from tfmini.nodes import Tensor
from tfmini.opdef import OpDef
from tfmini.ops.string_values import StringOp, as_bytes, string_vector
from tfmini.spec import TensorSpec

# The weights of red, green and blue in grey (0.299, 0.587, 0.114), in 1/32768, as libpng has them.
_GREY = np.array([9797, 19234, 3737], np.int64)


def _image_module(kind: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise UnimplementedError(
            None, None, f"{kind} images need Pillow: run `pip install pillow`."
        ) from None
    return Image


def _kind(data: bytes) -> str:
    for kind, start in (("PNG", png.SIGNATURE), ("JPEG", b"\xff\xd8\xff"), ("GIF", b"GIF8"),
                        ("BMP", b"BM")):  # fmt: skip
        if data.startswith(start):
            return kind
    raise InvalidArgumentError(
        None, None, f"unknown image format: it begins with {data[:8]!r}, which is no PNG, JPEG, "
        f"GIF or BMP",
    )  # fmt: skip


def _by_pillow(
    data: bytes, kind: str, channels: int, ratio: int = 1, smooth: bool = True
) -> np.ndarray:
    module = _image_module(kind)
    try:
        image = module.open(io.BytesIO(data))
        if ratio > 1:
            image.draft(None, (image.width // ratio, image.height // ratio))
        modes = {0: "L" if image.mode in ("L", "1") else "RGB", 1: "L", 3: "RGB", 4: "RGBA"}
        mode = modes[channels]
        if not smooth and mode == image.mode == "RGB" and ratio == 1 and _has_fewer_colors(image):
            return _with_plain_colors(module, data)
        pixels = np.array(image.convert(mode))
    except OSError as e:  # Pillow's errors derive from it
        raise InvalidArgumentError(None, None, f"the {kind} image is damaged: {e}") from e
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _has_fewer_colors(image: Any) -> bool:
    """Whether a JPEG file has a pixel of colour for four of brightness; else it has as many."""
    from PIL.JpegImagePlugin import get_sampling

    sampling = get_sampling(image)
    if sampling not in (0, 2):
        raise UnimplementedError(
            None, None, "fancy_upscaling=False is there for JPEG files whose colours are as fine "
            "as the brightness, or half as fine both ways (4:2:0); this one's are not.",
        )  # fmt: skip
    return bool(sampling == 2)


def _with_plain_colors(module: Any, data: bytes) -> np.ndarray:
    """Return RGB pixels of a file with halved colours, each of which is there for four pixels.

    libjpeg decodes to half the size without touching the colours: these are then the file's own.
    The conversion is libjpeg's, in integers (JFIF 1.02, section 7).
    """
    planes = []
    for part in (1, 2):
        image = module.open(io.BytesIO(data))
        size = image.height, image.width
        image.draft("YCbCr", (image.width // part, image.height // part))
        planes.append(np.array(image).astype(np.int32))
    y, colors = planes[0][..., 0], planes[1][..., 1:]
    cb, cr = np.moveaxis(colors.repeat(2, 0).repeat(2, 1)[: size[0], : size[1]] - 128, -1, 0)
    red, blue = _weighted(1.402, cr), _weighted(1.772, cb)
    green = -(_fixed(0.34414) * cb + _fixed(0.71414) * cr) + (1 << 15) >> 16
    pixels = np.stack([y + red, y + green, y + blue], -1)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _fixed(factor: float) -> int:
    return int(factor * 65536 + 0.5)


def _weighted(factor: float, color: np.ndarray) -> np.ndarray:
    return _fixed(factor) * color + (1 << 15) >> 16


def _frames(data: bytes) -> np.ndarray:
    image = _image_module("GIF").open(io.BytesIO(data))
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(np.array(image.convert("RGB")))
    return np.stack(frames)


def _as_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    have = pixels.shape[2]
    if channels in (0, have):
        return pixels
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., -1:] if have in (2, 4) else np.full_like(pixels[..., :1], top)
    color = pixels[..., : have - (have in (2, 4))]
    if channels in (3, 4) and color.shape[2] == 1:
        color = np.repeat(color, 3, 2)
    if channels in (1, 2) and color.shape[2] == 3:
        half = 16384 if pixels.dtype == np.uint16 else 0  # libpng rounds these, and cuts others off
        grey = (color.astype(np.int64) @ _GREY + half) >> 15
        color = grey[..., None].astype(pixels.dtype)
    return np.concatenate([color, alpha], 2) if channels in (2, 4) else color


def _as_type(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if pixels.dtype == dtype:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    if pixels.dtype == np.uint16 and dtype == np.uint8:
        return (pixels >> 8).astype(np.uint8)
    return pixels.astype(dtype) * dtype.type(1.0 / np.iinfo(pixels.dtype).max)


class _Decode(StringOp):
    """Pixels of an image file."""

    work = 5e6

    def infer(self, contents: TensorSpec, *, channels: int, dtype: DType, **_attrs: Any) -> Any:
        if channels not in (0, 1, 3, 4):
            raise ValueError(f"channels must be 0, 1, 3 or 4, not {channels}")
        if contents.rank not in (0, None):
            raise ValueError(f"contents must be one string, not {contents!r}; use map_fn for many")
        return TensorSpec(self._shape(channels or None), dtype)

    def _shape(self, channels: int | None) -> Any:
        return (None, None, channels)


class _DecodeOne(_Decode):
    """Pixels of a file of any kind, the first frame of a GIF: each operation takes all."""

    def compute(
        self, contents: Any, *, channels: int, dtype: DType, ratio: int = 1,
        fancy_upscaling: bool = True,
    ) -> Any:  # fmt: skip
        data = as_bytes(contents)
        kind = _kind(data)
        if kind == "PNG":
            pixels = _as_channels(png.png_pixels(data), channels)
        else:
            pixels = _by_pillow(data, kind, channels, ratio, fancy_upscaling)
        return _as_type(pixels, dtype.dtype)


DECODE_PNG = _DecodeOne("DecodePng", "_decode_png")
DECODE_JPEG = _DecodeOne("DecodeJpeg", "_decode_jpeg")
DECODE_BMP = _DecodeOne("DecodeBmp", "_decode_bmp")


def _decoded(
    opdef: OpDef, contents: Any, channels: int, dtype: Any, name: str | None, **attrs: Any
) -> Tensor:
    given = convert_to_tensor(contents, string)
    return apply(opdef, (given,), {"channels": channels, "dtype": as_dtype(dtype), **attrs}, name)


@op("DecodeImage")
class _decode_image(_Decode):
    """Pixels of a PNG, JPEG, GIF (all frames, if ``animations``) or BMP file."""

    def compute(self, contents: Any, *, channels: int, dtype: DType, animations: bool) -> Any:
        data = as_bytes(contents)
        kind = _kind(data)
        if kind == "GIF" and animations:
            return _as_type(_frames(data), dtype.dtype)
        if kind == "PNG":
            return _as_type(_as_channels(png.png_pixels(data), channels), dtype.dtype)
        return _as_type(_by_pillow(data, kind, channels), dtype.dtype)

    def _shape(self, channels: int | None) -> Any:
        return None


@op("DecodeGif")
class decode_gif(StringOp):
    """Return the frames of a GIF file, [frames, height, width, 3] of uint8."""

    work = 5e6

    def compute(self, contents: Any) -> Any:
        return _frames(as_bytes(contents))

    def infer(self, contents: TensorSpec) -> TensorSpec:
        return TensorSpec((None, None, None, 3), uint8)


def decode_png(
    contents: Any, channels: int = 0, dtype: Any = uint8, name: str | None = None
) -> Tensor:
    """Return the pixels of a PNG file, [height, width, channels] of uint8 or uint16.

    ``channels`` is 1 (grey), 3 (RGB), 4 (RGBA), or 0: as in the file.
    """
    return _decoded(DECODE_PNG, contents, channels, dtype, name)


def decode_jpeg(
    contents: Any,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: str | None = None,
) -> Tensor:
    """Return the pixels of a JPEG file, [height, width, channels] of uint8; it needs Pillow.

    ``channels`` is 1 (grey), 3 (RGB), or 0: as in the file.  ``ratio`` 2, 4 or 8 gives a smaller
    image, quicker.  ``fancy_upscaling`` says that colours, of which there may be fewer, are
    interpolated, not repeated.
    """
    attrs = {"ratio": ratio, "fancy_upscaling": fancy_upscaling}
    return _decoded(DECODE_JPEG, contents, channels, uint8, name, **attrs)


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """Return the pixels of a BMP file, [height, width, channels] of uint8; it needs Pillow."""
    return _decoded(DECODE_BMP, contents, channels, uint8, name)


def decode_image(
    contents: Any,
    channels: int | None = None,
    dtype: Any = uint8,
    name: str | None = None,
    expand_animations: bool = True,
) -> Tensor:
    """Return the pixels of a PNG, JPEG, GIF or BMP file, whichever it is.

    A GIF gives [frames, height, width, 3], unless ``expand_animations`` is False: then its first
    frame.  A float ``dtype`` scales pixels to 0 to 1.
    """
    wanted = as_dtype(dtype)
    if wanted not in (uint8, uint16, float32):
        raise InvalidArgumentError(None, None, f"decode_image gives no {wanted!r} pixels.")
    given = convert_to_tensor(contents, string)
    return _decode_image(
        given, channels or 0, wanted, expand_animations, name=name or "decode_image"
    )


@op("EncodePng")
class _encode_png(StringOp):
    """The PNG file of an image, or of each of several."""

    work = 5e6

    def compute(self, image: Any, *, compression: int) -> Any:
        rows = image.reshape(-1, *image.shape[-3:])
        files = string_vector([png.png_bytes(row, compression) for row in rows])
        return files.reshape(image.shape[:-3])

    def infer(self, image: TensorSpec, *, compression: int) -> TensorSpec:
        if image.dtype not in (uint8, uint16, None):
            raise ValueError(f"PNG takes uint8 or uint16, not {image!r}")
        return TensorSpec(None if image.shape is None else image.shape[:-3], string)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """Return the PNG file of ``image``, [height, width, 1 to 4 channels] of uint8 or uint16."""
    return _encode_png(convert_to_tensor(image), compression, name=name or "EncodePng")


def jpeg_bytes(image: np.ndarray, **options: Any) -> bytes:
    """Return the JPEG file of ``image`` [height, width, 1 or 3], written with Pillow's options."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    out = io.BytesIO()
    _image_module("JPEG").fromarray(pixels).save(out, "JPEG", **options)
    return out.getvalue()


@op("EncodeJpeg")
class _encode_jpeg(StringOp):
    """The JPEG file of an image."""

    work = 5e6

    def compute(
        self, image: Any, *, quality: int, progressive: bool, optimize: bool,
        chroma_downsampling: bool,
    ) -> Any:  # fmt: skip
        options = {"quality": quality, "progressive": progressive, "optimize": optimize}
        if image.shape[-1] == 3:
            options["subsampling"] = 2 if chroma_downsampling else 0
        return np.array(jpeg_bytes(image, **options), object)

    def infer(self, image: TensorSpec, **_attrs: Any) -> TensorSpec:
        if image.dtype not in (uint8, None) or image.rank not in (3, None):
            raise ValueError(f"JPEG takes [height, width, 1 or 3] of uint8, not {image!r}")
        return TensorSpec((), string)


def encode_jpeg(
    image: Any,
    format: str = "",
    quality: int = 95,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
    density_unit: str = "in",
    x_density: int = 300,
    y_density: int = 300,
    xmp_metadata: str = "",
    name: str | None = None,
) -> Tensor:
    """Return the JPEG file of ``image``, [height, width, 1 or 3] of uint8; it needs Pillow.

    ``quality`` is 1 to 100; ``chroma_downsampling`` keeps one colour for four pixels.  A density
    and metadata are not written.
    """
    attrs = {
        "quality": quality, "progressive": progressive, "optimize": optimize_size,
        "chroma_downsampling": chroma_downsampling,
    }  # fmt: skip
    return apply(_encode_jpeg.opdef, (convert_to_tensor(image),), attrs, name or "EncodeJpeg")
