"""``tf.compat``, and what lets a script that says ``import tensorflow`` run on tfmini.

``text``      ``as_str``, ``as_bytes`` and kin
``behavior``  switches between TensorFlow 1 and 2: this is 1
``hook``      answers ``import tensorflow`` and its submodules
``script``    runs scripts and notebooks under the hook
``mnist``     the digits that tutorials read
``timeline``  run metadata as a trace that browsers draw
``old_numpy``  what NumPy has dropped since, for scripts
``inside``    helpers that libraries take from TensorFlow's inside
``text_format``  messages as text, where scripts import protobuf for it
"""

from __future__ import annotations

import sys
from typing import Any

from tfmini.compat.text import (
    as_bytes,
    as_str,
    as_str_any,
    as_text,
    bytes_or_text_types,
    complex_types,
    integral_types,
    path_to_str,
    real_types,
)
from tfmini.shapes import dimension_at_index, dimension_value

__all__ = [
    "as_bytes", "as_str", "as_str_any", "as_text", "bytes_or_text_types", "complex_types",
    "dimension_at_index", "dimension_value", "integral_types", "path_to_str", "real_types", "v1",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "v1":
        return sys.modules["tfmini"]
    raise AttributeError(f"module 'tfmini.compat' has no attribute {name!r}")
