"""What a peer is: the one interface behind which every file of `peers/` stands.

In: a workload. Out: a `Step`, or `Unsupported` with the reason why there is none.
"""

import time
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any, NamedTuple

import numpy as np

from .workloads import PEERS


class Unsupported(Exception):
    """This peer cannot do this workload; the message is the reason shown in the report."""


def as_arrays(result):
    """Return a step's result, an array-like or a list of them, as a list of NumPy arrays."""
    return [np.asarray(r) for r in (result if isinstance(result, (list, tuple)) else [result])]


class Step(NamedTuple):
    """`run()` does the timed work once; `arrays(result)`, not timed, makes it comparable.

    `state()` returns the parameters that training steps have moved, in the order and layout of
    `data`: a loss alone hardly shows that one bias was forgotten.
    """

    run: Callable[[], Any]
    arrays: Callable[[Any], list] = as_arrays
    state: Callable[[], list] = list


class Peer:
    """Base of all peers. A workload is a method that returns a `Step`, with data from `data`.

    `distribution` is where its version stands, None for what is only a file of this folder.
    `cannot` gives the reason for each method left out.
    `threads` bounds the threads inside one kernel; the environment has been set for BLAS and
    OpenMP before this process began, so only a library with its own setting needs to read it.
    """

    distribution: str | None = None
    cannot: dict[str, str] = {}

    def __init__(self, threads):
        self.threads = threads

    def step(self, workload):
        """Return the step of `workload`, or raise `Unsupported`."""
        method = getattr(self, workload.method, None)
        if method is None:
            raise Unsupported(self.cannot.get(workload.method, "this peer has no such workload"))
        return method(*workload.arguments)

    def first_result(self):
        """Return the seconds from the graph of W3, built, to its first result.

        Libraries whose building and compiling are apart override it; here nothing but the first
        call remains once the step is made.
        """
        step = self.mlp_adam(128)
        begin = time.perf_counter()
        step.run()
        return time.perf_counter() - begin

    def versions(self):
        """Return the versions of what this process runs on."""
        found = {"numpy": np.__version__}
        if self.distribution:
            try:
                found[self.distribution] = metadata.version(self.distribution)
            except metadata.PackageNotFoundError:
                found[self.distribution] = "source tree"
        return found


def load(name, threads):
    """Return the peer `name`; importing its file imports its library."""
    if name not in PEERS:
        raise ValueError(f"no peer {name!r}; there are: {', '.join(PEERS)}")
    return import_module(f"{__package__}.peers.{name}").PEER(threads)
