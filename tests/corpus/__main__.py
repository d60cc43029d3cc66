"""Run all scripts of a folder on tfmini and on TensorFlow, and print what became of each.

In: folders of TensorFlow 1 scripts, which stay as they are: they run in a copy.  Out: a table with
exit state, first error, wall time and the last losses that each printed, for both; and totals.

    python -m tests.corpus ~/TensorFlow-Examples --tensorflow ~/tf/bin/python --limit 120

``--tensorflow`` names the interpreter of an environment that has TensorFlow and tf_keras;
``compat.v1`` answers ``import tensorflow`` there.  Both find the same MNIST, in Keras' cache of a
home of their own.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
_USES = re.compile(r"^\s*(import|from)\s+tensorflow\b", re.M)
_KINDS = {
    "keras": r"keras\.(?!datasets)|from keras|import keras",
    "estimator": r"tf\.estimator|contrib\.(learn|tensor_forest|boosted_trees|factorization)",
    "eager": r"enable_eager|contrib\.eager|GradientTape",
}
_NUMBER = r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?"
_RESULT = re.compile(rf"(loss|cost|accuracy|acc|error|mse)\w*\W{{1,14}}?({_NUMBER})", re.I)
_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*", re.M)


class Outcome(NamedTuple):
    """What became of a script: "ok", "failed" or "time" (over the limit); seconds; what it said."""

    state: str
    seconds: float
    error: str
    results: dict[str, float]


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


def run(command: Sequence[str], script: Path, home: Path, limit: float) -> Outcome:
    """Run ``command script`` in the script's folder and return what became of it."""
    environment = {**os.environ, "HOME": str(home), "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1",
                   "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1",
                   "PYTHONPATH": str(HERE.parents[1])}  # fmt: skip
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [*command, script.name], cwd=script.parent, env=environment, stdout=output,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            status: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
            process.kill()
            process.wait()
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read()
    state = "time" if status is None else "failed" if status else "ok"
    return Outcome(state, seconds, first_error(text) if state == "failed" else "", results(text))


def first_error(text: str) -> str:
    """Return the line that names the exception, or the last line there is."""
    errors = _ERROR.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return str(errors[-1] if errors else lines[-1] if lines else "no output").strip()


def results(text: str) -> dict[str, float]:
    """Return the last number printed after each of loss, cost, accuracy, ..."""
    return {word.lower(): float(number) for word, number in _RESULT.findall(text)}


def compared(ours: Outcome, theirs: Outcome | None) -> str:
    """Return the last results of both, side by side."""
    words = ours.results if theirs is None else {**theirs.results, **ours.results}
    cells = []
    for word in words:
        pair = [f"{o.results[word]:.4g}" if word in o.results else "-"
                for o in (ours, theirs) if o is not None]  # fmt: skip
        cells.append(f"{word} {' / '.join(pair)}")
    return ", ".join(cells[:3])


class Row(NamedTuple):
    """One script: its name, kind, and both outcomes (None: not run)."""

    name: str
    kind: str
    ours: Outcome
    theirs: Outcome | None

    def cells(self) -> list[str]:
        theirs = self.theirs
        return [
            self.name, self.kind, self.ours.state, f"{self.ours.seconds:.1f}",
            theirs.state if theirs else "", f"{theirs.seconds:.1f}" if theirs else "",
            compared(self.ours, theirs), self.ours.error[:_LONGEST],
            theirs.error[:_LONGEST] if theirs else "",
        ]  # fmt: skip


HEAD = ["script", "kind", "tfmini", "s", "TensorFlow", "s", "last results", "error of tfmini",
        "error of TensorFlow"]  # fmt: skip
_LONGEST = 150  # of an error's text


def rows(
    folder: Path, tensorflow: str | None, limit: float, pattern: str, scratch: Path
) -> Iterator[Row]:
    """Run each script of ``folder`` in copies below ``scratch``."""
    copies = {}
    for backend in ("tfmini", *(["tensorflow"] if tensorflow else [])):
        copies[backend] = scratch / backend / folder.name
        shutil.copytree(folder, copies[backend], symlinks=True, dirs_exist_ok=True)
    for script in scripts(folder, pattern):
        name = script.relative_to(folder)
        command = [sys.executable, "-m", "tfmini", "run"]
        ours = run(command, copies["tfmini"] / name, scratch / "home", limit)
        theirs = None
        if tensorflow:
            command = [tensorflow, str(HERE / "on_tensorflow.py")]
            theirs = run(command, copies["tensorflow"] / name, scratch / "home", limit)
        yield Row(f"{folder.name}/{name}", kind_of(script), ours, theirs)


def totals(table: Sequence[Row]) -> str:
    """Return how many of the scripts that TensorFlow runs (or of all) tfmini runs, by kind."""
    lines = []
    for kind in ("graph", *_KINDS):
        mine = [r for r in table if r.kind == kind]
        base = [r for r in mine if r.theirs is None or r.theirs.state == "ok"]
        if not mine:
            continue
        done = [r for r in base if r.ours.state == "ok"]
        slower = [r for r in done if r.theirs and r.ours.seconds > r.theirs.seconds]
        lines.append(
            f"{kind}: {len(mine)} scripts; of {len(base)} that the reference runs, tfmini runs "
            f"{len(done)}; slower in {len(slower)}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="an interpreter with TensorFlow")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each run")
    parser.add_argument("--only", default="", metavar="REGEX", help="of paths")
    options = parser.parse_args()
    table = []
    print("\t".join(HEAD))
    with tempfile.TemporaryDirectory(prefix="corpus") as temporary:
        scratch = Path(temporary)
        subprocess.run([sys.executable, str(HERE / "digits.py"), str(scratch / "home")], check=True)
        for folder in options.folders:
            for row in rows(folder.resolve(), options.tensorflow, options.limit, options.only,
                            scratch):  # fmt: skip
                print("\t".join(row.cells()), flush=True)
                table.append(row)
    print(totals(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
