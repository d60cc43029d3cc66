"""Helpers for training: a decoder reads the targets, or at random what it made itself.

In: targets [batch, steps, ...] and their lengths.  Out: a ``Helper``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.seq2seq.helper import Helper
from tfmini.contrib.seq2seq.symbols import drawn_from, embedding_of, likeliest
from tfmini.dtypes import int32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, joining, logic, math, nest, random, reductions, selection
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.rnn.loops import swapped


class TrainingHelper(Helper):
    """Reads the inputs given; a sample is the likeliest symbol.

    Parameters
    ----------
    inputs : tensor [batch, steps, ...], or a structure of such
    sequence_length : ints [batch]
    time_major : the first two dimensions are [steps, batch]
    """

    def __init__(
        self, inputs: Any, sequence_length: Any, time_major: bool = False, name: str | None = None
    ) -> None:
        with get_default_graph().name_scope(name or "TrainingHelper"):
            self._inputs = inputs
            leaves = [convert_to_tensor(x) for x in nest.flatten(inputs)]
            if not time_major:
                leaves = [swapped(x) for x in leaves]
            self._sequence_length = convert_to_tensor(sequence_length)
            if self._sequence_length.spec.rank not in (None, 1):
                raise InvalidArgumentError(
                    None, None,
                    f"{type(self).__name__}: sequence_length must be a vector; its shape is "
                    f"{self._sequence_length.shape}.",
                )  # fmt: skip
            # Element 0 is read when no row goes on, the inputs of step t are element t + 1.
            zeros = [creation.zeros_like(x[:1]) for x in leaves]
            self._arrays = [
                _unstacked(joining.concat([z, x], 0)) for z, x in zip(zeros, leaves, strict=True)
            ]
            self._batch_size = array.size(self._sequence_length)

    @property
    def inputs(self) -> Any:
        return self._inputs

    @property
    def sequence_length(self) -> Tensor:
        return self._sequence_length

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        with get_default_graph().name_scope(name or "TrainingHelperInitialize"):
            return self._at(creation.constant(0))

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "TrainingHelperSample"):
            return likeliest(outputs)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        with get_default_graph().name_scope(name or "TrainingHelperNextInputs"):
            finished, inputs = self._at(time + 1)
            return finished, inputs, state

    def _at(self, time: Tensor) -> tuple[Tensor, Any]:
        lengths = math.cast_like(self._sequence_length, time)
        finished = logic.greater_equal(time, lengths)
        place = selection.where_v2(reductions.reduce_all(finished), 0, time + 1)
        return finished, nest.pack(self._inputs, [a.read(place) for a in self._arrays])


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Reads the inputs given or, at random, the embedding of a symbol sampled from the outputs.

    Parameters
    ----------
    inputs, sequence_length, time_major : as for ``TrainingHelper``, one tensor
    embedding : table [symbols, n], or a function of ids [batch]
    sampling_probability : number or scalar tensor in [0, 1], for each row and step
    seed, scheduling_seed : of the samples, and of whether to use them

    The sample ids are -1 where the inputs are those given.
    """

    def __init__(
        self, inputs: Any, sequence_length: Any, embedding: Any, sampling_probability: Any,
        time_major: bool = False, seed: int | None = None, scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(inputs, sequence_length, time_major, name)
        self._embedding = embedding_of(embedding)
        self._probability = _probability(sampling_probability)
        self._seed, self._scheduling_seed = seed, scheduling_seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "ScheduledEmbeddingTrainingHelperSample"):
            drawn = drawn_from(outputs, self._seed)
            chosen = _chosen(array.shape(drawn), self._probability, self._scheduling_seed)
            return selection.where(chosen, drawn, -creation.ones_like(drawn))

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        with get_default_graph().name_scope(name or "ScheduledEmbeddingTrainingHelperNextInputs"):
            finished, given, state = super().next_inputs(time, outputs, state, sample_ids)
            sampled = logic.greater_equal(sample_ids, 0)
            ids = math.maximum(sample_ids, 0)
            return finished, selection.where(sampled, self._embedding(ids), given), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Reads the inputs given or, at random, the outputs of the step before.

    Parameters
    ----------
    inputs, sequence_length, time_major : as for ``TrainingHelper``, one tensor
    sampling_probability : number or scalar tensor in [0, 1], for each row and step
    next_inputs_fn : function of outputs that returns inputs; default the outputs themselves
    auxiliary_inputs : tensor like ``inputs``, joined to what is read at every step
    """

    def __init__(
        self, inputs: Any, sequence_length: Any, sampling_probability: Any,
        time_major: bool = False, seed: int | None = None,
        next_inputs_fn: Callable[[Any], Any] | None = None, auxiliary_inputs: Any = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self._extra = auxiliary_inputs is not None
        both = (inputs, auxiliary_inputs) if self._extra else (inputs,)
        super().__init__(both, sequence_length, time_major, name)
        self._probability = _probability(sampling_probability)
        self._seed = seed
        self._made = next_inputs_fn or (lambda outputs: outputs)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        finished, given = super().initialize(name)
        return finished, self._joined(*given)

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "ScheduledOutputTrainingHelperSample"):
            chosen = _chosen(array.shape(self._sequence_length), self._probability, self._seed)
            return math.cast(chosen, int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        with get_default_graph().name_scope(name or "ScheduledOutputTrainingHelperNextInputs"):
            finished, (given, *extra), state = super().next_inputs(time, outputs, state, sample_ids)
            chosen = logic.greater(sample_ids, 0)
            return finished, self._joined(
                selection.where(chosen, self._made(outputs), given), *extra
            ), state  # fmt: skip

    def _joined(self, given: Any, *extra: Any) -> Any:
        return joining.concat([given, *extra], -1) if extra else given


def _probability(value: Any) -> Tensor:
    tensor = convert_to_tensor(value)
    if tensor.spec.rank not in (None, 0, 1):
        raise InvalidArgumentError(
            None, None, f"sampling_probability must be a scalar or a vector, not {tensor.shape}."
        )
    return tensor


def _chosen(shape: Any, probability: Tensor, seed: int | None) -> Tensor:
    return logic.less(random.random_uniform(shape, seed=seed), math.cast(probability, "float32"))


def _unstacked(x: Tensor) -> TensorArray:
    shape = x.spec.shape
    rows = TensorArray(
        x.dtype, array.shape(x)[0], element_shape=None if shape is None else shape[1:]
    )
    return rows.unstack(x)
