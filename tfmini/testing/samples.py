"""Samples: what an op type gives in ``samples``, made into values.

In: tuples such as ``((2, 3), (3,), {"axis": 1})``.  Out: ``Sample``s with arrays.

An item that is a tuple of ints is a shape and becomes random float64 data, uniform in the class's
``domain = (low, high)`` (a tuple of such pairs: one for each input); an array, list or number is
the value itself, converted as the op's function would convert it; a trailing dict gives
attributes.  An op that takes a list of tensors gets all items as the list.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from inspect import Parameter
from typing import Any, NamedTuple

import numpy as np

from tfmini.dtypes import DType, as_dtype
from tfmini.opdef import OpDef
from tfmini.spec import as_array
from tfmini.testing.report import Fault

DOMAIN = (-2.0, 2.0)


class Sample(NamedTuple):
    """One call: ``inputs`` are arrays (read-only); ``drawn`` says which of them are random."""

    label: str
    inputs: tuple[np.ndarray, ...]
    attrs: dict[str, Any]
    drawn: tuple[bool, ...]
    numbers: tuple[Any, ...]  # the Python number that an input was given as, else None

    def replaced(self, inputs: Sequence[Any], label: str = "") -> Sample:
        """Return the sample with other arrays."""
        return self._replace(
            inputs=tuple([frozen(x) for x in inputs]), label=f"{self.label}{label}"
        )


def frozen(value: Any) -> np.ndarray:
    """Return a contiguous copy that can't be written to."""
    array = np.array(value, order="C")
    array.flags.writeable = False
    return array


def materialise(opdef: OpDef, index: int, item: Any) -> Sample:
    """Return sample ``index`` of ``opdef``, with values."""
    if not isinstance(item, tuple):
        raise Fault(f"sample {index} is {item!r}; a sample is a tuple of inputs")
    items = list(item)
    given: dict[str, Any] = items.pop() if items and isinstance(items[-1], dict) else {}
    label = f"sample {index} {_brief(item)}"
    _check_schema(opdef, label, items, given)
    rng = np.random.default_rng([zlib.crc32(opdef.type.encode()), index])
    drawn = tuple([is_shape(x) for x in items])
    hint = _hint(items) if opdef.same_dtype else None
    inputs = []
    for i, x in enumerate(items):
        low, high = domain_of(opdef, i)
        inputs.append(frozen(rng.uniform(low, high, x) if drawn[i] else as_value(x, hint)))
    defaults = {k: v for k, v in opdef.schema.attrs.items() if v is not Parameter.empty}
    numbers = tuple([x if type(x) in (int, float, complex) else None for x in items])
    return Sample(label, tuple(inputs), {**defaults, **given}, drawn, numbers)


def as_value(x: Any, hint: DType | None) -> np.ndarray:
    """Return an item that is no shape as an array, as the op's function converts it."""
    return np.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else as_array(x, hint)


def is_shape(item: Any) -> bool:
    return isinstance(item, tuple) and all(type(n) is int for n in item)


def domain_of(opdef: OpDef, index: int) -> tuple[float, float]:
    """Return the interval that random data for input ``index`` come from."""
    domain = getattr(opdef, "domain", DOMAIN)
    if isinstance(domain[0], (tuple, list)):
        domain = domain[min(index, len(domain) - 1)]
    return domain[0], domain[1]


def _hint(items: Sequence[Any]) -> DType | None:
    for x in items:
        if is_shape(x):
            return as_dtype(np.float64)
        if isinstance(x, (np.ndarray, np.generic)):
            return as_dtype(x.dtype)
    return None


def _check_schema(opdef: OpDef, label: str, items: list[Any], attrs: dict[str, Any]) -> None:
    schema = opdef.schema
    most = len(schema.inputs)
    if not schema.variadic and not most - schema.optional <= len(items) <= most:
        raise Fault(
            f"{label} gives {len(items)} inputs; compute takes {', '.join(schema.inputs) or 'none'}"
        )
    unknown = sorted(set(attrs) - set(schema.attrs))
    if unknown:
        raise Fault(f"{label} gives attributes that compute lacks: {', '.join(unknown)}")
    needed = {k for k, v in schema.attrs.items() if v is Parameter.empty} - set(attrs)
    if needed:
        raise Fault(f"{label} lacks the attributes {', '.join(sorted(needed))}")


def _brief(item: Any) -> str:
    text = " ".join(repr(item).split())
    return text if len(text) <= 70 else text[:67] + "..."
