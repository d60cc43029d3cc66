"""A progress bar for long runs, and what every kind of operation took.

In: the runs of sessions in a ``with Progress()`` block, or all of them where ``TFMINI_PROGRESS`` is
set.  Out: a bar on the terminal or in the notebook while a run lasts, ``Progress.times``, and a
table of them at the end.  Outside such a block nothing is watched.

Rich, which draws, is imported when the first ``Progress`` is made.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import Any, NamedTuple

import tfmini as tf

_active: list[Progress] = []


class OpTime(NamedTuple):
    """How often operations of one type ran, and their seconds together, on all workers."""

    type: str
    count: int
    seconds: float


class Progress:
    """Shows a bar while a session runs, and the time by type of operation at the end.

    Parameters
    ----------
    runs : int, optional
        How many runs there will be, for loops of short runs: the bar counts runs, from the first.
        Without it each run has a bar of its own, which counts its nodes.
    delay : float
        Seconds after which the bar of a run appears.
    top : int
        Rows of the table that is printed at the end of the block; 0 for no table.
    console : rich.console.Console, optional
        Where to draw, by default standard error, or the notebook.  A bar needs one of the two:
        nothing is drawn into a file or a pipe, but the table is.

    ``times`` and ``table()`` may be asked at any time.  Runs of all threads of this process count
    for the innermost block.
    """

    def __init__(
        self, runs: int | None = None, delay: float = 0.5, top: int = 15, console: Any = None
    ) -> None:
        from rich.console import Console

        self.console = console or Console(stderr=True)
        self.runs = 0
        self.seconds = 0.0
        self._expected = runs
        self._delay = delay
        self._top = top
        self._sums: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._bars = _bars(self.console)
        self._all = None if runs is None else self._bars.add_task("runs", total=runs)

    @property
    def times(self) -> list[OpTime]:
        """What the types of operations took so far, the slowest first."""
        with self._lock:
            rows = [OpTime(name, *sums) for name, sums in self._sums.items()]
        return sorted(rows, key=lambda row: -row.seconds)

    def table(self, top: int | None = None) -> Any:
        """Return ``times`` as a ``rich.table.Table`` of at most ``top`` rows."""
        from rich.table import Table

        rows = self.times
        total = sum(row.seconds for row in rows) or 1.0
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        table = Table(title=f"{runs} in {self.seconds:.3g} s")
        table.add_column("operation")
        for heading in ("count", "ms", "share"):
            table.add_column(heading, justify="right")
        for row in rows[:top]:
            share = f"{row.seconds / total:.0%}"
            table.add_row(row.type, str(row.count), f"{row.seconds * 1e3:.2f}", share)
        return table

    def __enter__(self) -> Progress:
        _active.append(self)
        if self._all is not None:
            self._bars.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        _active.remove(self)
        self._bars.stop()
        if self._top and self.runs:
            self.console.print(self.table(self._top))

    def _count(self, region: tf.RegionInfo, nodes: tuple[float, ...]) -> None:
        with self._lock:
            for info, seconds in zip(region.nodes, nodes, strict=True):
                count, sum_ = self._sums.get(info.type, (0, 0.0))
                self._sums[info.type] = (count + 1, sum_ + seconds)

    def _over(self, seconds: float) -> None:
        with self._lock:
            self.runs += 1
            self.seconds += seconds
        if self._all is not None:
            self._bars.advance(self._all)


class _Watcher(tf.RunObserver):
    """One run: its bar, once it has lasted long enough, and its times."""

    def __init__(self, progress: Progress, run: tf.Run) -> None:
        self._progress = progress
        self._run = run
        self._task: Any = None
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._timer: threading.Timer | None = None
        if progress._expected is None and _can_draw(progress.console):
            self._timer = threading.Timer(progress._delay, self._show)
            self._timer.daemon = True
            self._timer.start()

    def _show(self) -> None:
        bars = self._progress._bars
        with self._lock:
            if self._timer is not None:  # the run is not over
                bars.start()
                name = ", ".join(self._run.fetches)
                name = name if len(name) <= 30 else name[:29] + "…"
                self._task = bars.add_task(name, total=None, run=self._run, begin=self._begin)

    def region_done(self, times: tf.RegionTime) -> None:
        self._progress._count(times.region, times.nodes)

    def run_done(self, seconds: float, error: BaseException | None) -> None:
        bars = self._progress._bars
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            if self._task is not None:
                bars.follow()
                bars.refresh()
                bars.remove_task(self._task)
        self._progress._over(seconds)


def _can_draw(console: Any) -> bool:
    return console.is_terminal or console.is_jupyter


def _bars(console: Any) -> Any:
    """Return Rich's display, with bars that look at their runs whenever they are drawn."""
    from rich import progress

    class Bars(progress.Progress):
        def follow(self) -> None:
            for task in self.tasks:
                run = task.fields.get("run")
                if run is not None:
                    task.start_time = task.fields["begin"]
                    self.update(task.id, completed=run.nodes_done, total=run.nodes or None)

        def get_renderables(self) -> Any:
            self.follow()
            yield from super().get_renderables()

    return Bars(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not _can_draw(console),
    )


@tf.hookimpl
def tfmini_run_observer(run):
    """Watch ``run`` if it is in a ``Progress`` block."""
    return _Watcher(_active[-1], run) if _active else None


if os.environ.get("TFMINI_PROGRESS", "") not in ("", "0"):
    atexit.register(Progress().__enter__().__exit__)
