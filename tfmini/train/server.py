"""Descriptions of clusters, and the server of one process.

In: jobs and the addresses of their tasks.  Out: a target for ``tf.Session``.  tfmini runs graphs on
Dask: a cluster of one task is this process, and larger ones are to be Dask clusters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tfmini.device_names import DeviceSpec
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.formats.config import ClusterDef

_PS_OPS = ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable")


class ClusterSpec:
    """The jobs of a cluster: ``{"ps": ["host:2222"], "worker": ["host:2223", "host:2224"]}``.

    A job's tasks are a list of addresses, or a dict of task numbers to addresses.
    """

    def __init__(self, cluster: Any) -> None:
        if isinstance(cluster, ClusterSpec):
            jobs: Mapping[str, Any] = cluster._jobs
        elif isinstance(cluster, ClusterDef):
            jobs = {job.name: dict(job.tasks) for job in cluster.job}
        elif isinstance(cluster, Mapping):
            jobs = cluster
        else:
            raise InvalidTypeError(
                None, None, f"{cluster!r} is no cluster; give a dict of jobs to addresses."
            )
        self._jobs = {name: _numbered(name, tasks) for name, tasks in jobs.items()}

    @property
    def jobs(self) -> list[str]:
        """The names of the jobs."""
        return list(self._jobs)

    def num_tasks(self, job_name: str) -> int:
        """Return how many tasks a job has."""
        return len(self._job(job_name))

    def task_indices(self, job_name: str) -> list[int]:
        """Return the numbers of a job's tasks, in order."""
        return sorted(self._job(job_name))

    def task_address(self, job_name: str, task_index: int) -> str:
        """Return the address of a task."""
        try:
            return self._job(job_name)[task_index]
        except KeyError:
            raise InvalidArgumentError(
                None, None, f"no task {task_index} in job {job_name!r}."
            ) from None

    def job_tasks(self, job_name: str) -> list[str | None]:
        """Return the addresses of a job's tasks by number; None where a number is left out."""
        tasks = self._job(job_name)
        return [tasks.get(i) for i in range(max(tasks, default=-1) + 1)]

    def as_dict(self) -> dict[str, Any]:
        """Return the jobs as a dict, with lists where tasks are numbered from 0 without gaps."""
        return {
            name: list(tasks.values()) if list(tasks) == list(range(len(tasks))) else dict(tasks)
            for name, tasks in self._jobs.items()
        }

    def as_cluster_def(self) -> ClusterDef:
        """Return the message of this cluster."""
        out = ClusterDef()
        for name, tasks in sorted(self._jobs.items()):
            job = out.job.add(name=name)
            for index, address in tasks.items():
                job.tasks[index] = address
        return out

    def _job(self, name: str) -> dict[int, str]:
        try:
            return self._jobs[name]
        except KeyError:
            raise InvalidArgumentError(
                None, None, f"no job {name!r} in the cluster; it has {', '.join(self._jobs)}."
            ) from None

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClusterSpec) and self._jobs == other._jobs

    def __hash__(self) -> int:
        return hash(repr(sorted(self._jobs.items())))

    def __repr__(self) -> str:
        return f"ClusterSpec({self.as_dict()!r})"


def _numbered(name: str, tasks: Any) -> dict[int, str]:
    if isinstance(tasks, (list, tuple)):
        tasks = dict(enumerate(tasks))
    if not isinstance(tasks, Mapping):
        raise InvalidTypeError(
            None, None, f"the tasks of job {name!r} must be a list or dict of addresses."
        )
    return {int(i): str(address) for i, address in sorted(tasks.items())}


class Server:
    """The server of a task; here, of the only one: this process.

    ``tf.Session(server.target)`` runs where a session without a target would.
    """

    def __init__(
        self,
        server_or_cluster_def: Any,
        job_name: str | None = None,
        task_index: int | None = None,
        protocol: str | None = None,
        config: Any = None,
        start: bool = True,
    ) -> None:
        cluster = ClusterSpec(server_or_cluster_def)
        tasks = [(job, i) for job in cluster.jobs for i in cluster.task_indices(job)]
        if len(tasks) != 1:
            raise UnimplementedError(
                None,
                None,
                f"a tf.train.Server of a cluster of {len(tasks)} tasks. tfmini runs graphs on "
                f"Dask: start `dask scheduler` and `dask worker ADDRESS`, drop the ClusterSpec and "
                f"the parameter servers, and open tf.Session('tcp://host:8786').",
            )
        given = (tasks[0][0] if job_name is None else job_name, task_index or 0)
        cluster.task_address(*given)
        self._ended = threading.Event()

    @staticmethod
    def create_local_server(config: Any = None, start: bool = True) -> Server:
        """Return the server of this process alone."""
        return Server({"local": ["localhost:0"]}, config=config, start=start)

    @property
    def target(self) -> str:
        """What to pass to ``tf.Session``."""
        return ""

    def start(self) -> None:
        """Start the server: nothing to do, since it is this process."""

    def join(self) -> None:
        """Wait until the server ends, that is, for ever."""
        self._ended.wait()


def replica_device_setter(
    ps_tasks: int = 0,
    ps_device: str = "/job:ps",
    worker_device: str = "/job:worker",
    merge_devices: bool = True,
    cluster: Any = None,
    ps_ops: Any = None,
    ps_strategy: Callable[[Any], int] | None = None,
) -> Callable[[Any], str] | None:
    """Return a function for ``tf.device`` that deals variables out to parameter servers in turn.

    None without parameter servers.  What a node's device says already stays, unless
    ``merge_devices`` is False.  As with any device, where nodes run is the session's decision.
    """
    if cluster is not None:
        jobs = ClusterSpec(cluster).as_dict()
        ps_tasks = len(jobs.get(ps_device.split("job:")[-1].split("/")[0], ()))
    if ps_tasks == 0:
        return None
    kinds = _PS_OPS if ps_ops is None else tuple(ps_ops)
    dealt = -1

    def device_of(op: Any) -> str:
        nonlocal dealt
        if not merge_devices and op.device:
            return op.device
        device = DeviceSpec.from_string(worker_device or "")
        if op.type in kinds:
            dealt = (dealt + 1) % ps_tasks if ps_strategy is None else ps_strategy(op)
            device = DeviceSpec.from_string(ps_device).replace(task=dealt)
        device.merge_from(DeviceSpec.from_string(op.device))
        return device.to_string()

    return device_of
