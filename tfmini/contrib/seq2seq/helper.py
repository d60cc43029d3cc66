"""What a helper is: it says what a decoder reads at each step, and how outputs become symbols.

In, step by step: outputs and state of a decoder.  Out: inputs [batch, ...], sampled symbols
[batch], and which rows are finished [batch].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import as_dtype, int32
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.ops import array
from tfmini.shapes import TensorShape


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
