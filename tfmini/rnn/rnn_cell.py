"""``tf.nn.rnn_cell``: cells of recurrent networks."""

from __future__ import annotations

from tfmini.rnn.cell import LSTMStateTuple, RNNCell
from tfmini.rnn.cells import BasicRNNCell, GRUCell
from tfmini.rnn.lstm import BasicLSTMCell, LSTMCell
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
    "GRUCell", "InputProjectionWrapper", "LSTMCell", "LSTMStateTuple", "MultiRNNCell",
    "OutputProjectionWrapper", "RNNCell", "ResidualWrapper",
]  # fmt: skip
