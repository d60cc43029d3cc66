"""What a run found, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tests.oracle.compare import Difference
from tests.oracle.deviations import Deviation
from tests.oracle.evaluate import Case


class Failure(NamedTuple):
    op: str
    case: Case
    difference: Difference

    def __str__(self) -> str:
        what = f"{self.op} {_call(self.case)} [{self.case.label}]"
        return f"{what}\n    {self.difference.aspect}: {self.difference.text}"


def _call(case: Case) -> str:
    parts = [_argument(a) for a in case.args]
    parts += [f"{k}={_argument(v)}" for k, v in case.kwargs.items()]
    return f"({', '.join(parts)})"


def _argument(value: Any) -> str:
    if isinstance(value, np.ndarray):
        small = np.array2string(value, separator=",").replace("\n", "") if value.size < 5 else ""
        return f"{value.dtype}{list(value.shape)}{small}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_argument, value))}]"
    return repr(value)


@dataclass
class Report:
    """The figures of one run; ``ok`` if nothing deviates by accident."""

    version: str
    ops: set[str] = field(default_factory=set)
    cases: int = 0
    equal: int = 0
    refused: int = 0
    both_refuse: int = 0
    failing: int = 0
    failures: list[Failure] = field(default_factory=list)
    deviating: dict[Deviation, int] = field(default_factory=dict)
    deviating_cases: int = 0
    accepted_ops: set[str] = field(default_factory=set)
    ours_only: list[str] = field(default_factory=list)
    exempt: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    stale: list[Deviation] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def never(self) -> list[str]:
        """Ops of which TensorFlow refuses all cases: nothing was compared."""
        return sorted(self.ops - self.accepted_ops)

    @property
    def ok(self) -> bool:
        return not (self.failures or self.missing or self.stale or self.never or self.untouched)

    def deviate(self, meant: list[Deviation]) -> None:
        """Count a case that deviates on purpose only."""
        self.deviating_cases += 1
        for deviation in dict.fromkeys(meant):
            self.deviating[deviation] = self.deviating.get(deviation, 0) + 1

    def figures(self) -> dict[str, int]:
        return {
            "ops compared": len(self.accepted_ops),
            "cases": self.cases,
            "equal": self.equal,
            "deviating on purpose": self.deviating_cases,
            "TensorFlow refuses": self.refused,
            "of these tfmini too": self.both_refuse,
            "failing": self.failing,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the whole report as plain data."""
        return {
            "tensorflow": self.version,
            "figures": self.figures(),
            "ops": sorted(self.accepted_ops),
            "deviations": [
                {"ops": d.ops.split(), "aspects": d.aspects.split(), "condition": d.condition,
                 "reason": d.reason, "cases": n} for d, n in self.deviating.items()
            ],
            "failures": [
                {"op": f.op, "case": f.case.label, "call": _call(f.case),
                 "aspect": f.difference.aspect, "text": f.difference.text} for f in self.failures
            ],
            "unused deviations": [f"{d.ops}: {d.condition}" for d in self.stale],
            "without cases": self.missing,
            "always refused": self.never,
            "types without cases": self.untouched,
            "plugins not loaded": self.absent,
            "exempt": self.exempt,
            "only in tfmini": self.ours_only,
        }  # fmt: skip

    def as_text(self) -> str:
        """Return the report for a terminal."""
        lines = [str(f) for f in self.failures]
        lines += ["", f"tfmini against TensorFlow {self.version}"]
        lines += [f"{name:>22}: {n}" for name, n in self.figures().items()]
        lines += ["", "Deviating on purpose"] if self.deviating else []
        for d, n in self.deviating.items():
            lines += [f"  {d.ops} ({d.aspects}), {d.condition}: {n} cases", f"      {d.reason}"]
        for title, listed in (
            ("Functions that both have, without cases (add rows)", self.missing),
            ("TensorFlow refuses every case of", self.never),
            ("Op types that both have and no case makes (add rows)", self.untouched),
            ("Not loaded, so not compared", self.absent),
            ("Deviations that no case shows", [f"{d.ops}: {d.condition}" for d in self.stale]),
            ("Exempt: no value of their own to compare", self.exempt),
            ("Only in tfmini", self.ours_only),
        ):
            lines += ["", f"{title}: {', '.join(listed)}"] if listed else []
        return "\n".join(lines)
