"""``tf.contrib.data``: transformations of datasets, now in ``tf.data.experimental``."""

from __future__ import annotations

from tfmini.data.dataset import Dataset
from tfmini.data.experimental import (
    AUTOTUNE,
    Counter,
    CsvDataset,
    bucket_by_sequence_length,
    choose_from_datasets,
    copy_to_device,
    enumerate_dataset,
    get_single_element,
    group_by_window,
    ignore_errors,
    make_batched_features_dataset,
    make_csv_dataset,
    map_and_batch,
    parallel_interleave,
    prefetch_to_device,
    sample_from_datasets,
    shuffle_and_repeat,
    unbatch,
)
from tfmini.data.files import FixedLengthRecordDataset, TextLineDataset, TFRecordDataset
from tfmini.data.iterator import Iterator

__all__ = [
    "AUTOTUNE", "Counter", "CsvDataset", "Dataset", "FixedLengthRecordDataset", "Iterator",
    "TFRecordDataset", "TextLineDataset", "bucket_by_sequence_length", "choose_from_datasets",
    "copy_to_device", "enumerate_dataset", "get_single_element", "group_by_window",
    "ignore_errors", "make_batched_features_dataset", "make_csv_dataset", "map_and_batch",
    "parallel_interleave", "prefetch_to_device", "sample_from_datasets", "shuffle_and_repeat",
    "unbatch",
]  # fmt: skip
