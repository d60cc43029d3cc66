"""A ``GraphDef`` as nodes of a graph.

In: a message from TensorFlow 1 or from ``exporting.py``, and where its nodes go.  Out: nodes.  A
node that is not understood becomes one that says so when it is run; what does not need it runs.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfmini.build import CONST, convert_to_tensor, create, infer_specs, make_const
from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError, InvalidTypeError, NotFoundError, OpError
from tfmini.exchange.attributes import body_names, decoded
from tfmini.exchange.composed import composed, is_composed
from tfmini.exchange.control_flow import ENTERS, NEXTS, SWITCHES, ControlFlow
from tfmini.exchange.control_flow import split_name as _split
from tfmini.exchange.foreign import foreign_type
from tfmini.exchange.forms import FORMS, SYNONYMS, NotUnderstood, Read
from tfmini.exchange.loop_gradients import without_stacks
from tfmini.exchange.outputs import PLACES
from tfmini.exchange.regions import Regions
from tfmini.exchange.special import READERS, WEAK
from tfmini.exchange.stand_ins import own_forms
from tfmini.exchange.stripped import whole
from tfmini.exchange.variable_defs import find_initializer
from tfmini.exchange.written import LATE, NATIVE
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
        self, graph: Graph, graph_def: GraphDef, prefix: str, input_map: Mapping[str, Any],
        keeps_devices: bool = True,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.prefix = prefix
        self._keeps_devices = keeps_devices
        self._nodes: dict[str, NodeDef] = {}
        for node in map(whole, own_forms(graph_def.node)):
            if self._nodes.setdefault(node.name, node) is not node:
                raise InvalidArgumentError(None, None, f"node {node.name!r} is there twice.")
        self._nodes = without_stacks(self._nodes)
        self._mapped = {
            _tensor_name(k): convert_to_tensor(v, graph=graph) for k, v in input_map.items()
        }
        self._made: dict[str, Operation] = {}
        # What must run for a node to have run: itself, or the conditional that it is inside of.
        self._done: ChainMap[str, Operation] = ChainMap({}, self._made)
        self._composed: dict[str, list[Tensor]] = {}  # outputs of what is several nodes here
        self._outputs = self._count_outputs()
        self._foreign: dict[str, list[str]] = {}
        self._flow: ControlFlow | None = None
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

    # What stands for nodes of conditionals and loops, which have none of their own here.

    def is_made(self, name: str) -> bool:
        """Whether something stands for the node called ``name``."""
        return name in self._made

    @property
    def made(self) -> set[str]:
        """The names of the nodes that something stands for."""
        return set(self._made)

    def stand_in(self, name: str, tensors: list[Tensor]) -> None:
        """Let ``tensors`` stand for the outputs of a node."""
        self._made[name] = tensors[0].op
        self._composed[name] = tensors

    def define(self, name: str, tensors: list[Tensor]) -> None:
        """Let ``tensors`` stand for the outputs of a node, the first under the node's name."""
        named: Tensor = array.identity(tensors[0], name=self.prefix + name + "/")
        self.stand_in(name, [named, *tensors[1:]])

    def redefine(self, name: str, tensor: Tensor) -> None:
        """Let ``tensor`` stand for one output of a node that is made."""
        source, index = _split(name)
        tensors = list(self._composed.get(source) or self._made[source].outputs)
        tensors[index] = tensor
        self._composed[source] = tensors

    def enclose(self, names: Iterable[str], whole: Operation) -> None:
        """Let ``whole`` run where nodes inside of it must have run."""
        self._done.update(dict.fromkeys(names, whole))

    def forget(self, before: set[str]) -> None:
        """Let nothing stand for nodes but for those in ``before``."""
        for name in self.made - before:
            del self._made[name]
            self._composed.pop(name, None)

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
        ordered = self._ordered()
        if any(node.op in SWITCHES for node in ordered):
            self._flow = flow = ControlFlow(ordered, self._nodes)
            self._regions = Regions(self, flow)
            outside = [n.name for n in ordered if not flow.context[n.name]]
            for name in flow.order(frozenset(), outside, self.is_made):
                self.make(name)
            for node in ordered:
                if node.name not in self._made:
                    reason = "it is inside of a conditional or loop, and none of its results"
                    self._made[node.name] = self._foreign_node(node, (), reason)
        else:
            for node in ordered:
                self._make(node)
        for variable in self.variables:
            find_initializer(variable)
        if self._foreign:
            types = sorted(self._foreign)
            more = f" and {len(types) - _LISTED} more" if len(types) > _LISTED else ""
            warn(
                "imported nodes that can't run here, of types %s%s (e.g. %s); what does not need "
                "them runs", ", ".join(types[:_LISTED]), more, self._foreign[types[0]][0],
            )  # fmt: skip

    def make(self, name: str) -> None:
        """Make the node called ``name``, or the whole conditional or loop whose result it is."""
        node = self._nodes[name]
        unit = self._flow.units.get(name) if self._flow else None
        if unit is None:
            self._make(node)
            return
        if name in self._made:  # along with another result
            return
        try:
            with self.graph.as_default(), self.graph.control_dependencies(None):
                self._regions.make(unit)
        except (NotUnderstood, OpError, ValueError, TypeError) as e:
            for result in unit.results:
                self._made[result] = self._not_understood(self._nodes[result], _reason(e))

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
        names = [n for n in names if self._nodes[n].op not in NEXTS]  # where loops close
        for attr in node.attr.values():
            names += [_split(name)[0] for name in body_names(attr)]
        return names

    def _make(self, node: NodeDef) -> None:
        before = [self._done.get(i[1:]) for i in node.input if i[:1] == "^"]
        # The variables of a loop are there before its body begins.
        control = [op for op in before if op is not None and op.opdef is not BODY_INPUT]
        graph = self.graph
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
                self._made[node.name] = self._not_understood(node, _reason(e))
            made = self._made[node.name]
            if node.device and self._keeps_devices and made.name == self.prefix + node.name:
                graph.set_device(made, node.device)

    def _understood(self, node: NodeDef, inputs: list[Tensor]) -> Operation:
        if node.op in SWITCHES or node.op in ENTERS:
            self.stand_in(node.name, [inputs[0], inputs[0]])
            return inputs[0].op
        kind = node.op if NATIVE in node.attr else SYNONYMS.get(node.op, node.op)
        name = self.prefix + node.name + "/"
        if kind == "Const":
            return self._constant(node, name)
        if kind == "VariableV2":
            return self._variable(node, name)
        if kind == "BodyInput":
            spec = self._only_spec(node)
            return self.graph.create(BODY_INPUT, (), {}, (spec,), name)
        if is_composed(node) and NATIVE not in node.attr:
            return self._several(node, inputs)
        if kind == "Identity" and type(inputs[0]) is Variable and len(node.input) == 1:
            # TensorFlow 1's w/read is the variable's memory: who comes after an update sees it.
            self._composed[node.name] = inputs
        read = self._read(node, kind, inputs)
        changes = read.attrs.get("changes")
        opdef = UpdatingIf(changes) if changes else _type(read.type)
        made = create(opdef, tuple(read.inputs), _complete(opdef, read.attrs), name)
        if read.type in PLACES:
            self._composed[node.name] = [made.outputs[i] for i in PLACES[read.type]]
        return made

    def _several(self, node: NodeDef, inputs: list[Tensor]) -> Operation:
        """Make several nodes, the first output's under the name of TensorFlow's one."""
        with self.graph.name_scope(self.prefix + node.name + "/"):
            first, *others = composed(node, inputs)
        named: Tensor = array.identity(first, name=self.prefix + node.name + "/")
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
            return make_const(self.graph, value.item(), name).op
        value.flags.writeable = False
        return self.graph.create(CONST, (), {"value": value},
                                  infer_specs(CONST, (), {"value": value}), name)  # fmt: skip

    def _only_spec(self, node: NodeDef) -> TensorSpec:
        shape = decoded(node.attr["shape"]) if "shape" in node.attr else None
        dtype = decoded(node.attr["dtype"]) if "dtype" in node.attr else None
        return TensorSpec(shape, None if dtype is None else as_dtype(dtype))

    def _variable(self, node: NodeDef, name: str) -> Operation:
        variable = Variable.__new__(Variable)
        spec = self._only_spec(node)
        made = self.graph.create(VARIABLE, (), {}, (spec,), name, tensor=variable)
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
        return self._foreign_node(node, inputs, reason)

    def _foreign_node(self, node: NodeDef, inputs: Sequence[Tensor], reason: str) -> Operation:
        opdef = foreign_type(node.op)
        attrs: dict[str, Any] = {
            "node_def": node.SerializeToString(), "outputs": self._outputs[node.name],
            "reason": reason,
        }  # fmt: skip
        specs = opdef.infer(**attrs)
        return self.graph.create(opdef, tuple(inputs), attrs, specs, self.prefix + node.name + "/")


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


def _reason(error: Exception) -> str:
    return error.message.rstrip(".") if isinstance(error, OpError) else str(error)


def _data_inputs(node: NodeDef) -> list[str]:
    return [i for i in node.input if i[:1] != "^"]


def _tensor_name(name: str) -> str:
    if name[:1] == "^":
        return name
    source, index = _split(name)
    return f"{source}:{index}"


def _complete(opdef: OpDef, attrs: dict[str, Any]) -> dict[str, Any]:
    """Return ``attrs`` with the defaults of those that are not given."""
    out = {k: v for k, v in opdef.schema.attrs.items() if v is not Parameter.empty}
    out.update({k: v for k, v in attrs.items() if k in opdef.schema.attrs})
    missing = [k for k in opdef.schema.attrs if k not in out]
    if missing:
        raise NotUnderstood(f"it lacks {', '.join(missing)}")
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in out.items()}
