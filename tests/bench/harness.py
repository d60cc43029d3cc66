"""Measure peers on workloads, interleaved: A B C A B C ...

In: `Options`. Out: a list of `Measurement`s. Nothing is computed here but time: each peer works in
its own process (`client`), and its results are compared before the first timing.
"""

import statistics
import sys
import time
from dataclasses import asdict, dataclass, field

from .check import difference, digest
from .client import Client, PeerFailed, busy_core, fresh
from .workloads import REFERENCE

# Threads of BLAS and OpenMP spin after their work, OpenBLAS's for 105 ms at 2.6 GHz; the next peer
# must not pay.
SETTLE = 0.15


@dataclass
class Options:
    peers: list
    workloads: list
    threads: list = field(default_factory=lambda: [1, 2])
    repeats: int = 7
    busy: bool = False
    pythons: dict = field(default_factory=dict)
    limit: float = 120.0  # seconds for one request; compiling is one
    budget: float = 8.0  # seconds of timing for one peer on one workload
    sample: float = 0.02  # least seconds of one sample

    def python(self, peer):
        return self.pythons.get(peer, sys.executable)


@dataclass
class Measurement:
    """One cell: samples in the workload's unit (seconds, MB), or the reason why there are none."""

    workload: str
    peer: str
    threads: int
    loops: int = 0
    samples: list = field(default_factory=list)
    busy_samples: list = field(default_factory=list)
    reason: str | None = None

    @property
    def minimum(self):
        return min(self.samples)

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def slowdown(self):
        """How many times slower with one core taken, or None."""
        return statistics.median(self.busy_samples) / self.median if self.busy_samples else None

    def record(self):
        """Return this as plain data for JSON."""
        record = asdict(self)
        if self.samples:
            record.update(minimum=self.minimum, median=self.median, slowdown=self.slowdown)
        return record


def measure(options, log=lambda text: None):
    """Return all measurements and, per peer, the versions it ran on (or why it could not)."""
    measurements, versions = [], {}
    for threads in options.threads:
        team = Team(options, threads)
        try:
            versions.update(team.versions())
            for workload in options.workloads:
                log(f"{workload.name} with {threads} BLAS thread(s): {workload.title}")
                if workload.kind == "step":
                    cells = team.measure_step(workload)
                else:
                    cells = team.measure_fresh(workload)
                measurements += cells
        finally:
            team.close()
    return measurements, versions


class Team:
    """The workers of all peers at one number of threads."""

    reference = REFERENCE

    def __init__(self, options, threads):
        self.options, self.threads = options, threads
        # The reference is always there: its results judge, and its times are the unit.
        self.peers = list(dict.fromkeys([self.reference, *options.peers]))
        self._clients, self._absent = {}, {}

    def versions(self):
        """Start all workers and return what each runs on."""
        return {peer: self._start(peer) for peer in self.peers}

    def worker(self, peer):
        """Return the process of a peer, begun."""
        return Client(peer, self.threads, self.options.python(peer))

    def _start(self, peer):
        client = self._clients[peer] = self.worker(peer)
        try:
            return client.ask(self.options.limit, do="about")
        except PeerFailed as failure:
            client.close()
            self._absent[peer] = str(failure)
            return {"absent": str(failure)}

    def close(self):
        for client in self._clients.values():
            client.close()

    def _ask(self, peer, **request):
        """Ask a peer's worker; one that was ended before is started anew."""
        if peer in self._absent:
            raise PeerFailed(self._absent[peer])
        if not self._clients[peer].alive:
            self._start(peer)
        return self._clients[peer].ask(self.options.limit, **request)

    def _cells(self, workload):
        return [Measurement(workload.name, peer, self.threads) for peer in self.peers]

    def measure_step(self, workload):
        """Check, calibrate and time one workload on all peers."""
        cells = self._cells(workload)
        expected = None
        if workload.nodes:
            expected = {"digest": [digest([workload.nodes])], "state": []}
        for cell in cells:  # the reference comes first
            try:
                found = self._ask(cell.peer, do="open", workload=workload.name)
                if cell.peer == self.reference:
                    expected = found
                self._judge(workload, found, expected)
                cell.loops = self._calibrate(cell.peer)
            except PeerFailed as failure:
                cell.reason = str(failure)

        def sample(cell):
            seconds = self._ask(cell.peer, do="time", loops=cell.loops)["seconds"]
            return seconds / cell.loops, seconds

        self._rounds(cells, sample)
        for cell in cells:
            if not cell.reason:
                self._ask(cell.peer, do="close")
        return cells

    @staticmethod
    def _judge(workload, found, expected):
        if expected is None:
            raise PeerFailed("no reference result to compare with")
        for step, (one, other) in enumerate(zip(found["digest"], expected["digest"], strict=True)):
            reason = difference(one, other, workload.tolerance)
            if reason:
                raise PeerFailed(f"wrong result in step {step}: {reason}")
        reason = difference(found["state"], expected["state"], workload.state_tolerance)
        if reason:
            raise PeerFailed(f"wrong parameters after {workload.check_steps} steps: {reason}")

    def _calibrate(self, peer):
        """Return how many loops make a sample long enough for the clock."""
        loops, wanted = 1, self.options.sample
        while True:
            seconds = self._ask(peer, do="time", loops=loops)["seconds"]
            if seconds >= wanted / 2:
                return max(1, round(loops * wanted / seconds))
            # At most 100 times more: the first call may say little about the next ones.
            loops = max(loops + 1, min(100 * loops, round(loops * wanted / max(seconds, 1e-9))))

    def measure_fresh(self, workload):
        """Let new processes report a figure about themselves."""
        cells = self._cells(workload)
        for cell in cells:
            cell.reason, cell.loops = self._absent.get(cell.peer), 1
        what = (workload.method, *workload.arguments)

        def sample(cell):
            begin = time.monotonic()
            python = self.options.python(cell.peer)
            value = fresh(cell.peer, self.threads, python, self.options.limit, what)
            return value, time.monotonic() - begin

        self._rounds(cells, sample, busy=False)
        return cells

    def _rounds(self, cells, sample, busy=True):
        """Add samples to `cells` in turn, by `sample(cell) -> (value, seconds it took)`."""
        spent = dict.fromkeys(self.peers, 0.0)
        for _ in range(self.options.repeats):
            self._round(cells, sample, spent, "samples")
            if self.options.busy and busy:
                # Free and busy in turn, so that both meet the same drift of the machine.
                with busy_core():
                    self._round(cells, sample, spent, "busy_samples")

    def _round(self, cells, sample, spent, where):
        for cell in cells:
            samples = getattr(cell, where)
            over_budget = spent[cell.peer] > self.options.budget and len(samples) >= 2
            if cell.reason or over_budget:
                continue
            time.sleep(SETTLE)
            try:
                value, seconds = sample(cell)
            except PeerFailed as failure:
                cell.reason = str(failure)
                cell.samples.clear()
                continue
            samples.append(value)
            spent[cell.peer] += seconds
