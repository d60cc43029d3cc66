"""Moving averages of variables: smoother weights for evaluation, and running statistics.

In: variables or tensors, and how fast averages forget.  Out: an operation that moves the averages,
which are variables themselves, named ``<variable>/ExponentialMovingAverage``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import GraphKeys
from tfmini.initializers import zeros_initializer
from tfmini.nodes import Operation, Tensor
from tfmini.ops import creation, grouping, math, powers, state
from tfmini.ops.state import Variable
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import get_variable_scope, variable_scope


class ExponentialMovingAverage:
    """Keeps averages ``average = decay * average + (1 - decay) * value``.

    Parameters
    ----------
    decay : number or tensor, close to 1
    num_updates : int, variable or tensor, or None
        How often the averages were updated: early ones then forget faster, with
        ``min(decay, (1 + num_updates) / (10 + num_updates))``.
    zero_debias : bool
        Correct averages of tensors, which start at 0, for that start (Kingma and Ba, 2014).
    name : what the names of averages end in
    """

    def __init__(
        self,
        decay: Any,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        self._decay, self._num_updates = decay, num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages: dict[Tensor, Variable] = {}

    @property
    def name(self) -> str:
        """What the names of averages end in."""
        return self._name

    def apply(self, var_list: Iterable[Tensor] | None = None) -> Operation:
        """Return an operation that updates the averages of ``var_list``.

        Averages of variables start at the initial values, those of other tensors at 0.  Default:
        all trainable variables.
        """
        tracked = list(state.trainable_variables() if var_list is None else var_list)
        for value in tracked:
            self._track(value)
        graph = tracked[0].graph if tracked else None
        if graph is None:
            return grouping.no_op(name=self._name)
        with graph.as_default(), graph.name_scope(self._name) as scope:
            decay = self._current_decay()
            updates = [
                assign_moving_average(
                    self._averages[v], v, decay,
                    self._zero_debias and not isinstance(v, Variable),
                )
                for v in tracked
            ]  # fmt: skip
            return grouping.group(*updates, name=scope)

    def _track(self, value: Tensor) -> None:
        if value.dtype is not None and value.dtype.dtype.kind != "f":
            raise InvalidTypeError(
                value.op.info, value.op, f"{value.dtype.name} has no moving average; floats have."
            )
        if value in self._averages:
            raise InvalidArgumentError(
                value.op.info, value.op, "its moving average is computed already."
            )
        graph, scope = value.graph, get_variable_scope().name
        path = f"{scope}/{value.op.name}" if scope else value.op.name
        with graph.as_default(), graph.name_scope(None), graph.control_dependencies(None):
            name = graph.unique_name(f"{path}/{self._name}") + "/"
            if not isinstance(value, Variable):
                self._averages[value] = Variable(_zeros(value), trainable=False, name=name)
                return
            # Made late, it starts at what the variable is by then; initialized together, at the
            # same initial value, though it be a random one.
            average = Variable(value, trainable=False, name=name)
            average._initializer = state.assign(average, value.initial_value)
            self._averages[value] = average
        graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)

    def _current_decay(self) -> Tensor:
        decay = convert_to_tensor(self._decay)
        if self._num_updates is None:
            return decay
        n = math.cast(convert_to_tensor(self._num_updates), decay.dtype or float32)
        return math.minimum(decay, (1.0 + n) / (10.0 + n))

    def average(self, var: Tensor) -> Variable | None:
        """Return the variable that holds the average of ``var``, or None."""
        return self._averages.get(var)

    def average_name(self, var: Tensor) -> str:
        """Return the name of the average of ``var``, which a checkpoint has it under."""
        average = self._averages.get(var)
        if average is not None:
            return average.op.name
        with var.graph.name_scope(None):
            return var.graph.unique_name(f"{var.op.name}/{self._name}", mark_as_used=False)

    def variables_to_restore(
        self, moving_avg_variables: Iterable[Variable] | None = None
    ) -> dict[str, Variable]:
        """Return names to variables for a Saver that loads averages in the variables' place.

        ``moving_avg_variables`` (default: trainable ones, and those that are averaged) are loaded
        from their averages, all other global variables as they are.
        """
        if moving_avg_variables is None:
            averaged = [*state.trainable_variables(), *state.moving_average_variables()]
        else:
            averaged = list(moving_avg_variables)
        names = {self.average_name(v): v for v in dict.fromkeys(averaged)}
        for v in state.global_variables():
            if v not in averaged:
                names.setdefault(v.op.name, v)
        return names


def assign_moving_average(
    variable: Variable,
    value: Any,
    decay: Any,
    zero_debias: bool = True,
    name: str | None = None,
) -> Tensor:
    """Return an assignment ``variable = decay * variable + (1 - decay) * value``.

    With ``zero_debias`` the variable, which starts at 0, gets the average divided by
    ``1 - decay**updates``, so that it is no nearer to 0 than the values are; the average itself
    is in ``<variable>/biased``, the number of updates in ``<variable>/local_step``.
    """
    graph = variable.graph
    with graph.as_default(), graph.name_scope(name or "AssignMovingAvg") as scope:
        keep = _in_dtype(decay, variable)
        value = _in_dtype(value, variable)
        if not zero_debias:
            return state.assign_sub(variable, (variable - value) * (1.0 - keep), name=scope)
        with variable_scope(variable.op.name):
            zeros, dtype = zeros_initializer(), variable.dtype
            biased = get_variable(
                "biased", variable.shape, dtype, initializer=zeros, trainable=False
            )
            count = get_variable("local_step", [], dtype, initializer=zeros, trainable=False)
        average = state.assign_sub(biased, (biased - value) * (1.0 - keep))
        updates = state.assign_add(count, 1.0)
        return state.assign(variable, average / (1.0 - powers.pow(keep, updates)), name=scope)


def _in_dtype(value: Any, variable: Variable) -> Tensor:
    if not isinstance(value, Tensor):
        return convert_to_tensor(value, variable.dtype)
    if None in (value.dtype, variable.dtype) or value.dtype is variable.dtype:
        return value
    return math.cast(value, variable.dtype)


def _zeros(value: Tensor) -> Any:
    shape = value.spec.shape
    if shape is None or None in shape:
        raise InvalidArgumentError(
            value.op.info, value.op, "the average of a tensor needs a known shape; use set_shape."
        )
    return creation.zeros(list(shape), value.dtype or float32)
