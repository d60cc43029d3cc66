"""Gradients that the user writes: ``custom_gradient``.

In: a function that returns tensors, and a function for their gradient.  Out: the same function,
whose results pass through a node with that gradient.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import convert_to_tensor, create
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array, nest
from tfmini.ops.state import Variable
from tfmini.spec import TensorSpec


class CustomGradientType(OpDef):
    """Passes its first ``count`` inputs on; the others are what the gradient flows to.

    The gradient's function stays behind when the type travels: only values do.
    """

    view = True
    listed = True
    tested_by = "tests of custom_gradient: a function is no sample"

    def __init__(
        self, count: int, function: Any = None, variables: Sequence[Variable] = ()
    ) -> None:
        self.count, self.function, self.variables = count, function, list(variables)
        super().__init__("IdentityN", "custom_gradient")

    def __reduce__(self) -> Any:
        return CustomGradientType, (self.count,)

    def compute(self, *values: Any) -> list[Any]:
        return list(values[: self.count])

    def infer(self, *specs: TensorSpec) -> tuple[TensorSpec, ...]:
        return specs[: self.count]

    def cost(self, *_specs: TensorSpec) -> Cost:
        return Cost(0, 0)

    def gradient(self, node: Operation, *grads: Tensor) -> Grads:
        given = {"variables": self.variables} if self.variables else {}
        found = self.function(*grads, **given)
        of_variables: Sequence[Any] = ()
        if self.variables:
            if not isinstance(found, tuple) or len(found) != 2:
                raise InvalidArgumentError(
                    node.info, node, "its function uses variables, so grad_fn must return a pair: "
                    "the gradients of the arguments, and a list of those of the variables.",
                )  # fmt: skip
            found, of_variables = found
        listed = [*(found if isinstance(found, (list, tuple)) else [found]), *of_variables]
        if len(listed) != len(node.inputs) - self.count:
            raise InvalidArgumentError(
                node.info, node, f"grad_fn returned {len(listed)} gradients for "
                f"{len(node.inputs) - self.count} arguments and variables.",
            )  # fmt: skip
        return (*[None] * self.count, *listed)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``f`` with the gradient that it gives; a decorator.

    Parameters
    ----------
    f : function of tensors, returning (results, grad_fn)
        ``results`` is a tensor or a structure of tensors.  ``grad_fn`` takes the gradients of all
        results, in order, and returns one for each positional argument of ``f`` (None: none).  If
        ``f`` uses trainable variables, ``grad_fn`` must also take ``variables=None``, a list of
        them, and return a pair: the former, and a list of gradients of the variables.
    """

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        inputs = [array.identity(convert_to_tensor(a)) for a in args]
        returned = f(*inputs, **kwargs)
        if not isinstance(returned, tuple) or len(returned) != 2 or not callable(returned[1]):
            raise InvalidTypeError(
                None, None, f"custom_gradient: {f.__name__} must return (results, grad_fn)."
            )
        results, function = returned
        ys = [convert_to_tensor(y) for y in nest.flatten(results)]
        variables = _variables_of(ys, inputs)
        if variables and not _takes_variables(function):
            names = ", ".join(v.name for v in variables)
            raise InvalidTypeError(
                None, None, f"custom_gradient: {f.__name__} uses the variables {names}, so its "
                "grad_fn must take variables=None and return also a list of their gradients.",
            )  # fmt: skip
        opdef = CustomGradientType(len(ys), function, variables)
        return nest.pack(results, create(opdef, [*ys, *inputs, *variables], {}).outputs)

    return decorated


def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``f``, a function of one tensor, with the gradient of the identity: as in
    straight-through estimators."""

    def pair(x: Tensor) -> Any:
        def pass_through(grad: Tensor, variables: Sequence[Variable] = ()) -> Any:
            return (grad, [None] * len(variables)) if variables else grad

        return f(x), pass_through

    return functools.wraps(f)(custom_gradient(pair))


def _variables_of(ys: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Variable]:
    """Return the trainable variables that ``ys`` depend on other than through ``inputs``."""
    found: dict[str, Variable] = {}
    seen = {x.op.id for x in inputs}
    stack = list(ys)
    while stack:
        tensor = stack.pop()
        if isinstance(tensor, Variable) and tensor.trainable:
            found[tensor.name] = tensor
        if tensor.op.id not in seen:
            seen.add(tensor.op.id)
            stack.extend(tensor.op.inputs)
    return [found[name] for name in sorted(found)]


def _takes_variables(function: Any) -> bool:
    parameters = inspect.signature(function).parameters
    return "variables" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
