"""``tf.keras.datasets.mnist``: MNIST as plain arrays."""

from __future__ import annotations

import numpy as np

from tfmini.compat import mnist

__all__ = ["load_data"]

Pair = tuple[np.ndarray, np.ndarray]


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)``: uint8 images [n, 28, 28] and labels [n].

    They are read from Keras' cache; ``tfmini.compat.mnist`` says what stands in.
    """
    digits = mnist.load()
    return digits.train, digits.test
