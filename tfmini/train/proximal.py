"""Optimizers with L1 and L2 penalties of their own: FTRL, proximal steps, dual averaging.

Hyper-parameters are numbers, tensors or functions without arguments; defaults and formulas are
TensorFlow 1.15's.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.ops import array, proximal
from tfmini.ops.state import Variable
from tfmini.train.optimizer import Optimizer, require_positive


class FtrlOptimizer(Optimizer):
    """Follow the regularized leader, proximal (McMahan et al., 2013): weights that are often 0.

    ``l2_shrinkage_regularization_strength`` adds ``2 * strength * var`` to the gradient that moves
    the variable, but not to what the rates follow.
    """

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
    ) -> None:
        super().__init__(use_locking, name)
        _not_negative("initial_accumulator_value", initial_accumulator_value)
        if learning_rate_power > 0:
            raise InvalidArgumentError(
                None, None, f"learning_rate_power must be 0 or less, not {learning_rate_power}."
            )
        _not_negative("l1_regularization_strength", l1_regularization_strength)
        _not_negative("l2_regularization_strength", l2_regularization_strength)
        _not_negative("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        self._learning_rate, self._learning_rate_power = learning_rate, learning_rate_power
        self._initial_accumulator_value = initial_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength
        self._l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self._accum_name, self._linear_name = accum_name or name, linear_name or name

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "accum", self._accum_name)
            self._zeros_slot(v, "linear", self._linear_name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [
            self._rate, self._l1_regularization_strength, self._l2_regularization_strength,
            self._l2_shrinkage_regularization_strength, self._learning_rate_power,
        ]  # fmt: skip
        return self._updated(proximal.apply_ftrl, var, ["accum", "linear"], hypers, grad)


class ProximalGradientDescentOptimizer(Optimizer):
    """Gradient descent with penalties in closed form (Duchi and Singer, 2009).

    ``x = var - learning_rate * grad``, then
    ``var = sign(x) * max(abs(x) - learning_rate * l1, 0) / (1 + learning_rate * l2)``.
    """

    def __init__(
        self,
        learning_rate: Any,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalGradientDescent",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [self._rate, self._l1_regularization_strength, self._l2_regularization_strength]
        return self._updated(proximal.apply_proximal_gradient_descent, var, [], hypers, grad)


class ProximalAdagradOptimizer(Optimizer):
    """A proximal step, as ``ProximalGradientDescentOptimizer``'s, with the rates of Adagrad."""

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalAdagrad",
    ) -> None:
        require_positive("initial_accumulator_value", initial_accumulator_value)
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "accumulator", self._name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [self._rate, self._l1_regularization_strength, self._l2_regularization_strength]
        return self._updated(proximal.apply_proximal_adagrad, var, ["accumulator"], hypers, grad)


class AdagradDAOptimizer(Optimizer):
    """Adagrad by dual averaging (Duchi et al., 2011), for linear models.

    The variable follows from sums over all steps: the first one forgets its initial value.
    """

    def __init__(
        self,
        learning_rate: Any,
        global_step: Any,
        initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:
        require_positive(
            "initial_gradient_squared_accumulator_value",
            initial_gradient_squared_accumulator_value,
        )
        super().__init__(use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._initial = initial_gradient_squared_accumulator_value
        self._l1_regularization_strength = l1_regularization_strength
        self._l2_regularization_strength = l2_regularization_strength

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "gradient_accumulator", self._name)
            self._filled_slot(v, self._initial, "gradient_squared_accumulator", self._name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)
        self._step = array.identity(self._global_step) + 1

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        slots = ["gradient_accumulator", "gradient_squared_accumulator"]
        hypers = [
            self._rate, self._l1_regularization_strength, self._l2_regularization_strength,
            self._step,
        ]  # fmt: skip
        return self._updated(proximal.apply_adagrad_da, var, slots, hypers, grad)


def _not_negative(what: str, value: float) -> None:
    if value < 0:
        raise InvalidArgumentError(None, None, f"{what} must not be negative, not {value}.")
