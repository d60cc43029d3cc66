"""Input pipelines under the names of ``tf.data``.

In: arrays, generators or files.  Out: datasets, and iterators whose ``get_next()`` gives tensors:
each run takes the next element.
"""

from __future__ import annotations

from typing import Any

from tfmini.data import experimental
from tfmini.data.dataset import Dataset
from tfmini.data.experimental import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from tfmini.data.files import FixedLengthRecordDataset, TextLineDataset, TFRecordDataset
from tfmini.data.iterator import Iterator
from tfmini.data.minibatches import Minibatches

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset",
    "FixedLengthRecordDataset", "Iterator", "Minibatches", "Options", "TFRecordDataset",
    "TextLineDataset", "experimental", "get_output_classes", "get_output_shapes",
    "get_output_types", "make_initializable_iterator", "make_one_shot_iterator",
]  # fmt: skip


class Options:
    """Wishes for how a dataset runs; any may be set, for TensorFlow's sake, and none changes it."""

    def __init__(self) -> None:
        self.experimental_optimization = _Wishes()
        self.experimental_threading = _Wishes()
        self.experimental_distribute = _Wishes()


class _Wishes:
    """Attributes that anyone may set."""


def make_one_shot_iterator(dataset: Dataset) -> Iterator:
    """Return an iterator that goes through ``dataset`` once, without an initializer."""
    return dataset.make_one_shot_iterator()


def make_initializable_iterator(dataset: Dataset, shared_name: str | None = None) -> Iterator:
    """Return an iterator that starts when its ``initializer`` is run."""
    return dataset.make_initializable_iterator(shared_name)


def get_output_types(dataset_or_iterator: Any) -> Any:
    """Return the dtypes of the elements' components."""
    return dataset_or_iterator.output_types


def get_output_shapes(dataset_or_iterator: Any) -> Any:
    """Return the static shapes of the elements' components."""
    return dataset_or_iterator.output_shapes


def get_output_classes(dataset_or_iterator: Any) -> Any:
    """Return the Python classes of the elements' components."""
    return dataset_or_iterator.output_classes
