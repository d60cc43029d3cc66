"""Optimizers of ``tf.contrib.opt`` around others: averages, clipped variables, several tasks.

In: an optimizer.  Out: one that does more before or after its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import FailedPreconditionError, InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Operation, Tensor
from tfmini.ops import clipping, control, creation, grouping, logic, reductions, state
from tfmini.ops.state import Variable
from tfmini.train.averages import ExponentialMovingAverage
from tfmini.train.optimizer import GradsAndVars, Optimizer
from tfmini.train.saver import Saver


class MovingAverageOptimizer(Optimizer):
    """An optimizer that keeps moving averages of the variables, and saves these in their place.

    Parameters
    ----------
    average_decay, num_updates : as of `ExponentialMovingAverage`
    sequential_update : whether averages are moved after the step, else beside it
    """

    def __init__(
        self, opt: Optimizer, average_decay: Any = 0.9999, num_updates: Any = None,
        sequential_update: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(False, opt.get_name())
        self._optimizer, self._sequential = opt, sequential_update
        self._ema = ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._partners: dict[str, str] | None = None

    def compute_gradients(self, *args: Any, **kwargs: Any) -> GradsAndVars:
        """Return the gradients of the optimizer inside."""
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None,
        name: str | None = None,
    ) -> Operation:  # fmt: skip
        """Return an operation that takes a step and moves the averages."""
        pairs = list(grads_and_vars)
        step = self._optimizer.apply_gradients(pairs, global_step=global_step, name=name)
        variables = [v for g, v in pairs if g is not None]
        with step.graph.control_dependencies([step] if self._sequential else []):
            moved = self._ema.apply(variables)
        self._partners = {}
        for variable in variables:
            average: Any = self._ema.average(variable)
            self._partners[variable.op.name] = average.op.name
            self._partners[average.op.name] = variable.op.name
        return grouping.group(step, moved, name="train_with_avg")

    def swapping_saver(
        self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any
    ) -> Saver:
        """Return a Saver that saves averages under the variables' names, and the other way round.

        ``var_list`` (default: all global variables) must have both.
        """
        if self._partners is None:
            raise FailedPreconditionError(
                None, None, "swapping_saver: call minimize or apply_gradients before it."
            )
        listed = state.global_variables() if var_list is None else var_list
        named = listed if isinstance(listed, Mapping) else {v.op.name: v for v in listed}
        swapped = {}
        for key in named:
            partner = self._partners.get(key, key)
            if partner not in named:
                raise InvalidArgumentError(
                    None, None, f"swapping_saver: {partner} must be among the variables to save."
                )
            swapped[key] = named[partner]
        return Saver(swapped, name=name, **kwargs)


class VariableClippingOptimizer(Optimizer):
    """An optimizer after whose steps some variables are scaled down to a norm.

    Parameters
    ----------
    vars_to_clip_dims : the dimensions, by variable, over which the norm is
    max_norm : the largest
    """

    def __init__(
        self, opt: Optimizer, vars_to_clip_dims: Mapping[Variable, Sequence[int]],
        max_norm: float, use_locking: bool = False, colocate_clip_ops_with_vars: bool = False,
        name: str = "VariableClipping",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        self._opt, self._max_norm = opt, max_norm
        self._dims = {v: list(dims) for v, dims in vars_to_clip_dims.items()}

    def compute_gradients(self, *args: Any, **kwargs: Any) -> GradsAndVars:
        """Return the gradients of the optimizer inside."""
        return self._opt.compute_gradients(*args, **kwargs)

    def get_slot(self, *args: Any, **kwargs: Any) -> Variable | None:
        """Return a slot of the optimizer inside."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> list[str]:
        """Return the names of the slots of the optimizer inside."""
        return self._opt.get_slot_names(*args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None,
        name: str | None = None,
    ) -> Operation:  # fmt: skip
        """Return an operation that takes a step and scales variables down."""
        pairs = list(grads_and_vars)
        graph = pairs[0][1].graph
        with graph.name_scope(name or self._name) as scope:
            step = self._opt.apply_gradients(pairs, global_step=global_step)
            clipped = []
            with graph.control_dependencies([step]):
                for grad, variable in pairs:
                    if grad is not None and variable in self._dims:
                        value, dims = variable.read_value(), self._dims[variable]
                        short = clipping.clip_by_norm(value, self._max_norm, dims)
                        clipped.append(variable.assign_sub(value - short))
            return grouping.group(step, *clipped, name=scope)


class MultitaskOptimizerWrapper:
    """An optimizer that leaves alone, slots too, what has a gradient of zeros only: the variables
    of tasks that a step is not of.  Else it is ``opt``, whose methods it has."""

    def __init__(self, opt: Optimizer) -> None:
        if not isinstance(opt, Optimizer):
            raise InvalidTypeError(None, None, f"a tf.train.Optimizer is wrapped, not {opt!r}.")
        self._opt = opt
        apply: Any = opt._apply_dense

        def unless_zero(grad: Tensor, var: Variable) -> Any:
            def do() -> Any:
                with var.graph.control_dependencies([apply(grad, var)]):
                    return grouping.no_op()

            return control.cond(_all_zeros(grad), grouping.no_op, do)

        opt._apply_dense = unless_zero

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opt, name)


def _all_zeros(grad: Tensor) -> Tensor:
    return reductions.reduce_all(logic.equal(grad, 0.0))


def clip_gradients_by_global_norm(
    gradients_variables: Iterable[tuple[Any, Any]], clip_norm: float = 20.0
) -> tuple[GradsAndVars, Tensor]:
    """Return pairs whose gradients have the norm ``clip_norm`` at most, all together, and the norm
    they had."""
    pairs = list(gradients_variables)
    grads = [None if g is None else convert_to_tensor(g) for g, _ in pairs]
    norm = clipping.global_norm(grads) if grads else creation.constant(0.0)
    clipped, _ = clipping.clip_by_global_norm(grads, clip_norm, use_norm=norm)
    return [(g, v) for g, (_, v) in zip(clipped, pairs, strict=True)], norm
