"""Where the maximum of each pooling window is, and what other values are there.

In:  images ``x`` [batch, *spatial, channels] and the window, as for ``kernels/pooling.py``.
Out: positions as TensorFlow counts them: (row * width + column) * channels + channel, from 0 in
     each image; values at such positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tfmini.kernels.blocks import image_blocks, run_blocks
from tfmini.kernels.pooling import lowest, max_pool
from tfmini.kernels.windows import Ints, Padding, padder, place_windows, window_view


def max_pool_with_argmax(
    x: np.ndarray, *, ksize: Ints, strides: Ints, padding: Padding = "VALID", dilations: Ints = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return `max_pool` and the position of each window's first maximum, int64."""
    windows = place_windows(x.shape[1:-1], ksize, strides, padding, dilations)
    y = max_pool(x, ksize=ksize, strides=strides, padding=padding, dilations=dilations)
    argmax = np.zeros(y.shape, np.int64)
    blocks = image_blocks(len(x), math.prod(x.shape[1:]) * x.itemsize)
    numbers = np.arange(math.prod(x.shape[1:])).reshape(1, *x.shape[1:])
    # Positions of padding are negative, and never chosen.
    places = window_view(padder(numbers, windows, 1, -1)(slice(0, 1)), windows)

    def work(taken: Iterable[slice]) -> None:
        pad = padder(x, windows, blocks[0].stop, lowest(x))
        for images in taken:
            view, found = window_view(pad(images), windows), argmax[images]
            for tap in reversed(windows.taps):  # the first in order is written last
                hit = (view[tap] == y[images]) & (places[tap] >= 0)
                np.copyto(found, places[tap], where=hit)

    run_blocks(work, blocks)
    return y, argmax


def take_at(values: np.ndarray, argmax: np.ndarray) -> np.ndarray:
    """Return the elements of ``values`` at the positions in its image that ``argmax`` says."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    places = argmax.reshape(len(argmax), math.prod(argmax.shape[1:]))
    return np.take_along_axis(flat, places, axis=1).reshape(argmax.shape)
