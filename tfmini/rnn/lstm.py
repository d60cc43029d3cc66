"""Long short-term memory cells."""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.initializers import Constant, Zeros
from tfmini.ops import exponential, joining, math, nn, normalization, products
from tfmini.ops.lstm import _lstm_sequence, lstm_step
from tfmini.rnn.cell import LSTMStateTuple, RNNCell, activation_of, fused_name


class _LSTM(RNNCell):
    """What the LSTM cells share: a state of c and h, as a tuple or side by side in one tensor."""

    _num_units: int
    _outputs: int
    _state_is_tuple: bool

    @property
    def state_size(self) -> Any:
        if self._state_is_tuple:
            return LSTMStateTuple(self._num_units, self._outputs)
        return self._num_units + self._outputs

    @property
    def output_size(self) -> int:
        return self._outputs

    def _parted(self, state: Any) -> tuple[Any, Any]:
        if not self._state_is_tuple:
            c, h = joining.split(state, [self._num_units, self._outputs], 1)
            return c, h
        if not isinstance(state, (list, tuple)) or len(state) != 2:
            raise InvalidTypeError(
                None,
                None,
                f"{type(self).__name__} takes the state (c, h), not {state!r}; with "
                f"state_is_tuple=False it would be one tensor.",
            )
        return state[0], state[1]

    def _joined(self, c: Any, h: Any) -> Any:
        return LSTMStateTuple(c, h) if self._state_is_tuple else joining.concat([c, h], 1)

    def _fused(
        self, inputs: Any, state: Any, lengths: Any, activation: str, forget_bias: float
    ) -> Any:
        """Return outputs and last state for cells that have a kernel and a bias and no more."""
        with self.prepared(inputs):
            c, h = self._parted(state)
            y, c, h, _, _ = _lstm_sequence(
                inputs, c, h, self._kernel, self._bias, lengths,
                forget_bias=forget_bias, activation=activation,
            )  # fmt: skip
            return y, self._joined(c, h)

    _kernel: Any
    _bias: Any


