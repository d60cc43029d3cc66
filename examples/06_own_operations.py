"""Your own operations in the lesson's style: a class with compute, a function with the gradient.

`compute` and the gradient functions get values, NumPy arrays, and so are plain NumPy. tfmini's
own optimizer trains with them. (The README shows the shorter form that packages use.)
"""

import numpy as np

import tfmini as tf


class affine(tf.Operation):
    """X W + b, with one row per example."""

    def __init__(self, X, W, b):
        super().__init__([X, W, b])

    def compute(self, X_value, W_value, b_value):
        return X_value @ W_value + b_value


@tf.RegisterGradient("affine")
def _affine_gradient(op, grad):
    # op.inputs are the values that compute got; one gradient is returned for each of them. b was
    # added to every row, so its gradient is the sum over rows, in the shape that b has.
    X, W, b = op.inputs
    return grad @ W.T, X.T @ grad, grad.sum(axis=0).reshape(b.shape)


class soft_step(tf.Operation):
    """A step from 0 to 1 that is softer the smaller `steepness` is."""

    def __init__(self, x, steepness=1.0):
        super().__init__([x])
        self.steepness = steepness  # whatever __init__ sets is there in compute

    def compute(self, x_value):
        return 0.5 + 0.5 * np.tanh(self.steepness / 2 * x_value)


@tf.RegisterGradient("soft_step")
def _soft_step_gradient(op, grad):
    # op.output is the value that compute returned.
    return grad * op.steepness * op.output * (1 - op.output)


class mean_squared_error(tf.Operation):
    """The mean of the squared differences, one number."""

    def __init__(self, prediction, truth):
        super().__init__([prediction, truth])

    def compute(self, prediction_value, truth_value):
        return np.mean((prediction_value - truth_value) ** 2)


@tf.RegisterGradient("mean_squared_error")
def _mean_squared_error_gradient(op, grad):
    n_rows, n_columns = op.inputs[0].shape
    d = 2 * grad / (n_rows * n_columns) * (op.inputs[0] - op.inputs[1])
    return d, -d


random = np.random.default_rng(6)
tf.Graph().as_default()
X = tf.placeholder()
truth = tf.placeholder()
hidden = soft_step(affine(X, tf.Variable(random.normal(size=(2, 4))), tf.Variable([0.0] * 4)), 2.0)
output = soft_step(affine(hidden, tf.Variable(random.normal(size=(4, 1))), tf.Variable([0.0])))
loss = mean_squared_error(output, truth)
train = tf.train.GradientDescentOptimizer(2.0).minimize(loss)

xor = {X: [[0, 0], [0, 1], [1, 0], [1, 1]], truth: [[0], [1], [1], [0]]}
session = tf.Session()
for step in range(1501):
    loss_value, _ = session.run([loss, train], xor)
    if step % 300 == 0:
        print(f"step {step:4}: loss {loss_value:.5f}")
print("0^0, 0^1, 1^0, 1^1:", session.run(output, xor).ravel().round(2))

assert np.array_equal(session.run(output, xor) > 0.5, [[False], [True], [True], [False]])
assert loss_value < 0.01
