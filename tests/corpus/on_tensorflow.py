"""Run a TensorFlow 1 script on TensorFlow 2's ``compat.v1``, and watch it: the reference.

Needs TensorFlow and NumPy, and nothing of tfmini.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import tensorflow.compat.v1 as tf

from tests.corpus.watch import watch


class DataSet:
    """MNIST in batches, as ``tensorflow.examples`` had it."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._order, self._at = np.random.permutation(self.num_examples), 0

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        chosen = []
        while len(chosen) < batch_size:
            if self._at == self.num_examples:
                self._order, self._at = np.random.permutation(self.num_examples), 0
                self.epochs_completed += 1
            taken = self._order[self._at : self._at + batch_size - len(chosen)]
            self._at += len(taken)
            chosen.extend(taken)
        return self.images[chosen], self.labels[chosen]


def read_data_sets(train_dir, fake_data=False, one_hot=False, dtype=tf.float32, reshape=True,
                   validation_size=5000, seed=None, source_url=""):  # fmt: skip
    with np.load(Path(os.environ["HOME"]) / ".keras" / "datasets" / "mnist.npz") as file:
        train, test = [(file[f"x_{p}"], file[f"y_{p}"]) for p in ("train", "test")]

    def part(images, labels):
        images = images.reshape(len(images), -1) if reshape else images[..., None]
        images = images / np.float32(255) if dtype == tf.float32 else images
        return DataSet(images, np.eye(10)[labels] if one_hot else labels)

    n = validation_size
    return SimpleNamespace(
        train=part(train[0][n:], train[1][n:]),
        validation=part(train[0][:n], train[1][:n]),
        test=part(*test),
    )


def contrib():
    """Return what scripts use most of ``tf.contrib``, which TensorFlow 2 has dropped."""
    rnn = ModuleType("tensorflow.contrib.rnn")
    for name in ("static_rnn", "static_bidirectional_rnn"):
        setattr(rnn, name, getattr(tf.nn, name))
    for name in [n for n in dir(tf.nn.rnn_cell) if not n.startswith("_")]:
        setattr(rnn, name, getattr(tf.nn.rnn_cell, name))
    layers = ModuleType("tensorflow.contrib.layers")
    layers.xavier_initializer = tf.glorot_uniform_initializer
    layers.flatten = tf.layers.flatten
    layers.l2_regularizer = lambda scale: lambda weights: scale * tf.nn.l2_loss(weights)
    layers.fully_connected = lambda inputs, num_outputs, activation_fn=tf.nn.relu: tf.layers.dense(
        inputs, num_outputs, activation_fn, kernel_initializer=layers.xavier_initializer()
    )
    seq2seq = ModuleType("tensorflow.contrib.seq2seq")
    seq2seq.sequence_loss = sequence_loss
    found = ModuleType("tensorflow.contrib")
    found.rnn, found.layers, found.seq2seq, found.__path__ = rnn, layers, seq2seq, []
    return found


def sequence_loss(logits, targets, weights):
    """Return the weighted mean cross-entropy, per step of all sequences."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_sum(losses * weights) / (tf.reduce_sum(weights) + 1e-12)


def main():
    """Put ``compat.v1`` in the place of TensorFlow and run the script."""
    tf.disable_v2_behavior()
    sys.modules["tensorflow"] = tf
    tf.contrib = sys.modules["tensorflow.contrib"] = contrib()
    for module in (tf.contrib.rnn, tf.contrib.layers, tf.contrib.seq2seq):
        sys.modules[module.__name__] = module
    parent = "tensorflow.examples"
    for name in (parent, parent + ".tutorials", parent + ".tutorials.mnist"):
        sys.modules[name] = ModuleType(name)
    tf.examples = sys.modules[parent]  # `import tensorflow.examples.x as x` asks for it
    input_data = ModuleType(parent + ".tutorials.mnist.input_data")
    input_data.read_data_sets = read_data_sets
    sys.modules[input_data.__name__] = sys.modules[parent + ".tutorials.mnist"].input_data = (
        input_data
    )
    del sys.argv[0]
    script = os.path.realpath(sys.argv[0])
    sys.path[0] = os.path.dirname(script)
    watch(tf, script)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
