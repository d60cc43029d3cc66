"""What Dask tasks call: a region's function, where the task runs and how it travels there.

In: compiled functions.  Out: callables that pickle; on a worker they are unpacked when they first
run, and say which package is missing there if they can't be.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pickle
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from tfmini import threads
from tfmini.codegen import Function
from tfmini.errors import FailedPreconditionError
from tfmini.opdef import OpDef


def pick(values: tuple[Any, ...], indices: tuple[int, ...]) -> tuple[Any, ...]:
    """Return some elements of a task's result."""
    return tuple([values[i] for i in indices])


def run_task(
    task: Any, picks: tuple[int | None, ...], options: tuple[Any, ...], *results: Any
) -> Any:
    """Call ``task`` with one element of each result; what all Dask tasks of a run do."""
    values = [r if k is None else r[k] for r, k in zip(results, picks, strict=True)]
    return task(values, *options)


def together(*results: Any) -> tuple[Any, ...]:
    """Return the results of tasks that run inside of one."""
    return results


class Package(NamedTuple):
    """What a region needs of a distribution: its version here, modules, and operation types."""

    version: str | None
    modules: tuple[str, ...]
    ops: tuple[str, ...]


def installed_version(package: str) -> str | None:
    """Return the version of a distribution in this process, or None."""
    if package == "tfmini":  # the library itself, under whatever name it is installed
        return str(importlib.import_module("tfmini").__version__)
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class RegionTask:
    """Runs a region's function, with ``one_thread`` where other regions run beside it.

    ``tick`` is called after each node, where somebody takes times.
    """

    def __init__(self, function: Function) -> None:
        self.function = function

    def __call__(
        self,
        values: Sequence[Any],
        one_thread: bool = True,
        tick: Callable[[], None] | None = None,
    ) -> tuple[Any, ...]:
        function = self.function
        if tick is not None:
            function, values = function.ticking, [tick, *values]
        if not one_thread:
            return function(*values)
        with threads.serial(), threads.blas.at_most(1):
            return function(*values)

    @property
    def seconds(self) -> float | None:
        """What its last run in this process took."""
        return self.function.seconds

    @property
    def __name__(self) -> str:
        return list(self.function.lines.values())[-1][0].type if self.function.lines else "region"

    @cached_property
    def packages(self) -> dict[str, Package]:
        """The distributions whose operations run here."""
        opdefs = list(self.function.kernels.values())
        found: dict[str, list[OpDef]] = {"tfmini": []}
        for opdef in opdefs:
            opdefs += [step.opdef for step in getattr(opdef, "steps", ())]
            if opdef.package:
                found.setdefault(opdef.package, []).append(opdef)
        return {
            name: Package(
                installed_version(name),
                tuple(sorted({type(o).__module__ for o in opdefs} or {"tfmini"})),
                tuple(sorted({o.type for o in opdefs})),
            )
            for name, opdefs in found.items()
        }

    @cached_property
    def packed(self) -> bytes:
        """What travels."""
        import cloudpickle  # type: ignore[import-untyped]  # Dask brings it

        return bytes(cloudpickle.dumps(type(self)._parts(self)))

    def _parts(self) -> tuple[Any, ...]:
        return type(self), self.function

    def __reduce__(self) -> Any:
        versions = {name: (p.version, p.ops[:5]) for name, p in self.packages.items()}
        return PackedTask, (self.packed, versions, self.__name__)


def unfit(
    name: str,
    version: str | None,
    ops: Sequence[str],
    there: str | None,
    problem: str,
    where: str,
    so_far: str,
) -> FailedPreconditionError:
    """Return the error for a package that a worker lacks, or has in another version."""
    have = f"it has {there}" if there else "it does not have it"
    why = f" ({problem})" if problem else ""
    wanted = "tfmini-dask" if name == "tfmini" else name
    remedy = f"Install {wanted}=={version} there" if version else f"Install {wanted} there"
    if name != "tfmini":
        remedy += ", or, if it is pure Python, give Session(..., upload_plugins=True)"
    return FailedPreconditionError(
        None,
        None,
        f"operations {', '.join(ops[:5])} need package {name!r} {version or ''} on {where}, but "
        f"{have}{why}. {so_far} {remedy}.",
    )


def _this_process() -> str:
    module = sys.modules.get("distributed.worker")
    if module is not None:
        with suppress(ValueError):  # there is no worker here
            return f"worker {module.get_worker().address}"
    return f"process {os.getpid()} of {socket.gethostname()}"


class PackedTask:
    """A ``RegionTask`` that has travelled.

    It is unpacked when it runs, not when it arrives: a worker that can't even read a task breaks
    its connection, and the run would wait for ever.  Equal tasks are unpacked, and compiled, once.
    """

    def __init__(self, packed: bytes, versions: Mapping[str, Any], name: str) -> None:
        self.packed = packed
        self.versions = versions  # package -> (its version where the task was made, some types)
        self.__name__ = name

    def __call__(self, values: Sequence[Any], *options: Any, **keywords: Any) -> Any:
        try:
            task = _unpacked(self.packed)
        except (ImportError, AttributeError) as e:
            raise self._unfit(f"{type(e).__name__}: {e}") from None
        if self.packed not in _fit:
            for package, (version, _) in self.versions.items():
                # One that was sent as a file is there without a version.
                if installed_version(package) not in (version, None):
                    raise self._unfit("")
            _fit[self.packed] = None
        return task(values, *options, **keywords)

    def _unfit(self, problem: str) -> FailedPreconditionError:
        """Return the error for the last package that is not here as it should be."""
        differ = [n for n, (v, _) in self.versions.items() if installed_version(n) != v]
        name = (differ or list(self.versions))[-1]
        version, ops = self.versions[name]
        there, where = installed_version(name), _this_process()
        return unfit(name, version, ops, there, problem, where, "No variable has changed.")

    def __reduce__(self) -> Any:
        return PackedTask, (self.packed, self.versions, self.__name__)


_fit: dict[bytes, None] = {}  # tasks whose packages have been compared


@lru_cache(maxsize=256)
def _unpacked(packed: bytes) -> RegionTask:
    kind, *parts = pickle.loads(packed)
    task: RegionTask = kind(*parts)
    return task
