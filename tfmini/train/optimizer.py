"""The base of optimizers: from a loss to one operation that improves the variables.

In: a loss, or gradients paired with variables.  Out: an operation that, when it runs, updates every
variable once from gradients of the same version of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfmini.autodiff import UnconnectedGradients, _ancestors, describe_break, gradients
from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, GraphKeys
from tfmini.nodes import Operation, Tensor
from tfmini.ops import creation, math, state
from tfmini.ops.state import Variable

GradsAndVars = list[tuple[Tensor | None, Variable]]


class Optimizer:
    """Base class: a subclass says how one variable is updated, in ``_apply``."""

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise InvalidArgumentError(None, None, "an optimizer needs a name.")
        self._name = name
        self._use_locking = use_locking
        self._slots: dict[str, dict[Variable, Variable]] = {}
        self._shared: dict[tuple[Graph, str], Variable] = {}

    def get_name(self) -> str:
        return self._name

    # -- what users call ------------------------------------------------------------------------

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:
        """Return an operation that takes one step down the gradient of ``loss``.

        ``var_list`` defaults to the trainable variables of the loss's graph; those that the loss
        does not depend on stay as they are.
        """
        pairs = self.compute_gradients(loss, var_list, grad_loss=grad_loss)
        if all(grad is None for grad, _ in pairs):
            raise _no_gradients(loss, pairs)
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> GradsAndVars:
        """Return ``(gradient, variable)`` pairs; None where the loss does not depend on one."""
        loss = convert_to_tensor(loss() if callable(loss) else loss)
        variables = self._variables(loss, var_list)
        grads = gradients(
            loss, variables, grad_loss, unconnected_gradients=UnconnectedGradients.NONE
        )
        return list(zip(grads, variables, strict=True))

    def _variables(self, loss: Tensor, var_list: Any) -> list[Variable]:
        if var_list is None:
            found = loss.graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)
        else:
            found = list(var_list) if isinstance(var_list, (list, tuple, set)) else [var_list]
        if not found:
            raise InvalidArgumentError(
                None, None, "there is nothing to optimize: the graph has no trainable variables."
            )
        for variable in found:
            if not isinstance(variable, Variable):
                raise InvalidTypeError(None, None, f"{variable!r} in var_list is no tf.Variable.")
        return list(dict.fromkeys(found))

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, Any]],
        global_step: Any = None,
        name: str | None = None,
    ) -> Operation:
        """Return an operation that applies the gradients, then adds one to ``global_step``."""
        pairs = [(g, v) for g, v in grads_and_vars if g is not None]
        if not pairs:
            raise InvalidArgumentError(None, None, "no gradients given for any variable.")
        graph = pairs[0][1].graph
        with graph.as_default(), graph.name_scope(name or self._name) as scope:
            self._prepare(graph)
            updates = [self._update(convert_to_tensor(g), v) for g, v in pairs]
            done = [*updates, *self._finish(graph, updates)]
            if global_step is None:
                return self._registered(state.group(*done, name=scope))
            with graph.control_dependencies(done):
                return self._registered(state.assign_add(global_step, 1, name=scope).op)

    def _registered(self, train_op: Operation) -> Operation:
        train_op.graph.add_to_collection(GraphKeys.TRAIN_OP, train_op)
        return train_op

    def _update(self, grad: Tensor, variable: Variable) -> Any:
        if variable.dtype is not None and not variable.dtype.is_differentiable:
            raise InvalidTypeError(
                variable.op.info, None, f"a {variable.dtype.name} variable can't be optimized."
            )
        if None not in (grad.dtype, variable.dtype) and grad.dtype is not variable.dtype:
            grad = math.cast(grad, variable.dtype)
        updated = self._apply(grad, variable)
        if variable.constraint is None:
            return updated
        with variable.graph.control_dependencies([updated]):
            return variable.assign(variable.constraint(variable.read_value()))

    # -- slots ----------------------------------------------------------------------------------

    def get_slot_names(self) -> list[str]:
        return sorted(self._slots)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """Return the slot called ``name`` that belongs to ``var``, or None."""
        return self._slots.get(name, {}).get(var)

    def variables(self) -> list[Variable]:
        """Return the variables that the optimizer itself keeps."""
        slots = [v for by_var in self._slots.values() for v in by_var.values()]
        return sorted([*slots, *self._shared.values()], key=lambda v: v.name)

    def _slot(self, variable: Variable, name: str, initial: Any = 0.0) -> Variable:
        """Return the slot of ``variable``, made now if it is not there: filled with ``initial``,
        a number or a function of the variable's initial value."""
        by_var = self._slots.setdefault(name, {})
        if variable not in by_var:
            by_var[variable] = _new_slot(variable, initial, f"{variable.op.name}/{self._name}/")
        return by_var[variable]

    def _shared_variable(self, graph: Graph, name: str, initial: float, like: Any) -> Variable:
        """Return the scalar ``name`` that all variables of this optimizer share."""
        key = (graph, name)
        if key not in self._shared:
            with graph.name_scope(None):
                self._shared[key] = Variable(np.asarray(initial, like), trainable=False, name=name)
        return self._shared[key]

    # -- what subclasses give -------------------------------------------------------------------

    def _prepare(self, graph: Graph) -> None:
        """Make what the updates share."""

    def _apply(self, grad: Tensor, variable: Variable) -> Any:
        """Return the operation that updates one variable."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to update a variable")

    def _finish(self, graph: Graph, updates: list[Any]) -> list[Any]:
        """Return what else must run, after all updates."""
        return []


def hyper(value: Any, variable: Variable) -> Tensor:
    """Return a hyper-parameter (number, function or tensor) as a 0-d tensor for ``variable``."""
    tensor = convert_to_tensor(value() if callable(value) else value,
                               None if isinstance(value, Tensor) else variable.dtype)  # fmt: skip
    if None not in (tensor.dtype, variable.dtype) and tensor.dtype is not variable.dtype:
        return math.cast(tensor, variable.dtype)
    return tensor


def _new_slot(variable: Variable, initial: Any, name: str) -> Variable:
    graph = variable.graph
    make: Callable[[Any], Any] = initial if callable(initial) else _filled(initial)
    with graph.name_scope(None), graph.control_dependencies(None):
        return Variable(make(variable), trainable=False, name=graph.unique_name(name[:-1]) + "/")


def _filled(number: float) -> Callable[[Variable], Any]:
    def make(variable: Variable) -> Any:
        shape, dtype = variable.spec.shape, variable.spec.dtype
        if shape is not None and None not in shape and dtype is not None:
            return creation.fill(list(shape), np.asarray(number, dtype.dtype))
        return math.multiply(variable.initial_value, 0.0) + number

    return make


def _no_gradients(loss: Any, pairs: GradsAndVars) -> InvalidArgumentError:
    loss = convert_to_tensor(loss)
    ancestors = _ancestors([loss])
    reasons = "; ".join(f"{v.op.name}: {describe_break(v, ancestors)}" for _, v in pairs[:5])
    return InvalidArgumentError(
        loss.op.info, loss.op, f"no gradient reaches any of the variables from it. {reasons}"
    )
