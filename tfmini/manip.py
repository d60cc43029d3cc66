"""``tf.manip``: moving elements about."""

from __future__ import annotations

from tfmini.ops.array import reshape
from tfmini.ops.blocks import batch_to_space_nd, space_to_batch_nd
from tfmini.ops.indexing import gather_nd
from tfmini.ops.layout import reverse, roll, tile
from tfmini.ops.scattering import scatter_nd

__all__ = [
    "batch_to_space_nd", "gather_nd", "reshape", "reverse", "roll", "scatter_nd",
    "space_to_batch_nd", "tile",
]  # fmt: skip
