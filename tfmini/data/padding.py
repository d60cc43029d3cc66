"""Elements of different lengths, padded to one shape and stacked.

In: a source, and for each component a shape and the value to pad with.  Out: a source of batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.data.source import Element, Groups, Source
from tfmini.data.structure import mapped, shape_leaves
from tfmini.dtypes import DType
from tfmini.errors import DataLossError, InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import nest
from tfmini.shapes import Shape, format_shape


def padded_shapes(form: Any, given: Any) -> list[tuple[int | None, ...]]:
    """Return the shape that each component is padded to, None where the batch decides."""
    leaves = nest.flatten(form)
    wanted: Sequence[Shape] = [s.shape for s in leaves]
    if given is not None:
        wanted = shape_leaves(form, mapped(_static_shape, given))
    out = []
    for spec, shape in zip(leaves, wanted, strict=True):
        if shape is None or (spec.shape is not None and len(spec.shape) != len(shape)):
            raise InvalidArgumentError(
                None,
                None,
                f"padded_batch: padded_shapes gives {format_shape(shape)} for a component {spec!r};"
                f" the rank must be known, and the same.",
            )
        out.append(shape)
    return out


def _static_shape(shape: Any) -> Any:
    return constant_value(shape).tolist() if isinstance(shape, Tensor) else shape


def padding_values(form: Any, given: Any) -> list[Tensor]:
    """Return a scalar tensor for each component."""
    specs = nest.flatten(form)
    values = [None] * len(specs) if given is None else nest.flatten(given)
    if len(values) == 1:
        values *= len(specs)
    return [
        convert_to_tensor(_zero(s.dtype) if v is None else v, s.dtype)
        for v, s in zip(values, specs, strict=True)
    ]


def _zero(dtype: DType | None) -> Any:
    return {"string": b"", "bool": False}.get(dtype.name if dtype else "", 0)


def padded(
    source: Source,
    size: int,
    drop_remainder: bool,
    shapes: Sequence[tuple[int | None, ...]],
    values: Sequence[Any],
) -> Source:
    """Return every ``size`` elements, padded to ``shapes`` with ``values`` and stacked."""

    def padded_and_stacked(group: list[Element]) -> Element:
        columns = zip(zip(*group, strict=True), shapes, values, strict=True)
        return tuple([padded_column(column, shape, value) for column, shape, value in columns])

    return Groups(source, size, drop_remainder, padded_and_stacked)


def padded_column(column: Sequence[Any], shape: tuple[int | None, ...], value: Any) -> np.ndarray:
    """Return values stacked, padded with ``value`` to ``shape``; None there: to the longest."""
    arrays = [np.asarray(v, object) if isinstance(v, (bytes, str)) else np.asarray(v)
              for v in column]  # fmt: skip
    longest = [max(dims) for dims in zip(*[a.shape for a in arrays], strict=True)]
    wanted = tuple([n if d is None else d for n, d in zip(longest, shape, strict=True)])
    if any([n > w for n, w in zip(longest, wanted, strict=True)]):
        raise DataLossError(
            None,
            None,
            f"padded_batch: an element is as long as {longest}, more than {format_shape(shape)}.",
        )
    if not wanted:
        return np.array([a[()] for a in arrays], arrays[0].dtype)
    fill = value.item() if isinstance(value, np.ndarray) else value
    out = np.full((len(arrays), *wanted), fill, arrays[0].dtype)
    for row, a in zip(out, arrays, strict=True):
        row[tuple([slice(n) for n in a.shape])] = a
    return out
