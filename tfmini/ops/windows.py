"""What convolutions and pools are told about their windows, in TensorFlow's many spellings.

In: ``strides``, ``dilations`` or window sizes as an int, one for each spatial dimension, or one for
each dimension; paddings as a word or as pairs; a data format.  Out: plain tuples, one entry for
each spatial dimension, and images with their channels last.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array
from tfmini.shapes import Shape, format_shape

_CHANNELS_LAST = ("NHWC", "NWC", "NDHWC")
_CHANNELS_FIRST = ("NCHW", "NCW", "NCDHW")


def channels_first(data_format: str | None) -> bool:
    """Whether ``data_format`` ("NCHW", "NHWC", None...) has channels before space."""
    if data_format is None or data_format in (*_CHANNELS_LAST, "N...C"):
        return False
    if data_format in (*_CHANNELS_FIRST, "NC..."):
        return True
    known = ", ".join((*_CHANNELS_LAST, *_CHANNELS_FIRST))
    raise InvalidArgumentError(None, None, f"data_format={data_format!r}: use one of {known}.")


def to_channels_last(x: Tensor, space: int) -> Tensor:
    """Return ``x`` [batch, channels, *spatial] as [batch, *spatial, channels]."""
    return array.transpose(x, (0, *range(2, space + 2), 1))


def to_channels_first(x: Tensor, space: int) -> Tensor:
    """Return ``x`` [batch, *spatial, channels] as [batch, channels, *spatial]."""
    return array.transpose(x, (0, space + 1, *range(1, space + 1)))


def of_rank(shape: Shape, rank: int) -> Any:
    """Return a static shape, of unknown dimensions if need be; ValueError if its rank differs."""
    if shape is not None and len(shape) != rank:
        raise ValueError(
            f"{rank} dimensions are wanted, shape {format_shape(shape)} has {len(shape)}; use "
            f"tf.reshape or tf.expand_dims"
        )
    return (None,) * rank if shape is None else shape


def spatial(name: str, value: Any, space: int, first: bool = False) -> tuple[int, ...]:
    """Return ``value`` (None, an int, or 1, ``space`` or ``space + 2`` of them) as one int for
    each of ``space`` spatial dimensions."""
    if value is None:
        return (1,) * space
    listed = [value] if isinstance(value, int) else [int(v) for v in value]
    if len(listed) == 1:
        return tuple(listed * space)
    if len(listed) == space:
        return tuple(listed)
    if len(listed) != space + 2:
        raise InvalidArgumentError(
            None, None, f"{name}={listed}: give 1, {space} or {space + 2} ints."
        )
    own = listed[2:] if first else listed[1:-1]
    others = (listed[0], listed[1] if first else listed[-1])
    if others != (1, 1):
        raise InvalidArgumentError(
            None, None, f"{name}={listed} must be 1 for the batch and the channels."
        )
    return tuple(own)


def padding_of(padding: Any, space: int, first: bool = False) -> Any:
    """Return ``padding`` as "SAME", "VALID" or a pair for each spatial dimension."""
    if isinstance(padding, str):
        if padding in ("SAME", "VALID"):
            return padding
        raise InvalidArgumentError(None, None, f"padding={padding!r}: use SAME, VALID or pairs.")
    if padding is None:
        raise InvalidArgumentError(None, None, "padding is missing: give SAME, VALID or pairs.")
    pairs = [tuple(int(n) for n in pair) for pair in padding]
    if len(pairs) == space + 2:
        pairs = pairs[2:] if first else pairs[1:-1]
    if len(pairs) != space or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise InvalidArgumentError(
            None, None, f"padding={padding!r}: give a pair (before, after) for each dimension."
        )
    return tuple(pairs)
