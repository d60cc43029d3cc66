"""A scheduler, workers and a program of the user, each a process in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPECIAL = ROOT / "plugins" / "tfmini-special" / "tfmini_special.py"
LIMIT = 90  # seconds for what takes a few

pytestmark = pytest.mark.cluster


def environment(folder, version, tfmini=True):
    """Return the variables of a process in whose environment tfmini-special is installed.

    ``version`` None: it is not; ``tfmini`` false: not even tfmini.
    """
    folder.mkdir()
    if not tfmini:
        lacking = "raise ModuleNotFoundError(\"No module named 'tfmini'\", name='tfmini')"
        (folder / "tfmini.py").write_text(lacking)
    if version is not None:
        shutil.copy(SPECIAL, folder)
        about = folder / f"tfmini_special-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: tfmini-special\nVersion: {version}\n"
        )
        (about / "entry_points.txt").write_text("[tfmini]\nspecial = tfmini_special\n")
    path = os.pathsep.join([str(folder), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "TFMINI_DISABLE_PLUGINS": ""}


class Place:
    """A scheduler, which needs no tfmini, and whatever else is started beside it."""

    def __init__(self, folder, stack):
        self.folder, self._stack = folder, stack
        self.file = folder / "scheduler.json"
        self._start(
            "distributed.cli.dask_scheduler", environment(folder / "scheduler", None, tfmini=False),
            "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
        )  # fmt: skip

    def _start(self, module, variables, *options):
        log = self._stack.enter_context((self.folder / f"{module}.log").open("a"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--scheduler-file", str(self.file), *options],
            env=variables, cwd=self.folder, stdout=log, stderr=log,
        )  # fmt: skip
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

    def worker(self, name, version, tfmini=True):
        """Start a worker that has ``version`` of the plugin."""
        self._start(
            "distributed.cli.dask_worker", environment(self.folder / name, version, tfmini),
            "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--local-directory", str(self.folder / f"{name}-files"),
        )  # fmt: skip

    def program(self, body, workers=2, name="user"):
        """Start a program of the user's, who has version 0.1.0; return its process."""
        head = f"""
            import tfmini as tf
            from distributed import Client

            client = Client(scheduler_file={str(self.file)!r}, set_as_default=False)
            client.wait_for_workers({workers}, timeout=60) if {workers} else None
            x = tf.placeholder(tf.float64, [2])
            v = tf.Variable([1.0, 2.0], dtype=tf.float64)
            step = v.assign_add(tf.erf(x))
        """
        script = self.folder / f"{name}.py"
        script.write_text(textwrap.dedent(head) + textwrap.dedent(body))
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(script)],
            env=environment(self.folder / name, "0.1.0"), cwd=self.folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process


def outcome(process, given=None):
    """Return what a program prints, once it has ended well."""
    out, err = process.communicate(given, timeout=LIMIT)
    assert process.returncode == 0, err[-2000:]
    return out.strip()


@pytest.fixture
def place(tmp_path):
    pytest.importorskip("scipy", reason="tfmini-special needs SciPy")
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


REFUSED = """
    with tf.Session(client) as session:
        try:
            session.run(step, {x: [1.0, 2.0]})
        except tf.errors.FailedPreconditionError as e:
            print(e)
        assert [[*a] for a in session.last_snapshot.values()] in ([], [[1.0, 2.0]])
        seen = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
        assert not [name for name in seen if name.startswith(("Erf", "AssignAdd"))], seen
        names = {w["id"]: a for a, w in client.scheduler_info()["workers"].items()}
        print("the worker is", names["other"])
"""


@pytest.mark.parametrize(("there", "said"), [(None, "does not have it"), ("0.0.9", "has 0.0.9")])
def test_a_worker_that_lacks_a_plugin_is_named_before_anything_runs(place, there, said):
    place.worker("same", "0.1.0")
    place.worker("other", there)
    text = outcome(place.program(REFUSED))
    address = text.rpartition("the worker is ")[2]
    for part in ("Erf", "'tfmini-special' 0.1.0", f"worker {address}", said, "Nothing has run",
                 "Install tfmini-special==0.1.0"):  # fmt: skip
        assert part in text


def test_a_worker_without_tfmini_is_named(place):
    place.worker("same", "0.1.0")
    place.worker("other", None, tfmini=False)
    text = outcome(place.program(REFUSED))
    address = text.rpartition("the worker is ")[2]
    for part in ("'tfmini'", f"worker {address}", "does not have it", "Install tfmini-dask=="):
        assert part in text


def test_a_traced_run_needs_nothing_of_the_scheduler_either(place):
    place.worker("same", "0.1.0")
    program = """
        with tf.Session(client) as session:
            options, about = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), tf.RunMetadata()
            print(session.run(step, {x: [1.0, 2.0]}, options, about).round(4).tolist())
            assert about.step_stats.dev_stats
    """
    assert outcome(place.program(program, workers=1)) == "[1.8427, 2.9953]"


