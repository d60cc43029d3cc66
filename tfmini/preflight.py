"""Whether the workers of a cluster have what a session's tasks need, before any of them runs.

In: a client, and the packages of tasks.  Out: nothing, or an error that names operations, package,
versions here and there, the worker, and the remedy.  Workers that join later look for themselves
when they get a task, see ``tasks.PackedTask``; one without tfmini fails it, and is then named here.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from tfmini import uploads
from tfmini.errors import FailedPreconditionError
from tfmini.tasks import Package, installed_version, unfit

_SO_FAR = "Nothing has run."


class Preflight:
    """Looks at the workers of one cluster.

    ``memory`` is how many bytes the smallest worker may use, 0 where there is no limit.
    """

    def __init__(self, client: Any, upload: bool) -> None:
        self.memory = 0
        self._client = client
        self._upload = upload
        self._checked = {"tfmini"}

    def first(self) -> None:
        """Raise unless every worker has tfmini; wait for one, as Dask does, if there is none."""
        if not self.tfmini():
            self._client.submit(len, (), pure=False).result()
            self.tfmini()
        workers = self._client.scheduler_info()["workers"].values()
        limits = [w["memory_limit"] for w in workers if w["memory_limit"]]
        self.memory = min(limits, default=0)

    def tfmini(self, so_far: str = _SO_FAR) -> int:
        """Return the number of workers; raise if one lacks tfmini, or has another version."""
        # By a function that is everywhere: without tfmini a worker can't even read ours.
        found = self._client.run(pkgutil.resolve_name, "tfmini:__version__", on_error="return")
        package = Package(installed_version("tfmini"), ("tfmini",), ("of every type",))
        for worker, there in found.items():
            if isinstance(there, (ImportError, AttributeError)):
                problem = f"{type(there).__name__}: {there}"
                raise _unfit("tfmini", package, None, problem, worker, so_far)
            if isinstance(there, str) and there != package.version:
                raise _unfit("tfmini", package, there, "", worker, so_far)
        return len(found)

    def packages(self, packages: Mapping[str, Package]) -> None:
        """Raise unless every worker has these packages, in the version that is here."""
        new = {p: packages[p] for p in packages if p not in self._checked}
        if not new:
            return
        if self._upload:
            self._send(new)
        self.tfmini()  # a worker that has joined may be without
        modules = {name: package.modules for name, package in new.items()}
        for worker, found in self._client.run(_look, modules, on_error="return").items():
            if isinstance(found, OSError):
                continue  # it has left
            if isinstance(found, BaseException):
                raise found
            for name, package in new.items():
                there, problem = found[name]
                sent = self._upload and there is None
                if problem or (there != package.version and not sent):
                    raise _unfit(name, package, there, problem, worker, _SO_FAR)
        self._checked |= set(new)

    def _send(self, packages: Mapping[str, Package]) -> None:
        """Send packages to workers, also those that join later; the scheduler needs none."""
        from distributed.diagnostics.plugin import UploadFile

        for name, package in packages.items():
            for path in uploads.files_of(name, package.modules):
                self._client.register_plugin(UploadFile(path), f"tfmini-{os.path.basename(path)}")


def _unfit(
    name: str, package: Package, there: str | None, problem: str, worker: str, so_far: str
) -> FailedPreconditionError:
    where = f"worker {worker}"
    return unfit(name, package.version, package.ops, there, problem, where, so_far)


def _look(modules: Mapping[str, Sequence[str]]) -> dict[str, tuple[str | None, str]]:
    """Return each package's version in this process, and what is wrong with its modules."""
    out = {}
    for package, names in modules.items():
        problem = ""
        for name in names:
            try:
                importlib.import_module(name)
            except Exception as e:  # noqa: BLE001 - told to the user
                problem = f"{type(e).__name__}: {e}, in process {os.getpid()}"
        out[package] = installed_version(package), problem
    return out
