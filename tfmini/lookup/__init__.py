"""``tf.lookup``: tables from keys to values, such as vocabularies.

In: keys and values as tensors or in a text file.  Out: tables that look tensors of keys up.
"""

from __future__ import annotations

import sys

from tfmini.lookup import experimental
from tfmini.lookup.initializers import (
    KeyValueTensorInitializer,
    TextFileIndex,
    TextFileInitializer,
)
from tfmini.lookup.tables import StaticHashTable, StaticVocabularyTable
from tfmini.missing import watch_namespace

__all__ = [
    "KeyValueTensorInitializer", "StaticHashTable", "StaticVocabularyTable", "TextFileIndex",
    "TextFileInitializer", "experimental",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
