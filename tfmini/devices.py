"""The processors that a session runs on, as TensorFlow lists devices.

In: an executor.  Out: a ``Device`` for this process, or one per worker of a cluster.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple


class Device(NamedTuple):
    """A processor: its name, ``device_type`` ("CPU") and memory."""

    name: str
    device_type: str = "CPU"
    memory_limit_bytes: int = 0
    incarnation: int = 0
    physical_device_desc: str = ""

    @property
    def memory_limit(self) -> int:
        return self.memory_limit_bytes


def devices(executor: Any = None) -> list[Device]:
    """Return the devices of ``executor``: the workers of its cluster, or this process."""
    client = getattr(executor, "client", None)
    if client is None:
        return [Device(_name(0), memory_limit_bytes=_memory())]
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return [
        Device(_name(i), memory_limit_bytes=int(w["memory_limit"] or 0), physical_device_desc=a)
        for i, (a, w) in enumerate(sorted(workers.items()))
    ]


def list_local_devices(session_config: Any = None) -> list[Device]:
    """Return the devices of this machine."""
    return devices()


def _name(task: int) -> str:
    return f"/job:localhost/replica:0/task:{task}/device:CPU:0"


def _memory() -> int:
    """Return the bytes of memory of this machine, 0 if the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
