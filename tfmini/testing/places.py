"""Rules on where an operation runs: a fresh process, and each executor.

A process and a cluster are dear, so all operations of a check share one of each: the first rule
that asks has the work done for all.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tfmini.executors import resolve
from tfmini.graph import Graph
from tfmini.ops import logic, math
from tfmini.passes.fuse import MIN_SIZE
from tfmini.session import Session
from tfmini.testing.report import Fault, NotApplicable, rule
from tfmini.testing.samples import Sample
from tfmini.testing.subject import Subject, describe, same_bits

Key = tuple[str, int]  # an operation type, and the index of a sample
Found = Any  # the outputs, or what went wrong
Lowered = tuple[dict[Any, Any], list[Any]]  # a Dask graph and the keys of its outputs


class Shared:
    """What the operations of one check do together.

    Parameters
    ----------
    client : a ``distributed.Client`` to compare with too, or None
    """

    def __init__(self, client: Any = None) -> None:
        self.client = client
        self.subjects: list[Subject] = []

    def add(self, op: Any) -> Subject:
        subject = Subject(op, self)
        self.subjects.append(subject)
        return subject

    @cached_property
    def fresh(self) -> dict[Key, Found]:
        """What each sample gives in one fresh process."""
        keys, jobs = [], []
        for subject in self.subjects:
            for i, sample in _samples(subject):
                try:
                    jobs.append(pickle.dumps((subject.opdef, sample)))
                except Exception:  # noqa: BLE001  the rule says it before it asks
                    continue
                keys.append((subject.opdef.type, i))
        return dict(zip(keys, _in_fresh_process(jobs), strict=True))

    @cached_property
    def executed(self) -> dict[str, dict[Key, Found]]:
        """What each sample gives on each executor, as a Dask task of its own."""
        lowered: dict[Key, Lowered] = {}
        for subject in self.subjects:
            for i, _ in _samples(subject):
                try:
                    lowered[subject.opdef.type, i] = _lowered(subject, i)
                except Exception:  # noqa: BLE001  other rules say it
                    continue
        targets = ["sync", "threads", *([self.client] if self.client is not None else [])]
        return {_name(t): _run_all(resolve(t), lowered) for t in targets}


def _name(target: Any) -> str:
    return target if isinstance(target, str) else "cluster"


def _samples(subject: Subject) -> Sequence[tuple[int, Any]]:
    try:
        return list(enumerate(subject.samples))
    except Exception:  # noqa: BLE001  the rule `samples` says it
        return []


def _lowered(subject: Subject, index: int) -> Lowered:
    sample = subject.samples[index]
    graph = Graph()
    graph.seed = 1
    with graph.as_default():
        inputs, feeds = subject.tensors(graph, sample, fed=True)
        outputs = subject.outputs(inputs, sample)
    with Session("sync", graph=graph) as session:
        part, keys = session.lower(list(outputs), feeds)
    return part, keys[: len(outputs)]


def _run_all(executor: Any, lowered: dict[Key, Lowered]) -> dict[Key, Found]:
    """Run everything at once; one by one only if something fails."""
    together = {k: task for graph, _ in lowered.values() for k, task in graph.items()}
    try:
        values = iter(executor.get(together, [k for _, keys in lowered.values() for k in keys]))
    except Exception:  # noqa: BLE001  found out below which one
        return {key: _run_one(executor, *each) for key, each in lowered.items()}
    return {key: [next(values) for _ in keys] for key, (_, keys) in lowered.items()}


def _run_one(executor: Any, graph: dict[Any, Any], keys: list[Any]) -> Found:
    try:
        return executor.get(graph, keys)
    except Exception as e:  # noqa: BLE001
        return e


@rule
def executors(subject: Subject) -> None:
    """Alone, on Dask's threads, and on a cluster if there is one, the bits are the same."""
    sync = subject.shared.executed["sync"]
    for target, found in subject.shared.executed.items():
        for i, sample in enumerate(subject.samples):
            got = found.get((subject.opdef.type, i))
            if got is None:
                raise Fault(f"{sample.label}: it can't be lowered to a Dask graph")
            if isinstance(got, Exception):
                raise Fault(f"{sample.label}, {target}: {type(got).__name__}: {got}")
            wanted = subject.values[i] if not subject.opdef.random else sync[subject.opdef.type, i]
            _equal(sample.label, target, got, wanted)


