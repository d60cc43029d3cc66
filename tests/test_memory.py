"""Memory that blocks free stays for the next, where Dask's workers would give it back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tfmini import memory

FAULTS = """
import resource, numpy as np
from tfmini import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(1 << 18, np.float32) + 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def kept():
    with memory.kept(), memory.kept():
        return faults()

faults()
print(faults(), kept(), faults(), kept())
"""


def counted(**environment):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [int(n) for n in done.stdout.split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults as Linux does")
@pytest.mark.skipif(memory._libc() is None, reason="not glibc")
def test_blocks_take_no_new_pages_on_a_worker_of_dask():
    pages = 50 * 2 * (1 << 20) // os.sysconf("SC_PAGESIZE")
    before, inside, after, again = counted(MALLOC_TRIM_THRESHOLD_="65536")
    assert min(before, after) > 0.9 * pages  # every array is new
    assert max(inside, again) < 0.1 * pages


def test_without_that_setting_nothing_is_changed(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    monkeypatch.setattr(memory, "_set", None)  # would fail
    with memory.kept():
        assert memory._users == 0


@pytest.mark.skipif(memory._libc() is None, reason="not glibc")
def test_what_was_set_is_set_again_by_the_last_to_leave(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "99999")
    calls = []
    monkeypatch.setattr(memory, "_set", lambda *given: calls.append(given))
    with memory.kept():
        with pytest.raises(ValueError, match="inside"), memory.kept():
            raise ValueError("inside")
        assert len(set(calls)) == 1
    assert calls[-1] == (65536, 99999)
    assert memory._users == 0
