"""Fourier transforms of real data: half of the spectrum, which determines the rest.

``rfft`` of n real points gives n // 2 + 1 complex ones; ``irfft`` is the way back.  ``fft_length``
crops or zero-pads the data first, to n points for each transformed dimension.
"""

import numpy as np

import tfmini as tf
from tfmini.build import apply
from tfmini.spec import TensorSpec
from tfmini_signal.fourier import PRECISION, REAL, Transform, complex_samples


def fitted(x, shape):
    """Return ``x`` cropped or zero-padded at the end of the last dimensions, to ``shape``."""
    target = (*x.shape[: x.ndim - len(shape)], *shape)
    part = x[tuple(slice(min(a, b)) for a, b in zip(x.shape, target, strict=True))]
    if part.shape == target:
        return part
    out = np.zeros(target, x.dtype)
    out[tuple(slice(n) for n in part.shape)] = part
    return out


def listed(fft_length, count):
    """Return ``fft_length`` as a tuple of ``count`` ints, or None."""
    if fft_length is None:
        return None
    given = (fft_length,) if isinstance(fft_length, int) else tuple(fft_length)
    if len(given) != count:
        raise ValueError(f"fft_length must have {count} elements, not {list(given)}")
    return given


class RealTransform(Transform):
    """The base of ``rfft`` and its adjoint; ``fft_length`` is None or a tuple."""

    kinds = "f"
    output = PRECISION
    inverse = False
    adjoint = None  # the function that is its adjoint

    def sizes(self, shape, *, fft_length=None):
        points = listed(fft_length, self.count) or shape
        last = points[-1]
        return (*points[:-1], None if last is None else last // 2 + 1)

    def compute(self, input_tensor, *, fft_length=None):
        points = listed(fft_length, self.count) or input_tensor.shape[-self.count :]
        dtype = PRECISION[input_tensor.dtype.name].dtype
        if 0 in input_tensor.shape or 0 in points:
            tail = self.sizes(points)
            return np.zeros((*input_tensor.shape[: -self.count], *tail), dtype)
        return np.fft.rfftn(input_tensor, points, self.axes).astype(dtype, copy=False)

    def gradient(self, node, grad):
        (x,) = node.inputs
        return (apply(self.adjoint.opdef, (grad, tf.shape(x)), node.attrs),)


class RealInverse(RealTransform):
    """The base of ``irfft``."""

    kinds = "c"
    output = REAL

    def sizes(self, shape, *, fft_length=None):
        last = shape[-1]
        whole = None if last is None else max(2 * (last - 1), 0)
        return listed(fft_length, self.count) or (*shape[:-1], whole)

    def compute(self, input_tensor, *, fft_length=None):
        points = self.sizes(input_tensor.shape[-self.count :], fft_length=fft_length)
        dtype = REAL[input_tensor.dtype.name].dtype
        if 0 in input_tensor.shape or 0 in points:
            return np.zeros((*input_tensor.shape[: -self.count], *points), dtype)
        return np.fft.irfftn(input_tensor, points, self.axes).astype(dtype, copy=False)


class RealAdjoint(Transform):
    """The adjoint of ``rfft``: from ``grad`` for the spectrum to data of ``shape``."""

    output = REAL
    forward = None  # the function that it is the adjoint of

    def infer(self, grad, shape, *, fft_length=None):
        spec = super().infer(grad)
        return TensorSpec(_shape(grad, shape, self.count), spec.dtype)

    def sizes(self, shape, **_attrs):
        return shape

    def compute(self, grad, shape, *, fft_length=None):
        inner = tuple(shape.tolist()[-self.count :])
        points = listed(fft_length, self.count) or inner
        dtype = REAL[grad.dtype.name].dtype
        if 0 in grad.shape or 0 in points:
            return np.zeros((*grad.shape[: -self.count], *inner), dtype)
        # The spectrum's other half counts as 0: no output depends on it.
        whole = np.fft.ifftn(fitted(grad, points), axes=self.axes).real * np.prod(points)
        return fitted(whole, inner).astype(dtype, copy=False)

    def gradient(self, node, grad):
        return apply(self.forward.opdef, (grad,), node.attrs), None


class InverseAdjoint(RealAdjoint):
    """The adjoint of ``irfft``: from ``grad`` for the data to a spectrum of ``shape``."""

    kinds = "f"
    output = PRECISION

    def compute(self, grad, shape, *, fft_length=None):
        inner = tuple(shape.tolist()[-self.count :])
        dtype = PRECISION[grad.dtype.name].dtype
        points = grad.shape[-self.count :]
        if 0 in grad.shape or 0 in inner:
            return np.zeros((*grad.shape[: -self.count], *inner), dtype)
        spectrum = np.fft.rfftn(grad, axes=self.axes)
        # All but the first, and the last of an even number, stand for two of the whole spectrum.
        weights = np.full(spectrum.shape[-1], 2.0 / np.prod(points))
        weights[0] /= 2
        if points[-1] % 2 == 0:
            weights[-1] /= 2
        return fitted(spectrum * weights, inner).astype(dtype, copy=False)


def _shape(grad, shape, count):
    """Return the static shape: leading dimensions of ``grad``, last ones of the shape vector."""
    lead = None if grad.shape is None else grad.shape[:-count]
    if lead is None:
        return None
    value = shape.value if shape.value is not None else (None,) * count
    return (*lead, *value[-count:])


def real_samples(*shapes):
    return [*[(s,) for s in shapes], (shapes[0], {"fft_length": (4,) * (len(shapes[-1]))}),
            (shapes[0], {"fft_length": (7,) * (len(shapes[-1]))})]  # fmt: skip


def spectra(*shapes):
    return [*complex_samples(*shapes), (*complex_samples(shapes[0])[0],
            {"fft_length": (7,) * len(shapes[-1])})]  # fmt: skip


def to_shape(samples, shapes):
    """Return samples with a shape vector as the second input."""
    return [(s[0], list(shape), *s[1:]) for s, shape in zip(samples, shapes, strict=True)]


@tf.op("RFFT")
class rfft(RealTransform):
    """Return the Fourier transform of the last dimension of real data: n // 2 + 1 points."""

    samples = real_samples((2, 5), (6,))


@tf.op("RFFT2D")
class rfft2d(RealTransform):
    """Return the Fourier transform of the last two dimensions of real data; see ``rfft``."""

    count = 2
    samples = real_samples((2, 4, 5), (3, 6))


@tf.op("RFFT3D")
class rfft3d(RealTransform):
    """Return the Fourier transform of the last three dimensions of real data; see ``rfft``."""

    count = 3
    samples = real_samples((2, 3, 2, 5), (3, 2, 6))


@tf.op("IRFFT")
class irfft(RealInverse):
    """Return the inverse of ``rfft``: ``fft_length`` real points, by default 2 (n - 1)."""

    samples = spectra((2, 4), (3,))


@tf.op("IRFFT2D")
class irfft2d(RealInverse):
    """Return the inverse of ``rfft2d``; see ``irfft``."""

    count = 2
    samples = spectra((2, 4, 3), (3, 5))


@tf.op("IRFFT3D")
class irfft3d(RealInverse):
    """Return the inverse of ``rfft3d``; see ``irfft``."""

    count = 3
    samples = spectra((2, 3, 4, 3), (2, 3, 5))


@tf.op("RFFTAdjoint")
class _rfft_adjoint(RealAdjoint):
    """The adjoint of ``RFFT``."""

    samples = to_shape(complex_samples((2, 3), (4,)), [(2, 5), (6,)])


@tf.op("RFFT2DAdjoint")
class _rfft2d_adjoint(RealAdjoint):
    """The adjoint of ``RFFT2D``."""

    count = 2
    samples = to_shape(complex_samples((2, 4, 3), (3, 4)), [(2, 4, 5), (3, 6)])


@tf.op("RFFT3DAdjoint")
class _rfft3d_adjoint(RealAdjoint):
    """The adjoint of ``RFFT3D``."""

    count = 3
    samples = to_shape(complex_samples((2, 3, 4, 3)), [(2, 3, 4, 5)])


@tf.op("IRFFTAdjoint")
class _irfft_adjoint(InverseAdjoint):
    """The adjoint of ``IRFFT``."""

    samples = [((2, 6), [2, 4]), ((2, 5), [2, 3], {"fft_length": (5,)})]


@tf.op("IRFFT2DAdjoint")
class _irfft2d_adjoint(InverseAdjoint):
    """The adjoint of ``IRFFT2D``."""

    count = 2
    samples = [((2, 3, 6), [2, 3, 4]), ((2, 3, 5), [2, 3, 3], {"fft_length": (3, 5)})]


@tf.op("IRFFT3DAdjoint")
class _irfft3d_adjoint(InverseAdjoint):
    """The adjoint of ``IRFFT3D``."""

    count = 3
    samples = [((2, 3, 2, 6), [2, 3, 2, 4])]


# The gradient of each is the other.
for _function, _adjoint in (
    (rfft, _rfft_adjoint), (rfft2d, _rfft2d_adjoint), (rfft3d, _rfft3d_adjoint),
    (irfft, _irfft_adjoint), (irfft2d, _irfft2d_adjoint), (irfft3d, _irfft3d_adjoint),
):  # fmt: skip
    _function.opdef.adjoint, _adjoint.opdef.forward = _adjoint, _function
