"""Dask by hand: `dask.array` for rows in chunks, futures for a step on a batch; two workers.

A step on a batch is one task, whose weights never leave the cluster: what a careful user writes.
"""

import operator

import numpy as np

from ...interface import Peer, Step, Unsupported
from .. import data
from ..kernels import loss_and_gradients, updated


def start(threads=1):
    """Return a client of a new cluster of two workers, processes of one thread."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        processes=True, n_workers=2, threads_per_worker=threads, dashboard_address=":0"
    )
    return Client(cluster, set_as_default=False)


def on_cluster(client, problem):
    """Return features and labels as `dask.array`s whose chunks are on the workers, half on each."""
    import dask.array as da

    places = list(client.scheduler_info()["workers"])
    columns = []
    for i, rows in enumerate(problem.sizes()):
        where = [places[i % len(places)]]
        both = client.submit(data.chunk, problem, i, workers=where)
        x, y = [client.submit(operator.getitem, both, k, workers=where) for k in (0, 1)]
        shape, kind = ((rows, 1), np.float32) if problem.layers[-1] == 1 else ((rows,), np.int32)
        columns.append(
            (da.from_delayed(x, (rows, problem.layers[0]), np.float32),
             da.from_delayed(y, shape, kind))
        )  # fmt: skip
    arrays = client.persist([da.concatenate(c) for c in zip(*columns, strict=True)])
    client.gather(client.submit(len, [client.compute(a.sum()) for a in arrays]))
    return arrays


def plus_one(value):
    return value + 1


def step(weights, x, y, rate):
    loss, gradients = loss_and_gradients(weights, x, y)
    return loss / len(x), updated(weights, gradients, rate / len(x))


class Dask(Peer):
    distribution = "distributed"

    def __init__(self, threads):
        super().__init__(threads)
        self.client = start()

    def trivial(self):
        value, submit = np.ones(4, np.float32), self.client.submit
        return Step(lambda: submit(plus_one, value, pure=False).result())

    def train(self, problem):
        if not problem.chunks:
            return self._train_batch(problem)
        if len(problem.layers) > 2:
            raise Unsupported("written for the logistic regression only")
        return self._train_array(problem)

    def _train_batch(self, problem):
        submit = self.client.submit
        x, y = data.whole(problem)
        weights = self.client.scatter([data.parameters(problem)])[0]

        def run():
            nonlocal weights
            both = submit(step, weights, x, y, problem.rate, pure=False)
            loss = submit(operator.getitem, both, 0, pure=False)
            weights = submit(operator.getitem, both, 1, pure=False)
            return loss.result()

        return Step(run, state=lambda: weights.result())

    def _train_array(self, problem):
        import dask
        import dask.array as da

        x, y = on_cluster(self.client, problem)
        w, b = data.parameters(problem)

        def run():
            nonlocal w, b
            z = x.dot(w) + b
            small = da.exp(-da.fabs(z))
            loss = (da.maximum(z, 0) - z * y + da.log1p(small)).sum()
            grad = 1 / (1 + da.exp(-z)) - y
            loss, dw, db = dask.compute(loss, x.T.dot(grad), grad.sum(0), scheduler=self.client)
            w, b = updated([w, b], [dw, db], problem.rate / problem.rows)
            return loss / problem.rows

        return Step(run, state=lambda: [w, b])


PEER = Dask
