"""Cells of one state: the simple cell and the gated recurrent unit."""

from __future__ import annotations

from typing import Any

from tfmini.initializers import Constant, Zeros
from tfmini.ops import joining, nn, products
from tfmini.ops.gru import _gru_sequence, gru_step
from tfmini.ops.recurrent import _rnn_sequence
from tfmini.rnn.cell import RNNCell, activation_of, fused_name


class BasicRNNCell(RNNCell):
    """The simple cell: output and next state are ``activation([input, state] kernel + bias)``.

    Parameters
    ----------
    num_units : size of state and output
    activation : function, default tanh
    reuse : whether the variables must exist already
    """

    def __init__(
        self, num_units: int, activation: Any = None, reuse: bool | None = None,
        name: str | None = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self._num_units = num_units
        self._activation = activation_of(activation)

    @property
    def state_size(self) -> int:
        return self._num_units

    @property
    def output_size(self) -> int:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        rows = self._inputs_in(inputs_shape) + self._num_units
        self._kernel = self.add_weight("kernel", [rows, self._num_units])
        self._bias = self.add_weight("bias", [self._num_units], initializer=Zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        product = products.matmul(joining.concat([inputs, state], 1), self._kernel)
        output = self._activation(nn.bias_add(product, self._bias))
        return output, output

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        activation = fused_name(self._activation)
        if activation is None:
            return NotImplemented
        with self.prepared(inputs):
            return _rnn_sequence(
                inputs, state, self._kernel, self._bias, lengths, activation=activation
            )


class GRUCell(RNNCell):
    """The gated recurrent unit of Cho et al. 2014 (arXiv:1406.1078).

    ``r, u = sigmoid([x, h] gates/kernel + gates/bias)``,
    ``c = activation([x, r h] candidate/kernel + candidate/bias)``, ``h = u h + (1 - u) c``.

    Parameters
    ----------
    num_units : size of state and output
    activation : function, default tanh
    reuse : whether the variables must exist already
    kernel_initializer, bias_initializer : defaults: the scope's; ones for the gates' bias, zeros
        for the candidate's
    """

    _names = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")

    def __init__(
        self, num_units: int, activation: Any = None, reuse: bool | None = None,
        kernel_initializer: Any = None, bias_initializer: Any = None, name: str | None = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self._num_units = num_units
        self._activation = activation_of(activation)
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    @property
    def state_size(self) -> int:
        return self._num_units

    @property
    def output_size(self) -> int:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        units = self._num_units
        rows = self._inputs_in(inputs_shape) + units
        start, bias = self._kernel_initializer, self._bias_initializer
        gates, gate_bias, candidate, candidate_bias = self._names
        self._gate_kernel = self.add_weight(gates, [rows, 2 * units], initializer=start)
        self._gate_bias = self.add_weight(
            gate_bias, [2 * units], initializer=Constant(1.0) if bias is None else bias
        )
        self._candidate_kernel = self.add_weight(candidate, [rows, units], initializer=start)
        self._candidate_bias = self.add_weight(
            candidate_bias, [units], initializer=Zeros() if bias is None else bias
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        def product(h: Any, kernel: Any, bias: Any) -> Any:
            return nn.bias_add(products.matmul(joining.concat([inputs, h], 1), kernel), bias)

        def candidate(reset: Any) -> Any:
            return self._activation(product(reset, self._candidate_kernel, self._candidate_bias))

        h = gru_step(product(state, self._gate_kernel, self._gate_bias), state, candidate)
        return h, h

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        activation = fused_name(self._activation)
        if activation is None:
            return NotImplemented
        with self.prepared(inputs):
            y, last, _, _ = _gru_sequence(
                inputs, state, self._gate_kernel, self._gate_bias, self._candidate_kernel,
                self._candidate_bias, lengths, activation=activation,
            )  # fmt: skip
        return y, last
