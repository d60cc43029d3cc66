"""``tf.contrib``: what TensorFlow 1 kept beside its core.

In and out: as the parts of ``tf`` that they stand on: layers, optimizers, cells, datasets; and
texts and settings in plain Python.
"""

from __future__ import annotations

from tfmini.contrib import (
    data,
    framework,
    layers,
    learn,
    legacy_seq2seq,
    opt,
    rnn,
    seq2seq,
    slim,
    training,
)
from tfmini.contrib.slim import losses

__all__ = [
    "data", "framework", "layers", "learn", "legacy_seq2seq", "losses", "opt", "rnn", "seq2seq",
    "slim", "training",
]  # fmt: skip
