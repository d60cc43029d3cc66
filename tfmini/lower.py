"""From a plan to Dask tasks.

In: a plan cut into regions.  Out: a ``Program``: what to call when it runs inline, and how to
write it as a Dask graph.  This is the only module that imports ``dask._task_spec``.

A region becomes one ``Task`` whose key is ``(f"{op type}-{run token}", node id)`` with the type and
id of the region's last node.  The token makes keys unique to a run: Dask compares keys by name
only, and would return an older run's value while somebody holds its future.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from tfmini import threads
from tfmini.codegen import Function, generate
from tfmini.errors import FailedPreconditionError
from tfmini.passes.costs import single_blas_thread
from tfmini.passes.regions import Region
from tfmini.plan import Plan, Ref

# Python values beyond this many bytes get a key of their own, so that tasks share one copy.
_EMBED_BYTES = 1 << 10


class Step:
    """A region ready to run: its function, and where each argument comes from."""

    def __init__(
        self,
        region: Region,
        arguments: tuple[tuple[int | None, Ref, int], ...],
        constants: Mapping[Ref, Any],
        streams: Mapping[int, Ref],
    ) -> None:
        self.region = region
        self.arguments = arguments  # (producing step or None, value, its output index)
        self._constants = constants
        self._streams = streams

    @cached_property
    def function(self) -> Function:
        """The compiled region; made when first needed, since most plans run inline."""
        region = self.region
        return generate(region.nodes, region.inputs, region.outputs, self._constants, self._streams)


@dataclass(frozen=True, slots=True)
class Program:
    """A plan ready to run.

    inline   the whole plan as one function of ``inputs``, or None if it is cut into steps
    steps    the regions, each after those it takes values from
    inputs   leaves: feeds, then variables, then the keys of random streams
    outputs  the plan's results
    one_blas_thread  whether BLAS is quicker here without threads of its own
    finish   what makes an output the caller's own: (its place, function)
    """

    plan: Plan
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    inline: Function | None
    steps: tuple[Step, ...]
    one_blas_thread: bool
    finish: Sequence[tuple[int, Callable[[Any], Any]]] = ()

    @property
    def n_tasks(self) -> int:
        """How many Dask tasks a run takes; 0 if it runs inline."""
        return 0 if self.inline is not None else len(self.steps)

    def measured(self, step: Step) -> float | None:
        """Return the seconds that ``step`` took when it last ran in this process, or None."""
        return self.inline.seconds if self.inline is not None else step.function.seconds


def compile_program(plan: Plan, regions: Sequence[Region], general: Plan) -> Program:
    """Return the program for ``plan`` cut into ``regions`` (one region runs inline).

    Its inputs are those of ``general``, the plan before it was specialised: a caller need not
    know which of them the shapes have made superfluous.
    """
    streams = {n.id: (n.id, -1) for n in general.nodes if n.opdef.random}
    inputs = (*general.feeds, *general.variables, *streams.values())
    steps: list[Step] = []
    made: dict[Ref, tuple[int, int]] = {}
    for region in regions:
        arguments = [
            (made[ref][0] if ref in made else None, ref, made.get(ref, (0, 0))[1])
            for ref in region.inputs
        ]
        for index, ref in enumerate(region.outputs):
            made[ref] = (len(steps), index)
        steps.append(Step(region, tuple(arguments), plan.constants, streams))
    inline = None
    if len(steps) <= 1:
        inline = generate(plan.nodes, inputs, plan.results, plan.constants, streams)
    one_thread = len(steps) > 1 or single_blas_thread(plan)
    return Program(plan, inputs, plan.results, inline, tuple(steps), one_thread)


@dataclass(frozen=True, slots=True)
class Lowered:
    """One run as a Dask graph.

    graph    its tasks
    keys     the tasks whose results the caller needs, each a tuple of values
    places   for each of the program's outputs: which of ``keys`` and which value of it, or None
             and the value itself, where it is an input or a constant
    """

    graph: dict[Any, Any]
    keys: list[Any]
    places: list[tuple[int | None, Any]]

    def collect(self, results: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return the program's outputs from the results of ``keys``."""
        return [k if i is None else results[i][k] for i, k in self.places]


def to_dask(program: Program, values: Mapping[Ref, Any], token: str) -> Lowered:
    """Return one run of ``program`` as a Dask graph: a task per region.

    Parameters
    ----------
    values : the value, or a Dask future, of each of the program's inputs
    token : unique to this run
    """
    from dask._task_spec import DataNode, Task, TaskRef

    known = {**program.plan.constants, **values}
    uses = Counter([ref for step in program.steps for i, ref, _ in step.arguments if i is None])
    graph: dict[Any, Any] = {}

    def leaf(ref: Ref) -> Any:
        value = known[ref]
        if uses[ref] < 2 or getattr(value, "nbytes", 0) <= _EMBED_BYTES:
            return value
        key = (f"input-{token}", *ref)
        graph[key] = DataNode(key, value)
        return TaskRef(key)

    keys: list[Any] = []
    for step in program.steps:
        key = (f"{step.region.name}-{token}", step.region.nodes[-1].id)
        taken = [leaf(ref) if i is None else TaskRef(keys[i]) for i, ref, _ in step.arguments]
        picks = tuple([None if i is None else k for i, _, k in step.arguments])
        graph[key] = Task(key, RegionTask(step.function, picks, program.one_blas_thread), *taken)
        keys.append(key)
    return _results(program, known, graph, keys, token)


