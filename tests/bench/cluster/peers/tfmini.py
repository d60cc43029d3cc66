"""tfmini with a session on a Dask cluster of two workers, each a process of one thread."""

import numpy as np

import tfmini as tf

from ...interface import Peer, Step
from .. import data
from . import dask


def model(problem):
    """Return placeholders, the loss and the training step, and the weights."""
    logistic = problem.layers[-1] == 1
    x = tf.placeholder(tf.float32, [None, problem.layers[0]])
    y = tf.placeholder(tf.float32, [None, 1]) if logistic else tf.placeholder(tf.int32, [None])
    weights = [tf.Variable(value) for value in data.parameters(problem)]
    h = x
    for i in range(0, len(weights) - 2, 2):
        h = tf.nn.relu(tf.matmul(h, weights[i]) + weights[i + 1])
    z = tf.matmul(h, weights[-2]) + weights[-1]
    if logistic:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=z)
    else:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=z)
    loss = tf.reduce_mean(losses)
    return x, y, loss, tf.train.GradientDescentOptimizer(problem.rate).minimize(loss), weights


class TFMini(Peer):
    distribution = "tfmini"

    def __init__(self, threads):
        super().__init__(threads)
        self.target = self.start()

    def start(self):
        return dask.start()

    def rows(self, problem):
        return dask.on_cluster(self.target, problem)

    def trivial(self):
        value = np.ones(4, np.float32)
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.float32, [4])
            y = x + 1.0
        run = tf.Session(self.target, graph=graph).run
        return Step(lambda: run(y, {x: value}))

    def train(self, problem):
        with tf.Graph().as_default() as graph:
            x, y, loss, train, weights = model(problem)
        session = tf.Session(self.target, graph=graph)
        values = self.rows(problem) if problem.chunks else data.whole(problem)
        feed = dict(zip((x, y), values, strict=True))
        return Step(
            lambda: session.run([train, loss], feed),
            lambda result: [result[1]],
            lambda: session.run(weights),
        )


PEER = TFMini
