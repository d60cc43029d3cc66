"""Frames of signals, windows, and the short-time Fourier transform made of them."""

import math

import numpy as np

import tfmini as tf
from tfmini.opdef import nbytes
from tfmini.spec import TensorSpec
from tfmini_signal.cosine import to_length
from tfmini_signal.fourier import LETTERS
from tfmini_signal.real import fitted, irfft, rfft


@tf.op("Frame")
class _frame(tf.OpDef):
    """Pieces of ``length`` of the last dimension, ``step`` apart: [..., frames, length]."""

    samples = [((2, 9), {"length": 4, "step": 2}), ((5,), {"length": 3, "step": 4}),
               ((2, 3), {"length": 4, "step": 1})]  # fmt: skip

    def compute(self, signal, *, length, step):
        count = frames_in(signal.shape[-1], length, step)
        if not count:
            return np.zeros((*signal.shape[:-1], 0, length), signal.dtype)
        views = np.lib.stride_tricks.sliding_window_view(signal, length, axis=-1)
        return views[..., ::step, :].copy()

    def infer(self, signal, *, length, step):
        if signal.shape is None:
            return TensorSpec(None, signal.dtype)
        if not signal.shape:
            raise ValueError("a scalar has no frames")
        last = signal.shape[-1]
        count = None if last is None else frames_in(last, length, step)
        return TensorSpec((*signal.shape[:-1], count, length), signal.dtype)

    def cost(self, signal, **attrs):
        out = self.infer(signal, **attrs)
        return tf.Cost(math.inf if out.size is None else out.size, nbytes(signal, out))

    def dims(self, signal, **attrs):
        if signal.shape is None or len(signal.shape) > 16:
            return None
        lead = LETTERS[: len(signal.shape) - 1]
        return f"{lead}[x]->{lead}[X][Y]"

    def gradient(self, node, grad):
        size = tf.shape(node.inputs[0])[-1]
        return (_overlap(grad, size, **node.attrs),)


