"""``tf.contrib.seq2seq``: losses of sequences."""

from __future__ import annotations

from tfmini.rnn.losses import sequence_loss

__all__ = ["sequence_loss"]
