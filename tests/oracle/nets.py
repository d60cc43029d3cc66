"""Random nets, each with a random loss and optimizer, trained for some steps.

What no list of cases has: a cell under a wrapper in a shared scope, clipped gradients of rows, the
updates of batch normalization before a step of an optimizer with a decaying rate.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from .network import Found, array, described

SEEDS = range(120)
LIMIT = 2e-3  # some steps of float32, through roots of small numbers
STEPS, TIME, WORDS = 4, 4, 5

Tensor = Any


class Net:
    """One random net; what it draws depends on its seed alone, not on the module ``tf``."""

    def __init__(self, tf: Any, seed: int) -> None:
        self.tf = tf
        self.random = random.Random(seed)
        self.rows, self.classes = self.random.randint(2, 6), self.random.randint(2, 3)
        self.feeds: dict[Tensor, np.ndarray] = {}
        self.training = tf.placeholder_with_default(True, [])
        self.labels = self.fed("labels", np.arange(self.rows) % self.classes, "int32")
        self.lengths = self.fed("lengths", 1 + np.arange(self.rows) % TIME, "int32")

    def fed(self, name: str, value: np.ndarray, dtype: str = "float32") -> Tensor:
        """Return a placeholder for ``value``, whose number of rows it does not know."""
        tensor = self.tf.placeholder(dtype, [None, *value.shape[1:]], name)
        self.feeds[tensor] = value
        return tensor

    def one(self, *makers: Callable[[], Any]) -> Any:
        """Return what one of ``makers`` makes."""
        return self.random.choice(makers)()

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def activation(self) -> Any:
        nn = self.tf.nn
        return self.random.choice([None, nn.relu, nn.tanh, nn.sigmoid, nn.elu, nn.softplus])

    def penalty(self) -> Any:
        return (lambda w: 0.01 * self.tf.reduce_sum(w * w)) if self.chance(0.3) else None

    # -- what the net begins with ---------------------------------------------------------------

    def flat(self) -> Tensor:
        return self.fed("x", array("flat", self.rows, self.random.randint(1, 3)))

    def image(self) -> Tensor:
        tf, layers = self.tf, self.tf.layers
        h = self.fed("x", array("image", self.rows, 6, 5, 2))
        for _ in range(self.random.randint(1, 3)):
            h = self.one(
                lambda h=h: layers.conv2d(
                    h, 3, self.random.choice([2, 3, (1, 2)]), self.random.randint(1, 2), "same",
                    activation=self.activation(), kernel_regularizer=self.penalty()),
                lambda h=h: layers.conv2d_transpose(
                    h, 2, 3, padding="same", activation=self.activation()),
                lambda h=h: layers.separable_conv2d(
                    h, 2, 2, padding="same", activation=self.activation()),
                lambda h=h: layers.batch_normalization(h, momentum=0.9, training=self.training),
                lambda h=h: layers.max_pooling2d(h, 2, 1, "same"),
                lambda h=h: layers.average_pooling2d(h, (2, 1), 1, "same"),
            )  # fmt: skip
        return layers.flatten(h) if self.chance(0.5) else tf.reduce_max(h, [1, 2])

    def signal(self) -> Tensor:
        h = self.fed("x", array("signal", self.rows, 7, 2))
        h = self.tf.layers.conv1d(h, 3, 2, padding="same", activation=self.activation())
        return self.tf.reduce_max(h, 1)

    def sequence(self) -> Tensor:
        return self.recurrent(self.fed("x", array("sequence", self.rows, TIME, 2)))

    def text(self) -> Tensor:
        words = np.arange(self.rows * TIME).reshape(self.rows, TIME) ** 2 % WORDS
        table = self.tf.get_variable("table", [WORDS, 3])
        rows = self.tf.nn.embedding_lookup(table, self.fed("x", words, "int32"))
        return self.recurrent(rows) if self.chance(0.5) else self.tf.reduce_mean(rows, 1)

    def cell(self) -> Any:
        cells, units = self.tf.nn.rnn_cell, self.random.randint(1, 3)
        made = self.one(
            lambda: cells.BasicRNNCell(units),
            lambda: cells.BasicLSTMCell(units, forget_bias=0.5),
            lambda: cells.LSTMCell(units, use_peepholes=True, cell_clip=0.3),
            lambda: cells.LSTMCell(units, num_proj=2),
            lambda: cells.GRUCell(units),
            lambda: cells.MultiRNNCell([cells.GRUCell(units), cells.BasicLSTMCell(2)]),
        )
        return cells.DropoutWrapper(made, output_keep_prob=1.0) if self.chance(0.2) else made

    def recurrent(self, x: Tensor) -> Tensor:
        nn, lengths = self.tf.nn, self.lengths if self.chance(0.5) else None
        kind = self.random.randint(0, 2)
        if kind == 0:
            outputs, _ = nn.dynamic_rnn(self.cell(), x, lengths, dtype="float32")
            return outputs[:, -1] if self.chance(0.5) else self.tf.reduce_mean(outputs, 1)
        if kind == 1:
            both, _ = nn.bidirectional_dynamic_rnn(
                self.cell(), self.cell(), x, lengths, dtype="float32"
            )
            return self.tf.concat(both, 2)[:, 0]
        steps = self.tf.unstack(x, axis=1)
        outputs, _ = nn.static_rnn(self.cell(), steps, dtype="float32", sequence_length=lengths)
        return outputs[0] + outputs[-1]

    # -- and how it ends ------------------------------------------------------------------------

    def logits(self, h: Tensor) -> Tensor:
        layers = self.tf.layers
        for _ in range(self.random.randint(0, 2)):
            h = layers.dense(h, self.random.randint(1, 4), self.activation(),
                             kernel_regularizer=self.penalty())  # fmt: skip
            if self.chance(0.2):
                h = layers.batch_normalization(h, training=self.training)
        if self.chance(0.2):
            with self.tf.variable_scope("shared", reuse=self.tf.AUTO_REUSE):
                h = layers.dense(h, 3, name="d") + layers.dense(2.0 * h, 3, name="d")
        return layers.dense(h, self.classes)

    def loss(self, logits: Tensor) -> Tensor:
        losses, labels = self.tf.losses, self.labels
        targets = self.tf.one_hot(labels, self.classes)
        weights = self.tf.cast(labels + 1, "float32")
        total = self.one(
            lambda: losses.sparse_softmax_cross_entropy(labels, logits, weights),
            lambda: losses.softmax_cross_entropy(targets, logits, label_smoothing=0.1),
            lambda: losses.mean_squared_error(targets, logits, weights[:, None]),
            lambda: losses.huber_loss(targets, logits),
            lambda: losses.log_loss(targets, self.tf.sigmoid(logits)),
            lambda: losses.hinge_loss(targets, logits),
        )
        return total + losses.get_regularization_loss() if self.chance(0.5) else total

    def step(self, loss: Tensor) -> Any:
        tf, train = self.tf, self.tf.train
        count = train.get_or_create_global_step()
        # With the usual epsilon Adam follows the sign of gradients that are noise around 0.
        optimizer = self.one(
            lambda: train.AdamOptimizer(0.02, epsilon=1e-3),
            lambda: train.MomentumOptimizer(0.05, 0.9, use_nesterov=self.chance(0.5)),
            lambda: train.RMSPropOptimizer(0.01, momentum=0.5, epsilon=1e-3),
            lambda: train.GradientDescentOptimizer(train.exponential_decay(0.1, count, 1, 0.9)),
            lambda: train.AdagradOptimizer(0.05),
            lambda: train.FtrlOptimizer(0.05, l1_regularization_strength=0.01),
        )
        with tf.control_dependencies(tf.get_collection("update_ops")):
            if self.chance(0.4):
                return optimizer.minimize(loss, count)
            grads, variables = zip(*optimizer.compute_gradients(loss), strict=True)
            grads = self.one(
                lambda: tf.clip_by_global_norm(grads, 0.3)[0],
                lambda: [tf.clip_by_norm(g, 0.2) for g in grads],
                lambda: [tf.clip_by_value(g, -0.1, 0.1) for g in grads],
            )
            return optimizer.apply_gradients(zip(grads, variables, strict=True), count)


def built(net: Net, session: Any) -> tuple[Tensor, Tensor, Any]:
    """Return logits, loss and step of ``net``, whose weights have values that its names give."""
    tf = net.tf
    logits = net.logits(net.one(net.flat, net.image, net.signal, net.sequence, net.text))
    loss = net.loss(logits)
    step = net.step(loss)
    session.run(tf.global_variables_initializer())
    for variable in tf.trainable_variables():
        variable.load(0.4 * array(variable.name, *variable.shape.as_list()), session)
    return logits, loss, step


def trained(seed: int) -> Callable[[Any], Found]:
    """Return the run of one net."""

    def run(tf: Any) -> Found:
        with tf.Graph().as_default(), tf.Session() as session:
            net = Net(tf, seed)
            logits, loss, step = built(net, session)
            losses = [session.run([loss, step], net.feeds)[0] for _ in range(STEPS)]
            losses.append(session.run(loss, {**net.feeds, net.training: False}))
            return {
                "variables": described(tf.global_variables()),
                "names": np.array([logits.name, loss.name]),
                "losses": np.array(losses),
                **{v.name: session.run(v) for v in tf.trainable_variables()},
            }

    return run


RUNS = {f"net {seed}": trained(seed) for seed in SEEDS}
