"""The operations of lookup tables: their entries, and how they are found and changed.

In and out: a table's keys [n] (or [n, size], where keys are vectors) and values [n, ...], which are
the values of two variables; keys to find, and what is there.  An operation that changes a table has
the next keys and values as its outputs, so a table is as safe as any variable: a failed run changes
nothing, and each session has its own.

Attributes: ``key_shape`` is the shape of one key, () or (size,).  ``reserved`` are pairs of a name
and a key, such as ("empty_key", -1), which a dense table may not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import op
from tfmini.dtypes import DType, int64
from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.kernels.lookup import elements, places_of
from tfmini.opdef import Cost, OpDef, conflict, nbytes
from tfmini.ops.files import read
from tfmini.ops.string_values import StringOp, as_text
from tfmini.shapes import Shape, compatible, format_shape
from tfmini.spec import TensorSpec

WHOLE_LINE = -2
LINE_NUMBER = -1

Reserved = tuple[tuple[str, Any], ...]

_KEYS = np.array([b"a", b"b", b"c"], object)
_VALUES = np.array([5, 6, 7], np.int64)
_SOUGHT = np.array([[b"c", b"z"], [b"a", b"c"]], object)


class _TableOp(OpDef):
    gradient = None

    def cost(self, *specs: TensorSpec, **_attrs: Any) -> Cost:
        sought = specs[min(2, len(specs) - 1)].size
        return Cost(float("inf") if sought is None else 20.0 * sought, nbytes(*specs[1:]))


def _flat(keys: Any, key_shape: Shape) -> np.ndarray:
    """Return keys as an array [n], or [n, size]."""
    keys = np.asarray(keys)
    wanted = tuple(key_shape or ())
    if keys.shape[keys.ndim - len(wanted) :] != wanted:
        raise InvalidArgumentError(
            None, None, f"keys have shape {format_shape(keys.shape)}; each key of the table has "
            f"shape {format_shape(wanted)}.",
        )  # fmt: skip
    return keys if keys.ndim == 1 + len(wanted) else keys.reshape(-1, *wanted)


def _rows(values: Any, value_shape: Shape) -> np.ndarray:
    """Return a table's values as an array [n, ...]: TensorFlow's checkpoints of dense tables hold
    scalars as vectors of one."""
    rows: np.ndarray = np.reshape(values, (len(values), *(value_shape or ())))
    return rows


def _outer(spec: TensorSpec, key_shape: Shape) -> Shape:
    """Return the shape of an array of keys, each counted as one."""
    if spec.shape is None or not key_shape:
        return spec.shape
    return spec.shape[: max(0, len(spec.shape) - len(key_shape))]


def _forbid(keys: np.ndarray, reserved: Reserved) -> None:
    for name, key in reserved:
        if len(keys) and np.any(np.all((keys == key).reshape(len(keys), -1), axis=1)):
            raise InvalidArgumentError(
                None, None, f"Using the {name} as a table key is not allowed: {key} is given."
            )


def _kept(keys: np.ndarray, reserved: Reserved) -> Any:
    """Return which keys are not reserved: TensorFlow's checkpoints of dense tables hold such."""
    kept = np.ones(len(keys), bool)
    for _, key in reserved:
        kept &= ~np.all((keys == key).reshape(len(keys), -1), axis=1)
    return kept


