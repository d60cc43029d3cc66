"""Loops as TensorFlow 1 has them: frames that values enter, go round in, and leave.

In: a loop, whose body is nodes of the graph.  Out: copies of these nodes in a frame, and the
results: the loop's variables, and what each turn gave, stacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.dtypes import bool_, float32, int32
from tfmini.exchange.attributes import shape_attr
from tfmini.exchange.copies import body_copied
from tfmini.exchange.parts import Parts, Result
from tfmini.formats.graphdef import AttrValue, NodeDef
from tfmini.nodes import Operation, Tensor

_HANDLE = AttrValue(type=20)  # the dtype of TensorFlow's resources, which is none of ours


def while_(parts: Parts, node: Operation, *inputs: Tensor) -> list[Result]:
    """Return the results of a loop that goes on while a condition holds."""
    n, body, test = node.attrs["carry"], node.attrs["body"], node.attrs["condition"]
    frame = _Frame(parts, inputs[:n])
    outside = [frame.constant(x) for x in inputs[n:]]
    (holds,) = body_copied(parts, node, test, [*frame.merged, *outside], frame.begun)
    frame.goes_on(holds)
    results = body_copied(parts, node, body, [*frame.variables, *outside], frame.turn)
    stacks = [_Stack(parts, frame, value.dtype) for value in (*frame.variables, *results[n:])]
    if node.attrs["record"]:
        for stack, value in zip(stacks, (*frame.variables, *results[n:]), strict=True):
            stack.write(value, frame.turn)
    frame.close(results[:n])
    return [*frame.exits, *[stack.result(frame.turns) for stack in stacks]]


def scan_(parts: Parts, node: Operation, *inputs: Tensor) -> list[Result]:
    """Return the results of a loop over slices of arrays."""
    n, n_xs, body = node.attrs["carry"], node.attrs["xs"], node.attrs["body"]
    shape = parts("Shape", inputs[n], out=int32, out_type=int32)
    length = parts("GatherV2", shape, _zero(), _zero())
    frame = _Frame(parts, inputs[:n])
    arrays, limit = [frame.constant(x) for x in inputs[n:]], frame.constant(length)
    frame.goes_on(parts("Less", frame.count, limit, out=bool_))
    place = frame.backwards(limit) if node.attrs["reverse"] else frame.turn
    slices = [frame.inside("GatherV2", x, place, _zero()) for x in arrays[:n_xs]]
    given = [*frame.variables, *slices, *arrays[n_xs:]]
    results = body_copied(parts, node, body, given, frame.turn)
    ys, pinned = results[n : body.visible], results[body.visible :]
    kept = [*ys, *frame.variables, *pinned]
    stacks = [_Stack(parts, frame, value.dtype) for value in kept]
    written = len(kept) if node.attrs["record"] else len(ys)
    for stack, value in zip(stacks[:written], kept[:written], strict=True):
        stack.write(value, place)
    frame.close(results[:n])
    return [*frame.exits, *[stack.result(length) for stack in stacks]]


def _zero() -> np.ndarray:
    return np.zeros((), np.int32)


class _Variable:
    """One value that goes round: enter, merge, switch, next iteration and exit."""

    def __init__(self, parts: Parts, entered: Result) -> None:
        self._parts = parts
        self.merged = parts("Merge", entered, entered, N=2)
        self._merge: NodeDef = parts.nodes[-1]

    def switch(self, goes_on: Result) -> Result:
        """Return the value inside of a turn."""
        self._switch = self._parts("Switch", self.merged, goes_on)
        return self._parts("Identity", Result(f"{self._switch.name}:1", self._switch.dtype))

    def close(self, value: Result) -> Result:
        """Let ``value`` be the next one; return the last."""
        self._merge.input[1] = self._parts("NextIteration", value).name
        return self._parts("Exit", self._switch)


class _Frame:
    """The inside of a loop with the variables ``starts``, and a counter of turns.

    ``merged`` and ``count`` are the variables before it is known whether there is another turn,
    ``variables`` and ``turn`` those in a turn, ``exits`` and ``turns`` those after the last.
    """

    def __init__(self, parts: Parts, starts: Sequence[Tensor]) -> None:
        self._parts, self._name = parts, parts.name
        self._counter = self.variable(_zero())
        self._carried = [self.variable(x) for x in starts]
        self.count, self.merged = self._counter.merged, [v.merged for v in self._carried]
        self.begun = parts("Identity", self.count)

    def variable(self, start: Any) -> _Variable:
        return _Variable(self._parts, self._entered(start, False))

    def constant(self, x: Any, **attrs: Any) -> Result:
        """Return a value from outside."""
        return self._entered(x, True, **attrs)

    def _entered(self, x: Any, constant: bool, **attrs: Any) -> Result:
        return self._parts("Enter", x, frame_name=self._name, is_constant=constant,
                           parallel_iterations=10, **attrs)  # fmt: skip

    def goes_on(self, holds: Result) -> None:
        """Let there be another turn if ``holds``."""
        self.condition = self._parts("LoopCond", holds, out=bool_)
        self.turn = self._counter.switch(self.condition)
        self.variables = [v.switch(self.condition) for v in self._carried]

    def inside(self, op: str, *inputs: Any) -> Result:
        """Add a node of a turn; its constants are of the turn too."""
        before = len(self._parts.nodes)
        made = self._parts(op, *inputs)
        for message in self._parts.nodes[before:]:
            if not message.input:
                message.input.append(f"^{self.turn.name}")
        return made

    def backwards(self, limit: Result) -> Result:
        """Return how many turns are to come."""
        return self.inside("Sub", self.inside("Sub", limit, self.turn), np.ones((), np.int32))

    def close(self, results: Sequence[Result]) -> None:
        following = self.inside("Add", self.turn, np.ones((), np.int32))
        self.turns = self._counter.close(following)
        self.exits = [v.close(r) for v, r in zip(self._carried, results, strict=True)]


class _Stack:
    """What is written in the turns of a loop: a TensorArray; nothing if nothing is."""

    def __init__(self, parts: Parts, frame: _Frame, dtype: Any) -> None:
        self._parts, self._frame, self._dtype = parts, frame, dtype
        self._flow: Result | None = None

    def write(self, value: Result, place: Result) -> None:
        parts, frame = self._parts, self._frame
        self._handle = parts(
            "TensorArrayV3", _zero(), dtype=self._dtype, element_shape=shape_attr(None),
            dynamic_size=True, clear_after_read=False,
        )._replace(dtype=None)  # fmt: skip
        inside = frame.constant(self._handle, T=_HANDLE)
        flow = frame.variable(Result(f"{self._handle.name}:1", float32))
        taken = flow.switch(frame.condition)
        written = parts("TensorArrayWriteV3", inside, place, value, taken, out=float32,
                        T=self._dtype)  # fmt: skip
        self._flow = flow.close(written)

    def result(self, length: Result) -> Result:
        """Return all that was written, along a new dimension 0."""
        parts = self._parts
        if self._flow is None:
            return parts("Identity", np.zeros(0, self._dtype.dtype))
        places = parts("Range", _zero(), length, np.ones((), np.int32))
        return parts("TensorArrayGatherV3", self._handle, places, self._flow, out=self._dtype,
                     dtype=self._dtype, element_shape=shape_attr(None))  # fmt: skip
