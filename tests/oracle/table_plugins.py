"""Rows for the operations of plugins/tfmini-special and plugins/tfmini-signal."""

from __future__ import annotations

from tests.oracle.draw import A, I, T, row

UNIT = T(2, 3, low=0.05, high=0.95)
POSITIVE = T(2, 3, low=0.5, high=4)
EDGES = A([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 30.0, float("inf"), float("-inf"), float("nan")])
COMPLEX = " ".join(
    f"signal.{name}" for name in ("fft", "ifft", "fft2d", "ifft2d", "fft3d", "ifft3d")
)
# fmt: off
ROWS = [
    row("math.erf math.erfc", T(2, 3), dtypes="fdh"),
    row("math.erf math.erfc math.lgamma math.digamma", EDGES),
    row("math.lgamma math.digamma", POSITIVE, dtypes="fd"),
    row("math.lgamma math.digamma", T(2, 3, low=-0.9, high=-0.1), dtypes="fd"),
    row("math.zeta", T(2, 3, low=1.5, high=4), T(3, low=0.5, high=4), dtypes="fd"),
    row("math.polygamma", A([1, 2, 3]), T(3, low=0.5, high=4)),
    row("math.polygamma", A([0, 1, 3], "float64"), A([0.5, 2, 3], "float64")),
    row("math.igamma math.igammac", POSITIVE, T(3, low=0.5, high=4), dtypes="fd",
        differentiated=0),
    row("math.betainc", POSITIVE, POSITIVE, UNIT, dtypes="fd"),
    row("math.lbeta", POSITIVE, dtypes="fd"), row("math.lbeta", T(3, low=0.5, high=4)),
    row("math.lbeta", T(2, 0)),
    row("math.bessel_i0 math.bessel_i1 math.bessel_i0e math.bessel_i1e", T(2, 3), dtypes="fd"),
    row(COMPLEX, T(2, 3, 4, 5), dtypes="cz"), row(COMPLEX, T(2, 3, 4), dtypes="c"),
    row("signal.fft signal.ifft", T(7), dtypes="c"), row("signal.fft", T(0, 3), dtypes="c"),
    row("signal.rfft", T(2, 7), dtypes="fd"), row("signal.rfft", T(2, 8), [6]),
    row("signal.rfft", T(2, 8), I([12])),
    row("signal.rfft2d signal.rfft3d", T(2, 4, 6)),
    row("signal.rfft2d", T(4, 6), [4, 4]),
    row("signal.irfft", T(2, 5), dtypes="cz"), row("signal.irfft", T(2, 5), [9], dtypes="c"),
    row("signal.irfft", T(2, 5), [4], dtypes="c"),
    row("signal.irfft2d signal.irfft3d", T(2, 4, 4), dtypes="c"),
    *[row("signal.dct", T(2, 5), type=t, norm=n, dtypes="fd")
      for t, n in ((1, None), (2, None), (2, "ortho"), (3, None), (3, "ortho"))],
    *[row("signal.idct", T(2, 5), type=t, norm=n)
      for t, n in ((1, None), (2, None), (2, "ortho"), (3, None), (3, "ortho"))],
    row("signal.dct", T(2, 5), n=3), row("signal.dct", T(2, 5), n=8),
    row("signal.frame", T(2, 11), 4, 3), row("signal.frame", T(2, 11), 4, 3, pad_end=True),
    row("signal.frame", T(2, 11), 4, 3, pad_end=True, pad_value=1.5),
    row("signal.frame", T(11, 2), 4, 5, axis=0), row("signal.frame", T(3), 4, 1),
    row("signal.overlap_and_add", T(2, 5, 4), 2), row("signal.overlap_and_add", T(5, 4), 4),
    row("signal.overlap_and_add", T(5, 4), 3),
    row("signal.stft", T(2, 30), 8, 4), row("signal.stft", T(30), 8, 3, fft_length=16),
    row("signal.stft", T(30), 8, 3, window_fn=None, pad_end=True),
    row("signal.inverse_stft", T(2, 6, 5), 8, 4, dtypes="c"),
    row("signal.hann_window signal.hamming_window", 8),
    row("signal.hann_window signal.hamming_window", 7, periodic=False),
    row("signal.hann_window signal.hamming_window", 1),
    row("signal.hann_window", I(8), dtype="float64"),
    row("signal.fftshift signal.ifftshift", T(4, 5)),
    row("signal.fftshift signal.ifftshift", T(4, 5), axes=1),
]
# fmt: on
