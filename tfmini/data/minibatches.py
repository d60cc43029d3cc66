"""Shuffled minibatches of arrays in chunks, whose rows stay where they are.

In: Dask arrays, best persisted, that are cut alike along their rows.  Out: for each epoch its
batches: Dask arrays with as many chunks, each a few rows of one chunk.  A task that picks such rows
runs where its chunk is, and makes their numbers itself, from the seed, the epoch and the number of
the chunk: no numbers are sent, and where and on how many workers it runs makes no difference.
"""

from __future__ import annotations

import hashlib
import operator
import os
import pkgutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tfmini.chunks import Chunks, made
from tfmini.errors import InvalidArgumentError, InvalidTypeError

# The function of a task: by name, so that it can be read where tfmini is missing.
_ROWS = (pkgutil.resolve_name, f"{__name__}:rows_of")
# Orders of chunks that a process remembers from batch to batch: 8 bytes a row.
_KEPT_ORDERS = 64

Counts = tuple[tuple[int, ...], ...]


class Minibatches:
    """Minibatches of Dask arrays, shuffled without moving the data.

    Each batch has rows of every chunk, in proportion to the chunk's rows (rounded up or down), and
    an epoch has every row once.  Which rows of a chunk come when is drawn anew for each epoch; the
    rows of all arrays are drawn together.

    Parameters
    ----------
    arrays : a Dask array, a tuple or list of them, or a dict such as {placeholder: array}
        Batches have the same structure: a dict of placeholders is a ``feed_dict``.  The arrays have
        equal numbers of rows in equal chunks, and are not cut along other dimensions.  Persist
        them, in the dtypes of the placeholders: what isn't is computed anew for each batch.
    batch_size : rows of a batch
        A multiple of the number of equal chunks gives batches of one shape, for which a session
        compiles one program; else it compiles up to one for each chunk.
    seed : a number from 0 on; without it a new one is drawn, see the attribute ``seed``
    drop_remainder : leave out the last batch if it is smaller

    ``len()`` is the number of batches in an epoch.
    """

    def __init__(
        self,
        arrays: Any,
        batch_size: int,
        *,
        seed: int | None = None,
        drop_remainder: bool = False,
    ) -> None:
        self._structure = arrays
        self._arrays = _alike(_flat(arrays))
        self._tasks = [Chunks(a).tasks() for a in self._arrays]
        self.batch_size = _count("batch_size", batch_size, 1)
        drawn = int.from_bytes(os.urandom(6), "little")
        self.seed = drawn if seed is None else _count("seed", seed, 0)
        sizes = tuple([int(n) for n in self._arrays[0].chunks[0]])
        if not sum(sizes):
            raise InvalidArgumentError(None, None, "the arrays have no rows to take batches of.")
        counts = shares(sizes, self.batch_size)
        if drop_remainder and sum(counts[-1]) < self.batch_size:
            counts = counts[:-1]
        if not counts:
            raise InvalidArgumentError(
                None,
                None,
                f"there are {sum(sizes)} rows, fewer than batch_size={batch_size}, and "
                f"drop_remainder leaves out what is smaller: no batch is left.",
            )
        self._counts = counts
        self._starts = np.cumsum([(0,) * len(sizes), *counts], axis=0)
        content = repr(([a.name for a in self._arrays], self.seed, self.batch_size))
        self._token = hashlib.sha256(content.encode()).hexdigest()[:32]

    def __len__(self) -> int:
        return len(self._counts)

    def epoch(self, number: int, start: int = 0) -> Epoch:
        """Return the batches of epoch ``number``, from 0 on; the same whenever it is called.

        ``start``: the first batch, where an epoch was broken off at this ``position``.
        """
        return Epoch(self, _count("number", number, 0), _count("start", start, 0))

    def batch(self, epoch: int, number: int) -> Any:
        """Return one batch of an epoch, as the arrays were given: a feed, or Dask arrays."""
        place = _count("number", number, 0)
        if place >= len(self):
            raise InvalidArgumentError(
                None, None, f"an epoch has {len(self)} batches, from 0 on; there is no {number}."
            )
        epoch = _count("epoch", epoch, 0)
        picked = [self._picked(i, epoch, place) for i in range(len(self._arrays))]
        return _like(self._structure, picked)

    def _picked(self, which: int, epoch: int, number: int) -> Any:
        array, (graph, keys) = self._arrays[which], self._tasks[which]
        name = f"minibatch-{self._token}-{which}-{epoch}-{number}"
        rest = (0,) * (array.ndim - 1)
        starts, counts = self._starts[number].tolist(), self._counts[number]
        own = {
            (name, i, *rest): (operator.call, _ROWS, key, self.seed, epoch, i, first, first + count)
            for i, (key, first, count) in enumerate(zip(keys, starts, counts, strict=True))
        }
        chunks = (self._counts[number], *array.chunks[1:])
        return made({**graph, **own}, list(own), chunks, array)


