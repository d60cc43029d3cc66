"""Discrete cosine transforms of types 1, 2 and 3 of the last dimension, by Fourier transforms.

Formulas as in SciPy's ``dct`` (Makhoul 1980), for N points:

1.  ``y[k] = x[0] + (-1)**k x[N-1] + 2 sum x[n] cos(pi k n / (N-1))``, n = 1..N-2
2.  ``y[k] = 2 sum x[n] cos(pi k (2n+1) / (2N))``
3.  ``y[k] = x[0] + 2 sum x[n] cos(pi n (2k+1) / (2N))``, n = 1..N-1
"""

import math

import numpy as np

import tfmini as tf
from tfmini.opdef import nbytes
from tfmini_signal.fourier import LETTERS


def one(x):
    return np.fft.rfft(np.concatenate([x, x[..., -2:0:-1]], -1)).real


def two(x):
    n = x.shape[-1]
    turn = np.exp(-0.5j * np.pi / n * np.arange(n))
    return 2 * (np.fft.rfft(x, 2 * n)[..., :n] * turn).real


def three(x):
    n = x.shape[-1]
    turn = np.exp(0.5j * np.pi / n * np.arange(n))
    return np.fft.irfft(x * turn, 2 * n)[..., :n] * (2 * n)


def one_transposed(g):
    n = g.shape[-1]
    signs = (-1.0) ** np.arange(n)
    out = one(g) + g[..., :1] + signs * g[..., -1:]
    out[..., [0, -1]] *= 0.5
    return out


def two_transposed(g):
    return three(g) + g[..., :1]


def three_transposed(g):
    out = two(g)
    out[..., 0] *= 0.5
    return out


MAPS = {1: (one, one_transposed), 2: (two, two_transposed), 3: (three, three_transposed)}


@tf.op("DCT")
class _dct(tf.OpDef):
    """The cosine transform of a ``kind``, or the transpose of its matrix; ``ortho``: normalized."""

    kinds = "f"
    samples = [
        *[((2, 5), {"kind": k, "transposed": t}) for k in (1, 2, 3) for t in (False, True)],
        ((4,), {"kind": 2, "ortho": True}),
        ((4,), {"kind": 2, "ortho": True, "transposed": True}),
    ]

    def compute(self, x, *, kind, ortho=False, transposed=False):
        n = x.shape[-1]
        if kind == 1 and n < 2:
            raise ValueError(f"the DCT of type 1 needs 2 points, not {n}")
        if x.size == 0:
            return np.zeros_like(x)
        scale = 1.0
        if ortho:
            scale = np.full(n, math.sqrt(0.5 / n))
            scale[0] = math.sqrt(0.25 / n)
        function = MAPS[kind][transposed]
        y = function(x * scale) if transposed else function(x) * scale
        return y.astype(x.dtype, copy=False)

    def infer(self, x, **attrs):
        self.check_kinds((x.dtype,))
        if x.shape == ():
            raise ValueError("a scalar has no dimension to transform")
        return x

    def cost(self, x, **attrs):
        if x.size is None:
            return tf.Cost(math.inf, math.inf)
        return tf.Cost(10.0 * x.size * math.log2(max(x.shape[-1], 2)), 2 * nbytes(x))

    def dims(self, x, **attrs):
        if x.shape is None or len(x.shape) > 16:
            return None
        lead = LETTERS[: len(x.shape) - 1]
        return f"{lead}[x]->{lead}[X]"

    def gradient(self, node, grad):
        attrs = {**node.attrs, "transposed": not node.attrs["transposed"]}
        return (_dct(grad, **attrs),)


def dct(input, type=2, n=None, axis=-1, norm=None, name=None):
    """Return the discrete cosine transform of the last dimension.

    Parameters
    ----------
    input : float tensor
    type : 1, 2 or 3
    n : int
        Crop, or pad with zeros, to so many points first.
    axis : -1
    norm : None, or "ortho" (types 2 and 3): the transform is then orthonormal.
    """
    x = tf.convert_to_tensor(input)
    if type not in MAPS:
        raise tf.errors.InvalidArgumentError(None, None, f"type={type!r}: use 1, 2 or 3.")
    if axis not in (-1, None):
        raise tf.errors.UnimplementedError(None, None, "axis must be -1, as in TensorFlow.")
    if norm not in (None, "ortho") or (norm and type == 1):
        raise tf.errors.InvalidArgumentError(
            None, None, f"norm={norm!r}: use None, or 'ortho' for types 2 and 3."
        )
    if n is not None:
        x = to_length(x, int(n))
    ortho = norm == "ortho"
    if ortho and type == 3:
        return _dct(x, kind=2, ortho=True, transposed=True, name=name or "dct")
    return _dct(x, kind=type, ortho=ortho, name=name or "dct")


def to_length(x, n):
    """Return ``x`` cropped, or padded with zeros, to ``n`` along the last dimension."""
    if n < 1:
        raise tf.errors.InvalidArgumentError(None, None, f"{n} points can't be transformed.")
    x = x[..., :n]
    if x.shape.ndims is None:
        raise tf.errors.InvalidArgumentError(None, None, "the rank must be known; use set_shape.")
    if x.shape[-1].value == n:
        return x
    missing = n - tf.shape(x)[-1]
    padded = tf.pad(x, [[0, 0]] * (x.shape.ndims - 1) + [[0, missing]])
    padded.set_shape([*x.shape.as_list()[:-1], n])
    return padded


def idct(input, type=2, n=None, axis=-1, norm=None, name=None):
    """Return the inverse transform: of type 3 for 2, 2 for 3, and 1 for 1.

    It is the inverse up to the factor 2 N (2 (N - 1) for type 1), exactly with norm="ortho".
    """
    return dct(input, {1: 1, 2: 3, 3: 2}.get(type, type), n, axis, norm, name or "idct")
