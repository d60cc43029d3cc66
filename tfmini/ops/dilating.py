"""Windows with gaps by way of the batch: ``with_space_to_batch``; windows of volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, joining
from tfmini.ops.blocks import (
    batch_to_space_nd,
    required_space_to_batch_paddings,
    space_to_batch_nd,
)
from tfmini.ops.padding import pad
from tfmini.ops.windows import channels_first, padding_of, spatial


def with_space_to_batch(
    input: Any, dilation_rate: Sequence[int], padding: str, op: Callable[..., Tensor],
    filter_shape: Any = None, spatial_dims: Sequence[int] | None = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Return what ``op`` gives with gaps of ``dilation_rate`` between the pixels of its windows.

    Pixels that are a rate apart become images of their own, which ``op`` takes as they are.

    Parameters
    ----------
    input : images, of known rank
    dilation_rate : a number for each spatial dimension, 1 or more
    padding : "SAME" or "VALID"
    op : function of (images, num_spatial_dims, padding)
    filter_shape : the window's sides come first in it; needed for "SAME"
    spatial_dims : which dimensions are spatial; default: those after the batch (and channels)
    """
    x, rates = convert_to_tensor(input), [int(r) for r in dilation_rate]
    wanted = padding_of(padding, len(rates))
    first = channels_first(data_format)
    dims = sorted(spatial_dims or [i + 1 + first for i in range(len(rates))])
    if len(dims) != len(rates) or min(rates) < 1 or dims[0] < 1:
        raise InvalidArgumentError(
            None, None, f"rates {rates} must be 1 or more, one for each of dimensions {dims}."
        )
    if max(rates) == 1:
        return op(x, num_spatial_dims=len(rates), padding=padding)
    ends = [(0, 0)] * len(rates)
    if wanted == "SAME":
        if filter_shape is None:
            raise InvalidArgumentError(None, None, "padding SAME needs filter_shape.")
        sides = [int(n) for n in list(filter_shape)[: len(rates)]]
        spare = [(n - 1) * rate for n, rate in zip(sides, rates, strict=True)]
        ends = [(n // 2, n - n // 2) for n in spare]
    # Dimensions before the last spatial one that are not spatial are blocks of 1.
    blocks, base = [1] * dims[-1], [(0, 0)] * dims[-1]
    for dim, rate, pair in zip(dims, rates, ends, strict=True):
        blocks[dim - 1], base[dim - 1] = rate, pair
    sizes = array.shape(x)[1 : dims[-1] + 1]
    paddings, crops = required_space_to_batch_paddings(sizes, blocks, np.array(base, np.int32))
    cut = space_to_batch_nd(x, blocks, paddings)
    return batch_to_space_nd(
        op(cut, num_spatial_dims=len(rates), padding="VALID"), blocks, crops
    )  # fmt: skip


def extract_volume_patches(
    input: Any, ksizes: Any, strides: Any, padding: str, name: str | None = None
) -> Tensor:
    """Return windows of volumes [b, d, h, w, c] as [b, planes, rows, columns, kd * kh * kw * c].

    Parameters
    ----------
    ksizes, strides : [1, depth, height, width, 1]: of the windows, and between them
    padding : "SAME" (the sides must be known then) or "VALID"
    """
    x = convert_to_tensor(input)
    sizes, steps = spatial("ksizes", ksizes, 3), spatial("strides", strides, 3)
    if padding_of(padding, 3) == "SAME":
        x = _bordered(x, sizes, steps)
    sides = array.shape(x)
    parts = []
    for offset in np.ndindex(*sizes):
        index: list[Any] = [slice(None)]
        for i, (at, step) in enumerate(zip(offset, steps, strict=True)):
            index.append(slice(at, sides[i + 1] - sizes[i] + at + 1, step))
        parts.append(x[tuple(index)])
    return joining.concat(parts, 4, name or "ExtractVolumePatches")


def _bordered(x: Tensor, sizes: Sequence[int], steps: Sequence[int]) -> Tensor:
    shape = x.spec.shape or ()
    if len(shape) != 5 or None in shape[1:4]:
        raise InvalidArgumentError(
            None, None, f"padding SAME needs volumes of known sides, not {x.shape}."
        )
    pairs = [(0, 0)]
    for n, size, step in zip(shape[1:4], sizes, steps, strict=True):
        spare = max((-(-(n or 0) // step) - 1) * step + size - (n or 0), 0)
        pairs.append((spare // 2, spare - spare // 2))
    return pad(x, [*pairs, (0, 0)])
