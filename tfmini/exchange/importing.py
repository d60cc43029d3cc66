"""A ``GraphDef`` as nodes of a graph.

In: a message from TensorFlow 1 or from ``exporting.py``, and where its nodes go.  Out: nodes.  A
node that is not understood becomes one that says so when it is run; what does not need it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfmini.build import CONST, convert_to_tensor, create, infer_specs, make_const
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NotFoundError, OpError
from tfmini.exchange.attributes import decoded
from tfmini.exchange.composed import COMPOSED, composed
from tfmini.exchange.exporting import LATE, NATIVE
from tfmini.exchange.foreign import foreign_type
from tfmini.exchange.forms import FORMS, SYNONYMS, NotUnderstood, Read
from tfmini.exchange.special import READERS, WEAK
from tfmini.formats.graphdef import GraphDef, NodeDef
from tfmini.graph import Graph, get_default_graph
from tfmini.logging import warn
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import OpDef
from tfmini.ops import array, saving
from tfmini.ops.bodies import BODY_INPUT
from tfmini.ops.branches import UpdatingIf
from tfmini.ops.state import VARIABLE, Variable
from tfmini.registry import registry
from tfmini.spec import TensorSpec

_LISTED = 8


def import_graph_def(
    graph_def: GraphDef,
    input_map: Mapping[str, Any] | None = None,
    return_elements: Iterable[str] | None = None,
    name: str | None = None,
    op_dict: Any = None,
    producer_op_list: Any = None,
) -> list[Any] | None:
    """Add the nodes of ``graph_def`` to the default graph, under ``name/`` (default "import/").

    ``input_map`` puts tensors in the place of tensors of the message; ``return_elements`` are
    names of operations and tensors to return.  A warning lists operations that are not understood.
    """
    if not isinstance(graph_def, GraphDef):
        raise InvalidTypeError(
            None, None, f"graph_def must be a tf.GraphDef, not {type(graph_def).__name__}."
        )
    graph = get_default_graph()
    prefix = _prefix(graph, "import" if name is None else name)
    importer = Importer(graph, graph_def, prefix, input_map or {})
    importer.run()
    if return_elements is None:
        return None
    return [importer.element(e) for e in return_elements]


def _prefix(graph: Graph, name: str) -> str:
    if not name:
        return ""
    if name.endswith("/"):
        return name
    return graph.unique_name(name) + "/"


class Importer:
    """One import: finds what was made by the names in the message."""

    def __init__(
        self, graph: Graph, graph_def: GraphDef, prefix: str, input_map: Mapping[str, Any]
    ) -> None:
        self._graph = graph
        self._prefix = prefix
        self._nodes: dict[str, NodeDef] = {}
        for node in graph_def.node:
            if self._nodes.setdefault(node.name, node) is not node:
                raise InvalidArgumentError(None, None, f"node {node.name!r} is there twice.")
        self._mapped = {
            _tensor_name(k): convert_to_tensor(v, graph=graph) for k, v in input_map.items()
        }
        self._made: dict[str, Operation] = {}
        self._composed: dict[str, list[Tensor]] = {}  # outputs of what is several nodes here
        self._outputs = self._count_outputs()
        self._foreign: dict[str, list[str]] = {}
        self.variables: list[Variable] = []

    # -- what is where --------------------------------------------------------------------------

    def _count_outputs(self) -> dict[str, int]:
        """Return how many outputs of each node are used: for those that are not understood."""
        counts = dict.fromkeys(self._nodes, 1)
        for node in self._nodes.values():
            for name in _data_inputs(node):
                source, index = _split(name)
                counts[source] = max(counts.get(source, 1), index + 1)
        return counts

    def tensor(self, name: str) -> Tensor:
        """Return the tensor that the message calls ``name``."""
        mapped = self._mapped.get(_tensor_name(name))
        if mapped is not None:
            return mapped
        source, index = _split(name)
        outputs = self._composed.get(source) or self.operation(source).outputs
        if index >= len(outputs):
            raise NotUnderstood(f"{name} is output {index} of an operation with {len(outputs)}")
        return outputs[index]

    def operation(self, name: str) -> Operation:
        """Return the operation that the message calls ``name``."""
        try:
            return self._made[name]
        except KeyError:
            raise NotUnderstood(f"{name}, which it needs, needs it in turn: a loop") from None

    def element(self, name: str) -> Any:
        try:
            return self.tensor(name) if ":" in name else self.operation(name)
        except NotUnderstood:
            raise InvalidArgumentError(
                None, None, f"return_elements: the graph has no {name!r}."
            ) from None

    # -- the work -------------------------------------------------------------------------------

    def run(self) -> None:
        """Make all nodes."""
        for node in self._ordered():
            self._make(node)
        for variable in self.variables:
            _find_initializer(variable)
        if self._foreign:
            types = sorted(self._foreign)
            more = f" and {len(types) - _LISTED} more" if len(types) > _LISTED else ""
            warn(
                "imported nodes that can't run here, of types %s%s (e.g. %s); what does not need "
                "them runs", ", ".join(types[:_LISTED]), more, self._foreign[types[0]][0],
            )  # fmt: skip

    def _ordered(self) -> list[NodeDef]:
        """Return the nodes so that inputs come first; loops are cut where they close."""
        done: dict[str, bool] = {}  # name -> finished
        out: list[NodeDef] = []
        for root in self._nodes.values():
            stack = [root.name]
            while stack:
                name = stack[-1]
                if name in done:
                    stack.pop()
                    if not done[name]:
                        done[name] = True
                        out.append(self._nodes[name])
                    continue
                done[name] = False
                for source in reversed(self._sources(self._nodes[name])):
                    if source not in done:
                        stack.append(source)
        return out

    def _sources(self, node: NodeDef) -> list[str]:
        names = [i[1:] if i[:1] == "^" else _split(i)[0]
                 for i in node.input if _tensor_name(i) not in self._mapped]  # fmt: skip
        for name in names:
            if name not in self._nodes:
                raise InvalidArgumentError(
                    None, None, f"node {node.name!r} takes {name!r}, which the graph does not have."
                )
        for attr in node.attr.values():
            if attr.WhichOneof("value") == "func":
                names += _named_in(attr, self._nodes)
        return names

    def _make(self, node: NodeDef) -> None:
        control = [self._made[i[1:]] for i in node.input if i[:1] == "^" and i[1:] in self._made]
        graph = self._graph
        with (
            graph.as_default(),
            graph.control_dependencies(None),
            graph.control_dependencies(control),
        ):
            try:
                inputs = [self.tensor(i) for i in _data_inputs(node)]
                self._made[node.name] = self._understood(node, inputs)
            except (NotUnderstood, OpError, ValueError, TypeError) as e:
                # Whatever is wrong with this node, the others may be what the user wants.
                reason = e.message.rstrip(".") if isinstance(e, OpError) else str(e)
                self._made[node.name] = self._not_understood(node, reason)

    def _understood(self, node: NodeDef, inputs: list[Tensor]) -> Operation:
        kind = node.op if NATIVE in node.attr else SYNONYMS.get(node.op, node.op)
        name = self._prefix + node.name + "/"
        if kind == "Const":
            return self._constant(node, name)
        if kind == "VariableV2":
            return self._variable(node, name)
        if kind == "BodyInput":
            spec = self._only_spec(node)
            return self._graph.create(BODY_INPUT, (), {}, (spec,), name)
        if kind in COMPOSED and NATIVE not in node.attr:
            return self._several(node, inputs)
        read = self._read(node, kind, inputs)
        changes = read.attrs.get("changes")
        opdef = UpdatingIf(changes) if changes else _type(read.type)
        return create(opdef, tuple(read.inputs), _complete(opdef, read.attrs), name)

    def _several(self, node: NodeDef, inputs: list[Tensor]) -> Operation:
        """Make several nodes, the first output's under the name of TensorFlow's one."""
        with self._graph.name_scope(self._prefix + node.name + "/"):
            first, *others = composed(node, inputs)
        named: Tensor = array.identity(first, name=self._prefix + node.name + "/")
        self._composed[node.name] = [named, *others]
        return named.op

    def _read(self, node: NodeDef, kind: str, inputs: list[Tensor]) -> Read:
        if NATIVE not in node.attr:
            given: Any = node
            if kind != node.op:
                given = SimpleNamespace(name=node.name, op=kind, attr=node.attr)
            if kind in READERS:
                return READERS[kind](given, inputs)
            if kind in FORMS:
                return FORMS[kind].read(given, inputs)
        schema = _type(kind).schema
        attrs = {k: decoded(v, self) for k, v in node.attr.items() if k in schema.attrs}
        late = decoded(node.attr[LATE]) if LATE in node.attr else ()
        at = len(inputs) - len(late)
        return Read(kind, inputs[:at], attrs | dict(zip(late, inputs[at:], strict=True)))

    def _constant(self, node: NodeDef, name: str) -> Operation:
        value = decoded(node.attr["value"])
        if WEAK in node.attr:
            return make_const(self._graph, value.item(), name).op
        value.flags.writeable = False
        return self._graph.create(CONST, (), {"value": value},
                                  infer_specs(CONST, (), {"value": value}), name)  # fmt: skip

    def _only_spec(self, node: NodeDef) -> TensorSpec:
        shape = decoded(node.attr["shape"]) if "shape" in node.attr else None
        dtype = decoded(node.attr["dtype"]) if "dtype" in node.attr else None
        return TensorSpec(shape, None if dtype is None else as_dtype(dtype))

    def _variable(self, node: NodeDef, name: str) -> Operation:
        variable = Variable.__new__(Variable)
        spec = self._only_spec(node)
        made = self._graph.create(VARIABLE, (), {}, (spec,), name, tensor=variable)
        variable.trainable = False
        variable.constraint = None
        self.variables.append(variable)
        return made

    def _not_understood(self, node: NodeDef, reason: str) -> Operation:
        self._foreign.setdefault(node.op, []).append(node.name)
        inputs = []
        for name in _data_inputs(node):
            if _split(name)[0] in self._made or _tensor_name(name) in self._mapped:
                try:
                    inputs.append(self.tensor(name))
                except NotUnderstood:
                    continue
        opdef = foreign_type(node.op)
        attrs: dict[str, Any] = {
            "node_def": node.SerializeToString(), "outputs": self._outputs[node.name],
            "reason": reason,
        }  # fmt: skip
        specs = opdef.infer(**attrs)
        return self._graph.create(
            opdef, tuple(inputs), attrs, specs, self._prefix + node.name + "/"
        )


# Types that are not in the registry: they touch files.
_UNLISTED = {value.type: value for value in vars(saving).values() if isinstance(value, OpDef)}


def _type(name: str) -> OpDef:
    found = _UNLISTED.get(name)
    if found is not None:
        return found
    try:
        return registry.type(name)
    except NotFoundError:
        raise NotUnderstood(f"operation type {name} is not known here") from None


def _data_inputs(node: NodeDef) -> list[str]:
    return [i for i in node.input if i[:1] != "^"]


def _split(name: str) -> tuple[str, int]:
    """Return a tensor's operation and index: "x" is the first output of x."""
    source, colon, index = name.rpartition(":")
    return (source, int(index)) if colon and index.isdigit() else (name, 0)


