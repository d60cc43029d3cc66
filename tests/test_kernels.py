"""Kernels against plain loops and formulas, and gradients as adjoints of their kernels."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmini import threads
from tfmini.kernels import blocks, convolution
from tfmini.kernels.convolution import (
    conv,
    conv_filter_gradient,
    conv_input_gradient,
    conv_output_shape,
)
from tfmini.kernels.depthwise import (
    depthwise_conv,
    depthwise_filter_gradient,
    depthwise_input_gradient,
    depthwise_output_shape,
)
from tfmini.kernels.pooling import (
    avg_pool,
    avg_pool_gradient,
    max_pool,
    max_pool_gradient,
    pool_output_shape,
)


@pytest.fixture(params=["whole", "blocks"], autouse=True)
def block_sizes(request, monkeypatch):
    """Run every test with the usual blocks, and with blocks of one image row on several threads."""
    if request.param == "blocks":
        monkeypatch.setattr(convolution, "COLUMN_BYTES", 1)
        monkeypatch.setattr(convolution, "COLUMN_ROWS", 1)
        monkeypatch.setattr(blocks, "TILE_BYTES", 1)
        monkeypatch.setattr(threads, "CPU_COUNT", 3)


# ---- the loops -----------------------------------------------------------------------------------


def place(length, size, stride, dilation, padding):
    """Return (before, number of windows) along one dimension."""
    extent = (size - 1) * dilation + 1
    if padding == "SAME":
        count = -(-length // stride)
        return max((count - 1) * stride + extent - length, 0) // 2, count
    before, after = (0, 0) if padding == "VALID" else padding
    return before, len(range(0, length + before + after - extent + 1, stride))


def each_window(spatial, size, strides, padding, dilations):
    """Yield (output index, [(tap, image index), ...]) with the taps that are in the image."""
    paddings = (padding,) * len(spatial) if isinstance(padding, str) else padding
    placed = [place(*d) for d in zip(spatial, size, strides, dilations, paddings, strict=True)]
    for out in np.ndindex(*(count for _, count in placed)):
        inside = []
        for tap in np.ndindex(*size):
            at = tuple(
                o * s + t * d - before
                for o, s, t, d, (before, _) in zip(
                    out, strides, tap, dilations, placed, strict=True
                )
            )
            if all(0 <= a < n for a, n in zip(at, spatial, strict=True)):
                inside.append((tap, at))
        yield out, inside


def loop_conv(x, w, g, strides, padding, dilations):
    """Return convolution, input gradient and filter gradient."""
    y, dx, dw = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for out, inside in each_window(x.shape[1:-1], w.shape[:-2], strides, padding, dilations):
        o = (slice(None), *out)
        for tap, at in inside:
            a = (slice(None), *at)
            y[o] += x[a] @ w[tap]
            dx[a] += g[o] @ w[tap].T
            dw[tap] += x[a].T @ g[o]
    return y, dx, dw


def loop_depthwise(x, w, g, strides, padding, dilations):
    y, dx, dw = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for out, inside in each_window(x.shape[1:-1], w.shape[:-2], strides, padding, dilations):
        o = (slice(None), *out)
        for tap, at in inside:
            a = (slice(None), *at)
            share = g[o].reshape(len(x), *w.shape[-2:])
            y[o] += (x[a][..., None] * w[tap]).reshape(y[o].shape)
            dx[a] += (share * w[tap]).sum(axis=-1)
            dw[tap] += (x[a][..., None] * share).sum(axis=0)
    return y, dx, dw


def loop_pool(x, g, size, strides, padding, dilations):
    """Return maximum, its gradient, average, its gradient."""
    top, mean = np.zeros_like(g), np.zeros_like(g)
    dtop, dmean = np.zeros_like(x), np.zeros_like(x)
    for out, inside in each_window(x.shape[1:-1], size, strides, padding, dilations):
        for n, c in product(range(x.shape[0]), range(x.shape[-1])):
            values = [x[(n, *at, c)] for _, at in inside]
            o = (n, *out, c)
            if not values:  # the window sees padding only
                top[o] = -np.inf
                continue
            first = values.index(max(values))
            top[o], mean[o] = values[first], sum(values) / len(values)
            dtop[(n, *inside[first][1], c)] += g[o]
            for _, at in inside:
                dmean[(n, *at, c)] += g[o] / len(values)
    return top, dtop, mean, dmean


# ---- against the loops ---------------------------------------------------------------------------


@st.composite
def cases(draw):
    """Draw image and kernel sizes that fit, and the options."""
    rank = draw(st.integers(1, 3))
    each = st.integers(1, 3 if rank < 3 else 2)
    size = [draw(each) for _ in range(rank)]
    strides = [draw(each) for _ in range(rank)]
    dilations = [draw(each) for _ in range(rank)]
    pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
    padding = draw(st.sampled_from(["SAME", "VALID"]) | st.tuples(*[pads] * rank))
    least = [
        1 if padding == "SAME" else (n - 1) * d + 1 for n, d in zip(size, dilations, strict=True)
    ]
    spatial = [draw(st.integers(n, n + 3)) for n in least]
    options = {"strides": strides, "padding": padding, "dilations": dilations}
    return draw(st.integers(0, 3)), spatial, size, options


def numbers(seed, *shape):
    """Return small integers, whose sums are exact and have ties."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(float)


