"""Cells made of cells: stacked, with dropout, shortcuts, projections or an embedding.

Over a sequence, most of them do their part for all steps at once and leave the loop to the cell
inside: a stack runs one layer after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import constant_value, convert_to_tensor
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import get_default_graph
from tfmini.initializers import RandomUniform, Zeros
from tfmini.nodes import Tensor
from tfmini.ops import array, joining, math, nest, nn, products, random, rounding
from tfmini.ops.recurrent import input_product
from tfmini.rnn.cell import (
    LSTMStateTuple,
    RNNCell,
    activation_of,
    inputs_in,
    joined,
    masked,
    require_cell,
    unroll,
)
from tfmini.shapes import as_shape
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import get_variable_scope, variable_scope


class MultiRNNCell(RNNCell):
    """Cells one on top of the other: each gets the output of the one before.

    Parameters
    ----------
    cells : list of cells
    state_is_tuple : False: the states stand side by side in one tensor
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not isinstance(cells, (list, tuple)) or not cells:
            raise InvalidTypeError(
                None, None, f"MultiRNNCell takes a list of one cell or more, not {cells!r}."
            )
        for cell in cells:
            require_cell(cell, "each cell of MultiRNNCell")
        self._cells = list(cells)
        self._state_is_tuple = state_is_tuple
        if not state_is_tuple and any(isinstance(c.state_size, (list, tuple)) for c in cells):
            raise InvalidArgumentError(
                None, None, "state_is_tuple=False needs cells whose states are single tensors."
            )

    @property
    def state_size(self) -> Any:
        sizes = tuple([cell.state_size for cell in self._cells])
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        return self._cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the zero states of the cells."""
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        with get_default_graph().name_scope(type(self).__name__ + "ZeroState"):
            return tuple([cell.zero_state(batch_size, dtype) for cell in self._cells])

    def _states(self, state: Any) -> Sequence[Any]:
        if not self._state_is_tuple:
            parts: Sequence[Any] = joining.split(state, [c.state_size for c in self._cells], 1)
            return parts
        if not isinstance(state, (list, tuple)) or len(state) != len(self._cells):
            raise InvalidTypeError(
                None, None, f"MultiRNNCell takes a tuple of {len(self._cells)} states: {state!r}."
            )
        return state

    def _stacked(
        self, inputs: Any, state: Any, run: Callable[[Any, Any, Any], tuple[Any, Any]]
    ) -> tuple[Any, Any]:
        after = []
        for i, (cell, own) in enumerate(zip(self._cells, self._states(state), strict=True)):
            with variable_scope(f"cell_{i}"):
                inputs, new = run(cell, inputs, own)
            after.append(new)
        return inputs, tuple(after) if self._state_is_tuple else joining.concat(after, 1)

    def call(self, inputs: Any, state: Any) -> Any:
        return self._stacked(inputs, state, lambda cell, x, own: cell(x, own))

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        with self.prepared(inputs):
            return self._stacked(inputs, state, lambda cell, x, own: unroll(cell, x, own, lengths))


class _Wrapper(RNNCell):
    """A cell around another one."""

    def __init__(self, cell: Any, reuse: bool | None = None) -> None:
        super().__init__(_reuse=reuse)
        require_cell(cell, "cell")
        self._cell = cell

    @property
    def wrapped_cell(self) -> Any:
        return self._cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Return the zero state of the cell inside."""
        return self._cell.zero_state(batch_size, dtype)


class DeviceWrapper(_Wrapper):
    """A cell with a device, which is of no meaning here."""

    def __init__(self, cell: Any, device: Any) -> None:
        super().__init__(cell)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        return self._cell(inputs, state, scope=scope)

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        return unroll(self._cell, inputs, state, lengths)


