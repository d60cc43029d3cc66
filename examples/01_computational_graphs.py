"""Lesson 1: a graph describes a computation; a session carries it out.

The computation is an affine transformation, z = A x + b.
"""

import numpy as np

import tfmini as tf

# Operations made from here on become nodes of this graph.
graph = tf.Graph()
graph.as_default()

# Variables are the parameters; a placeholder is what the user fills in later.
A = tf.Variable([[1, 0], [0, -1]])
b = tf.Variable([1, 1])
x = tf.placeholder()

# These two lines compute nothing: they add a node each.
y = tf.matmul(A, x)
z = tf.add(y, b)

print("z is", z)
print("z's node takes", [node.name for node in z.op.input_nodes])
print("y is taken by", [node.name for node in y.op.consumers])

# A session runs what z needs, in an order in which inputs come before their consumers.
session = tf.Session()
result = session.run(z, {x: [1, 2]})
print("z at x = [1, 2]:", result)

# The same graph serves any other x, and Python's operators make the same nodes.
assert np.array_equal(result, [2, -1])
assert np.array_equal(session.run(z, {x: [-3, 0.5]}), [-2, 0.5])
assert np.array_equal(session.run(A @ x + b, {x: [1, 2]}), result)
