"""Rules and their reports.

In: functions of a ``Subject`` decorated with ``@rule``.  Out: ``RULES``, the list of all of them,
and a ``Report`` per operation and rule.  A rule returns None where the operation keeps it, raises
``Fault`` where it doesn't, and ``NotApplicable`` where it has nothing to say.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfmini.errors import InvalidArgumentError

PASSED, FAILED, SKIPPED, EXPECTED = "passed", "failed", "skipped", "expected failure"


class Fault(AssertionError):
    """The operation breaks the rule; the message says with which sample, and how."""


class NotApplicable(Exception):
    """The rule has nothing to check in this operation; the message says why."""


class ConformanceError(AssertionError):
    """An operation broke rules; the message lists them."""


class Report(NamedTuple):
    """What a rule found in an operation."""

    op: str
    rule: str
    outcome: str  # PASSED, FAILED, SKIPPED or EXPECTED
    detail: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome != FAILED

    def __str__(self) -> str:
        return f"{self.op}: {self.rule}: {self.outcome}{': ' if self.detail else ''}{self.detail}"


Rule = Callable[[Any], None]

RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Add ``function`` to the kit, under its own name."""
    if function.__name__ in RULES:
        raise InvalidArgumentError(None, None, f"there is a rule {function.__name__!r} already.")
    RULES[function.__name__] = function
    return function


def run_rule(name: str, subject: Any, expected: Mapping[str, str] | None = None) -> Report:
    """Return the report of rule ``name`` on ``subject``.

    ``expected`` maps rules that are known to fail to reasons; one of those that does not fail is
    a failure, so that the list can't outlive its cause.
    """
    outcome, detail = _outcome(RULES[name], subject)
    if name in (expected or {}):
        reason = (expected or {})[name]
        if outcome == FAILED:
            return Report(subject.name, name, EXPECTED, f"{reason} ({detail})")
        return Report(
            subject.name, name, FAILED, f"expected to fail ({reason}), but it is {outcome}"
        )
    return Report(subject.name, name, outcome, detail)


def _outcome(function: Rule, subject: Any) -> tuple[str, str]:
    try:
        with np.errstate(all="ignore"):
            function(subject)
    except NotApplicable as e:
        return SKIPPED, str(e)
    except Fault as e:
        return FAILED, str(e)
    except Exception as e:  # noqa: BLE001  an operation may raise anything; that is a finding
        frame = traceback.extract_tb(e.__traceback__)[-1]
        where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        return FAILED, f"{type(e).__name__}: {e} (at {where})"
    return PASSED, ""


def check_expected(expected: Mapping[str, str] | None) -> dict[str, str]:
    """Return ``expected`` if all its keys are rules."""
    unknown = sorted(set(expected or {}) - set(RULES))
    if unknown:
        raise InvalidArgumentError(
            None,
            None,
            f"expected_failures names {', '.join(unknown)}; the rules are: {', '.join(RULES)}.",
        )
    return dict(expected or {})


_MARKS = {PASSED: "+", SKIPPED: ".", FAILED: "F", EXPECTED: "x"}


def table(reports: Iterable[Report]) -> str:
    """Return a line per operation with a mark per rule, then what failed and why."""
    reports = list(reports)
    rules = [r for r in RULES if any(report.rule == r for report in reports)]
    marks = {(r.op, r.rule): _MARKS[r.outcome] for r in reports}
    ops = list(dict.fromkeys(r.op for r in reports))
    numbers = [str(i + 1) for i in range(len(rules))]
    rows = [("operation", *numbers)]
    rows += [(op, *[marks.get((op, r), "") for r in rules]) for op in ops]
    first = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{first}}  {' '.join(f'{c:>2}' for c in row[1:])}".rstrip() for row in rows]
    lines += ["", *[f"{number:>2} {r}" for number, r in zip(numbers, rules, strict=True)]]
    lines += ["", "+ kept   . nothing to check   F failed   x expected failure"]
    notes = [r for r in reports if r.outcome in (FAILED, EXPECTED)]
    lines += ["", *[str(r) for r in notes]] if notes else []
    count = {o: sum(r.outcome == o for r in reports) for o in _MARKS}
    lines += ["", f"{len(ops)} operations: " + ", ".join(f"{n} {o}" for o, n in count.items())]
    return "\n".join(lines)
