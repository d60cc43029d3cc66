"""Run metadata: what ``session.run(..., options=..., run_metadata=...)`` tells of a run.

In: ``RunOptions`` and a ``RunMetadata`` to fill in.  Out: the run's values; with a trace level over
``NO_TRACE``, when each node ran, by the clock of the machine where it ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tfmini import observe
from tfmini.deadlines import within
from tfmini.errors import InvalidTypeError
from tfmini.formats.config import DeviceStepStats, RunMetadata, RunOptions

if TYPE_CHECKING:
    from tfmini.calls import Call
    from tfmini.session import Session


def run(session: Session, call: Call, values: Iterable[Any], options: Any, metadata: Any) -> Any:
    """Return what ``call`` returns; fill ``metadata`` in as ``options`` ask."""
    for given, wanted in ((options, RunOptions), (metadata, RunMetadata)):
        if given is not None and not isinstance(given, wanted):
            raise InvalidTypeError(
                None, None, f"session.run takes a tf.{wanted.__name__} here, not {given!r}."
            )
    traced = options is not None and options.trace_level
    limit = 0 if options is None else options.timeout_in_ms
    if metadata is None or not traced:
        with within(limit):
            return observe.watched(session, call, values)
    trace = _Trace()
    try:
        with within(limit):
            return observe.watched(session, call, values, [trace])
    finally:
        metadata.Clear()
        trace.fill(metadata)


class _Trace(observe.RunObserver):
    """Collects the times of regions."""

    def __init__(self) -> None:
        self.times: list[observe.RegionTime] = []

    def region_done(self, times: observe.RegionTime) -> None:
        self.times.append(times)

    def fill(self, metadata: RunMetadata) -> None:
        """Write the times to ``metadata``: a device per process, its threads numbered."""
        devices: dict[str, DeviceStepStats] = {}
        for region in sorted(self.times, key=lambda t: t.start):
            process, _, thread = region.where.rpartition(":")
            stats = devices.get(process)
            if stats is None:
                stats = devices[process] = metadata.step_stats.dev_stats.add()
                task = len(devices) - 1
                stats.device = f"/job:localhost/replica:0/task:{task}/device:CPU:0"
            _add(stats, region, _number(stats, thread))


def _number(stats: DeviceStepStats, thread: str) -> int:
    """Return the number of a thread, a new one for a new name."""
    names = stats.thread_names
    for number in names:
        if names[number] == thread:
            return int(number)
    names[len(names)] = thread
    return len(names) - 1


def _add(stats: DeviceStepStats, region: observe.RegionTime, thread: int) -> None:
    """Add the nodes of a region, which run one after the other."""
    start = region.start
    for node, seconds in zip(region.region.nodes, region.nodes, strict=False):
        entry = stats.node_stats.add()
        entry.node_name = node.name
        entry.timeline_label = f"{node.name} = {node.type}()"
        entry.all_start_micros = entry.scheduled_micros = round(start * 1e6)
        entry.op_end_rel_micros = entry.all_end_rel_micros = max(1, round(seconds * 1e6))
        entry.thread_id = thread
        start += seconds