@settings(deadline=None, max_examples=80)
@given(case=cases(), cin=st.sampled_from([1, 2, 6]), cout=st.integers(1, 3), seed=st.integers(0, 9))
def test_conv_is_the_loop(case, cin, cout, seed):
    batch, spatial, size, options = case
    x, w = numbers(seed, batch, *spatial, cin), numbers(seed + 1, *size, cin, cout)
    y = conv(x, w, **options)
    assert y.shape == conv_output_shape(x.shape, w.shape, **options)
    g = numbers(seed + 2, *y.shape)
    expected_y, expected_dx, expected_dw = loop_conv(x, w, g, **options)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(conv_input_gradient(x.shape, w, g, **options), expected_dx)
    np.testing.assert_array_equal(conv_filter_gradient(x, w.shape, g, **options), expected_dw)


@settings(deadline=None, max_examples=80)
@given(case=cases(), cin=st.integers(1, 3), multiplier=st.integers(1, 3), seed=st.integers(0, 9))
def test_depthwise_is_the_loop(case, cin, multiplier, seed):
    batch, spatial, size, options = case
    x, w = numbers(seed, batch, *spatial, cin), numbers(seed + 1, *size, cin, multiplier)
    y = depthwise_conv(x, w, **options)
    assert y.shape == depthwise_output_shape(x.shape, w.shape, **options)
    g = numbers(seed + 2, *y.shape)
    expected_y, expected_dx, expected_dw = loop_depthwise(x, w, g, **options)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(depthwise_input_gradient(x.shape, w, g, **options), expected_dx)
    np.testing.assert_array_equal(depthwise_filter_gradient(x, w.shape, g, **options), expected_dw)


