"""Helpers for inference: a decoder reads what was sampled from its own outputs.

In: start symbols [batch], and what ends a sequence.  Out: a ``Helper``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.seq2seq.helper import Helper
from tfmini.contrib.seq2seq.symbols import drawn_from, embedding_of, likeliest
from tfmini.dtypes import as_dtype, int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, logic, math, reductions, selection
from tfmini.shapes import TensorShape


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