def _tensor_name(name: str) -> str:
    if name[:1] == "^":
        return name
    source, index = _split(name)
    return f"{source}:{index}"


def _named_in(attr: Any, nodes: Mapping[str, Any]) -> list[str]:
    """Return the nodes that bodies among an attribute are made of."""
    pending, found = [attr], []
    while pending:
        item = pending.pop()
        if item.WhichOneof("value") == "func":
            pending += [item.func.attr[k] for k in item.func.attr]
        elif item.WhichOneof("value") == "list":
            names = [_split(s.decode(errors="replace"))[0] for s in item.list.s]
            found += [n for n in names if n in nodes]
    return found


def _complete(opdef: OpDef, attrs: dict[str, Any]) -> dict[str, Any]:
    """Return ``attrs`` with the defaults of those that are not given."""
    out = {k: v for k, v in opdef.schema.attrs.items() if v is not Parameter.empty}
    out.update({k: v for k, v in attrs.items() if k in opdef.schema.attrs})
    missing = [k for k in opdef.schema.attrs if k not in out]
    if missing:
        raise NotUnderstood(f"it lacks {', '.join(missing)}")
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in out.items()}


def _find_initializer(variable: Variable) -> None:
    """Find the operation that sets the variable first: the one that TensorFlow's names say."""
    assigns = [n for n in variable.consumers() if n.type == "Assign" and n.inputs[0] is variable]
    assigns.sort(key=lambda node: node.name != f"{variable.op.name}/Assign")
    found = next((n for n in assigns if _is_initial(n.inputs[1])), None)
    if found is not None:
        set_initializer(variable, found.outputs[0])


def set_initializer(variable: Variable, assigned: Tensor) -> None:
    """Make the assignment whose output is given the one that initialises the variable."""
    variable._initializer = assigned
    variable.initial_value = assigned.op.inputs[1]


def _is_initial(value: Tensor) -> bool:
    """Whether a value comes from the graph, not from a checkpoint or a feed."""
    seen: set[int] = set()
    pending: Sequence[Operation] = [value.op]
    while pending:
        node, *rest = pending
        if node.type == "RestoreV2" or node.opdef.is_placeholder:
            return False
        before = [t.op for t in node.inputs if t.op.id not in seen]
        seen.update([n.id for n in before])
        pending = [*rest, *before]
    return True
