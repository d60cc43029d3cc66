"""Readers: from a queue of file names to the records in the files, one in each run.

In: a queue of names.  Out: a key, that says where a record was, and the record, as strings.  What a
reader has open is the session's, held under the reader's handle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, create
from tfmini.data.files import fixed_records, lines
from tfmini.dtypes import int64, string
from tfmini.errors import InvalidArgumentError
from tfmini.formats.records import compression_name, read_records
from tfmini.graph import get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import OpDef
from tfmini.ops.files import read
from tfmini.ops.string_values import as_text
from tfmini.queues.buffer import Buffer
from tfmini.queues.ops import buffer_of
from tfmini.queues.queue import QueueBase
from tfmini.spec import TensorSpec

Record = tuple[bytes, bytes]
Open = Callable[[str], Iterator[Record]]


class Reading:
    """What a reader has open in a session, and how much it has read."""

    def __init__(self, records: Open) -> None:
        self._records = records
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._current: Iterator[Record] | None = None
        self.produced = 0
        self.completed = 0

    def next(self, work: Buffer, count: int) -> list[Record]:
        """Return up to ``count`` records of one file, the next that ``work`` has if need be."""
        with self._lock:
            found: list[Record] = []
            while not found:
                if self._current is None:
                    ((name,),) = work.take(1)
                    self._current = self._records(as_text(name))
                for record in self._current:
                    found.append(record)
                    if len(found) == count:
                        break
                else:
                    self._current = None
                    self.completed += 1
            self.produced += len(found)
            return found


class _ReaderOp(OpDef):
    resource = True
    stateful = True
    gradient = None


class _Reader(_ReaderOp):
    """The handle of a reader."""

    def compute(self, *, key: str, records: Open, resources: Any) -> Any:
        resources.get(("reader", key), lambda: Reading(records))
        return np.array(key.encode(), object)

    def infer(self, **_attrs: Any) -> TensorSpec:
        return TensorSpec((), string)


def _reading(resources: Any, handle: Any) -> Reading:
    # The handle's node has run before: it is there.
    return resources.get(("reader", as_text(handle)), lambda: None)


class _Read(_ReaderOp):
    """The next key and record."""

    def compute(self, handle: Any, queue: Any, *, resources: Any) -> tuple[Any, Any]:
        ((key, value),) = _reading(resources, handle).next(buffer_of(resources, queue), 1)
        return np.array(key, object), np.array(value, object)

    def infer(self, *_specs: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        return TensorSpec((), string), TensorSpec((), string)


class _ReadUpTo(_ReaderOp):
    """Several keys and records."""

    def compute(self, handle: Any, queue: Any, n: Any, *, resources: Any) -> tuple[Any, Any]:
        if n < 1:
            raise InvalidArgumentError(None, None, f"read_up_to needs a number over 0, not {n}")
        found = _reading(resources, handle).next(buffer_of(resources, queue), int(n))
        keys, values = np.empty((2, len(found)), object)
        keys[:], values[:] = zip(*found, strict=True)
        return keys, values

    def infer(self, *_specs: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        return TensorSpec((None,), string), TensorSpec((None,), string)


class _Count(_ReaderOp):
    """How much the reader has done."""

    def compute(self, handle: Any, *, what: str, resources: Any) -> Any:
        return np.int64(getattr(_reading(resources, handle), what))

    def infer(self, handle: TensorSpec, *, what: str) -> TensorSpec:
        return TensorSpec((), int64)


class _Reset(_ReaderOp):
    """Forgets what is open."""

    def compute(self, handle: Any, *, resources: Any) -> tuple[()]:
        _reading(resources, handle).reset()
        return ()

    def infer(self, handle: TensorSpec) -> tuple[()]:
        return ()


READ, READ_UP_TO = _Read("ReaderReadV2", "_read"), _ReadUpTo("ReaderReadUpToV2", "_read_up_to")
PRODUCED = _Count("ReaderNumRecordsProducedV2", "_produced")
COMPLETED = _Count("ReaderNumWorkUnitsCompletedV2", "_completed")
RESET = _Reset("ReaderResetV2", "_reset")


class ReaderBase:
    """What all readers have: ``read`` takes a queue of file names."""

    def __init__(self, type_name: str, records: Open, name: str | None) -> None:
        key = get_default_graph().unique_name(name or type_name, mark_as_used=False)
        opdef = _Reader(type_name, "_reader")
        attrs = {"key": key, "records": records}
        self._reader_ref = create(opdef, (), attrs, name or type_name).outputs[0]

    @property
    def reader_ref(self) -> Tensor:
        """The handle, a scalar string."""
        return self._reader_ref

    @property
    def supports_serialize(self) -> bool:
        return False

    def read(self, queue: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
        """Return key and value of the next record, of the next file in ``queue`` if need be.

        OutOfRangeError when ``queue`` is closed and all its files have been read.
        """
        node = create(READ, [self._reader_ref, _handle(queue)], {}, name or "ReaderRead")
        return node.outputs[0], node.outputs[1]

    def read_up_to(
        self, queue: Any, num_records: Any, name: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values of up to ``num_records`` records, at least one, as vectors."""
        count = convert_to_tensor(num_records)
        node = create(
            READ_UP_TO, [self._reader_ref, _handle(queue), count], {}, name or "ReaderReadUpTo"
        )
        return node.outputs[0], node.outputs[1]

    def num_records_produced(self, name: str | None = None) -> Tensor:
        """Return the number of records read, an int64."""
        return create(PRODUCED, [self._reader_ref], {"what": "produced"}, name).outputs[0]

    def num_work_units_completed(self, name: str | None = None) -> Tensor:
        """Return the number of files read to their ends, an int64."""
        return create(COMPLETED, [self._reader_ref], {"what": "completed"}, name).outputs[0]

    def reset(self, name: str | None = None) -> Operation:
        """Return an operation that brings the reader to its beginning."""
        return create(RESET, [self._reader_ref], {}, name or "ReaderReset")


