"""The nodes of a Saver: what TensorFlow looks for in a graph in order to save and restore.

In: variables by their names in a checkpoint, or the names of such nodes.  Out: the nodes
(``save/SaveV2``, ``save/RestoreV2``, ...) and their names, or what they restore.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, create
from tfmini.formats.graphdef import SaverDef
from tfmini.graph import get_default_graph, graph_of
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array
from tfmini.ops.grouping import group
from tfmini.ops.placeholders import placeholder_with_default
from tfmini.ops.saving import RESTORE, SAVE
from tfmini.ops.state import Variable, assign


def build_nodes(
    variables: dict[str, Variable], scope: str, **options: Any
) -> tuple[SaverDef, dict[str, Tensor]]:
    """Add the nodes that save and restore ``variables``, under ``scope``.

    Returns
    -------
    SaverDef : the nodes' names, and the ``options``
    dict : the tensor that is assigned to the variable of each name
    """
    graph = graph_of(variables.values())
    names = sorted(variables)
    with graph.as_default(), graph.control_dependencies(None), graph.name_scope(scope):
        default = placeholder_with_default("model", (), name="filename")
        prefix = placeholder_with_default(default, (), name="Const")
        saved = create(
            SAVE, (prefix, *_name_lists("SaveV2", names), *[variables[n] for n in names]),
            {}, "SaveV2",
        )  # fmt: skip
        with graph.control_dependencies([saved]):
            result = array.identity(prefix, name="control_dependency")
        dtypes = tuple([variables[n].dtype for n in names])
        tensors = create(
            RESTORE, (prefix, *_name_lists("RestoreV2", names)), {"dtypes": dtypes}, "RestoreV2"
        ).outputs
        restored = dict(zip(names, tensors, strict=True))
        done = group(*[assign(variables[n], restored[n]) for n in names], name="restore_all")
    return SaverDef(
        filename_tensor_name=prefix.name,
        save_tensor_name=result.name,
        restore_op_name=done.name,
        version=SaverDef.CheckpointFormatVersion.V2,
        **options,
    ), restored


def _name_lists(node: str, names: list[str]) -> tuple[Tensor, Tensor]:
    """Return the inputs that name tensors and say that they are whole."""
    return (
        convert_to_tensor(names, name=f"{node}/tensor_names"),
        convert_to_tensor([""] * len(names), name=f"{node}/shape_and_slices"),
    )


def restored_by(saver_def: SaverDef) -> list[tuple[str, Variable, Tensor]]:
    """Return what the restoring operation of the default graph does.

    That is, for each variable the name in the checkpoint, and the tensor that is assigned to it.
    """
    out = []
    last = get_default_graph().get_operation_by_name(saver_def.restore_op_name)
    for node in _with_all_before(last):
        if node.type != "Assign":
            continue
        variable, value = node.inputs
        source = value
        while source.op.type in ("Identity", "Reshape") and source.op.inputs:
            source = source.op.inputs[0]
        if source.op.type == "RestoreV2" and isinstance(variable, Variable):
            names = np.ravel(source.op.inputs[1].op.attrs.get("value", ()))
            name = names[source.value_index]
            name = name.decode() if isinstance(name, bytes) else str(name)
            out.append((name, variable, value))
    return out


def _with_all_before(node: Operation) -> list[Operation]:
    """Return ``node`` and what it waits for by control inputs, directly or not."""
    found = {node: None}  # a dict, for its order
    pending = [node]
    while pending:
        for before in pending.pop().control_inputs:
            if before not in found:
                found[before] = None
                pending.append(before)
    return list(found)