def test_initial_values_are_looked_at_too(place):
    place.worker("same", "0.1.0")
    place.worker("other", None)
    program = """
        w = tf.Variable(tf.erf(tf.random_normal([2], dtype=tf.float64)))
        with tf.Session(client) as session:
            try:
                session.run(w)
            except tf.errors.FailedPreconditionError as e:
                print(e)
            assert session.last_snapshot == {}
    """
    text = outcome(place.program(program))
    for part in ("Erf", "'tfmini-special' 0.1.0", "Nothing has run"):
        assert part in text


def test_a_cluster_without_workers_is_waited_for_and_then_looked_at(place):
    program = place.program(
        """
        print("ready", flush=True)
        with tf.Session(client) as session:
            try:
                session.run(step, {x: [1.0, 2.0]})
            except tf.errors.FailedPreconditionError as e:
                print(e)
        """,
        workers=0,
    )
    assert program.stdout.readline() == "ready\n"
    place.worker("bare", None, tfmini=False)
    text = outcome(program)
    for part in ("'tfmini'", "does not have it", "Nothing has run"):
        assert part in text


def test_two_programs_of_one_graph_do_not_touch_each_others_keys(place):
    """One trains, closes its session and leaves while the other is in the middle of its steps."""
    place.worker("one", "0.1.0")
    place.worker("two", "0.1.0")
    body = """
        import sys, dask.array as da, numpy as np

        rows = tf.placeholder(tf.float64, [None])
        total = v.assign_add(tf.reduce_sum(rows) * [1.0, 10.0])
        chunks = da.ones(12, chunks=4)  # the same keys in both programs
        with tf.Session(client, snapshot_every=3) as session:
            for n in (int(line) for line in iter(sys.stdin.readline, "end\\n")):
                for _ in range(n):
                    last = session.run(total, {rows: chunks})
                print(*last.tolist(), flush=True)
        for _ in range(1000):  # what is let go is told to the scheduler in its own time
            names = client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.tasks])
            own = [k for k in names if session._token in str(k)]
            if not own:
                break
        print("left", own)
    """
    first, second = (place.program(body, 2, name) for name in ("first", "second"))

    def say(program, line):
        program.stdin.write(line + "\n")
        program.stdin.flush()

    for n in (1, 4):
        for program in (first, second):
            say(program, str(n))
        lines = [program.stdout.readline() for program in (first, second)]
        steps = {1: 1, 4: 5}[n]
        assert lines == [f"{1 + 12.0 * steps} {2 + 120.0 * steps}\n"] * 2
    say(second, "5")
    assert outcome(first, "end\n") == "left []"
    assert second.stdout.readline() == "121.0 1202.0\n"
    say(second, "2")
    assert second.stdout.readline() == "145.0 1442.0\n"
    assert outcome(second, "end\n") == "left []"


def test_a_pure_python_plugin_is_sent_on_request(place):
    place.worker("without", None)
    program = """
        import pathlib

        with tf.Session(client, upload_plugins=True) as session:
            session.run(step, {x: [1.0, 2.0]})
            print(session.run(step, {x: [1.0, 2.0]}).round(4).tolist())
            def where():
                import tfmini_special
                return tfmini_special.__file__
            (there,) = client.run(where).values()
            assert "without-files" in there, there
    """
    assert outcome(place.program(program, workers=1)) == "[2.6854, 3.9906]"


@pytest.mark.parametrize(
    ("tfmini", "said"),
    [
        (True, ("Erf", "'tfmini-special' 0.1.0", "Install tfmini-special==0.1.0")),
        (False, ("'tfmini'", "No variable has changed", "Install tfmini-dask==")),
    ],
)
def test_a_worker_that_joins_later_looks_before_it_runs_anything(place, tfmini, said):
    place.worker("first", "0.1.0")
    program = place.program(
        """
        with tf.Session(client) as session:
            session.run(step, {x: [1.0, 2.0]})
            (first,) = client.scheduler_info()["workers"]
            print("ready", flush=True)
            input()
            client.wait_for_workers(2, timeout=60)
            client.retire_workers([first])
            (late,) = client.scheduler_info()["workers"]
            try:
                session.run(step, {x: [1.0, 2.0]})
            except tf.errors.FailedPreconditionError as e:
                print(e)
            print(session.run(v).round(4).tolist())
            print("ready", flush=True)
            input()
            client.wait_for_workers(2, timeout=60)
            client.retire_workers([late])
            print(session.run(step, {x: [1.0, 2.0]}).round(4).tolist())
            print("the worker is", late)
        """,
        workers=1,
    )
    assert program.stdout.readline() == "ready\n"
    place.worker("late", None, tfmini)
    program.stdin.write("\n")
    program.stdin.flush()
    text = program.stdout.readline() + program.stdout.readline()
    assert program.stdout.readline() == "ready\n"
    place.worker("mended", "0.1.0")
    program.stdin.write("\n")
    text += outcome(program)
    address = text.rpartition("the worker is ")[2]
    for part in (*said, f"worker {address}", "does not have it", "[1.8427, 2.9953]",
                 "[2.6854, 3.9906]"):  # fmt: skip
        assert part in text
