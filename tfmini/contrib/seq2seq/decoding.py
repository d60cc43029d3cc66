"""``dynamic_decode``: a decoder in a loop until all rows are finished.

In: a decoder, which has a step.  Out: the outputs of all steps, the last state, the lengths.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.layers.base import Layer
from tfmini.nodes import Tensor
from tfmini.ops import array, control, creation, logic, math, nest, reductions, selection
from tfmini.rnn.cell import joined
from tfmini.rnn.loops import held, output_array, swapped, tensors
from tfmini.shapes import TensorShape
from tfmini.variable_scope import variable_scope


class Decoder:
    """The base of what ``dynamic_decode`` runs.

    Subclasses have ``batch_size``; ``output_size`` and ``output_dtype``, structures of shapes
    without the batch and of dtypes; ``initialize(name)``, which returns (finished, first inputs,
    first state); and ``step(time, inputs, state, name)``, which returns (outputs, next state, next
    inputs, finished).
    """

    @property
    def batch_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no batch_size.")

    @property
    def output_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no output_size.")

    @property
    def output_dtype(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no output_dtype.")

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no initialize.")

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no step.")

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Return (outputs, state) made from those of the loop; by default the same."""
        return outputs, final_state

    @property
    def tracks_own_finished(self) -> bool:
        """Whether a row's place changes, so that ``step`` alone knows which are finished."""
        return False


def require_layer(output_layer: Any) -> None:
    """Raise unless ``output_layer``, for the outputs of a decoder's cell, is a layer or None."""
    if output_layer is not None and not isinstance(output_layer, Layer):
        raise InvalidTypeError(
            None,
            None,
            f"output_layer must be a layer such as tf.layers.Dense(n), not {output_layer!r}.",
        )


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
    **kwargs: Any,
) -> tuple[Any, Any, Tensor]:
    """Return (outputs [batch, steps, ...], last state, lengths int32 [batch]).

    Parameters
    ----------
    decoder : ``Decoder``
    output_time_major : the outputs are [steps, batch, ...]
    impute_finished : rows that are finished keep their state, and their outputs are zeros
    maximum_iterations : int, a scalar: how many steps at most
    scope : of the variables, default "decoder"

    Steps are as many as the longest row has.
    """
    if not isinstance(decoder, Decoder):
        raise InvalidTypeError(None, None, f"dynamic_decode takes a Decoder, not {decoder!r}.")
    if kwargs:
        raise InvalidTypeError(None, None, f"dynamic_decode takes no {', '.join(kwargs)}.")
    with variable_scope(scope, "decoder"):
        limit = None
        if maximum_iterations is not None:
            limit = convert_to_tensor(maximum_iterations)
            if limit.spec.rank not in (None, 0):
                raise InvalidArgumentError(
                    None, None, f"maximum_iterations must be a scalar, not {limit.shape}."
                )
        finished, inputs, state = decoder.initialize()
        finished = convert_to_tensor(finished)
        inputs, state = tensors(inputs), tensors(state)
        if limit is not None:
            finished = logic.logical_or(finished, logic.less_equal(limit, 0))
        zeros = _zero_outputs(decoder)
        lengths = creation.zeros_like(finished, "int32")
        arrays = [output_array(z) for z in nest.flatten(zeros)]
        first = (creation.constant(0), arrays, state, inputs, finished, lengths)

        def body(
            time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any
        ) -> Any:
            outputs, after, inputs, ended = decoder.step(time, inputs, state)
            nest.require_same_form(zeros, outputs, "output_dtype and the outputs of the decoder")
            nest.require_same_form(state, after, "the decoder's state and its next state")
            if not decoder.tracks_own_finished:
                ended = logic.logical_or(ended, finished)
            if limit is not None:
                over = logic.greater_equal(math.cast_like(time + 1, limit), limit)
                ended = logic.logical_or(ended, over)
            if impute_finished:
                outputs = held(finished, zeros, outputs)
                after = held(finished, state, after)
            written = zip(arrays, nest.flatten(outputs), strict=True)
            arrays = [a.write(time, y) for a, y in written]
            now = creation.fill(array.shape(lengths), time + 1)
            lengths = selection.where(finished, lengths, now)
            return time + 1, arrays, after, inputs, ended, lengths

        def going(*variables: Any) -> Any:
            return logic.logical_not(reductions.reduce_all(variables[4]))

        _, arrays, state, _, _, lengths = control.while_loop(
            going, body, first, parallel_iterations=parallel_iterations, swap_memory=swap_memory
        )
        outputs = nest.pack(zeros, [a.stack() for a in arrays])
        outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = nest.pack(outputs, [swapped(y) for y in nest.flatten(outputs)])
    return outputs, state, lengths


def _zero_outputs(decoder: Decoder) -> Any:
    dtypes = nest.flatten(decoder.output_dtype)
    sizes = [TensorShape(s).as_list() if isinstance(s, (TensorShape, list)) else [int(s)]
             for s in nest.flatten(decoder.output_size)]  # fmt: skip
    batch = decoder.batch_size
    zeros = [creation.zeros(joined([batch, *size]), dtype)
             for size, dtype in zip(sizes, dtypes, strict=True)]  # fmt: skip
    return nest.pack(decoder.output_dtype, zeros)