def frames_in(size, length, step):
    """Return how many whole frames there are in ``size`` points."""
    return max((size - length) // step + 1, 0)


@tf.op("OverlapAndAdd")
class _overlap(tf.OpDef):
    """The sum of frames of ``length`` placed ``step`` apart, padded to ``size`` with zeros: the
    adjoint of ``Frame``."""

    samples = [((2, 3, 4), 9, {"step": 2, "length": 4}),
               ((2, 2, 3), 7, {"step": 4, "length": 3})]  # fmt: skip

    def compute(self, frames, size, *, step, length):
        count = frames.shape[-2]
        size = int(size)
        out = np.zeros((*frames.shape[:-2], size), frames.dtype)
        if step >= length:  # they do not meet
            whole = np.zeros((*frames.shape[:-1], step), frames.dtype)
            whole[..., :length] = frames
            return fitted(whole.reshape(*frames.shape[:-2], count * step), (size,))
        for i in range(count):
            out[..., i * step : i * step + length] += frames[..., i, :]
        return out

    def infer(self, frames, size, *, step, length):
        if frames.shape is None:
            return TensorSpec(None, frames.dtype)
        if len(frames.shape) < 2:
            raise ValueError("frames must be [..., frames, length]")
        known = size.value if isinstance(size.value, int) else None
        return TensorSpec((*frames.shape[:-2], known), frames.dtype)

    def cost(self, frames, size, **attrs):
        return tf.Cost(math.inf if frames.size is None else frames.size, 2 * nbytes(frames))

    def dims(self, frames, size, **attrs):
        if frames.shape is None or len(frames.shape) > 16:
            return None
        lead = LETTERS[: len(frames.shape) - 2]
        return f"{lead}[x][y],->{lead}[X]"

    def gradient(self, node, grad):
        return _frame(grad, **node.attrs), None


def frame(signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1, name=None):
    """Return pieces of ``signal`` along ``axis``, which becomes two: [..., frames, length, ...].

    Parameters
    ----------
    frame_length, frame_step : ints, points in a frame and from one to the next
    pad_end : bool
        Whether the last frames are filled with ``pad_value`` instead of being dropped.
    """
    x = tf.convert_to_tensor(signal)
    length, step = known(frame_length, "frame_length"), known(frame_step, "frame_step")
    rank = x.shape.ndims
    if rank is None:
        raise tf.errors.InvalidArgumentError(None, None, "the rank must be known; use set_shape.")
    axis %= rank
    order = [i for i in range(rank) if i != axis]
    if axis != rank - 1:
        x = tf.transpose(x, [*order, axis])
    if pad_end:
        size = x.shape[-1].value
        size = tf.shape(x)[-1] if size is None else size
        count = -(-size // step)
        missing = (count - 1) * step + length - size
        missing = tf.maximum(missing, 0) if isinstance(missing, tf.Tensor) else max(missing, 0)
        x = tf.pad(x, [[0, 0]] * (rank - 1) + [[0, missing]], constant_values=pad_value)
    out = _frame(x, length=length, step=step, name=name or "frame")
    if axis != rank - 1:
        out = tf.transpose(out, [*range(axis), rank - 1, rank, *range(axis, rank - 1)])
    return out


def known(value, what):
    """Return an int that must be known while the graph is built."""
    found = tf.constant_value(value)
    if found is None:
        raise tf.errors.InvalidArgumentError(None, None, f"{what} must be a known int.")
    if found < 1:
        raise tf.errors.InvalidArgumentError(None, None, f"{what} must be over 0, not {found}.")
    return int(found)


def overlap_and_add(signal, frame_step, name=None):
    """Return the sum of frames [..., frames, length] placed ``frame_step`` apart."""
    frames = tf.convert_to_tensor(signal)
    step = known(frame_step, "frame_step")
    if frames.shape.ndims is None or frames.shape[-1].value is None:
        raise tf.errors.InvalidArgumentError(
            None, None, f"the frame length must be known, not {frames.shape}; use set_shape."
        )
    length = frames.shape[-1].value
    size = (tf.shape(frames)[-2] - 1) * step + length
    size = tf.maximum(size, 0)
    return _overlap(frames, size, step=step, length=length, name=name or "overlap_and_add")


def raised_cosine(window_length, periodic, dtype, a, b, name):
    length = known(window_length, "window_length")
    dtype = tf.as_dtype(dtype)
    if not dtype.is_floating:
        raise tf.errors.InvalidArgumentError(None, None, f"a window of {dtype.name} has no use.")
    if length == 1:
        return tf.ones([1], dtype, name)
    points = length if periodic and length % 2 == 0 else length - 1
    window = a - b * np.cos(2 * math.pi * np.arange(length) / points)
    return tf.constant(window, dtype, name=name)


def hann_window(window_length, periodic=True, dtype=tf.float32, name="hann_window"):
    """Return the Hann window ``0.5 - 0.5 cos(2 pi n / N)``.

    N is the length where that is even and ``periodic`` is true, else the length less one.
    """
    return raised_cosine(window_length, periodic, dtype, 0.5, 0.5, name or "hann_window")


def hamming_window(window_length, periodic=True, dtype=tf.float32, name="hamming_window"):
    """Return the Hamming window ``0.54 - 0.46 cos(2 pi n / N)``; see hann_window."""
    return raised_cosine(window_length, periodic, dtype, 0.54, 0.46, name or "hamming_window")


def inverse_stft_window_fn(frame_step, forward_window_fn=hann_window, name=None):
    """Return the window function with which ``inverse_stft`` inverts ``stft`` exactly."""
    step = known(frame_step, "frame_step")

    def window_fn(frame_length, dtype):
        length = known(frame_length, "frame_length")
        window = forward_window_fn(length, dtype=dtype)
        overlaps = -(-length // step)
        power = tf.pad(tf.square(window), [[0, overlaps * step - length]])
        total = tf.reduce_sum(tf.reshape(power, [overlaps, step]), 0)
        return window / tf.tile(total, [overlaps])[:length]

    return window_fn


def enclosing(length):
    """Return the smallest power of two that is ``length`` or more."""
    return 1 << (length - 1).bit_length()


def stft(
    signals, frame_length, frame_step, fft_length=None, window_fn=hann_window, pad_end=False,
    name=None,
):  # fmt: skip
    """Return the short-time Fourier transform: [..., frames, fft_length // 2 + 1], complex.

    Parameters
    ----------
    signals : float [..., samples]
    frame_length, frame_step : ints, samples in a frame and from one to the next
    fft_length : int, by default the smallest power of two that holds a frame
    window_fn : function of a length and ``dtype=``, or None for no window
    pad_end : bool, whether the last frames are filled with zeros instead of being dropped
    """
    with tf.name_scope(name, "stft"):
        signals = tf.convert_to_tensor(signals)
        length = known(frame_length, "frame_length")
        frames = frame(signals, length, frame_step, pad_end)
        if window_fn is not None:
            frames = frames * window_fn(length, dtype=frames.dtype)
        points = enclosing(length) if fft_length is None else known(fft_length, "fft_length")
        return rfft(frames, [points])


def inverse_stft(
    stfts, frame_length, frame_step, fft_length=None, window_fn=hann_window, name=None
):
    """Return the signals of a short-time Fourier transform: [..., samples]; see ``stft``.

    Exact where the windows' products add up to one: ``window_fn=inverse_stft_window_fn(step)``.
    """
    with tf.name_scope(name, "inverse_stft"):
        length = known(frame_length, "frame_length")
        points = enclosing(length) if fft_length is None else known(fft_length, "fft_length")
        frames = to_length(irfft(stfts, [points]), length)
        if window_fn is not None:
            frames = frames * window_fn(length, dtype=frames.dtype)
        return overlap_and_add(frames, frame_step)


def _shifted(x, axes, sign, name):
    x = tf.convert_to_tensor(x)
    if axes is None:
        axes = range(x.shape.ndims)
    axes = [axes] if isinstance(axes, int) else list(axes)
    shape = tf.shape(x)
    shifts = [shape[a] // 2 if sign > 0 else -(shape[a] // 2) for a in axes]
    return tf.roll(x, shifts, axes, name=name)


def fftshift(x, axes=None, name=None):
    """Return ``x`` with the zero frequency moved to the middle of ``axes`` (default: all)."""
    return _shifted(x, axes, 1, name or "fftshift")


def ifftshift(x, axes=None, name=None):
    """Return the inverse of ``fftshift``."""
    return _shifted(x, axes, -1, name or "ifftshift")
