"""Write a data set of MNIST's size where Keras, and tfmini, look for it.

In: a home folder.  Out: ``.keras/datasets/mnist.npz`` in it: scikit-learn's digits, enlarged, each
several times and moved by up to three pixels.  Both backends of a comparison read this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import tfmini as tf
from tfmini.compat import mnist


def moved(part: tuple[np.ndarray, np.ndarray], n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` images drawn from ``part``, each moved at random, and their labels."""
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(part[0]), n)
    down, right = random.integers(-3, 4, (2, n))
    rows = (np.arange(28) - down[:, None]) % 28
    columns = (np.arange(28) - right[:, None]) % 28
    images = part[0][chosen][np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return images, part[1][chosen]


def write(home: Path) -> None:
    """Write the file below ``home``."""
    tf.logging.set_verbosity(tf.logging.ERROR)  # that these are no MNIST is known
    digits = mnist.load(home)
    (x_train, y_train), (x_test, y_test) = (
        moved(digits.train, 60000, 1),
        moved(digits.test, 10000, 2),
    )
    folder = home / ".keras" / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        folder / "mnist.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
