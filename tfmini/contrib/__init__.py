"""``tf.contrib``: what TensorFlow 1 kept beside its core.

In and out: as the parts of ``tf`` that they stand on: layers, optimizers, cells, datasets; and
texts and settings in plain Python.
"""

from __future__ import annotations

import sys

from tfmini.contrib import (
    cluster_resolver,
    crf,
    data,
    distributions,
    feature_column,
    framework,
    layers,
    learn,
    legacy_seq2seq,
    lookup,
    metrics,
    opt,
    rnn,
    seq2seq,
    slim,
    tensorboard,
    tpu,
    training,
)
from tfmini.contrib.slim import losses
from tfmini.missing import watch_namespace

__all__ = [
    "cluster_resolver", "crf", "data", "distributions", "feature_column", "framework", "layers",
    "learn", "legacy_seq2seq", "lookup", "losses", "metrics", "opt", "rnn", "seq2seq", "slim",
    "tensorboard", "tpu", "training",
]  # fmt: skip

watch_namespace(sys.modules[__name__])
