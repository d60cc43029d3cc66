"""The base of optimizers: from a loss to one operation that improves the variables.

In: a loss, or gradients paired with variables.  Out: an operation that, when it runs, updates every
variable once from gradients of the same version of all of them.

The methods that a subclass gives have TensorFlow 1.15's names, so that optimizers that were
written for it work: ``_create_slots``, ``_prepare``, ``_apply_dense``, ``_finish``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, ValuesView
from typing import Any

import numpy as np

from tfmini.autodiff import UnconnectedGradients, ancestors_of, describe_break, gradients
from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops import creation, grouping, math, state
from tfmini.ops.nest import flatten
from tfmini.ops.sparse_training import updated
from tfmini.ops.state import Variable
from tfmini.variable_scope import get_variable_scope

GradsAndVars = list[tuple[Tensor | None, Variable]]


class Optimizer:
    """Base class: a subclass says how one variable is updated, in ``_apply_dense``.

    The variables that it keeps are *slots*, one per variable and slot name, and those that all
    variables share.
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise InvalidArgumentError(None, None, "an optimizer needs a name.")
        self._name = name
        self._use_locking = use_locking
        self._slots: dict[str, dict[Variable, Variable]] = {}
        self._non_slot_dict: dict[tuple[str, Graph], Variable] = {}

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
        pairs = self.compute_gradients(  # by keyword: scripts override it with fewer parameters
            loss,
            var_list=var_list,
            gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            grad_loss=grad_loss,
        )
        if all(grad is None for grad, _ in pairs):
            raise _no_gradients(loss, pairs)
        return self.apply_gradients(pairs, global_step=global_step, name=name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> GradsAndVars:
        """Return ``(gradient, variable)`` pairs; None where the loss does not depend on one.

        All updates use gradients of one version of the variables, whatever ``gate_gradients`` is;
        how gradients are summed is not left to ``aggregation_method``.
        """
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise InvalidArgumentError(
                None,
                None,
                f"gate_gradients={gate_gradients!r}: use Optimizer.GATE_NONE, GATE_OP or "
                f"GATE_GRAPH.",
            )
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
            found = flatten(list(var_list) if isinstance(var_list, (set, ValuesView)) else var_list)
        if not found:
            where = "the graph has no trainable variables" if var_list is None else "var_list is []"
            raise InvalidArgumentError(None, None, f"there is nothing to optimize: {where}.")
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
        pairs = _checked_pairs(grads_and_vars)
        graph = pairs[0][1].graph
        with graph.as_default():
            with graph.control_dependencies(None):
                self._create_slots([v for _, v in pairs])
            with graph.name_scope(name or self._name) as scope:
                self._prepare()
                updates = [self._update(convert_to_tensor(g), v) for g, v in pairs]
                if global_step is None:
                    return self._registered(self._finish(updates, scope))
                done = self._finish(updates, "update")
                with graph.control_dependencies([done]):
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
        with variable.graph.name_scope("update_" + variable.op.name):
            update = self._apply_dense(grad, variable)
            if variable.constraint is None:
                return update
            with variable.graph.control_dependencies([update]):
                return variable.assign(variable.constraint(variable.read_value()))

    # -- slots ----------------------------------------------------------------------------------

    def get_slot_names(self) -> list[str]:
        """Return the names of the slots, in order of the alphabet."""
        return sorted(self._slots)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """Return the slot called ``name`` that belongs to ``var``, or None."""
        return self._slots.get(name, {}).get(var)

    def variables(self) -> list[Variable]:
        """Return the variables that the optimizer itself keeps, in order of their names."""
        slots = [v for by_var in self._slots.values() for v in by_var.values()]
        return sorted([*slots, *self._non_slot_dict.values()], key=lambda v: v.name)

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        """Return the slot of ``var``, made of zeros if it is not there yet."""
        return self._filled_slot(var, 0.0, slot_name, op_name)

    def _filled_slot(self, var: Variable, number: float, slot_name: str, op_name: str) -> Variable:
        return self._slot(var, lambda: _filled(var, number), slot_name, op_name)

    def _get_or_make_slot(self, var: Variable, val: Any, slot_name: str, op_name: str) -> Variable:
        """Return the slot of ``var``, made with the initial value ``val`` if it is not there."""
        return self._slot(var, lambda: val, slot_name, op_name)

    def _get_or_make_slot_with_initializer(
        self, var: Variable, initializer: Any, shape: Any, dtype: Any, slot_name: str, op_name: str
    ) -> Variable:
        """Return the slot of ``var``, made by ``initializer`` if it is not there."""
        return self._slot(var, lambda: initializer(shape, dtype=dtype), slot_name, op_name)

    def _slot(
        self, var: Variable, make: Callable[[], Any], slot_name: str, op_name: str
    ) -> Variable:
        by_var = self._slots.setdefault(slot_name, {})
        if var not in by_var:
            graph, scope = var.graph, get_variable_scope().name
            path = f"{scope}/{var.op.name}/{op_name}" if scope else f"{var.op.name}/{op_name}"
            with graph.name_scope(None):
                unique = graph.unique_name(path)
                by_var[var] = Variable(make(), trainable=False, name=unique + "/")
        return by_var[var]

    def _create_non_slot_variable(
        self, initial_value: Any, name: str, colocate_with: Any = None
    ) -> Variable:
        """Return the variable ``name`` that all variables of the graph share, made if need be."""
        key = (name, get_default_graph())
        if key not in self._non_slot_dict:
            self._non_slot_dict[key] = Variable(initial_value, trainable=False, name=name)
        return self._non_slot_dict[key]

    def _get_non_slot_variable(self, name: str, graph: Graph | None = None) -> Variable | None:
        return self._non_slot_dict.get((name, graph or get_default_graph()))

    def _call_if_callable(self, param: Any) -> Any:
        """Return the value of a hyper-parameter that may be a function without arguments."""
        return param() if callable(param) else param

    def _updated(
        self, rule: Any, var: Variable, slots: Sequence[str], hypers: Sequence[Any], grad: Tensor,
        **attrs: Any,
    ) -> Tensor:  # fmt: skip
        """Return the next value of ``var`` by ``rule``, an operation on all of these.

        ``hypers`` are numbers or tensors, ``slots`` names of slots; where ``grad`` is one of some
        rows, the others stay as they are, if the rule has such a form.
        """
        kept = [self.get_slot(var, name) for name in slots]
        return updated(rule, var, *kept, *[hyper(h, var) for h in hypers], grad, **attrs)

    # -- what subclasses give -------------------------------------------------------------------

    def _create_slots(self, var_list: list[Variable]) -> None:
        """Make the variables that the updates of ``var_list`` need."""

    def _prepare(self) -> None:
        """Make what the updates share, such as hyper-parameters."""

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        """Return the operation that updates one variable."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to update a variable")

    def _finish(self, update_ops: list[Any], name_scope: str) -> Operation:
        """Return the operation ``name_scope`` that runs the updates, and what must follow them."""
        return grouping.group(*update_ops, name=name_scope)


def hyper(value: Any, variable: Variable) -> Tensor:
    """Return a hyper-parameter (number or tensor) as a 0-d tensor for ``variable``."""
    tensor = convert_to_tensor(value, None if isinstance(value, Tensor) else variable.dtype)
    if None not in (tensor.dtype, variable.dtype) and tensor.dtype is not variable.dtype:
        return math.cast(tensor, variable.dtype)
    return tensor


def require_positive(what: str, value: float) -> None:
    """Raise unless ``value`` of the hyper-parameter ``what`` is over 0."""
    if value <= 0:
        raise InvalidArgumentError(None, None, f"{what} must be positive, not {value}.")


def _filled(variable: Variable, number: float) -> Any:
    """Return the initial value of a slot: ``number`` in the variable's shape and dtype."""
    shape, dtype = variable.spec.shape, variable.spec.dtype
    if shape is not None and None not in shape and dtype is not None:
        return creation.fill(list(shape), np.asarray(number, dtype.dtype))
    return creation.zeros_like(variable.initial_value) + number


def _checked_pairs(grads_and_vars: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Variable]]:
    given = list(grads_and_vars)
    if not given:
        raise InvalidArgumentError(None, None, "no variables provided: there are no gradients.")
    for _grad, variable in given:
        if not isinstance(variable, Variable):
            raise InvalidTypeError(
                None, None, f"{variable!r} is no tf.Variable; give (gradient, variable) pairs."
            )
    pairs = [(g, v) for g, v in given if g is not None]
    if not pairs:
        names = ", ".join(v.op.name for _, v in given)
        raise InvalidArgumentError(None, None, f"no gradients provided for any variable: {names}.")
    return pairs


def _no_gradients(loss: Any, pairs: GradsAndVars) -> InvalidArgumentError:
    loss = convert_to_tensor(loss)
    ancestors = ancestors_of([loss])
    reasons = " ".join(f"{v.op.name}: {describe_break(v, ancestors)}" for _, v in pairs[:5])
    return InvalidArgumentError(
        loss.op.info, loss.op, f"no gradient reaches any of the variables from it. {reasons}"
    )
