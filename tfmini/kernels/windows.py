"""Sliding windows over images: where they lie, and views that show them without copying.

In:  shapes and arrays [batch, *spatial, channels]; window sizes, strides, dilations and padding.
Out: `Windows`, padded blocks of images, views of them, and sums over windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tfmini.kernels.blocks import compute_dtype

Ints = int | Sequence[int]  # one for all spatial dimensions, or one for each
Padding = str | Sequence[tuple[int, int]]  # "SAME", "VALID" or (before, after) for each dimension
Shape = Sequence[Any]  # of int or None


class Windows(NamedTuple):
    """Where the windows lie; each field has one entry for each spatial dimension."""

    size: tuple[Any, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[Any, ...]  # of (before, after)
    output: tuple[Any, ...]  # how many windows there are

    @property
    def is_padded(self) -> bool:
        return any(map(any, self.pads))

    @property
    def extents(self) -> list[int]:
        """How far a window reaches, from its first tap to its last."""
        pairs = zip(self.size, self.dilations, strict=True)
        return [(size - 1) * dilation + 1 for size, dilation in pairs]

    @property
    def apart(self) -> bool:
        """Whether no two windows overlap."""
        return all(s >= e for s, e in zip(self.strides, self.extents, strict=True))

    def cover(self, padded: Sequence[int]) -> bool:
        """Whether each element of a padded image is in just one window."""
        lines = zip(self.output, self.size, padded, strict=False)
        return self.apart and all(count * size == length for count, size, length in lines)

    @property
    def taps(self) -> list[tuple[int, ...]]:
        """The index of every tap of the kernel, in row-major order."""
        return list(np.ndindex(*self.size))

    def padded(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial shape of the images with their padding."""
        pairs = zip(spatial, self.pads, strict=True)
        return tuple(before + length + after for length, (before, after) in pairs)

    def interior(self, spatial: Sequence[int]) -> tuple[slice, ...]:
        """Return the index of the images inside their padding."""
        pairs = zip(spatial, self.pads, strict=True)
        return (slice(None), *(slice(before, before + length) for length, (before, _) in pairs))


def place_windows(
    spatial: Shape, size: Any, strides: Ints, padding: Padding, dilations: Ints
) -> Windows:
    """Return the `Windows` of the given ``size`` over images of shape ``spatial``.

    ``strides`` and ``dilations`` are one int for all dimensions or one for each; ``padding`` is
    "SAME", "VALID" or a (before, after) pair for each dimension. A None in ``spatial`` or ``size``
    gives None in ``pads`` and ``output``. The formulas are those of TensorFlow's
    ``GetWindowedOutputSizeVerbose`` (core/framework/common_shape_fns.cc).
    """
    rank = len(spatial)
    size = _per_dimension("window size", size, rank)
    strides = _per_dimension("strides", strides, rank)
    dilations = _per_dimension("dilations", dilations, rank)
    each: tuple[Any, ...]
    if not isinstance(padding, str):
        each = tuple((int(before), int(after)) for before, after in padding)
        if len(each) != rank or any(pad < 0 for pair in each for pad in pair):
            raise ValueError(f"padding {each} must be {rank} pairs of numbers >= 0")
    elif padding in ("SAME", "VALID"):
        each = (padding,) * rank
    else:
        raise ValueError(f'padding is {padding!r}, must be "SAME", "VALID" or pairs')
    placed = [_place(*d) for d in zip(spatial, size, strides, dilations, each, strict=True)]
    pads, output = zip(*placed, strict=True) if placed else ((), ())
    return Windows(size, strides, dilations, pads, output)


