"""Whole networks and trainings against TensorFlow, value by value.

``python -m tests.oracle.whole --python PATH_TO_PYTHON_WITH_TENSORFLOW [--subjects NAME,...]`` does
the same here and there and prints the worst difference of each run.  TensorFlow 2.16 and later
needs the package tf_keras for layers and cells.

A subject is a module with ``RUNS``, of a name and a function that is given tfmini or TensorFlow and
returns named arrays, and with a ``LIMIT``; or it is "checkpoints", which the sides exchange, or
"exported": graphs of nets that were saved here and are trained on there.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracle.compare import alike_random
from tests.oracle.network import SAMPLE, Found
from tests.oracle.run import OracleError

EXCHANGED, EXPORTED = "checkpoints", "exported"
SUBJECTS = ("training", "layers", "cells", "nets", "graphs", "initializers", "streams", EXCHANGED,
            EXPORTED)  # fmt: skip
WORKER = Path(__file__).with_name("whole_worker.py")
ABSENT = "is not available with Keras 3"  # what TensorFlow without tf_keras says


def compare(python: str, subjects: Sequence[str] = SUBJECTS) -> dict[str, str]:
    """Return what is wrong with each run, "" if nothing is; ``python`` has TensorFlow."""
    import tfmini

    for special, both in ((EXCHANGED, exchange), (EXPORTED, export)):
        if special in subjects:
            others = [s for s in subjects if s != special]
            return both(python) | (compare(python, others) if others else {})
    modules = {s: importlib.import_module(f"tests.oracle.{s}") for s in subjects}
    with tempfile.TemporaryDirectory() as folder:
        theirs = _asked(python, folder, *subjects)
    return {
        f"{subject}: {name}": judge(tfmini, run, theirs[subject][name], module.LIMIT)
        for subject, module in modules.items()
        for name, run in module.RUNS.items()
    }


def exchange(python: str) -> dict[str, str]:
    """Return what is wrong with each checkpoint that one side saved and the other restored."""
    import tfmini
    from tests.oracle import checkpoints

    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = str(Path(folder, "ours")), str(Path(folder, "theirs"))
        checkpoints.save(tfmini, ours)
        there = _asked(python, folder, "--exchange", ours, theirs)
        sides = {
            "here alone": checkpoints.alone(tfmini),
            "saved here, went on there": there["went on"],
            "saved here, imported there": there["imported"],
            "saved there, went on here": checkpoints.go_on(tfmini, theirs, imported=False),
            "saved there, imported here": checkpoints.go_on(tfmini, theirs, imported=True),
            "saved and imported here": checkpoints.go_on(tfmini, ours, imported=True),
        }
        out = {
            f"{EXCHANGED}: {name}, {side}": _told(found, there["alone"][name])
            for side, runs in sides.items()
            for name, found in runs.items()
        }
        for place, expected in there["read"].items():
            read = checkpoints.read(tfmini, place)
            whose = "ours" if place == ours else "theirs"
            out |= {f"{EXCHANGED}: {n}, {whose} read": _told(read[n], expected[n]) for n in read}
    return out


def export(python: str) -> dict[str, str]:
    """Return what is wrong with each graph that was saved here and is trained on there."""
    import tfmini
    from tests.oracle import exported

    with tempfile.TemporaryDirectory() as folder:
        here = exported.save(tfmini, folder)
        there = _asked(python, folder, "--exported", folder)
    return {
        f"{EXPORTED}: {name}": f"TensorFlow: {there[name]}" if isinstance(there[name], str)
        else _told(found, there[name], exported.LIMIT)
        for name, found in here.items()
    }  # fmt: skip


def _told(found: Found, expected: Found, limit: float = 2e-5) -> str:
    wrong = difference(found, expected, limit)
    return "; ".join(f"{name}: {text}" for name, text in wrong.items())


def _asked(python: str, folder: str, *asked: str) -> dict[str, Any]:
    """Return what the worker answers."""
    path = Path(folder, "found.pkl")
    command = [python, str(WORKER), str(path), *asked]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-5:]
        raise OracleError("the process with TensorFlow failed:\n" + "\n".join(last))
    answer: dict[str, Any] = pickle.loads(path.read_bytes())
    return answer


def judge(tf: Any, run: Any, expected: Found | str, limit: float) -> str:
    """Return how far ``run`` is from what TensorFlow found, "" if it is near enough."""
    if isinstance(expected, str):
        return f"TensorFlow: {expected}"
    try:
        found = run(tf)
    except Exception as e:  # noqa: BLE001 - whatever it is, it is told
        return f"tfmini: {type(e).__name__}: {e}"
    return _told(found, expected, limit)


def difference(found: Found, expected: Found, limit: float) -> dict[str, str]:
    """Return by name what differs between two runs."""
    out = {name: "only there" for name in expected.keys() - found.keys()}
    out |= {name: "only here" for name in found.keys() - expected.keys()}
    for name in sorted(found.keys() & expected.keys()):
        mine, theirs = np.asarray(found[name]), np.asarray(expected[name])
        if mine.shape != theirs.shape or mine.dtype.kind != theirs.dtype.kind:
            out[name] = f"{theirs.dtype}{theirs.shape} there, {mine.dtype}{mine.shape} here"
            if theirs.dtype.kind == "U":
                out[name] = f"{theirs.tolist()} there, {mine.tolist()} here"
        elif mine.dtype.kind not in "fc":
            pairs = zip(theirs.flat, mine.flat, strict=True)
            if told := [f"{a} there, {b} here" for a, b in pairs if a != b]:
                out[name] = ", ".join(told)
        elif name.startswith(SAMPLE):
            if not alike_random(theirs, mine):
                out[name] = f"{_moments(theirs)} there, {_moments(mine)} here"
        elif (far := distance(mine, theirs)) > limit:
            out[name] = f"off by {far:.1e} of the largest"
    return out


def distance(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, relative to the largest element; infinite for another NaN."""
    if not mine.size:
        return 0.0
    if not np.array_equal(np.isnan(mine), np.isnan(theirs)):
        return float("inf")
    size = max(float(np.nanmax(np.abs(theirs), initial=0.0)), 1e-8)
    with np.errstate(invalid="ignore"):  # equal infinities
        return float(np.nanmax(np.abs(mine - theirs), initial=0.0)) / size


def _moments(sample: np.ndarray) -> str:
    return f"{sample.mean():.4f} ± {sample.std():.4f} in [{sample.min():.4f}, {sample.max():.4f}]"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.whole")
    parser.add_argument("--python", default=os.environ.get("TFMINI_ORACLE_PYTHON", sys.executable))
    parser.add_argument("--subjects", default=",".join(SUBJECTS))
    options = parser.parse_args()
    found = compare(options.python, options.subjects.split(","))
    wrong = {run: text for run, text in found.items() if text}
    for run, text in wrong.items():
        print(f"{run}\n    {text}")
    print(f"{len(found)} runs, {len(wrong)} differ")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
