"""Discrete Fourier transforms of the last one, two or three dimensions.

All are linear, so a gradient is the adjoint map: by TensorFlow's convention the gradient for a
complex tensor is ``dL/dRe + i dL/dIm``, and that for x of ``y = A x`` is ``A^H`` times that for y.
The adjoint of ``fft`` is ``n * ifft``; those of ``rfft`` and ``irfft`` are types of their own, and
their gradients are ``rfft`` and ``irfft`` again.
"""

import math

import numpy as np

import tfmini as tf
from tfmini.opdef import conflict, nbytes
from tfmini.spec import TensorSpec

PRECISION = {"float32": tf.complex64, "float64": tf.complex128}
REAL = {"complex64": tf.float32, "complex128": tf.float64}
LETTERS = "abcdefghijklmnopqrstuvw"


class Transform(tf.OpDef):
    """What the transforms of the last ``count`` dimensions share."""

    count = 1
    kinds = "c"
    output = None  # the output's dtype by that of the input, where it is another one

    @property
    def axes(self):
        return tuple(range(-self.count, 0))

    def sizes(self, shape):
        """Return the transformed dimensions of the output, for those of the input."""
        return shape

    def infer(self, x, **attrs):
        self.check_kinds((x.dtype,))
        dtype = x.dtype
        if self.output is not None and dtype is not None:
            if dtype.name not in self.output:
                raise ValueError(f"{dtype.name} can't be transformed; convert with tf.cast")
            dtype = self.output[dtype.name]
        if x.shape is None:
            return TensorSpec(None, dtype)
        if len(x.shape) < self.count:
            raise conflict(f"{self.count} dimensions are transformed", input=x.shape)
        tail = self.sizes(x.shape[-self.count :], **attrs)
        return TensorSpec((*x.shape[: -self.count], *tail), dtype)

    def cost(self, x, *rest, **attrs):
        out = self.infer(x, *rest, **attrs)
        spec = max((x, out), key=lambda s: math.inf if s.size is None else s.size)
        if spec.size is None:
            return tf.Cost(math.inf, math.inf)
        points = math.prod(spec.shape[-self.count :])
        return tf.Cost(5.0 * spec.size * math.log2(max(points, 2)), nbytes(x, out))

    def dims(self, x, *rest, **attrs):
        """Leading dimensions are independent; the transformed ones can't be split."""
        if x.shape is None or len(x.shape) > 16:
            return None
        lead = LETTERS[: len(x.shape) - self.count]
        before = "".join(f"[{c}]" for c in "xyz"[: self.count])
        after = "".join(f"[{c}]" for c in "XYZ"[: self.count])
        return f"{lead}{before}{',[s]' * len(rest)}->{lead}{after}"


class Complex(Transform):
    """The base of ``fft`` and ``ifft``: complex to complex."""

    function = np.fft.fftn

    def compute(self, input):
        if input.size == 0:
            return np.zeros_like(input)
        return type(self).function(input, axes=self.axes).astype(input.dtype, copy=False)


def points(x, count, dtype):
    """Return how many points are transformed, as a scalar tensor of ``dtype``."""
    return tf.cast(tf.reduce_prod(tf.shape(x)[-count:]), dtype)


def _forward(inverse):
    def gradient(self, node, grad):
        return (inverse()(grad) * points(grad, self.count, node.outputs[0].dtype or grad.dtype),)

    return gradient


def _backward(forward):
    def gradient(self, node, grad):
        return (forward()(grad) / points(grad, self.count, node.outputs[0].dtype or grad.dtype),)

    return gradient


def complex_samples(*shapes):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=s) + 1j * rng.normal(size=s),) for s in shapes]


@tf.op("FFT")
class fft(Complex):
    """Return the discrete Fourier transform of the last dimension of a complex ``input``."""

    samples = complex_samples((2, 5), (4,))
    gradient = _forward(lambda: ifft)


@tf.op("IFFT")
class ifft(Complex):
    """Return the inverse of ``fft``: with ``1 / n`` for n points."""

    function = np.fft.ifftn
    samples = complex_samples((2, 5), (4,))
    gradient = _backward(lambda: fft)


@tf.op("FFT2D")
class fft2d(Complex):
    """Return the discrete Fourier transform of the last two dimensions of a complex ``input``."""

    count = 2
    samples = complex_samples((2, 4, 3), (2, 5))
    gradient = _forward(lambda: ifft2d)


@tf.op("IFFT2D")
class ifft2d(Complex):
    """Return the inverse of ``fft2d``."""

    count = 2
    function = np.fft.ifftn
    samples = complex_samples((2, 4, 3), (2, 5))
    gradient = _backward(lambda: fft2d)


@tf.op("FFT3D")
class fft3d(Complex):
    """Return the discrete Fourier transform of the last three dimensions of a complex ``input``."""

    count = 3
    samples = complex_samples((2, 4, 3, 2), (2, 3, 4))
    gradient = _forward(lambda: ifft3d)


@tf.op("IFFT3D")
class ifft3d(Complex):
    """Return the inverse of ``fft3d``."""

    count = 3
    function = np.fft.ifftn
    samples = complex_samples((2, 4, 3, 2), (2, 3, 4))
    gradient = _backward(lambda: fft3d)
