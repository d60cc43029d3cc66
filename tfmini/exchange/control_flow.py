"""What of a ``GraphDef`` is inside of which branch and loop of TensorFlow 1.

In: the nodes of a message.  Out: for each node its context, and units: conditionals and loops as
wholes, with the nodes that are their results.

TensorFlow 1 has no bodies: ``Switch`` sends a value to one of two sides, ``Merge`` takes the one
that came, and ``Enter``, ``NextIteration`` and ``Exit`` carry values into a loop, around and out.
A context is a set of pairs: (predicate, 0 or 1) for a side, (loop, "loop") for a loop's inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tfmini.exchange.attributes import decoded
from tfmini.formats.graphdef import NodeDef

Context = frozenset[tuple[str, int | str]]
Group = tuple[str, Context, str]  # of merges: predicate, context around, name scope
SWITCHES = ("Switch", "RefSwitch")
MERGES = ("Merge", "RefMerge")
ENTERS = ("Enter", "RefEnter")
EXITS = ("Exit", "RefExit")
NEXTS = ("NextIteration", "RefNextIteration")
INSIDE = "loop"
# What a loop keeps for its gradient, by control inputs: without them it is the same loop.
_FOR_GRADIENTS = ("StackPush", "StackPushV2")


def split_name(name: str) -> tuple[str, int]:
    """Return a tensor's operation and index: "x" is the first output of x."""
    source, colon, index = name.rpartition(":")
    return (source, int(index)) if colon and index.isdigit() else (name, 0)


@dataclass(eq=False)
class Unit:
    """One conditional, or one loop.

    ``outer`` is the context around it; ``key`` the predicate, or the loop's name.  ``results`` are
    its merges or exits, in the message's order.
    """

    key: str
    outer: Context
    loop: bool
    results: list[str] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)  # of a loop: one for each of its variables

    def inside(self, side: int | str) -> Context:
        """Return the context of the nodes on a side."""
        return self.outer | {(self.key, side)}


