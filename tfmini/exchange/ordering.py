"""Which reads of a variable must come before its update, for TensorFlow.

In: a graph.  Out: for an update, the operations that it must wait for.

A run of ours computes with the variables' values as they were; TensorFlow's operations find what is
there when they run.  Of a step that updates several variables, a gradient might so be computed from
weights that are new already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import VARIABLE


class Step(NamedTuple):
    """Updates that run together, and the reads that they must all wait for."""

    updates: list[Operation]
    reads: list[Operation]


def steps(graph: Graph) -> list[Step]:
    """Return the updates that wait for reads: those of operations that they or updates which are
    run together with them need, and that do not come after an update themselves."""
    after: dict[Operation, int] = {}  # how many updates come before what follows from a node
    for node in graph.get_operations():
        level = max([after[s] for s in _sources(node)], default=0)
        after[node] = level + bool(node.opdef.updates)
    out = []
    for group in _groups(graph):
        needed = _needed(group)
        # By levels, so that no two can wait for each other.
        for level in sorted({after[u] for u in group}):
            updates = sorted([u for u in group if after[u] == level], key=lambda node: node.id)
            reads = [n for n in _reads(updates, needed) if after[n] < level]
            out.append(Step(updates, reads))
    return [step for step in out if step.reads]


def _sources(node: Operation) -> list[Operation]:
    return [*[t.op for t in node.inputs], *node.control_inputs]


def _groups(graph: Graph) -> Iterator[frozenset[Operation]]:
    """Yield the sets of updates that one operation waits for."""
    seen: set[frozenset[Operation]] = set()
    for node in graph.get_operations():
        updates = frozenset(_updates(node.control_inputs)) if node.control_inputs else frozenset()
        if updates and updates not in seen:
            seen.add(updates)
            yield updates


def _updates(nodes: Iterable[Operation]) -> Iterator[Operation]:
    for node in nodes:
        if node.opdef.updates:
            yield node
        elif node.type == "NoOp":
            yield from _updates(node.control_inputs)


def _needed(updates: Iterable[Operation]) -> list[Operation]:
    """Return what must run before any of ``updates``, in order."""
    pending, seen = list(updates), set()
    while pending:
        for source in _sources(pending.pop()):
            if source not in seen:
                seen.add(source)
                pending.append(source)
    return sorted(seen, key=lambda node: node.id)


def _reads(updates: Iterable[Operation], needed: Iterable[Operation]) -> Iterator[Operation]:
    """Yield which of ``needed`` read what ``updates`` change, through views too."""
    changed = {update.inputs[i] for update in updates for i in update.opdef.updates}
    memory: set[Tensor] = {t for t in changed if t.op.opdef is VARIABLE}
    for node in needed:
        if not memory.isdisjoint(node.inputs):
            yield node
            if node.opdef.view and not node.opdef.listed:
                memory.update(node.outputs)