@settings(deadline=None, max_examples=80)
@given(case=cases(), channels=st.integers(1, 3), seed=st.integers(0, 9))
def test_pools_are_the_loop(case, channels, seed):
    batch, spatial, size, options = case
    x = numbers(seed, batch, *spatial, channels)
    options["ksize"] = size
    y = max_pool(x, **options)
    assert y.shape == pool_output_shape(x.shape, **options)
    g = numbers(seed + 1, *y.shape)
    loop = loop_pool(x, g, size, *(options[k] for k in ("strides", "padding", "dilations")))
    np.testing.assert_array_equal(y, loop[0])
    np.testing.assert_array_equal(max_pool_gradient(x, y, g, **options), loop[1])
    np.testing.assert_allclose(avg_pool(x, **options), loop[2], atol=1e-12)
    np.testing.assert_allclose(avg_pool_gradient(x.shape, g, **options), loop[3], atol=1e-12)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_gradients_are_adjoints_at_size(strides, channels):
    """Bigger shapes: several blocks, both layouts of columns."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((9, 20, 21, channels)), rng.standard_normal((5, 3, channels, 4))
    options = {"strides": strides, "padding": "SAME"}
    for forward, to_input, to_filter in (
        (conv, conv_input_gradient, conv_filter_gradient),
        (depthwise_conv, depthwise_input_gradient, depthwise_filter_gradient),
    ):
        y = forward(x, w, **options)
        g = rng.standard_normal(y.shape)
        inner = np.vdot(y, g)
        assert np.vdot(x, to_input(x.shape, w, g, **options)) == pytest.approx(inner)
        assert np.vdot(w, to_filter(x, w.shape, g, **options)) == pytest.approx(inner)


# ---- contracts -----------------------------------------------------------------------------------


def every_kernel(x, w, options, ksize=None):
    """Call every kernel; return the results by name."""
    y, d = conv(x, w, **options), depthwise_conv(x, w, **options)
    pool = {"ksize": 2, "strides": 2, "padding": "SAME"}
    if ksize:
        pool = {"ksize": ksize, **options}
    top = max_pool(x, **pool)
    return {
        "conv": y,
        "conv_input_gradient": conv_input_gradient(x.shape, w, y, **options),
        "conv_filter_gradient": conv_filter_gradient(x, w.shape, y, **options),
        "depthwise_conv": d,
        "depthwise_input_gradient": depthwise_input_gradient(x.shape, w, d, **options),
        "depthwise_filter_gradient": depthwise_filter_gradient(x, w.shape, d, **options),
        "max_pool": top,
        "max_pool_gradient": max_pool_gradient(x, top, top, **pool),
        "avg_pool": avg_pool(x, **pool),
        "avg_pool_gradient": avg_pool_gradient(x.shape, top, **pool),
    }


KERNELS = pytest.mark.parametrize("kernel", [1, 3])
STRIDES = pytest.mark.parametrize("strides", [1, 2])


@KERNELS
@STRIDES
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(dtype, kernel, strides):
    x, w = numbers(0, 2, 5, 6, 3), numbers(1, kernel, kernel, 3, 2)
    options = {"strides": strides, "padding": "SAME"}
    exact = every_kernel(x, w, options)
    for name, result in every_kernel(x.astype(dtype), w.astype(dtype), options).items():
        assert result.dtype == dtype, name
        tolerance = 4 * np.finfo(dtype).eps * np.abs(exact[name]).max()
        np.testing.assert_allclose(result, exact[name], atol=tolerance, err_msg=name)


@STRIDES
def test_bits_do_not_depend_on_threads(strides):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 19, 20, 8), dtype=np.float32)
    w = rng.standard_normal((5, 5, 8, 6), dtype=np.float32)
    options = {"strides": strides, "padding": "SAME"}
    parallel = every_kernel(x, w, options)
    with threads.serial():
        for name, result in every_kernel(x, w, options).items():
            np.testing.assert_array_equal(result, parallel[name], err_msg=name)


@KERNELS
@STRIDES
def test_empty_batch(kernel, strides):
    x, w = np.empty((0, 5, 6, 3)), numbers(1, kernel, kernel, 3, 2)
    for name, result in every_kernel(x, w, {"strides": strides, "padding": "SAME"}).items():
        if "filter" in name:
            np.testing.assert_array_equal(result, np.zeros(w.shape), err_msg=name)
        else:
            assert result.shape[0] == 0, name


@STRIDES
@pytest.mark.parametrize("spatial", [(4, 9), (9, 4), (4, 4)])
def test_no_window_fits(strides, spatial):
    """As in TensorFlow, a window slightly too big is seen zero times, and gradients are zero."""
    x, w = numbers(0, 2, *spatial, 3), numbers(1, 5, 5, 3, 2)
    for name, result in every_kernel(x, w, {"strides": strides}, ksize=5).items():
        if "gradient" in name:
            assert result.shape == (w if "filter" in name else x).shape, name
            np.testing.assert_array_equal(result, 0, err_msg=name)
        else:
            assert result.size == 0, name


@KERNELS
@STRIDES
def test_inputs_are_neither_written_nor_returned(kernel, strides):
    x, w = numbers(0, 2, 5, 6, 3), numbers(1, kernel, kernel, 3, 2)
    x.flags.writeable = w.flags.writeable = False
    for padding in ("SAME", "VALID"):
        options = {"strides": strides, "padding": padding}
        for name, result in every_kernel(x, w, options).items():
            assert not np.shares_memory(result, x), name
            assert not np.shares_memory(result, w), name
    same = {"ksize": 1, "strides": 1}
    assert not np.shares_memory(max_pool(x, **same), x)
    assert not np.shares_memory(max_pool_gradient(x, x, x, **same), x)
    assert not np.shares_memory(avg_pool(x, **same), x)
    assert not np.shares_memory(avg_pool_gradient(x.shape, x, **same), x)


@KERNELS
def test_strided_operands(kernel):
    """Transposed and reversed views give what their contiguous copies give."""
    x = numbers(0, 3, 6, 5, 2).transpose(3, 2, 1, 0)[:, ::-1]
    w = numbers(1, 2, 3, kernel, kernel).transpose(3, 2, 1, 0)
    options = {"strides": 1, "padding": "SAME"}
    exact = every_kernel(np.ascontiguousarray(x), np.ascontiguousarray(w), options)
    for name, result in every_kernel(x, w, options).items():
        np.testing.assert_array_equal(result, exact[name], err_msg=name)


def test_first_of_equal_maxima_gets_the_gradient():
    x = np.zeros((1, 3, 3, 1))
    options = {"ksize": 2, "strides": 1, "padding": "VALID"}
    grad = np.arange(1.0, 5).reshape(1, 2, 2, 1)
    dx = max_pool_gradient(x, max_pool(x, **options), grad, **options)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2, 0], [3, 4, 0], [0, 0, 0]])


def test_max_pool_of_integers_and_nan():
    x = np.array([-5, -3, -4], np.int32).reshape(1, 3, 1)
    options = {"ksize": 2, "strides": 2, "padding": "SAME"}
    np.testing.assert_array_equal(max_pool(x, **options).ravel(), [-3, -4])
    np.testing.assert_array_equal(
        max_pool(np.array([np.nan, 1, 2]).reshape(1, 3, 1), **options).ravel(), [np.nan, 2]
    )


# ---- shapes and errors ---------------------------------------------------------------------------


def test_static_shapes_with_unknown_dimensions():
    same, valid = {"strides": 2, "padding": "SAME"}, {"strides": 2, "padding": "VALID"}
    x, w = (None, None, 28, 3), (5, 5, 3, 8)
    assert conv_output_shape(x, w, **same) == (None, None, 14, 8)
    assert conv_output_shape(x, w, **valid) == (None, None, 12, 8)
    assert conv_output_shape(x, (None, None, 3, None), **same) == (None, None, 14, None)
    assert conv_output_shape(x, (None, 5, None, 8), **valid) == (None, None, 12, 8)
    assert depthwise_output_shape(x, (5, 5, 3, 2), **same) == (None, None, 14, 6)
    assert depthwise_output_shape(x, (5, 5, 3, None), **same) == (None, None, 14, None)
    assert pool_output_shape(x, ksize=2, **valid) == (None, None, 14, 3)
    assert pool_output_shape((4, 9, 3), ksize=2, strides=2, padding=[(1, 1)]) == (4, 5, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "FULL"}, "padding"),
        ({"padding": [(1, 1)]}, "padding"),
        ({"padding": [(1, 1), (-1, 0)]}, "padding"),
        ({"strides": 0}, "strides"),
        ({"strides": (1, 1, 1)}, "strides"),
        ({"dilations": 0}, "dilations"),
        ({"dilations": 9}, "does not fit"),
        ({"w": np.ones((2, 2, 4, 2))}, "channels"),
        ({"w": np.ones((2, 3, 2))}, "channels"),
    ],
)
def test_bad_arguments(changes, message):
    arguments = {"x": np.ones((1, 5, 5, 3)), "w": np.ones((2, 2, 3, 2)), **changes}
    with pytest.raises(ValueError, match=message):
        conv(**arguments)


def test_gradient_of_wrong_shape():
    x, w, g = np.ones((1, 5, 5, 3)), np.ones((2, 2, 3, 2)), np.ones((1, 5, 5, 2))
    pool = {"ksize": 2, "strides": 2}
    for call in (
        lambda: conv_input_gradient(x.shape, w, g),
        lambda: conv_filter_gradient(x, w.shape, g),
        lambda: depthwise_input_gradient(x.shape, w, g),
        lambda: depthwise_filter_gradient(x, w.shape, g),
        lambda: max_pool_gradient(x, max_pool(x, **pool), g, **pool),
        lambda: avg_pool_gradient(x.shape, g, **pool),
    ):
        with pytest.raises(ValueError, match="gradient has shape"):
            call()
