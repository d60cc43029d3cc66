"""``tf.spectral``: the transforms under their older names."""

from tfmini_signal.cosine import dct, idct
from tfmini_signal.fourier import fft, fft2d, fft3d, ifft, ifft2d, ifft3d
from tfmini_signal.real import irfft, irfft2d, irfft3d, rfft, rfft2d, rfft3d

__all__ = [
    "dct", "fft", "fft2d", "fft3d", "idct", "ifft", "ifft2d", "ifft3d", "irfft", "irfft2d",
    "irfft3d", "rfft", "rfft2d", "rfft3d",
]  # fmt: skip
