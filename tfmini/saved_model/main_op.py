"""Operations to run when a model is loaded."""

from __future__ import annotations

from tfmini.nodes import Operation
from tfmini.ops.grouping import group
from tfmini.ops.initialized import tables_initializer
from tfmini.ops.state import global_variables_initializer, local_variables_initializer


def main_op() -> Operation:
    """Return an operation that initializes all variables and tables."""
    return group(
        global_variables_initializer(), local_variables_initializer(), tables_initializer()
    )
