"""What a layer can take: ``InputSpec``, and the check of inputs against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.shapes import as_shape, format_shape


class InputSpec:
    """The dtype, shape and rank that an input must have; what is None may be anything.

    Parameters
    ----------
    shape : with None for dimensions that may be any
    ndim, min_ndim, max_ndim : the rank, exactly or at least or at most
    axes : dict of a dimension's index to its size
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
    ) -> None:
        self.dtype = None if dtype is None else as_dtype(dtype)
        self.shape = as_shape(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(axes or {})

    def conflict(self, x: Tensor, skipped: int = 0) -> str | None:
        """Return what is wrong with ``x`` after its first ``skipped`` dimensions, or None."""
        if self.dtype is not None and x.dtype not in (None, self.dtype):
            return f"expected dtype={self.dtype.name}, found dtype={x.dtype}"
        shape = x.spec.shape
        if shape is None:
            return None
        shape = shape[skipped:]
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={rank}"
        wanted = {**self.axes, **dict(enumerate(self.shape or ()))}
        for axis, size in wanted.items():
            if size is not None and shape[axis] not in (None, size):
                return (
                    f"expected axis {axis} to have size {size}, found {shape[axis]}; an object "
                    f"keeps the variables of its first call, so make one for each size"
                )
        return None


def check(spec: Any, inputs: Sequence[Any], name: str, skipped: int = 0) -> None:
    """Raise unless ``inputs`` are what ``spec``, an ``InputSpec`` or a list of them, says.

    Their first ``skipped`` dimensions don't count: those of a sequence's steps.
    """
    if spec is None:
        return
    specs = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if len(specs) != len(inputs):
        raise InvalidArgumentError(
            None, None, f"layer {name} expects {len(specs)} inputs, but got {len(inputs)}."
        )
    for i, (one, x) in enumerate(zip(specs, inputs, strict=True)):
        wrong = one.conflict(x, skipped) if one is not None and isinstance(x, Tensor) else None
        if wrong:
            raise InvalidArgumentError(
                x.op.info, x.op,
                f"input {i} of layer {name} is incompatible with the layer: {wrong}. "
                f"Full shape received: {format_shape(x.spec.shape)}.",
            )  # fmt: skip