@rule
def fusion(subject: Subject) -> None:
    """Large and in a group with others, evaluated in blocks, it gives the bits of a plain call."""
    if not subject.opdef.elementwise or not subject.has("out"):
        raise NotApplicable("it is not element-wise, or compute takes no out")
    tried = False
    for sample, values in zip(subject.samples, subject.values, strict=True):
        if np.ndim(values[0]) and np.size(values[0]):
            tried = True
            _check_fusion(subject, sample, values[0])
    if not tried:
        raise NotApplicable("no sample has elements along a dimension")


def _check_fusion(subject: Subject, sample: Sample, value: Any) -> None:
    rows = np.shape(value)[0]
    repeats = -(-2 * MIN_SIZE // np.size(value))
    tall = sample.replaced(
        [
            np.concatenate([x] * repeats) if x.ndim == np.ndim(value) and len(x) == rows else x
            for x in sample.inputs
        ],
        ", made large",
    )
    (wanted,) = subject.compute(tall)
    graph = Graph()
    with graph.as_default():
        inputs, feeds = subject.tensors(graph, tall, fed=True)
        (plain,) = subject.outputs(inputs, tall)
        # Its inputs are now made in the group, and the result is written over one of them.
        (chained,) = subject.outputs([_there_and_back(x) for x in inputs], tall)
        same = logic.equal(plain, chained)
    with Session("sync", graph=graph) as session:
        got, equal = session.run([plain, same], feeds)
    if not same_bits(got, wanted) or not np.array_equal(equal, wanted == wanted):
        raise Fault(f"{tall.label}: computed in blocks by the engine, the result is another")


def _there_and_back(x: Any) -> Any:
    """Return ``x`` by way of two element-wise operations."""
    turn = logic.logical_not if x.dtype.is_bool else math.negative
    return turn(turn(x))


@rule
def pickles(subject: Subject) -> None:
    """The type pickles by reference, and gives the same bits in a fresh process."""
    module = type(subject.opdef).__module__
    if module == "__main__":
        raise NotApplicable("defined in __main__, so it travels by value")
    try:
        text = pickle.dumps(subject.opdef)
        back = pickle.loads(text)
    except Exception as e:
        raise Fault(f"it can't be pickled: {type(e).__name__}: {e}") from e
    if back is not subject.opdef:
        raise Fault(
            f"it pickles by value: {module}.{subject.name} must be the function made by @op"
        )
    for i, sample in enumerate(subject.samples):
        got = subject.shared.fresh.get((subject.opdef.type, i))
        if got is None:
            raise Fault(f"{sample.label}: its inputs or attributes can't be pickled")
        if isinstance(got, str):
            raise Fault(f"{sample.label}, in a fresh process: {got}")
        _equal(sample.label, "a fresh process", got, subject.values[i])


def _equal(label: str, where: str, got: Sequence[Any], wanted: Sequence[Any]) -> None:
    for j, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if not same_bits(a, b):
            raise Fault(f"{label}, {where}: output {j} is {describe(a)}, here {describe(b)}")


def _in_fresh_process(jobs: list[bytes]) -> list[Found]:
    """Return the outputs of each pickled (OpDef, sample), or a text that says what failed."""
    if not jobs:
        return []
    path = os.pathsep.join([p for p in sys.path if p])
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import answer; answer()"],
        input=pickle.dumps(jobs),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode:
        return [f"it failed: {done.stderr.decode().strip().splitlines()[-1:]}"] * len(jobs)
    return list(pickle.loads(done.stdout))


def _is_text(value: Any) -> bool:
    return isinstance(value, bytes) or getattr(getattr(value, "dtype", None), "hasobject", False)


def answer() -> None:
    """Compute the jobs that come on standard input; send the outputs to standard output."""
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # a kernel may print
    results: list[Found] = []
    for job in pickle.loads(sys.stdin.buffer.read()):
        try:
            opdef, sample = pickle.loads(job)
            values = Subject(opdef).compute(sample)
            # NumPy's own byte strings would lose zeros at their ends, so strings stay as they are.
            results.append([v if _is_text(v) else np.array(v)[()] for v in values])
        except Exception as e:  # noqa: BLE001  the other process says it
            results.append(f"{type(e).__name__}: {e}")
    stdout.write(pickle.dumps(results))
    stdout.flush()