@op("TableFind")
class _table_find(_TableOp):
    """The values of ``keys``, and ``default`` (one value, or one for each) of those not there."""

    samples = [(_KEYS, _VALUES, _SOUGHT, -1), (_KEYS, _VALUES, np.array(b"b", object), -1),
               (_KEYS, np.array([[1.0, 2], [3, 4], [5, 6]]), _SOUGHT, (2,), {"value_shape": (2,)}),
               (np.arange(4, 9), (5,), np.array([8, 3, 9]), 0.5),
               ([[1, 2], [3, 4]], [7, 8], [[3, 4], [4, 3]], 0, {"key_shape": (2,)}),
               (_KEYS, _VALUES, _SOUGHT, [[1, 2], [3, 4]])]  # fmt: skip
    bad_samples = [(_KEYS, _VALUES, np.array([1]), -1, InvalidArgumentError)]

    def compute(
        self, table_keys: Any, table_values: Any, keys: Any, default: Any, *,
        key_shape: Shape = (), value_shape: Shape = (), reserved: Reserved = (),
    ) -> Any:  # fmt: skip
        flat, table_values = _flat(keys, key_shape), _rows(table_values, value_shape)
        _forbid(flat, reserved)
        places = places_of(_flat(table_keys, key_shape), flat)
        there = places >= 0
        shape = np.shape(keys)[: np.ndim(keys) - len(key_shape or ())] + tuple(value_shape or ())
        if there.all() and len(table_values):
            return table_values[places].reshape(shape)
        given = np.asarray(default, table_values.dtype)
        out = np.array(np.broadcast_to(given, shape), order="C")
        rows = out.reshape(len(places), *table_values.shape[1:])
        rows[there] = table_values[places[there]]
        return out

    def infer(
        self, table_keys: TensorSpec, table_values: TensorSpec, keys: TensorSpec,
        default: TensorSpec, *, key_shape: Shape = (), value_shape: Shape = (),
        reserved: Reserved = (),
    ) -> TensorSpec:  # fmt: skip
        if None not in (table_keys.dtype, keys.dtype) and table_keys.dtype is not keys.dtype:
            raise ValueError(f"keys are {keys.dtype}, those of the table {table_keys.dtype}")
        outer = _outer(keys, key_shape)
        shape = None if outer is None else outer + tuple(value_shape or ())
        return TensorSpec(shape, table_values.dtype)

    def dims(
        self, table_keys: TensorSpec, table_values: TensorSpec, keys: TensorSpec,
        default: TensorSpec, *, key_shape: Shape = (), value_shape: Shape = (),
        reserved: Reserved = (),
    ) -> str | None:  # fmt: skip
        key, value = "[q]" * len(key_shape or ()), "[v]" * len(value_shape or ())
        if default.rank != len(value_shape or ()) or len(key + value) > 6:
            return None  # a default for each key is small work anyway
        return f"[k]{key},[k]{value},...{key},{value}->...{value}"


