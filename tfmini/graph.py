"""The graph: what is in it, how it grows, and which one is the default.

In: op types, inputs and attributes, given by the functions that users call.  Out: an append-only
``Graph`` of ``Operation``s, each with ``inputs``, ``input_nodes`` and ``consumers``.  No value ever
lives here: sessions hold values.

An operation's id is its place in the graph.  Inputs exist before their consumers, so ids are a
topological order, and nothing that walks a graph needs recursion or a search for cycles.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tfmini.device_names import DeviceSpec, placed
from tfmini.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    InvalidTypeError,
    UnknownNameError,
)
from tfmini.nodes import Operation, Tensor
from tfmini.spec import TensorSpec

# Frames of the package, of the functions that it generates, and of its `with` blocks between them
# are no line that a user wrote.
_OURS = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    "<tfmini ",
    contextmanager.__code__.co_filename,
)
_VALID_NAME = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


class Graph:
    """An append-only set of operations. Build with ``with graph.as_default():``."""

    as_graph_def: Callable[..., Any]  # exchange/exporting.py gives it: it needs all types

    def __init__(self) -> None:
        self.seed: int | None = None
        self._operations: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        self._consumers: dict[Tensor, list[Operation]] = {}  # of the first `_read` operations
        self._read = 0
        self._names: dict[str, int] = {}
        self._collections: dict[Any, list[Any]] = {}
        self._devices: dict[int, str] = {}  # by operation, of those that have one
        self._finalized = False
        self._lock = threading.RLock()
        self._local = _BuildState()

    # -- what is in it ------------------------------------------------------------------------

    @property
    def operations(self) -> list[Operation]:
        return list(self._operations)

    @property
    def variables(self) -> list[Tensor]:
        """All variables, in the order in which they were made."""
        return [op.outputs[0] for op in self._operations if op.opdef.is_variable]

    @property
    def placeholders(self) -> list[Tensor]:
        """All placeholders, in the order in which they were made."""
        return [op.outputs[0] for op in self._operations if op.opdef.is_placeholder]

    def get_operations(self) -> list[Operation]:
        return list(self._operations)

    def is_feedable(self, tensor: Any) -> bool:
        """Whether ``tensor`` may be fed, as each of this graph may."""
        return isinstance(self.as_graph_element(tensor, allow_operation=False), Tensor)

    def is_fetchable(self, tensor_or_op: Any) -> bool:
        """Whether ``tensor_or_op`` may be fetched, as each of this graph may."""
        return self.as_graph_element(tensor_or_op) is not None

    @property
    def version(self) -> int:
        """How many operations there are: it grows with each."""
        return len(self._operations)

    @property
    def building_function(self) -> bool:
        """False: a graph is not built for a function."""
        return False

    def get_operation_by_name(self, name: str) -> Operation:
        """Return the operation called ``name``; UnknownNameError names the nearest ones.

        ``w/read``, TensorFlow's operation that reads a variable, is here the variable's own.
        """
        try:
            return self._by_name[_text(name)]
        except KeyError:
            read = self._by_name.get(name.removesuffix("/read"))
            if read is not None and read.opdef.is_variable:
                return read
            raise UnknownNameError(
                None, None, f"no operation {name!r} in this graph.{self._near(name)}"
            ) from None

    def find_operation(self, name: str) -> Operation | None:
        """Return the operation called ``name``, or None."""
        return self._by_name.get(name)

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return the tensor called ``name``, e.g. ``"add:0"``."""
        op_name, colon, index = _text(name).rpartition(":")
        if not colon or not index.isdigit():
            raise InvalidArgumentError(
                None, None, f"{name!r} is no tensor name; write it as in {name + ':0'!r}."
            )
        op = self.get_operation_by_name(op_name)
        if int(index) >= len(op.outputs):
            raise UnknownNameError(op.info, op, f"it has {len(op.outputs)} outputs, no {name!r}.")
        return op.outputs[int(index)]

    def as_graph_element(
        self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True
    ) -> Any:
        """Return the tensor or operation that ``obj``, perhaps a name, stands for in this graph."""
        if isinstance(obj, str):
            by_tensor = allow_tensor and ":" in obj
            obj = self.get_tensor_by_name(obj) if by_tensor else self.get_operation_by_name(obj)
        if not (isinstance(obj, Tensor) and allow_tensor) and not (
            isinstance(obj, Operation) and allow_operation
        ):
            raise InvalidTypeError(None, None, f"{obj!r} is no tensor or operation of a graph.")
        if obj.graph is not self:
            op = obj.op if isinstance(obj, Tensor) else obj
            raise InvalidArgumentError(
                op.info,
                op,
                f"{obj!r} belongs to another graph. (A session runs the graph that was the default "
                f"when it was made, or that of Session(graph=...).)",
            )
        return obj

    def consumers_of(self, tensors: Iterable[Tensor]) -> list[Operation]:
        """Return the operations that take one of ``tensors`` as an input, in order of each.

        Few ask, so they are read off the nodes that were added since somebody asked last: a list
        for each tensor would cost a tenth of building the graph.
        """
        with self._lock:
            for op in self._operations[self._read :]:
                for taken in op.inputs:
                    self._consumers.setdefault(taken, []).append(op)
            self._read = len(self._operations)
            found = [op for t in tensors for op in self._consumers.get(t, ())]
        return list(dict.fromkeys(found))

    def _near(self, name: str) -> str:
        import difflib

        if name.partition(":")[0] in self._by_name:
            return " That is the name of a tensor: use get_tensor_by_name."
        near = difflib.get_close_matches(name, self._by_name, n=3)
        return f" Nearest: {', '.join(near)}." if near else ""

    # -- building -----------------------------------------------------------------------------

    def as_default(self) -> _DefaultGraph:
        """Make this graph the default of this thread: at once, or for a ``with`` block."""
        return _DefaultGraph(self)

    def create(
        self,
        opdef: Any,
        inputs: tuple[Tensor, ...],
        attrs: dict[str, Any],
        specs: Sequence[TensorSpec],
        name: str | None = None,
        *,
        node: Operation | None = None,
        tensor: Tensor | None = None,
    ) -> Operation:
        """Add an operation; the ops' functions call this, users seldom do.

        ``node`` and ``tensor`` are objects to fill in instead of new ones: a lesson-style
        operation is the node, a variable the one output, that the user holds.
        """
        op = Operation.__new__(Operation) if node is None else node
        local = self._local
        with self._lock:
            if self._finalized:
                raise FailedPreconditionError(
                    None,
                    None,
                    f"can't add a {opdef.type} operation: the graph is finalized. Build "
                    f"everything before tf.Session's loop, or don't finalize.",
                )
            op.graph = self
            op.id = len(self._operations)
            op.name = self._node_name(name, opdef.node_name)
            op.opdef = opdef
            op.inputs = inputs
            op.attrs = attrs
            op.control_inputs = local.control
            op.gradient_override = local.overrides.get(opdef.type) if local.overrides else None
            op.source = local.source or user_source()
            if tensor is not None:
                Tensor.__init__(tensor, op, 0, specs[0])
                op._outputs = tensor
            elif len(specs) == 1:
                op._outputs = Tensor(op, 0, specs[0])
            else:
                op._outputs = tuple([Tensor(op, i, spec) for i, spec in enumerate(specs)])
            self._operations.append(op)
            self._by_name[op.name] = op
        if local.devices:
            self.set_device(op, self._device_here(op))
        return op

    def _node_name(self, name: str | None, default: str) -> str:
        if name is not None and _text(name).endswith("/"):
            return self._claim(name[:-1], exact=True)
        scope = self._local.scope
        base = name or default
        return self._claim(f"{scope}/{base}" if scope else base)

    def _claim(self, name: str, exact: bool = False) -> str:
        """Return ``name``, or ``name_1``, ``name_2``, ... if it is taken (case does not count)."""
        key = name.lower()
        count = self._names.get(key)
        if count is None or (exact and name not in self._by_name):
            if not _VALID_NAME.fullmatch(name):
                raise InvalidArgumentError(
                    None,
                    None,
                    f"{name!r} is no valid name: letters, digits, '.', '_', '-' and '/' only, a "
                    f"letter, digit or '.' first.",
                )
            self._names[key] = 1
            return name
        while f"{key}_{count}" in self._names:
            count += 1
        self._names[key] = count + 1
        self._names[f"{key}_{count}"] = 1
        return f"{name}_{count}"

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """Return ``name`` in the current scope, with a number if it is taken."""
        scope = self._local.scope
        before = dict(self._names) if not mark_as_used else None
        unique = self._claim(f"{scope}/{name}" if scope else name)
        if before is not None:
            self._names = before
        return unique

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Prefix the names of operations made in the block; ``"scope/"`` re-enters a scope."""
        local = self._local
        outer = local.scope
        if not name:
            local.scope = ""
        elif _text(name).endswith("/"):
            local.scope = name[:-1]
        else:
            local.scope = self.unique_name(name)
        try:
            yield local.scope + "/" if local.scope else ""
        finally:
            local.scope = outer

    def get_name_scope(self) -> str:
        return self._local.scope

    @contextmanager
    def control_dependencies(self, control_inputs: Iterable[Any] | None) -> Iterator[None]:
        """Operations made in the block run after ``control_inputs``; None forgets outer ones."""
        local = self._local
        outer = local.control
        if isinstance(control_inputs, (Tensor, Operation)):
            raise InvalidTypeError(
                None, None, f"control_dependencies takes a list: write [{control_inputs.name!r}]."
            )
        if control_inputs is None:
            local.control = ()
        else:
            nodes = [self._as_control(c) for c in control_inputs]
            local.control = tuple(dict.fromkeys([*outer, *nodes]))
        try:
            yield
        finally:
            local.control = outer

    def _as_control(self, obj: Any) -> Operation:
        element = self.as_graph_element(getattr(obj, "op", obj))
        return element.op if isinstance(element, Tensor) else element

    @contextmanager
    def gradient_override_map(self, op_type_map: dict[str, str]) -> Iterator[None]:
        """Operations made in the block use the gradient registered under another name."""
        local = self._local
        outer = local.overrides
        local.overrides = {**(outer or {}), **op_type_map}
        try:
            yield
        finally:
            local.overrides = outer

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Note a device on the operations made in the block; ``op.device`` and exports show it.

        Its parts add to those of outer blocks, or replace them; None forgets outer blocks.  A
        function is called with each operation and returns the device's name.
        """
        given, local = device_name_or_function, self._local
        if given is not None and not callable(given):
            given = given if isinstance(given, DeviceSpec) else DeviceSpec.from_string(given)
        outer = local.devices
        local.devices = () if given is None else (*outer, given)
        try:
            yield
        finally:
            local.devices = outer

    def _device_here(self, op: Operation) -> str:
        for position in op.opdef.updates:  # what changes a variable stands beside it
            return op.inputs[position].op.device
        for around in reversed(self._local.devices):
            self.set_device(op, placed(op.device, around, op))
        return op.device

    def set_device(self, op: Operation, device: str) -> None:
        """Note the name of a device on ``op``."""
        if device:
            self._devices[op.id] = device
        else:
            self._devices.pop(op.id, None)

    def device_of(self, op: Operation) -> str:
        """Return the name of the device noted on ``op``, or empty text."""
        return self._devices.get(op.id, "")

    def finalize(self) -> None:
        """Make the graph read-only."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        return self._finalized

    # -- collections --------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """Return a copy of the collection, or of its items whose names match ``scope``."""
        items = self._collections.get(name, [])
        if scope is None:
            return list(items)
        pattern = re.compile(scope)
        return [i for i in items if hasattr(i, "name") and pattern.match(i.name)]

    def get_collection_ref(self, name: Any) -> list[Any]:
        """Return the collection itself, to be changed in place."""
        return self._collections.setdefault(name, [])

    def get_all_collection_keys(self) -> list[Any]:
        return [k for k, v in self._collections.items() if v and isinstance(k, str)]

    def clear_collection(self, name: Any) -> None:
        self._collections.pop(name, None)

    def __reduce__(self) -> Any:
        raise InvalidTypeError(None, None, "a Graph can't be pickled; export it instead.")


class GraphKeys:
    """The standard names of graph collections."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    CONCATENATED_VARIABLES = "concatenated_variables"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    VARIABLES = GLOBAL_VARIABLES  # the name of 2015
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    UPDATE_OPS = "update_ops"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    GLOBAL_STEP = "global_step"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    SAVERS = "savers"
    SAVEABLE_OBJECTS = "saveable_objects"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    ACTIVATIONS = "activations"
    WEIGHTS = "weights"
    BIASES = "biases"
    ASSET_FILEPATHS = "asset_filepaths"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"


