"""Writing a result into memory that is there already."""

from __future__ import annotations

from typing import Any

import numpy as np


def again(result: Any) -> Any:
    """Return ``result`` as an ``out=`` to write to again, or None if it is a NumPy scalar."""
    return result if type(result) is np.ndarray else None
