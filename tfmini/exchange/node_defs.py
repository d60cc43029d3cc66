"""Questions about nodes of a ``GraphDef`` that ``tf.graph_util`` answers."""

from __future__ import annotations

from typing import Any

from tfmini.exchange.attributes import decoded
from tfmini.formats.graphdef import NodeDef
from tfmini.graph import Graph
from tfmini.nodes import Operation
from tfmini.shapes import TensorShape

_OF_VARIABLES = (
    "Assign", "AssignAdd", "AssignSub", "Queue", "ScatterAdd", "ScatterSub", "ScatterUpdate",
    "TruncatedNormal", "Variable", "VariableV2",
)  # fmt: skip
# Attributes that hold a type, with the types of what TensorFlow has no kernel for on a GPU.
_ON_CPU = {
    "Const": {"dtype": ("string", "int32")},
    "DynamicStitch": {"T": ("int32",)},
    "ParallelDynamicStitch": {"T": ("int32",)},
    "Cast": {"SrcT": ("int32",)},
}


def must_run_on_cpu(node: NodeDef | Operation, pin_variables_on_cpu: bool = False) -> bool:
    """Whether TensorFlow would run ``node`` on a CPU whatever its device says.

    ``pin_variables_on_cpu``: variables and what changes them count too.
    """
    message: Any = node.node_def if isinstance(node, Operation) else node
    if pin_variables_on_cpu and message.op in _OF_VARIABLES:
        return True
    return any(
        name in message.attr and decoded(message.attr[name]).name in types
        for name, types in _ON_CPU.get(message.op, {}).items()
    )


def tensor_shape_from_node_def_name(graph: Graph, input_name: str) -> TensorShape:
    """Return the static shape of what an input of a node names: ``"x"`` or ``"x:1"``."""
    name = input_name if ":" in input_name else f"{input_name}:0"
    return graph.get_tensor_by_name(name).shape
