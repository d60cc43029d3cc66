import inspect

import numpy as np
import pytest
import tfmini_signal
from tfmini_signal import cosine, fourier, frames, real

import tfmini as tf
import tfmini.testing

RNG = np.random.default_rng(0)
OPS = [
    function
    for module in (fourier, real, cosine, frames)
    for function in vars(module).values()
    if inspect.isfunction(function)
    if hasattr(function, "opdef") and function.__module__ == module.__name__
]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_conformance(op):
    """Shapes, dtypes, gradients, splitting, places to run, ...: whatever every operation keeps."""
    tfmini.testing.check_op(op)


def run(*fetches):
    with tf.Session() as session:
        return session.run(fetches[0] if len(fetches) == 1 else list(fetches))


def complex_(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(np.complex64)


@pytest.mark.parametrize("name", ["fft", "ifft"])
@pytest.mark.parametrize(("suffix", "axes"), [("", 1), ("2d", 2), ("3d", 3)])
def test_complex_transforms_are_numpys(name, suffix, axes):
    x = complex_(2, 4, 3, 5)
    y = getattr(tfmini_signal, name + suffix)(x)
    assert y.dtype == tf.complex64
    expected = getattr(np.fft, name + "n")(x, axes=range(-axes, 0))
    np.testing.assert_allclose(run(y), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("length", [None, 4, 7, 8])
@pytest.mark.parametrize(("suffix", "axes"), [("", 1), ("2d", 2), ("3d", 3)])
def test_real_transforms_are_numpys(length, suffix, axes):
    points = None if length is None else [length] * axes
    x, z = RNG.normal(size=(2, 4, 3, 5)).astype(np.float32), complex_(2, 4, 3, 5)
    there = getattr(tfmini_signal, "rfft" + suffix)(x, points)
    back = getattr(tfmini_signal, "irfft" + suffix)(z, points)
    assert (there.dtype, back.dtype) == (tf.complex64, tf.float32)
    last = range(-axes, 0)
    found = run(there, back)
    np.testing.assert_allclose(found[0], np.fft.rfftn(x, points, last), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[1], np.fft.irfftn(z, points, last), rtol=1e-4, atol=1e-4)


def matrix(kind, n):
    """Return the matrix of a cosine transform by its definition."""
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    if kind == 1:
        out = 2 * np.cos(np.pi * k * i / (n - 1))
        out[:, [0, -1]] /= 2
        return out
    if kind == 2:
        return 2 * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    out = 2 * np.cos(np.pi * i * (2 * k + 1) / (2 * n))
    out[:, 0] /= 2
    return out


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("n", [None, 3, 8])
def test_cosine_transforms_are_their_definition(kind, n):
    x = RNG.normal(size=(2, 5))
    y, back = run(tf.signal.dct(x, kind, n), tf.signal.idct(x, kind, n))
    fitted = np.pad(x, [(0, 0), (0, 3)])[:, : n or 5]
    np.testing.assert_allclose(y, fitted @ matrix(kind, n or 5).T, atol=1e-12)
    inverse = {1: 1, 2: 3, 3: 2}[kind]
    np.testing.assert_allclose(back, fitted @ matrix(inverse, n or 5).T, atol=1e-12)


@pytest.mark.parametrize("kind", [2, 3])
def test_orthonormal_transforms_keep_norms_and_have_inverses(kind):
    x = RNG.normal(size=(2, 5))
    y = tf.signal.dct(x, kind, norm="ortho")
    found, back = run(y, tf.signal.idct(y, kind, norm="ortho"))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(x, axis=1))
    np.testing.assert_allclose(back, x)


@pytest.mark.parametrize("pad_end", [False, True])
def test_frames_along_any_axis(pad_end):
    x = np.arange(14).reshape(7, 2)
    found = run(tf.signal.frame(x, 3, 2, pad_end, pad_value=-1, axis=0))
    padded = np.vstack([x, np.full((2, 2), -1)]) if pad_end else x
    expected = [padded[i : i + 3] for i in range(0, 7 if pad_end else 5, 2)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_overlapping_frames_add_up(step):
    x = RNG.normal(size=(4, 3))
    expected = np.zeros(3 * step + 3)
    for i in range(4):
        expected[i * step : i * step + 3] += x[i]
    np.testing.assert_allclose(run(tf.signal.overlap_and_add(x, step)), expected)


def test_windows():
    np.testing.assert_allclose(run(tf.signal.hann_window(4)), [0, 0.5, 1, 0.5], atol=1e-7)
    symmetric = run(tf.signal.hamming_window(7, periodic=False, dtype=tf.float64))
    np.testing.assert_allclose(symmetric, np.hamming(7))
    np.testing.assert_array_equal(run(tf.signal.hann_window(1)), [1])


def test_short_time_transform_by_hand_and_back():
    x = RNG.normal(size=(2, 40))
    spectra = tf.signal.stft(x, 8, 4)
    back = tf.signal.inverse_stft(spectra, 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4))
    found, signal = run(spectra, back)
    assert spectra.shape.as_list() == [2, 9, 5]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    np.testing.assert_allclose(found[:, 3], np.fft.rfft(x[:, 12:20] * window))
    # The first and last samples are in one frame only, where the window is near 0.
    np.testing.assert_allclose(signal[:, 4:-4], x[:, 4:-4])


def test_a_filter_is_learned_through_the_spectrum():
    """Gradients flow from spectra to weights: a kernel is found from what it does to noise."""
    x, kernel = RNG.normal(size=64), RNG.normal(size=64) / 8
    wanted = np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), 64)
    guess = tf.Variable(np.zeros(64))
    product = tf.signal.rfft(tf.constant(x)) * tf.signal.rfft(guess)
    loss = tf.reduce_sum(tf.square(tf.signal.irfft(product) - wanted))
    train = tf.train.GradientDescentOptimizer(2e-3).minimize(loss)
    with tf.Session() as session:
        first = session.run(loss)
        for _ in range(200):
            session.run(train)
        assert session.run(loss) < 1e-2 * first


def test_shifts():
    x = RNG.normal(size=(4, 5))
    shifted = tf.signal.fftshift(x, [1])
    found, back = run(shifted, tf.signal.ifftshift(shifted, [1]))
    np.testing.assert_array_equal(found, np.fft.fftshift(x, [1]))
    np.testing.assert_array_equal(back, x)


def test_misuse():
    with pytest.raises(TypeError, match="complex"):
        tf.signal.fft([1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have 1 elements"):
        tf.signal.rfft([1.0, 2.0], [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="use 1, 2 or 3"):
        tf.signal.dct([1.0, 2.0], type=7)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'ortho'"):
        tf.signal.dct([1.0, 2.0], type=1, norm="ortho")
    with pytest.raises(tf.errors.InvalidArgumentError, match="known int"):
        tf.signal.frame([1.0, 2.0], tf.placeholder(tf.int32, []), 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="over 0"):
        tf.signal.frame([1.0, 2.0], 2, 0)


def test_names_below_tf():
    assert tf.signal is tfmini_signal
    assert tf.spectral.rfft is tf.signal.rfft
    assert tf.fft is tf.signal.fft
