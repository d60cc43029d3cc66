"""``BasicDecoder``: a cell that reads what a helper gives it.

In: a cell, a helper, a state, and a layer for the cell's outputs.  Out: outputs and samples.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from tfmini.contrib.seq2seq.decoding import Decoder, require_layer
from tfmini.contrib.seq2seq.helper import Helper
from tfmini.errors import InvalidTypeError
from tfmini.graph import get_default_graph
from tfmini.ops import nest
from tfmini.rnn.cell import require_cell
from tfmini.shapes import TensorShape


class BasicDecoderOutput(namedtuple("BasicDecoderOutput", ("rnn_output", "sample_id"))):
    """Outputs [batch, steps, symbols] of a decoder and the symbols picked from them."""

    __slots__ = ()


class BasicDecoder(Decoder):
    """Each step: the cell, the layer, then the helper samples and gives the next inputs.

    Parameters
    ----------
    cell : ``RNNCell``
    helper : ``Helper``
    initial_state : as the cell's ``state_size`` says
    output_layer : ``Layer`` such as ``tf.layers.Dense``, for the cell's outputs; or None
    """

    def __init__(
        self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None
    ) -> None:
        require_cell(cell, "BasicDecoder's cell")
        if not isinstance(helper, Helper):
            raise InvalidTypeError(None, None, f"BasicDecoder takes a Helper, not {helper!r}.")
        require_layer(output_layer)
        self._cell, self._helper = cell, helper
        self._initial_state, self._output_layer = initial_state, output_layer

    @property
    def batch_size(self) -> Any:
        return self._helper.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        return BasicDecoderOutput(
            output_size_of(self._cell, self._output_layer), self._helper.sample_ids_shape
        )

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        dtype = nest.flatten(self._initial_state)[0].dtype
        size = output_size_of(self._cell, self._output_layer)
        dtypes = nest.pack(size, [dtype for _ in nest.flatten(size)])
        return BasicDecoderOutput(dtypes, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        return (*self._helper.initialize(), self._initial_state)

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "BasicDecoderStep"):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            ids = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, following, state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=ids
            )
            return BasicDecoderOutput(outputs, ids), state, following, finished


def output_size_of(cell: Any, layer: Any) -> Any:
    """Return the size of the outputs of ``layer`` after ``cell``, without the batch."""
    size = cell.output_size
    if layer is None:
        return size
    sizes = []
    for s in nest.flatten(size):
        dims = s.as_list() if isinstance(s, TensorShape) else [int(s)]
        sizes.append(TensorShape(layer.compute_output_shape([None, *dims]).as_list()[1:]))
    return nest.pack(size, sizes)
