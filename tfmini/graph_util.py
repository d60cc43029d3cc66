"""``tf.graph_util``: graphs for inference."""

from __future__ import annotations

from tfmini.exchange.freezing import (
    convert_variables_to_constants,
    extract_sub_graph,
    remove_training_nodes,
)
from tfmini.exchange.importing import import_graph_def

__all__ = [
    "convert_variables_to_constants",
    "extract_sub_graph",
    "import_graph_def",
    "remove_training_nodes",
]
