"""One set of fetches and feeds, prepared once and run many times.

In: a graph, what is fetched, what is fed.  Out: a ``Call``: how values become feeds, the plan in
its stages, a program for each set of feed shapes, and the way back to the structure fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmini import executors, observe, threads
from tfmini.chunks import Chunks
from tfmini.deadlines import within
from tfmini.errors import InvalidArgumentError, OpError
from tfmini.executors import Executor
from tfmini.feeds import Get, fed_tensor, feed_converter, flat_keys, flat_values
from tfmini.fetches import finishers, flatten, frozen_copy, passed_on
from tfmini.graph import Graph
from tfmini.passes import optimized, refined, simplified, specialized, stages
from tfmini.plan import Plan, Ref, build_plan
from tfmini.program import Program, compile_program
from tfmini.remote import Job
from tfmini.shards import ShardedProgram, compile_sharded
from tfmini.spec import TensorSpec

if TYPE_CHECKING:
    from tfmini.session import Session

AnyProgram = Program | ShardedProgram

# Feeds of more shapes than this share one program that assumes none.
_EXACT_PROGRAMS = 16
# After so many runs in tasks, the times that they took say whether tasks pay.
_REFINED_RUN = 8
# As many programs for feeds in chunks are kept: shuffled minibatches need one for each chunk.
_SHARDED_PROGRAMS = 64


class Call:
    """Fetches and feeds, ready to run."""

    def __init__(self, graph: Graph, fetches: Any, feeds: tuple[Any, ...], get: Get) -> None:
        self.fetches, self.rebuild = flatten(graph, fetches)
        flat = flat_keys(feeds)
        self._nested = () if [*map(id, flat)] == [*map(id, feeds)] else feeds
        self.feeds = [fed_tensor(graph, f) for f in flat]
        self._convert = [feed_converter(t, get) for t in self.feeds]
        plan = simplified(build_plan(self.fetches, self.feeds, graph_seed=graph.seed))
        *before, main = stages(plan)
        self.before = [Stage(part, passed_on) for part in before]
        self.main = Stage(main, finishers)

    def run(self, session: Session, given: Iterable[Any]) -> Any:
        """Return the values of the fetches, in their structure."""
        if session._closed:
            session._check_open()
        try:
            if self._nested:
                given = flat_values(self._nested, given)
            values = [convert(v) for convert, v in zip(self._convert, given)]  # noqa: B905
            for stage in self.before:
                values += stage.run(session, values)
            return self.rebuild(self.main.run(session, values))
        except OpError as e:
            if e.op is None and e.node_def is not None:
                e.op = session.graph.find_operation(e.node_def.name)
            raise

    @property
    def reads(self) -> list[Ref]:
        """The variables that a run reads."""
        return [v for stage in (*self.before, self.main) for v in stage.reads]

    def persist(self, session: Session, given: Iterable[Any]) -> Any:
        """Return the values of the fetches; those in shards as Dask arrays, where they are."""
        values = self.feed_values(given)
        for stage in self.before:
            values += stage.run(session, values)
        main = self.main
        program = main.program(values)
        if not isinstance(program, ShardedProgram):
            return self.rebuild(main.run(session, values))
        if main.updates:
            raise InvalidArgumentError(
                None, None, "persist only looks: run what assigns to variables with Session.run."
            )
        remote = session._remote_on(session._executor or executors.current())
        values += main.givens(session, {**session._missing(main.reads), **session._store.values})
        if remote is not None:
            return self.rebuild(remote.run(main.job(program, values), keep=True))
        lowered = program.to_dask(values, session._run_token())
        results = session._get(lowered.graph, lowered.keys)
        return self.rebuild([program.kept(i, p, results) for i, p in enumerate(lowered.places)])

    def program(self, values: list[Any]) -> AnyProgram:
        """Return the main program; general where earlier stages must run to know its feeds."""
        return self.main.general_program() if self.before else self.main.program(values)

    def feed_values(self, given: Iterable[Any]) -> list[Any]:
        """Return the caller's feeds, cast and checked."""
        if self._nested:
            given = flat_values(self._nested, given)
        return [convert(v) for convert, v in zip(self._convert, given)]  # noqa: B905

    def evaluate(self, session: Session, fresh: dict[Ref, Any]) -> list[np.ndarray]:
        """Return the values of the fetches, reading ``fresh`` on top of the state."""
        values: list[Any] = []
        for stage in self.before:
            values += stage.run(session, values)
        main, executor = self.main, session._executor or executors.current()
        remote = session._remote_on(executor)
        main.cores = 1
        program = main.program(values)
        inputs = values + main.givens(session, {**session._store.values, **fresh})
        if remote is None or main.holds or observe.current() is not None:
            here = inputs if remote is None else remote.local(inputs)
            results = main.execute(session, executor, program, here)
        else:
            results = remote.run(main.job(program, inputs))
        return [frozen_copy(r) for r in results]


