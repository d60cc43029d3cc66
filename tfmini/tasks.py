"""What Dask tasks call: a region's function, where the task runs and how it travels there.

In: compiled functions.  Out: callables that pickle; on a worker they are unpacked when they first
run, and say which package is missing there if they can't be.  What a cluster is sent needs nothing
to be read: its scheduler need not have tfmini, and a worker without it fails like any task.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pickle
import pkgutil
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from tfmini import threads
from tfmini.codegen import Function
from tfmini.errors import FailedPreconditionError, NodeInfo
from tfmini.opdef import OpDef


def pick(values: tuple[Any, ...], indices: tuple[int, ...]) -> tuple[Any, ...]:
    """Return some elements of a task's result."""
    return tuple([values[i] for i in indices])


def run_task(
    task: Any, picks: tuple[int | None, ...], options: tuple[Any, ...], *results: Any
) -> Any:
    """Call ``task`` with one element of each result; what all Dask tasks of a run do."""
    values = [r if k is None else r[k] for r, k in zip(results, picks, strict=True)]
    return received(task)(values, *options)


def received(task: Any) -> Callable[..., Any]:
    """Return what to call for a task as it is sent: ``RegionTask.sent``, or a function's name."""
    if isinstance(task, tuple):
        return PackedTask(*task)
    return pkgutil.resolve_name(task) if isinstance(task, str) else task


def name_of(function: Callable[..., Any]) -> str:
    """Return the name by which ``pkgutil.resolve_name`` finds a function of a module."""
    return f"{function.__module__}:{function.__qualname__}"


def together(*results: Any) -> tuple[Any, ...]:
    """Return the results of tasks that run inside of one."""
    return results


class Package(NamedTuple):
    """What a region needs of a distribution: its version here, modules, and operation types."""

    version: str | None
    modules: tuple[str, ...]
    ops: tuple[str, ...]


# Of packages that a task needs: the name, the version where the task was made, some types.
Versions = tuple[tuple[str, str | None, tuple[str, ...]], ...]


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

    @property
    def largest(self) -> tuple[NodeInfo | None, Any]:
        """The largest of the arrays that travel with it, and the node that takes it."""
        scope = self.function.scope
        name = max(scope, key=lambda n: getattr(scope[n], "nbytes", 0))
        takers = [info for info, names in self.function.lines.values() if name in names]
        return next(iter(takers), None), scope[name]

    @cached_property
    def packed(self) -> bytes:
        """What travels."""
        import cloudpickle  # type: ignore[import-untyped]  # Dask brings it

        return bytes(cloudpickle.dumps(type(self)._parts(self)))

    def _parts(self) -> tuple[Any, ...]:
        return type(self), self.function

    @cached_property
    def sent(self) -> tuple[bytes, Versions, str]:
        """What stands for this task where tfmini may be missing; see ``received``."""
        versions = tuple([(n, p.version, p.ops[:5]) for n, p in self.packages.items()])
        return self.packed, versions, self.__name__

    def __reduce__(self) -> Any:
        return PackedTask, self.sent


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

    def __init__(self, packed: bytes, versions: Versions, name: str) -> None:
        self.packed = packed
        self.versions = versions
        self.__name__ = name

    def __call__(self, values: Sequence[Any], *options: Any, **keywords: Any) -> Any:
        return _unpacked(self.packed, self.versions)(values, *options, **keywords)

    def __reduce__(self) -> Any:
        return PackedTask, (self.packed, self.versions, self.__name__)


@lru_cache(maxsize=256)
def _unpacked(packed: bytes, versions: Versions) -> RegionTask:
    """Return the task; its packages are compared with those of this process first."""
    # One that was sent as a file is there without a version.
    others = [v for v in versions if installed_version(v[0]) not in (v[1], None)]
    if others:
        raise _unfit_here(others, "")
    try:
        kind, *parts = pickle.loads(packed)
    except (ImportError, AttributeError) as e:
        differ = [v for v in versions if installed_version(v[0]) != v[1]]
        raise _unfit_here(differ or versions, f"{type(e).__name__}: {e}") from None
    task: RegionTask = kind(*parts)
    return task


def _unfit_here(packages: Sequence[Any], problem: str) -> FailedPreconditionError:
    """Return the error for the last of packages that are not in this process as they should be."""
    name, version, ops = packages[-1]
    there, where = installed_version(name), _this_process()
    return unfit(name, version, ops, there, problem, where, "No variable has changed.")
