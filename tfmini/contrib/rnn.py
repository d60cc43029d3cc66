"""``tf.contrib.rnn``: cells, and what runs them over sequences."""

from __future__ import annotations

from tfmini.rnn.blocks import GRUBlockCell, GRUBlockCellV2, LSTMBlockCell
from tfmini.rnn.cell import LSTMStateTuple, RNNCell
from tfmini.rnn.cells import BasicRNNCell, GRUCell
from tfmini.rnn.lstm import BasicLSTMCell, LayerNormBasicLSTMCell, LSTMCell
from tfmini.rnn.running import (
    stack_bidirectional_dynamic_rnn,
    static_bidirectional_rnn,
    static_rnn,
)
from tfmini.rnn.state_saving import static_state_saving_rnn
from tfmini.rnn.wrappers import (
    DeviceWrapper,
    DropoutWrapper,
    EmbeddingWrapper,
    InputProjectionWrapper,
    MultiRNNCell,
    OutputProjectionWrapper,
    ResidualWrapper,
)

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "EmbeddingWrapper",
    "GRUBlockCell", "GRUBlockCellV2", "GRUCell", "InputProjectionWrapper", "LSTMBlockCell",
    "LSTMCell", "LSTMStateTuple", "LayerNormBasicLSTMCell", "MultiRNNCell",
    "OutputProjectionWrapper", "RNNCell", "ResidualWrapper",
    "stack_bidirectional_dynamic_rnn", "static_bidirectional_rnn", "static_rnn",
    "static_state_saving_rnn",
]  # fmt: skip
