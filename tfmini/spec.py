"""What is known of a tensor before it runs, and Python data as arrays.

In: shapes and dtypes; numbers, lists and arrays that users give.  Out: the ``TensorSpec`` that
every tensor of a graph carries; arrays by TensorFlow's rules for Python data.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np

from tfmini.dtypes import DType, as_dtype, string
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.shapes import Shape, format_shape


class TensorSpec:
    """What is known of a tensor: ``shape`` (a tuple with Nones, or None) and ``dtype`` (or None).

    ``value`` is set for small integer tensors whose elements are known while building, such as
    the result of ``tf.shape`` or a list of constants: a nested-free tuple of ints and Nones for a
    vector, an int for a scalar.  It is what lets ``tf.reshape(x, [tf.shape(x)[0], 10])`` have the
    static shape ``(?, 10)``.
    """

    __slots__ = ("shape", "dtype", "value")

    def __init__(self, shape: Shape, dtype: DType | None, value: Any = None) -> None:
        self.shape = shape
        self.dtype = dtype
        self.value = value

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def size(self) -> int | None:
        """The number of elements, or None if unknown."""
        if self.shape is None or None in self.shape:
            return None
        return math.prod(self.shape)  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int | None:
        """The number of bytes, or None if unknown; an unknown dtype counts 8 bytes an element."""
        size = self.size
        return None if size is None else size * (self.dtype.size if self.dtype else 8)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorSpec):
            return NotImplemented
        return (self.shape, self.dtype, self.value) == (other.shape, other.dtype, other.value)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"{self.dtype.name if self.dtype else 'unknown'}{format_shape(self.shape)}"

    @classmethod
    def of(cls, value: Any) -> TensorSpec:
        """Return the spec of a value at hand: an array, a NumPy or a Python scalar."""
        array = value if hasattr(value, "shape") and hasattr(value, "dtype") else np.asarray(value)
        return cls(tuple(array.shape), as_dtype(array.dtype))


UNKNOWN = TensorSpec(None, None)


def as_array(value: Any, dtype: DType | None = None, exact: bool = False) -> np.ndarray:
    """Return ``value`` as an array by TensorFlow's rules for Python data.

    Python floats make float32 and ints int32 (int64 where they do not fit); what carries a NumPy
    dtype keeps it.  With ``dtype`` given the value is converted to it, and a value that would be
    changed by that (1.5 to an int, 300 to a uint8) is an error.  With ``exact`` the array has the
    dtype in which NumPy holds all digits, for a caller who casts it to ``dtype`` himself.
    """
    if dtype is string or (dtype is None and _is_text(value)):
        return _encoded(np.asarray(value, dtype=object))
    try:
        array = np.asarray(value)
    except InvalidArgumentError:
        raise  # an unknown dimension says it better
    except ValueError as e:
        raise InvalidArgumentError(
            None, None, f"{_brief(value)} is not rectangular: rows differ in length."
        ) from e
    if array.dtype.kind == "O" and not array.size and dtype is None:
        return array  # strings, as in TensorFlow: nothing says that it held numbers
    if array.dtype.kind == "O" and _holds_numbers(array):
        value, array = _of_objects(array, dtype)
    if array.dtype.kind == "O" and _is_text(array):
        array = _encoded(array)
    elif array.dtype.kind in "OMm":
        raise InvalidTypeError(
            None, None, f"{_brief(value)} can't be made a tensor of numbers{_why(array)}."
        )
    elif array.dtype.kind in "US":
        if not (hasattr(value, "dtype") or _leaf_has_dtype(value) or _is_text(value)):
            raise InvalidTypeError(None, None, f"{_brief(value)} mixes numbers and text.")
        array = _encoded(array.astype(object))
    elif dtype is None:
        return _default_dtype(array, value)
    return array if exact else _to_dtype(array, dtype, value)


def _holds_numbers(array: np.ndarray) -> bool:
    return all([isinstance(v, (int, float, complex, np.number, np.bool_)) for v in array.flat])


def _of_objects(array: np.ndarray, dtype: DType | None) -> tuple[Any, np.ndarray]:
    """Return numbers that came as objects, as pandas gives them, as a list and as an array."""
    value = array.tolist()
    wide = np.float64 if dtype is not None and dtype.dtype.kind == "f" else None
    with suppress(OverflowError):  # ints of any size fit float64, but for those over 1e308
        array = np.array(value, wide).reshape(array.shape)
    return value, array


def _why(array: np.ndarray) -> str:
    """Return what is wrong with an array of objects, as the end of a sentence."""
    if array.ndim and None in array.flat:
        return ": it holds None. Write -1 for a dimension that is unknown"
    if array.dtype == object and _holds_numbers(array):
        return ": no dtype has integers so large. Give a float dtype"
    return ""


def _encoded(array: np.ndarray) -> np.ndarray:
    """Return an array of strings with its text as bytes, which strings are in TensorFlow."""
    other = [item for item in array.flat if not isinstance(item, (str, bytes))]
    if other:
        raise InvalidTypeError(None, None, f"{_brief(other[0])} is no text, a string is wanted.")
    if not any([isinstance(item, str) for item in array.flat]):
        return array
    encoded = np.empty(array.shape, object)
    encoded.flat[:] = [v.encode() if isinstance(v, str) else v for v in array.flat]
    return encoded


def _is_text(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, np.ndarray) and value.dtype == object and value.size:
        value = value.flat[0]
    return isinstance(value, (str, bytes))


def _default_dtype(array: np.ndarray, value: Any) -> np.ndarray:
    if hasattr(value, "dtype") or _leaf_has_dtype(value):
        return array
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    if array.dtype == np.int64 and (
        not array.size or (array.min() >= -(2**31) and array.max() < 2**31)
    ):
        return array.astype(np.int32)
    return array


def _leaf_has_dtype(value: Any) -> bool:
    """Whether a nested list is made of NumPy arrays or scalars, whose dtype is kept."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return hasattr(value, "dtype")


def _to_dtype(array: np.ndarray, dtype: DType | None, value: Any) -> np.ndarray:
    if dtype is None or array.dtype == dtype.dtype:
        return array
    if not array.size and not hasattr(value, "dtype"):
        return array.astype(dtype.dtype)  # [] is of any dtype
    kinds = "biufc"
    given, wanted = array.dtype.kind, dtype.dtype.kind
    lossy = given not in kinds or wanted not in kinds or kinds.index(given) > kinds.index(wanted)
    if given == "i" and wanted == "u":
        lossy = bool(array.size) and array.min() < 0
    if (lossy and not (given == "u" and wanted == "i")) or (given == "b") != (wanted == "b"):
        raise InvalidTypeError(
            None,
            None,
            f"{_brief(value)} ({as_dtype(array.dtype).name}) can't be used as {dtype.name} without "
            f"loss; convert it first, e.g. with tf.cast or numpy's astype.",
        )
    with np.errstate(over="ignore"):
        out = array.astype(dtype.dtype)
    if wanted in "iu" and given in "iu" and not np.array_equal(out, array):
        raise InvalidArgumentError(None, None, f"{_brief(value)} is out of {dtype.name}'s range.")
    return out


def _brief(value: Any) -> str:
    objects = isinstance(value, np.ndarray) and value.dtype.hasobject
    text = repr(value.tolist() if objects else value)
    return text if len(text) <= 60 else text[:57] + "..."
