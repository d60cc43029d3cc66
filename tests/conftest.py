"""What all tests share: a fresh default graph each, verified plans, and a small cluster."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import dask
import pytest

import tfmini as tf
from tfmini import nodes, passes


def pytest_collection_modifyitems(items):
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(autouse=True)
def fresh_graph():
    """Begin with an empty default graph and without a default session."""
    tf.reset_default_graph()
    yield
    nodes._sessions.stack = ()
    tf.reset_default_graph()


@pytest.fixture(autouse=True, scope="session")
def verified_plans():
    """Check each plan after each pass."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "VERIFY", True)
        yield


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process with one thread."""
    from distributed import LocalCluster

    with LocalCluster(
        processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    """A client of the cluster that is nobody's default."""
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="session")
def pool():
    """One pool for all runs on processes: to start one takes as long as most tests."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(
    params=[
        "sync",
        "threads",
        "processes",
        pytest.param("cluster", marks=pytest.mark.cluster),
    ]
)
def target(request):
    """Each place where a session can run, in turn."""
    if request.param == "cluster":
        yield request.getfixturevalue("client")
    elif request.param == "processes":
        with dask.config.set(pool=request.getfixturevalue("pool")):
            yield "processes"
    else:
        yield request.param