class Epoch:
    """The batches of one epoch, in order.

    ``len()`` is how many there are to come from the beginning of a loop; ``position`` the number of
    batches given, with those before ``start``: what ``Minibatches.epoch`` takes to go on there.
    """

    def __init__(self, batches: Minibatches, number: int, start: int) -> None:
        self._batches = batches
        self.number = number
        self.start = start
        self.position = start

    def __len__(self) -> int:
        return max(0, len(self._batches) - self.start)

    def __iter__(self) -> Iterator[Any]:
        for i in range(self.start, len(self._batches)):
            self.position = i + 1
            yield self._batches.batch(self.number, i)


def shares(sizes: Sequence[int], batch_size: int) -> Counts:
    """Return how many rows each batch takes from chunks of ``sizes``.

    A batch takes of each chunk its proportional share, rounded up or down.  All but the last are
    full, and there are at most as many different ones as chunks.
    """
    full, rest = divmod(sum(sizes), batch_size)
    last = _apportioned(sizes, rest)
    base = [n * batch_size // sum(sizes) for n in sizes]
    extra = batch_size - sum(base)  # rows that each full batch takes beyond ``base``
    # Each chunk has some rows left, at most one a batch.  Written one after the other into
    # ``extra`` lines of one place for each batch, they fill these; and as no chunk has more than a
    # line, none comes twice in a column.
    left = [n - full * b - taken for n, b, taken in zip(sizes, base, last, strict=True)]
    columns = np.tile(base, (full, 1))
    places = np.arange(full * extra) % max(full, 1)
    np.add.at(columns, (places, np.repeat(np.arange(len(sizes)), left)), 1)
    counts = [tuple(row) for row in columns.tolist()]
    return tuple([*counts, tuple(last)] if rest else counts)


def _apportioned(sizes: Sequence[int], total: int) -> list[int]:
    """Return ``total`` in proportion to ``sizes``, by the largest remainders."""
    whole = sum(sizes)
    out = [n * total // whole for n in sizes]
    order = sorted(range(len(sizes)), key=lambda i: -(sizes[i] * total % whole))
    for i in order[: total - sum(out)]:
        out[i] += 1
    return out


def rows_of(chunk: Any, seed: int, epoch: int, shard: int, start: int, stop: int) -> Any:
    """Return the rows of a chunk that come at ``start`` to ``stop`` in the order of an epoch."""
    return chunk[_order(seed, epoch, shard, len(chunk))[start:stop]]


@lru_cache(_KEPT_ORDERS)
def _order(seed: int, epoch: int, shard: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, shard]).permutation(length)


# -- what the caller gives ------------------------------------------------------------------------


def _flat(arrays: Any) -> list[Any]:
    if isinstance(arrays, dict):
        return list(arrays.values())
    return list(arrays) if isinstance(arrays, (tuple, list)) else [arrays]


def _like(structure: Any, values: list[Any]) -> Any:
    if isinstance(structure, dict):
        return dict(zip(structure, values, strict=True))
    if isinstance(structure, (tuple, list)):
        return tuple(values) if isinstance(structure, tuple) else values
    return values[0]


def _alike(arrays: list[Any]) -> list[Any]:
    """Return the arrays, after a check that they are cut alike along their rows alone."""
    if not arrays:
        raise InvalidArgumentError(None, None, "there are no arrays to take batches of.")
    for i, array in enumerate(arrays):
        if not hasattr(array, "numblocks"):
            raise InvalidTypeError(
                None,
                None,
                f"minibatches are taken of Dask arrays; array {i} is a {type(array).__name__}. "
                f"For arrays in memory there is tf.data.Dataset.from_tensor_slices.",
            )
        if not array.ndim:
            raise InvalidArgumentError(None, None, f"array {i} is one number: it has no rows.")
        if any([np.isnan(n) for n in array.shape]):
            problem, remedy = "has chunks of unknown sizes", "compute_chunk_sizes()"
        elif any([n > 1 for n in array.numblocks[1:]]):
            problem = f"is cut along more than its rows: {array.numblocks} chunks"
            remedy = f"rechunk({ {d: -1 for d in range(1, array.ndim)} })"
        elif len(array) != len(arrays[0]):
            raise InvalidArgumentError(
                None, None, f"array {i} has {len(array)} rows, array 0 {len(arrays[0])}."
            )
        elif array.chunks[0] != arrays[0].chunks[0]:
            problem = f"has chunks of {array.chunks[0]} rows, array 0 of {arrays[0].chunks[0]}"
            remedy = f"rechunk({ {0: arrays[0].chunks[0]} })"
        else:
            continue
        raise InvalidArgumentError(
            None, None, f"array {i} {problem}. Call its {remedy} and persist the result."
        )
    return arrays


def _count(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidTypeError(None, None, f"{name} is a whole number, not {value!r}.") from None
    if number < least:
        raise InvalidArgumentError(None, None, f"{name} is {number}; the least is {least}.")
    return number
