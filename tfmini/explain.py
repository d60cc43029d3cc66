"""How a run is carried out, as a table that people read.

In: a program of ``program`` or ``shards``.  Out: one row per region with its nodes, the reason for
its shape, what it was estimated to cost and, after a run in this process, what it took.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from tfmini.opdef import OpDef
from tfmini.passes.costs import all_specs
from tfmini.passes.fuse import Fused
from tfmini.passes.joined import Joined
from tfmini.plan import Node, Ref
from tfmini.spec import TensorSpec


class Row(NamedTuple):
    """One region.

    name       the op type of its last node
    nodes      how many nodes, those inside groups included
    reason     "inline" (the whole plan, in the caller's thread) or "separate" (a Dask task)
    estimated  seconds by the op types' cost rules
    measured   seconds of its last run in this process, or None
    bytes      of the values that leave it, or None if a size is unknown
    contents   its op types with their numbers; in brackets groups that are fused, or run side by
               side
    """

    name: str
    nodes: int
    reason: str
    estimated: float
    measured: float | None
    bytes: int | None
    contents: str


class Explanation:
    """What ``session.explain`` returns: ``rows``, ``n_tasks``, ``notes``; its text is a table."""

    def __init__(self, program: Any) -> None:
        specs = all_specs(program.plan)
        self.n_tasks = program.n_tasks
        self.rows = [
            Row(
                region.name,
                sum([_count(n.opdef) for n in region.nodes]),
                region.reason,
                region.seconds,
                measured,
                _bytes(region.outputs, specs),
                _contents(region.nodes),
            )
            for region, measured in program.rows
        ]
        self.notes = list(program.notes)

    def __str__(self) -> str:
        head = ("region", "nodes", "reason", "estimated", "measured", "output", "contents")
        table = [head, *[_cells(row) for row in self.rows]]
        widths = [max(len(r[i]) for r in table) for i in range(len(head))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip()
                 for r in table]  # fmt: skip
        tasks = f"{self.n_tasks} Dask tasks" if self.n_tasks else "inline, no Dask task"
        return "\n".join([*lines, tasks, *self.notes])

    __repr__ = __str__


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        str(row.nodes),
        row.reason,
        _time(row.estimated),
        "-" if row.measured is None else _time(row.measured),
        "?" if row.bytes is None else _size(row.bytes),
        row.contents,
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"


def _size(nbytes: float) -> str:
    for unit in ("B", "KB", "MB"):
        if nbytes < 1000:
            return f"{nbytes:.0f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.1f} GB"


def _count(opdef: OpDef) -> int:
    if isinstance(opdef, Joined):
        return sum([_count(step.opdef) for step in opdef.steps])
    return len(opdef.steps) if isinstance(opdef, Fused) else 1


def _kind(node: Node) -> str:
    if isinstance(node.opdef, (Fused, Joined)):
        return f"{node.opdef.function_name}[{node.info.type}]"
    return node.info.type


def _contents(nodes: tuple[Node, ...]) -> str:
    counts = Counter([_kind(n) for n in nodes])
    shown = [name if n == 1 else f"{name} x{n}" for name, n in counts.most_common(8)]
    return ", ".join(shown) + (", ..." if len(counts) > 8 else "")


def _bytes(refs: tuple[Ref, ...], specs: dict[Ref, TensorSpec]) -> int | None:
    sizes = [specs[r].nbytes for r in refs]
    return None if None in sizes else sum(sizes)  # type: ignore[arg-type]
