"""``tensorflow.python.framework.function.Defun``: functions of tensors with their own gradients.

In: a function, as a decorator.  Out: a function that makes its nodes where it is called, in a name
scope; its gradient is what ``grad_func`` or ``python_grad_func`` says, else that of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfmini.build import convert_to_tensor
from tfmini.defaults import name_scope
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops.custom_gradients import custom_gradient

__all__ = ["Defun"]


class Call(NamedTuple):
    """One call, as gradient and shape functions read it: in TensorFlow, it is one operation."""

    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class Defun:
    """Decorator of a function of tensors.

    Parameters
    ----------
    *input_types : dtypes of the arguments; none: of any
    func_name : name of the scope of its nodes; default the function's
    grad_func : another decorated function, called with all inputs and the gradients of all outputs
    python_grad_func : called with the call, which has ``inputs`` and ``outputs``, and the
        gradients of all outputs; each returns the gradients of all inputs
    out_names : accepted: outputs have the names of what makes them
    shape_func : called with the call, returns the static shapes of the outputs
    **kwargs : how TensorFlow compiles it, which has no meaning here: ``noinline``, ``compiled`` ...
    """

    def __init__(
        self, *input_types: Any, func_name: str | None = None, grad_func: Any = None,
        python_grad_func: Any = None, out_names: Sequence[str] | None = None,
        shape_func: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if grad_func is not None and python_grad_func is not None:
            raise InvalidArgumentError(
                None, None, "Defun: give grad_func or python_grad_func, not both."
            )
        self.types = [as_dtype(t) for t in input_types]
        self.name, self.shapes = func_name, shape_func
        self.whole, self.local = grad_func, python_grad_func

    def __call__(self, func: Callable[..., Any]) -> DefinedFunction:
        return DefinedFunction(func, self)


class DefinedFunction:
    """A function that ``Defun`` decorated; call it with tensors, and ``name=`` for its scope."""

    def __init__(self, func: Callable[..., Any], options: Defun) -> None:
        self._func, self._options = func, options
        self.name: str = options.name or func.__name__
        self.__doc__, self.__name__ = func.__doc__, func.__name__

    @property
    def declared_input_types(self) -> list[Any]:
        return self._options.types

    def __call__(self, *args: Any, name: str | None = None, **_compiling: Any) -> Any:
        with name_scope(name, self.name, list(args)) as own:
            inputs = self._converted(args)
            if self._options.whole is None and self._options.local is None:
                outputs = self._run(inputs, own)
            else:
                outputs = custom_gradient(lambda *inner: self._differentiated(list(inner), own))(
                    *inputs
                )
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def _converted(self, args: Sequence[Any]) -> list[Tensor]:
        types: list[Any] = self._options.types or [None] * len(args)
        if len(types) != len(args):
            raise InvalidArgumentError(
                None, None, f"{self.name} takes {len(types)} arguments, not {len(args)}."
            )
        tensors = [convert_to_tensor(a, t) for a, t in zip(args, types, strict=True)]
        for tensor, wanted in zip(tensors, types, strict=True):
            if wanted is not None and tensor.dtype not in (None, wanted):
                raise InvalidTypeError(
                    tensor.op.info, tensor.op, f"{self.name} takes {wanted.name} here; convert "
                    "with tf.cast.",
                )  # fmt: skip
        return tensors

    def _run(self, inputs: list[Tensor], name: str) -> list[Tensor]:
        found = self._func(*inputs)
        outputs = [
            convert_to_tensor(y) for y in (found if isinstance(found, (list, tuple)) else [found])
        ]
        if self._options.shapes is not None:
            shapes = self._options.shapes(Call(name, inputs, outputs))
            for y, shape in zip(outputs, shapes, strict=True):
                y.set_shape(shape)
        return outputs

    def _differentiated(self, inputs: list[Tensor], name: str) -> Any:
        outputs = self._run(inputs, name)

        def gradient(*grads: Tensor) -> Any:
            if self._options.whole is not None:
                return self._options.whole(*inputs, *grads)
            return self._options.local(Call(name, inputs, outputs), *grads)

        return outputs, gradient
