"""Which reads of a variable must come before its update, for TensorFlow.

In: a graph.  Out: for an update, the operations that it must wait for.

A run of ours computes with the variables' values as they were; TensorFlow's operations find what is
there when they run.  Of a step that updates several variables, a gradient might so be computed from
weights that are new already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tfmini.graph import Graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops.state import VARIABLE


def reads_first(graph: Graph) -> dict[Operation, list[Operation]]:
    """Return the reads that updates must wait for: those of operations that they or updates which
    are run together with them need, and that do not come after an update themselves."""
    found: dict[Operation, dict[Operation, None]] = {}
    after: dict[Operation, int] = {}  # how many updates come before what follows from a node
    for node in graph.get_operations():
        level = max([after[s] for s in _sources(node)], default=0)
        after[node] = level + bool(node.opdef.updates)
    for updates in _groups(graph):
        needed = _needed(updates)
        for update in updates:
            # So no two can wait for each other.
            reads = [n for n in _reads(update, needed) if after[n] < after[update]]
            found.setdefault(update, {}).update(dict.fromkeys(reads))
    return {update: list(reads) for update, reads in found.items()}


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


def _reads(update: Operation, needed: Iterable[Operation]) -> Iterator[Operation]:
    """Yield which of ``needed`` read what ``update`` changes, through views too."""
    memory: set[Tensor] = {update.inputs[i] for i in update.opdef.updates}
    memory = {t for t in memory if t.op.opdef is VARIABLE}
    for node in needed:
        if node is not update and not memory.isdisjoint(node.inputs):
            yield node
            if node.opdef.view:
                memory.update(node.outputs)
