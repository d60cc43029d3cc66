"""Threads below tasks: blocks are all done, BLAS is bounded and given back."""

from __future__ import annotations

import os
import threading

import dask.threaded
import numpy as np
import pytest

import tfmini as tf
from tfmini import threads


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_every_block_is_done_once(count):
    done = []
    threads.run_blocks(done.extend, range(count))
    assert sorted(done) == list(range(count))


def test_serial_keeps_to_this_thread():
    names = set()

    def work(blocks):
        names.update(threading.current_thread().name for _ in blocks)

    with threads.serial():
        threads.run_blocks(work, range(8))
    assert names == {threading.current_thread().name}


def test_an_error_in_a_block_arrives():
    def work(blocks):
        for block in blocks:
            if block == 7:
                raise ValueError("in a block")

    with pytest.raises(ValueError, match="in a block"):
        threads.run_blocks(work, range(8))


@pytest.mark.parametrize("outer", [1, 2, 5])
def test_nested_blocks_are_all_done_once_and_their_errors_arrive(outer):
    done = []

    def work(numbers):
        for i in numbers:
            threads.run_blocks(lambda blocks, i=i: done.extend((i, b) for b in blocks), range(6))

    threads.run_blocks(work, range(outer), nested=True)
    assert sorted(done) == [(i, b) for i in range(outer) for b in range(6)]

    def failing(numbers):
        for _ in numbers:
            threads.run_blocks(lambda blocks: [1 // b for b in blocks], range(6))

    with pytest.raises(ZeroDivisionError):
        threads.run_blocks(failing, range(outer), nested=True)


@pytest.mark.skipif(threads.CPU_COUNT < 2, reason="needs two cores")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads can't be placed here")
def test_other_threads_keep_off_the_callers_core(monkeypatch):
    cores = os.sched_getaffinity(0)
    threads._pool().submit(int).result()  # its first thread has started
    for core in sorted(cores)[:2]:
        monkeypatch.setattr(threads, "_current_core", lambda core=core: core)
        threads.run_blocks(list, range(8))
        placed = [os.sched_getaffinity(thread) for thread in threads._placed]
        assert placed
        assert all(p == cores - {core} for p in placed)
    assert os.sched_getaffinity(0) == cores


def test_blas_is_bounded_and_restored():
    before = threads.blas_threads()
    if before is None:
        pytest.skip("this NumPy's BLAS has no thread control that tfmini knows")
    with threads.blas.at_most(1):
        assert threads.blas_threads() == 1
        with threads.blas.at_most(2):
            assert threads.blas_threads() == 1
    assert threads.blas_threads() == before


@pytest.mark.parametrize("target", ["threads", "sync"])
def test_blas_is_restored_after_runs_and_errors(target):
    before = threads.blas_threads()
    x = tf.placeholder(tf.float32, [None, None])
    y = tf.placeholder(tf.float32, [None, None])
    branches = [tf.matmul(x + float(i), y) for i in range(4)]
    with tf.Session(target) as session:
        session.run(branches, {x: np.ones((300, 300)), y: np.ones((300, 300))})
        assert threads.blas_threads() == before
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(branches, {x: np.ones((300, 300)), y: np.ones((200, 300))})
    _let_tasks_end()
    assert threads.blas_threads() == before


def _let_tasks_end():
    """Wait until no thread of Dask's pool works: what is under way when a task fails goes on."""
    pool = dask.threaded.default_pool
    if pool is not None:
        all_here = threading.Barrier(pool._max_workers + 1)
        for _ in range(pool._max_workers):
            pool.submit(all_here.wait)
        all_here.wait()


def test_the_blas_that_is_bounded_is_numpys():
    """SciPy loads another OpenBLAS; bounding that one would change nothing."""
    pytest.importorskip("scipy.linalg")
    libraries = threads._loaded_libraries()
    numpys = [p for p in libraries if "numpy" in p]
    if not numpys:
        pytest.skip("this NumPy's BLAS is not its own")
    assert libraries[0] == numpys[0]
