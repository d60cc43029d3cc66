"""Gradient descent, momentum, and Adam with its kin: how each updates a variable.

Hyper-parameters are numbers, tensors or functions without arguments; defaults and formulas are
TensorFlow 1.15's.  For a float64 variable a number is taken as it is, where TensorFlow rounds it to
float32 first.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from tfmini.dtypes import float64
from tfmini.nodes import Operation, Tensor
from tfmini.ops import grouping, indexing, math, sorting, training
from tfmini.ops.adaptive import apply_ada_max
from tfmini.ops.row_gradients import slices_of
from tfmini.ops.scatter_variables import scatter_sub
from tfmini.ops.state import Variable
from tfmini.train.optimizer import Optimizer, hyper


class GradientDescentOptimizer(Optimizer):
    """Gradient descent: ``var -= learning_rate * grad``.

    ``learning_rate`` is a number, a tensor, or a function without arguments that returns one.
    """

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        return self._updated(training.apply_gradient_descent, var, [], [self._rate], grad)


class MomentumOptimizer(Optimizer):
    """Momentum: ``accum = momentum * accum + grad``, ``var -= learning_rate * accum``.

    With ``use_nesterov`` the gradient is taken a step ahead (Sutskever et al., 2013), in
    TensorFlow's form: ``var -= learning_rate * (grad + momentum * accum)``.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "momentum", self._name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)
        self._decay = self._call_if_callable(self._momentum)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers, options = [self._rate, self._decay], {"use_nesterov": self._use_nesterov}
        return self._updated(training.apply_momentum, var, ["momentum"], hypers, grad, **options)


class AdamOptimizer(Optimizer):
    """Adam (Kingma and Ba, 2014): steps scaled by running moments of the gradient.

    ``var -= lr_t * m / (sqrt(v) + epsilon)``, where
    ``lr_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t)``.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : numbers, tensors, or functions that return one
        The betas are the shares of the means of the gradient and its square that each step keeps.
    """

    _powers: tuple[str, ...] = ("beta1", "beta2")
    _options: dict[str, bool] = {}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(use_locking, name)
        self._lr = learning_rate
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon

    def _create_slots(self, var_list: list[Variable]) -> None:
        first = min(var_list, key=lambda v: v.name)
        like = np.float64 if first.dtype is float64 else np.float32
        for name in self._powers:
            beta = self._call_if_callable(getattr(self, f"_{name}"))
            initial = beta if isinstance(beta, Tensor) else np.asarray(beta, like)
            self._create_non_slot_variable(initial, f"{name}_power", first)
        for v in var_list:
            self._zeros_slot(v, "m", self._name)
            self._zeros_slot(v, "v", self._name)

    def _prepare(self) -> None:
        self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t = [
            self._call_if_callable(p) for p in (self._lr, self._beta1, self._beta2, self._epsilon)
        ]

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [
            self._get_non_slot_variable("beta1_power"), self._get_non_slot_variable("beta2_power"),
            self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t,
        ]  # fmt: skip
        return self._updated(training.apply_adam, var, ["m", "v"], hypers, grad, **self._options)

    def _finish(self, update_ops: list[Any], name_scope: str) -> Operation:
        done = list(update_ops)
        for name in self._powers:
            power: Any = self._get_non_slot_variable(f"{name}_power")
            with power.graph.control_dependencies(update_ops):
                done.append(power.assign(power * hyper(getattr(self, f"_{name}_t"), power)))
        return grouping.group(*done, name=name_scope)


class NadamOptimizer(AdamOptimizer):
    """Adam with Nesterov's momentum (Dozat, 2016): ``beta1 * m + (1 - beta1) * grad`` for ``m``.

    Of a gradient that consists of rows, only these move; moments decay in all.
    """

    _options = {"use_nesterov": True}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        slices = slices_of(grad)
        if slices is None:
            return super()._apply_dense(grad, var)
        powers: list[Any] = [self._get_non_slot_variable(f"{name}_power") for name in self._powers]
        reached1, reached2, beta1, beta2, rate, epsilon = [
            hyper(h, var)
            for h in (*powers, self._beta1_t, self._beta2_t, self._lr_t, self._epsilon_t)
        ]
        m, v = [cast(Variable, self.get_slot(var, name)) for name in ("m", "v")]
        means = m.assign(m * beta1 + (1.0 - beta1) * grad)
        squares = v.assign(v * beta2 + (1.0 - beta2) * math.square(grad))
        rows, _ = sorting.unique(slices.indices)
        near, mean, square = [indexing.gather(x, rows) for x in (grad, means, squares)]
        ahead = (1.0 - beta1) * near + beta1 * mean
        scaled = rate * math.sqrt(1.0 - reached2) / (1.0 - reached1)
        step = scaled * ahead / (math.sqrt(square) + epsilon)
        with var.graph.control_dependencies([means, squares]):
            return scatter_sub(var, rows, step)


class LazyAdamOptimizer(AdamOptimizer):
    """Adam that moves only those rows of a variable that ``tf.gather`` took, and their moments.

    For other gradients it is Adam.
    """

    _options = {"lazy": True}


class AdaMaxOptimizer(AdamOptimizer):
    """Adam with the maximum norm (Kingma and Ba, 2014, section 7.1).

    ``var -= learning_rate / (1 - beta1**t) * m / (v + epsilon)``, where
    ``v = max(beta2 * v, abs(grad))``.
    """

    _powers = ("beta1",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdaMax",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        hypers = [
            self._get_non_slot_variable("beta1_power"), self._lr_t, self._beta1_t, self._beta2_t,
            self._epsilon_t,
        ]  # fmt: skip
        return self._updated(apply_ada_max, var, ["m", "v"], hypers, grad)
