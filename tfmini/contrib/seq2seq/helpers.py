"""Helpers: what a decoder reads at each step, and how it picks symbols from the outputs.

In: targets of a batch (training) or start symbols (inference).  Out, step by step: inputs
[batch, ...], sampled symbols [batch], and which rows are finished [batch].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import as_dtype, int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.nodes import Tensor
from tfmini.ops import (
    array,
    creation,
    joining,
    logic,
    math,
    nest,
    nn,
    random,
    reductions,
    selection,
)
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.shapes import TensorShape

Embedding = Callable[[Any], Any]


class Helper:
    """The base: subclasses say what is sampled, and what comes next.

    ``initialize(name)`` returns (finished, first inputs), ``sample(time, outputs, state, name)``
    the sample ids, ``next_inputs(time, outputs, state, sample_ids, name)`` (finished, inputs,
    state).
    """

    @property
    def batch_size(self) -> Any:
        """How many rows there are, a number or a scalar tensor."""
        raise UnimplementedError(None, None, f"{type(self).__name__} has no batch_size.")

    @property
    def sample_ids_shape(self) -> TensorShape:
        """The shape of the sample ids, without the batch."""
        return TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        return int32

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no initialize.")

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no sample.")

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no next_inputs.")


class CustomHelper(Helper):
    """A helper of three functions, with the arguments of a helper's methods but the name.

    Parameters
    ----------
    initialize_fn, sample_fn, next_inputs_fn : functions
    sample_ids_shape, sample_ids_dtype : of the samples, without the batch; default int32 scalars
    """

    def __init__(
        self,
        initialize_fn: Callable[..., Any],
        sample_fn: Callable[..., Any],
        next_inputs_fn: Callable[..., Any],
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize, self._sample, self._next = initialize_fn, sample_fn, next_inputs_fn
        self._shape = TensorShape([] if sample_ids_shape is None else sample_ids_shape)
        self._dtype = as_dtype(sample_ids_dtype or int32)
        self._batch_size: Any = None

    @property
    def batch_size(self) -> Any:
        if self._batch_size is None:
            raise InvalidArgumentError(None, None, "CustomHelper: call initialize first.")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> TensorShape:
        return self._shape

    @property
    def sample_ids_dtype(self) -> Any:
        return self._dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        with get_default_graph().name_scope(name or "CustomHelperInitialize"):
            finished, inputs = self._initialize()
            finished = convert_to_tensor(finished)
            if self._batch_size is None:
                self._batch_size = array.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        with get_default_graph().name_scope(name or "CustomHelperSample"):
            return self._sample(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        with get_default_graph().name_scope(name or "CustomHelperNextInputs"):
            found: tuple[Any, Any, Any] = self._next(
                time=time, outputs=outputs, state=state, sample_ids=sample_ids
            )
            return found


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
                leaves = [_swapped(x) for x in leaves]
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


class GreedyEmbeddingHelper(Helper):
    """Reads the embedding of the likeliest symbol, until that is ``end_token``.

    Parameters
    ----------
    embedding : table [symbols, n], or a function of ids [batch]
    start_tokens : ints [batch]
    end_token : int, a scalar
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        self._embedding = embedding_of(embedding)
        self._start_tokens = _ids(start_tokens, "start_tokens", 1)
        self._end_token = _ids(end_token, "end_token", 0)
        self._start_inputs = self._embedding(self._start_tokens)
        self._batch_size = array.size(self._start_tokens)

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        finished = creation.fill([self._batch_size], False)
        return finished, self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        return likeliest(_logits(self, outputs))

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        finished = logic.equal(sample_ids, self._end_token)
        following = selection.where_v2(
            reductions.reduce_all(finished), self._start_inputs, self._embedding(sample_ids)
        )
        return finished, following, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Reads the embedding of a symbol drawn by the outputs, taken as logits.

    Parameters
    ----------
    embedding, start_tokens, end_token : as for ``GreedyEmbeddingHelper``
    softmax_temperature : by which logits are divided; default 1
    seed : of the draws
    """

    def __init__(
        self, embedding: Any, start_tokens: Any, end_token: Any,
        softmax_temperature: Any = None, seed: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature, self._seed = softmax_temperature, seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        logits = _logits(self, outputs)
        if self._softmax_temperature is not None:
            logits = logits / self._softmax_temperature
        return drawn_from(logits, self._seed)


class InferenceHelper(Helper):
    """Reads what a function samples from the outputs.

    Parameters
    ----------
    sample_fn : function of outputs that returns samples
    sample_shape, sample_dtype : of the samples, without the batch
    start_inputs : tensor [batch, ...]
    end_fn : function of samples that returns bools [batch], which rows are finished
    next_inputs_fn : function of samples that returns inputs; default the samples themselves
    """

    def __init__(
        self, sample_fn: Callable[[Any], Any], sample_shape: Any, sample_dtype: Any,
        start_inputs: Any, end_fn: Callable[[Any], Any],
        next_inputs_fn: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self._sample, self._end = sample_fn, end_fn
        self._shape, self._dtype = TensorShape(sample_shape), as_dtype(sample_dtype)
        self._next = next_inputs_fn or (lambda samples: samples)
        self._start_inputs = convert_to_tensor(start_inputs)
        self._batch_size = array.shape(self._start_inputs)[0]

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def sample_ids_shape(self) -> TensorShape:
        return self._shape

    @property
    def sample_ids_dtype(self) -> Any:
        return self._dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        return creation.fill([self._batch_size], False), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        return self._sample(outputs)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        return self._end(sample_ids), self._next(sample_ids), state


def embedding_of(given: Any) -> Embedding:
    """Return ``given`` if it is a function of ids, else the look-up in the table ``given``."""
    if callable(given):
        found: Embedding = given
        return found
    return lambda ids: nn.embedding_lookup(given, ids)


def likeliest(outputs: Any) -> Tensor:
    """Return the int32 places of the largest outputs [batch, symbols]."""
    return math.cast(reductions.argmax(outputs, -1), int32)


def drawn_from(logits: Any, seed: int | None) -> Tensor:
    """Return int32 symbols [batch] drawn by ``logits`` [batch, symbols]."""
    return math.cast(array.squeeze(random.categorical(logits, 1, seed=seed), [1]), int32)


def _logits(helper: Helper, outputs: Any) -> Tensor:
    if not isinstance(outputs, Tensor):
        raise InvalidTypeError(
            None, None,
            f"{type(helper).__name__} samples from one tensor of logits, not {type(outputs)}.",
        )  # fmt: skip
    return outputs


def _ids(value: Any, what: str, rank: int) -> Tensor:
    tensor = convert_to_tensor(value)
    if tensor.dtype is not None and tensor.dtype is not int32:
        tensor = math.cast(tensor, int32)
    if tensor.spec.rank not in (None, rank):
        form = "a vector" if rank else "a scalar"
        raise InvalidArgumentError(None, None, f"{what} must be {form}, not {tensor.shape}.")
    return tensor


def _probability(value: Any) -> Tensor:
    tensor = convert_to_tensor(value)
    if tensor.spec.rank not in (None, 0, 1):
        raise InvalidArgumentError(
            None, None, f"sampling_probability must be a scalar or a vector, not {tensor.shape}."
        )
    return tensor


def _chosen(shape: Any, probability: Tensor, seed: int | None) -> Tensor:
    return logic.less(random.random_uniform(shape, seed=seed), math.cast(probability, "float32"))


def _swapped(x: Tensor) -> Tensor:
    if x.spec.rank is None:
        raise InvalidArgumentError(
            x.op.info, x.op, "the rank of the inputs must be known; use set_shape."
        )
    return array.transpose(x, [1, 0, *range(2, x.spec.rank)])


def _unstacked(x: Tensor) -> TensorArray:
    shape = x.spec.shape
    rows = TensorArray(
        x.dtype, array.shape(x)[0], element_shape=None if shape is None else shape[1:]
    )
    return rows.unstack(x)