class _BuildState(threading.local):
    """What surrounds the line that builds: per thread, since threads may share a graph."""

    scope: str = ""
    control: tuple[Operation, ...] = ()
    overrides: dict[str, str] | None = None
    devices: tuple[Any, ...] = ()
    source: tuple[str, int] | None = None  # set while gradients are built: the forward node's


class _Defaults(threading.local):
    """The default graph of this thread."""

    graph: Graph | None = None
    graph_blocks: int = 0


_defaults = _Defaults()
_global_graph: Graph | None = None


class _DefaultGraph:
    """The result of ``graph.as_default()``: acts when made, undone by leaving a ``with`` block."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._outer = _defaults.graph
        _defaults.graph = graph

    def __enter__(self) -> Graph:
        _defaults.graph = self._graph
        _defaults.graph_blocks += 1
        return self._graph

    def __exit__(self, *_exc: object) -> None:
        _defaults.graph_blocks -= 1
        _defaults.graph = self._outer


def get_default_graph() -> Graph:
    """Return this thread's default graph; threads without one of their own share the first."""
    global _global_graph
    graph = _defaults.graph
    if graph is None:
        if _global_graph is None:
            _global_graph = Graph()
        graph = _global_graph
    return graph


def reset_default_graph() -> None:
    """Begin a new, empty default graph."""
    global _global_graph
    if _defaults.graph_blocks:
        raise FailedPreconditionError(
            None,
            None,
            "reset_default_graph() inside `with graph.as_default():` would pull the graph from "
            "under the block. Leave the block first.",
        )
    _defaults.graph = None
    _global_graph = Graph()


def graph_of(values: Iterable[Any]) -> Graph:
    """Return the graph of the tensors among ``values``, else the default; InvalidArgumentError
    if they belong to different graphs."""
    found: Any = None
    for value in values:
        if isinstance(value, (Tensor, Operation)):
            if found is None:
                found = value
            elif value.graph is not found.graph:
                raise InvalidArgumentError(
                    None,
                    None,
                    f"{_described(found)} and {_described(value)} belong to different graphs; an "
                    f"operation's inputs must come from one graph.",
                )
    return get_default_graph() if found is None else found.graph


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidTypeError(None, None, f"a name must be text, not {name!r:.60}.")
    return name


def _described(value: Tensor | Operation) -> str:
    op = value if isinstance(value, Operation) else value.op
    return f"{value.name!r} ({op.info.where})"


# One tuple for all nodes of a line: Python's garbage collector looks at each there is.
_PLACES: dict[tuple[str, int], tuple[str, int]] = {}


def user_source() -> tuple[str, int]:
    """Return the file and line outside tfmini from which the current call came."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_OURS) and frame.f_back is not None:
        frame = frame.f_back
    place = frame.f_code.co_filename, frame.f_lineno
    return _PLACES.setdefault(place, place)
