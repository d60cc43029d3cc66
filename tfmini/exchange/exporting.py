"""A graph as a ``GraphDef``.

In: a graph.  Out: the message, which TensorFlow reads if it has a form of every operation, as one
node or as several, and ``importing.py`` reads in any case.  What TensorFlow has no form for is
written as it is, marked.
"""

from __future__ import annotations

import os
from typing import Any

from tfmini.errors import InvalidArgumentError
from tfmini.exchange.attributes import decoded
from tfmini.exchange.composed import is_composed
from tfmini.exchange.expanded import EXPANSIONS
from tfmini.exchange.freezing import source_of
from tfmini.exchange.ordering import Step, steps
from tfmini.exchange.outputs import tensor_name
from tfmini.exchange.parts import Parts
from tfmini.exchange.stand_ins import stand_in, wait_for
from tfmini.exchange.written import native_form, written_form
from tfmini.formats.graphdef import GraphDef, NodeDef, OperationType
from tfmini.formats.prototext import to_text
from tfmini.formats.tensors import shape_proto
from tfmini.graph import Graph
from tfmini.nodes import Operation

_PRODUCER = 134  # the version of graphs that TensorFlow 1.15 writes


def graph_to_def(graph: Graph, add_shapes: bool = False) -> GraphDef:
    """Return all nodes of ``graph`` as a message; ``add_shapes`` adds the static shapes."""
    out = GraphDef()
    out.versions.producer = _PRODUCER
    taken = set(graph._by_name)
    waits: dict[Operation, list[str]] = {}
    for step in steps(graph):
        barrier = _barrier(step, taken)
        out.node.adopt(barrier)
        for update in step.updates:
            waits.setdefault(update, []).append(barrier.name)
    for node in graph.get_operations():
        nodes = _nodes(node, taken, waits.get(node, []))
        if add_shapes:
            shapes = nodes[-1].attr["_output_shapes"].list
            shapes.shape.extend([shape_proto(t.spec.shape) for t in node.outputs])
            shapes.SetInParent()
        for made in nodes:
            out.node.adopt(made)
    return out


def _barrier(step: Step, taken: set[str]) -> NodeDef:
    """Return a node that runs after the reads of a step; our own graphs need none."""
    parts = Parts(step.updates[0].name, "", tensor_name, taken, EXPANSIONS)
    parts.leaf("NoOp")
    (barrier,) = parts.nodes
    wait_for([n.name for n in step.reads], barrier)
    return barrier


def _nodes(node: Operation, taken: set[str], waits: list[str]) -> list[NodeDef]:
    """Return what stands for ``node``, the last of them under its name.

    In TensorFlow they run after ``waits``.
    """
    parts = _parts(node, taken)
    several = parts.all_of(node)
    control = [f"^{c.name}" for c in node.control_inputs]
    later: set[str] = set()  # what comes after others of them anyway
    for message in parts.nodes:
        if message.op != "Const":
            if later.isdisjoint(map(source_of, message.input)):
                message.input.extend(control)
                wait_for(waits, message)
            later.add(message.name)
    if several or is_composed(parts.nodes[-1]):
        own = _parts(node, taken)
        own.one(native_form(node))
        own.nodes[-1].input.extend(control)
        stand_in(parts.nodes, own.nodes[-1])
    return parts.nodes


def _parts(node: Operation, taken: set[str]) -> Parts:
    return Parts(node.name, node.device, tensor_name, taken, EXPANSIONS)


def as_graph_def(graph: Graph, from_version: int | None = None, add_shapes: bool = False) -> Any:
    """Return the graph as a ``GraphDef``: ``add_shapes`` adds the static shapes to the nodes.

    TensorFlow and TensorBoard read it; a graph with operations that TensorFlow does not have can
    be imported here again, and looked at there.
    """
    return graph_to_def(graph, add_shapes)


def node_def(self: Operation) -> NodeDef:
    """The operation as a ``NodeDef``: what ``print`` shows of it."""
    parts = _parts(self, set(self.graph._by_name))
    parts.one(written_form(self))
    parts.nodes[-1].input.extend([f"^{c.name}" for c in self.control_inputs])
    return parts.nodes[-1]


def op_def(self: Operation) -> OperationType:
    """The operation's type as a message: its ``name`` is that which TensorFlow has for it."""
    names = [OperationType.ArgDef(name=name) for name in self.opdef.schema.inputs]
    return OperationType(
        name=written_form(self).op, input_arg=names, is_stateful=bool(self.opdef.stateful)
    )


def get_attr(self: Operation, name: str) -> Any:
    """Return attribute ``name``: one of tfmini's, or one that TensorFlow's type has, as "T"."""
    if name in self.attrs:
        return self.attrs[name]
    written = self.node_def.attr
    if name not in written:
        known = ", ".join(dict.fromkeys([*self.attrs, *written])) or "none"
        raise InvalidArgumentError(self.info, self, f"no attribute {name!r}; it has: {known}.")
    return decoded(written[name])


Graph.as_graph_def = as_graph_def
Operation.get_attr = get_attr
Operation.node_def = property(node_def)
Operation.op_def = property(op_def)


def write_graph(graph_or_graph_def: Any, logdir: Any, name: str, as_text: bool = True) -> str:
    """Write a graph to file ``name`` in folder ``logdir``, as text or bytes; return the path."""
    given = graph_or_graph_def
    message = given if isinstance(given, GraphDef) else graph_to_def(given)
    folder = os.fspath(logdir)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(to_text(message).encode() if as_text else message.SerializeToString())
    return path
