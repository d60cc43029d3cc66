"""What stands for one of our operations in a message, and how it is found again.

In: the nodes that TensorFlow shall read.  Out: the same with marks that it passes over; and our own
nodes in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tfmini.exchange.attributes import body_names, encoded
from tfmini.exchange.freezing import source_of
from tfmini.formats.graphdef import AttrValue, NodeDef

_OWN_FORM = "_tfmini_node"  # on the last node: ours, as bytes
_PART_OF = "_tfmini_part_of"  # on the others: the name of the last
_WAITS = "_tfmini_waits"  # on a node: the last so many inputs are there for TensorFlow alone


def stand_in(nodes: Sequence[NodeDef], own: NodeDef) -> None:
    """Let ``nodes`` stand for ``own``, the last by its name."""
    *before, last = nodes
    last.attr.adopt(_OWN_FORM, AttrValue(s=own.SerializeToString()))
    for part in before:
        part.attr.adopt(_PART_OF, encoded(own.name))


def wait_for(names: Sequence[str], node: NodeDef) -> None:
    """Let ``node`` run after others; our own graphs need no such order."""
    if names:
        node.input.extend([f"^{name}" for name in names])
        node.attr.adopt(_WAITS, encoded(len(names)))


def own_forms(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """Return ``nodes`` with ours in the place of those that stand for them.

    Where what ours takes is gone, or another node took one of the parts, as in a graph that
    TensorFlow has changed or a tool has cut, its nodes stay.
    """
    nodes = [_without_waits(n) for n in nodes if not _is_barrier(n)]
    names = {n.name for n in nodes}
    part_of = {n.name: n.attr[_PART_OF].s.decode() for n in nodes if _PART_OF in n.attr}
    ours = {n.name: NodeDef.FromString(n.attr[_OWN_FORM].s) for n in nodes if _OWN_FORM in n.attr}
    ours = {name: own for name, own in ours.items() if own.name == name}
    theirs: set[str] = set()  # the names of those that stay
    for node in nodes:
        inside = {node.name, part_of.get(node.name)}
        for source in map(source_of, node.input):
            if part_of.get(source, node.name) not in inside:
                theirs.add(part_of[source])
    needs = {name: _needs(own) for name, own in ours.items()}
    bodies = [name for name, own in ours.items() if any(map(body_names, own.attr.values()))]
    while True:
        lost = {name for name in ours if name not in theirs and not needs[name] <= names}
        # A body is made of our nodes alone.
        lost |= {n for n in bodies if n not in theirs and not theirs.isdisjoint(needs[n])}
        if not lost:
            break
        theirs |= lost
    for name in theirs:
        ours.pop(name, None)
    return [ours.get(n.name, n) for n in nodes if part_of.get(n.name) not in ours]


def _needs(own: NodeDef) -> set[str]:
    """Return the names of the nodes that one of ours takes, in its bodies too."""
    found = [*own.input, *[name for attr in own.attr.values() for name in body_names(attr)]]
    return {source_of(name) for name in found}


def _is_barrier(node: NodeDef) -> bool:
    return node.op == "NoOp" and _WAITS in node.attr


def _without_waits(node: NodeDef) -> NodeDef:
    if _WAITS not in node.attr:
        return node
    out = NodeDef.FromString(node.SerializeToString())
    del out.input[-out.attr[_WAITS].i :]
    del out.attr[_WAITS]
    return out
