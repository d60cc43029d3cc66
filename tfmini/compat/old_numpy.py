"""What NumPy has dropped since the scripts of TensorFlow 1's years were written.

In: ``np.int``, ``np.float_``, ``np.array([[1], [2, 3]])`` in a script.  Out: what NumPy 1.16 gave,
after a notice that is given once.  Installed packages see NumPy as it is.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

import numpy as np

from tfmini.logging import notice

#: Names that are gone, each with what it stood for; those that are there again are NumPy's own.
NAMES: dict[str, Any] = {
    "int": int, "long": int, "float": float, "bool": bool, "complex": complex, "object": object,
    "str": str, "unicode": str, "float_": np.float64, "complex_": np.complex128,
    "string_": np.bytes_, "unicode_": np.str_, "Inf": np.inf, "Infinity": np.inf, "infty": np.inf,
    "PINF": np.inf, "NINF": -np.inf, "NaN": np.nan, "NAN": np.nan, "product": np.prod,
    "cumproduct": np.cumprod, "sometrue": np.any, "alltrue": np.all, "round_": np.round,
    "mat": np.asmatrix, "row_stack": np.vstack, "in1d": np.isin, "trapz": np.trapezoid,
    "rank": np.ndim, "asscalar": lambda a: np.asarray(a).item(),
    "msort": lambda a: np.sort(a, axis=0),
    "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype),
}  # fmt: skip
_LIBRARIES = (
    *[sysconfig.get_path(place) for place in ("stdlib", "platstdlib", "purelib", "platlib")],
    os.path.dirname(os.path.dirname(np.__file__)),
    os.path.dirname(os.path.dirname(__file__)),
)


def install() -> None:
    """Let scripts of this process find them."""
    if np.__dict__["__getattr__"] is not _found:
        np.__dict__["__getattr__"] = _found
        for function in (np.array, np.asarray):
            np.__dict__[function.__name__] = _of_objects(function)


_today = np.__dict__["__getattr__"]


def _found(name: str) -> Any:
    """Answer for ``np.<name>``, which NumPy does not have."""
    if name not in NAMES or not _is_script(sys._getframe(1)):
        return _today(name)
    notice(f"NumPy has no np.{name} any more; scripts get what it was.", f"np.{name}")
    return NAMES[name]


def _of_objects(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Let ``np.array`` make an array of lists where their lengths differ."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> np.ndarray:
        try:
            return function(*args, **kwargs)
        except ValueError as e:
            told = len(args) > 1 or "dtype" in kwargs
            if told or "inhomogeneous" not in str(e) or not _is_script(sys._getframe(1)):
                raise
        notice(
            f"np.{function.__name__} of lists whose lengths differ: an array of objects, as NumPy "
            f"made it before 1.24."
        )
        return function(*args, **kwargs, dtype=object)

    return call


def _is_script(frame: FrameType) -> bool:
    return not frame.f_code.co_filename.startswith(_LIBRARIES)
