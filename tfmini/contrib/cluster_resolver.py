"""``tf.contrib.cluster_resolver``: where the addresses of a cluster come from.

In: a `ClusterSpec`, or the environment.  Out: the cluster, and the address of its master.
"""

from __future__ import annotations

import json
import os
from typing import Any

from tfmini.errors import InvalidArgumentError, UnavailableError
from tfmini.train.server import ClusterSpec

__all__ = [
    "ClusterResolver", "SimpleClusterResolver", "TFConfigClusterResolver", "TPUClusterResolver",
]  # fmt: skip


class ClusterResolver:
    """What says which cluster there is; its subclasses know how.

    Attributes
    ----------
    task_type, task_id : this process's job and number, or None
    rpc_layer : the scheme before a master's address, or None
    environment : "" or "google"
    """

    task_type: str | None = None
    task_id: int | None = None
    rpc_layer: str | None = None
    environment: str = ""

    def cluster_spec(self) -> ClusterSpec:
        """Return the cluster."""
        raise NotImplementedError

    def master(
        self, task_type: str | None = None, task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:  # fmt: skip
        """Return the target for ``tf.Session``: a task's address, after ``rpc_layer://``."""
        job = self.task_type if task_type is None else task_type
        number = self.task_id if task_id is None else task_id
        if job is None or number is None:
            return ""
        return _with_layer(self.cluster_spec().task_address(job, number),
                           rpc_layer or self.rpc_layer)  # fmt: skip

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """Return how many there are of each kind of accelerator."""
        return {}


def _with_layer(address: str, rpc_layer: str | None) -> str:
    return f"{rpc_layer}://{address}" if rpc_layer and address else address


class SimpleClusterResolver(ClusterResolver):
    """A cluster that is known already, and its ``master``."""

    def __init__(
        self, cluster_spec: ClusterSpec, master: str = "", task_type: str | None = None,
        task_id: int | None = None, environment: str = "",
        num_accelerators: dict[str, int] | None = None, rpc_layer: str | None = None,
    ) -> None:  # fmt: skip
        self._cluster = ClusterSpec(cluster_spec)
        self._master = master
        self.task_type, self.task_id = task_type, task_id
        self.environment, self.rpc_layer = environment, rpc_layer
        self._accelerators = num_accelerators or {}

    def cluster_spec(self) -> ClusterSpec:
        return self._cluster

    def master(
        self, task_type: str | None = None, task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:  # fmt: skip
        if task_type is not None and task_id is not None:
            return super().master(task_type, task_id, rpc_layer)
        return _with_layer(self._master, rpc_layer or self.rpc_layer)

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        return dict(self._accelerators)


class TFConfigClusterResolver(ClusterResolver):
    """The cluster in the environment variable TF_CONFIG.

    TF_CONFIG is JSON: ``{"cluster": {"worker": ["host:2222"]}, "task": {"type": "worker",
    "index": 0}, "rpc_layer": "grpc"}``.  What is given here comes first.
    """

    def __init__(
        self, task_type: str | None = None, task_id: int | None = None,
        rpc_layer: str | None = None, environment: str | None = None,
    ) -> None:  # fmt: skip
        config = _config()
        task = config.get("task", {})
        self.task_type = task.get("type") if task_type is None else str(task_type)
        number = task.get("index") if task_id is None else task_id
        self.task_id = None if number is None else int(number)
        self.rpc_layer = config.get("rpc_layer", "grpc") if rpc_layer is None else rpc_layer
        self.environment = config.get("environment", "") if environment is None else environment

    def cluster_spec(self) -> ClusterSpec:
        return ClusterSpec(_config().get("cluster", {}))

    def master(
        self, task_type: str | None = None, task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:  # fmt: skip
        tasks = [a for job in self.cluster_spec().as_dict().values() for a in job]
        return super().master(task_type, task_id, rpc_layer) if len(tasks) > 1 else ""


def _config() -> dict[str, Any]:
    text = os.environ.get("TF_CONFIG", "{}")
    try:
        found = json.loads(text)
    except ValueError as e:
        raise InvalidArgumentError(None, None, f"TF_CONFIG is no JSON: {e}.") from e
    if not isinstance(found, dict):
        raise InvalidArgumentError(None, None, f"TF_CONFIG must be a JSON object, not {text!r}.")
    return found


class TPUClusterResolver(ClusterResolver):
    """A TPU by its name: an error says that tfmini has none."""

    def __init__(self, tpu: Any = None, *_args: Any, **_options: Any) -> None:
        raise UnavailableError(
            None,
            None,
            f"there is no TPU {tpu!r}: tfmini computes on processors, here or of a Dask cluster. "
            f"Remedy: run the script without its TPU flag (such as --use_tpu=false).",
        )
