"""Lesson 2: a perceptron separates two classes of points by a straight line.

Its weights are chosen by hand here; lesson 4 finds them by itself.
"""

import numpy as np

import tfmini as tf

random = np.random.default_rng(2)
red_points = random.normal(size=(50, 2)) - 2  # a cloud around (-2, -2)
blue_points = random.normal(size=(50, 2)) + 2  # a cloud around (2, 2)

tf.Graph().as_default()
session = tf.Session()

# One output: the sigmoid turns w . x + b, which is 0 on the line x1 + x2 = 0 and grows towards
# (2, 2), into the probability that x is blue.
x = tf.placeholder()
w = tf.Variable([1, 1])
b = tf.Variable(0)
p_blue = tf.sigmoid(tf.reduce_sum(tf.multiply(w, x)) + b)
print("P(blue) of (3, 2):  ", session.run(p_blue, {x: [3, 2]}))
print("P(blue) of (-1, -1):", session.run(p_blue, {x: [-1, -1]}))

# An output per class, for many points at once: a row of X per point, a column of W per class.
# The softmax makes each row of the result sum to 1.
X = tf.placeholder()
W = tf.Variable([[1, -1], [1, -1]])
c = tf.Variable([0, 0])
p = tf.softmax(tf.add(tf.matmul(X, W), c))

probabilities = session.run(p, {X: np.concatenate([blue_points, red_points])})
classes = probabilities.argmax(axis=1)  # 0 is blue, 1 is red
truth = np.repeat([0, 1], 50)
print("points on the right side:", np.sum(classes == truth), "of 100")

assert np.allclose(session.run(p_blue, {x: [3, 2]}), 1 / (1 + np.exp(-5)))
assert np.allclose(probabilities.sum(axis=1), 1)
assert np.sum(classes == truth) >= 98
