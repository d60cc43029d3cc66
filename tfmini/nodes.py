"""The nodes of a graph: operations, and the tensors between them.

In: what ``Graph.create`` fills in.  Out: handles that users hold.  Neither has a value: a tensor
says what will be computed, and ``eval`` and ``run`` ask a session for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from tfmini.dtypes import DType
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NodeInfo
from tfmini.shapes import TensorShape, as_shape, merge_shapes
from tfmini.spec import TensorSpec

if TYPE_CHECKING:
    from tfmini.graph import Graph


class Operators:
    """Python's operators on tensors; ``ops/operators.py`` fills them in when the ops load."""

    __slots__ = ()


class Tensor(Operators):
    """One output of an operation: a handle on a value that exists only while a session runs.

    Attributes
    ----------
    op : Operation
        The node that computes it.
    value_index : int
        Its place among the node's outputs.
    spec : TensorSpec
        What is known before it runs.
    """

    #: The methods behind Python's operators; libraries give their own types the same.
    OVERLOADABLE_OPERATORS: ClassVar[frozenset[str]]
    # Scripts note what they like on a tensor: net.alias, weights.param.
    __slots__ = ("op", "value_index", "spec", "__weakref__", "__dict__")

    def __init__(self, op: Operation, value_index: int, spec: TensorSpec) -> None:
        self.op = op
        self.value_index = value_index
        self.spec = spec

    @classmethod
    def _override_operator(cls, operator: str, func: Callable[..., Any]) -> None:
        """Let ``func`` be the method ``operator``, e.g. ``"__add__"``, of all tensors."""
        setattr(cls, operator, func)

    @property
    def graph(self) -> Graph:
        return self.op.graph

    @property
    def name(self) -> str:
        """The operation's name and the output's index: ``"add:0"``."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def device(self) -> str:
        """The device that ``tf.device`` named; where a node runs is decided in each run."""
        return self.op.device

    @property
    def dtype(self) -> DType | None:
        """The element type, or None where it is unknown until the tensor runs."""
        return self.spec.dtype

    @property
    def shape(self) -> TensorShape:
        """The static shape; its dimensions, or its rank, may be unknown."""
        return TensorShape(self.spec.shape)

    def get_shape(self) -> TensorShape:
        """Return the static shape."""
        return TensorShape(self.spec.shape)

    def set_shape(self, shape: Any) -> None:
        """Add to what is known of the shape; ValueError if it contradicts."""
        try:
            merged = merge_shapes(self.spec.shape, as_shape(shape))
        except ValueError as e:
            raise InvalidArgumentError(self.op.info, self.op, f"set_shape: {e}.") from None
        self.spec = TensorSpec(merged, self.spec.dtype, self.spec.value)

    def consumers(self) -> list[Operation]:
        """Return the operations that take this tensor as an input."""
        return self.graph.consumers_of((self,))

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run this tensor in ``session`` (default: the default session) and return its value."""
        return _session_for(session, f"tensor {self.name!r}", "eval").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self._dtype_text()}>"

    def __str__(self) -> str:
        shape = "" if self.spec.shape is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self._dtype_text()})'

    def _dtype_text(self) -> str:
        """Return the dtype's name, of what is a variable or its next value as TensorFlow 1 does."""
        opdef = self.op.opdef
        ref = opdef.is_variable or self.value_index in opdef.updates.values()
        return (self.dtype.name if self.dtype else "unknown") + ("_ref" if ref else "")

    def __bool__(self) -> bool:
        raise InvalidTypeError(
            self.op.info,
            self.op,
            "a tensor has no truth value while the graph is built. Use tf.cond or tf.where for a "
            "choice in the graph, `is not None` to see whether a tensor was given.",
        )

    def __iter__(self) -> Iterator[Any]:
        raise InvalidTypeError(
            self.op.info, self.op, "a tensor can't be iterated over; use tf.unstack."
        )

    def __len__(self) -> int:
        raise InvalidTypeError(
            self.op.info, self.op, "a tensor has no len(); use x.shape[0] or tf.shape(x)[0]."
        )

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise InvalidTypeError(
            self.op.info,
            self.op,
            "a tensor has no value yet, so NumPy can't compute with it. Use the tf function of "
            "that name, or the value that session.run returns.",
        )

    def __reduce__(self) -> Any:
        raise InvalidTypeError(self.op.info, self.op, "a tensor can't be pickled; fetch its value.")


