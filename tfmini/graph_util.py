"""``tf.graph_util``: graphs for inference."""

from __future__ import annotations

from tfmini.exchange.freezing import (
    convert_variables_to_constants,
    extract_sub_graph,
    remove_training_nodes,
)
from tfmini.exchange.importing import import_graph_def
from tfmini.exchange.node_defs import must_run_on_cpu, tensor_shape_from_node_def_name

__all__ = [
    "convert_variables_to_constants",
    "extract_sub_graph",
    "import_graph_def",
    "must_run_on_cpu",
    "remove_training_nodes",
    "tensor_shape_from_node_def_name",
]
