"""Lesson 5: a hidden layer lets a network separate what no straight line can.

Red points lie around two opposite corners of a square, blue ones around the other two (XOR).
The picture of the decision boundary goes to the file given by --plot.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tfmini as tf

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--plot", type=Path, help="the PNG to write (default: a temporary file)")
plot = parser.parse_args().plot or Path(tempfile.mkdtemp()) / "decision_boundary.png"

random = np.random.default_rng(5)


def cluster(x, y):
    return random.normal((x, y), 0.2, size=(25, 2))


red_points = np.concatenate([cluster(0, 0), cluster(1, 1)])
blue_points = np.concatenate([cluster(0, 1), cluster(1, 0)])

tf.Graph().as_default()
X = tf.placeholder()
c = tf.placeholder()

# Each hidden node draws a line of its own ...
W_hidden = tf.Variable(random.normal(size=(2, 2)))
b_hidden = tf.Variable(random.normal(size=2))
p_hidden = tf.sigmoid(tf.add(tf.matmul(X, W_hidden), b_hidden))

# ... and the output layer is a perceptron on their answers.
W_output = tf.Variable(random.normal(size=(2, 2)))
b_output = tf.Variable(random.normal(size=2))
p_output = tf.softmax(tf.add(tf.matmul(p_hidden, W_output), b_output))

J = tf.negative(tf.reduce_sum(tf.reduce_sum(tf.multiply(c, tf.log(p_output)), axis=1)))
minimization_op = tf.train.GradientDescentOptimizer(learning_rate=0.03).minimize(J)

feed_dict = {
    X: np.concatenate([blue_points, red_points]),
    c: [[1, 0]] * len(blue_points) + [[0, 1]] * len(red_points),
}
session = tf.Session()
for step in range(1001):
    loss, _ = session.run([J, minimization_op], feed_dict)
    if step % 100 == 0:
        print(f"step {step:4}: loss {loss:.4f}")

# The network's answer at every point of a grid, in one run.
axis = np.linspace(-1, 2, 200)
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
p_red = session.run(p_output, {X: grid})[:, 1].reshape(200, 200)

plt.switch_backend("Agg")  # draws to files, needs no screen
plt.contourf(axis, axis, p_red, levels=[0, 0.5, 1], colors=["lightblue", "mistyrose"])
plt.scatter(*red_points.T, color="red", label="red")
plt.scatter(*blue_points.T, color="blue", label="blue")
plt.title("What the network takes for red and blue")
plt.legend()
plt.savefig(plot)
plt.close()
print("decision boundary drawn to", plot)

correct = session.run(p_output, feed_dict).argmax(axis=1) == np.repeat([0, 1], 50)
assert correct.mean() >= 0.97, correct.mean()
