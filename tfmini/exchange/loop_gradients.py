"""TensorFlow 1's gradients of loops, without its stacks.

In: the nodes of a message, by name.  Out: the same, where what a loop pushed for its gradient is in
one more of its variables, a TensorArray, from which the gradient's loop reads; and gradients of
TensorArrays are values.  Where some stack is used otherwise, as in loops inside of loops, all stay
as they are: what one loop counts may be what another pushes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tfmini.exchange.attributes import encoded
from tfmini.exchange.freezing import source_of
from tfmini.exchange.written import NATIVE
from tfmini.formats.graphdef import AttrValue, NodeDef

Nodes = dict[str, NodeDef]
_STACK, _PUSH, _POP = "StackV2", "StackPushV2", "StackPopV2"
_TAKES = ("TensorArrayReadV3", "TensorArrayGatherV3", "TensorArrayConcatV3")
# What gives an array itself, which has no dtype of an element.
_FLOWS = ("TensorArrayV3", "TensorArrayScatterV3", "TensorArraySplitV3", "TensorArrayWriteV3")
_GIVES = ("TensorArrayWriteV3", "TensorArrayScatterV3")


def without_stacks(nodes: Nodes) -> Nodes:
    """Return the nodes with TensorArrays in place of stacks."""
    kinds = {node.op for node in nodes.values()}
    if _STACK not in kinds and "TensorArrayGradV3" not in kinds:
        return nodes
    out = _Rewritten(nodes)
    stacks = out.stacks()
    if None in stacks:
        return nodes
    for stack in stacks:
        if stack is not None:
            out.replace_stack(stack)
            out.free_counter(stack)
    for node in nodes.values():
        if node.op == "TensorArrayGradV3":
            out.replace_gradient(node)
    return out.nodes


class _Stack(NamedTuple):
    """A stack with the one push and the one pop of it."""

    stack: NodeDef
    enter: NodeDef
    push: NodeDef
    leave: NodeDef  # by which the gradient's loop has it
    pop: NodeDef
    turn: NodeDef  # the forward loop's next count, which the push waits for
    place: str  # in the gradient's loop, from the last to the first


class _Rewritten:
    def __init__(self, nodes: Nodes) -> None:
        self.nodes = dict(nodes)
        self._users: dict[str, list[NodeDef]] = {}
        for node in nodes.values():
            for name in node.input:
                self._users.setdefault(source_of(name), []).append(node)
        self._forward = self._needed(n.name for n in nodes.values() if self._leaves(n))

    # -- what is there ----------------------------------------------------------------------------

    def stacks(self) -> list[_Stack | None]:
        """Return all stacks, None for those that are used in other ways."""
        return [self._stack(node) for node in self.nodes.values() if node.op == _STACK]

    def _used(self, node: NodeDef, op: str) -> list[NodeDef]:
        return [u for u in self._users.get(node.name, ()) if u.op == op]

    def _stack(self, stack: NodeDef) -> _Stack | None:
        enters = self._used(stack, "Enter")
        pushes = [(e, push) for e in enters for push in self._used(e, _PUSH)]
        pops = [(e, pop) for e in enters for pop in self._used(e, _POP)]
        if len(pushes) != 1 or len(pops) != 1:
            return None
        (enter, push), (leave, pop) = pushes[0], pops[0]
        turns = [self.nodes[source_of(i)] for i in push.input if i[:1] == "^"]
        places = [i[1:] for i in pop.input if i[:1] == "^"]
        turns = [t for t in turns if t.op in ("Add", "AddV2")]
        places = [p for p in places if self.nodes[p].op == "Sub"]
        if len(turns) != 1 or len(places) != 1 or self._switch(turns[0]) is None:
            return None
        return _Stack(stack, enter, push, leave, pop, turns[0], places[0])

    def _switch(self, turn: NodeDef) -> NodeDef | None:
        """Return the switch of the counter whose next value is ``turn``."""
        node = self.nodes[source_of(turn.input[0])]
        while node.op == "Identity":
            node = self.nodes[source_of(node.input[0])]
        return node if node.op == "Switch" else None

    def _leaves(self, node: NodeDef) -> bool:
        """Whether a node is the exit of a loop's variable that does not count for a gradient."""
        if node.op != "Exit":
            return False
        merge = self.nodes[source_of(self.nodes[source_of(node.input[0])].input[0])]
        turns = [self.nodes[source_of(i)] for i in merge.input[1:2]]
        before = [i for t in turns for i in t.input if i[:1] == "^"]
        return not any(self.nodes[source_of(i)].op == _PUSH for i in before)

    def _needed(self, roots: Iterable[str]) -> set[str]:
        found: set[str] = set()
        pending = list(roots)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                sources = map(source_of, self.nodes[name].input)
                pending += [s for s in sources if self.nodes[s].op != _PUSH]
        return found

    # -- what is made of it -----------------------------------------------------------------------

    def _put(self, name: str, op: str, inputs: Iterable[str], **attrs: Any) -> None:
        node = NodeDef(name=name, op=op, input=list(inputs))
        for key, value in attrs.items():
            node.attr.adopt(key, value if isinstance(value, AttrValue) else encoded(value))
        self.nodes[name] = node

    def _again(self, node: NodeDef, inputs: Iterable[str], attrs: Mapping[str, Any]) -> None:
        self._put(node.name, node.op, inputs, **attrs)

    def replace_stack(self, given: _Stack) -> None:
        """Let the loop carry an array that is written in each turn, and the other read it."""
        base, dtype = given.stack.name, given.stack.attr["elem_type"]
        switch = self._switch(given.turn)
        assert switch is not None
        start = self._first(switch)
        self._put(f"{base}/size", "Const", [], dtype=start.attr["dtype"], value=start.attr["value"])
        self._put(base, "TensorArrayV3", [f"{base}/size"], dtype=dtype, dynamic_size=True)
        self._put(given.enter.name, "Enter", [f"{base}:1"],
                  frame_name=given.enter.attr["frame_name"])  # fmt: skip
        self._put(f"{base}/merge", "Merge", [given.enter.name, f"{base}/next"])
        self._put(f"{base}/switch", "Switch", [f"{base}/merge", switch.input[1]])
        value, inside = given.push.input[1], f"{base}/switch:1"
        self._put(
            given.push.name, "TensorArrayWriteV3", [inside, given.turn.input[0], value, inside]
        )
        self._put(f"{base}/next", "NextIteration", [given.push.name])
        self._put(f"{base}/exit", "Exit", [f"{base}/switch"])
        self._put(given.leave.name, "Enter", [f"{base}/exit"],
                  frame_name=given.leave.attr["frame_name"])  # fmt: skip
        known = self.nodes[source_of(value)].op not in _FLOWS
        self._put(given.pop.name, "TensorArrayReadV3",
                  [given.leave.name, given.place, given.leave.name],
                  **({"dtype": dtype} if known else {}))  # fmt: skip
        self._free(source_of(value))

    def _first(self, switch: NodeDef) -> NodeDef:
        """Return the constant that a counter begins with."""
        merge = self.nodes[source_of(switch.input[0])]
        return self.nodes[source_of(self.nodes[source_of(merge.input[0])].input[0])]

    def free_counter(self, stack: _Stack) -> None:
        """Let the count of turns wait for nothing; it is a variable as others are."""
        switch = self._switch(stack.turn)
        assert switch is not None
        counters = [self._first(switch), self.nodes[source_of(stack.turn.input[1])]]
        counters += self._used(stack.turn, "NextIteration")
        for node in counters:
            self._again(node, [i for i in node.input if i[:1] != "^"], dict(node.attr))

    def _free(self, name: str) -> None:
        """Let what is only for the gradient not wait for nodes outside of the loop.

        These may follow from the loop's results, as updates of an average; in TensorFlow only the
        turn that pushes waits.
        """
        pending = [name]
        while pending:
            node = self.nodes[pending.pop()]
            if node.name in self._forward:
                continue
            inputs = [i for i in node.input if i[:1] != "^" or not self._is_from_outside(i[1:])]
            if len(inputs) < len(node.input):
                self._again(node, inputs, dict(node.attr))
            self._forward.add(node.name)
            pending += map(source_of, inputs)

    def _is_from_outside(self, name: str) -> bool:
        node = self.nodes[name]
        return node.op == "Identity" and self.nodes[source_of(node.input[0])].op == "Enter"

    def replace_gradient(self, node: NodeDef) -> None:
        """Let the gradient of a TensorArray be its flow: what is written into it is added."""
        flow = node.input[1]
        barrier = self.nodes[source_of(flow)]
        if barrier.op == "Identity":  # in TensorFlow 2 it waits for a flow, for order alone
            self._again(barrier, [i for i in barrier.input if i[:1] != "^"], dict(barrier.attr))
        for user in self._users.get(node.name, ()):
            if user.op in _GIVES:
                self._put(user.name, "TensorArrayGradScatter", [user.input[2], user.input[1], flow],
                          **{NATIVE: True})  # fmt: skip
            elif user.op in _TAKES:
                self._again(user, [flow, *user.input[1:]], dict(user.attr))
        self._put(node.name, "Identity", [flow])
