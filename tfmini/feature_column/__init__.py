"""``tf.feature_column``: how the features of examples become the input of a model.

In: columns, each of which says what is made of a feature; and features, a dict of tensors.  Out:
tensors [batch, n] for a network, or the output of a linear model.
"""

from __future__ import annotations

import sys

from tfmini.feature_column.categorical import (
    categorical_column_with_hash_bucket,
    categorical_column_with_identity,
    categorical_column_with_vocabulary_file,
    categorical_column_with_vocabulary_list,
    weighted_categorical_column,
)
from tfmini.feature_column.columns import make_parse_example_spec
from tfmini.feature_column.crossed import crossed_column
from tfmini.feature_column.dense import (
    embedding_column,
    indicator_column,
    shared_embedding_columns,
)
from tfmini.feature_column.layers import input_layer, linear_model
from tfmini.feature_column.numeric import bucketized_column, numeric_column
from tfmini.feature_column.sequences import (
    sequence_categorical_column_with_hash_bucket,
    sequence_categorical_column_with_identity,
    sequence_categorical_column_with_vocabulary_file,
    sequence_categorical_column_with_vocabulary_list,
    sequence_numeric_column,
)
from tfmini.missing import watch_namespace

__all__ = [
    "bucketized_column", "categorical_column_with_hash_bucket", "categorical_column_with_identity",
    "categorical_column_with_vocabulary_file", "categorical_column_with_vocabulary_list",
    "crossed_column", "embedding_column", "indicator_column", "input_layer", "linear_model",
    "make_parse_example_spec", "numeric_column", "sequence_categorical_column_with_hash_bucket",
    "sequence_categorical_column_with_identity", "sequence_categorical_column_with_vocabulary_file",
    "sequence_categorical_column_with_vocabulary_list", "sequence_numeric_column",
    "shared_embedding_columns", "weighted_categorical_column",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
