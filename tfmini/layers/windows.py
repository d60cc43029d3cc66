"""What convolution and pooling layers are told about windows, and the sizes that come of it."""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError

FORMATS = {
    ("channels_last", 1): "NWC", ("channels_first", 1): "NCW", ("channels_last", 2): "NHWC",
    ("channels_first", 2): "NCHW", ("channels_last", 3): "NDHWC", ("channels_first", 3): "NCDHW",
}  # fmt: skip


def ints(what: str, value: Any, space: int) -> tuple[int, ...]:
    """Return ``value``, an int or ``space`` of them, as one int for each spatial dimension."""
    try:
        listed = [int(value)] * space if not hasattr(value, "__len__") else [int(v) for v in value]
    except (TypeError, ValueError):
        listed = []
    if len(listed) != space:
        raise InvalidArgumentError(
            None, None, f"{what}={value!r}: give an int, or {space} of them."
        )
    return tuple(listed)


def padding_word(padding: str, *more: str) -> str:
    """Return ``padding`` in small letters: "valid", "same" or one of ``more``."""
    known = ("valid", "same", *more)
    if not isinstance(padding, str) or padding.lower() not in known:
        raise InvalidArgumentError(None, None, f"padding={padding!r}: use one of {known}.")
    return padding.lower()


def check_data_format(data_format: str) -> str:
    """Return ``data_format`` in small letters, or raise."""
    lower = data_format.lower()
    if lower not in ("channels_first", "channels_last"):
        raise InvalidArgumentError(
            None, None, f"data_format={data_format!r}: use 'channels_last' or 'channels_first'."
        )
    return lower


def output_length(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """Return how many windows of ``window`` elements there are in ``size``; None is unknown."""
    if size is None:
        return None
    return -(-(size if padding != "valid" else size - window + 1) // stride)


def transposed_length(size: Any, window: int, stride: int, padding: str) -> Any:
    """Return the size, a number or a tensor, of which ``size`` windows come."""
    if size is None:
        return None
    return size * stride + (max(window - stride, 0) if padding == "valid" else 0)
