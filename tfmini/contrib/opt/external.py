"""Optimizers that are not of the graph: SciPy's, which minimize a loss in one call.

In: a loss, with bounds and constraints.  Out: values in the variables of a session.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.autodiff import UnconnectedGradients, gradients
from tfmini.errors import InvalidArgumentError, UnimplementedError
from tfmini.logging import info
from tfmini.nodes import Tensor, get_default_session
from tfmini.ops import array, joining, state
from tfmini.ops.placeholders import placeholder


class ExternalOptimizerInterface:
    """The base: subclasses give ``_minimize``, which searches among vectors of all variables.

    Parameters
    ----------
    loss : scalar
    var_list : default all trainable variables
    equalities, inequalities : lists of scalars that shall be 0, or not below 0
    var_to_bounds : dict of a variable to (lowest, highest), numbers or arrays
    optimizer_kwargs : what the optimizer takes
    """

    def __init__(
        self, loss: Any, var_list: Any = None, equalities: Sequence[Any] | None = None,
        inequalities: Sequence[Any] | None = None,
        var_to_bounds: Mapping[Any, tuple[Any, Any]] | None = None, **optimizer_kwargs: Any,
    ) -> None:  # fmt: skip
        self._loss = loss
        self._vars = state.trainable_variables() if var_list is None else list(var_list)
        self._equalities = list(equalities or ())
        self._inequalities = list(inequalities or ())
        self._packed_bounds = self._bounds(var_to_bounds)
        self._fed = [placeholder(v.dtype, v.shape) for v in self._vars]
        self._var_updates = [
            v.assign(value) for v, value in zip(self._vars, self._fed, strict=True)
        ]
        self._packed_var = _packed(self._vars)
        self._grads = {t: self._grad(t) for t in self._scalars()}
        self.optimizer_kwargs = optimizer_kwargs

    def _scalars(self) -> list[Any]:
        return [self._loss, *self._equalities, *self._inequalities]

    def _grad(self, scalar: Any) -> Tensor:
        zero = UnconnectedGradients.ZERO
        return _packed(gradients(scalar, self._vars, unconnected_gradients=zero))

    def _bounds(self, given: Any) -> list[tuple[Any, Any]] | None:
        if given is None:
            return None
        ends: list[list[Any]] = [[], []]
        for variable in self._vars:
            shape = variable.shape.as_list()
            for found, bound in zip(ends, given.get(variable, (-np.inf, np.inf)), strict=True):
                found.extend(np.broadcast_to(bound, shape).flat)
        return list(zip(*ends, strict=True))

    def minimize(
        self, session: Any = None, feed_dict: Mapping[Any, Any] | None = None,
        fetches: Sequence[Any] | None = None, step_callback: Callable[..., Any] | None = None,
        loss_callback: Callable[..., Any] | None = None, **run_kwargs: Any,
    ) -> None:  # fmt: skip
        """Minimize the loss, and put what is found into the variables.

        Parameters
        ----------
        session : default the default one
        fetches : what is computed along with the loss, and given to ``loss_callback``
        step_callback : called with the vector of all variables after each step
        run_kwargs : for the run that assigns the variables
        """
        session = get_default_session() if session is None else session
        feed, more = dict(feed_dict or {}), list(fetches or ())

        def evaluated(tensors: list[Any], callback: Any = None) -> Callable[[Any], list[Any]]:
            def at(x: Any) -> list[Any]:
                values = session.run([*tensors, *more], {**self._unpacked(x), **feed})
                if callback is not None:
                    callback(*values[len(tensors) :])
                return list(values[: len(tensors)])

            return at

        found = self._minimize(
            initial_val=session.run(self._packed_var),
            loss_grad_func=evaluated([self._loss, self._grads[self._loss]], loss_callback),
            equality_funcs=[evaluated([t]) for t in self._equalities],
            equality_grad_funcs=[evaluated([self._grads[t]]) for t in self._equalities],
            inequality_funcs=[evaluated([t]) for t in self._inequalities],
            inequality_grad_funcs=[evaluated([self._grads[t]]) for t in self._inequalities],
            packed_bounds=self._packed_bounds,
            step_callback=step_callback or (lambda xk: None),
            optimizer_kwargs=self.optimizer_kwargs,
        )
        values = self._unpacked(found).values()
        feed = dict(zip(self._fed, values, strict=True))
        session.run(self._var_updates, feed_dict=feed, **run_kwargs)

    def _unpacked(self, x: Any) -> dict[Any, Any]:
        """Return the values of the variables that the vector ``x`` consists of."""
        sizes = [int(np.prod(v.shape.as_list())) for v in self._vars]
        parts = np.split(np.asarray(x), np.cumsum(sizes)[:-1])
        return {
            v: part.reshape(v.shape.as_list()) for v, part in zip(self._vars, parts, strict=True)
        }

    def _minimize(
        self, initial_val: Any, loss_grad_func: Any, equality_funcs: Any,
        equality_grad_funcs: Any, inequality_funcs: Any, inequality_grad_funcs: Any,
        packed_bounds: Any, step_callback: Any, optimizer_kwargs: Any,
    ) -> Any:  # fmt: skip
        """Return the vector of all variables where the loss is least."""
        raise NotImplementedError("a subclass of ExternalOptimizerInterface gives _minimize().")


def _packed(tensors: Sequence[Any]) -> Tensor:
    return joining.concat([array.reshape(t, [-1]) for t in tensors], 0)


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """``scipy.optimize.minimize`` of a loss; ``method`` is "L-BFGS-B" by default.

    ``options={"maxiter": 100}`` and the like go to SciPy, which must be installed.
    """

    _DEFAULT_METHOD = "L-BFGS-B"

    def _minimize(
        self, initial_val: Any, loss_grad_func: Any, equality_funcs: Any,
        equality_grad_funcs: Any, inequality_funcs: Any, inequality_grad_funcs: Any,
        packed_bounds: Any, step_callback: Any, optimizer_kwargs: Any,
    ) -> Any:  # fmt: skip
        try:
            minimize = importlib.import_module("scipy.optimize").minimize
        except ImportError as error:
            raise UnimplementedError(
                None, None, "ScipyOptimizerInterface needs SciPy: pip install scipy."
            ) from error
        options = {"method": self._DEFAULT_METHOD, **optimizer_kwargs}
        taken = {"jac", "callback", "constraints", "bounds"} & set(options)
        if taken:
            raise InvalidArgumentError(
                None, None, f"{sorted(taken)} can't be given; bounds are set by var_to_bounds."
            )

        def loss_and_gradient(x: Any) -> tuple[float, Any]:
            loss, gradient = loss_grad_func(x)
            return float(loss), gradient.astype("float64")

        constraints = [
            {"type": kind, "fun": lambda x, f=f: f(x)[0], "jac": lambda x, g=g: g(x)[0]}
            for kind, functions, grads in (
                ("eq", equality_funcs, equality_grad_funcs),
                ("ineq", inequality_funcs, inequality_grad_funcs),
            )
            for f, g in zip(functions, grads, strict=True)
        ]
        result = minimize(
            loss_and_gradient, initial_val, jac=True, callback=step_callback,
            constraints=constraints, bounds=packed_bounds, **options,
        )  # fmt: skip
        info("Optimization terminated: %s; objective function value: %f", result.message,
             result.fun)  # fmt: skip
        return result["x"]
