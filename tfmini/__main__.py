"""The command line: ``python -m tfmini run|plugins|ops|check|new-plugin``.

In: arguments.  Out: a table on standard output, and an exit status.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfmini.errors import OpError
from tfmini.opdef import MISSING, OpDef
from tfmini.registry import registry

RULES = ("infer", "gradient", "cost", "dims")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tfmini",
        description="Run TensorFlow 1 scripts; see and extend what tfmini has.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a TensorFlow 1 script or notebook on tfmini")
    run.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster to run it on")
    run.add_argument("script", help="a Python file or a notebook, as it is")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script is given")
    commands.add_parser("plugins", help="list the packages that give operations")
    ops = commands.add_parser("ops", help="list the operations and their rules")
    ops.add_argument("--missing", choices=RULES, help="only those that lack this rule")
    ops.add_argument("--package", help="only those of this package")
    check = commands.add_parser("check", help="run the conformance kit on a package's operations")
    check.add_argument("package", help="an installed package with operations, or a module")
    check.add_argument("--scheduler", metavar="ADDRESS", help="compare with a Dask cluster too")
    new = commands.add_parser("new-plugin", help="write a package with one operation to start from")
    new.add_argument("name", help="its name, e.g. tfmini-signal")
    new.add_argument("--directory", default=".", help="where to put it, default here")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0].endswith(".ipynb"):
        given.insert(0, "run")
    options = parser.parse_args(given)
    try:
        if options.command == "run":
            return run_script(options.script, options.arguments, options.scheduler)
        if options.command == "plugins":
            return list_plugins()
        if options.command == "check":
            return check_ops(options.package, options.scheduler)
        if options.command == "new-plugin":
            return new_plugin(options.name, options.directory)
        return list_ops(options.missing, options.package)
    except OpError as e:
        print(f"tfmini: {e}", file=sys.stderr)
        return 1


def run_script(script: str, arguments: Sequence[str], scheduler: str | None = None) -> int:
    """Run a script that says ``import tensorflow``; return its exit status."""
    import tfmini  # noqa: F401 - the aliases look names up in it
    from tfmini.compat.script import run
    from tfmini.executors import use_by_default

    if scheduler is None:
        return run(script, arguments)
    with use_by_default(scheduler):
        return run(script, arguments)


def list_plugins() -> int:
    """Print each plugin, what became of it and why; status 1 if one could not be loaded."""
    registry.load_entry_points()
    rows = [("plugin", "version", "status", "operations", "other hooks", "reason")]
    for name, report in sorted(registry.reports.items()):
        count = str(len(report.ops)) if report.status == "loaded" else ""
        hooks = ", ".join(h for h in report.hooks if h != "tfmini_ops")
        rows.append((name, report.version, report.status, count, hooks, report.reason))
    print_table(rows)
    return 1 if registry.skipped() else 0


def list_ops(missing: str | None = None, package: str | None = None) -> int:
    """Print each operation type, its function, package and rules."""
    from tfmini.testing.check import ops_of

    rows: list[tuple[str, ...]] = [("type", "function", "package", *RULES)]
    for opdef in registry.types().values() if package is None else ops_of(package):
        rules = {rule: rule_state(opdef, rule) for rule in RULES}
        if missing and rules[missing]:
            continue
        rows.append((opdef.type, opdef.function_name, opdef.package, *rules.values()))
    print_table(rows)
    return 0


def check_ops(package: str, scheduler: str | None = None) -> int:
    """Print which rules the operations of ``package`` keep; status 1 if one breaks a rule."""
    from tfmini import testing
    from tfmini.executors import resolve

    cluster = resolve(scheduler) if scheduler else None
    try:
        reports = list(testing.check_package(package, getattr(cluster, "client", None)))
    finally:
        if cluster is not None:
            cluster.close()
    print(testing.table(reports))
    return 0 if all(report.ok for report in reports) else 1


def new_plugin(name: str, directory: str) -> int:
    """Write a package to start from, and say what to do with it."""
    from tfmini import scaffold

    folder = scaffold.write(name, directory)
    print(scaffold.next_steps(name, folder))
    return 0


def rule_state(opdef: OpDef, rule: str) -> str:
    """Return "yes", "none" (declared impossible: a gradient) or "" (missing)."""
    value = getattr(opdef, rule)
    if rule == "gradient":
        return "none" if value is None else "" if value is MISSING else "yes"
    return "yes" if value is not None else ""


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows``, the first of them a heading, in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