class ControlFlow:
    """The contexts of nodes, which come with inputs first and loops cut where they close."""

    def __init__(self, ordered: Iterable[NodeDef], nodes: Mapping[str, NodeDef]) -> None:
        self.nodes = nodes
        self.context: dict[str, Context] = {}
        self.units: dict[str, Unit] = {}  # by their results
        self._frames: dict[str, str] = {}  # of enters, and the merges and switches of loops
        self._known: dict[tuple[str, Context, str, int], Unit] = {}
        self._passed: dict[str, dict[Group, int]] = {}
        for node in ordered:
            self._visit(node)

    # -- one node -------------------------------------------------------------------------------

    def _visit(self, node: NodeDef) -> None:
        inputs = [i for i in node.input if self._is_known(i)]
        self._passed[node.name] = self._joined(inputs)
        around = Context().union(*[self.of_edge(i) for i in inputs])
        if node.op in ENTERS:
            frame = f"{decoded(node.attr['frame_name'])}"
            self._frames[node.name] = frame
            around |= {(frame, INSIDE)}
        elif node.op in MERGES:
            around = self._merge(node, around)
        elif node.op in SWITCHES and self._is_of_loop(node):
            self._frames[node.name] = self._frames[split_name(node.input[0])[0]]
        elif node.op in EXITS:
            around = self._exit(node, around)
        self.context[node.name] = around

    def _is_known(self, name: str) -> bool:
        return split_name(name.removeprefix("^"))[0] in self.context

    def of_edge(self, name: str) -> Context:
        """Return the context of what an input names."""
        source, index = split_name(name.removeprefix("^"))
        around, node = self.context[source], self.nodes[source]
        if node.op in SWITCHES and name[:1] != "^" and source not in self._frames:
            return around | {(self.predicate(node), index)}
        return around

    def predicate(self, switch: NodeDef) -> str:
        """Return what a switch goes by, under one name for all switches of a conditional."""
        name = switch.input[1]
        while self.nodes[split_name(name)[0]].op == "Identity":
            name = self.nodes[split_name(name)[0]].input[0]
        return name.removesuffix(":0")

    def _is_of_loop(self, switch: NodeDef) -> bool:
        return (
            self.nodes[split_name(switch.input[1])[0]].op == "LoopCond"
            and split_name(switch.input[0])[0] in self._frames
        )

    def _merge(self, node: NodeDef, around: Context) -> Context:
        data = [i for i in node.input if i[:1] != "^"]
        for name in data:
            source = split_name(name)[0]
            if source in self._frames and self.nodes[source].op in ENTERS:
                self._frames[node.name] = frame = self._frames[source]
                if not self._counts_for_gradient(node):
                    self._loop(frame, around - {(frame, INSIDE)}).merges.append(node.name)
                return around
        sides = [self.of_edge(i) for i in data]
        keys = {k for k, side in around if side in (0, 1) and {(k, 0), (k, 1)} <= around}
        keys = {k for k in keys if not any({(k, 0), (k, 1)} <= side for side in sides)}
        if len(data) != 2 or len(keys) != 1:
            return around
        (key,) = keys
        outer = around - {(key, 0), (key, 1)}
        self._add(node, key, outer)
        return outer

    def _counts_for_gradient(self, merge: NodeDef) -> bool:
        """Whether a loop's variable is the number of turns, for the gradient of the loop.

        It may have to wait for what follows from the loop's results, as updates of an average.
        """
        turns = [self.nodes[split_name(i)[0]] for i in merge.input[1:2]]
        turns += [self.nodes[split_name(node.input[0])[0]] for node in turns]
        before = [i[1:] for node in turns for i in node.input if i[:1] == "^"]
        return any(self.nodes[name].op in _FOR_GRADIENTS for name in before)

    def _add(self, merge: NodeDef, key: str, outer: Context) -> None:
        """Put a merge into the conditional that it is of.

        Those of one name scope belong together, but for those that need one another.
        """
        group = (key, outer, merge.name.rpartition("/")[0])
        passed = self._passed[merge.name]
        level = passed.get(group, 0) + 1
        unit = self._known.setdefault((*group, level), Unit(key, outer, loop=False))
        unit.results.append(merge.name)
        self.units[merge.name] = unit
        self._passed[merge.name] = passed | {group: level}

    def _exit(self, node: NodeDef, around: Context) -> Context:
        switch = self.switch_of(node)
        frame = self._frames.get(switch.name)
        if frame is None:
            return around
        outer = around - {(frame, INSIDE)}
        merge = self.nodes[split_name(switch.input[0])[0]]
        if not self._counts_for_gradient(merge):
            unit = self._loop(frame, outer)
            unit.results.append(node.name)
            self.units[node.name] = unit
        return outer

    def switch_of(self, exit_: NodeDef) -> NodeDef:
        """Return the switch by which a variable leaves its loop; gradients have more between."""
        node = self.nodes[split_name(exit_.input[0])[0]]
        while node.op == "Identity":
            node = self.nodes[split_name(node.input[0])[0]]
        return node

    def _loop(self, frame: str, outer: Context) -> Unit:
        return self._known.setdefault((frame, outer, "", 0), Unit(frame, outer, loop=True))

    def _joined(self, inputs: list[str]) -> dict[Group, int]:
        """Return how many merges of each group come before a node with ``inputs``."""
        found: dict[Group, int] = {}
        for name in inputs:
            more = self._passed[split_name(name.removeprefix("^"))[0]]
            if more is found or not more:
                continue
            if not found:
                found = more
            elif any(found.get(k, 0) < v for k, v in more.items()):
                found = {k: max(found.get(k, 0), more.get(k, 0)) for k in {**found, **more}}
        return found

    def is_loop_switch(self, name: str) -> bool:
        """Whether a node is the switch that lets a loop's variable out or around."""
        return name in self._frames and self.nodes[name].op in SWITCHES

    # -- orders ---------------------------------------------------------------------------------

    def needs(self, unit: Unit) -> list[str]:
        """Return the nodes around a unit that must be there before it."""
        out: dict[str, None] = {} if unit.loop else {split_name(unit.key)[0]: None}
        seen, pending = set(unit.results), self._sources_of(unit.results)
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if self.context[name] > unit.outer:
                pending += self._sources_of([name])
            else:
                out[name] = None
        return list(out)

    def _sources_of(self, names: Iterable[str]) -> list[str]:
        inputs = [i for n in names for i in self.nodes[n].input]
        found = [split_name(i.removeprefix("^"))[0] for i in inputs if self._is_known(i)]
        return [n for n in found if self.nodes[n].op not in _FOR_GRADIENTS]

    def closure(
        self, region: Context, names: Iterable[str], is_made: Callable[[str], bool]
    ) -> dict[str, None]:
        """Return the nodes in a region, and regions within, that tensors called ``names`` need and
        that are not made."""
        out: dict[str, None] = {}
        pending = [split_name(n.removeprefix("^"))[0] for n in names]
        while pending:
            name = pending.pop()
            if name not in out and self.context[name] >= region and not is_made(name):
                out[name] = None
                pending += self._sources_of([name])
        return out

    def order(
        self, region: Context, roots: Iterable[str], is_made: Callable[[str], bool]
    ) -> list[str]:
        """Return the nodes of a region that ``roots`` need and that are not made, in order."""
        state: dict[str, bool] = {}
        out: list[str] = []
        for root in roots:
            stack = [root]
            while stack:
                name = stack[-1]
                if name in state or self.context[name] != region or is_made(name):
                    stack.pop()
                    if state.get(name) is False:
                        state[name] = True
                        out.append(name)
                    continue
                state[name] = False
                unit = self.units.get(name)
                stack += self.needs(unit) if unit else self._sources_of([name])
        return out
