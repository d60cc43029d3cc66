"""``tensorflow.python.tools.freeze_graph``: a graph and a checkpoint as one file of constants.

In: files of a graph (a ``GraphDef``, a ``MetaGraphDef`` or a saved model) and of its variables.
Out: a ``GraphDef`` of what some outputs need, with constants in the place of variables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tfmini.exchange.freezing import convert_variables_to_constants
from tfmini.exchange.importing import import_graph_def
from tfmini.exchange.metagraph import read_meta_graph
from tfmini.formats.graphdef import GraphDef, MetaGraphDef, SaverDef
from tfmini.formats.prototext import merge_text
from tfmini.graph import Graph
from tfmini.nodes import Tensor
from tfmini.saved_model import loader, tag_constants
from tfmini.session import Session
from tfmini.train.checkpoints import CheckpointReader, checkpoint_exists
from tfmini.train.saver import Saver, import_meta_graph


def freeze_graph(
    input_graph: Any, input_saver: Any, input_binary: bool, input_checkpoint: Any,
    output_node_names: str, restore_op_name: Any, filename_tensor_name: Any, output_graph: Any,
    clear_devices: bool, initializer_nodes: Any, variable_names_whitelist: str = "",
    variable_names_blacklist: str = "", input_meta_graph: Any = None,
    input_saved_model_dir: Any = None, saved_model_tags: str = tag_constants.SERVING,
    checkpoint_version: int = 2,
) -> GraphDef | int:  # fmt: skip
    """Write a graph with its variables as constants to ``output_graph`` and return it.

    Parameters
    ----------
    input_graph : file of a ``GraphDef``; or empty
    input_saver : file of a ``SaverDef``; default: variables are found by their names
    input_binary : bool
        Whether these files, and ``input_meta_graph``, are binary; False: text.
    input_checkpoint : prefix of the checkpoint; not used with ``input_saved_model_dir``
    output_node_names : names of the nodes that are wanted, with commas between them
    restore_op_name, filename_tensor_name, checkpoint_version : accepted, and not used
    output_graph : file to write; empty: none
    clear_devices : whether to leave out devices
    initializer_nodes : names of operations to run after restoring, with commas between them
    variable_names_whitelist, variable_names_blacklist : with commas, those to convert or to keep
    input_meta_graph : file of a ``MetaGraphDef``, instead of ``input_graph``
    input_saved_model_dir : folder of a saved model, instead of both
    saved_model_tags : with commas, those of its graph

    Returns
    -------
    The graph; or -1, after a line that says why, if there is no such checkpoint or no output.
    """
    graph_def = _read(input_graph, GraphDef(), input_binary) if input_graph else None
    saver_def = _read(input_saver, SaverDef(), input_binary) if input_saver else None
    meta = read_meta_graph(input_meta_graph) if input_meta_graph else None
    return freeze_graph_with_def_protos(
        graph_def, saver_def, input_checkpoint, output_node_names, restore_op_name,
        filename_tensor_name, output_graph, clear_devices, initializer_nodes,
        variable_names_whitelist, variable_names_blacklist, meta, input_saved_model_dir,
        _names(saved_model_tags), checkpoint_version,
    )  # fmt: skip


def freeze_graph_with_def_protos(
    input_graph_def: GraphDef | None, input_saver_def: SaverDef | None, input_checkpoint: Any,
    output_node_names: str, restore_op_name: Any, filename_tensor_name: Any, output_graph: Any,
    clear_devices: bool, initializer_nodes: Any, variable_names_whitelist: str = "",
    variable_names_blacklist: str = "", input_meta_graph_def: MetaGraphDef | None = None,
    input_saved_model_dir: Any = None, saved_model_tags: Iterable[str] | None = None,
    checkpoint_version: int = 2,
) -> GraphDef | int:  # fmt: skip
    """Do what ``freeze_graph`` does, with messages in the place of files."""
    if not input_saved_model_dir and not checkpoint_exists(input_checkpoint):
        print(f"Input checkpoint '{input_checkpoint}' doesn't exist!")
        return -1
    if not output_node_names:
        print("You need to supply the name of a node to --output_node_names.")
        return -1
    with Graph().as_default() as graph, Session(graph=graph) as session:
        if input_saved_model_dir:
            loader.load(session, saved_model_tags or (), input_saved_model_dir)
        elif input_meta_graph_def:
            saver = import_meta_graph(input_meta_graph_def, clear_devices=True)
            if saver is not None:
                saver.restore(session, input_checkpoint)
        else:
            import_graph_def(input_graph_def or GraphDef(), name="")
            _saver(graph, input_saver_def, input_checkpoint).restore(session, input_checkpoint)
        if initializer_nodes and not input_saved_model_dir:
            session.run(_names(initializer_nodes))
        source = input_graph_def or getattr(input_meta_graph_def, "graph_def", None)
        frozen = convert_variables_to_constants(
            session, source or graph.as_graph_def(), _names(output_node_names),
            _names(variable_names_whitelist) or None, _names(variable_names_blacklist) or None,
        )  # fmt: skip
    if clear_devices:
        for node in frozen.node:
            node.device = ""
    if output_graph:
        with open(os.fspath(output_graph), "wb") as file:
            file.write(frozen.SerializeToString())
    return frozen


def _read(path: Any, message: Any, binary: bool) -> Any:
    with open(os.fspath(path), "rb") as file:
        data = file.read()
    return type(message).FromString(data) if binary else merge_text(data, message)


def _names(text: str) -> list[str]:
    return [name for name in text.replace(" ", "").split(",") if name]


def _saver(graph: Graph, saver_def: SaverDef | None, checkpoint: Any) -> Saver:
    """Return what restores a graph that has no Saver of its own: by the names of variables."""
    if saver_def is not None:
        return Saver.from_proto(saver_def)
    names = CheckpointReader(checkpoint).get_variable_to_shape_map()
    found: dict[str, Tensor] = {}
    for name in names:
        node = graph.find_operation(name)
        if node is not None and node.opdef.is_variable:
            found[name] = node.outputs[0]
    return Saver(found)