class Stage:
    """A plan that runs as a whole, with its programs."""

    def __init__(self, plan: Plan, finish: Callable[[Plan], list[Any]]) -> None:
        self.plan = plan
        self._finish = finish  # what is done to values fetched, by their places
        self.reads = plan.variables
        self.random = tuple([n for n in plan.nodes if n.opdef.random])
        self.updates = tuple([v for v, _ in plan.updates])
        self.holds = any([n.opdef.resource for n in plan.nodes])
        self.cores = 1 if self.holds or _initialises(plan) else threads.CPU_COUNT
        self._programs: dict[Any, AnyProgram] = {}
        self._writes = bool(self.updates or self.random)
        self._untyped = any([plan.specs[r].dtype is None for r in plan.feeds])
        self._n = len(plan.fetches)
        #: ``run(session, values of the feeds)`` returns the values of the fetches.
        self.run = self._run_in_turn if self._writes else self._run

    def _run_in_turn(self, session: Session, values: list[Any]) -> Sequence[Any]:
        # From reading the state to the commit: of two runs at once, neither update may be lost.
        with session._store.turn:
            return self._run(session, values)

    def _run(self, session: Session, values: list[Any]) -> Sequence[Any]:
        if self._untyped:
            program = self.program(values)
        else:
            program = self._programs.get(tuple([v.shape for v in values])) or self.program(values)
        executor = session._executor or executors.current()
        remote = None
        if executor.client is not None or session._remote is not None:
            remote = session._remote_on(executor)
        fresh: dict[Ref, Any] = {}
        if self.reads:
            state = session._store.values
            try:
                values = values + [state[v] for v in self.reads]
            except KeyError:
                fresh = session._missing(self.reads)
                values = values + [fresh[v] if v in fresh else state[v] for v in self.reads]
        if self.random or self.holds:
            values = values + self._streams(session)
        job = None
        if remote is None:
            results = self.execute(session, executor, program, values)
        elif self.holds or observe.current() is not None:
            results = self.execute(session, executor, program, remote.local(values))
        else:
            job = self.job(program, values)
            results = remote.run(job)
        if self._writes or fresh:
            new = dict(zip(self.updates, results[self._n :], strict=True))
            session._store.commit(new, [node.id for node in self.random], fresh)
            if job is not None:
                remote.record(job)  # type: ignore[union-attr]
        if program.finish or self.updates:
            results = list(results[: self._n])
            for i, finish in program.finish:
                results[i] = finish(results[i])
        return results

    def job(self, program: AnyProgram, values: Sequence[Any]) -> Job:
        """Return a run as a cluster needs to know it."""
        return Job(program, values, len(self.plan.feeds), self.reads, self.updates, self._n)

    def execute(
        self, session: Session, executor: Executor, program: AnyProgram, values: Sequence[Any]
    ) -> Sequence[Any]:
        """Return the results of ``program``; what holds resources runs in this thread."""
        if self.holds and program.inline is not None:
            inline = observe.inlined(program.inline)
            with within(session._limit):
                return inline(*values)
        results = session._execute(executor, program, values)
        if program.inline is None and type(program) is Program:
            self._refine(program)
        return results

    def givens(self, session: Session, state: dict[Ref, Any]) -> list[Any]:
        """Return the inputs of a run after its feeds."""
        return [*[state[v] for v in self.reads], *self._streams(session)]

    def _streams(self, session: Session) -> list[Any]:
        out: list[Any] = [session._store.stream(n.seed) for n in self.random]
        return [*out, session._store.resources] if self.holds else out

    def program(self, values: Sequence[Any]) -> AnyProgram:
        """Return the program for feeds of these shapes, and dtypes where a tensor has none."""
        key: Any = tuple([v.shape for v in values])
        if self._untyped:
            key = (key, *[v.dtype for v in values])
        program = self._programs.get(key) or self._programs.get(None)
        if program is None:
            program = self._compile(key, values)
        return program

    def general_program(self) -> AnyProgram:
        """Return the program for feeds of any shapes."""
        return self._programs.get(None) or self._compile(None, None)

    def _compile(self, key: Any, values: Sequence[Any] | None) -> AnyProgram:
        if values is not None and any([type(v) is Chunks for v in values]):
            return self._compile_sharded(key, values)
        specs = None
        exact = [p for p in list(self._programs.values()) if type(p) is Program]
        if values is not None and len(exact) < _EXACT_PROGRAMS:
            specs = {
                ref: TensorSpec.of(value)
                for ref, value in zip(self.plan.feeds, values, strict=True)
            }
        plan, regions = optimized(self.plan, specs, self.cores)
        program = replace(compile_program(plan, regions, self.plan), finish=self._finish(plan))
        self._programs[None if specs is None else key] = program
        return program

    def _refine(self, program: Program) -> None:
        """After some runs, let those to come use the regions that follow from the last's times."""
        if next(program.runs) + 1 != _REFINED_RUN:
            return
        found = refined(program.plan, program.rows, self.cores)
        if found is None:
            return
        plan, regions = found
        # BLAS keeps its number of threads, so that times never change a bit.
        new = replace(
            compile_program(plan, regions, self.plan),
            finish=program.finish, one_blas_thread=program.one_blas_thread,
        )  # fmt: skip
        self._programs.update({k: new for k, p in list(self._programs.items()) if p is program})

    def _compile_sharded(self, key: Any, values: Sequence[Any]) -> AnyProgram:
        given = dict(zip(self.plan.feeds, values, strict=True))
        specs = {r: v.spec if type(v) is Chunks else TensorSpec.of(v) for r, v in given.items()}
        plan = specialized(self.plan, specs)
        chunks = {r: v for r, v in given.items() if type(v) is Chunks}
        program = compile_sharded(plan, self.plan, chunks, finishers(plan))
        sharded = [k for k, p in list(self._programs.items()) if type(p) is ShardedProgram]
        for old in sharded[: -(_SHARDED_PROGRAMS - 1)]:
            self._programs.pop(old, None)
        self._programs[key] = program
        return program


def _initialises(plan: Plan) -> bool:
    """Whether ``plan`` only sets variables: it runs once, and to start Dask takes longer."""
    setters = [n for n in plan.nodes if n.opdef.updates]
    return bool(setters) and not plan.feeds and all([n.opdef.type == "Assign" for n in setters])
