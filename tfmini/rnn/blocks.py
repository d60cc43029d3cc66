"""``tf.contrib.rnn``'s cells that are one kernel in TensorFlow; here they are the plain ones, whose
formulas and, where told below, variables they share.

In and out: as for ``tfmini.rnn.cells`` and ``tfmini.rnn.lstm``.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.initializers import Zeros
from tfmini.ops import math
from tfmini.ops.array import stop_gradient
from tfmini.rnn.cells import GRUCell
from tfmini.rnn.lstm import LSTMCell


class LSTMBlockCell(LSTMCell):
    """An LSTM with, where asked for, peepholes and a clip of c; its variables are ``LSTMCell``'s.

    Parameters
    ----------
    num_units : size of c and h
    forget_bias : added to the bias of the forget gates
    cell_clip : c is kept in [-cell_clip, cell_clip], but gradients pass as if it were not; None
        or a negative number: no clip
    use_peephole : whether the gates see c
    """

    def __init__(
        self, num_units: int, forget_bias: float = 1.0, cell_clip: float | None = None,
        use_peephole: bool = False, dtype: Any = None, reuse: bool | None = None,
        name: str | None = "lstm_cell",
    ) -> None:  # fmt: skip
        clip = cell_clip if cell_clip is not None and cell_clip > 0 else None
        super().__init__(
            num_units, use_peephole, clip, forget_bias=forget_bias, reuse=reuse, name=name,
            dtype=dtype,
        )  # fmt: skip

    def build(self, inputs_shape: Any) -> None:
        units = self._num_units
        rows = self._inputs_in(inputs_shape) + units
        self._kernel = self.add_weight("kernel", [rows, 4 * units])
        self._bias = self.add_weight("bias", [4 * units], initializer=Zeros())
        if self._use_peepholes:
            i, f, o = (self.add_weight(f"w_{gate}_diag", [units]) for gate in "ifo")
            self._peepholes = [f, i, o]
        self.built = True

    def _clipped(self, c: Any) -> Any:
        return c + stop_gradient(math.clip_by_value(c, -self._cell_clip, self._cell_clip) - c)


class GRUBlockCellV2(GRUCell):
    """``GRUCell`` with tanh, under another name; their variables are the same.

    Parameters
    ----------
    num_units : size of state and output; ``cell_size`` is its older name
    """

    def __init__(
        self, num_units: int | None = None, cell_size: int | None = None,
        reuse: bool | None = None, name: str | None = "gru_cell",
    ) -> None:  # fmt: skip
        if (num_units is None) == (cell_size is None):
            raise InvalidArgumentError(
                None, None, f"{type(self).__name__}: give num_units (cell_size is its older name)."
            )
        super().__init__(num_units or cell_size or 0, reuse=reuse, name=name)

    def call(self, inputs: Any, h_prev: Any) -> Any:
        return super().call(inputs, h_prev)


class GRUBlockCell(GRUBlockCellV2):
    """``GRUCell`` with tanh, and variables of its own names: w_ru, b_ru, w_c and b_c."""

    _names = ("w_ru", "b_ru", "w_c", "b_c")
