"""``tf.summary``: values, graphs and runs for TensorBoard.

In: tensors, a graph, the record of a run.  Out: operations whose values are ``Summary`` messages,
and a ``FileWriter`` that puts them into event files.
"""

from __future__ import annotations

from tfmini.formats.events import Event, SessionLog, Summary, SummaryDescription, TaggedRunMetadata
from tfmini.summaries.values import (
    audio,
    histogram,
    image,
    merge,
    merge_all,
    scalar,
    tensor_summary,
    text,
)
from tfmini.summaries.writer import FileWriter, FileWriterCache

__all__ = [
    "Event",
    "FileWriter",
    "FileWriterCache",
    "SessionLog",
    "Summary",
    "SummaryDescription",
    "TaggedRunMetadata",
    "audio",
    "histogram",
    "image",
    "merge",
    "merge_all",
    "scalar",
    "tensor_summary",
    "text",
]