class DropoutWrapper(_Wrapper):
    """A cell with dropout of its inputs, outputs and state.

    Parameters
    ----------
    cell : the cell inside
    input_keep_prob, output_keep_prob, state_keep_prob : numbers or scalar tensors
        The probability to keep an element.  c of an LSTM's state is always kept.
    variational_recurrent : bool
        One choice for all steps and rows of a run (Gal and Ghahramani 2015, arXiv:1512.05287);
        then ``dtype``, and with dropout of inputs ``input_size``, must be given.
    seed : of the random choices
    dropout_state_filter_visitor : function of a part of the state, which says what to drop: True,
        False, or a structure of them
    """

    def __init__(
        self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0, variational_recurrent: bool = False, input_size: Any = None,
        dtype: Any = None, seed: int | None = None, dropout_state_filter_visitor: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(cell)
        self._input_keep = _probability("input_keep_prob", input_keep_prob)
        self._output_keep = _probability("output_keep_prob", output_keep_prob)
        self._state_keep = _probability("state_keep_prob", state_keep_prob)
        self._seed = seed
        self._filter = dropout_state_filter_visitor or _all_but_c
        self._noise: dict[str, list[Tensor]] | None = None
        if variational_recurrent:
            if dtype is None:
                raise InvalidArgumentError(None, None, "variational_recurrent needs dtype.")
            if input_size is None and _drops(self._input_keep):
                raise InvalidArgumentError(
                    None, None, "variational_recurrent with input_keep_prob needs input_size."
                )
            sizes = {"input": input_size, "state": cell.state_size, "output": cell.output_size}
            self._noise = {what: self._noise_of(s, as_dtype(dtype)) for what, s in sizes.items()}

    def _noise_of(self, size: Any, dtype: Any) -> list[Tensor]:
        shapes = [] if size is None else [_with_batch(s) for s in nest.flatten(size)]
        return [random.random_uniform(s, dtype=dtype, seed=self._seed) for s in shapes]

    def _dropped(self, what: str, values: Any, keep: Any, wanted: Any = True) -> Any:
        """Return ``values`` with dropout where ``wanted``, a structure of bools, says so."""
        if not _drops(keep):
            return values
        out = []
        leaves = nest.flatten(values)
        chosen = nest.flatten(wanted) if wanted is not True else [True] * len(leaves)
        for i, (value, drop) in enumerate(zip(leaves, chosen, strict=True)):
            if not drop:
                out.append(value)
            elif self._noise is None:
                out.append(nn.dropout(value, keep, seed=self._seed))
            else:
                kept = rounding.floor(self._noise[what][i] + keep)
                out.append(math.divide(value, keep) * kept)
        return nest.pack(values, out)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        inputs = self._dropped("input", inputs, self._input_keep)
        output, after = self._cell(inputs, state, scope=scope)
        if _drops(self._state_keep):
            wanted = _filtered(self._filter, after)
            after = self._dropped("state", after, self._state_keep, wanted)
        return self._dropped("output", output, self._output_keep), after

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        if _drops(self._state_keep) or len(nest.flatten(inputs)) > 1:
            return NotImplemented
        inputs = self._dropped("input", inputs, self._input_keep)
        outputs, after = unroll(self._cell, inputs, state, lengths)
        return self._dropped("output", outputs, self._output_keep), after


def _probability(name: str, value: Any) -> Any:
    known = constant_value(value)
    if known is not None and not 0 <= float(known) <= 1:
        raise InvalidArgumentError(None, None, f"{name} must be between 0 and 1, not {known}.")
    return value if isinstance(value, Tensor) else float(value)


def _drops(keep: Any) -> bool:
    return not isinstance(keep, float) or keep < 1


def _with_batch(size: Any) -> list[int]:
    shape = as_shape(size) if not isinstance(size, int) else (size,)
    return [1, *[int(d) for d in shape or ()]]


def _all_but_c(state: Any) -> Any:
    return LSTMStateTuple(False, True) if isinstance(state, LSTMStateTuple) else True


def _filtered(choose: Callable[[Any], Any], state: Any) -> Any:
    """Return a bool for each leaf of ``state``: ``choose`` goes into structures that it passes."""
    chosen = choose(state)
    if isinstance(chosen, bool):
        if chosen and isinstance(state, (list, tuple)):
            return [_filtered(choose, part) for part in state]
        return [chosen] * len(nest.flatten(state))
    return [_filtered(lambda _part, c=c: c, part) for c, part in zip(chosen, state, strict=True)]


class ResidualWrapper(_Wrapper):
    """A cell whose output is the input plus the inner cell's output.

    ``residual_fn(inputs, outputs)`` may say what the output is instead.
    """

    def __init__(self, cell: Any, residual_fn: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__(cell)
        self._residual_fn = residual_fn

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        outputs, after = self._cell(inputs, state, scope=scope)
        if self._residual_fn is not None:
            return self._residual_fn(inputs, outputs), after
        nest.require_same_form(inputs, outputs, "ResidualWrapper: inputs and outputs")
        pairs = zip(nest.flatten(inputs), nest.flatten(outputs), strict=True)
        return nest.pack(outputs, [_plus(x, y) for x, y in pairs]), after

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        if self._residual_fn is not None or not isinstance(inputs, Tensor):
            return NotImplemented
        outputs, after = unroll(self._cell, inputs, state, lengths)
        return masked(_plus(inputs, outputs), lengths), after


def _plus(x: Tensor, y: Tensor) -> Tensor:
    if not x.shape.is_compatible_with(y.shape):
        raise InvalidArgumentError(
            None,
            None,
            f"ResidualWrapper adds the input, {x.shape}, to the output, {y.shape}; they must "
            f"have one shape.",
        )
    return x + y


class InputProjectionWrapper(_Wrapper):
    """A cell with a linear layer, and perhaps an activation, before it."""

    def __init__(
        self, cell: Any, num_proj: int, activation: Any = None, input_size: Any = None,
        reuse: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(cell, reuse)
        self._num_proj, self._activation = num_proj, activation

    def call(self, inputs: Any, state: Any) -> Any:
        return self._cell(_projected(inputs, self._num_proj, self._activation), state)

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        with self.prepared(inputs):
            projected = _projected(inputs, self._num_proj, self._activation)
            return unroll(self._cell, projected, state, lengths)


class OutputProjectionWrapper(_Wrapper):
    """A cell with a linear layer, and perhaps an activation, after it."""

    def __init__(
        self, cell: Any, output_size: int, activation: Any = None, reuse: bool | None = None
    ) -> None:
        super().__init__(cell, reuse)
        self._num_proj, self._activation = output_size, activation

    @property
    def output_size(self) -> int:
        return self._num_proj

    def call(self, inputs: Any, state: Any) -> Any:
        output, after = self._cell(inputs, state)
        return _projected(output, self._num_proj, self._activation), after

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        with self.prepared(inputs):
            outputs, after = unroll(self._cell, inputs, state, lengths)
            return masked(_projected(outputs, self._num_proj, self._activation), lengths), after


def _projected(x: Tensor, size: int, activation: Any) -> Tensor:
    """Return the linear layer of ``x``, [batch, inputs] or [steps, batch, inputs]."""
    kernel = get_variable("kernel", [inputs_in(x.shape, "a projection"), size], x.dtype)
    bias = get_variable("bias", [size], x.dtype, initializer=Zeros())
    if len(x.shape) == 3:
        y = input_product(x, kernel, bias)
    else:
        y = nn.bias_add(products.matmul(x, kernel), bias)
    return y if activation is None else activation_of(activation)(y)


class EmbeddingWrapper(_Wrapper):
    """A cell whose inputs are ids, [batch] or [batch, 1], of rows of a matrix "embedding".

    Parameters
    ----------
    cell : the cell inside
    embedding_classes, embedding_size : size of the matrix
    initializer : default the scope's, else uniform on [-sqrt(3), sqrt(3)), of variance 1
    """

    def __init__(
        self, cell: Any, embedding_classes: int, embedding_size: int, initializer: Any = None,
        reuse: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise InvalidArgumentError(None, None, "embedding sizes must be positive.")
        self._initializer = initializer
        self._shape = [embedding_classes, embedding_size]

    def _embedded(self, ids: Any, state: Any) -> Tensor:
        leaf = nest.flatten(state)[0]
        around = get_variable_scope().initializer
        start = self._initializer or around or RandomUniform(-(3**0.5), 3**0.5)
        matrix = get_variable("embedding", self._shape, leaf.dtype, initializer=start)
        return nn.embedding_lookup(matrix, ids)

    def call(self, inputs: Any, state: Any) -> Any:
        ids = array.reshape(convert_to_tensor(inputs), [-1])
        return self._cell(self._embedded(ids, state), state)

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        sizes = array.shape(inputs)
        ids = array.reshape(inputs, joined([sizes[0], sizes[1]]))
        with self.prepared(inputs):
            return unroll(self._cell, self._embedded(ids, state), state, lengths)
