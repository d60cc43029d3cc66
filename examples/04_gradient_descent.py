"""Lesson 4: gradient descent finds the weights; backpropagation gives the gradients.

In tfmini the gradients are nodes of the same graph, so that one can look at them.
"""

import numpy as np

import tfmini as tf

random = np.random.default_rng(4)
blue_points = random.normal(size=(50, 2)) + 2
red_points = random.normal(size=(50, 2)) - 2

graph = tf.Graph()
graph.as_default()
X = tf.placeholder()
c = tf.placeholder()
W = tf.Variable(random.normal(size=(2, 2)))
b = tf.Variable(random.normal(size=2))
p = tf.softmax(tf.add(tf.matmul(X, W), b))
J = tf.negative(tf.reduce_sum(tf.reduce_sum(tf.multiply(c, tf.log(p)), axis=1)))
feed_dict = {X: np.concatenate([blue_points, red_points]), c: [[1, 0]] * 50 + [[0, 1]] * 50}
session = tf.Session()

# Backpropagation walks from J to the variables and adds, for each node that it passes, the nodes
# that multiply the gradient of that node's output by the node's own derivative. (Some of them pass
# these numbers on as they are: Conj is for complex ones, SumToShape for inputs that were broadcast.
# What a placeholder without dtype and shape will be is not known yet.)
n_before = len(graph.operations)
dJ_dW, dJ_db = tf.gradients(J, [W, b])
print("Nodes that compute the gradients:")
for node in graph.operations[n_before:]:
    print(f"  {node.type:14} {node.name:34} <- {', '.join(t.name for t in node.inputs)}")

# A gradient is the slope of J: a small step changes J by the gradient times the step.
step = np.array([1e-6, 0.0])
slope = (
    session.run(J, {**feed_dict, b: session.run(b) + step})
    - session.run(J, {**feed_dict, b: session.run(b) - step})
) / 2e-6
gradient = session.run(dJ_db, feed_dict)
print("dJ/db[0] by backpropagation:", gradient[0], "and by differences:", slope)

# Gradient descent steps against the gradient, again and again. An optimizer adds both, the
# gradients and the nodes that change the variables.
minimization_op = tf.train.GradientDescentOptimizer(learning_rate=0.01).minimize(J)
losses = []
for i in range(100):
    losses.append(session.run(J, feed_dict))
    if i % 10 == 0:
        print(f"step {i:3}: loss {losses[-1]:.4f}")
    session.run(minimization_op, feed_dict)
print("W:", session.run(W), "b:", session.run(b), sep="\n")

assert np.isclose(gradient[0], slope)
assert losses[-1] < 0.05 * losses[0]
assert np.array_equal(session.run(p, feed_dict).argmax(axis=1), np.repeat([0, 1], 50))
