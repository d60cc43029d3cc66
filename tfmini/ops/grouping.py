"""Operations that are there for the order in which others run: ``no_op``, ``group``, ``tuple``.

In: tensors and operations.  Out: an operation that has run when all of them have, or the same
tensors, none of which is there before.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import create, op
from tfmini.graph import graph_of
from tfmini.nodes import Operation
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array


@op("NoOp")
class no_op(OpDef):
    """Do nothing; useful for its control dependencies."""

    gradient = None
    samples = [()]

    def compute(self) -> tuple[()]:
        return ()

    def infer(self) -> tuple[()]:
        return ()

    def cost(self) -> Cost:
        return Cost(0, 0)


def group(*inputs: Any, name: str | None = None, **_kwargs: Any) -> Operation:
    """Return an operation that runs all ``inputs`` (tensors, operations, or lists of them)."""
    nodes: list[Any] = []
    pending = list(reversed(inputs))
    while pending:
        item = pending.pop()
        if isinstance(item, (list, tuple)):
            pending.extend(reversed(item))
        elif item is not None:
            nodes.append(item)
    graph = graph_of(nodes)
    with graph.control_dependencies(nodes):
        return create(no_op.opdef, (), {}, name or "group_deps")


def tuple_(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """Return ``tensors`` such that none is there before all of them have run."""
    given = [t for t in tensors if t is not None]
    graph = graph_of(given)
    with (
        graph.name_scope(name or "tuple"),
        graph.control_dependencies([*given, *(control_inputs or ())]),
    ):
        return [None if t is None else array.identity(t, "control_dependency") for t in tensors]
