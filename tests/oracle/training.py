"""Optimizers, schedules and averages against TensorFlow: whole training runs, value by value.

``python -m tests.oracle.training --python PATH_TO_PYTHON_WITH_TENSORFLOW`` trains the same models
here and there and prints the worst difference of each run.  Started as a file, with a path, it is
the process in TensorFlow's environment, which writes its results there.  It imports only NumPy and
the standard library, since that environment has nothing else.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

STEPS = 50
TOLERANCE = 2e-5  # relative to the largest element of a variable, after all steps

Results = dict[str, dict[str, np.ndarray]]  # of a run: its variables, and how they are called

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


def train_all(tf: Any) -> Results:
    """Return the variables of all runs, by name, after ``STEPS`` steps."""
    return {
        f"{name}, {kind}": _trained(tf, make, model)
        for name, make in OPTIMIZERS.items()
        for kind, model in MODELS.items()
    }


def _trained(tf: Any, make: Any, model: Any) -> dict[str, np.ndarray]:
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


def differences(ours: Results, theirs: Results) -> dict[str, float]:
    """Return the worst difference of each run, relative to the size of a variable; infinite where
    the variables are called otherwise."""
    out = {}
    for run, expected in theirs.items():
        found = ours[run]
        worst = 0.0 if found.keys() == expected.keys() else float("inf")
        for name in found.keys() & expected.keys():
            size = max(float(np.max(np.abs(expected[name]))), 1e-8)
            worst = max(worst, float(np.max(np.abs(found[name] - expected[name]))) / size)
        out[run] = worst
    return out


def compare(python: str) -> dict[str, float]:
    """Return the differences from TensorFlow, which the interpreter ``python`` has."""
    import tfmini

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.pkl")
        subprocess.run([python, __file__, str(path)], check=True, stderr=subprocess.DEVNULL)
        theirs: Results = pickle.loads(path.read_bytes())
    return differences(train_all(tfmini), theirs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.training")
    parser.add_argument("--python", default=os.environ.get("TFMINI_ORACLE_PYTHON", sys.executable))
    found = compare(parser.parse_args().python)
    for run, worst in found.items():
        print(f"{worst:9.1e}  {run}")
    return int(max(found.values()) > TOLERANCE)


def _worker(target: str) -> None:
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.FATAL)
    Path(target).write_bytes(pickle.dumps(train_all(tf)))


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        _worker(sys.argv[1])
    else:
        sys.exit(main())
