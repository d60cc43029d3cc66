"""The inputs of every workload, as NumPy arrays: the same bits for every peer.

In: sizes. Out: named tuples. Each call makes fresh arrays from a fixed seed, so a peer may update
its parameters in place.
"""

from typing import NamedTuple

import numpy as np

BRANCHES = 8
UFUNC_BRANCHES = tuple((0.5 + 0.125 * i, 0.25 * i - 1.0) for i in range(BRANCHES))  # (a, b)
LESSON_RATE = 0.01
CNN_RATE = 0.001


class Adam(NamedTuple):
    """Adam's constants, with TensorFlow's defaults and its place of epsilon."""

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


class Affine(NamedTuple):
    a: np.ndarray
    x: np.ndarray
    b: np.ndarray


class Training(NamedTuple):
    """`x` and `labels` of one batch, and the initial parameters in the order of use."""

    x: np.ndarray
    labels: np.ndarray
    parameters: list


def affine():
    """`a` (2, 2), `x` (2, 1), `b` (2, 1), float64: columns, for TF1's matmul takes no vectors."""
    a = np.array([[1.0, 0.5], [0.25, -1.0]])
    return Affine(a, np.array([[1.0], [2.0]]), np.array([[1.0], [-1.0]]))


def many_feeds(count=10):
    """Return `count` vectors of 2 and the vector that is added to each, float64."""
    return [np.array([float(i), 0.5]) for i in range(count)], np.array([1.0, -1.0])


def lesson_mlp():
    """Four clusters as in XOR: x (200, 2), one-hot labels (200, 2), a 2-2-2 network, float64."""
    rng = np.random.default_rng(2)
    centres = np.repeat([[0, 0], [1, 1], [0, 1], [1, 0]], 50, axis=0)
    x = centres + 0.2 * rng.standard_normal((200, 2))
    labels = np.repeat([[1.0, 0.0], [0.0, 1.0]], 100, axis=0)
    shapes = [(2, 2), (2,), (2, 2), (2,)]
    return Training(x, labels, [rng.standard_normal(shape) for shape in shapes])


def _weights(rng, *shape):
    """He initialisation, float32."""
    scale = np.sqrt(2.0 / np.prod(shape[:-1]))
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def mlp(batch):
    """784-512-256-10: x (batch, 784), one-hot labels (batch, 10), [w, b] * 3, float32."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((batch, 784)).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.integers(0, 10, batch)]
    parameters = []
    for rows, columns in ((784, 512), (512, 256), (256, 10)):
        parameters += [_weights(rng, rows, columns), np.zeros(columns, np.float32)]
    return Training(x, labels, parameters)


def cnn(batch=64):
    """x (batch, 28, 28, 1), labels (batch,) int32, [kernel, bias] * 4 (kernels HWIO), float32."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((batch, 28, 28, 1)).astype(np.float32)
    labels = rng.integers(0, 10, batch).astype(np.int32)
    parameters = []
    for shape in ((5, 5, 1, 32), (5, 5, 32, 64), (7 * 7 * 64, 1024), (1024, 10)):
        parameters += [_weights(rng, *shape), np.zeros(shape[-1], np.float32)]
    return Training(x, labels, parameters)


def wide_matmul(size=1000):
    """x and the weights of 8 branches, each (size, size) float32, scaled to keep magnitude."""
    rng = np.random.default_rng(41)
    matrices = [rng.standard_normal((size, size), np.float32) for _ in range(BRANCHES + 1)]
    return matrices[0], [m / np.float32(np.sqrt(size)) for m in matrices[1:]]


def wide_svd(size=300):
    """x and the matrices that 8 branches add to it, each (size, size) float32."""
    rng = np.random.default_rng(42)
    matrices = [rng.standard_normal((size, size), np.float32) for _ in range(BRANCHES + 1)]
    return matrices[0], matrices[1:]


def vector(size):
    """`size` normal float32 numbers."""
    return np.random.default_rng(5).standard_normal(size, np.float32)


def wide_ufunc():
    return vector(4_000_000)


def elementwise():
    return vector(10_000_000)


def scalar():
    """A 0-d float32 array; a half, so that any chain of additions is exact."""
    return np.array(0.5, np.float32)


def doubling():
    return np.array([1.0, 2.0, 3.0])
