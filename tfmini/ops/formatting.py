"""Tensors written into a string: ``strings.format``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import string
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops.debugging import summary
from tfmini.ops.string_values import as_bytes, as_text
from tfmini.spec import TensorSpec

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "'": "\\'", "\\": "\\\\"}


@op("StringFormat")
class _string_format(OpDef):
    """A template with the values of tensors in it."""

    gradient = None
    samples = [
        ((3, 8), np.array(["a", 'b"'], object), np.int32(3),
         {"template": "x {} y {} z {}", "placeholder": "{}", "summarize": 2}),
        (np.array([True]), {"template": "%", "placeholder": "%", "summarize": -1}),
    ]  # fmt: skip
    bad_samples = [
        ((3,), {"template": "{} {}", "placeholder": "{}", "summarize": 3}, InvalidArgumentError)
    ]

    def compute(self, *inputs: Any, template: str, placeholder: str, summarize: int) -> Any:
        parts = template.split(placeholder)
        out = parts[0]
        for value, part in zip(inputs, parts[1:], strict=True):
            out += _written(np.asarray(value), summarize, 1) + part
        return np.array(as_bytes(out), object)

    def infer(
        self, *inputs: TensorSpec, template: str, placeholder: str, summarize: int
    ) -> TensorSpec:
        places = template.count(placeholder)
        if places != len(inputs):
            raise ValueError(f"the template has {places} places for {len(inputs)} tensors")
        return TensorSpec((), string)

    def cost(self, *inputs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(5e3 * (1 + len(inputs)), 100.0 * (1 + len(inputs)))


def _written(value: np.ndarray, edge: int, depth: int) -> str:
    """Return ``value`` with ``edge`` items at both ends of each dimension; -1: all."""
    if not value.ndim:
        return _element(value[()])
    if not value.size:
        return "[]"
    count = len(value)
    cut = edge >= 0 and count > 2 * edge
    shown = [*range(edge), *range(count - edge, count)] if cut else range(count)
    items = [_written(value[i, ...], edge, depth + 1) for i in shown]
    if cut:
        items.insert(edge, "...")
    # Rows stand below each other, with a line between for each further dimension.
    between = " " if value.ndim == 1 else "\n" * (value.ndim - 1) + " " * depth
    return f"[{between.join(items)}]"


def _element(value: Any) -> str:
    if isinstance(value, (bytes, str)):
        return '"' + "".join([_ESCAPES.get(c, c) for c in as_text(value)]) + '"'
    return summary(value, -1)


def format(
    template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return ``template`` with each placeholder replaced by the value of a tensor.

    Parameters
    ----------
    inputs : a tensor, or a list of them, one for each placeholder
    summarize : of longer dimensions so many items are written at each end; -1: all
    """
    many = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    tensors = [convert_to_tensor(value) for value in many]
    attrs = {"template": template, "placeholder": placeholder, "summarize": summarize}
    out: Tensor = apply(_string_format.opdef, tensors, attrs, name)
    return out
