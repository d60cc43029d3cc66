"""Graphs for inference: the part that outputs need, with constants in the place of variables.

In: a ``GraphDef``, and a session for the values.  Out: a smaller ``GraphDef``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats.graphdef import AttrValue, GraphDef, NodeDef
from tfmini.formats.tensors import make_tensor_proto
from tfmini.logging import info

_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")


def source_of(name: str) -> str:
    """Return the node that the name of a tensor, or of an input, is of."""
    return name.removeprefix("^").partition(":")[0]


def needed_by(nodes: Mapping[str, Any], roots: Iterable[str]) -> set[str]:
    """Return the names of ``roots`` and of all nodes that they need."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += [source_of(i) for i in nodes[name].input]
    return found


def extract_sub_graph(graph_def: GraphDef, dest_nodes: Sequence[str]) -> GraphDef:
    """Return the nodes that ``dest_nodes`` (names) need, in their order."""
    if isinstance(dest_nodes, str):
        raise InvalidTypeError(None, None, "dest_nodes must be a list of names.")
    nodes = {node.name: node for node in graph_def.node}
    missing = [n for n in dest_nodes if n not in nodes]
    if missing:
        raise InvalidArgumentError(None, None, f"{missing[0]} is not in graph")
    needed = needed_by(nodes, dest_nodes)
    out = GraphDef()
    out.versions.CopyFrom(graph_def.versions)
    out.library.CopyFrom(graph_def.library)
    out.node.extend([node for node in graph_def.node if node.name in needed])
    return out


def convert_variables_to_constants(
    sess: Any,
    input_graph_def: GraphDef,
    output_node_names: Sequence[str],
    variable_names_whitelist: Iterable[str] | None = None,
    variable_names_blacklist: Iterable[str] | None = None,
) -> GraphDef:
    """Return what ``output_node_names`` need, with variables as constants of their values in
    ``sess``."""
    out = extract_sub_graph(input_graph_def, output_node_names)
    frozen = [
        node.name
        for node in out.node
        if node.op in _VARIABLES
        and (variable_names_whitelist is None or node.name in set(variable_names_whitelist))
        and node.name not in set(variable_names_blacklist or ())
    ]
    values = dict(zip(frozen, sess.run([f"{n}:0" for n in frozen]) if frozen else [], strict=True))
    for node in out.node:
        if node.name in values:
            _make_constant(node, np.asarray(values[node.name]))
        elif node.op == "ReadVariableOp" and source_of(node.input[0]) in values:
            node.op = "Identity"
            node.attr["T"].CopyFrom(node.attr["dtype"])
            del node.attr["dtype"]
    info("Converted %d variables to const ops.", len(values))
    return out


def _make_constant(node: NodeDef, value: np.ndarray) -> None:
    proto = make_tensor_proto(value)
    node.op = "Const"
    node.attr.clear()
    node.attr["dtype"].CopyFrom(AttrValue(type=proto.dtype))
    node.attr["value"].CopyFrom(AttrValue(tensor=proto))


def remove_training_nodes(
    input_graph: GraphDef, protected_nodes: Iterable[str] | None = None
) -> GraphDef:
    """Return the graph without ``CheckNumerics`` and with each ``Identity`` skipped."""
    protected = set(protected_nodes or ())
    # Nodes that others wait for must stay.
    controlling = {source_of(i) for node in input_graph.node for i in node.input if i[:1] == "^"}
    skipped = {
        node.name: node.input[0]
        for node in input_graph.node
        if node.op in ("Identity", "CheckNumerics")
        and node.name not in protected | controlling
        and len(node.input) == 1
    }

    def behind(name: str) -> str:
        while name.removesuffix(":0") in skipped:
            name = skipped[name.removesuffix(":0")]
        return name

    out = GraphDef()
    out.versions.CopyFrom(input_graph.versions)
    for node in input_graph.node:
        if node.name not in skipped:
            kept = out.node.add()
            kept.CopyFrom(node)
            kept.input[:] = [behind(i) for i in node.input]
    return out
