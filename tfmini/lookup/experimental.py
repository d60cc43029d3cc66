"""``tf.lookup.experimental``: tables that a run can change."""

from __future__ import annotations

from tfmini.lookup.mutable import DenseHashTable, MutableHashTable

__all__ = ["DenseHashTable", "MutableHashTable"]
