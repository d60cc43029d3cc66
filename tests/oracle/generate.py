"""The cases: from the tables, and from the ``samples`` of the operations.

In: functions of tfmini by path.  Out: cases, deterministic, those of one op together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import tfmini as tf
from tests.oracle import (
    table_array,
    table_control,
    table_files,
    table_image,
    table_index,
    table_linalg,
    table_math,
    table_nn,
    table_plugins,
    table_random,
    table_sparse,
    table_text,
    table_training,
)
from tests.oracle.draw import ALL, LETTERS, Drawn, draw, expanded, generator
from tests.oracle.evaluate import Case, lookup
from tests.oracle.names import exemptions
from tfmini.opdef import OpDef

TABLES = (
    table_math, table_array, table_image, table_index, table_linalg, table_nn, table_random,
    table_text, table_sparse, table_control, table_files, table_training, table_plugins,
)  # fmt: skip


def cases(functions: dict[str, list[str]]) -> list[Case]:
    """Return the cases of all ``functions``: paths, with the other paths of the same."""
    first = {name: path for path, others in functions.items() for name in (path, *others)}
    found: dict[str, dict[str, Case]] = {path: {} for path in functions}
    for table in TABLES:
        subject = table.__name__.rpartition("_")[2]
        for op, label, args, kwargs, row, is_first in expanded(table.ROWS):
            if op in first:
                op, label = first[op], f"{subject} {label}"
                found[op][label] = Case(
                    op, label, args, kwargs, is_first, row.through, row.differentiated, row.program
                )
    skipped = exemptions()
    for path, of_op in found.items():
        if skipped.keys() & {path, *functions[path]}:
            continue
        opdef = getattr(lookup(tf, path), "opdef", None)
        if isinstance(opdef, OpDef) and not opdef.random:
            of_op |= {case.label: case for case in of_samples(path, opdef)}
    return [case for of_op in found.values() for case in of_op.values()]


def of_samples(path: str, opdef: OpDef) -> Iterator[Case]:
    """Yield the samples of an operation, with its random inputs in every dtype."""
    for number, sample in enumerate(opdef.samples):
        items = list(sample)
        given = items.pop() if items and isinstance(items[-1], dict) else {}
        drawn = any(_is_shape(x) for x in items)
        letters = ALL.replace("f", "").replace("d", "df") if drawn else "d"
        for letter in letters:
            dtype = LETTERS[letter]
            rng = generator(path, "sample", number, dtype)
            args = [_value(opdef, i, x, dtype, drawn, rng) for i, x in enumerate(items)]
            args = [args] if opdef.schema.variadic else args
            kwargs = {k: _attribute(v) for k, v in given.items()}
            yield Case(path, f"sample {number} {dtype}", args, kwargs, letter == "d")


def _attribute(value: Any) -> Any:
    """Return an attribute as TensorFlow takes it: dtypes by name."""
    return value.name if isinstance(value, tf.DType) else value


def _is_shape(item: Any) -> bool:
    return isinstance(item, tuple) and all(type(n) is int for n in item)


def _value(
    opdef: OpDef, index: int, item: Any, dtype: str, drawn: bool, rng: np.random.Generator
) -> Any:
    if _is_shape(item):
        domain = getattr(opdef, "domain", (-2.0, 2.0))
        if isinstance(domain[0], (tuple, list)):
            domain = domain[min(index, len(domain) - 1)]
        return draw(Drawn(item, *domain), dtype, rng)
    if isinstance(item, np.ndarray) and drawn and item.dtype == np.float64:
        return item.astype(dtype)  # the inputs of one op have one dtype
    return item