def _handle(queue: Any) -> Tensor:
    return queue.queue_ref if isinstance(queue, QueueBase) else convert_to_tensor(queue)


def _numbered(name: str, records: Iterator[bytes], first: int) -> Iterator[Record]:
    for number, record in enumerate(records, first):
        yield f"{name}:{number}".encode(), record


class TextLineReader(ReaderBase):
    """Lines of text; the key is ``file:line``, from 1 on.  Header lines of a file are left out."""

    def __init__(self, skip_header_lines: int | None = None, name: str | None = None) -> None:
        skipped = skip_header_lines or 0

        def records(path: str) -> Iterator[Record]:
            for number, record in enumerate(_numbered(path, lines(path), 1)):
                if number >= skipped:
                    yield record

        super().__init__("TextLineReaderV2", records, name)


class WholeFileReader(ReaderBase):
    """A whole file; the key is its name."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__("WholeFileReaderV2", lambda p: iter([(p.encode(), read(p))]), name)


class IdentityReader(ReaderBase):
    """What is in the queue itself, as key and value."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__("IdentityReaderV2", lambda p: iter([(p.encode(), p.encode())]), name)


class TFRecordReader(ReaderBase):
    """Records of TFRecord files; the key is ``file:byte``."""

    def __init__(self, name: str | None = None, options: Any = None) -> None:
        kind = compression_name(options)

        def records(path: str) -> Iterator[Record]:
            place = 0
            for record in read_records(path, kind):
                yield f"{path}:{place}".encode(), record
                place += len(record) + 16

        super().__init__("TFRecordReaderV2", records, name)


class FixedLengthRecordReader(ReaderBase):
    """Records of ``record_bytes`` bytes, one every ``hop_bytes``; the key is ``file:number``."""

    def __init__(
        self,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        hop_bytes: int | None = None,
        name: str | None = None,
        encoding: str | None = None,
    ) -> None:
        if record_bytes <= 0:
            raise InvalidArgumentError(
                None, None, f"record_bytes must be over 0, not {record_bytes}."
            )
        sizes = (record_bytes, header_bytes or 0, footer_bytes or 0, hop_bytes or 0)
        kind = compression_name(encoding)

        def records(path: str) -> Iterator[Record]:
            return _numbered(path, fixed_records(path, *sizes, kind), 0)

        super().__init__("FixedLengthRecordReaderV2", records, name)
