"""The command: ``python -m tests.bench``.

In: arguments. Out: the report on stdout, and as files where asked; progress on stderr.
"""

import argparse
import sys
from pathlib import Path

from .harness import Options, measure
from .machine import describe
from .report import Report, write_markdown
from .workloads import PEERS, WORKLOADS, select


def arguments(argv):
    names = ", ".join(w.name for w in WORKLOADS)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmark tfmini.")
    add = parser.add_argument
    add("--peers", default=",".join(PEERS), help="comma-separated; 'numpy' is short for numpy_hand")
    add("--workloads", default="all", help=f"of {names}; W4 means all of W4")
    add("--blas", default="1,2", help="BLAS threads, each setting measured in turn")
    add("--repeats", type=int, default=7, help="interleaved samples for each peer and workload")
    add("--busy", action="store_true", help="measure also while another process takes one core")
    add(
        "--python",
        action="append",
        default=[],
        metavar="PEER=INTERPRETER",
        help="run a peer with another interpreter; repeatable",
    )
    add("--limit", type=float, default=120, help="seconds until a peer is given up, compiling too")
    add("--budget", type=float, default=8, help="seconds of timing for a peer on a workload")
    add("--json", type=Path, metavar="FILE", help="write all samples")
    add(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write tables; in a file with result marks, such as this README, between them",
    )
    return parser, parser.parse_args(argv)


def options_of(parser, given):
    """Return the `Options`; what is misspelt ends the program with a message."""
    peers = ["numpy_hand" if p == "numpy" else p for p in given.peers.split(",")]
    pythons = dict(pair.split("=", 1) for pair in given.python if "=" in pair)
    unknown = [p for p in [*peers, *pythons] if p not in PEERS]
    if unknown or len(pythons) != len(given.python):
        parser.error(f"unknown or malformed: {unknown or given.python}; peers: {', '.join(PEERS)}")
    try:
        workloads = select(given.workloads)
    except ValueError as error:
        parser.error(str(error))
    threads = [int(n) for n in given.blas.split(",")]
    return Options(
        peers, workloads, threads, given.repeats, given.busy, pythons, given.limit, given.budget
    )


def main(argv=None):
    parser, given = arguments(argv)
    options = options_of(parser, given)
    machine = describe()
    measurements, versions = measure(options, log=lambda text: print(text, file=sys.stderr))
    report = Report(machine, versions, measurements)
    print(report.text())
    if given.json:
        given.json.write_text(report.json())
    if given.markdown:
        write_markdown(given.markdown, report.markdown())


if __name__ == "__main__":
    main()
