"""Operations in the lesson's own class style.

In: a class derived from ``tf.Operation``, as a learner writes it::

    class add(tf.Operation):
        def __init__(self, x, y):
            super().__init__([x, y])

        def compute(self, x_value, y_value):
            return x_value + y_value

    @tf.RegisterGradient("add")
    def _add_gradient(op, grad):      # NumPy on op.inputs and op.output
        return grad, grad

Out: nodes like any other.  ``compute`` is called on a bare object that holds what ``__init__`` set
and nothing of the graph, so that it can run in any thread, process or worker.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, create
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NodeInfo, UnimplementedError
from tfmini.gradient_functions import gradient_function
from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import OpDef
from tfmini.ops.debugging import read_only
from tfmini.shapes import format_shape
from tfmini.spec import TensorSpec, as_array


class LessonType(OpDef):
    """The operation type of one lesson-style class."""

    stateful = True  # nobody knows what the learner's compute does besides
    view = True

    def __init__(self, cls: type[Operation]) -> None:
        if getattr(cls, "compute", None) is None:
            raise InvalidTypeError(None, None, f"class {cls.__name__} needs a compute method.")
        self.cls = cls
        super().__init__(cls.__name__, cls.__name__)
        self.package = cls.__module__

    def __reduce__(self) -> Any:
        return lesson_type, (self.cls,)

    def attrs_of(self, node: Operation) -> dict[str, Any]:
        """Return what ``__init__`` set on the node, without anything that leads to the graph."""
        held = {k: v for k, v in vars(node).items() if not _leads_to_graph(v)}
        return {"state": held}

    def compute(self, *values: Any, state: dict[str, Any]) -> Any:
        bare = _bare(self.cls, state)
        result = bare.compute(*[read_only(v) for v in values])
        _require_value(result, f"{self.type}.compute")
        return as_array(result)

    def gradient(self, node: Operation, grad: Tensor) -> Any:
        function = gradient_function(self.type, self.cls.__module__)
        if function is None:
            raise UnimplementedError(
                node.info,
                node,
                f"class {self.type} has no gradient; register one with "
                f"@tf.RegisterGradient({self.type!r}).",
            )
        attrs = {"cls": self.cls, "function": function, "node": node}
        specs = [TensorSpec(t.spec.shape, t.spec.dtype) for t in node.inputs]
        return apply(_GradientType(specs), [*node.inputs, *node.outputs, grad], attrs)


class _GradientType(OpDef):
    """A gradient function of values, run as one node with an output per input."""

    stateful = True
    view = True

    def __init__(self, specs: Sequence[TensorSpec]) -> None:
        self.specs = tuple(specs)
        super().__init__("LessonGradient", "lesson_gradient")

    def __reduce__(self) -> Any:
        return _GradientType, (self.specs,)

    def infer(self, *_specs: TensorSpec, **_attrs: Any) -> tuple[TensorSpec, ...]:
        return self.specs

    def attrs_of(self, node: Operation) -> dict[str, Any]:
        forward = node.attrs["node"]
        return {**node.attrs, "node": None, "state": forward.opdef.attrs_of(forward)["state"]}

    def compute(
        self, *values: Any, cls: Any, function: Any, node: Any, state: dict[str, Any]
    ) -> tuple[Any, ...] | Any:
        *inputs, output, grad = [read_only(v) for v in values]
        bare = _bare(cls, state)
        bare.inputs, bare.output, bare._outputs = inputs, output, output
        result = function(bare, grad)
        _require_value(result, f"the gradient of {cls.__name__}")
        single = len(inputs) == 1 and not isinstance(result, (list, tuple))
        listed = [result] if single else list(result)
        for gradient in listed:
            if gradient is not None:
                _require_value(gradient, f"the gradient of {cls.__name__}")
        if len(listed) != len(inputs):
            raise InvalidArgumentError(
                None,
                None,
                f"the gradient of {cls.__name__} returned {len(listed)} values for "
                f"{len(inputs)} inputs",
            )
        fitted = tuple([_fit(g, x, cls) for g, x in zip(listed, inputs, strict=True)])
        return fitted if len(fitted) > 1 else fitted[0]


def _require_value(result: Any, what: str) -> None:
    if result is None:
        raise InvalidTypeError(None, None, f"{what} returned None, not a value")
    if isinstance(result, (Tensor, Operation)):
        raise InvalidTypeError(
            None,
            None,
            f"{what} returned a node of a graph, not a value; it gets values, to compute with as "
            f"NumPy does",
        )


def _fit(grad: Any, value: Any, cls: type) -> np.ndarray:
    """Return a gradient in the input's shape and dtype, summed over broadcast dimensions."""
    like = np.asarray(value)
    dtype = like.dtype if like.dtype.kind in "fc" else np.dtype(float)
    if grad is None:
        return np.zeros(like.shape, dtype)
    array = np.asarray(grad, dtype)
    extra = array.ndim - like.ndim
    if extra >= 0 and all(
        n in (m, 1) for n, m in zip(like.shape, array.shape[extra:], strict=True)
    ):
        axes = [extra + i for i, n in enumerate(like.shape) if n == 1 != array.shape[extra + i]]
        array = array.sum(axis=(*range(extra), *axes), keepdims=True) if extra or axes else array
        return array.reshape(like.shape)
    if array.size == 1:
        return np.full(like.shape, array.reshape(())[()], dtype)
    raise InvalidArgumentError(
        None,
        None,
        f"the gradient of {cls.__name__} has shape {format_shape(array.shape)} for an input of "
        f"shape {format_shape(like.shape)}",
    )


