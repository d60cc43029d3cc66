"""SciPy's special functions as operations of tfmini; formulas are those of NIST's DLMF."""

from math import pi

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


@tf.hookimpl
def tfmini_ops():
    return [erf, erfc, lgamma, digamma, zeta]


@tf.hookimpl
def tfmini_names():
    names = ("erf", "erfc", "lgamma", "digamma", "zeta")
    return {f"math.{name}": globals()[name] for name in names}
