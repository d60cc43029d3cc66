"""Optimizers, schedules and averages: whole training runs, for models of two kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .network import Found, Run

STEPS = 50
LIMIT = 2e-5  # of a difference, relative to the largest element, after all steps

OPTIMIZERS: dict[str, Callable[[Any, Any], Any]] = {
    "descent": lambda t, s: t.GradientDescentOptimizer(0.3),
    "momentum": lambda t, s: t.MomentumOptimizer(0.1, 0.9),
    "nesterov": lambda t, s: t.MomentumOptimizer(0.1, 0.8, use_nesterov=True),
    "adam": lambda t, s: t.AdamOptimizer(),
    "adam, other rates": lambda t, s: t.AdamOptimizer(0.05, 0.8, 0.9, 1e-4),
    "adagrad": lambda t, s: t.AdagradOptimizer(0.3),
    "adagrad, other start": lambda t, s: t.AdagradOptimizer(0.1, 1.0),
    "dual averaging": lambda t, s: t.AdagradDAOptimizer(0.3, s),
    "dual averaging, l1 and l2": lambda t, s: t.AdagradDAOptimizer(0.3, s, 0.5, 0.01, 0.02),
    "adadelta": lambda t, s: t.AdadeltaOptimizer(1.0),
    "adadelta, other rates": lambda t, s: t.AdadeltaOptimizer(0.5, 0.8, 1e-3),
    "rmsprop": lambda t, s: t.RMSPropOptimizer(0.01),
    "rmsprop, momentum": lambda t, s: t.RMSPropOptimizer(0.02, 0.8, 0.5, 1e-3),
    "rmsprop, centered": lambda t, s: t.RMSPropOptimizer(0.02, 0.8, 0.5, 1e-3, centered=True),
    "ftrl": lambda t, s: t.FtrlOptimizer(0.3),
    "ftrl, l1 and l2": lambda t, s: t.FtrlOptimizer(0.3, -0.7, 0.3, 0.01, 0.02),
    "ftrl, shrinkage": lambda t, s: t.FtrlOptimizer(
        0.3, -0.5, 0.3, 0.001, 0.02, l2_shrinkage_regularization_strength=0.05
    ),
    "proximal": lambda t, s: t.ProximalGradientDescentOptimizer(0.3, 0.01, 0.02),
    "proximal, l2": lambda t, s: t.ProximalGradientDescentOptimizer(0.3, 0.0, 0.02),
    "proximal adagrad": lambda t, s: t.ProximalAdagradOptimizer(0.3, 0.5, 0.01, 0.02),
    "schedule": lambda t, s: t.GradientDescentOptimizer(t.exponential_decay(0.3, s, 7, 0.8)),
    "cosine restarts": lambda t, s: t.MomentumOptimizer(t.cosine_decay_restarts(0.2, s, 9), 0.9),
    "cycles": lambda t, s: t.AdamOptimizer(t.polynomial_decay(0.1, s, 11, cycle=True)),
    "pieces": lambda t, s: t.RMSPropOptimizer(t.piecewise_constant(s, [9, 20], [0.1, 0.05, 0.01])),
}


class Model(NamedTuple):
    """What is trained: the loss, and the feeds of a step."""

    loss: Any
    feeds: Callable[[np.random.Generator], dict[Any, np.ndarray]]


def dense(tf: Any) -> Model:
    """Return a model whose gradients are of whole variables."""
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float32, [7, 5])
    w = tf.Variable(0.3 * rng.standard_normal((5, 3)).astype("float32"), name="w")
    b = tf.Variable(np.zeros(3, "float32"), name="b")
    target = tf.constant(rng.standard_normal((7, 3)).astype("float32"))
    loss = tf.reduce_mean(tf.square(tf.tanh(tf.matmul(x, w) + b) - target))
    return Model(loss, lambda draw: {x: draw.standard_normal((7, 5)).astype("float32")})


def gathered(tf: Any) -> Model:
    """Return a model whose gradients are of rows: a shared table of embeddings."""
    rng = np.random.default_rng(0)
    words, word = tf.placeholder(tf.int32, [None, 3]), tf.placeholder(tf.int32, [None])
    table = tf.Variable(rng.standard_normal((9, 4)).astype("float32"), name="table")
    w = tf.Variable(rng.standard_normal((4, 2)).astype("float32"), name="w")
    mean = tf.reduce_mean(tf.nn.embedding_lookup(table, words), 1)
    loss = tf.reduce_mean(tf.square(tf.tanh(tf.matmul(mean + tf.gather(table, word), w)) - 0.3))
    return Model(
        loss, lambda draw: {words: draw.integers(0, 6, (5, 3)), word: draw.integers(0, 8, 5)}
    )


MODELS = {"dense": dense, "gathered": gathered}


def trained(make: Callable[[Any, Any], Any], model: Callable[[Any], Model]) -> Run:
    """Return a run that trains ``model`` with the optimizer that ``make`` returns: all variables
    after ``STEPS`` steps, slots and averages included."""

    def run(tf: Any) -> Found:
        with tf.Graph().as_default(), tf.Session() as session:
            loss, feeds = model(tf)
            step = tf.train.get_or_create_global_step()
            average = tf.train.ExponentialMovingAverage(0.9, step)
            with tf.name_scope("training"):
                train = make(tf.train, step).minimize(loss, global_step=step)
            with tf.control_dependencies([train]):
                train = average.apply()
            session.run(tf.global_variables_initializer())
            draw = np.random.default_rng(1)
            for _ in range(STEPS):
                session.run(train, feeds(draw))
            variables = tf.global_variables()
            values = session.run(variables)
            return {v.name: np.asarray(x) for v, x in zip(variables, values, strict=True)}

    return run


RUNS = {
    f"{name}, {kind}": trained(make, model)
    for name, make in OPTIMIZERS.items()
    for kind, model in MODELS.items()
}
