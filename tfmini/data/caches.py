"""Elements kept from the first whole pass for later ones, in memory or in a file.

In: a source.  Out: a source that goes through it once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfmini.data.rows import Rows
from tfmini.data.source import Element, Source
from tfmini.data.steps import END, Steps
from tfmini.ops.string_values import as_text


def cached(source: Source, filename: Any) -> Source:
    """Return a source that keeps the elements of its first whole pass."""
    if isinstance(source, Rows) and source.plain:
        return source  # it is in memory as it is
    path = as_text(filename)
    return _FileCache(source, path) if path else _MemoryCache(source)


class _MemoryCache(Source):
    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: list[Element] | None = None

    def __iter__(self) -> Iterator[Element]:
        return self._keeping() if self._kept is None else iter(self._kept)

    def _keeping(self) -> Iterator[Element]:
        kept: list[Element] = []
        elements = iter(self._source)

        def step() -> Element:
            element = next(elements, END)
            if element is END:
                self._kept = kept
            else:
                kept.append(element)
            return element

        return Steps(step)


class _FileCache(Source):
    def __init__(self, source: Source, path: str) -> None:
        self._source, self._path = source, path + ".npy-cache"

    def __iter__(self) -> Iterator[Element]:
        return self._read() if os.path.exists(self._path) else self._keeping()

    def _keeping(self) -> Iterator[Element]:
        part = f"{self._path}.{os.getpid()}"
        with open(part, "wb") as file:
            for element in self._source:
                np.save(file, len(element))
                for value in element:
                    np.save(file, np.asarray(value))
                yield element
        os.replace(part, self._path)

    def _read(self) -> Iterator[Element]:
        end = os.path.getsize(self._path)
        with open(self._path, "rb") as file:
            while file.tell() < end:
                count = int(np.load(file))
                # Strings are Python objects; the file is one that a run like this has written.
                yield tuple([np.load(file, allow_pickle=True)[()] for _ in range(count)])
