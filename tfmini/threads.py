"""Threads below the level of tasks: blocks of one array operation, and BLAS's own threads.

In: functions over a range of blocks; the wish to bound BLAS.  Out: the work done on all cores, or
on one where other regions already use the rest.  A machine's cores are shared by three users
(Dask's tasks, blocks, BLAS); whoever runs several at once bounds the levels below, so that there
are never more busy threads than cores.
"""

from __future__ import annotations

import ctypes
import glob
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

import numpy as np

# The cores that this process may use: a container may have fewer than the machine.
CPU_COUNT = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)


class _Local(threading.local):
    serial = False


_local = _Local()


@contextmanager
def serial() -> Iterator[None]:
    """Run blocks in this thread only: others have work of their own."""
    outer = _local.serial
    _local.serial = True
    try:
        yield
    finally:
        _local.serial = outer


def run_blocks(
    work: Callable[[Iterator[Any]], None], blocks: Sequence[Any], nested: bool = False
) -> None:
    """Call ``work`` on every core at once, each with an iterator; together they yield ``blocks``.

    Whoever is free takes the next block, so a core that other programs keep busy takes fewer.
    Results must not depend on who takes which.  ``nested`` blocks may have blocks of their own,
    which threads that have none left take part in.
    """
    others = 0 if _local.serial else min(CPU_COUNT, len(blocks)) - 1
    if others <= 0:
        work(iter(blocks))
        return
    left = deque(blocks)
    _elsewhere()
    context = nullcontext if nested else serial
    futures = [_pool().submit(_quietly, context, work, _taken(left)) for _ in range(others)]
    try:
        work(_taken(left))
    finally:
        left.clear()  # after an error
        for future in futures:
            if not future.cancel():
                future.exception()  # wait: it writes to the caller's arrays
    for future in futures:
        if not future.cancelled():
            future.result()


def _taken(left: deque[Any]) -> Iterator[Any]:
    """Take blocks until none is left; other threads take from the same ``left``."""
    while True:
        try:
            block = left.popleft()
        except IndexError:
            return
        yield block


def _quietly(
    context: Callable[[], AbstractContextManager[None]],
    work: Callable[[Iterator[Any]], None],
    blocks: Iterator[Any],
) -> None:
    with context(), np.errstate(all="ignore"):
        work(blocks)


@cache
def _pool() -> ThreadPoolExecutor:
    _placed.clear()
    return ThreadPoolExecutor(
        max(1, CPU_COUNT - 1),
        thread_name_prefix="tfmini-block",
        initializer=lambda: _placed.setdefault(threading.get_native_id(), -1),
    )


# The pool's threads, each with the core that it is kept off.
_placed: dict[int, int] = {}


def _elsewhere() -> None:
    """Keep the pool's threads off the caller's core.

    Linux likes to wake a thread where its waker runs, which is about to be busy: of two threads
    that start after 5 ms of rest, two in three shared a core for their first milliseconds.
    """
    core = _current_core()
    if core is None or threading.get_native_id() in _placed:
        return  # a thread of the pool stays where it is
    for thread, avoided in list(_placed.items()):
        if avoided != core:
            with suppress(OSError):  # it may have ended, or the cores may be restricted
                os.sched_setaffinity(thread, os.sched_getaffinity(0) - {core})
            _placed[thread] = core


def _current_core() -> int | None:
    """Return the core that this thread runs on, or None where that can't be told or used."""
    return _getcpu()() if CPU_COUNT > 1 and hasattr(os, "sched_setaffinity") else None


@cache
def _getcpu() -> Callable[[], int | None]:
    # PyDLL keeps Python's lock: the call is quicker than handing the lock over.
    return getattr(ctypes.PyDLL(None), "sched_getcpu", lambda: None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


class Blas:
    """The number of threads that NumPy's BLAS uses; a no-op where it can't be set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bounds: list[int] = []
        self._outside = 0

    @contextmanager
    def at_most(self, n: int) -> Iterator[None]:
        """Bound BLAS to ``n`` threads in the block, or to the least that others ask for.

        The number is the process's, so overlapping blocks share it; when the last one ends it is
        what it was before the first.
        """
        functions = _openblas()
        if functions is None:
            yield
            return
        get, put = functions
        with self._lock:
            if not self._bounds:
                self._outside = get()
            self._bounds.append(n)
            put(min(self._outside, *self._bounds))
        try:
            yield
        finally:
            with self._lock:
                self._bounds.remove(n)
                put(min([self._outside, *self._bounds]))


blas = Blas()


def blas_threads() -> int | None:
    """Return how many threads BLAS uses now, or None if it can't be told."""
    functions = _openblas()
    return None if functions is None else functions[0]()


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Find the thread functions of the OpenBLAS that NumPy has loaded."""
    for path in _loaded_libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for prefix, suffix in (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", "")):
            try:
                get: Any = library[f"{prefix}openblas_get_num_threads{suffix}"]
                put: Any = library[f"{prefix}openblas_set_num_threads{suffix}"]
            except AttributeError:
                continue
            get.restype, put.argtypes, put.restype = ctypes.c_int, [ctypes.c_int], None
            return get, put
    return None


def _loaded_libraries() -> list[str]:
    """Return files of BLAS libraries: those mapped into this process, else NumPy's own folder."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "blas" in line.lower()}
    except OSError:
        paths = set()
    home = os.path.dirname(os.path.realpath(np.__file__))
    ours = [os.path.join(os.path.dirname(home), "numpy.libs"), os.path.join(home, ".dylibs")]
    for folder in ours:
        paths.update(glob.glob(os.path.join(folder, "*openblas*")))
    # SciPy brings an OpenBLAS of its own; kernels here use NumPy's.
    return sorted(
        [p for p in paths if os.path.isfile(p)], key=lambda p: (os.path.dirname(p) not in ours, p)
    )