def _place(length: Any, size: Any, stride: int, dilation: int, padding: Any) -> tuple[Any, Any]:
    """Return ((before, after), number of windows) along one dimension."""
    if length is None or size is None:
        # SAME needs no window size to count windows.
        known = length is not None and padding == "SAME"
        return None, -(-length // stride) if known else None
    extent = (size - 1) * dilation + 1
    if padding == "SAME":
        output = -(-length // stride)
        total = max((output - 1) * stride + extent - length, 0)
        return (total // 2, total - total // 2), output
    before, after = (0, 0) if padding == "VALID" else padding
    room = length + before + after - extent
    if room <= -2 * stride:  # between, TensorFlow says zero windows
        raise ValueError(
            f"a window of {size} (dilation {dilation}) does not fit into {length} with padding "
            f"({before}, {after})"
        )
    return (before, after), max(room + stride, 0) // stride


def _per_dimension(name: str, value: Any, rank: int) -> tuple[Any, ...]:
    values = (int(value),) * rank if np.ndim(value) == 0 else tuple(value)
    if len(values) != rank or any(v is not None and v < 1 for v in values):
        raise ValueError(f"{name} {value} must be one or {rank} numbers >= 1")
    return values


def place_filters(
    x_shape: Shape, w_shape: Shape, strides: Ints, padding: Padding, dilations: Ints
) -> Windows:
    """Return the `Windows` of filters [*kernel, channels, filters]; raise if they don't suit."""
    if len(x_shape) != len(w_shape) or len(x_shape) < 3:
        raise ValueError(
            f"images {tuple(x_shape)} and filters {tuple(w_shape)} must be "
            "[batch, *spatial, channels] and [*kernel, channels, filters]"
        )
    if None not in (x_shape[-1], w_shape[-2]) and x_shape[-1] != w_shape[-2]:
        raise ValueError(f"images have {x_shape[-1]} channels, filters expect {w_shape[-2]}")
    return place_windows(x_shape[1:-1], w_shape[:-2], strides, padding, dilations)


def check_gradient(grad: np.ndarray, expected: Sequence[int]) -> None:
    """Raise ValueError unless ``grad`` has the shape of the forward output."""
    if grad.shape != expected:
        raise ValueError(f"gradient has shape {grad.shape}, the output has {expected}")


# ---- views of images -----------------------------------------------------------------------------


def padder(
    x: np.ndarray, windows: Windows, most: int, fill: Any = 0
) -> Callable[[slice], np.ndarray]:
    """Return a function from ``images``, at most ``most``, to ``x[images]`` with its padding.

    It returns the same buffer each time, or a view of ``x`` if there is nothing to pad: do not
    write its result, and do not keep it.
    """
    if not windows.is_padded:
        return lambda images: x[images]
    spatial = x.shape[1:-1]
    buffer = np.full((most, *windows.padded(spatial), x.shape[-1]), fill, x.dtype)
    inside = windows.interior(spatial)

    def pad(images: slice) -> np.ndarray:
        padded = buffer[: images.stop - images.start]
        padded[inside] = x[images]
        return padded

    return pad


def window_view(padded: np.ndarray, windows: Windows) -> np.ndarray:
    """View [batch, *padded, channels] as [*kernel, batch, *output, channels], without copying.

    So ``view[tap]`` is what one tap of the kernel sees in all windows. No two windows share an
    element there: ``view[tap] += tile`` is safe, which it is not for more taps at once.
    """
    batch, *spatial, channel = padded.strides
    steps = [step * stride for step, stride in zip(spatial, windows.strides, strict=True)]
    taps = [step * dilation for step, dilation in zip(spatial, windows.dilations, strict=True)]
    return as_strided(
        padded,
        (*windows.size, len(padded), *windows.output, padded.shape[-1]),
        (*taps, batch, *steps, channel),
    )


def scatter_blocks(
    out: np.ndarray, windows: Windows, blocks: Iterable[slice], most: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield ``images`` and a `window_view` of ``out[images]`` for each ``images`` of ``blocks``.

    What the caller adds to its taps, with `add_share` or `add_shares`, is summed up in ``out``: the
    adjoint of reading windows.
    """
    spatial, compute = out.shape[1:-1], compute_dtype(out.dtype)
    frame = (*windows.padded(spatial), out.shape[-1])
    in_place = not windows.is_padded and out.dtype == compute
    buffer = None if in_place else np.empty((most, *frame), compute)
    inside = windows.interior(spatial)
    for images in blocks:
        padded = out[images] if buffer is None else buffer[: images.stop - images.start]
        if not windows.cover(frame):
            padded.fill(0)
        yield images, window_view(padded, windows)
        if buffer is not None:
            out[images] = padded[inside]


def add_share(part: np.ndarray, share: np.ndarray, windows: Windows) -> None:
    """Add ``share`` to ``part``, one tap of a view from `scatter_blocks`."""
    if windows.apart:  # nothing is there yet
        part[...] = share
    else:
        part += share


def add_shares(view: np.ndarray, shares: np.ndarray, windows: Windows) -> None:
    """Add ``shares``, like ``view``, to all taps."""
    if windows.apart:  # all at once, to write in the order of memory
        view[...] = shares
    else:
        for tap in windows.taps:
            view[tap] += shares[tap]
