"""The digits that tutorials train on: MNIST where it is on disk, else scikit-learn's.

In: the folder that a script names.  Out: images and labels as the tutorials take them.

MNIST is not fetched.  It is read from idx files in the folder (``train-images-idx3-ubyte``, with
or without ``.gz``), or from Keras' ``~/.keras/datasets/mnist.npz``.  Where neither is there,
scikit-learn's 1797 digits of 8x8 pixels stand in, enlarged to 28x28, and a notice says so.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfmini.errors import DataLossError, NotFoundError
from tfmini.logging import notice

_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_PARTS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_TEST_SHARE = 1 / 7  # MNIST's own: 10,000 of 70,000


class Digits(NamedTuple):
    """Images uint8 [n, 28, 28] and labels uint8 [n], for training and for testing."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load(folder: str | os.PathLike[str] | None = None) -> Digits:
    """Return the digits: of ``folder``, of Keras' cache, or scikit-learn's."""
    if folder is not None and _path(Path(folder), _PARTS["train"][0]) is not None:
        return Digits(*[_idx_pair(Path(folder), part) for part in ("train", "test")])
    cached = keras_cache() / "mnist.npz"
    if cached.exists():
        with np.load(cached) as file:
            return Digits((file["x_train"], file["y_train"]), (file["x_test"], file["y_test"]))
    notice(
        f"MNIST is neither in {str(folder)!r} nor in {str(cached)!r}: using scikit-learn's 1797 "
        f"digits of 8x8 pixels, enlarged to 28x28, in its place. Put the idx files there to use "
        f"MNIST.",
        "mnist",
    )
    return _scikit_digits()


def keras_cache() -> Path:
    """Return the folder in which Keras keeps data sets."""
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return Path(home) / "datasets"


def _path(folder: Path, name: str) -> Path | None:
    for candidate in (
        folder / name,
        folder / (name + ".gz"),
        folder / name.replace("-idx", ".idx"),
    ):
        if candidate.exists():
            return candidate
    return None


def _idx_pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = [_read_idx(folder, name) for name in _PARTS[part]]
    if len(images) != len(labels):
        raise DataLossError(
            None, None, f"{folder}: {len(images)} images, but {len(labels)} labels ({part})."
        )
    return images, labels


def _read_idx(folder: Path, name: str) -> np.ndarray:
    """Return the array of an idx file: yann.lecun.com/exdb/mnist says how it is made."""
    path = _path(folder, name)
    if path is None:
        raise NotFoundError(None, None, f"no file {name} or {name}.gz in {str(folder)!r}.")
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise DataLossError(None, None, f"{path} is no idx file.")
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    dtype = np.dtype(_IDX_TYPES[data[2]])
    if len(data) != 4 + 4 * rank + int(np.prod(shape)) * dtype.itemsize:
        raise DataLossError(None, None, f"{path} is cut off: its header says {shape.tolist()}.")
    return np.frombuffer(data, dtype, offset=4 + 4 * rank).reshape(shape)


def _scikit_digits() -> Digits:
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError:
        raise NotFoundError(
            None,
            None,
            "MNIST is not here, and scikit-learn, whose digits could stand in, is not installed: "
            "pip install scikit-learn, or put MNIST's idx files in the folder.",
        ) from None
    small, labels = load_digits(return_X_y=True)
    images = enlarged(small.reshape(-1, 8, 8) / 16.0)
    pixels = np.rint(images * 255.0).astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(labels))
    cut = round(len(labels) * _TEST_SHARE)
    test, train = order[:cut], order[cut:]
    kinds = labels.astype(np.uint8)
    return Digits((pixels[train], kinds[train]), (pixels[test], kinds[test]))


def enlarged(images: np.ndarray, size: int = 28) -> np.ndarray:
    """Return square ``images`` [n, m, m] as [n, size, size], interpolated linearly."""
    m = images.shape[1]
    at = np.clip((np.arange(size) + 0.5) * m / size - 0.5, 0, m - 1)
    low = np.minimum(at.astype(int), m - 2)
    weights = np.zeros((size, m))
    weights[np.arange(size), low] = 1 - (at - low)
    weights[np.arange(size), low + 1] = at - low
    return np.asarray(weights @ images @ weights.T)
