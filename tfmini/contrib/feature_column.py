"""``tf.contrib.feature_column``: the columns of sequences, and the layer that takes them.

In and out: as ``tf.feature_column``.
"""

from __future__ import annotations

from tfmini.feature_column.layers import sequence_input_layer
from tfmini.feature_column.sequences import (
    sequence_categorical_column_with_hash_bucket,
    sequence_categorical_column_with_identity,
    sequence_categorical_column_with_vocabulary_file,
    sequence_categorical_column_with_vocabulary_list,
    sequence_numeric_column,
)

__all__ = [
    "sequence_categorical_column_with_hash_bucket", "sequence_categorical_column_with_identity",
    "sequence_categorical_column_with_vocabulary_file",
    "sequence_categorical_column_with_vocabulary_list", "sequence_input_layer",
    "sequence_numeric_column",
]  # fmt: skip
