"""Batches from files in one call: CSV files, and TFRecords of Examples.

In: names of files and what is in them.  Out: datasets of dicts of tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.data.combining import without_errors
from tfmini.data.dataset import Dataset
from tfmini.data.files import CsvDataset, TFRecordDataset, first_rows
from tfmini.data.files import column_names as names_of
from tfmini.dtypes import float32, float64, int32, int64, string
from tfmini.errors import InvalidArgumentError
from tfmini.ops.files import matching
from tfmini.ops.parsing import parse_example


def make_csv_dataset(
    file_pattern: Any,
    batch_size: int,
    column_names: Sequence[str] | None = None,
    column_defaults: Sequence[Any] | None = None,
    label_name: str | None = None,
    select_columns: Sequence[Any] | None = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    prefetch_buffer_size: Any = None,
    num_parallel_reads: Any = None,
    sloppy: bool = False,
    num_rows_for_inference: int = 100,
    compression_type: Any = None,
    ignore_errors: bool = False,
) -> Dataset:
    """Return batches of the rows of CSV files, as dicts from column names to tensors.

    Parameters
    ----------
    column_names : by default the first line of the first file
    column_defaults : see ``tf.decode_csv``; by default found from the first rows
    label_name : a column that is given apart: elements are pairs (features, label)
    select_columns : names or numbers of the columns wanted
    num_epochs : how often the rows are repeated, by default for ever
    """
    files = [name.decode() for name in matching(file_pattern)]
    if not files:
        raise InvalidArgumentError(
            None, None, f"make_csv_dataset: no file matches {file_pattern!r}."
        )
    names = names_of(files[0], field_delim) if column_names is None else list(column_names)
    wanted = list(range(len(names)))
    if select_columns is not None:
        wanted = sorted([c if isinstance(c, int) else names.index(c) for c in select_columns])
    chosen = [names[i] for i in wanted]
    if label_name is not None and label_name not in chosen:
        raise InvalidArgumentError(None, None, f"there is no column {label_name!r} in {chosen}.")
    if column_defaults is None:
        rows = first_rows(files, field_delim, header, num_rows_for_inference)
        defaults: list[Any] = [_default_of(rows[:, i], na_value) for i in wanted]
    else:
        defaults = list(column_defaults)
    dataset: Dataset = CsvDataset(
        files, defaults, compression_type, header=header, field_delim=field_delim,
        use_quote_delim=use_quote_delim, na_value=na_value, select_cols=wanted,
    )  # fmt: skip
    if ignore_errors:
        dataset = dataset._with(without_errors, [])
    if shuffle:
        dataset = dataset.shuffle(shuffle_buffer_size, shuffle_seed)
    dataset = dataset.repeat(num_epochs).batch(batch_size, drop_remainder=num_epochs is None)

    def named(*columns: Any) -> Any:
        features = dict(zip(chosen, columns, strict=True))
        if label_name is None:
            return features
        label = features.pop(label_name)
        return features, label

    return dataset.map(named)


def _default_of(fields: Sequence[bytes], na_value: str) -> Any:
    """Return the default of a column: zero of the narrowest type that holds its fields."""
    given = [f for f in fields if f and f != na_value.encode()]
    for dtype in (int32, int64, float32, float64):
        try:
            values = [int(f) if dtype.is_integer else float(f) for f in given]
        except ValueError:
            continue
        if not dtype.is_integer or all([abs(v) <= dtype.max for v in values]):
            return np.zeros(1, dtype.dtype)
    return np.array([b""], string.dtype)


def make_batched_features_dataset(
    file_pattern: Any,
    batch_size: int,
    features: Mapping[str, Any],
    reader: Any = TFRecordDataset,
    label_key: str | None = None,
    reader_args: Sequence[Any] | None = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    prefetch_buffer_size: Any = None,
    reader_num_threads: Any = None,
    parser_num_threads: Any = None,
    sloppy_ordering: bool = False,
    drop_final_batch: bool = False,
) -> Dataset:
    """Return batches of the features of Examples in TFRecord files, as dicts of tensors."""
    names = Dataset.list_files(file_pattern, shuffle, shuffle_seed)
    dataset = names.flat_map(lambda name: reader(name, *(reader_args or ())))
    if shuffle:
        dataset = dataset.shuffle(shuffle_buffer_size, shuffle_seed)
    dataset = dataset.repeat(num_epochs)
    dataset = dataset.batch(batch_size, drop_final_batch or num_epochs is None)

    def parsed(serialized: Any) -> Any:
        found = parse_example(serialized, features)
        if label_key is None:
            return found
        label = found.pop(label_key)
        return found, label

    return dataset.map(parsed)
