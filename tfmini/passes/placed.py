"""What a plan is once its feeds are cut into shards.

In: groups of nodes and the placements of values, as ``placements`` derives them.  Out: a ``Placed``
without what nobody takes.

The terms are DTensor's.  A value is ``Replicate`` (one, whole), ``Shard(dim)`` (cut along a
dimension) or ``Partial`` (its sum over the shards is the value).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tfmini.passes.costs import node_seconds
from tfmini.plan import Node, Plan, Ref

Sizes = tuple[int, ...]

# What many shards need and is quicker than this to compute, each computes for itself.
_CHEAP_SECONDS = 1e-3


class Replicate(NamedTuple):
    """One value, whole."""


class Shard(NamedTuple):
    """A value cut along ``dim`` into pieces of ``sizes``."""

    dim: int
    sizes: Sizes


class Partial(NamedTuple):
    """A value that is the sum of what the shards have."""

    sizes: Sizes


Placement = Replicate | Shard | Partial
WHOLE = Replicate()


@dataclass(slots=True)
class Group:
    """Nodes that run together: once, or if ``sizes`` is given once for each shard."""

    level: int
    sizes: Sizes | None
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Placed:
    """A plan cut into groups, each after those it takes values from.

    place    the placement of each value
    wholes   a value made whole: the value that is added up or joined
    pieces   a feed or constant cut for a group: (itself, dimension, sizes)
    bounds   an input that says which part a shard is: sizes
    shapes   a shape vector for a shard: (the whole's, the dimension that is cut)
    streams  random nodes made for shards: the node whose stream they draw from
    notes    what could not be computed in shards, and why
    """

    plan: Plan
    groups: list[Group]
    place: dict[Ref, Placement]
    wholes: dict[Ref, Ref]
    pieces: dict[Ref, tuple[Ref, int, Sizes]]
    bounds: dict[Ref, Sizes]
    shapes: dict[Ref, tuple[Ref, int]]
    streams: dict[int, int]
    notes: list[str]

    def prune(self) -> None:
        """Drop nodes whose values nobody takes, and groups without nodes."""
        used = self._with_sources([*self.plan.fetches, *[r for _, r in self.plan.updates]])
        waited: set[int] = set()
        for group in reversed(self.groups):
            kept = []
            for node in reversed(group.nodes):
                acts = node.opdef.stateful or node.opdef.updates or node.id in waited
                if acts or not used.isdisjoint(node.outputs):
                    kept.append(node)
                    used |= self._with_sources(node.inputs)
                    waited.update(node.after)
            group.nodes = kept[::-1]
        self.groups = [g for g in self.groups if g.nodes]

    def _with_sources(self, refs: Iterable[Ref]) -> set[Ref]:
        return {s for r in refs for s in (r, self.wholes.get(r, r))}

    def copy_cheap(self) -> None:
        """Let each shard compute for itself what is cheap, instead of waiting for a task."""
        once = {g.level: g.nodes for g in self.groups if g.sizes is None}
        for group in self.groups:
            if group.sizes is None or group.level not in once:
                continue
            needed = {r for n in group.nodes for r in n.inputs}
            copied: list[Node] = []
            for node in reversed(once[group.level]):
                if not needed.isdisjoint(node.outputs):
                    copied.append(node)
                    needed.update(node.inputs)
            plain = not any([n.pinned or n.opdef.updates or n.after for n in copied])
            seconds = sum([node_seconds(n, self.plan.specs) for n in copied])
            if plain and seconds < _CHEAP_SECONDS:
                group.nodes[:0] = copied[::-1]
