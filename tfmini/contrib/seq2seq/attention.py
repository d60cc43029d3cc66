"""Attention: how much each step of a memory matters for a query.

In: a memory [batch, steps, n] and its lengths, made once; then queries [batch, units] and the state
of the step before.  Out: alignments [batch, steps], and the next state.

Scores are those of Luong et al. (2015, the "general" form of section 3.1), Bahdanau et al. (2014,
appendix A.1.2), normalized as in Salimans and Kingma (2016).
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.initializers import Constant
from tfmini.layers.base import Layer
from tfmini.layers.core import Dense
from tfmini.nodes import Tensor
from tfmini.ops import (
    activations,
    array,
    creation,
    layout,
    math,
    nest,
    products,
    reductions,
    selection,
)
from tfmini.ops.exponential import tanh
from tfmini.ops.powers import rsqrt
from tfmini.rnn.cell import joined
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import variable_scope

Probability = Callable[[Any], Any]


class AttentionMechanism:
    """The base: called with (query, state), it returns (alignments, next state).

    It has ``alignments_size``, ``state_size``, ``initial_alignments(batch_size, dtype)`` and
    ``initial_state(batch_size, dtype)``.
    """

    @property
    def alignments_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no alignments_size.")

    @property
    def state_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no state_size.")


class _Scored(AttentionMechanism):
    """Alignments are the softmax, or another function, of scores; the state is the last ones."""

    def __init__(
        self,
        query_layer: Layer | None,
        memory: Any,
        probability_fn: Probability | None,
        memory_sequence_length: Any,
        memory_layer: Layer | None,
        score_mask_value: Any,
        custom_key_value_fn: Callable[..., Any] | None,
        name: str,
    ) -> None:
        self._name = name
        self._query_layer, self._memory_layer = query_layer, memory_layer
        self._probability = probability_fn or activations.softmax
        self._mask_value = -python_math.inf if score_mask_value is None else score_mask_value
        with get_default_graph().name_scope(name + "Init"):
            self._lengths = None
            if memory_sequence_length is not None:
                self._lengths = convert_to_tensor(memory_sequence_length)
            self._values = _masked(memory, self._lengths)
            self._keys = self._values if memory_layer is None else memory_layer(self._values)
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)

    @property
    def memory_layer(self) -> Layer | None:
        return self._memory_layer

    @property
    def query_layer(self) -> Layer | None:
        return self._query_layer

    @property
    def values(self) -> Tensor:
        """The memory, with zeros after its lengths."""
        return self._values

    @property
    def keys(self) -> Tensor:
        """What queries are compared with [batch, steps, units]."""
        return self._keys

    @property
    def dtype(self) -> Any:
        return self._keys.dtype

    @property
    def batch_size(self) -> Any:
        return _size(self._keys, 0)

    @property
    def alignments_size(self) -> Any:
        """How many steps the memory has, a number or a scalar tensor."""
        return _size(self._keys, 1)

    @property
    def state_size(self) -> Any:
        return self.alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Tensor:
        """Return zeros [batch, steps]."""
        return creation.zeros(joined([batch_size, self.alignments_size]), dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        return self.initial_alignments(batch_size, dtype)

    def __call__(self, query: Any, state: Any) -> tuple[Tensor, Any]:
        with variable_scope(None, self._scope_name, [query]):
            score = self._scores(query)
            if self._lengths is not None:
                mask = selection.sequence_mask(self._lengths, array.shape(score)[1])
                hidden = math.cast_like(self._mask_value, score) * creation.ones_like(score)
                score = selection.where(mask, score, hidden)
            alignments = self._probability(score)
        return alignments, alignments

    _scope_name = "attention"

    def _scores(self, query: Any) -> Tensor:
        """Return the scores [batch, steps] of ``query`` [batch, units]."""
        raise NotImplementedError


class LuongAttention(_Scored):
    """Scores are products of queries and keys.

    Parameters
    ----------
    num_units : the size of keys, and of the queries that will come
    memory : tensor [batch, steps, n], such as the outputs of an encoder
    memory_sequence_length : ints [batch]; later steps get no weight
    scale : whether scores are multiplied by a variable
    probability_fn : function of scores; default ``tf.nn.softmax``
    score_mask_value : the score of steps without weight; default -inf
    custom_key_value_fn : function of (keys, values) that returns others
    """

    _scope_name = "luong_attention"

    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None, scale: bool = False,
        probability_fn: Probability | None = None, score_mask_value: Any = None, dtype: Any = None,
        custom_key_value_fn: Callable[..., Any] | None = None, name: str = "LuongAttention",
    ) -> None:  # fmt: skip
        layer = Dense(num_units, use_bias=False, name="memory_layer", dtype=dtype or float32)
        super().__init__(
            None, memory, probability_fn, memory_sequence_length, layer, score_mask_value,
            custom_key_value_fn, name,
        )  # fmt: skip
        self._units, self._scale = num_units, scale

    def _scores(self, query: Any) -> Tensor:
        units, wanted = query.shape.as_list()[-1], self._keys.shape.as_list()[-1]
        if units != wanted:
            raise InvalidArgumentError(
                None, None,
                f"LuongAttention: queries have {units} units and keys {wanted}; num_units must be "
                "the number of units of the cell.",
            )  # fmt: skip
        rows = products.matmul(array.expand_dims(query, 1), self._keys, transpose_b=True)
        score = array.squeeze(rows, [1])
        if self._scale:
            score = score * get_variable(
                "attention_g", dtype=query.dtype, initializer=Constant(1.0), shape=()
            )
        return score


class BahdanauAttention(_Scored):
    """Scores are those of a layer of tanh units, of queries and keys together.

    Parameters
    ----------
    num_units : of that layer
    normalize : whether its weights are a direction and a length, and the units have biases
    memory, memory_sequence_length, probability_fn, score_mask_value, custom_key_value_fn :
        as for ``LuongAttention``
    """

    _scope_name = "bahdanau_attention"

    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None,
        normalize: bool = False, probability_fn: Probability | None = None,
        score_mask_value: Any = None, dtype: Any = None,
        custom_key_value_fn: Callable[..., Any] | None = None, name: str = "BahdanauAttention",
    ) -> None:  # fmt: skip
        wanted = dtype or float32
        super().__init__(
            Dense(num_units, use_bias=False, name="query_layer", dtype=wanted), memory,
            probability_fn, memory_sequence_length,
            Dense(num_units, use_bias=False, name="memory_layer", dtype=wanted),
            score_mask_value, custom_key_value_fn, name,
        )  # fmt: skip
        self._units, self._normalize = num_units, normalize

    def _scores(self, query: Any) -> Tensor:
        assert self._query_layer is not None
        asked = array.expand_dims(self._query_layer(query), 1)
        weights = get_variable("attention_v", [self._units], dtype=query.dtype)
        total = self._keys + asked
        if self._normalize:
            length = get_variable(
                "attention_g", dtype=query.dtype, shape=(),
                initializer=Constant(python_math.sqrt(1.0 / self._units)),
            )  # fmt: skip
            bias = get_variable(
                "attention_b", [self._units], dtype=query.dtype, initializer=Constant(0.0)
            )
            weights = length * weights * rsqrt(reductions.reduce_sum(weights * weights))
            total = total + bias
        return reductions.reduce_sum(weights * tanh(total), [2])


def hardmax(logits: Any, name: str | None = None) -> Tensor:
    """Return 1 at the largest of the last dimension of ``logits``, the first of several, else 0."""
    with get_default_graph().name_scope(name or "Hardmax"):
        logits = convert_to_tensor(logits)
        return selection.one_hot(
            reductions.argmax(logits, -1), array.shape(logits)[-1], dtype=logits.dtype
        )


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Return each tensor [batch, ...] of ``t`` with each row ``multiplier`` times in a row."""
    with get_default_graph().name_scope(name or "tile_batch"):
        return nest.pack(t, [_tiled(convert_to_tensor(x), multiplier) for x in nest.flatten(t)])


