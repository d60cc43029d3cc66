"""Optimizers whose step sizes follow the squares of past gradients: Adagrad, Adadelta, RMSProp.

Hyper-parameters are numbers, tensors or functions without arguments; defaults and formulas are
TensorFlow 1.15's.
"""

from __future__ import annotations

from typing import Any

from tfmini.nodes import Tensor
from tfmini.ops import adaptive
from tfmini.ops.state import Variable
from tfmini.train.optimizer import Optimizer, require_positive


class AdagradOptimizer(Optimizer):
    """Adagrad (Duchi et al., 2011): ``accum += grad**2``,
    ``var -= learning_rate * grad / sqrt(accum)``.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        require_positive("initial_accumulator_value", initial_accumulator_value)
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._filled_slot(v, self._initial_accumulator_value, "accumulator", self._name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        return self._updated(adaptive.apply_adagrad, var, ["accumulator"], [self._rate], grad)


class AdadeltaOptimizer(Optimizer):
    """Adadelta (Zeiler, 2012): steps of the size of recent steps, along gradients of unit size.

    ``update = grad * sqrt(accum_update + epsilon) / sqrt(accum + epsilon)``,
    ``var -= learning_rate * update``, where ``accum`` and ``accum_update`` are the running means
    of ``grad**2`` and ``update**2``.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.95,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:
        super().__init__(use_locking, name)
        self._lr, self._rho, self._epsilon = learning_rate, rho, epsilon

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "accum", self._name)
            self._zeros_slot(v, "accum_update", self._name)

    def _prepare(self) -> None:
        self._lr_t, self._rho_t, self._epsilon_t = [
            self._call_if_callable(p) for p in (self._lr, self._rho, self._epsilon)
        ]

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [self._lr_t, self._rho_t, self._epsilon_t]
        return self._updated(adaptive.apply_adadelta, var, ["accum", "accum_update"], hypers, grad)


class RMSPropOptimizer(Optimizer):
    """RMSProp (Tieleman and Hinton, 2012), with momentum.

    ``mom = momentum * mom + learning_rate * grad / sqrt(ms + epsilon)``, ``var -= mom``, where
    ``ms`` is the running mean of ``grad**2``, one at first.  With ``centered`` the root is of the
    variance: ``ms`` less the square of the running mean of ``grad``.
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._decay = learning_rate, decay
        self._momentum, self._epsilon = momentum, epsilon
        self._centered = centered

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._filled_slot(v, 1.0, "rms", self._name)
            if self._centered:
                self._zeros_slot(v, "mg", self._name)
            self._zeros_slot(v, "momentum", self._name)

    def _prepare(self) -> None:
        self._hyper = [
            self._call_if_callable(p)
            for p in (self._learning_rate, self._decay, self._momentum, self._epsilon)
        ]

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        rule, slots = adaptive.apply_rms_prop, ["rms", "momentum"]
        if self._centered:
            rule, slots = adaptive.apply_centered_rms_prop, ["mg", *slots]
        return self._updated(rule, var, slots, self._hyper, grad)
