"""Conditionals and loops of TensorFlow 1's graphs, as bodies.

In: a unit of ``control_flow.py``, and the import that it is met in.  Out: tensors for its merges or
exits.  The nodes of a side, or of a loop's inside, are made while its body is traced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.exchange.control_flow import INSIDE, NEXTS, ControlFlow, Unit, split_name
from tfmini.exchange.forms import NotUnderstood
from tfmini.nodes import Tensor
from tfmini.ops import control, math
from tfmini.ops.bodies import tracing
from tfmini.ops.branches import add_if

if TYPE_CHECKING:
    from tfmini.exchange.importing import Importer


class Regions:
    """Makes the units of one import."""

    def __init__(self, importer: Importer, flow: ControlFlow) -> None:
        self._importer = importer
        self._flow = flow
        self._users: dict[str, list[tuple[int, str]]] = {}
        for name, node in flow.nodes.items():
            for given in node.input:
                if given[:1] != "^":
                    source, index = split_name(given)
                    self._users.setdefault(source, []).append((index, name))

    def make(self, unit: Unit) -> None:
        """Make what the results of a unit are."""
        if unit.loop:
            self._make_loop(unit)
        else:
            self._make_conditional(unit)

    def _fill(self, region: Any, names: Iterable[str]) -> None:
        """Make the nodes of a region that tensors called ``names`` need."""
        roots = [split_name(n.removeprefix("^"))[0] for n in names]
        for name in self._flow.order(region, roots, self._importer.is_made):
            self._importer.make(name)

    # -- conditionals ---------------------------------------------------------------------------

    def _make_conditional(self, unit: Unit) -> None:
        """Make both sides.  What another conditional takes from within one is a result, too: it
        must not run twice, and on the other side there is nothing to take."""
        importer, graph = self._importer, self._importer.graph
        given = [[self._input(unit, merge, side) for merge in unit.results] for side in (0, 1)]
        is_made = importer.is_made
        inside = [self._flow.closure(unit.inside(s), given[s], is_made) for s in (0, 1)]
        taken = [self._taken_elsewhere(names, unit) for names in inside]
        pred = importer.tensor(unit.key)
        with graph.name_scope(importer.prefix + unit.results[0].rpartition("/")[0] + "/"):
            made: list[list[Tensor]] = [[], []]
            with tracing(graph, "true") as start:
                made[1] = self._side(unit, 1, [*given[1], *taken[1]])
            with tracing(graph, "false"):
                made[0] = self._side(unit, 0, [*given[0], *taken[0]])
                n = len(unit.results)
                extra = [made[0][n:], made[1][n:]]
                then = [*made[1], *[_like(t) for t in extra[0]]]
                orelse = [*made[0][:n], *[_like(t) for t in extra[1]], *extra[0]]
            outputs = add_if(graph, pred, [then, orelse], start)
            side_taken = math.cast(pred, "int32")
        for merge, out in zip(unit.results, outputs, strict=False):
            importer.define(merge, [out, side_taken])
        for name, out in zip([*taken[1], *taken[0]], outputs[n:], strict=True):
            importer.redefine(name, out)
        importer.enclose([*inside[0], *inside[1]], outputs[0].op)

    def _side(self, unit: Unit, side: int, names: Sequence[str]) -> list[Tensor]:
        self._fill(unit.inside(side), names)
        return [self._importer.tensor(name) for name in names]

    def _input(self, unit: Unit, merge: str, side: int) -> str:
        """Return what a merge takes from a side."""
        for name in self._flow.nodes[merge].input:
            if name[:1] != "^" and (unit.key, side) in self._flow.of_edge(name):
                return name
        raise NotUnderstood(f"{merge} takes nothing from one side of {unit.key}")

    def _taken_elsewhere(self, inside: Collection[str], unit: Unit) -> list[str]:
        """Return the tensors of nodes ``inside`` a side that nodes of other units take."""
        own = {*inside, *unit.results}
        return [
            f"{name}:{index}"
            for name in inside
            for index in sorted({i for i, user in self._users.get(name, ()) if user not in own})
        ]

    # -- loops ----------------------------------------------------------------------------------

    def _make_loop(self, unit: Unit) -> None:
        """Make a loop; shapes that its body changes are unknown."""
        initial = [self._importer.tensor(self._entry(merge)) for merge in unit.merges]
        before = self._importer.made
        try:
            results = self._repeated(unit, initial, [t.spec.shape for t in initial])
        except InvalidArgumentError:
            self._importer.forget(before)
            results = self._repeated(unit, initial, [None] * len(initial))
        for name in unit.results:
            place = unit.merges.index(self._variable_of(name))
            self._importer.define(name, [results[place]])

    def _repeated(
        self, unit: Unit, initial: Sequence[Tensor], shapes: Sequence[Any]
    ) -> Sequence[Tensor]:
        importer, region = self._importer, unit.inside(INSIDE)

        def test(*variables: Tensor) -> Tensor:
            for merge, variable in zip(unit.merges, variables, strict=True):
                for name in (merge, *self._switches(merge)):
                    importer.stand_in(name, [variable, variable])
            (name,) = self._flow.nodes[self._condition(unit)].input[:1]
            self._fill(region, [name])
            return importer.tensor(name)

        def body(*_variables: Tensor) -> list[Tensor]:
            names = [self._next(merge) for merge in unit.merges]
            self._fill(region, names)
            return [importer.tensor(name) for name in names]

        found: Sequence[Tensor] = control.while_loop(
            test, body, list(initial), list(shapes), name=f"{importer.prefix}{unit.key}/",
            return_same_structure=True,
        )  # fmt: skip
        return found

    def _sources(self, merge: str) -> list[str]:
        return [i for i in self._flow.nodes[merge].input if i[:1] != "^"]

    def _entry(self, merge: str) -> str:
        """Return what the variable of a loop has first."""
        (enter,) = [s for s in self._sources(merge) if self._op(s) not in NEXTS]
        return self._sources(split_name(enter)[0])[0]

    def _next(self, merge: str) -> str:
        """Return what the variable of a loop has next."""
        (last,) = [s for s in self._sources(merge) if self._op(s) in NEXTS]
        return self._sources(split_name(last)[0])[0]

    def _op(self, name: str) -> str:
        return str(self._flow.nodes[split_name(name)[0]].op)

    def _switches(self, merge: str) -> list[str]:
        return [u for _, u in self._users.get(merge, ()) if self._flow.is_loop_switch(u)]

    def _condition(self, unit: Unit) -> str:
        for merge in unit.merges:
            for switch in self._switches(merge):
                return split_name(self._flow.nodes[switch].input[1])[0]
        raise NotUnderstood(f"loop {unit.key} has no condition")

    def _variable_of(self, exit_: str) -> str:
        switch = self._flow.switch_of(self._flow.nodes[exit_])
        return split_name(switch.input[0])[0]


def _like(tensor: Tensor) -> Tensor:
    """Return something of a tensor's dtype and rank, for where nobody takes it."""
    dtype = tensor.dtype.dtype if tensor.dtype else np.dtype(np.float32)
    return convert_to_tensor(np.zeros([n or 0 for n in tensor.spec.shape or ()], dtype))
