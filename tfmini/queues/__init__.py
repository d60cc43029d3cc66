"""Queues, and the readers that take their work from them.

In: tensors to enqueue; names of files.  Out: operations that enqueue, dequeue, read and close, on
what the session holds.
"""

from __future__ import annotations

from tfmini.queues.queue import (
    FIFOQueue,
    PaddingFIFOQueue,
    PriorityQueue,
    QueueBase,
    RandomShuffleQueue,
)

__all__ = ["FIFOQueue", "PaddingFIFOQueue", "PriorityQueue", "QueueBase", "RandomShuffleQueue"]
