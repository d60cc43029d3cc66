"""``tf.python_io``: TFRecord files, outside a graph."""

from __future__ import annotations

from tfmini.formats.records import (
    TFRecordCompressionType,
    TFRecordOptions,
    TFRecordWriter,
    tf_record_iterator,
)

__all__ = ["TFRecordCompressionType", "TFRecordOptions", "TFRecordWriter", "tf_record_iterator"]
