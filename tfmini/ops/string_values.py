"""The elements of string tensors: bytes, which most are, or text.

In: an element, however it is held.  Out: its bytes, its text, or elements as a vector.  Text is
UTF-8; bytes that are not come through as they are (``surrogateescape``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.opdef import Cost, OpDef
from tfmini.spec import TensorSpec


def as_text(value: Any) -> str:
    """Return the value of a scalar string as text."""
    item = value.item() if isinstance(value, np.ndarray) else value
    return item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else str(item)


def as_bytes(value: Any) -> bytes:
    """Return the value of a scalar string as bytes."""
    item = value.item() if isinstance(value, np.ndarray) else value
    return item if isinstance(item, bytes) else str(item).encode("utf-8", "surrogateescape")


def string_vector(values: Sequence[Any]) -> np.ndarray:
    """Return strings as a vector of them; NumPy would give bytes a length."""
    out = np.empty(len(values), object)
    out[:] = values
    return out


def of_each(strings: np.ndarray, function: Callable[[bytes], Any]) -> list[Any]:
    """Return ``function`` of each element of a vector; of equal ones it is called once."""
    found: dict[bytes, Any] = {}
    out = []
    for item in strings:
        text = item if isinstance(item, bytes) else as_bytes(item)
        if text not in found:
            found[text] = function(text)
        out.append(found[text])
    return out


class StringOp(OpDef):
    """Base of operations whose work depends on what a string holds, or on a file.

    ``work`` is a guess of it: as many additions as would take the same time.
    """

    work = 2e4

    gradient = None
    tested_by = "tests of files and of parsing: samples are numbers"

    def cost(self, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        return Cost(self.work, self.work)
