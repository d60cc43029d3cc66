"""``tf.contrib.seq2seq``: decoders of sequences, what they read, attention, and losses.

In: the state of an encoder, and its outputs as a memory.  Out: sequences of outputs and symbols.
"""

from __future__ import annotations

from tfmini.contrib.seq2seq.attention import (
    AttentionMechanism,
    BahdanauAttention,
    LuongAttention,
    hardmax,
    tile_batch,
)
from tfmini.contrib.seq2seq.attention_wrapper import AttentionWrapper, AttentionWrapperState
from tfmini.contrib.seq2seq.basic_decoder import BasicDecoder, BasicDecoderOutput
from tfmini.contrib.seq2seq.beam_search import (
    BeamSearchDecoder,
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
    gather_tree_from_array,
)
from tfmini.contrib.seq2seq.decoding import Decoder, dynamic_decode
from tfmini.contrib.seq2seq.helper import CustomHelper, Helper
from tfmini.contrib.seq2seq.inference_helpers import (
    GreedyEmbeddingHelper,
    InferenceHelper,
    SampleEmbeddingHelper,
)
from tfmini.contrib.seq2seq.training_helpers import (
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
    TrainingHelper,
)
from tfmini.ops.beams import gather_tree
from tfmini.rnn.losses import sequence_loss

__all__ = [
    "AttentionMechanism", "AttentionWrapper", "AttentionWrapperState", "BahdanauAttention",
    "BasicDecoder", "BasicDecoderOutput", "BeamSearchDecoder", "BeamSearchDecoderOutput",
    "BeamSearchDecoderState", "CustomHelper", "Decoder", "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper", "Helper", "InferenceHelper", "LuongAttention",
    "SampleEmbeddingHelper", "ScheduledEmbeddingTrainingHelper",
    "ScheduledOutputTrainingHelper", "TrainingHelper", "dynamic_decode", "gather_tree",
    "gather_tree_from_array", "hardmax", "sequence_loss", "tile_batch",
]  # fmt: skip