class Operation(Operators):
    """A node of a graph: an operation type applied to input tensors.

    The lesson's way to define an operation is a subclass that calls
    ``super().__init__([x, y])`` and has ``compute(self, x_value, y_value)``; ``lesson.py`` is
    what makes that work.

    Attributes
    ----------
    graph : Graph
    id : int
        Its place in the graph; inputs have smaller ids.
    opdef : OpDef
        The operation type: compute, shape and gradient rules.
    name : str
    inputs : tuple of Tensor
    control_inputs : tuple of Operation
        Nodes that must run before this one without giving it a value.
    attrs : dict
        The attributes, e.g. ``{"axis": 1}``.
    outputs : tuple of Tensor
    source : (str, int)
        The user's file and line that made this node.
    """

    __slots__ = (
        "graph", "id", "opdef", "name", "inputs", "control_inputs", "attrs", "_outputs",
        "source", "gradient_override",
    )  # fmt: skip

    graph: Graph
    id: int
    opdef: Any
    name: str
    inputs: tuple[Tensor, ...]
    control_inputs: tuple[Operation, ...]
    attrs: dict[str, Any]
    _outputs: Tensor | tuple[Tensor, ...]  # one alone: a tuple is one more for the collector
    source: tuple[str, int]
    gradient_override: str | None
    # exchange/exporting.py gives these: they need all types.
    node_def: Any
    op_def: Any
    get_attr: Callable[[str], Any]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        outputs = self._outputs
        return outputs if type(outputs) is tuple else (outputs,)  # type: ignore[return-value]

    @property
    def type(self) -> str:
        """The name of the operation type, e.g. ``"MatMul"``."""
        return self.opdef.type

    @property
    def device(self) -> str:
        """The device that ``tf.device`` named; where a node runs is decided in each run."""
        return self.graph.device_of(self)

    @property
    def info(self) -> NodeInfo:
        """What errors say of this node."""
        return NodeInfo(self.type, self.name, self.source)

    @property
    def input_nodes(self) -> list[Operation]:
        """The operations that this one takes its inputs from, in order."""
        return [t.op for t in self.inputs]

    @property
    def consumers(self) -> list[Operation]:
        """The operations that take an output of this one as an input."""
        return self.graph.consumers_of(self.outputs)

    def values(self) -> tuple[Tensor, ...]:
        return self.outputs

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run this operation in ``session`` (default: the default session)."""
        _session_for(session, f"operation {self.name!r}", "run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"

    def __str__(self) -> str:
        return str(self.node_def)


class _Sessions(threading.local):
    """The default sessions of this thread, the innermost last."""

    stack: tuple[Any, ...] = ()


_sessions = _Sessions()


def push_session(session: Any) -> None:
    """Make ``session`` this thread's default session."""
    _sessions.stack += (session,)


def pop_session(session: Any) -> None:
    """Take the most recent ``push_session`` of ``session`` back."""
    stack = list(_sessions.stack)
    for index in reversed(range(len(stack))):
        if stack[index] is session:
            del stack[index]
            break
    _sessions.stack = tuple(stack)


def get_default_session() -> Any:
    """Return this thread's default session, or None."""
    return _sessions.stack[-1] if _sessions.stack else None


def _session_for(session: Any, what: str, verb: str) -> Any:
    session = session or get_default_session()
    if session is None:
        raise InvalidArgumentError(
            None,
            None,
            f"can't {verb} {what}: there is no default session. Use `with tf.Session():`, pass "
            f"session=, or call session.run.",
        )
    return session


Ref = tuple[int, int]  # a value by (id of the node that makes it, index of its output)


def ref_of(tensor: Tensor) -> Ref:
    """Return how plans and bodies, which hold nothing of a graph, call ``tensor``."""
    return tensor.op.id, tensor.value_index


Grads = tuple[Tensor | None, ...]  # what a rule ``gradient`` returns: one for each input


def describe_inputs(values: Iterable[Any]) -> str:
    """Return specs of tensors (or of values at hand) for an error message."""
    return ", ".join([_described(v) for v in values])


def _described(value: Any) -> str:
    if value is None:
        return "none"
    try:
        return repr(value.spec if isinstance(value, Tensor) else TensorSpec.of(value))
    except (TypeError, ValueError):  # what has no spec must not hide the error at hand
        return type(value).__name__
