"""Rows of the case table, and arrays from them.

In: ``row("add subtract", T(2, 3), T(3))``: names and arguments, in which ``T`` stands for a random
array whose dtype is that of the case.  Out: values, the same in every run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

LETTERS = {
    "f": "float32", "d": "float64", "i": "int32", "l": "int64", "b": "bool", "u": "uint8",
    "c": "complex64", "h": "float16", "z": "complex128", "s": "int8",
}  # fmt: skip
ALL = "fdilbuc"


class Drawn(NamedTuple):
    """A random array: uniform numbers of [low, high] in the dtype of the case, or in ``dtype``."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: str = ""


class Row(NamedTuple):
    """Arguments for each op of ``ops``, in each dtype of ``dtypes``."""

    ops: tuple[str, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dtypes: str
    through: str
    differentiated: int | None
    program: str


def row(
    ops: str, *args: Any, dtypes: str = "f", through: str = "", differentiated: int | None = None,
    program: str = "", **kwargs: Any,
) -> Row:  # fmt: skip
    """Return a row; see ``evaluate.Case`` for ``through``, ``differentiated`` and ``program``."""
    return Row(tuple(ops.split()), args, kwargs, dtypes, through, differentiated, program)


def T(*shape: int, low: float = -2.0, high: float = 2.0, dtype: str = "") -> Drawn:
    return Drawn(shape, low, high, dtype)


def A(value: Any, dtype: str = "float32") -> np.ndarray:
    """Return a given array, fed in this dtype whatever that of the case is."""
    return np.array(value, dtype)


def I(value: Any) -> np.ndarray:  # noqa: E743 - short, as T and A
    return np.array(value, "int32")


def B(value: Any) -> np.ndarray:
    """Return strings, of any shape."""
    return np.array(value, object)


def S(indices: Any, values: Any, shape: Any) -> dict[str, Any]:
    """Return what a sparse tensor is made of."""
    found = np.array(indices, "int64").reshape(len(indices), len(shape))
    return {"indices": found, "values": values, "dense_shape": np.array(shape, "int64")}


def generator(*key: Any) -> np.random.Generator:
    """Return a generator that depends on ``key`` alone."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def fill(tree: Any, dtype: str, rng: np.random.Generator) -> Any:
    """Return ``tree`` with arrays in the place of ``Drawn``."""
    if isinstance(tree, Drawn):
        return draw(tree, tree.dtype or dtype, rng)
    if type(tree) in (list, tuple):
        return type(tree)(fill(item, dtype, rng) for item in tree)
    if isinstance(tree, dict):
        return {k: fill(v, dtype, rng) for k, v in tree.items()}
    return tree


def draw(wanted: Drawn, dtype: str, rng: np.random.Generator) -> np.ndarray:
    kind = np.dtype(dtype).kind
    low, high, shape = wanted.low, wanted.high, wanted.shape
    if kind == "b":
        return np.asarray(rng.random(shape) > 0.5)
    if kind in "iu":
        # The default interval would give few different integers.
        low, high = (-7, 7) if (low, high) == (-2.0, 2.0) else (np.ceil(low), np.floor(high))
        low = max(low, 0) if kind == "u" else low
        return np.asarray(rng.integers(int(low), max(int(high), int(low)) + 1, shape)).astype(dtype)
    value = rng.uniform(low, high, shape)
    if kind == "c":
        value = value + 1j * rng.uniform(low, high, shape)
    return np.asarray(value).astype(dtype)


def expanded(rows: list[Row]) -> Iterator[tuple[str, str, list[Any], dict[str, Any], Row, bool]]:
    """Yield op, label, arguments, keywords and row; the last is whether it is the first dtype."""
    for number, r in enumerate(rows):
        for op in r.ops:
            for letter in r.dtypes:
                dtype = LETTERS[letter]
                rng = generator(op, number, dtype)
                args = [fill(a, dtype, rng) for a in r.args]
                kwargs, first = fill(r.kwargs, dtype, rng), letter == r.dtypes[0]
                yield op, f"row {number} {dtype}", args, kwargs, r, first
