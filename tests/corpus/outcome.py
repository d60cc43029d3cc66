"""One run of one script, and what became of it.

In: a command, a script, a seed.  Out: an ``Outcome``: exit state, wall and CPU seconds, the
exception, and the last numbers that the script printed or, where it draws them, fetched.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_NUMBER = r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b"
_WORD = re.compile(
    rf"(?<![a-z])(loss|cost|accuracy|acc|error|mse)(?![a-z])\w*\W{{1,14}}?({_NUMBER})", re.I
)
_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*", re.M)
_CHILD = re.compile(r"^Process \S+:$.*?^Traceback", re.M | re.S)  # as multiprocessing says it
_MOST_AT_END = 8  # numbers of the last line: more of them are no result but data


class Outcome(NamedTuple):
    """What became of a script: "ok", "failed" or "time" (over the limit); wall and CPU seconds."""

    state: str
    seconds: float
    cpu: float
    error: str
    results: dict[str, float]


def run(command: Sequence[str], script: Path, home: Path, limit: float, seed: int = 0) -> Outcome:
    """Run ``command script`` in the script's folder and return what became of it."""
    with tempfile.TemporaryDirectory() as notes:
        fetched = Path(notes, "fetched.json")
        environment = {**os.environ, "HOME": str(home), "MPLBACKEND": "Agg",
                       "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
                       "TF_USE_LEGACY_KERAS": "1", "TQDM_DISABLE": "1", "PYTHONPATH": str(ROOT),
                       "CORPUS_SEED": str(seed), "CORPUS_FETCHED": str(fetched)}  # fmt: skip
        output, errors = Path(notes, "output"), Path(notes, "errors")
        with output.open("w") as out, errors.open("w") as err:
            start = time.perf_counter()
            process = subprocess.Popen(
                [*command, script.name], cwd=script.parent, env=environment, stdout=out,
                stderr=err, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            status, cpu = waited(process, limit)
            seconds = time.perf_counter() - start
        printed, said = (p.read_text(errors="replace") for p in (output, errors))
        numbers = json.loads(fetched.read_text()) if fetched.exists() else {}
    state = state_of(status, said)
    error = first_error(printed + "\n" + said) if state == "failed" else ""
    return Outcome(state, seconds, cpu, error, results(printed, numbers))


def waited(process: subprocess.Popen, limit: float) -> tuple[int | None, float]:
    """Return the process' exit status (None: killed at the limit) and the CPU seconds it took."""
    end = time.perf_counter() + limit
    status = None
    while True:
        done, code, used = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        if time.perf_counter() > end:
            os.killpg(process.pid, signal.SIGKILL)  # and what it has started
            _, _, used = os.wait4(process.pid, 0)
            break
        time.sleep(0.01)
    if done:
        status = os.waitstatus_to_exitcode(code)
    process.returncode = -signal.SIGKILL if status is None else status  # it is reaped
    return status, used.ru_utime + used.ru_stime


def state_of(status: int | None, said: str) -> str:
    """Return the state for an exit status; a process that the script starts may fail unseen."""
    if status is None:
        return "time"
    return "failed" if status or _CHILD.search(said) else "ok"


def first_error(text: str) -> str:
    """Return the line that names the exception, or the last line there is."""
    errors = _ERROR.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return str(errors[-1] if errors else lines[-1] if lines else "no output").strip()


def results(text: str, fetched: dict[str, float]) -> dict[str, float]:
    """Return the last number printed after each of loss, cost, accuracy, ...

    Where a script prints none of these words, its results are the numbers that it prints at the
    end, and the last ones that it fetched, to draw them perhaps.
    """
    if words := {word.lower(): float(number) for word, number in _WORD.findall(text)}:
        return words
    return numbers_at_end(text) | fetched


def numbers_at_end(text: str) -> dict[str, float]:
    """Return the numbers of the last line that has any: ``{"end": 3.0, "end #1": 0.9}``."""
    for line in reversed(text.splitlines()):
        numbers = re.findall(rf"(?<![\w.])(?:{_NUMBER})(?![\w.]*[A-Za-z_/])", line, re.I)
        if numbers:
            few = enumerate(numbers[:_MOST_AT_END])
            return {f"end #{i}" if i else "end": float(n) for i, n in few}
    return {}
