"""``tf.contrib``: what TensorFlow 1 kept beside its core.

In and out: as the parts of ``tf`` that they stand on: layers, optimizers, cells, datasets.
"""

from __future__ import annotations

from tfmini.contrib import data, framework, layers, legacy_seq2seq, opt, rnn, seq2seq, slim

__all__ = ["data", "framework", "layers", "legacy_seq2seq", "opt", "rnn", "seq2seq", "slim"]
