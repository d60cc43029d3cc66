import math

import numpy as np
import pytest
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
