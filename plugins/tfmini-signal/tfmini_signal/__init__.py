"""``tf.signal`` for tfmini: Fourier and cosine transforms, frames, windows, all with gradients.

This module is what users reach as ``tf.signal``, and the plugin that tfmini finds.
"""

import sys

import tfmini as tf
from tfmini_signal import cosine, fourier, frames, real, spectral
from tfmini_signal.cosine import dct, idct
from tfmini_signal.fourier import fft, fft2d, fft3d, ifft, ifft2d, ifft3d
from tfmini_signal.frames import (
    fftshift,
    frame,
    hamming_window,
    hann_window,
    ifftshift,
    inverse_stft,
    inverse_stft_window_fn,
    overlap_and_add,
    stft,
)
from tfmini_signal.real import irfft, irfft2d, irfft3d, rfft, rfft2d, rfft3d

__all__ = [
    "dct", "fft", "fft2d", "fft3d", "fftshift", "frame", "hamming_window", "hann_window", "idct",
    "ifft", "ifft2d", "ifft3d", "ifftshift", "inverse_stft", "inverse_stft_window_fn", "irfft",
    "irfft2d", "irfft3d", "overlap_and_add", "rfft", "rfft2d", "rfft3d", "stft",
]  # fmt: skip


@tf.hookimpl
def tfmini_ops():
    return [fourier, real, cosine, frames]


@tf.hookimpl
def tfmini_names():
    return {"signal": sys.modules[__name__], "spectral": spectral}