def _results(
    program: Program, known: Mapping[Ref, Any], graph: dict[Any, Any], keys: list[Any], token: str
) -> Lowered:
    """Say where the outputs are; a region's values that only other regions need stay where they
    are."""
    from dask._task_spec import Task, TaskRef

    wanted = set(program.outputs)
    needed: list[Any] = []
    place: dict[Ref, tuple[int, int]] = {}
    for step, key in zip(program.steps, keys, strict=True):
        out = step.region.outputs
        picked = [k for k, ref in enumerate(out) if ref in wanted]
        if not picked:
            continue
        if len(picked) < len(out):
            part = (f"output-{token}", *key[1:], 0)  # a triple: a type may be called "output"
            graph[part] = Task(part, _pick, TaskRef(key), tuple(picked))
            key = part
        place.update({out[k]: (len(needed), n) for n, k in enumerate(picked)})
        needed.append(key)
    taken = {i for step in program.steps for i, _, _ in step.arguments}
    for number, (step, key) in enumerate(zip(program.steps, keys, strict=True)):
        if number not in taken and wanted.isdisjoint(step.region.outputs):
            needed.append(key)  # it runs for its effect alone
    return Lowered(graph, needed, [place.get(r) or (None, known.get(r)) for r in program.outputs])


def with_output_keys(lowered: Lowered, token: str) -> tuple[dict[Any, Any], list[Any]]:
    """Return the graph with a key for each output, for use in other Dask graphs."""
    from dask._task_spec import DataNode, Task, TaskRef

    graph = dict(lowered.graph)
    keys: list[Any] = []
    for number, (index, k) in enumerate(lowered.places):
        key = (f"output-{token}", number, 0, 0)
        if index is None:
            graph[key] = DataNode(key, k)
        else:
            graph[key] = Task(key, _one, TaskRef(lowered.keys[index]), k)
        keys.append(key)
    return graph, keys


def _pick(values: tuple[Any, ...], indices: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple([values[i] for i in indices])


def _one(values: tuple[Any, ...], index: int) -> Any:
    return values[index]


class RegionTask:
    """What a Dask task calls: a region's function, after picking each argument from a result."""

    __slots__ = ("function", "one_thread", "picks")

    def __init__(self, function: Function, picks: tuple[int | None, ...], one_thread: bool) -> None:
        self.function = function
        self.picks = picks
        self.one_thread = one_thread  # other regions run beside this one

    def __call__(self, *results: Any) -> tuple[Any, ...]:
        values = [r if k is None else r[k] for r, k in zip(results, self.picks, strict=True)]
        if not self.one_thread:
            return self.function(*values)
        with threads.serial(), threads.blas.at_most(1):
            return self.function(*values)

    @property
    def __name__(self) -> str:
        return list(self.function.lines.values())[-1][0].type if self.function.lines else "region"

    def __reduce__(self) -> Any:
        import cloudpickle  # type: ignore[import-untyped]  # Dask brings it

        ops = sorted({f"{info.type} ({info.name})" for info, _ in self.function.lines.values()})
        parts = (self.function, self.picks, self.one_thread)
        return PackedTask, (cloudpickle.dumps(parts), ", ".join(ops[:5]), self.__name__)


class PackedTask:
    """A ``RegionTask`` that has travelled.

    It is unpacked when it runs, not when it arrives: a worker that can't even read a task breaks
    its connection, and the run would wait for ever.  Equal tasks are unpacked, and compiled, once.
    """

    def __init__(self, packed: bytes, ops: str, name: str) -> None:
        self.packed = packed
        self.ops = ops
        self.__name__ = name

    def __call__(self, *results: Any) -> tuple[Any, ...]:
        try:
            task = _unpacked(self.packed)
        except (ImportError, AttributeError) as e:
            raise FailedPreconditionError(
                None,
                None,
                f"operations {self.ops} can't be loaded in process {os.getpid()} of "
                f"{socket.gethostname()}: {type(e).__name__}: {e}. Install their package there.",
            ) from None
        return task(*results)

    def __reduce__(self) -> Any:
        return PackedTask, (self.packed, self.ops, self.__name__)


@lru_cache(maxsize=256)
def _unpacked(packed: bytes) -> RegionTask:
    return RegionTask(*pickle.loads(packed))
