"""Which value of a variable each operation of a run sees.

In: the operations of a run.  Out: for each use of a variable the value at the start of the run, or
the result of the assignment that it is ordered after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmini.errors import InvalidArgumentError
from tfmini.logging import notice
from tfmini.nodes import Operation, Ref, Tensor, ref_of

# Stands in for a variable whose old value an assignment does not need: it may have none yet.
NOTHING: Ref = (-1, 0)

# Whether two assignments to one variable must be ordered.  TensorFlow takes them in any order, and
# scripts that were written for it (`python -m tfmini run`) may rely on that.
needs_order = True

# Whether a variable that is fetched has its value at the end of the run.  TensorFlow 1 gives the
# variable's memory, after the run, and such scripts print it beside their training step.
fetches_last = False


def versions_of(
    needed: list[Operation], fed: Mapping[Tensor, Ref]
) -> tuple[list[Operation], Versions]:
    """Return ``needed``, in an order in which they can run, and what they see of variables."""
    versions = Versions(needed, fed)
    for later, earlier, variable in versions.races:
        both = f"{earlier.info} both assign to variable {variable.op.name!r} in one run, in no"
        if needs_order:
            raise InvalidArgumentError(
                later.info,
                later,
                f"it and {both} defined order. Order them with tf.control_dependencies, or run "
                f"them one after the other.",
            )
        notice(f"{later.info} and {both} defined order: that which follows from less goes first.")
    if versions.races:
        needed = _by_depth(needed)
        versions = Versions(needed, fed)
    return needed, versions


def _by_depth(needed: Sequence[Operation]) -> list[Operation]:
    """Return operations by how long the longest way to them is: what clips a weight comes before
    what updates it by the gradient of a loss, and neither is lost."""
    depth: dict[int, int] = {}
    for op in needed:
        before = [t.op.id for t in op.inputs] + [c.id for c in op.control_inputs]
        depth[op.id] = 1 + max([depth.get(i, 0) for i in before], default=0)
    return sorted(needed, key=lambda op: (depth[op.id], op.id))


class Versions:
    """Which version of each variable a node sees.

    Every node carries the set of assignments that it is ordered after, as bits of an int.
    ``races`` has pairs of assignments to one variable that nothing orders, the later one first; it
    takes the value that the other gives.
    """

    def __init__(self, needed: Sequence[Operation], fed: Mapping[Tensor, Ref]) -> None:
        self._assigns: dict[int, list[tuple[int, Operation, Ref]]] = {}
        self._after: dict[int, int] = {}
        self._fed = fed
        self.races: list[tuple[Operation, Operation, Tensor]] = []
        self._racing: set[int] = set()
        bit = 1
        for op in needed:
            after = 0
            if self._assigns:
                for t in op.inputs:
                    if t not in fed:
                        after |= self._after.get(t.op.id, 0)
                for c in op.control_inputs:
                    after |= self._after.get(c.id, 0)
            for position, index in op.opdef.updates.items():
                self._add(op, op.inputs[position], index, bit, after)
                after |= bit
                bit <<= 1
            if after:
                self._after[op.id] = after

    def _add(self, op: Operation, variable: Tensor, index: int, bit: int, after: int) -> None:
        chain = self._assigns.setdefault(variable.op.id, [])
        adds_up = op.opdef.commutes and all(o.opdef.commutes for _, o, _ in chain)
        if chain and not after & chain[-1][0] and not adds_up:
            self.races.append((op, chain[-1][1], variable))
            self._racing.add(op.id)
        chain.append((bit, op, (op.id, index)))

    def resolve(self, op: Operation) -> tuple[Ref, ...]:
        """Return the values that ``op`` takes as its inputs."""
        refs = [self._fed.get(t) or ref_of(t) for t in op.inputs]
        if not self._assigns:
            return tuple(refs)
        after = None
        for i, t in enumerate(op.inputs):
            chain = self._assigns.get(t.op.id)
            if chain is None or t in self._fed:
                continue
            if i in op.opdef.updates and not op.opdef.reads_updated:
                refs[i] = NOTHING
                continue
            if i in op.opdef.updates and (op.opdef.commutes or op.id in self._racing):
                place = next(n for n, (_, o, _) in enumerate(chain) if o is op)
                refs[i] = chain[place - 1][2] if place else refs[i]
                continue
            after = self._before(op) if after is None else after
            refs[i] = next((ref for bit, _, ref in reversed(chain) if after & bit), refs[i])
        return tuple(refs)

    def _before(self, op: Operation) -> int:
        """Return the assignments that come before ``op`` itself."""
        after = 0
        for t in op.inputs:
            if t not in self._fed:
                after |= self._after.get(t.op.id, 0)
        for c in op.control_inputs:
            after |= self._after.get(c.id, 0)
        return after

    def updates(self) -> tuple[tuple[Ref, Ref], ...]:
        return tuple([((variable, 0), chain[-1][2]) for variable, chain in self._assigns.items()])
