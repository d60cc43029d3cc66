"""The workloads in TensorFlow 1's graph API, shared by the peers `tensorflow` and `tfmini`.

In: a module `tf` with that API. Out: steps that call `Session.run`. What is compared is then the
library alone, for both run the same lines.
"""

import contextlib
import time

from .. import data
from ..interface import Peer, Step


class TF1Peer(Peer):
    """All workloads; a subclass sets `tf` and, where it must, `session`."""

    tf = None

    def session(self, graph):
        """Return a session on `graph`; subclasses bound its threads here."""
        return self.tf.Session(graph=graph)

    @contextlib.contextmanager
    def new_graph(self):
        graph = self.tf.Graph()
        with graph.as_default():
            yield graph

    def open(self, graph):
        """Return a session whose variables are initialised."""
        with graph.as_default():
            initialise = self.tf.global_variables_initializer()
        session = self.session(graph)
        session.run(initialise)
        return session

    def start(self, graph, fetches, feed):
        """Return the step that runs `fetches` with `feed`."""
        run = self.open(graph).run
        return Step(lambda: run(fetches, feed))

    def start_training(self, graph, train, loss, feed, weights):
        """Return the step that trains once; the loss is all of its result."""
        run, fetches = self.open(graph).run, [train, loss]
        return Step(lambda: run(fetches, feed), _loss, lambda: run(weights))

    def variables(self, arrays):
        return [self.tf.Variable(array) for array in arrays]

    def affine(self):
        tf, d = self.tf, data.affine()
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float64, (2, 1))
            a, b = self.variables([d.a, d.b])
            z = tf.add(tf.matmul(a, x), b)
        return self.start(graph, z, {x: d.x})

    def many_feeds(self):
        tf, (vectors, offset) = self.tf, data.many_feeds()
        with self.new_graph() as graph:
            b = tf.Variable(offset)
            xs = [tf.placeholder(tf.float64, (2,)) for _ in vectors]
            zs = [tf.add(x, b) for x in xs]
        return self.start(graph, zs, dict(zip(xs, vectors, strict=True)))

    def lesson_mlp(self):
        tf, d = self.tf, data.lesson_mlp()
        with self.new_graph() as graph:
            x, c = tf.placeholder(tf.float64), tf.placeholder(tf.float64)
            # TF1 cannot differentiate a matmul of unknown rank, and its users give shapes.
            x.set_shape((None, 2))
            c.set_shape((None, 2))
            w1, b1, w2, b2 = weights = self.variables(d.parameters)
            h = tf.sigmoid(tf.add(tf.matmul(x, w1), b1))
            p = tf.nn.softmax(tf.add(tf.matmul(h, w2), b2))
            loss = tf.negative(tf.reduce_sum(tf.reduce_sum(tf.multiply(c, tf.log(p)), axis=1)))
            train = tf.train.GradientDescentOptimizer(data.LESSON_RATE).minimize(loss)
        return self.start_training(graph, train, loss, {x: d.x, c: d.labels}, weights)

    def _mlp(self, batch):
        """Return the graph of W3, its train and loss nodes, the feed and the weights."""
        tf, d = self.tf, data.mlp(batch)
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float32, (None, 784))
            labels = tf.placeholder(tf.float32, (None, 10))
            w1, b1, w2, b2, w3, b3 = weights = self.variables(d.parameters)
            h1 = tf.nn.relu(tf.matmul(x, w1) + b1)
            h2 = tf.nn.relu(tf.matmul(h1, w2) + b2)
            losses = tf.nn.softmax_cross_entropy_with_logits_v2(
                labels=labels, logits=tf.matmul(h2, w3) + b3
            )
            loss = tf.reduce_mean(losses)
            train = tf.train.AdamOptimizer(*data.Adam()).minimize(loss)
        return graph, train, loss, {x: d.x, labels: d.labels}, weights

    def mlp_adam(self, batch):
        return self.start_training(*self._mlp(batch))

    def mlp_adam_callable(self, batch):
        graph, train, loss, feed, weights = self._mlp(batch)
        session = self.open(graph)
        call = session.make_callable([train, loss], feed_list=list(feed))
        values = list(feed.values())
        return Step(lambda: call(*values), _loss, lambda: session.run(weights))

    def first_result(self):
        graph, train, loss, feed, _ = self._mlp(128)
        begin = time.perf_counter()
        self.open(graph).run([train, loss], feed)
        return time.perf_counter() - begin

    def wide_matmul(self):
        tf, (value, weights) = self.tf, data.wide_matmul()
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float32, value.shape)
            branches = []
            for w in self.variables(weights):
                branches.append(tf.matmul(tf.matmul(tf.matmul(x, w), w), w))
            z = tf.add_n(branches)
        return self.start(graph, z, {x: value})

    def wide_svd(self):
        tf, (value, matrices) = self.tf, data.wide_svd()
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float32, value.shape)
            z = tf.add_n([tf.svd(x + m, compute_uv=False) for m in self.variables(matrices)])
        return self.start(graph, z, {x: value})

    def wide_ufunc(self):
        tf, value = self.tf, data.wide_ufunc()
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float32, value.shape)
            z = tf.add_n([tf.tanh(a * x + b) for a, b in data.UFUNC_BRANCHES])
        return self.start(graph, z, {x: value})

    def _elementwise(self, value):
        """Return placeholder and result of W5 in the default graph."""
        tf = self.tf
        x = tf.placeholder(tf.float32, value.shape)
        return x, tf.sigmoid(2.0 * x + 1.0) * tf.tanh(x) - tf.exp(-x * x)

    def elementwise(self):
        value = data.elementwise()
        with self.new_graph() as graph:
            x, z = self._elementwise(value)
        return self.start(graph, z, {x: value})

    def elementwise_gradient(self):
        value = data.elementwise()
        with self.new_graph() as graph:
            x, z = self._elementwise(value)
            (gradient,) = self.tf.gradients(self.tf.reduce_sum(z), x)
        return self.start(graph, gradient, {x: value})

    def _chain(self, count):
        """Return placeholder and end of a chain of additions in the default graph."""
        x = self.tf.placeholder(self.tf.float32, ())
        y = x
        for _ in range(count):
            y = y + x
        return x, y

    def chain(self, count):
        with self.new_graph() as graph:
            x, y = self._chain(count)
        return self.start(graph, y, {x: data.scalar()})

    def build_chain(self, count):
        def run():
            with self.new_graph() as graph:
                self._chain(count)
            return graph

        return Step(run, count_additions)

    def cnn(self):
        tf, d = self.tf, data.cnn()
        with self.new_graph() as graph:
            x = tf.placeholder(tf.float32, (None, 28, 28, 1))
            labels = tf.placeholder(tf.int32, (None,))
            k1, b1, k2, b2, w3, b3, w4, b4 = weights = self.variables(d.parameters)
            flat = tf.reshape(self._conv_pool(self._conv_pool(x, k1, b1), k2, b2), (-1, 3136))
            h = tf.nn.relu(tf.matmul(flat, w3) + b3)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=labels, logits=tf.matmul(h, w4) + b4
                )
            )
            train = tf.train.GradientDescentOptimizer(data.CNN_RATE).minimize(loss)
        return self.start_training(graph, train, loss, {x: d.x, labels: d.labels}, weights)

    def _conv_pool(self, x, kernel, bias):
        nn = self.tf.nn
        y = nn.relu(nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME") + bias)
        return nn.max_pool(y, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")

    def doubling(self, depth):
        tf, value = self.tf, data.doubling()
        with self.new_graph() as graph:
            start = x = tf.placeholder(tf.float64, value.shape)
            for _ in range(depth):
                x = x + x
        return self.start(graph, x, {start: value})


def _loss(result):
    """Return what a training step is compared by, out of its fetches [train, loss]."""
    return [result[1]]


def count_additions(graph):
    """Return how many additions a graph holds: what a build is checked by."""
    types = (operation.type.lower() for operation in graph.get_operations())
    return [sum(kind.startswith("add") for kind in types)]