def _tiled(x: Tensor, multiplier: int) -> Tensor:
    shape = x.spec.shape
    if shape is None or not shape:
        raise InvalidTypeError(
            x.op.info, x.op, "tile_batch needs tensors of a known rank, with a batch."
        )
    tiled = layout.tile(array.expand_dims(x, 1), [1, multiplier, *[1] * (len(shape) - 1)])
    out = array.reshape(tiled, joined([-1, *[_size(x, i) for i in range(1, len(shape))]]))
    out.set_shape([None if shape[0] is None else shape[0] * multiplier, *shape[1:]])
    return out


def _size(x: Tensor, axis: int) -> Any:
    known = x.spec.shape[axis] if x.spec.shape else None
    return array.shape(x)[axis] if known is None else known


def _masked(memory: Any, lengths: Tensor | None) -> Any:
    leaves = [convert_to_tensor(m) for m in nest.flatten(memory)]
    if lengths is not None:
        leaves = [_zeros_after(m, lengths) for m in leaves]
    return nest.pack(memory, leaves)


def _zeros_after(memory: Tensor, lengths: Tensor) -> Tensor:
    rank = memory.spec.rank
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank of an attention's memory must be known.")
    mask = selection.sequence_mask(lengths, array.shape(memory)[1], memory.dtype)
    for _ in range(rank - 2):
        mask = array.expand_dims(mask, -1)
    return memory * mask
