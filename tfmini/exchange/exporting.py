"""A graph as a ``GraphDef``.

In: a graph.  Out: the message, which TensorFlow reads if every operation is one of its own, and
``importing.py`` reads in any case.  What TensorFlow has no form for is written as it is, marked.
"""

from __future__ import annotations

import os
from typing import Any

from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError
from tfmini.exchange.attributes import decoded, encoded
from tfmini.exchange.foreign import Foreign
from tfmini.exchange.forms import FORMS, Constant, Written, type_attrs
from tfmini.exchange.special import WRITERS
from tfmini.formats.graphdef import AttrValue, GraphDef, NodeDef, OperationType
from tfmini.formats.prototext import to_text
from tfmini.formats.tensors import make_tensor_proto, shape_proto
from tfmini.graph import Graph
from tfmini.late import Late
from tfmini.nodes import Operation, Tensor

NATIVE = "_tfmini"  # the attribute of nodes whose attributes and inputs are ours
LATE = "_late"  # on such a node: the attributes that its last inputs are
#: TensorFlow's outputs, as ours, where they differ: it gives the mean once more, for the gradient.
PLACES = {"FusedBatchNormV3": (0, 1, 2, 1, 3, 3)}
# Types with TensorFlow's names, but inputs or attributes of our own.
_OWN_FORM = frozenset((
    "AsString", "MatrixDiagPartV2", "MatrixDiagV2", "MatrixSetDiagV2", "ParseExample",
    "ParseSingleExample", "TensorArrayConcatV3", "TensorArrayGatherV3", "TensorArrayScatterV3",
    "TensorArraySplitV3", "TensorArrayV3",
))  # fmt: skip
_PRODUCER = 134  # the version of graphs that TensorFlow 1.15 writes


def graph_to_def(graph: Graph, add_shapes: bool = False) -> GraphDef:
    """Return all nodes of ``graph`` as a message; ``add_shapes`` adds the static shapes."""
    out = GraphDef()
    out.versions.producer = _PRODUCER
    taken = set(graph._by_name)
    for node in graph.get_operations():
        made = _node_def(node, out, taken)
        if add_shapes:
            shapes = made.attr["_output_shapes"].list
            shapes.shape.extend([shape_proto(t.spec.shape) for t in node.outputs])
            shapes.SetInParent()
        out.node.adopt(made)
    return out


def _node_def(node: Operation, out: GraphDef, taken: set[str]) -> NodeDef:
    """Return one node as a message; constants that it takes as inputs are added to ``out``."""
    written = _written(node)
    inputs = [_input(item, node, out, taken) for item in written.inputs]
    inputs += [f"^{c.name}" for c in node.control_inputs]
    made = NodeDef(name=node.name, op=written.op, input=inputs)
    if node.device:
        made.device = node.device
    for name, attr in written.attrs.items():
        made.attr.adopt(name, attr)
    return made


def _written(node: Operation) -> Written:
    if isinstance(node.opdef, Foreign):
        kept = NodeDef.FromString(node.attrs["node_def"])
        return Written(kept.op, list(node.inputs), dict(kept.attr))
    known = node.opdef.seen(node) if isinstance(node.opdef, Late) else node
    special = WRITERS.get(known.type)
    form = FORMS.get(known.type)
    written: Written | None = None
    if special is not None:
        written = special(known)
    elif form is not None:
        written = form.write(known)
    elif known is node and node.type not in _OWN_FORM:
        written = Written(node.type, list(node.inputs), _encoded(node))
    if written is None:
        return _native(node)
    dtypes = [
        as_dtype(i.value.dtype) if isinstance(i, Constant) else i.dtype for i in written.inputs
    ]
    return written._replace(attrs={**type_attrs(written.op, dtypes), **written.attrs})


def _encoded(node: Operation) -> dict[str, AttrValue]:
    return {k: encoded(v, node.graph) for k, v in node.attrs.items()}


def _native(node: Operation) -> Written:
    """Write a node as it is, marked; attributes that are inputs are named."""
    attrs = {**_encoded(node), NATIVE: encoded(True)}
    if not isinstance(node.opdef, Late):
        return Written(node.type, list(node.inputs), attrs)
    attrs[LATE] = encoded(node.opdef.names)
    return Written(node.opdef.inner.type, list(node.inputs), attrs)


def _input(item: Tensor | Constant, node: Operation, out: GraphDef, taken: set[str]) -> str:
    """Return the name of an input; a constant becomes a node of its own."""
    if isinstance(item, Tensor):
        places = PLACES.get(item.op.type)
        index = places.index(item.value_index) if places else item.value_index
        return f"{item.op.name}:{index}" if index else item.op.name
    base = name = f"{node.name}/{item.name}"
    count = 0
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    proto = make_tensor_proto(item.value)
    made = NodeDef(name=name, op="Const")
    made.attr.adopt("dtype", AttrValue(type=proto.dtype))
    made.attr.adopt("value", AttrValue(tensor=proto))
    out.node.adopt(made)
    return name


def as_graph_def(graph: Graph, from_version: int | None = None, add_shapes: bool = False) -> Any:
    """Return the graph as a ``GraphDef``: ``add_shapes`` adds the static shapes to the nodes.

    TensorFlow and TensorBoard read it; a graph with operations that TensorFlow does not have can
    be imported here again, and looked at there.
    """
    return graph_to_def(graph, add_shapes)


def node_def(self: Operation) -> NodeDef:
    """The operation as a ``NodeDef``: what ``print`` shows of it."""
    return _node_def(self, GraphDef(), set(self.graph._by_name))


def op_def(self: Operation) -> OperationType:
    """The operation's type as a message: its ``name`` is that which TensorFlow has for it."""
    names = [OperationType.ArgDef(name=name) for name in self.opdef.schema.inputs]
    return OperationType(
        name=_written(self).op, input_arg=names, is_stateful=bool(self.opdef.stateful)
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
