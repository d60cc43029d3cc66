import math

import numpy as np
import pytest
import scipy.special
import tfmini_special

import tfmini as tf
import tfmini.testing


@pytest.mark.parametrize("op", tfmini_special.tfmini_ops(), ids=lambda op: op.__name__)
def test_conformance(op):
    """Shapes, dtypes, gradients, places to run, ...: whatever every operation keeps."""
    tfmini.testing.check_op(op)


def test_values():
    with tf.Session() as session:
        values = session.run(
            [tf.erf(0.5), tf.erfc(0.5), tf.lgamma(0.5), tf.digamma(1.0), tf.zeta(2.0, 1.0)]
        )
    expected = [math.erf(0.5), math.erfc(0.5), math.lgamma(0.5), -np.euler_gamma, math.pi**2 / 6]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_polygamma_is_the_derivative_of_digamma_and_nan_between():
    x = np.array([0.3, 1.0, 2.5])
    with tf.Session() as session:
        values = session.run([tf.polygamma(float(n), x) for n in range(4)])
        outside = session.run(tf.polygamma([0.5, -1.0], [1.0, 1.0]))
    expected = [scipy.special.polygamma(n, x) for n in range(4)]
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert np.isnan(outside).all()


def test_incomplete_functions():
    x = np.array([0.1, 0.5, 0.9])
    with tf.Session() as session:
        lower, upper, beta = session.run(
            [tf.igamma(np.ones((2, 1)), x)[1], tf.igammac(1.0, x), tf.betainc(2.0, 1.0, x)]
        )
    np.testing.assert_allclose(lower, -np.expm1(-x), rtol=1e-12)
    np.testing.assert_allclose(upper, np.exp(-x), rtol=1e-12)
    np.testing.assert_allclose(beta, x**2, rtol=1e-12)


def test_lbeta_is_of_the_last_dimension():
    x = tf.constant([[1.0, 2.0, 3.0], [0.5, 0.5, 1.0]], tf.float64)
    found = tf.math.lbeta(x)
    slope = tf.gradients(tf.lbeta(x)[0], x)[0][0]
    with tf.Session() as session:
        values, empty, slope = session.run([found, tf.lbeta(np.zeros((2, 0))), slope])
    np.testing.assert_allclose(values, np.log([2 / 120, math.pi]), rtol=1e-12)
    assert (empty == -np.inf).all()
    digamma = scipy.special.digamma
    np.testing.assert_allclose(slope, digamma([1.0, 2.0, 3.0]) - digamma(6.0), rtol=1e-12)


def test_bessel_functions_and_their_slopes_at_0():
    x = np.array([-800.0, -1.5, 0.0, 2.0])
    small = tf.constant(x[1:])
    functions = [tf.math.bessel_i0, tf.math.bessel_i1, tf.math.bessel_i0e, tf.math.bessel_i1e]
    slopes = [tf.gradients(f(small), small)[0][1] for f in functions]
    with tf.Session() as session:
        scaled = session.run([tf.bessel_i0e(x), tf.bessel_i1e(x)])
        values, found = session.run([[f(small) for f in functions[:2]], slopes])
    np.testing.assert_allclose(scaled, [scipy.special.i0e(x), scipy.special.i1e(x)])
    np.testing.assert_allclose(values, [scipy.special.i0(x[1:]), scipy.special.i1(x[1:])])
    np.testing.assert_allclose(found, [0, 0.5, 0, 0.5])
