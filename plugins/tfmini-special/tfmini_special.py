"""SciPy's special functions as operations of tfmini; formulas are those of NIST's DLMF."""

from math import pi

import numpy as np
import scipy.special

import tfmini as tf


class Special(tf.Elementwise):
    """What these operations have in common."""

    kinds = "f"
    weight = 10.0  # one element takes ten times as long as an addition
    domain = (0.1, 3.0)  # from where samples are drawn
    samples = [((2, 3),), ((),)]


@tf.op("Erf")
class erf(Special):
    """Return the error function of ``x`` element-wise (DLMF 7.2.1)."""

    ufunc = scipy.special.erf

    def gradient(self, node, grad):
        return (2 / pi**0.5 * grad * tf.exp(-tf.square(node.inputs[0])),)


@tf.op("Erfc")
class erfc(Special):
    """Return ``1 - erf(x)`` element-wise, exact also where ``erf(x)`` is near 1 (DLMF 7.2.2)."""

    ufunc = scipy.special.erfc

    def gradient(self, node, grad):
        return (-2 / pi**0.5 * grad * tf.exp(-tf.square(node.inputs[0])),)


@tf.op("Lgamma")
class lgamma(Special):
    """Return the logarithm of ``|gamma(x)|`` element-wise (DLMF 5.2.1)."""

    ufunc = scipy.special.gammaln

    def gradient(self, node, grad):
        return (grad * digamma(node.inputs[0]),)


@tf.op("Digamma")
class digamma(Special):
    """Return the derivative of ``lgamma(x)`` element-wise (DLMF 5.2.2)."""

    ufunc = scipy.special.digamma

    def gradient(self, node, grad):
        return (grad * zeta(2.0, node.inputs[0]),)


@tf.op("Zeta")
class zeta(Special):
    """Return the sum of ``(n + q)**-x`` over n = 0, 1, ... element-wise (DLMF 25.11.1)."""

    samples = [(2.0, (2, 3)), (3.0, ())]

    def compute(self, x, q, *, out=None):
        return scipy.special.zeta(x, q, out)

    def gradient(self, node, grad):
        x, q = node.inputs
        return None, -grad * x * zeta(x + 1.0, q)  # none in closed form for x


@tf.op("Polygamma")
class polygamma(Special):
    """Return the ``a``-th derivative of ``digamma(x)`` element-wise (DLMF 5.15); ``a`` is a whole
    number from 0, as a float; NaN for others."""

    samples = [(2.0, (2, 3)), (0.0, (3,)), (np.array([[1.0], [3.0]]), (2, 3)), (1.0, ())]

    def compute(self, a, x):
        series = scipy.special.zeta(a + 1, x) * scipy.special.gamma(a + 1)
        higher = np.where(a % 2 == 1, series, -series)
        value = np.where(a == 0, scipy.special.digamma(x), higher)
        return np.where((a >= 0) & (a == np.floor(a)), value, np.nan)

    def gradient(self, node, grad):
        a, x = node.inputs
        return None, grad * polygamma(a + 1.0, x)  # a has no neighbours


class IncompleteGamma(Special):
    """What both incomplete gamma functions have in common."""

    samples = [(2.5, (2, 3)), (0.5, ())]


@tf.op("Igamma")
class igamma(IncompleteGamma):
    """Return the lower incomplete gamma function of ``a`` and ``x``, divided by ``gamma(a)``,
    element-wise (DLMF 8.2.4)."""

    ufunc = scipy.special.gammainc

    def gradient(self, node, grad):
        return None, grad * _gamma_density(*node.inputs)  # none in closed form for a


@tf.op("Igammac")
class igammac(IncompleteGamma):
    """Return ``1 - igamma(a, x)`` element-wise, exact also where that is near 0 (DLMF 8.2.4)."""

    ufunc = scipy.special.gammaincc

    def gradient(self, node, grad):
        return None, -grad * _gamma_density(*node.inputs)


def _gamma_density(a, x):
    """Return the derivative of ``igamma(a, x)`` for ``x``: the gamma distribution's density."""
    return tf.exp((a - 1.0) * tf.log(x) - x - lgamma(a))


@tf.op("Betainc")
class betainc(Special):
    """Return the regularised incomplete beta function of ``a``, ``b`` at ``x``, element-wise
    (DLMF 8.17.2); ``x`` from 0 to 1."""

    domain = (0.1, 0.9)
    samples = [(2.0, 0.5, (2, 3)), (1.5, 2.5, ())]

    def compute(self, a, b, x, *, out=None):
        return scipy.special.betainc(a, b, x, out)

    def gradient(self, node, grad):
        a, b, x = node.inputs
        log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
        density = tf.exp((b - 1.0) * tf.log1p(-x) + (a - 1.0) * tf.log(x) - log_beta)
        return None, None, grad * density  # none in closed form for a and b


class Bessel(Special):
    """What the modified Bessel functions of the first kind have in common (DLMF 10.25.2)."""

    domain = (-3.0, 3.0)


@tf.op("BesselI0")
class bessel_i0(Bessel):
    """Return the modified Bessel function of the first kind and order 0, element-wise."""

    ufunc = scipy.special.i0

    def gradient(self, node, grad):
        return (grad * bessel_i1(node.inputs[0]),)


@tf.op("BesselI1")
class bessel_i1(Bessel):
    """Return the modified Bessel function of the first kind and order 1, element-wise."""

    ufunc = scipy.special.i1

    def gradient(self, node, grad):
        x = node.inputs[0]
        return (grad * (bessel_i0(x) - _over(node.outputs[0], x)),)


@tf.op("BesselI0e")
class bessel_i0e(Bessel):
    """Return ``exp(-|x|) * bessel_i0(x)`` element-wise: it never overflows."""

    ufunc = scipy.special.i0e

    def gradient(self, node, grad):
        x, y = node.inputs[0], node.outputs[0]
        return (grad * (bessel_i1e(x) - tf.sign(x) * y),)


@tf.op("BesselI1e")
class bessel_i1e(Bessel):
    """Return ``exp(-|x|) * bessel_i1(x)`` element-wise: it never overflows."""

    ufunc = scipy.special.i1e

    def gradient(self, node, grad):
        x, y = node.inputs[0], node.outputs[0]
        return (grad * (bessel_i0e(x) - tf.sign(x) * y - _over(y, x)),)


def _over(y, x):
    """Return ``y / x`` for a ``y`` of order 1 in ``x``, and the limit, 1/2, where ``x`` is 0."""
    zero = tf.equal(x, 0.0)
    return tf.where(zero, tf.fill(tf.shape(x), tf.cast(0.5, x.dtype)), tf.div_no_nan(y, x))


def lbeta(x, name=None):
    """Return the logarithm of the absolute value of the multivariate beta function of the last
    dimension (DLMF 5.14.1): of [..., n], [...]; of n = 0, minus infinity."""
    x = tf.convert_to_tensor(x)
    parts = tf.reduce_sum(lgamma(x), -1)
    return tf.subtract(parts, lgamma(tf.reduce_sum(x, -1)), name=name or "lbeta")


@tf.hookimpl
def tfmini_ops():
    return [
        erf, erfc, lgamma, digamma, zeta, polygamma, igamma, igammac, betainc, bessel_i0,
        bessel_i1, bessel_i0e, bessel_i1e,
    ]  # fmt: skip


@tf.hookimpl
def tfmini_names():
    in_math = {f"math.{op.__name__}": op for op in tfmini_ops()}
    return {**in_math, "lbeta": lbeta, "math.lbeta": lbeta}
