"""``tf.contrib.legacy_seq2seq``: sequence to sequence networks over lists of steps."""

from __future__ import annotations

from tfmini.rnn.legacy import (
    attention_decoder,
    basic_rnn_seq2seq,
    embedding_attention_decoder,
    embedding_attention_seq2seq,
    embedding_rnn_decoder,
    embedding_rnn_seq2seq,
    model_with_buckets,
    rnn_decoder,
    tied_rnn_seq2seq,
)
from tfmini.rnn.losses import legacy_sequence_loss as sequence_loss
from tfmini.rnn.losses import sequence_loss_by_example

__all__ = [
    "attention_decoder", "basic_rnn_seq2seq", "embedding_attention_decoder",
    "embedding_attention_seq2seq", "embedding_rnn_decoder", "embedding_rnn_seq2seq",
    "model_with_buckets", "rnn_decoder", "sequence_loss", "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]  # fmt: skip
