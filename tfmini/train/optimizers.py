"""The optimizers: how each updates a variable from its gradient.

Hyper-parameters are numbers, tensors or functions without arguments; defaults and formulas are
TensorFlow 1.15's.
"""

from __future__ import annotations

from typing import Any

from tfmini.graph import Graph
from tfmini.nodes import Tensor
from tfmini.ops import training
from tfmini.ops.state import Variable
from tfmini.train.optimizer import Optimizer, hyper


class GradientDescentOptimizer(Optimizer):
    """Gradient descent: ``var -= learning_rate * grad``."""

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _apply(self, grad: Tensor, variable: Variable) -> Any:
        rate = hyper(self._learning_rate, variable)
        return training.apply_gradient_descent(variable, rate, grad)


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

    def _apply(self, grad: Tensor, variable: Variable) -> Any:
        return training.apply_momentum(
            variable,
            self._slot(variable, "momentum"),
            hyper(self._learning_rate, variable),
            hyper(self._momentum, variable),
            grad,
            use_nesterov=self._use_nesterov,
        )[0]


class AdamOptimizer(Optimizer):
    """Adam (Kingma and Ba, 2014): steps scaled by running moments of the gradient.

    ``var -= lr_t * m / (sqrt(v) + epsilon)``, where
    ``lr_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t)``.
    """

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
        self._learning_rate = learning_rate
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon

    def _powers(self, graph: Graph, variable: Variable) -> tuple[Variable, Variable]:
        like = variable.dtype.dtype if variable.dtype else "float32"
        return (
            self._shared_variable(graph, "beta1_power", self._beta1, like),
            self._shared_variable(graph, "beta2_power", self._beta2, like),
        )

    def _apply(self, grad: Tensor, variable: Variable) -> Any:
        power1, power2 = self._powers(variable.graph, variable)
        return training.apply_adam(
            variable,
            self._slot(variable, "m"),
            self._slot(variable, "v"),
            hyper(power1, variable),
            hyper(power2, variable),
            hyper(self._learning_rate, variable),
            hyper(self._beta1, variable),
            hyper(self._beta2, variable),
            hyper(self._epsilon, variable),
            grad,
        )[0]

    def _finish(self, graph: Graph, updates: list[Any]) -> list[Any]:
        power1, power2 = (self._shared[graph, "beta1_power"], self._shared[graph, "beta2_power"])
        with graph.control_dependencies(updates):
            return [
                power1.assign(power1 * hyper(self._beta1, power1)),
                power2.assign(power2 * hyper(self._beta2, power2)),
            ]
