"""A plan cut into regions, ready to run.

In: a plan and its regions.  Out: a ``Program``: what to call when it runs inline, and how each of
its runs becomes a Dask graph, which ``lower.Writer`` writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

from tfmini.codegen import Function, generate
from tfmini.lower import Lowered, Place, Site, Writer
from tfmini.passes.costs import all_specs, single_blas_thread
from tfmini.passes.regions import Region
from tfmini.plan import RESOURCES, Plan, Ref
from tfmini.spec import TensorSpec
from tfmini.tasks import RegionTask

# Up to so many bytes travel beside what is fetched: less than a task that picks it would take.
_BESIDE_BYTES = 1 << 16


class Step:
    """A region ready to run: its function, and where each argument comes from."""

    def __init__(
        self,
        region: Region,
        arguments: tuple[tuple[int | None, Ref, int], ...],
        constants: Mapping[Ref, Any],
        streams: Mapping[int, Ref],
        apart: bool,
    ) -> None:
        self.region = region
        self.arguments = arguments  # (producing step or None, value, its output index)
        self.apart = apart  # whether what is fetched travels without the other outputs
        self._constants = constants
        self._streams = streams

    @cached_property
    def function(self) -> Function:
        """The compiled region; made when first needed, since most plans run inline."""
        region = self.region
        return generate(region.nodes, region.inputs, region.outputs, self._constants, self._streams)

    @cached_property
    def task(self) -> RegionTask:
        return RegionTask(self.function)


@dataclass(frozen=True, slots=True)
class Program:
    """A plan ready to run.

    inline   the whole plan as one function of ``inputs``, or None if it is cut into steps
    steps    the regions, each after those it takes values from
    inputs   leaves: feeds, variables, the keys of random streams, the session's resources
    outputs  the plan's results
    one_blas_thread  whether BLAS is quicker here without threads of its own
    finish   what makes an output the caller's own: (its place, function)
    runs     counts those in tasks
    """

    plan: Plan
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    inline: Function | None
    steps: tuple[Step, ...]
    one_blas_thread: bool
    finish: Sequence[tuple[int, Callable[[Any], Any]]] = ()
    runs: Iterator[int] = field(default_factory=count)

    @property
    def n_tasks(self) -> int:
        """How many Dask tasks a run takes; 0 if it runs inline."""
        return 0 if self.inline is not None else len(self.steps)

    @property
    def rows(self) -> list[tuple[Region, float | None]]:
        """The regions, each with the seconds that it last took in this process, or None."""
        return [
            (s.region, self.inline.seconds if self.inline is not None else s.function.seconds)
            for s in self.steps
        ]

    @property
    def notes(self) -> Sequence[str]:
        """What to know of how it runs, beyond its regions."""
        return self.plan.notes

    def to_dask(self, values: Iterable[Any], token: str, site: Site | None = None) -> Lowered:
        """Return one run as a Dask graph: a task per region.

        Parameters
        ----------
        values : the value of each of the inputs; ``Held`` for one that is elsewhere
        token : unique to this run
        site : where the run is remote.  Tasks' functions do not travel with the graph.  Results
            travel, so each fetch gets a key of its own where it needs one.
        """
        known = {**self.plan.constants, **dict(zip(self.inputs, values, strict=True))}
        shared = Counter([r for step in self.steps for i, r, _ in step.arguments if i is None])
        writer = Writer(known, token, {r for r, n in shared.items() if n > 1}, site)
        remote = site is not None
        keys: list[Any] = []
        for step in self.steps:
            key = writer.key(step.region.name, step.region.nodes[-1].id)
            sources = [
                writer.leaf(ref) if i is None else writer.result(keys[i], k)
                for i, ref, k in step.arguments
            ]
            writer.add(key, step.task, sources, self.one_blas_thread)
            keys.append(key)
        made = {
            ref: (key, k, step.apart)
            for step, key in zip(self.steps, keys, strict=True)
            for k, ref in enumerate(step.region.outputs)
        }
        # A step that runs for its effect alone must be waited for.
        taken = {i for step in self.steps for i, _, _ in step.arguments}
        effects = [
            key
            for i, (step, key) in enumerate(zip(self.steps, keys, strict=True))
            if i not in taken and not step.region.outputs
        ]
        n_fetches = len(self.plan.fetches)
        places = [
            writer.place(*made[ref][:2], alone=remote and i < n_fetches and made[ref][2])
            if ref in made
            else Place((), known.get(ref), None)
            for i, ref in enumerate(self.outputs)
        ]  # fmt: skip
        return writer.lowered(places, effects)


def compile_program(plan: Plan, regions: Sequence[Region], general: Plan) -> Program:
    """Return the program for ``plan`` cut into ``regions`` (one region runs inline).

    Its inputs are those of ``general``, the plan before it was specialised: a caller need not
    know which of them the shapes have made superfluous.
    """
    streams = stream_refs(general)
    inputs = program_inputs(general)
    specs, fetches = all_specs(plan), set(plan.fetches)
    steps: list[Step] = []
    made: dict[Ref, tuple[int, int]] = {}
    for region in regions:
        arguments = [
            (made[ref][0] if ref in made else None, ref, made.get(ref, (0, 0))[1])
            for ref in region.inputs
        ]
        for index, ref in enumerate(region.outputs):
            made[ref] = (len(steps), index)
        apart = travels_apart(region.outputs, fetches, specs)
        steps.append(Step(region, tuple(arguments), plan.constants, streams, apart))
    inline = None
    if len(steps) <= 1:
        inline = generate(plan.nodes, inputs, plan.results, plan.constants, streams)
    one_thread = len(steps) > 1 or single_blas_thread(plan)
    return Program(plan, inputs, plan.results, inline, tuple(steps), one_thread)


def travels_apart(
    outputs: Iterable[Ref], fetches: set[Ref], specs: Mapping[Ref, TensorSpec]
) -> bool:
    """Whether fetched outputs of a task are picked from the others, which may be large."""
    beside = 0
    for ref in outputs:
        if ref not in fetches:
            spec = specs[ref]
            if spec.nbytes is None or spec.dtype is None or spec.dtype.dtype.hasobject:
                return True
            beside += spec.nbytes
    return beside > _BESIDE_BYTES


def stream_refs(plan: Plan) -> dict[int, Ref]:
    """Return for each random node the input that carries its stream's key."""
    return {n.id: (n.id, -1) for n in plan.nodes if n.opdef.random}


def program_inputs(plan: Plan) -> tuple[Ref, ...]:
    """Return what a run of ``plan`` is given, in order."""
    inputs = (*plan.feeds, *plan.variables, *stream_refs(plan).values())
    return (*inputs, RESOURCES) if any([n.opdef.resource for n in plan.nodes]) else inputs
