"""``tensorflow.python.client.timeline``: run metadata as a trace that browsers draw.

In: the ``step_stats`` of a ``RunMetadata``.  Out: JSON of Chrome's trace event format, for
chrome://tracing.
"""

from __future__ import annotations

import json
from typing import Any


class Timeline:
    """The nodes of a run on a time axis."""

    def __init__(self, step_stats: Any, graph: Any = None) -> None:
        self._step_stats = step_stats

    def generate_chrome_trace_format(
        self, show_dataflow: bool = True, show_memory: bool = False
    ) -> str:
        """Return the trace: a process per device, a line per thread."""
        events: list[dict[str, Any]] = []
        for pid, device in enumerate(self._step_stats.dev_stats):
            events.append(
                {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": device.device}}
            )
            for node in device.node_stats:
                label = node.timeline_label or node.node_name
                kind = label.partition(" = ")[2].partition("(")[0] or node.node_name
                events.append({
                    "ph": "X", "cat": "Op", "name": kind, "pid": pid, "tid": node.thread_id,
                    "ts": node.all_start_micros, "dur": node.all_end_rel_micros,
                    "args": {"name": node.node_name, "op": kind},
                })  # fmt: skip
        return json.dumps({"traceEvents": events}, indent=2)
