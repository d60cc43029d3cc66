"""Event files: what happened at which step, for TensorBoard.

In: summaries, graphs, messages.  Out: a file ``events.out.tfevents.TIME.HOST`` of records, each an
``Event``; and back.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.exchange.exporting import graph_to_def
from tfmini.exchange.metagraph import export_meta_graph
from tfmini.formats.events import Event, SessionLog, Summary, TaggedRunMetadata
from tfmini.formats.graphdef import GraphDef, MetaGraphDef
from tfmini.formats.protobuf import Message
from tfmini.formats.records import framed, read_records
from tfmini.formats.wire import LENGTH, records, varint
from tfmini.graph import Graph
from tfmini.logging import warn

_VERSION = "brain.Event:2"


class EventsWriter:
    """An event file that is open only while it is written to; nothing is lost at Python's end.

    Called ``<file_prefix>.out.tfevents.<seconds>.<host>``, and begun with the format's version.
    Scripts find it as ``pywrap_tensorflow.EventsWriter``.
    """

    def __init__(self, file_prefix: str | bytes, suffix: str = "") -> None:
        prefix = os.path.abspath(os.fsdecode(file_prefix))
        os.makedirs(os.path.dirname(prefix), exist_ok=True)
        base = f"{prefix}.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}{suffix}"
        self._path = base
        count = 0
        while os.path.exists(self._path):  # a second writer within the second
            count += 1
            self._path = f"{base}.{count}"
        self._pending: list[bytes] = []
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _append, self._path, self._pending)
        self.write(Event(wall_time=time.time(), file_version=_VERSION).SerializeToString())
        self.Flush()

    def write(self, event: bytes) -> int:
        """Keep a serialized event for the next flush; return how many are kept."""
        data = framed(event)
        with self._lock:
            self._pending.append(data)
            return len(self._pending)

    def WriteEvent(self, event: Event) -> None:
        """Keep an event for the next flush."""
        self.write(Event.of(event).SerializeToString())

    def FileName(self) -> bytes:
        """Return the path of the file."""
        return os.fsencode(self._path)

    def Flush(self) -> None:
        """Write what is kept to the file."""
        with self._lock:
            _append(self._path, self._pending)

    Close = Flush  # the file is closed whenever nothing is being written


def _append(path: str, pending: list[bytes]) -> None:
    if pending:
        with open(path, "ab") as file:
            file.write(b"".join(pending))
        pending.clear()


def _event(step: Any) -> Event:
    """Return an event of this moment."""
    return Event(wall_time=time.time(), step=None if step is None else int(step))


def _as_field(summary: bytes) -> bytes:
    """Return a serialized summary as the field of an event."""
    return varint(Event.summary.number << 3 | LENGTH) + varint(len(summary)) + summary


def _has_metadata(summary: bytes) -> bool:
    return any(
        number == Summary.Value.metadata.number
        for field, _, value in records(summary)
        if field == Summary.value.number
        for number, _, _ in records(value)
    )


class FileWriter:
    """Writes an event file in folder ``logdir``.

    Parameters
    ----------
    graph : Graph
        Shown in TensorBoard's graph tab.
    max_queue : int
        How many events are kept before they are written.
    flush_secs : float
        After how many seconds an event that is added writes what is kept.
    filename_suffix : str
    """

    def __init__(
        self, logdir: Any, graph: Any = None, max_queue: int = 10, flush_secs: float = 120,
        graph_def: GraphDef | None = None, filename_suffix: str | None = None, session: Any = None,
    ) -> None:  # fmt: skip
        self._logdir = os.fspath(logdir)
        self._suffix = filename_suffix or ""
        self._max_queue = max_queue
        self._flush_secs = flush_secs
        self._closed = False
        self._described: set[str] = set()
        self._run_tags: set[str] = set()
        self._open()
        if graph is not None or graph_def is not None:
            # The second argument was a GraphDef in early TensorFlow.
            given = graph if isinstance(graph, Graph) else None
            self.add_graph(given, graph_def=graph_def or (None if given else graph))

    def _open(self) -> None:
        self._file = EventsWriter(os.path.join(self._logdir, "events"), self._suffix)
        self._flushed = time.monotonic()

    def get_logdir(self) -> str:
        """Return the folder of the event file."""
        return self._logdir

    # -- adding ---------------------------------------------------------------------------------

    def add_event(self, event: Event) -> None:
        """Add an event, whose ``wall_time`` is seconds since 1970."""
        self._write(Event.of(event).SerializeToString())

    def _write(self, event: bytes) -> None:
        if self._closed:
            warn("this FileWriter is closed, so the event is dropped; reopen() it to write on")
            return
        kept = self._file.write(event)
        if kept > self._max_queue or time.monotonic() - self._flushed > self._flush_secs:
            self.flush()

    def _add(self, event: Event, step: Any) -> None:
        event.MergeFrom(_event(step))
        self.add_event(event)

    def add_summary(self, summary: Any, global_step: Any = None) -> None:
        """Add a summary: what a run of ``tf.summary.merge_all()`` gives, or a ``tf.Summary``."""
        if hasattr(summary, "SerializeToString"):
            message = Summary()
            message.CopyFrom(summary)
        else:
            data = getattr(summary, "item", lambda: summary)()
            if not isinstance(data, bytes):
                raise InvalidTypeError(
                    None,
                    None,
                    f"add_summary takes what session.run returned for a summary, or a tf.Summary, "
                    f"not {summary!r:.60}.",
                )
            if not _has_metadata(data):  # most summaries: they go into the file as they are
                self._write(_event(global_step).SerializeToString() + _as_field(data))
                return
            message = Summary.FromString(data)
        for value in message.value:  # TensorBoard wants to be told of a tag once
            if value.HasField("metadata"):
                if value.tag in self._described:
                    value.ClearField("metadata")
                self._described.add(value.tag)
        self._add(Event(summary=message), global_step)

    def add_graph(self, graph: Any, global_step: Any = None, graph_def: Any = None) -> None:
        """Add a graph, for TensorBoard's graph tab."""
        if graph is not None and not isinstance(graph, Graph):
            raise InvalidTypeError(
                None, None, f"add_graph takes a tf.Graph such as sess.graph, not {graph!r:.60}."
            )
        message = graph_to_def(graph, add_shapes=True) if graph is not None else graph_def
        if message is None:
            raise InvalidArgumentError(None, None, "give a graph or a graph_def.")
        self._add(Event(graph_def=message.SerializeToString()), global_step)
        if graph is not None:
            self.add_meta_graph(export_meta_graph(graph=graph, graph_def=message), global_step)

    def add_meta_graph(self, meta_graph_def: MetaGraphDef, global_step: Any = None) -> None:
        """Add a graph with its collections."""
        if not isinstance(meta_graph_def, MetaGraphDef):
            raise InvalidTypeError(
                None, None, f"add_meta_graph takes a MetaGraphDef, not {meta_graph_def!r:.60}."
            )
        self._add(Event(meta_graph_def=meta_graph_def.SerializeToString()), global_step)

    def add_run_metadata(self, run_metadata: Message, tag: str, global_step: Any = None) -> None:
        """Add what ``session.run`` put into a ``RunMetadata``; each ``tag`` once."""
        if tag in self._run_tags:
            raise InvalidArgumentError(
                None, None, f"The provided tag was already used for this event type: {tag!r}."
            )
        self._run_tags.add(tag)
        tagged = TaggedRunMetadata(tag=tag, run_metadata=run_metadata.SerializeToString())
        self._add(Event(tagged_run_metadata=tagged), global_step)

    def add_session_log(self, session_log: SessionLog, global_step: Any = None) -> None:
        """Add that a session started, stopped or saved a checkpoint."""
        self._add(Event(session_log=session_log), global_step)

    # -- life -----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is kept to the file."""
        self._file.Flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what is kept; events that are added later are dropped, with a warning."""
        self.flush()
        self._closed = True

    def reopen(self) -> None:
        """Write to a new file after ``close``."""
        if self._closed:
            self._closed = False
            self._open()

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class FileWriterCache:
    """One writer per folder, shared by whoever asks."""

    _writers: dict[str, FileWriter] = {}
    _lock = threading.RLock()

    @staticmethod
    def get(logdir: Any) -> FileWriter:
        """Return the writer of a folder."""
        with FileWriterCache._lock:
            folder = os.fspath(logdir)
            if folder not in FileWriterCache._writers:
                FileWriterCache._writers[folder] = FileWriter(folder)
            return FileWriterCache._writers[folder]

    @staticmethod
    def clear() -> None:
        """Close and forget all writers."""
        with FileWriterCache._lock:
            for writer in FileWriterCache._writers.values():
                writer.close()
            FileWriterCache._writers.clear()


def summary_iterator(path: Any) -> Iterator[Event]:
    """Yield the events of a file; one that is being written is read as far as it is whole."""
    for record in read_records(path, keep_open=True):
        yield Event.FromString(record)