class BasicLSTMCell(_LSTM):
    """An LSTM without peepholes, clipping or projection; Zaremba et al. 2014 (arXiv:1409.2329).

    ``i, j, f, o = [x, h] kernel + bias``; ``c = sigmoid(f + forget_bias) c + sigmoid(i)
    activation(j)``; output and h are ``sigmoid(o) activation(c)``.

    Parameters
    ----------
    num_units : size of c and h
    forget_bias : added to the bias of the forget gates
    state_is_tuple : False: c and h stand side by side in one tensor, [batch, 2 * num_units]
    activation : function, default tanh
    reuse : whether the variables must exist already
    """

    def __init__(
        self, num_units: int, forget_bias: float = 1.0, state_is_tuple: bool = True,
        activation: Any = None, reuse: bool | None = None, name: str | None = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self._num_units = self._outputs = num_units
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation_of(activation)

    def build(self, inputs_shape: Any) -> None:
        units = self._num_units
        rows = self._inputs_in(inputs_shape) + units
        self._kernel = self.add_weight("kernel", [rows, 4 * units])
        self._bias = self.add_weight("bias", [4 * units], initializer=Zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        c, h = self._parted(state)
        z = products.matmul(joining.concat([inputs, h], 1), self._kernel)
        c, h = lstm_step(nn.bias_add(z, self._bias), c, self._forget_bias, self._activation)
        return h, self._joined(c, h)

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        activation = fused_name(self._activation)
        if activation is None or not isinstance(self._forget_bias, (int, float)):
            return NotImplemented
        return self._fused(inputs, state, lengths, activation, float(self._forget_bias))


class LSTMCell(_LSTM):
    """An LSTM with, where asked for, peepholes, clipping and a projection of its output.

    Sak et al. 2014 (arXiv:1402.1128); Gers et al. 2003 for the peepholes: i and f see the old c
    times a vector, o sees the new one.

    Parameters
    ----------
    num_units : size of c
    use_peepholes : whether the gates see c
    cell_clip : c is kept in [-cell_clip, cell_clip]
    initializer : of the matrices and peepholes; default the scope's
    num_proj, proj_clip : size of the output, which is ``h projection/kernel``, and its clip
    num_unit_shards, num_proj_shards : accepted: variables stay in one piece here
    forget_bias, state_is_tuple, activation, reuse : as for ``BasicLSTMCell``
    """

    def __init__(
        self, num_units: int, use_peepholes: bool = False, cell_clip: float | None = None,
        initializer: Any = None, num_proj: int | None = None, proj_clip: float | None = None,
        num_unit_shards: int | None = None, num_proj_shards: int | None = None,
        forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Any = None,
        reuse: bool | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self._num_units = num_units
        self._outputs = num_proj or num_units
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation_of(activation)

    def build(self, inputs_shape: Any) -> None:
        units, start = self._num_units, self._initializer
        rows = self._inputs_in(inputs_shape) + self._outputs
        self._kernel = self.add_weight("kernel", [rows, 4 * units], initializer=start)
        self._bias = self.add_weight("bias", [4 * units], initializer=Zeros())
        if self._use_peepholes:
            self._peepholes = [
                self.add_weight(f"w_{gate}_diag", [units], initializer=start) for gate in "fio"
            ]
        if self._num_proj is not None:
            self._projection = self.add_weight(
                "projection/kernel", [units, self._num_proj], initializer=start
            )
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        c, h = self._parted(state)
        z = products.matmul(joining.concat([inputs, h], 1), self._kernel)
        i, j, f, o = joining.split(nn.bias_add(z, self._bias), 4, 1)
        f += self._forget_bias
        if self._use_peepholes:
            at_f, at_i, at_o = self._peepholes
            f, i = f + at_f * c, i + at_i * c
        sigmoid = exponential.sigmoid
        c = sigmoid(f) * c + sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            c = self._clipped(c)
        if self._use_peepholes:
            o += at_o * c
        h = sigmoid(o) * self._activation(c)
        if self._num_proj is not None:
            h = products.matmul(h, self._projection)
            if self._proj_clip is not None:
                h = math.clip_by_value(h, -self._proj_clip, self._proj_clip)
        return h, self._joined(c, h)

    def _clipped(self, c: Any) -> Any:
        return math.clip_by_value(c, -self._cell_clip, self._cell_clip)

    def unroll(self, inputs: Any, state: Any, lengths: Any) -> Any:
        activation = fused_name(self._activation)
        special = self._use_peepholes or self._cell_clip is not None or self._num_proj is not None
        if activation is None or special or not isinstance(self._forget_bias, (int, float)):
            return NotImplemented
        return self._fused(inputs, state, lengths, activation, float(self._forget_bias))


class LayerNormBasicLSTMCell(_LSTM):
    """An LSTM whose gates and c are normalized (Ba et al. 2016, arXiv:1607.06450), with dropout of
    the new candidates (Semeniuta et al. 2016, arXiv:1603.05118).

    Parameters
    ----------
    num_units, forget_bias, activation, reuse : as for ``BasicLSTMCell``
    layer_norm : whether to normalize
    norm_gain, norm_shift : where the normalization's variables start
    dropout_keep_prob : the probability to keep a candidate, a number or a tensor
    dropout_prob_seed : seed of the dropout
    """

    _state_is_tuple = True

    def __init__(
        self, num_units: int, forget_bias: float = 1.0, input_size: Any = None,
        activation: Any = None, layer_norm: bool = True, norm_gain: float = 1.0,
        norm_shift: float = 0.0, dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None, reuse: bool | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        if not isinstance(layer_norm, bool):
            raise InvalidArgumentError(None, None, f"layer_norm is True or False: {layer_norm!r}.")
        self._num_units = self._outputs = num_units
        self._forget_bias = forget_bias
        self._activation = activation_of(activation)
        self._layer_norm = layer_norm
        self._starts = {"gamma": Constant(norm_gain), "beta": Constant(norm_shift)}
        self._keep_prob, self._seed = dropout_keep_prob, dropout_prob_seed

    def build(self, inputs_shape: Any) -> None:
        units = self._num_units
        rows = self._inputs_in(inputs_shape) + units
        self._kernel = self.add_weight("kernel", [rows, 4 * units])
        self._norms: dict[str, list[Any]] = {}
        if self._layer_norm:
            for part in ("input", "transform", "forget", "output", "state"):
                self._norms[part] = [
                    self.add_weight(f"{part}/{name}", [units], initializer=start)
                    for name, start in self._starts.items()
                ]
        else:
            self._bias = self.add_weight("bias", [4 * units], initializer=Zeros())
        self.built = True

    def _normed(self, x: Any, part: str) -> Any:
        if not self._layer_norm:
            return x
        gamma, beta = self._norms[part]
        mean, variance = normalization.moments(x, [1], keep_dims=True)
        return normalization.batch_normalization(x, mean, variance, beta, gamma, 1e-12)

    def call(self, inputs: Any, state: Any) -> Any:
        c, h = self._parted(state)
        z = products.matmul(joining.concat([inputs, h], 1), self._kernel)
        if not self._layer_norm:
            z = nn.bias_add(z, self._bias)
        i, j, f, o = joining.split(z, 4, 1)
        i, j = self._normed(i, "input"), self._normed(j, "transform")
        f, o = self._normed(f, "forget"), self._normed(o, "output")
        candidates = self._activation(j)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            candidates = nn.dropout(candidates, self._keep_prob, seed=self._seed)
        sigmoid = exponential.sigmoid
        c = c * sigmoid(f + self._forget_bias) + sigmoid(i) * candidates
        c = self._normed(c, "state")
        h = self._activation(c) * sigmoid(o)
        return h, self._joined(c, h)
