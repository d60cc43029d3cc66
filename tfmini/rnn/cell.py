"""What a recurrent cell is: ``tf.nn.rnn_cell.RNNCell``, and how any cell runs over a sequence.

In: a cell, inputs [steps, batch, ...], a state.  Out: the outputs of all steps and the last state.

A cell gives one step, ``call(inputs, state)``.  A class that gives ``unroll`` beside it says how
all steps are done at once; cells without one are traced, and their step is run by one scan.
"""

from __future__ import annotations

import copy
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import DType, as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.layers.base import Layer
from tfmini.layers.spec import InputSpec, check
from tfmini.logging import notice
from tfmini.nodes import Tensor
from tfmini.ops import array, creation, joining, nest, selection
from tfmini.ops.recurrent import ACTIVATIONS, FUNCTIONS
from tfmini.ops.sequences import alive, scan_steps
from tfmini.shapes import TensorShape, as_shape, compatible, format_shape
from tfmini.variable_scope import VariableScope, get_variable_scope, variable_scope

Activation = Callable[[Any], Any]


class LSTMStateTuple(namedtuple("LSTMStateTuple", ("c", "h"))):
    """The state of an LSTM: the cells' values ``c`` and the outputs ``h``, [batch, units] each."""

    __slots__ = ()

    @property
    def dtype(self) -> DType:
        """The dtype of both."""
        c, h = self
        if c.dtype is not h.dtype:
            raise InvalidTypeError(None, None, f"c is {c.dtype!r}, h {h.dtype!r}.")
        return c.dtype


class RNNCell(Layer):
    """The base of recurrent cells.

    A subclass has the properties ``state_size`` and ``output_size`` (a number of units, a shape
    without the batch, or a structure of them) and either ``call(inputs, state)`` or
    ``__call__(inputs, state, scope=None)``, which return (output, next state).
    """

    def __init__(
        self, trainable: bool = True, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        if kwargs.pop("input_size", None) is not None:
            notice("input_size of a cell is not needed: its first input says it.")
        super().__init__(trainable, name, dtype, **kwargs)
        self._got: list[Any] = []

    @property
    def state_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no state_size.")

    @property
    def output_size(self) -> Any:
        raise UnimplementedError(None, None, f"{type(self).__name__} has no output_size.")

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        """Return (output, next state) of one step.

        Parameters
        ----------
        inputs : tensor [batch, inputs], or a structure of tensors
        state : as ``state_size`` says, [batch, ...]
        scope : the name, or scope, of the variables; default the class's name
        """
        with self._tracked(scope) as given:
            return super().__call__(inputs, state, scope=given)

    @contextmanager
    def _tracked(self, scope: Any) -> Iterator[Any]:
        """Note the variables that ``get_variable`` gives in the block: they are the cell's."""

        def noted(getter: Any, *args: Any, **kwargs: Any) -> Any:
            variable = getter(*args, **kwargs)
            if not any(v is variable for v in self._got):
                self._got.append(variable)
            return variable

        if self._scope is not None:  # it has the custom getter
            yield None
        else:
            around = get_variable_scope() if scope is None else scope
            with variable_scope(around, custom_getter=noted) as opened:
                yield None if scope is None else opened

    @contextmanager
    def prepared(self, inputs: Any) -> Iterator[None]:
        """In the block, the cell is built for steps of ``inputs`` and its scope is open."""
        with self._tracked(None):
            self._open_scope(None)
            leaves = nest.flatten(inputs)
            with self._scoped(True if self.built else self._reuse):
                check(self.input_spec, leaves, self.name, skipped=1)
                if not self.built:
                    self._build_for(inputs, leaves, skipped=1)
                yield

    def _inputs_in(self, shape: Any) -> int:
        """Return the size of inputs of ``shape``; the cell takes no other from now on."""
        dims, kind = as_shape(shape), type(self).__name__
        if dims is not None and len(dims) != 2:
            raise InvalidArgumentError(
                None,
                None,
                f"{kind} takes [batch, size] in each step, not {format_shape(dims)}: dynamic_rnn "
                f"takes [batch, steps, size].",
            )
        size = inputs_in(shape, kind)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        return size

    @property
    def trainable_weights(self) -> list[Any]:
        trained = get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES)
        found = super().trainable_weights
        more = [v for v in self._got if _among(v, trained) and not _among(v, found)]
        return found + more if self.trainable else found

    trainable_variables = trainable_weights

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return a cell like this one, in the same graph, with the tensors that it has."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        for leaf in nest.flatten(list(vars(self).values())):
            if isinstance(leaf, (Tensor, Graph, VariableScope)):
                memo[id(leaf)] = leaf
        for key, value in vars(self).items():
            setattr(twin, key, [] if key in ("_got", "_calls") else copy.deepcopy(value, memo))
        return twin

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return zeros of ``state_size`` for ``batch_size`` rows, a number or a scalar tensor."""
        with get_default_graph().name_scope(type(self).__name__ + "ZeroState"):
            return zeros_of(self.state_size, batch_size, dtype)

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: Any = None
    ) -> Any:
        """Return ``zero_state`` for the batch and dtype of ``inputs``, or those given."""
        if inputs is not None:
            inputs = convert_to_tensor(inputs)
            batch_size, dtype = array.shape(inputs)[0], inputs.dtype
        if batch_size is None or dtype is None:
            raise InvalidArgumentError(None, None, "give inputs, or batch_size and dtype.")
        return self.zero_state(batch_size, dtype)


def inputs_in(shape: Any, cell: str) -> int:
    """Return the size of the last dimension of an input's ``shape``, which must be known."""
    dims = as_shape(shape)
    if not dims or dims[-1] is None:
        raise InvalidArgumentError(
            None,
            None,
            f"{cell} needs inputs with a known last dimension, not {format_shape(dims)}; use "
            f"set_shape before.",
        )
    return dims[-1]


