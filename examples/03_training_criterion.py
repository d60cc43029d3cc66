"""Lesson 3: the cross-entropy loss says how well a perceptron fits the data.

It is minus the logarithm of the probability that the perceptron gives to the true classes.
"""

import numpy as np

import tfmini as tf

random = np.random.default_rng(3)
blue_points = random.normal(size=(50, 2)) + 2
red_points = random.normal(size=(50, 2)) - 2

tf.Graph().as_default()
X = tf.placeholder()  # a row per point
c = tf.placeholder()  # its true class: [1, 0] for blue, [0, 1] for red
W = tf.Variable([[1.0, -1.0], [1.0, -1.0]])
b = tf.Variable([0.0, 0.0])
p = tf.softmax(tf.add(tf.matmul(X, W), b))

# c picks the logarithm of the true class's probability out of each row; the sum over all points
# is the logarithm of the product of these probabilities, which itself would be too small a number.
J = tf.negative(tf.reduce_sum(tf.reduce_sum(tf.multiply(c, tf.log(p)), axis=1)))

data = {
    X: np.concatenate([blue_points, red_points]),
    c: [[1, 0]] * 50 + [[0, 1]] * 50,
}
session = tf.Session()
good = session.run(J, data)
print("loss with the line x1 + x2 = 0:", good)

# Any node can be given a value for one run, a variable too.
bad = session.run(J, {**data, W: [[1.0, -1.0], [-1.0, 1.0]]})
none = session.run(J, {**data, W: np.zeros((2, 2))})
print("loss with the line x1 - x2 = 0:", bad)
print("loss if both classes count equally likely:", none)

# Far on the wrong side the probability itself rounds to 0, and its logarithm is minus infinity.
# The function that takes the logits, not p, gives the exact loss there.
logits = tf.add(tf.matmul(X, W), b)
stable = tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(labels=c, logits=logits))
far = {X: [[-1000, -1000]], c: [[1, 0]]}
print("a point far on the wrong side:", *session.run([J, stable], far))

assert good < none < bad
assert np.isclose(none, 100 * np.log(2))
assert np.isclose(session.run(stable, data), good)
assert session.run(stable, far) == 4000
