"""``tensorflow.examples.tutorials.mnist.input_data``: MNIST in batches.

In: a folder with MNIST's files.  Out: ``train``, ``validation`` and ``test``, each a ``DataSet``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tfmini.compat import mnist
from tfmini.dtypes import as_dtype, float32, uint8
from tfmini.errors import InvalidArgumentError

_CLASSES = 10


class DataSet:
    """Images and labels that are given out in batches, shuffled anew in each epoch.

    Parameters
    ----------
    images : uint8 [n, rows, columns, 1]
    labels : ints [n], or one-hot [n, 10]
    reshape : images become [n, rows * columns]
    dtype : tf.float32 (pixels from 0 to 1) or tf.uint8 (0 to 255)
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Any = float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        wanted = as_dtype(dtype)
        if wanted not in (float32, uint8):
            raise InvalidArgumentError(
                None, None, f"images are float32 or uint8, not {wanted.name}."
            )
        if fake_data:
            images, labels = _fake(one_hot)
            reshape = False
        if len(images) != len(labels):
            raise InvalidArgumentError(
                None, None, f"{len(images)} images, but {len(labels)} labels."
            )
        if reshape:
            images = images.reshape(len(images), math.prod(images.shape[1:]))
        if wanted is float32:
            images = images.astype(np.float32) / np.float32(255.0)
        self._images = images
        self._labels = labels
        self._random = np.random if seed is None else np.random.RandomState(seed)
        self._epochs_completed = 0
        self._index_in_epoch = 0

    images = property(lambda self: self._images)
    labels = property(lambda self: self._labels)
    num_examples = property(lambda self: len(self._images))
    epochs_completed = property(lambda self: self._epochs_completed)

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the next ``batch_size`` images and labels, over the end of an epoch if need be."""
        if fake_data:
            images, labels = _fake(self._labels.ndim > 1, batch_size)
            return images, labels
        if self._epochs_completed == 0 and self._index_in_epoch == 0 and shuffle:
            self._shuffle()
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        missing = batch_size
        while missing > 0:
            if self._index_in_epoch >= self.num_examples:
                self._epochs_completed += 1
                self._index_in_epoch = 0
                if shuffle:
                    self._shuffle()
            start = self._index_in_epoch
            end = min(start + missing, self.num_examples)
            parts.append((self._images[start:end], self._labels[start:end]))
            missing -= end - start
            self._index_in_epoch = end
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        self._random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]


def _fake(one_hot: bool, n: int = 10000) -> tuple[np.ndarray, np.ndarray]:
    """Return images of ones, all of class 0, for trying out a script."""
    labels = np.zeros(n, np.int64)
    return np.ones((n, 784), np.float32), _one_hot(labels) if one_hot else labels


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(_CLASSES)[labels]


class Datasets(NamedTuple):
    """The three parts of the data."""

    train: DataSet
    validation: DataSet
    test: DataSet


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """Return MNIST with labels as numbers; see ``read_data_sets``."""
    return read_data_sets(train_dir)


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = "",
) -> Datasets:
    """Return MNIST from the files in ``train_dir``; ``tfmini.compat.mnist`` says what stands in.

    The first ``validation_size`` training images are for validation: in a smaller set than MNIST,
    the same share of it.
    """
    if fake_data:
        fake = [DataSet([], [], True, one_hot, dtype, seed=seed) for _ in range(3)]
        return Datasets(*fake)
    digits = mnist.load(train_dir)
    pairs = [
        (images.reshape(*images.shape, 1), _one_hot(labels) if one_hot else labels)
        for images, labels in digits
    ]
    (images, labels), test = pairs
    if not 0 <= validation_size <= 60000:
        raise InvalidArgumentError(
            None, None, f"validation_size must be from 0 to 60000, not {validation_size}."
        )
    if len(images) < 60000:
        validation_size = round(len(images) * validation_size / 60000)
    parts = [(images[validation_size:], labels[validation_size:]),
             (images[:validation_size], labels[:validation_size]), test]  # fmt: skip
    return Datasets(*[DataSet(*p, dtype=dtype, reshape=reshape, seed=seed) for p in parts])
