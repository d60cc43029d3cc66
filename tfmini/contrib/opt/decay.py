"""Decay of weights apart from the gradient (Loshchilov and Hutter 2017, arXiv:1711.05101).

In: an optimizer's class.  Out: one that also multiplies the variables with ``1 - weight_decay``
before each of its steps; that differs from an L2 loss where steps are scaled, as in Adam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tfmini.nodes import Operation, Tensor
from tfmini.ops import indexing, sorting
from tfmini.ops.row_gradients import slices_of
from tfmini.ops.scatter_variables import scatter_sub
from tfmini.ops.state import Variable
from tfmini.train.optimizer import Optimizer, hyper
from tfmini.train.optimizers import AdamOptimizer, MomentumOptimizer


class DecoupledWeightDecayExtension:
    """To be the first base of an optimizer: ``var -= weight_decay * var`` before each step.

    Of gradients that consist of rows, only these rows decay.

    Parameters
    ----------
    weight_decay : number, tensor, or a function without arguments that returns one
        It is not multiplied with the learning rate; where that falls, let it fall too.
    """

    def __init__(self, weight_decay: Any, **kwargs: Any) -> None:
        self._decayed: set[Variable] | None = None
        self._weight_decay = weight_decay
        super().__init__(**kwargs)

    def minimize(
        self, loss: Any, global_step: Any = None, var_list: Any = None,
        gate_gradients: int = Optimizer.GATE_OP, aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False, name: str | None = None, grad_loss: Any = None,
        decay_var_list: Iterable[Variable] | None = None,
    ) -> Operation:  # fmt: skip
        """Return an operation that takes one step; only ``decay_var_list`` decays, if given."""
        own: Any = self
        pairs = own.compute_gradients(
            loss, var_list=var_list, gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops, grad_loss=grad_loss,
        )  # fmt: skip
        return self.apply_gradients(pairs, global_step, name, decay_var_list)

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None,
        name: str | None = None, decay_var_list: Iterable[Variable] | None = None,
    ) -> Operation:  # fmt: skip
        """Return an operation that applies the gradients; only ``decay_var_list`` decays, if
        given."""
        self._decayed = set(decay_var_list) if decay_var_list else None
        base: Any = super()
        done: Operation = base.apply_gradients(grads_and_vars, global_step=global_step, name=name)
        return done

    def _prepare(self) -> None:
        own: Any = self
        self._rate_of_decay = own._call_if_callable(self._weight_decay)
        base: Any = super()
        base._prepare()

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        base: Any = super()
        if self._decayed is not None and var not in self._decayed:
            return base._apply_dense(grad, var)
        rate, slices = hyper(self._rate_of_decay, var), slices_of(grad)
        if slices is None:
            decayed = var.assign_sub(rate * var)
        else:
            rows, _ = sorting.unique(slices.indices)
            decayed = scatter_sub(var, rows, rate * indexing.gather(var, rows))
        with var.graph.control_dependencies([decayed]):
            return base._apply_dense(grad, var)


def extend_with_decoupled_weight_decay(base_optimizer: Any) -> type[Any]:
    """Return a class of optimizers as ``base_optimizer``, made with ``weight_decay`` before its own
    arguments, which must be given by name."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        """``base_optimizer`` with decay of weights."""

    return OptimizerWithDecoupledWeightDecay


class MomentumWOptimizer(DecoupledWeightDecayExtension, MomentumOptimizer):
    """`MomentumOptimizer` whose weights decay by ``weight_decay`` at each step."""

    def __init__(
        self, weight_decay: Any, learning_rate: Any, momentum: Any, use_locking: bool = False,
        name: str = "MomentumW", use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            weight_decay, learning_rate=learning_rate, momentum=momentum, use_locking=use_locking,
            name=name, use_nesterov=use_nesterov,
        )  # fmt: skip


class AdamWOptimizer(DecoupledWeightDecayExtension, AdamOptimizer):
    """`AdamOptimizer` whose weights decay by ``weight_decay`` at each step."""

    def __init__(
        self, weight_decay: Any, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999,
        epsilon: Any = 1e-8, use_locking: bool = False, name: str = "AdamW",
    ) -> None:  # fmt: skip
        super().__init__(
            weight_decay, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon,
            use_locking=use_locking, name=name,
        )  # fmt: skip
