"""The command: ``python -m tests.bench.cluster``.

In: arguments. Out: the report on stdout, and as JSON where asked; progress on stderr.
"""

import argparse
import sys
from pathlib import Path

from ..client import Client
from ..harness import Options, Team
from ..machine import describe
from ..report import Report
from .workloads import PEERS, REFERENCE, judge, workloads

BLAS_THREADS = 1  # each of two processes has one core


class ClusterTeam(Team):
    reference = REFERENCE

    def __init__(self, options, scale):
        super().__init__(options, BLAS_THREADS)
        self._scale = scale

    def worker(self, peer):
        module = f"{__package__}.worker"
        return Client(peer, self.threads, self.options.python(peer), module, [self._scale])


class ClusterReport(Report):
    reference, judge = REFERENCE, staticmethod(judge)

    def __init__(self, machine, versions, measurements, table):
        super().__init__(machine, versions, measurements)
        self.workloads = {w.name: w for w in table}


def measure(options, scale, log):
    """Return the report of all workloads of `options`, measured."""
    machine = describe()
    team = ClusterTeam(options, scale)
    measurements = []
    try:
        versions = team.versions()
        for workload in options.workloads:
            log(f"{workload.name}: {workload.title}")
            measurements += team.measure_step(workload)
    finally:
        team.close()
    return ClusterReport(machine, versions, measurements, options.workloads)


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.cluster", description="Benchmark tfmini on a Dask cluster."
    )
    add = parser.add_argument
    add("--peers", default=",".join(PEERS), help="comma-separated")
    add("--workloads", default="all", help="comma-separated, such as C1,CL")
    add("--scale", type=float, default=1.0, help="size of the large workloads; 1 is full")
    add("--repeats", type=int, default=7, help="interleaved samples for each peer and workload")
    add("--budget", type=float, default=20, help="seconds of timing for a peer on a workload")
    add("--limit", type=float, default=180, help="seconds until a peer is given up")
    add(
        "--python",
        action="append",
        default=[],
        metavar="PEER=INTERPRETER",
        help="run a peer with another interpreter; repeatable",
    )
    add("--json", type=Path, metavar="FILE", help="write all samples")
    return parser, parser.parse_args(argv)


def options_of(parser, given):
    """Return the `Options`; what is misspelt ends the program with a message."""
    table = workloads(given.scale)
    names = [w.name for w in table] if given.workloads == "all" else given.workloads.split(",")
    peers = given.peers.split(",")
    pythons = dict(pair.split("=", 1) for pair in given.python if "=" in pair)
    known = {*PEERS, *[w.name for w in table]}
    unknown = [n for n in (*peers, *pythons, *names) if n not in known]
    if unknown or len(pythons) != len(given.python):
        parser.error(f"unknown or malformed: {unknown or given.python}; there are {sorted(known)}")
    return Options(
        peers,
        [w for w in table if w.name in names],
        [BLAS_THREADS],
        given.repeats,
        pythons=pythons,
        limit=given.limit,
        budget=given.budget,
    )


def main(argv=None):
    parser, given = arguments(argv)
    options = options_of(parser, given)
    report = measure(options, given.scale, lambda text: print(text, file=sys.stderr))
    print(report.text())
    if given.json:
        given.json.write_text(report.json())


if __name__ == "__main__":
    main()
