"""Run all scripts of a folder on tfmini and on TensorFlow, and print what became of each.

In: folders of TensorFlow 1 scripts, which stay as they are: they run in a copy.  Out: a table with
exit state, whether the numbers agree, wall and CPU time of both, and first errors; and totals.

    python -m tests.corpus ~/TensorFlow-Examples --tensorflow ~/tf/bin/python --limit 120

``--tensorflow`` names the interpreter of an environment that has TensorFlow and tf_keras;
``compat.v1`` answers ``import tensorflow`` there.  Both find the same MNIST, in Keras' cache of a
home of their own.  A script whose numbers differ by more than 1 % runs again on both, with other
seeds, and is judged by their noise (judge.py); its times are those of the fastest run.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.corpus.judge import SAME, side_by_side, verdict
from tests.corpus.outcome import Outcome, run

HERE = Path(__file__).resolve().parent
_USES = re.compile(r"^\s*(import|from)\s+tensorflow\b", re.M)
_KINDS = {
    "keras": r"keras\.(?!datasets)|from keras|import keras",
    "estimator": r"tf\.estimator|contrib\.(learn|tensor_forest|boosted_trees|factorization)",
    "eager": r"enable_eager|contrib\.eager|GradientTape",
}


def scripts(folder: Path, pattern: str = "") -> list[Path]:
    """Return the scripts in ``folder`` that import TensorFlow, by path."""
    found = sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)
    return [
        p for p in found
        if _USES.search(p.read_text(errors="replace")) and re.search(pattern, str(p))
    ]  # fmt: skip


def kind_of(path: Path) -> str:
    """Return "graph", or the layer of TensorFlow that the script leans on."""
    text = path.read_text(errors="replace")
    return next((k for k, pattern in _KINDS.items() if re.search(pattern, text)), "graph")


class Row(NamedTuple):
    """One script: its name, kind, and the outcomes of both backends, one for each seed."""

    name: str
    kind: str
    ours: Sequence[Outcome]
    theirs: Sequence[Outcome] = ()  # not run

    @property
    def both(self) -> bool:
        return bool(self.theirs) and state(self.ours) == state(self.theirs) == "ok"

    @property
    def agreement(self) -> str:
        return verdict(numbers(self.ours), numbers(self.theirs)) if self.both else ""

    def ratio(self, of: str) -> float:
        """Return our time in that of the reference, of ``"seconds"`` or ``"cpu"``."""
        return fastest(self.ours, of) / fastest(self.theirs, of)

    def cells(self) -> list[str]:
        sides = [side for side in (self.ours, self.theirs) if side]
        times = [
            " / ".join(f"{fastest(side, of):.1f}" for side in sides) for of in ("seconds", "cpu")
        ]
        return [
            self.name, self.kind, " / ".join(state(side) for side in sides),
            self.agreement, side_by_side(numbers(self.ours), numbers(self.theirs)), *times,
            f"{self.ratio('cpu'):.2f}" if self.both else "",
            *(side[0].error[:_LONGEST] for side in sides),
        ]  # fmt: skip


HEAD = ["script", "kind", "tfmini / TensorFlow", "numbers", "last numbers, mean±half range",
        "wall s", "CPU s", "ratio of CPU s", "error of tfmini", "error of TensorFlow"]  # fmt: skip
_LONGEST = 150  # of an error's text


def state(outcomes: Sequence[Outcome]) -> str:
    """Return the state of the first run that was not "ok", if any."""
    return next((o.state for o in outcomes if o.state != "ok"), "ok")


def numbers(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    return [outcome.results for outcome in outcomes]


def fastest(outcomes: Sequence[Outcome], of: str) -> float:
    return min(getattr(outcome, of) for outcome in outcomes)


def measured(
    ours: Callable[[int], Outcome], theirs: Callable[[int], Outcome], seeds: int
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of both; of further seeds where those of the first differ."""
    sides = [ours(0)], [theirs(0)]
    for seed in range(1, seeds):
        row = Row("", "", *sides)
        if not row.both or (seed == 1 and row.agreement == SAME):
            break
        for side, backend in zip(sides, (ours, theirs), strict=True):
            side.append(backend(seed))
    return sides


def rows(folder: Path, options: argparse.Namespace, scratch: Path) -> Iterator[Row]:
    """Run each script of ``folder`` in copies below ``scratch``."""
    commands = {"tfmini": [sys.executable, str(HERE / "on_tfmini.py")]}
    if options.tensorflow:
        commands["tensorflow"] = [options.tensorflow, str(HERE / "on_tensorflow.py")]
    for backend in commands:
        copy = scratch / backend / folder.name
        shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
    for script in scripts(folder, options.only):
        kind = kind_of(script)
        if options.kind not in ("", kind):
            continue
        name = script.relative_to(folder)

        def backend(which: str, name: Path = name) -> Callable[[int], Outcome]:
            copy = scratch / which / folder.name / name
            return lambda seed: run(commands[which], copy, scratch / "home", options.limit, seed)

        title = f"{folder.name}/{name}"
        if options.tensorflow:
            both = measured(backend("tfmini"), backend("tensorflow"), options.seeds)
            yield Row(title, kind, *both)
        else:
            yield Row(title, kind, [backend("tfmini")(0)])


def totals(table: Sequence[Row]) -> str:
    """Return how many of the scripts that TensorFlow runs (or of all) tfmini runs, by kind."""
    lines = []
    for kind in ("graph", *_KINDS):
        mine = [r for r in table if r.kind == kind]
        base = [r for r in mine if not r.theirs or state(r.theirs) == "ok"]
        if not mine:
            continue
        done = [r for r in base if state(r.ours) == "ok"]
        lines.append(
            f"{kind}: {len(mine)} scripts; of {len(base)} that the reference runs, tfmini runs "
            f"{len(done)}"
        )
        if pairs := [r for r in done if r.theirs]:
            words = Counter(r.agreement for r in pairs)
            lines.append("  numbers: " + ", ".join(f"{w} {n}" for w, n in sorted(words.items())))
            for of in ("seconds", "cpu"):
                ratios = [r.ratio(of) for r in pairs]
                lines.append(
                    f"  {of}: median ratio {median(ratios):.2f}; "
                    f"more than the reference in {sum(x > 1 for x in ratios)}"
                )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="an interpreter with TensorFlow")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each run")
    parser.add_argument("--seeds", type=int, default=3, help="at most, on each backend")
    parser.add_argument("--only", default="", metavar="REGEX", help="of paths")
    parser.add_argument("--kind", default="", choices=["", "graph", *_KINDS])
    options = parser.parse_args()
    table = []
    print("\t".join(HEAD))
    with tempfile.TemporaryDirectory(prefix="corpus") as temporary:
        scratch = Path(temporary)
        subprocess.run([sys.executable, str(HERE / "digits.py"), str(scratch / "home")], check=True)
        for folder in options.folders:
            for row in rows(folder.resolve(), options, scratch):
                print("\t".join(row.cells()), flush=True)
                table.append(row)
    print(totals(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
