"""Summaries: values as messages for TensorBoard.

In: tags and values.  Out: serialized ``Summary`` messages, as scalar string tensors.
"""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError
from tfmini.formats.events import Summary, SummaryMetadata
from tfmini.formats.histogram import histogram
from tfmini.formats.png import png_bytes
from tfmini.formats.tensors import make_tensor_proto
from tfmini.formats.wire import records
from tfmini.opdef import Cost, OpDef, nbytes
from tfmini.ops.string_values import as_text
from tfmini.spec import TensorSpec

_FLOPS = 1e4  # making a message takes as long as so many additions
_TOO_SMALL = 1e-6  # images whose largest value is below stay black


class _SummaryOp(OpDef):
    """Base of what makes one message."""

    gradient = None

    def infer(self, *inputs: TensorSpec, **_attrs: Any) -> TensorSpec:
        return TensorSpec((), string)

    def cost(self, *inputs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(_FLOPS + 10.0 * nbytes(*inputs), nbytes(*inputs))


def _message(data: bytes) -> np.ndarray:
    """Return bytes as a scalar; NumPy's own byte strings lose zeros at their ends."""
    out = np.empty((), object)
    out[()] = data
    return out


@op("ScalarSummary")
class _scalar_summary(_SummaryOp):
    """One number per tag."""

    samples = [("loss", np.float64(1.5)), (["a", "b"], [1.0, 2.0])]
    bad_samples = [(["a", "b"], [1.0], InvalidArgumentError)]

    def compute(self, tags: Any, values: Any) -> Any:
        names, numbers = np.asarray(tags, object), np.asarray(values)
        if names.shape != numbers.shape:
            raise InvalidArgumentError(
                None,
                None,
                f"a scalar summary takes one number for each tag: tags have shape {names.shape}, "
                f"values {numbers.shape}",
            )
        summary = Summary()
        for name, number in zip(names.ravel(), numbers.ravel(), strict=True):
            summary.value.add(tag=as_text(name), simple_value=float(number))
        return _message(summary.SerializeToString())


@op("HistogramSummary")
class _histogram_summary(_SummaryOp):
    """The distribution of a tensor's values."""

    samples = [("h", (3, 4)), ("h", ())]
    bad_samples = [("h", [np.nan], InvalidArgumentError)]

    def compute(self, tag: Any, values: Any) -> Any:
        summary = Summary()
        summary.value.add(tag=as_text(tag), histo=histogram(values, as_text(tag)))
        return _message(summary.SerializeToString())


@op("ImageSummary")
class _image_summary(_SummaryOp):
    """Images of shape (batch, height, width, 1, 3 or 4 channels), the first ``max_images``."""

    samples = [("i", (2, 3, 4, 1), {"max_images": 1}), ("i", (2, 3, 4, 3), {"max_images": 3})]
    bad_samples = [("i", (3, 4, 1), InvalidArgumentError)]

    def compute(
        self, tag: Any, tensor: Any, *, max_images: int = 3,
        bad_color: tuple[int, ...] = (255, 0, 0, 255),
    ) -> Any:  # fmt: skip
        images = np.asarray(tensor)
        if images.ndim != 4 or images.shape[3] not in (1, 3, 4):
            raise InvalidArgumentError(
                None, None, f"images are (batch, height, width, 1, 3 or 4), not {images.shape}"
            )
        summary = Summary()
        for i, image in enumerate(images[:max_images]):
            number = f"/{i}" if max_images > 1 else ""
            value = summary.value.add(tag=f"{as_text(tag)}/image{number}")
            height, width, channels = image.shape
            value.image.height, value.image.width = height, width
            value.image.colorspace = channels
            pixels = image if image.dtype == np.uint8 else _pixels(image, bad_color)
            value.image.encoded_image_string = png_bytes(pixels)
        return _message(summary.SerializeToString())


def _pixels(image: np.ndarray, bad_color: tuple[int, ...]) -> np.ndarray:
    """Return real numbers as bytes: 0 is black, or 128 where there are negative ones."""
    finite = np.isfinite(image).all(axis=2)
    values = image.astype(np.float32)[finite]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    extent = max(abs(low), abs(high)) if low < 0 else high
    span, offset = (127.0, 128.0) if low < 0 else (255.0, 0.0)
    scale = span / extent if extent >= _TOO_SMALL else 0.0
    out = np.empty(image.shape, np.uint8)
    out[finite] = (values * np.float32(scale) + np.float32(offset)).astype(np.uint8)
    out[~finite] = np.resize(np.array(bad_color, np.uint8), image.shape[2])
    return out


@op("AudioSummaryV2")
class _audio_summary(_SummaryOp):
    """Sounds of shape (batch, frames) or (batch, frames, channels), within -1 and 1."""

    samples = [("a", (2, 8), 8000.0), ("a", (1, 8, 2), 8000.0)]

    def compute(self, tag: Any, tensor: Any, sample_rate: Any, *, max_outputs: int = 3) -> Any:
        sounds = np.asarray(tensor)
        if sounds.ndim not in (2, 3):
            raise InvalidArgumentError(
                None, None, f"sounds are (batch, frames) or (batch, frames, channels), not "
                f"{sounds.shape}"
            )  # fmt: skip
        summary = Summary()
        for i, sound in enumerate(sounds[:max_outputs]):
            number = f"/{i}" if max_outputs > 1 else ""
            channels = sound.shape[1] if sound.ndim == 2 else 1
            audio = summary.value.add(tag=f"{as_text(tag)}/audio{number}").audio
            audio.sample_rate = float(sample_rate)
            audio.num_channels = channels
            audio.length_frames = sound.shape[0]
            audio.encoded_audio_string = _wav(sound, channels, float(sample_rate))
            audio.content_type = "audio/wav"
        return _message(summary.SerializeToString())


def _wav(sound: np.ndarray, channels: int, sample_rate: float) -> bytes:
    """Return a sound as a WAV file of 16-bit samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(round(sample_rate))
        samples = np.clip(np.rint(np.asarray(sound, np.float32) * 32768), -32768, 32767)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@op("TensorSummaryV2")
class _tensor_summary(_SummaryOp):
    """A tensor as it is, with what TensorBoard's plugin for it needs."""

    samples = [("t", (2, 3), "")]

    def compute(self, tag: Any, tensor: Any, serialized_summary_metadata: Any) -> Any:
        summary = Summary()
        value = summary.value.add(tag=as_text(tag))
        value.tensor.CopyFrom(make_tensor_proto(tensor))
        metadata = np.asarray(serialized_summary_metadata, object).item()
        if metadata:
            value.metadata.CopyFrom(SummaryMetadata.FromString(metadata))
        return _message(summary.SerializeToString())


@op("MergeSummary")
class _merge_summary(_SummaryOp):
    """All values of several messages as one; InvalidArgumentError if two have one tag."""

    samples = [(b"", b"\n\x08\n\x01a\x15\x00\x00\x80?")]

    def compute(self, *inputs: Any) -> Any:
        parts = [s for given in inputs for s in np.asarray(given, object).ravel()]
        seen: set[bytes] = set()
        for tag in [t for part in parts for t in _tags(part)]:
            if tag in seen:
                raise InvalidArgumentError(
                    None, None, f"Duplicate tag {tag.decode()} found in summary inputs"
                )
            seen.add(tag)
        return _message(b"".join(parts))  # lists one after the other are one list


def _tags(summary: bytes) -> list[bytes]:
    return [
        tag
        for field, _, value in records(summary)
        if field == 1
        for number, _, tag in records(value)
        if number == 1
    ]