def _among(variable: Any, variables: list[Any]) -> bool:
    return any(v is variable for v in variables)


def zeros_of(size: Any, batch_size: Any, dtype: Any) -> Any:
    """Return zeros [batch_size, *size] for each leaf of ``size``, numbers or shapes."""
    leaves = [_dims(s) for s in nest.flatten(size)]
    # Numbers stay numbers, so that static shapes are known.
    known = batch_size if isinstance(batch_size, (int, Tensor)) else int(batch_size)
    zeros = [creation.zeros(joined([known, *dims]), as_dtype(dtype)) for dims in leaves]
    return nest.pack(size, zeros)


def joined(dims: list[Any]) -> Any:
    """Return ``dims`` as a shape: a list of numbers, or a vector if one is a tensor."""
    return joining.stack(dims) if any(isinstance(d, Tensor) for d in dims) else dims


def _dims(size: Any) -> list[Any]:
    if isinstance(size, TensorShape):
        return [int(d) for d in size.as_list()]
    return [int(size)]


def require_cell(cell: Any, what: str) -> None:
    """Raise unless ``cell`` has what a cell needs."""
    if isinstance(cell, type) or not callable(cell) or not hasattr(cell, "state_size"):
        raise InvalidTypeError(
            None,
            None,
            f"{what} must be an RNNCell object such as BasicLSTMCell(128), not {cell!r}.",
        )


def activation_of(given: Any) -> Activation:
    """Return the function that ``given`` stands for: a function, a name, or None for tanh."""
    if given is None:
        return FUNCTIONS["tanh"]
    if isinstance(given, str):
        if given not in FUNCTIONS:
            raise InvalidArgumentError(
                None, None, f"activation {given!r}: use a function, or {', '.join(FUNCTIONS)}."
            )
        return FUNCTIONS[given]
    function: Activation = given
    return function


def fused_name(activation: Activation) -> str | None:
    """Return the name of ``activation`` in operations over sequences, or None."""
    opdef = getattr(activation, "opdef", None)
    return None if opdef is None else ACTIVATIONS.get(opdef.type)


# -- over sequences ---------------------------------------------------------------------------


def unroll(cell: Any, inputs: Any, state: Any, lengths: Tensor | None) -> tuple[Any, Any]:
    """Run ``cell`` along dimension 0 of ``inputs``; return all outputs, and the last state.

    Rows keep their state after their ``lengths`` [batch], and have outputs 0 there.
    """
    _require_state(cell, state)
    for kind in type(cell).__mro__:
        given = vars(kind)
        if "unroll" in given:
            found = cell.unroll(inputs, state, lengths)
            if found is not NotImplemented:
                outputs, state = found
                return outputs, state
            break
        if "call" in given or "__call__" in given:
            break  # its step is not the one that a base class unrolls
    return _traced(cell, inputs, state, lengths)


def _require_state(cell: Any, state: Any) -> None:
    """Raise unless tensors of ``state`` are as wide as ``cell`` says."""
    sizes, leaves = nest.flatten(cell.state_size), nest.flatten(state)
    if len(sizes) != len(leaves):
        return  # the cell says it better
    for size, leaf in zip(sizes, leaves, strict=True):
        if isinstance(size, int) and not compatible(leaf.spec.shape, (None, size)):
            raise InvalidArgumentError(
                leaf.op.info,
                leaf.op,
                f"a state of {type(cell).__name__} is {format_shape((None, size))}, this one "
                f"{format_shape(leaf.spec.shape)}.",
            )


def _traced(cell: Any, inputs: Any, state: Any, lengths: Tensor | None) -> tuple[Any, Any]:
    form: list[Any] = []

    def step(slices: list[Tensor], before: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        result = cell(nest.pack(inputs, slices), nest.pack(state, before))
        if not isinstance(result, (list, tuple)) or len(result) != 2:
            raise InvalidTypeError(
                None,
                None,
                f"{type(cell).__name__} must return (output, next state) of a step, not "
                f"{result!r}.",
            )
        output, after = result
        nest.require_same_form(state, after, "the state of a cell and its next state")
        form.append(output)
        outputs = [convert_to_tensor(y) for y in nest.flatten(output)]
        return outputs, [
            _next(cell, convert_to_tensor(new, old.dtype), old)
            for new, old in zip(nest.flatten(after), before, strict=True)
        ]

    outputs, last = scan_steps(step, nest.flatten(inputs), nest.flatten(state), lengths)
    return nest.pack(form[0], outputs), nest.pack(state, last)


def _next(cell: Any, new: Tensor, old: Tensor) -> Tensor:
    if None not in (new.dtype, old.dtype) and new.dtype is not old.dtype:
        raise InvalidTypeError(
            None,
            None,
            f"{type(cell).__name__}: the state is {old.dtype!r}, the next one {new.dtype!r}.",
        )
    if not new.shape.is_compatible_with(old.shape):
        raise InvalidArgumentError(
            None,
            None,
            f"{type(cell).__name__}: the state has shape {format_shape(old.spec.shape)}, the next "
            f"one {format_shape(new.spec.shape)}.",
        )
    return new


def masked(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``outputs`` [steps, batch, n] with 0 after the ``lengths`` of the rows."""
    if lengths is None:
        return outputs
    going = array.expand_dims(alive(outputs, lengths), 2)
    return selection.where_v2(going, outputs, creation.zeros_like(outputs))
