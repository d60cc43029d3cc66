"""Nodes of imported graphs that are not understood: there to be named, not to run.

In: TensorFlow's node and the reason.  Out: a node in its place.  What does not need it runs.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import UnimplementedError
from tfmini.opdef import OpDef
from tfmini.spec import TensorSpec


class Foreign(OpDef):
    """A type of TensorFlow's that is not here, or a use of one that is."""

    stateful = True

    def compute(self, *inputs: Any, node_def: bytes, outputs: int, reason: str) -> Any:
        raise UnimplementedError(
            None,
            None,
            f"this node of an imported graph can't run: {reason}. Fetch or feed what comes before "
            f"or after it",
        )

    def infer(
        self, *inputs: TensorSpec, node_def: bytes, outputs: int, reason: str
    ) -> tuple[TensorSpec, ...]:
        return (TensorSpec(None, None),) * outputs


def foreign_type(name: str) -> Foreign:
    """Return the operation type that stands for TensorFlow's ``name``."""
    return Foreign(name, name)
