"""``AttentionWrapper``: a cell that reads what it pays attention to.

In: inputs and a state with the attention of the step before.  Out: the attention of this step, or
the cell's own output, and the next state.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.seq2seq.attention import AttentionMechanism
from tfmini.dtypes import int32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import get_default_graph
from tfmini.layers.core import Dense
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, joining, nest, products
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.rnn.cell import RNNCell, require_cell, zeros_of
from tfmini.shapes import TensorShape


class AttentionWrapperState(
    namedtuple(
        "AttentionWrapperState",
        ("cell_state", "attention", "time", "alignments", "alignment_history", "attention_state"),
    )
):
    """The state of an ``AttentionWrapper``.

    cell_state : that of the cell
    attention : [batch, n], what was read in the step before
    time : int32 scalar
    alignments, attention_state : of the mechanism, or a tuple of one per mechanism
    alignment_history : ``TensorArray`` of all alignments, or ``()``
    """

    __slots__ = ()

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """Return a state with some fields replaced, of the same static shapes."""
        new = self._replace(**kwargs)
        for name in kwargs:
            old, given = getattr(self, name), getattr(new, name)
            nest.require_same_form(old, given, f"clone: {name} and the value given")
            for before, after in zip(nest.flatten(old), nest.flatten(given), strict=True):
                after = convert_to_tensor(after)
                if not before.shape.is_compatible_with(after.shape):
                    raise InvalidArgumentError(
                        None, None, f"clone: {name} has shape {before.shape}, what is given "
                        f"{after.shape}."
                    )  # fmt: skip
        return new


class AttentionWrapper(RNNCell):
    """A cell with attention to one memory or several.

    Parameters
    ----------
    cell : ``RNNCell``
    attention_mechanism : such as ``LuongAttention``, or a list of mechanisms
    attention_layer_size : units of a layer of the cell's output and what was read, which makes the
        attention; None: the attention is what was read.  A list if the mechanisms are one.
    alignment_history : whether the state keeps the alignments of all steps
    cell_input_fn : function of (inputs, attention) that returns inputs of the cell; default: joined
    output_attention : whether the output is the attention (Luong) or that of the cell (Bahdanau)
    initial_cell_state : the cell's state in ``zero_state``
    attention_layer : a layer in place of one of ``attention_layer_size``, or a list of them
    attention_fn : function of (mechanism, cell output, attention state, attention layer) that
        returns (attention, alignments, next attention state)
    """

    def __init__(
        self, cell: Any, attention_mechanism: Any, attention_layer_size: Any = None,
        alignment_history: bool = False, cell_input_fn: Callable[..., Any] | None = None,
        output_attention: bool = True, initial_cell_state: Any = None, name: str | None = None,
        attention_layer: Any = None, attention_fn: Callable[..., Any] | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        require_cell(cell, "AttentionWrapper's cell")
        self._cell = cell
        self._several = isinstance(attention_mechanism, (list, tuple))
        self._mechanisms = tuple(attention_mechanism) if self._several else (attention_mechanism,)
        for mechanism in self._mechanisms:
            if not isinstance(mechanism, AttentionMechanism):
                raise InvalidTypeError(
                    None, None, f"{mechanism!r} is no attention such as LuongAttention(...)."
                )
        self._layers = self._attention_layers(attention_layer_size, attention_layer)
        self._keeps_history, self._output_attention = alignment_history, output_attention
        self._cell_input = cell_input_fn or _side_by_side
        self._attention = attention_fn or compute_attention
        self._initial_cell_state = None
        if initial_cell_state is not None:
            leaves = [convert_to_tensor(x) for x in nest.flatten(initial_cell_state)]
            self._initial_cell_state = nest.pack(initial_cell_state, leaves)

    def _attention_layers(self, sizes: Any, layers: Any) -> tuple[Any, ...]:
        if sizes is not None and layers is not None:
            raise InvalidArgumentError(
                None, None, "give attention_layer_size or attention_layer, not both."
            )
        count = len(self._mechanisms)
        given = sizes if layers is None else layers
        listed = tuple(given) if isinstance(given, (list, tuple)) else (given,)
        if given is None:
            return (None,) * count
        if len(listed) != count:
            raise InvalidArgumentError(
                None, None, f"{len(listed)} attention layers for {count} attention mechanisms."
            )
        if layers is not None:
            return listed
        made = [Dense(n, use_bias=False, name="attention_layer", dtype=m.dtype)
                for n, m in zip(listed, self._mechanisms, strict=True)]  # fmt: skip
        return tuple(made)

    @property
    def output_size(self) -> Any:
        return self._attention_size() if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        each = [m.alignments_size for m in self._mechanisms]
        states = [m.state_size for m in self._mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            attention=self._attention_size(),
            time=TensorShape([]),
            alignments=self._joined(each),
            alignment_history=self._joined(each if self._keeps_history else [()] * len(each)),
            attention_state=self._joined(states),
        )

    def _attention_size(self) -> int:
        sizes = []
        for mechanism, layer in zip(self._mechanisms, self._layers, strict=True):
            width = int(mechanism.values.shape.as_list()[-1])
            if layer is not None:
                shape = layer.compute_output_shape([None, self._cell.output_size + width])
                width = int(shape.as_list()[-1])
            sizes.append(width)
        return sum(sizes)

    def _joined(self, items: list[Any]) -> Any:
        return tuple(items) if self._several else items[0]

    def _apart(self, items: Any) -> list[Any]:
        return list(items) if self._several else [items]

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Return the state before the first step; ``batch_size`` must be that of the memory."""
        with get_default_graph().name_scope(type(self).__name__ + "ZeroState"):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            else:
                leaves = [array.identity(x) for x in nest.flatten(cell_state)]
                cell_state = nest.pack(cell_state, leaves)
            alignments = [m.initial_alignments(batch_size, dtype) for m in self._mechanisms]
            history: list[Any] = [()] * len(alignments)
            if self._keeps_history:
                history = [TensorArray(dtype, 0, dynamic_size=True, element_shape=a.shape)
                           for a in alignments]  # fmt: skip
            states = [m.initial_state(batch_size, dtype) for m in self._mechanisms]
            return AttentionWrapperState(
                cell_state=cell_state,
                time=creation.zeros([], int32),
                attention=zeros_of(self._attention_size(), batch_size, dtype),
                alignments=self._joined(alignments),
                alignment_history=self._joined(history),
                attention_state=self._joined(states),
            )

    def call(self, inputs: Any, state: Any) -> tuple[Any, AttentionWrapperState]:
        if not isinstance(state, AttentionWrapperState):
            raise InvalidTypeError(
                None, None,
                f"AttentionWrapper: the state is no AttentionWrapperState but {type(state)}; take "
                "cell.zero_state(batch_size, dtype), with .clone(cell_state=...) for another one.",
            )  # fmt: skip
        given = self._cell_input(inputs, state.attention)
        output, cell_state = self._cell(given, state.cell_state)
        attentions, alignments, states = [], [], []
        for mechanism, before, layer in zip(
            self._mechanisms, self._apart(state.attention_state), self._layers, strict=True
        ):
            attention, aligned, after = self._attention(mechanism, output, before, layer)
            attentions.append(attention)
            alignments.append(aligned)
            states.append(after)
        history = self._apart(state.alignment_history)
        if self._keeps_history:
            history = [h.write(state.time, a) for h, a in zip(history, alignments, strict=True)]
        attention = joining.concat(attentions, 1) if len(attentions) > 1 else attentions[0]
        following = AttentionWrapperState(
            cell_state=cell_state,
            attention=attention,
            time=state.time + 1,
            alignments=self._joined(alignments),
            alignment_history=self._joined(history),
            attention_state=self._joined(states),
        )
        return attention if self._output_attention else output, following


def compute_attention(
    mechanism: Any, cell_output: Tensor, attention_state: Any, attention_layer: Any
) -> tuple[Tensor, Tensor, Any]:
    """Return (attention [batch, n], alignments [batch, steps], next attention state)."""
    alignments, after = mechanism(cell_output, state=attention_state)
    read = products.matmul(array.expand_dims(alignments, 1), mechanism.values)
    context = array.squeeze(read, [1])
    if attention_layer is None:
        return context, alignments, after
    return attention_layer(joining.concat([cell_output, context], 1)), alignments, after


def _side_by_side(inputs: Any, attention: Tensor) -> Tensor:
    return joining.concat([inputs, attention], -1)
