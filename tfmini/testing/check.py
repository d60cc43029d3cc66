"""Running the rules on an operation, or on all operations of a package.

In: an operation, or a package's name.  Out: reports; ``check_op`` raises if one is a failure.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfmini.errors import NotFoundError
from tfmini.opdef import OpDef
from tfmini.registry import registry
from tfmini.testing.places import Shared
from tfmini.testing.report import RULES, ConformanceError, Report, check_expected, run_rule


def reports_of(
    op: Any,
    *,
    expected_failures: Mapping[str, str] | None = None,
    rules: Iterable[str] | None = None,
    client: Any = None,
    shared: Shared | None = None,
) -> list[Report]:
    """Return a report per rule for ``op``, a function made by ``@op`` or its ``OpDef``.

    Parameters
    ----------
    expected_failures : rules that are known to fail, with reasons
        Those in the class's ``expected_failures`` are added.
    rules : the rules to run, default all
    client : a ``distributed.Client``: executors are compared with its cluster too
    """
    shared = shared or Shared(client)
    subject = shared.add(op)
    expected = check_expected({**subject.opdef.expected_failures, **(expected_failures or {})})
    return [run_rule(name, subject, expected) for name in rules or RULES]


def check_op(
    op: Any, *, expected_failures: Mapping[str, str] | None = None, client: Any = None
) -> list[Report]:
    """Run all rules on ``op``; raise ``ConformanceError`` with what fails, or return the reports.

    >>> reports = check_op(tf.tanh)
    >>> {report.outcome for report in reports} <= {"passed", "skipped"}
    True
    """
    reports = reports_of(op, expected_failures=expected_failures, client=client)
    failed = [str(r) for r in reports if not r.ok]
    if failed:
        raise ConformanceError("\n".join(failed))
    return reports


def check_package(package: str, client: Any = None) -> Iterator[Report]:
    """Yield the reports of all operations of ``package``; they share processes and clusters."""
    shared = Shared(client)
    subjects = [shared.add(op) for op in ops_of(package)]
    for subject in subjects:
        expected = check_expected(subject.opdef.expected_failures)
        for name in RULES:
            yield run_rule(name, subject, expected)


def ops_of(package: str) -> list[OpDef]:
    """Return the operation types of ``package``, by type name.

    Parameters
    ----------
    package : the name of a distribution with an entry point, or of a module to import
    """
    types = registry.types().values()
    wanted = _plain(package)
    found = {o.type: o for o in types if _plain(o.package) == wanted}
    if not found:
        found = {o.type: o for o in types if o.__class__.__module__.partition(".")[0] == package}
    found = found or {o.type: o for o in _of_module(package)}
    if not found:
        known = sorted({o.package for o in types})
        skipped = "".join(f" {r.name} was skipped: {r.reason}." for r in registry.skipped())
        raise NotFoundError(
            None,
            None,
            f"no operations of {package!r}; packages with operations: {', '.join(known)}.{skipped}",
        )
    return [found[name] for name in sorted(found)]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _of_module(name: str) -> list[OpDef]:
    """Return the operations that a module defines, imported if it is no installed plugin."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name is not None and (name == e.name or name.startswith(e.name + ".")):
            return []
        raise
    defined = [getattr(value, "opdef", None) for value in vars(module).values()]
    return [o for o in defined if isinstance(o, OpDef) and type(o).__module__ == module.__name__]
