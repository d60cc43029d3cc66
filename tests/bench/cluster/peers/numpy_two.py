"""Plain NumPy in two processes, chunk by chunk: pure computation, with nothing around it.

Each process has every other chunk. In a step the weights go through a pipe, gradients come back.
"""

import multiprocessing

from ...interface import Peer, Step, Unsupported
from .. import data
from ..kernels import loss_and_gradients, updated


def summed(weights, chunks):
    """Return loss and gradients of all chunks, added up."""
    total = None
    for x, y in chunks:
        loss, gradients = loss_and_gradients(weights, x, y)
        total = add(total, (loss, gradients)) if total else (loss, gradients)
    return total


def add(a, b):
    return a[0] + b[0], [p + q for p, q in zip(a[1], b[1], strict=True)]


def other(pipe, problem):
    """Work in the second process until the pipe is closed."""
    chunks = [data.chunk(problem, i) for i in range(1, problem.chunks, 2)]
    try:
        while True:
            pipe.send(summed(pipe.recv(), chunks))
    except (EOFError, OSError):
        return


class NumpyTwo(Peer):
    cannot = {"trivial": "there is no cluster"}

    def train(self, problem):
        if not problem.chunks:
            raise Unsupported("the rows are not in chunks")
        mine, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=other, args=(theirs, problem), daemon=True
        )
        process.start()
        theirs.close()
        chunks = [data.chunk(problem, i) for i in range(0, problem.chunks, 2)]
        weights = data.parameters(problem)

        def run():
            nonlocal weights
            mine.send(weights)
            here = summed(weights, chunks)
            loss, gradients = add(here, mine.recv())
            weights = updated(weights, gradients, problem.rate / problem.rows)
            return loss / problem.rows

        return Step(run, state=lambda: weights)


PEER = NumpyTwo
