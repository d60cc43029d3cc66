"""Bars and tables are drawn, times are right, and no run is changed by being watched."""

import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tfmini_progress
from rich.console import Console
from tfmini_progress import Progress

import tfmini as tf


@pytest.fixture(autouse=True)
def fresh_graph():
    tf.reset_default_graph()


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def text(console):
    return console.file.getvalue()


def graph():
    x = tf.placeholder(tf.float32, [2, 2])
    return x, tf.reduce_sum(tf.matmul(tf.matmul(x, x), x))


ONES = np.ones((2, 2))


@pytest.mark.parametrize("target", ["sync", "threads", "processes"])
def test_times_count_every_operation(target, terminal):
    x, y = graph()
    with tf.Session(target) as session, Progress(console=terminal) as progress:
        assert [session.run(y, {x: ONES}) for _ in range(3)] == [16.0] * 3
    assert {t.type: t.count for t in progress.times} == {"MatMul": 6, "Sum": 3}
    assert 0 < sum(t.seconds for t in progress.times) <= progress.seconds
    seconds = [t.seconds for t in progress.times]
    assert seconds == sorted(seconds, reverse=True)
    assert progress.runs == 3
    for word in ("MatMul", "Sum", "3 runs in", "share"):
        assert word in text(terminal)


def test_a_cluster_tells_its_times(terminal):
    from distributed import LocalCluster

    x, y = graph()
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        tf.Session(cluster) as session,
        Progress(console=terminal) as progress,
    ):
        assert session.run(y, {x: ONES}) == 16.0
    assert {t.type: t.count for t in progress.times} == {"MatMul": 2, "Sum": 1}


def waits_for_a_bar(progress):
    """Return an operation that runs until the bar of its run is there, and draws it."""

    def wait(x):
        end = time.monotonic() + 30
        while not progress._bars.tasks and time.monotonic() < end:
            time.sleep(0.001)
        progress._bars.refresh()
        return x

    return tf.py_func(wait, [tf.exp(tf.constant(0.0))], tf.float32)


def test_a_long_run_has_a_bar_of_its_nodes(terminal):
    progress = Progress(delay=0.0, console=terminal)
    y = tf.square(waits_for_a_bar(progress), name="result")
    with tf.Session() as session, progress:
        assert session.run(y) == 1.0
    assert progress._bars.tasks == []
    assert "result:0" in text(terminal)
    assert "2/2" in text(terminal)  # at the end: exp of a constant is known beforehand
    assert "0/2" in text(terminal)


def test_a_short_run_has_none(terminal):
    x, y = graph()
    with tf.Session() as session, Progress(delay=1000.0, top=0, console=terminal):
        session.run(y, {x: ONES})
    assert text(terminal) == ""


def test_a_loop_has_one_bar(terminal):
    x, y = graph()
    with tf.Session() as session, Progress(runs=3, console=terminal):
        for _ in range(3):
            session.run(y, {x: ONES})
    assert "runs" in text(terminal)
    assert "3/3" in text(terminal)


def test_a_failing_run_is_over_too(terminal):
    progress = Progress(delay=0.0, console=terminal)
    first = waits_for_a_bar(progress)
    y = tf.matrix_inverse(tf.zeros([2, 2]) * first)
    with tf.Session() as session, progress, pytest.raises(tf.errors.InvalidArgumentError):
        session.run(y)
    assert progress._bars.tasks == []
    assert progress.runs == 1


def test_files_get_the_table_only():
    console = Console(file=io.StringIO(), width=100)
    progress = Progress(delay=0.0, console=console)
    x, y = graph()
    with tf.Session() as session, progress:
        session.run(y, {x: ONES})
    assert "MatMul" in text(console)
    assert "━━━━ " not in text(console)
    assert "\x1b" not in text(console)


def test_outside_nothing_is_watched():
    assert tfmini_progress.tfmini_run_observer(None) is None
    with Progress(top=0) as outer, Progress(top=0) as inner, tf.Session() as session:
        x, y = graph()
        session.run(y, {x: ONES})
    assert (outer.runs, inner.runs) == (0, 1)
    assert tfmini_progress.tfmini_run_observer(None) is None


def test_notebooks_show_bar_and_table(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *given, **_: shown.extend(given))
    console = Console(force_jupyter=True, width=100)
    progress = Progress(delay=0.0, console=console)
    y = tf.square(waits_for_a_bar(progress), name="result")
    with tf.Session() as session, progress:
        session.run(y)
    kinds = {type(item).__name__ for item in shown}
    assert "Output" in kinds  # the widget that the bar is drawn in
    assert any("Square" in str(getattr(item, "html", "")) for item in shown)


def test_the_environment_variable_watches_a_script():
    script = "import tfmini as tf; s = tf.Session(); print(s.run(tf.exp(s.run(tf.zeros([])))))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={**os.environ, "TFMINI_PROGRESS": "1"},
    )  # fmt: skip
    assert done.stdout == "1.0\n"
    assert "2 runs in" in done.stderr