def _checked(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return entries without repeated keys; FailedPreconditionError if these differ in value."""
    if len(keys) != len(values):
        raise InvalidArgumentError(
            None, None, f"a table needs a value for each key: {len(keys)} keys and {len(values)} "
            f"values are given.",
        )  # fmt: skip
    first: dict[Any, int] = {}
    for place, key in enumerate(elements(keys)):
        before = first.setdefault(key, place)
        if before != place and not np.array_equal(values[before], values[place]):
            raise FailedPreconditionError(
                None, None, f"HashTable has different value for same key. Key {_shown(key)} has "
                f"{_shown(values[before])} and trying to add value {_shown(values[place])}.",
            )  # fmt: skip
    if len(first) == len(keys):
        return keys, values
    kept = list(first.values())
    return keys[kept], values[kept]


def _shown(item: Any) -> Any:
    return as_text(item) if isinstance(item, bytes) else item


@op("TableEntries")
class _table_entries(_TableOp):
    """Keys and values as a new table has them: each key once."""

    view = True
    samples = [(_KEYS, _VALUES), (np.array([3, 4, 3]), np.array([1.0, 2.0, 1.0]))]
    bad_samples = [(np.array([3, 3]), np.array([1, 2]), FailedPreconditionError),
                   ((2,), (3,), InvalidArgumentError)]  # fmt: skip

    def compute(self, keys: Any, values: Any) -> tuple[Any, Any]:
        unique, theirs = _checked(np.asarray(keys), np.asarray(values))
        return unique, np.array(theirs)

    def infer(self, keys: TensorSpec, values: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        for spec in (keys, values):
            if spec.rank not in (None, 1):
                raise conflict("keys and values must be vectors", keys=keys.shape,
                               values=values.shape)  # fmt: skip
        if not compatible(keys.shape, values.shape):
            raise conflict("a table needs a value for each key", keys=keys.shape,
                           values=values.shape)  # fmt: skip
        return TensorSpec((None,), keys.dtype), TensorSpec((None,), values.dtype)


@op("TableFromTextFile")
class _table_from_text_file(StringOp):
    """The keys and values in the lines of a file.

    ``key_index`` and ``value_index`` are columns, or WHOLE_LINE or LINE_NUMBER.
    """

    resource = True  # the file is where the session is, not on a cluster's workers
    stateful = True  # another file, another day

    def compute(
        self, filename: Any, *, key_dtype: DType, key_index: int, value_dtype: DType,
        value_index: int, vocab_size: int | None, delimiter: str, resources: Any = None,
    ) -> tuple[Any, Any]:  # fmt: skip
        name = as_text(filename)
        lines = _lines(name, vocab_size)
        columns = [_column(lines, i, delimiter, name) for i in (key_index, value_index)]
        keys, values = (
            _typed(c, t) for c, t in zip(columns, (key_dtype, value_dtype), strict=True)
        )
        return _checked(keys, values)

    def infer(
        self, filename: TensorSpec, *, key_dtype: DType, value_dtype: DType, **_attrs: Any
    ) -> tuple[TensorSpec, TensorSpec]:
        return TensorSpec((None,), key_dtype), TensorSpec((None,), value_dtype)


def _lines(name: str, size: int | None) -> list[bytes]:
    """Return the first ``size`` lines of a file (None: all)."""
    lines = read(name).replace(b"\r", b"").split(b"\n")
    if not lines[-1]:
        lines.pop()
    if size is not None and len(lines) < size:
        raise InvalidArgumentError(
            None, None, f"Invalid vocab_size in {name}: expected {size} but got {len(lines)}."
        )
    lines = lines[:size]
    if b"" in lines:
        raise InvalidArgumentError(
            None, None, f"Invalid content in {name}: line {lines.index(b'') + 1} is empty."
        )
    return lines


def _column(lines: Sequence[bytes], index: int, delimiter: str, name: str) -> Sequence[Any]:
    if index == WHOLE_LINE:
        return lines
    if index == LINE_NUMBER:
        return range(len(lines))
    out = []
    for number, line in enumerate(lines):
        fields = line.split(delimiter.encode())
        if len(fields) <= index:
            raise InvalidArgumentError(
                None, None, f"Invalid number of columns in {name} line {number} "
                f"({as_text(line)}): expected at least {index + 1} got {len(fields)}.",
            )  # fmt: skip
        out.append(fields[index])
    return out


def _typed(fields: Sequence[Any], dtype: DType) -> np.ndarray:
    """Return fields of lines as an array of ``dtype``."""
    out = np.empty(len(fields), dtype.dtype)
    if isinstance(fields, range) or dtype.dtype == object:
        out[:] = fields
        return out
    convert = int if dtype.is_integer else float
    for number, field in enumerate(fields):
        try:
            out[number] = convert(field)
        except (ValueError, OverflowError) as e:
            raise InvalidArgumentError(
                None, None, f"Field {as_text(field)} in line {number} is not a valid {dtype.name}."
            ) from e
    return out


class _Change(_TableOp):
    """Base of operations whose outputs are a table's next keys and values.

    Several in one run may come in any order, as in TensorFlow.
    """

    updates = {0: 0, 1: 1}
    commutes = True
    stateful = True
    view = True

    def infer(
        self, table_keys: TensorSpec, table_values: TensorSpec, *specs: TensorSpec, **_attrs: Any
    ) -> tuple[TensorSpec, TensorSpec]:
        shape = None if table_values.shape is None else (None, *table_values.shape[1:])
        keys = None if table_keys.shape is None else (None, *table_keys.shape[1:])
        return TensorSpec(keys, table_keys.dtype), TensorSpec(shape, table_values.dtype)


@op("TableInsert")
class _table_insert(_Change):
    """Set the values of ``keys``; of a key that is given twice the last value counts."""

    samples = [(_KEYS, _VALUES, _SOUGHT, [[1, 2], [3, 4]]),
               (_KEYS, _VALUES, _KEYS, [1, 2, 3]),
               ([[1, 2]], (1, 2), [[3, 4], [1, 2]], (2, 2),
                {"key_shape": (2,), "value_shape": (2,)})]  # fmt: skip
    bad_samples = [(_KEYS, _VALUES, _KEYS, [1, 2], InvalidArgumentError)]

    def compute(
        self, table_keys: Any, table_values: Any, keys: Any, values: Any, *,
        key_shape: Shape = (), value_shape: Shape = (), reserved: Reserved = (),
    ) -> tuple[Any, Any]:  # fmt: skip
        wanted = np.shape(keys)[: np.ndim(keys) - len(key_shape or ())] + tuple(value_shape or ())
        if np.shape(values) != wanted:
            raise InvalidArgumentError(
                None, None, f"Expected shape {format_shape(wanted)} for value, got "
                f"{format_shape(np.shape(values))}.",
            )  # fmt: skip
        flat = _flat(keys, key_shape)
        _forbid(flat, reserved)
        old = _flat(table_keys, key_shape)
        places = places_of(old, flat)
        fresh: dict[Any, int] = {}
        sought = elements(flat)
        for i in np.flatnonzero(places < 0):
            places[i] = len(old) + fresh.setdefault(sought[i], len(fresh))
        grown = np.empty((len(old) + len(fresh), *value_shape), table_values.dtype)
        grown[: len(old)] = _rows(table_values, value_shape)
        grown[places] = np.reshape(values, (len(flat), *value_shape))
        if not fresh:
            return old, grown
        added = np.empty((len(fresh), *old.shape[1:]), old.dtype)
        added[:] = list(fresh)
        return np.concatenate([old, added]), grown


@op("TableRemove")
class _table_remove(_Change):
    """Drop ``keys`` and their values; keys that are not there are no error."""

    samples = [(_KEYS, _VALUES, _SOUGHT), (_KEYS, _VALUES, np.array([b"z"], object)),
               ([[1, 2], [3, 4]], (2,), [3, 4], {"key_shape": (2,)})]  # fmt: skip

    def compute(
        self, table_keys: Any, table_values: Any, keys: Any, *, key_shape: Shape = (),
        reserved: Reserved = (),
    ) -> tuple[Any, Any]:  # fmt: skip
        flat, old = _flat(keys, key_shape), _flat(table_keys, key_shape)
        _forbid(flat, reserved)
        kept = np.ones(len(old), bool)
        places = places_of(old, flat)
        kept[places[places >= 0]] = False
        return old[kept], table_values[kept]


@op("TableSize")
class _table_size(_TableOp):
    """How many keys a table has."""

    samples = [(_KEYS,), ([4, -1, 5], {"reserved": (("empty_key", -1),)})]

    def compute(self, table_keys: Any, *, key_shape: Shape = (), reserved: Reserved = ()) -> Any:
        return np.int64(np.count_nonzero(_kept(_flat(table_keys, key_shape), reserved)))

    def infer(self, table_keys: TensorSpec, **_attrs: Any) -> TensorSpec:
        return TensorSpec((), int64)


@op("TableExport")
class _table_export(_TableOp):
    """All keys of a table, and their values."""

    samples = [(_KEYS, _VALUES), ([4, -1, 5], (3,), {"reserved": (("empty_key", -1),)})]

    def compute(
        self, table_keys: Any, table_values: Any, *, key_shape: Shape = (),
        value_shape: Shape = (), reserved: Reserved = (),
    ) -> tuple[Any, Any]:  # fmt: skip
        keys = _flat(table_keys, key_shape)
        kept = _kept(keys, reserved)
        return keys[kept], _rows(table_values, value_shape)[kept]

    def infer(
        self, table_keys: TensorSpec, table_values: TensorSpec, *, key_shape: Shape = (),
        value_shape: Shape = (), reserved: Reserved = (),
    ) -> tuple[TensorSpec, TensorSpec]:  # fmt: skip
        values = (None, *(value_shape or ()))
        keys = (None, *(key_shape or ()))
        return TensorSpec(keys, table_keys.dtype), TensorSpec(values, table_values.dtype)
