"""The parent's side of a worker, and other processes that the harness starts.

In: a peer, an interpreter, a number of threads. Out: replies, or `PeerFailed` with the reason.
Every process here is bounded in time and ended by its own handle.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[len(__package__.split("."))]
_COMPILED = tempfile.TemporaryDirectory(prefix="tfmini-bench-")
THREAD_VARIABLES = ("OMP", "OPENBLAS", "MKL", "NUMBA")


class PeerFailed(Exception):
    """A peer's process gave an error, died or took too long."""


def environment(peer, threads):
    """Return the environment that bounds the threads inside one kernel before libraries load.

    Of tfmini's plugins only those work that the peer is about.
    """
    bounds = {f"{name}_NUM_THREADS": str(threads) for name in THREAD_VARIABLES}
    bounds["TFMINI_DISABLE_PLUGINS"] = "" if peer == "tfmini_numba" else "all"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # Modules are compiled once, as they are when a package is installed.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    compiled = {"PYTHONPYCACHEPREFIX": _COMPILED.name}
    return {**inherited, **bounds, **compiled, "PYTHONPATH": path}


class Client:
    """One long-lived worker process: ``python -m MODULE PEER THREADS ...``."""

    def __init__(self, peer, threads, python, module=f"{__package__}.worker", arguments=()):
        self.peer = peer
        # Lives as long as the worker; a pipe could fill up and block it.
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, "-m", module, peer, str(threads), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env=environment(peer, threads), cwd=ROOT,
        )  # fmt: skip
        self._pending = b""

    def ask(self, limit, **request):
        """Send a request and return its reply; after `limit` seconds the process is ended."""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            reply = json.loads(self._line(time.monotonic() + limit, limit))
        except (OSError, ValueError) as error:
            self.close()
            raise PeerFailed(f"its process died: {error}") from error
        if "error" in reply:
            raise PeerFailed(reply["error"])
        return reply

    def _line(self, deadline, limit):
        """Return the next line of the worker's stdout."""
        stdout = self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.close()
                    raise PeerFailed(f"took longer than the limit of {limit:g} s")
                chunk = os.read(stdout.fileno(), 1 << 20)
                if not chunk:
                    raise OSError(self._last_words())
                self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _last_words(self):
        """Return how the process ended and the last line that it wrote to stderr."""
        code = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return f"exit {code}" + (f", {lines[-1][:200]}" if lines else "")

    @property
    def alive(self):
        return self._process.poll() is None

    def close(self):
        """End the process; closing twice is fine."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._stderr.close()


def fresh(peer, threads, python, limit, what):
    """Return the figure that a new process reports about itself, see `fresh.py`."""
    command = [python, "-m", f"{__package__}.fresh", peer, str(threads), *map(str, what)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=limit,
            env=environment(peer, threads),
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired as error:
        raise PeerFailed(f"took longer than the limit of {limit:g} s") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        words = done.stderr.strip().splitlines()
        raise PeerFailed(f"its process died: exit {done.returncode} {words[-1] if words else ''}")
    reply = json.loads(lines[-1])
    if "error" in reply:
        raise PeerFailed(reply["error"])
    return reply["value"]


_BURN = """
import os, sys, time
parent, end = os.getppid(), time.monotonic() + float(sys.argv[1])
while time.monotonic() < end and os.getppid() == parent:
    sum(range(100_000))
"""


@contextlib.contextmanager
def busy_core(limit=120):
    """Keep one core busy from another process, for `limit` seconds at most."""
    burner = subprocess.Popen([sys.executable, "-S", "-c", _BURN, str(limit)])
    try:
        time.sleep(0.2)  # until it has started and been placed on a core
        yield
    finally:
        burner.kill()
        burner.wait()
