"""The process in which one peer lives: ``python -m tests.bench.cluster.worker PEER THREADS SCALE``.

See `tests.bench.worker` for what it is asked and answers.
"""

import sys
from importlib import import_module

from ..check import digest
from ..worker import Worker, serve
from .workloads import workloads


class ClusterWorker(Worker):
    """Holds a peer of this folder."""

    def __init__(self, peer, threads, scale):
        super().__init__(peer, threads)
        self._workloads = {w.name: w for w in workloads(scale)}

    def about(self):
        self.peer = import_module(f"{__package__}.peers.{self.name}").PEER(self.threads)
        return {"versions": self.peer.versions(), "python": sys.version.split()[0]}

    def open(self, workload):
        self.close()  # large data of the one before
        workload = self._workloads[workload]
        step = self.peer.step(workload)
        digests = [digest(step.arrays(step.run())) for _ in range(workload.check_steps)]
        self.run = step.run
        return {"digest": digests, "state": digest(step.state())}


if __name__ == "__main__":
    serve(ClusterWorker(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
