"""Optimizers of ``tf.contrib.opt`` with rules of their own: AddSign, PowerSign, LARS, Shampoo, and
forms of Adam and Adagrad.

In: gradients.  Out: operations that update variables; slots as those of ``tf.train``.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tfmini.dtypes import float32
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, casting, grouping, math, powers, reductions, training
from tfmini.ops.selection import where_v2
from tfmini.ops.state import Variable
from tfmini.train.adaptive import AdagradOptimizer
from tfmini.train.optimizer import Optimizer, hyper, require_positive
from tfmini.train.optimizers import AdamOptimizer, LazyAdamOptimizer


class _SignOptimizer(Optimizer):
    """Base: ``m = beta * m + (1 - beta) * grad``, ``var -= learning_rate * factor * grad``, where
    the factor says whether the gradient and ``m`` agree in sign (Bello et al. 2017,
    arXiv:1709.07417)."""

    def __init__(
        self, learning_rate: Any, beta: Any, sign_decay_fn: Callable[[Any], Any] | None,
        use_locking: bool, name: str,
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._lr, self._beta, self._sign_decay_fn = learning_rate, beta, sign_decay_fn

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None,
        name: str | None = None,
    ) -> Operation:  # fmt: skip
        """Return an operation that applies the gradients; ``sign_decay_fn`` gets the step."""
        decay = self._sign_decay_fn
        self._sign_decay = 1.0 if decay is None else decay(global_step)
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "m", self._name)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        slot: Any = self.get_slot(var, "m")
        beta = hyper(self._beta, var)
        m = slot.assign(slot * beta + grad * (1.0 - beta))
        agreement = hyper(self._sign_decay, var) * math.sign(grad) * math.sign(m)
        return var.assign_sub(hyper(self._lr, var) * self._factor(agreement, var) * grad)

    def _factor(self, agreement: Tensor, var: Variable) -> Tensor:
        raise NotImplementedError


class AddSignOptimizer(_SignOptimizer):
    """Steps of ``learning_rate * (alpha + sign_decay * sign(grad) * sign(m)) * grad``.

    ``sign_decay_fn`` is a function of the global step that gives ``sign_decay``; default 1.
    """

    def __init__(
        self, learning_rate: Any = 0.1, alpha: Any = 1.0, beta: Any = 0.9,
        sign_decay_fn: Callable[[Any], Any] | None = None, use_locking: bool = False,
        name: str = "AddSignOptimizer",
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._alpha = alpha

    def _factor(self, agreement: Tensor, var: Variable) -> Tensor:
        return hyper(self._alpha, var) + agreement


class PowerSignOptimizer(_SignOptimizer):
    """Steps of ``learning_rate * base**(sign_decay * sign(grad) * sign(m)) * grad``.

    ``sign_decay_fn`` is a function of the global step that gives ``sign_decay``; default 1.
    """

    def __init__(
        self, learning_rate: Any = 0.1, base: float = python_math.e, beta: Any = 0.9,
        sign_decay_fn: Callable[[Any], Any] | None = None, use_locking: bool = False,
        name: str = "PowerSignOptimizer",
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._logbase = python_math.log(base)

    def _factor(self, agreement: Tensor, var: Variable) -> Tensor:
        return math.exp(self._logbase * agreement)


class LARSOptimizer(Optimizer):
    """Momentum whose rate is scaled for each variable (You et al. 2017, arXiv:1708.03888).

    The scale is ``eeta * |var| / (|grad| + weight_decay * |var| + epsilon)``, and the gradient has
    ``weight_decay * var`` added; not so for variables with a part of ``skip_list`` in their names.
    """

    def __init__(
        self, learning_rate: Any, momentum: Any = 0.9, weight_decay: float = 0.0001,
        eeta: float = 0.001, epsilon: float = 0.0, name: str = "LARSOptimizer",
        skip_list: Iterable[str] | None = None, use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        for what, value in (("momentum", momentum), ("weight_decay", weight_decay)):
            if value < 0.0:
                require_positive(what, value)
        super().__init__(False, name)
        self._learning_rate, self._momentum = learning_rate, momentum
        self._weight_decay, self._eeta, self._epsilon = weight_decay, eeta, epsilon
        self._skip_list, self._use_nesterov = list(skip_list or ()), use_nesterov

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "momentum", self._name)

    def _prepare(self) -> None:
        self._rate = self._call_if_callable(self._learning_rate)

    def compute_lr(self, grad: Tensor, var: Variable) -> tuple[Tensor, Tensor]:
        """Return the rate for ``var``, and the gradient with the decay of weights."""
        rate = hyper(self._rate, var)
        if any(part in var.name for part in self._skip_list):
            return rate, grad
        w, g = (powers.sqrt(reductions.reduce_sum(powers.square(x))) for x in (var, grad))
        ratio = self._eeta * w / (g + self._weight_decay * w + self._epsilon)
        trust = where_v2(w > 0.0, where_v2(g > 0.0, ratio, 1.0), 1.0)
        return rate * trust, grad + self._weight_decay * var

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        rate, decayed = self.compute_lr(grad, var)
        options = {"use_nesterov": self._use_nesterov}
        hypers = [1.0, self._momentum]
        return self._updated(
            training.apply_momentum, var, ["momentum"], hypers, decayed * rate, **options
        )


class AdamGSOptimizer(AdamOptimizer):
    """Adam whose ``t`` is ``global_step + 1``: workers of a cluster need not share its powers."""

    def __init__(
        self, global_step: Any = 0, learning_rate: Any = 0.001, beta1: Any = 0.9,
        beta2: Any = 0.999, epsilon: Any = 1e-8, use_locking: bool = False, name: str = "Adam",
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)
        self._global_step = global_step

    def _create_slots(self, var_list: list[Variable]) -> None:
        for v in var_list:
            self._zeros_slot(v, "m", self._name)
            self._zeros_slot(v, "v", self._name)

    def _prepare(self) -> None:
        super()._prepare()
        self._t = casting.cast(array.identity(self._global_step), float32) + 1.0

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        betas = [self._beta1_t, self._beta2_t]
        reached = [powers.pow(casting.cast(b, float32), self._t) for b in betas]
        hypers = [*reached, self._lr_t, *betas, self._epsilon_t]
        return self._updated(training.apply_adam, var, ["m", "v"], hypers, grad, **self._options)

    def _finish(self, update_ops: list[Any], name_scope: str) -> Operation:
        return grouping.group(*update_ops, name=name_scope)


class LazyAdamGSOptimizer(AdamGSOptimizer):
    """`AdamGSOptimizer` that moves only those rows that ``tf.gather`` took, and their moments."""

    _options = LazyAdamOptimizer._options


class RegAdagradOptimizer(AdagradOptimizer):
    """Adagrad whose slots may stay as they are: in ``with opt.avoid_updating_slots():``, gradients
    of a regularizer do not slow later steps down."""

    def __init__(
        self, learning_rate: Any, initial_accumulator_value: float = 0.1,
        use_locking: bool = False, name: str = "RegAdagrad",
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._should_update_slots = True

    @contextmanager
    def avoid_updating_slots(self) -> Iterator[None]:
        """Leave the slots alone in updates that are made in the block."""
        before, self._should_update_slots = self._should_update_slots, False
        try:
            yield
        finally:
            self._should_update_slots = before

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        if self._should_update_slots:
            return super()._apply_dense(grad, var)
        slot: Any = self.get_slot(var, "accumulator")
        return var.assign_sub(grad * hyper(self._rate, var) * math.rsqrt(slot))
