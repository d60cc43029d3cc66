"""The process in which one peer lives: ``python -m tests.bench.worker PEER THREADS``.

In: one JSON request a line on stdin. Out: one JSON reply a line on stdout.

    {"do": "about"}                    -> {"versions": {...}, "python": "3.11.9"}
    {"do": "open", "workload": "W1"}   -> {"digest": [[...] a check step], "state": [...]}
    {"do": "time", "loops": 1000}      -> {"seconds": 0.02}
    {"do": "close"}                    -> {}

Any failure -> {"error": "reason"}. The worker ends when its stdin does, so it cannot outlive the
harness.
"""

import gc
import json
import os
import re
import sys
import time
from itertools import repeat

from .check import digest
from .interface import Unsupported, load
from .workloads import BY_NAME


def reason_of(error):
    """Return one line that says why, without paths of this machine."""
    text = str(error).strip().split("\n")[0][:200]
    text = re.sub(r"(/[^\s/'\":]+)+/", "", text)
    if isinstance(error, Unsupported):
        return text
    if isinstance(error, ModuleNotFoundError):
        return f"not installed ({text})"
    return f"{type(error).__name__}: {text}"


class Worker:
    """Holds the peer and the step that is open."""

    def __init__(self, peer, threads):
        self.name, self.threads = peer, threads
        self.peer = self.run = None

    def about(self):
        self.peer = load(self.name, self.threads)
        return {"versions": self.peer.versions(), "python": sys.version.split()[0]}

    def open(self, workload):
        """Make the step and return what the first runs result in, and the state they leave."""
        workload = BY_NAME[workload]
        step = self.peer.step(workload)
        digests = [digest(step.arrays(step.run())) for _ in range(workload.check_steps)]
        self.run = step.run
        return {"digest": digests, "state": digest(step.state())}

    def time(self, loops):
        """Return the seconds that `loops` runs took. Garbage collection stays on, as for users."""
        run = self.run
        gc.collect()
        if loops > 1:
            run()  # caches belong to another peer by now
        begin = time.perf_counter()
        for _ in repeat(None, loops):
            run()
        return {"seconds": time.perf_counter() - begin}

    def close(self):
        self.run = None
        gc.collect()
        return {}


def own_stdout():
    """Return a private copy of stdout, and let what libraries print go to stderr."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


def serve(worker):
    """Answer requests until there are no more."""
    channel = own_stdout()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001 - any failure of a peer is a result
            worker.run = None
            reply = {"error": reason_of(error)}
        channel.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    serve(Worker(sys.argv[1], int(sys.argv[2])))
