"""The element types of tensors.

In: Python's, NumPy's or TensorFlow's ways to spell a dtype.  Out: interned ``DType``s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError, InvalidTypeError

# TensorFlow's numbers for dtypes, as its files write them.
_ENUM = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7,
    "complex64": 8, "int64": 9, "bool": 10, "bfloat16": 14, "uint16": 17, "complex128": 18,
    "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip


class DType:
    """The element type of a tensor, one object per type: ``tf.float32 is tf.as_dtype("float32")``.

    Equal to whatever NumPy takes for the same type: ``tf.float32 == np.float32 == "float32"``.
    """

    __slots__ = ("name", "dtype")

    def __init__(self, name: str, dtype: np.dtype) -> None:
        self.name = name
        self.dtype = dtype  # NumPy looks for this attribute: np.zeros(3, tf.float32) works

    @property
    def as_numpy_dtype(self) -> type:
        """NumPy's scalar type, e.g. ``np.float32``."""
        return self.dtype.type

    @property
    def as_datatype_enum(self) -> int:
        """TensorFlow's ``DataType`` number."""
        return _ENUM[self.name]

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def real_dtype(self) -> DType:
        """The type of the real part: float32 for complex64, otherwise itself."""
        return as_dtype(np.zeros(0, self.dtype).real.dtype) if self.is_complex else self

    @property
    def is_floating(self) -> bool:
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        return self.dtype.kind == "c"

    @property
    def is_integer(self) -> bool:
        return self.dtype.kind in "iu"

    @property
    def is_unsigned(self) -> bool:
        return self.dtype.kind == "u"

    @property
    def is_quantized(self) -> bool:
        """False: there are no quantized types."""
        return False

    @property
    def is_numpy_compatible(self) -> bool:
        """True: all types are NumPy's."""
        return True

    @property
    def is_bool(self) -> bool:
        return self.dtype.kind == "b"

    @property
    def is_differentiable(self) -> bool:
        """Whether gradients flow through tensors of this type."""
        return self.dtype.kind in "fc"

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def min(self) -> Any:
        """The smallest finite value."""
        return _limits(self).min

    @property
    def max(self) -> Any:
        """The largest finite value."""
        return _limits(self).max

    @property
    def limits(self) -> tuple[Any, Any]:
        """Black and white in images of this type: 0 and 255 for uint8, 0 and 1 for floats."""
        return 0, 1 if self.is_floating else self.max

    def is_compatible_with(self, other: Any) -> bool:
        return self == other

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return as_dtype(other) is self
        except InvalidTypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


class AbsentDType(DType):
    """A type that scripts name but NumPy lacks: told from all others, and of no value."""

    __slots__ = ()
    is_floating = True
    is_complex = is_integer = is_unsigned = is_bool = is_numpy_compatible = False
    is_differentiable = True
    size = 2

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Raise InvalidTypeError: NumPy has no such type."""
        raise InvalidTypeError(
            None, None, f"NumPy has no {self.name}, so no value can be of it; use tf.float32 "
            "(tf.float16 to save memory)."
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.name)


def _limits(dtype: DType) -> Any:
    if dtype.is_integer:
        return np.iinfo(dtype.dtype)
    if dtype.is_floating:
        return np.finfo(dtype.dtype)
    raise InvalidArgumentError(None, None, f"{dtype!r} has no smallest and largest value.")


float16 = DType("float16", np.dtype("float16"))
float32 = DType("float32", np.dtype("float32"))
float64 = DType("float64", np.dtype("float64"))
int8 = DType("int8", np.dtype("int8"))
int16 = DType("int16", np.dtype("int16"))
int32 = DType("int32", np.dtype("int32"))
int64 = DType("int64", np.dtype("int64"))
uint8 = DType("uint8", np.dtype("uint8"))
uint16 = DType("uint16", np.dtype("uint16"))
uint32 = DType("uint32", np.dtype("uint32"))
uint64 = DType("uint64", np.dtype("uint64"))
bool_ = DType("bool", np.dtype("bool"))
complex64 = DType("complex64", np.dtype("complex64"))
complex128 = DType("complex128", np.dtype("complex128"))
string = DType("string", np.dtype(object))
bfloat16 = AbsentDType("bfloat16")

DTYPES = (
    float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    bool_, complex64, complex128, string,
)  # fmt: skip

_BY_NAME = {d.name: d for d in DTYPES} | {
    "float": float32, "double": float64, "half": float16, "int": int32, "str": string,
    "bfloat16": bfloat16,
}  # fmt: skip
_BY_NUMPY = {d.dtype: d for d in DTYPES}
# Python's own types name TensorFlow's defaults, not NumPy's: float is float32.
_BY_TYPE = {float: float32, int: int32, bool: bool_, complex: complex128, str: string,
            bytes: string}  # fmt: skip


def as_dtype(value: Any) -> DType:
    """Return the ``DType`` that ``value`` spells: a DType, a name, a Python or a NumPy type."""
    if isinstance(value, DType):
        return value
    try:
        found = _BY_NAME.get(value) if isinstance(value, str) else _BY_TYPE.get(value)
        if found is None:
            numpy_dtype = np.dtype(value)
            found = (
                string if numpy_dtype.kind in "USO" else _BY_NUMPY[numpy_dtype.newbyteorder("=")]
            )
        return found
    except (TypeError, KeyError, ValueError):
        known = ", ".join(d.name for d in DTYPES)
        raise InvalidTypeError(
            None, None, f"{value!r} is no dtype that a tensor can have. Use one of: {known}."
        ) from None


@lru_cache(maxsize=1024)
def promote(*dtypes: DType | None) -> DType | None:
    """Return NumPy's common type of ``dtypes``; None (unknown) if one of them is unknown."""
    if any(d is None for d in dtypes):
        return None
    try:
        return as_dtype(np.result_type(*(d.dtype for d in dtypes if d is not None)))
    except TypeError:
        names = ", ".join(d.name for d in dtypes if d is not None)
        raise InvalidTypeError(
            None, None, f"no common dtype of {names}; convert with tf.cast."
        ) from None