def _bare(cls: type, state: dict[str, Any]) -> Any:
    bare: Any = object.__new__(cls)
    bare.__dict__.update(state)
    return bare


def _leads_to_graph(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_leads_to_graph(v) for v in value)
    if isinstance(value, dict):
        return any(_leads_to_graph(v) for v in value.values())
    return isinstance(value, (Tensor, Operation, Graph))


_types: dict[type, LessonType] = {}


def lesson_type(cls: type[Operation]) -> LessonType:
    """Return the operation type of ``cls``, the same one each time."""
    if cls not in _types:
        _types[cls] = LessonType(cls)
    return _types[cls]


def _init(self: Operation, input_nodes: Sequence[Any] = (), *more: Any) -> None:
    """Add this operation to the graph, with ``input_nodes`` as its inputs."""
    if more or not isinstance(input_nodes, (list, tuple)):
        raise InvalidTypeError(
            NodeInfo(type(self).__name__, type(self).__name__, _construction(self)),
            None,
            "its inputs must be one list: super().__init__([x, y]).",
        )
    if type(self) is Operation:
        raise InvalidTypeError(
            None, None, "tf.Operation is a base class: derive one with a compute method."
        )
    if any([n is self for n in input_nodes]):
        raise InvalidArgumentError(
            NodeInfo(type(self).__name__, type(self).__name__, _construction(self)),
            None,
            "an operation can't be its own input: graphs have no cycles.",
        )
    node = create(lesson_type(type(self)), list(input_nodes), {}, node=self)
    node.source = _construction(self)


def _construction(node: Operation) -> tuple[str, int]:
    """Return the line that constructs ``node``: below its class's own ``__init__``."""
    frame: Any = sys._getframe(2)
    while frame.f_code.co_name == "__init__":
        own = frame.f_code.co_varnames[:1]
        if not own or frame.f_locals.get(own[0]) is not node:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _absent(self: Operation, name: str) -> Any:
    """Say why an object of a lesson's class lacks what a node has."""
    kind = type(self).__name__
    if not hasattr(Operation, name):
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")
    raise AttributeError(
        f"this {kind!r} object is no node of a graph, so it has no {name!r}: __init__ must call "
        f"super().__init__([x, y]); in compute there are only values"
    )


def install() -> None:
    """Let ``tf.Operation`` be constructed as the lesson does."""
    Operation.__init__ = _init  # type: ignore[assignment, method-assign]
    Operation.__getattr__ = _absent  # type: ignore[attr-defined]
