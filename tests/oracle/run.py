"""One run of the suite: both sides evaluated and compared.

In: the Python interpreter with TensorFlow and, optionally, the names to look at.  Out: a
``Report``.
"""

from __future__ import annotations

import pickle
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import tfmini as tf
from tests.oracle import deviations, generate, names, plugins
from tests.oracle.compare import differences
from tests.oracle.evaluate import Case, Outcome, evaluate_all
from tests.oracle.report import Failure, Report
from tfmini.registry import registry

WORKER = Path(__file__).with_name("worker.py")


class OracleError(RuntimeError):
    """TensorFlow could not be asked."""


def run(python: str, only: list[str] | None = None) -> Report:
    """Compare all functions, or those of ``only``, those of the packages of plugins/ included."""
    with plugins.loaded() as more:
        report = _run(python, names.functions(more.names), only)
        report.absent = more.absent
        return report


def _run(python: str, functions: dict[str, list[str]], only: list[str] | None) -> Report:
    wanted = [p for p in functions if only is None or p in only or set(functions[p]) & set(only)]
    unknown = set(only or ()) - {n for p in wanted for n in (p, *functions[p])}
    if unknown:
        raise OracleError(f"no public function of tfmini: {', '.join(sorted(unknown))}")
    cases = generate.cases({p: functions[p] for p in wanted})
    asked = {
        "names": [n for p in wanted for n in (p, *functions[p])],
        "aliases": {p: functions[p] for p in wanted},
        "cases": [tuple(c) for c in cases],
    }
    with tempfile.TemporaryDirectory() as folder, _started(python, folder, asked) as process:
        types: set[str] = set()
        ours = evaluate_all(tf, cases, loose=True, types=types)  # meanwhile TensorFlow works
        answer = _answer(process, folder)
    report = Report(answer["version"])
    _compare(report, cases, ours, answer)
    _coverage(report, {p: functions[p] for p in wanted}, cases, answer["paths"])
    if not only:
        report.stale = [d for d in deviations.DEVIATIONS if d not in report.deviating]
        known = set(registry.types()) & set(answer["types"])
        report.untouched = sorted(known - types - names.exempt_types().keys())
    return report


def _started(python: str, folder: str, asked: dict[str, Any]) -> subprocess.Popen[bytes]:
    source = Path(folder, "cases.pkl")
    source.write_bytes(pickle.dumps(asked))
    command = [python, str(WORKER), str(source), str(Path(folder, "outcomes.pkl"))]
    try:
        return subprocess.Popen(command, stderr=subprocess.PIPE)
    except OSError as e:
        raise OracleError(f"{python!r} can't be started: {e}") from e


def _answer(process: subprocess.Popen[bytes], folder: str) -> dict[str, Any]:
    _, text = process.communicate()
    if process.returncode:
        last = text.decode(errors="replace").strip().splitlines()[-5:]
        raise OracleError("the process with TensorFlow failed:\n" + "\n".join(last))
    answer: dict[str, Any] = pickle.loads(Path(folder, "outcomes.pkl").read_bytes())
    return answer


def _compare(
    report: Report, cases: list[Case], ours: list[Outcome], answer: dict[str, Any]
) -> None:
    aliases: dict[str, list[str]] = {}
    for path, alias in answer["own"]:
        aliases.setdefault(path, []).append(alias)
    for case, mine in zip(cases, ours, strict=True):
        for op in (case.op, *aliases.get(case.op, ())):
            fields = answer["outcomes"].get((op, case.label))
            if fields is not None:
                op = answer["paths"][op] if op == case.op else op
                _judge(report, case._replace(op=op), Outcome(*fields), mine)


def _judge(report: Report, case: Case, theirs: Outcome, mine: Outcome) -> None:
    op = case.op
    report.cases += 1
    report.ops.add(op)
    if theirs.error:
        report.refused += 1
        report.both_refuse += bool(mine.error)
        return
    report.accepted_ops.add(op)
    failures, meant = [], []
    for difference in differences(case, theirs, mine):
        deviation = deviations.find(case, difference)
        if deviation is None:
            failures.append(Failure(op, case, difference))
        else:
            meant.append(deviation)
    if failures:
        report.failures.extend(failures)
        report.failing += 1
    elif meant:
        report.deviate(meant)
    else:
        report.equal += 1


def _coverage(
    report: Report, wanted: dict[str, list[str]], cases: list[Case], paths: dict[str, str]
) -> None:
    """Sort functions without cases: only in tfmini, exempt, or missing in the tables."""
    exempt = names.exemptions()
    covered = {c.op for c in cases}
    for path, others in wanted.items():
        if not paths[path]:
            report.ours_only.append(path)
        elif exempt.keys() & {path, *others}:
            report.exempt.append(path)
        elif path not in covered:
            report.missing.append(path)
