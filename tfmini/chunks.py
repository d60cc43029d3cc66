"""Feeds that are cut into chunks: Dask collections, and lists of futures or delayed values.

In: what a caller feeds.  Out: ``Chunks``: a Dask graph, the keys of its chunks in order, and their
sizes along the one dimension that is cut.  Nothing is computed or moved here, but for the sizes of
chunks of unknown size.  What a chunk turns out to be is compared with what was said of it in the
task that takes it.
"""

from __future__ import annotations

import hashlib
import operator
import pkgutil
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np

from tfmini.dtypes import as_dtype
from tfmini.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NodeInfo,
    OpError,
    node_error,
)
from tfmini.spec import TensorSpec

# Of a chunk, in plain values that can be read everywhere: the node that it is fed for, its number,
# how many there are, its shape and dtype.
Label = tuple[tuple[Any, ...] | None, int, int, tuple[int, ...], np.dtype]
# A Dask graph, and the keys of chunks in it, in order.
Tasks = tuple[dict[Any, Any], list[Any]]


def is_chunked(value: Any) -> bool:
    """Whether ``value`` is a Dask collection, or a list of futures or delayed values."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all([_is_lazy(v) for v in value])
    return _is_lazy(value) or _is_frame(value)


def is_future(value: Any) -> bool:
    """Whether ``value`` stands for a result on a cluster."""
    kind = type(value)
    return kind.__module__.startswith("distributed.") and kind.__name__ == "Future"


def _is_frame(value: Any) -> bool:
    return hasattr(type(value), "to_dask_array")  # a delayed value seems to have all attributes


def _is_lazy(value: Any) -> bool:
    return is_future(value) or hasattr(type(value), "__dask_graph__")


class Chunks:
    """An array in chunks along one dimension.

    ``shape`` has the chunks' sizes as a tuple in the place of that dimension: arrays chunked in
    another way are run by another program.
    """

    def __init__(
        self, array: Any, feed: NodeInfo | None = None, dtype: np.dtype | None = None
    ) -> None:
        self.array = _along_one(array)
        self.feed = feed  # what it is fed for, where that is known
        #: What whoever takes a chunk makes of it.
        self.dtype = np.dtype(dtype or array.dtype)

    @cached_property
    def dim(self) -> int:
        """The dimension that is cut."""
        blocks = self.array.numblocks
        return max(range(len(blocks)), key=lambda i: (blocks[i], -i))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The chunks' sizes along that dimension."""
        return tuple([int(n) for n in self.array.chunks[self.dim]])

    @property
    def shape(self) -> tuple[Any, ...]:
        return (*self.array.shape[: self.dim], self.sizes, *self.array.shape[self.dim + 1 :])

    @property
    def spec(self) -> TensorSpec:
        """The spec of the whole."""
        return TensorSpec(tuple([int(n) for n in self.array.shape]), as_dtype(self.dtype))

    def astype(self, dtype: np.dtype) -> Chunks:
        """Return the array with another dtype."""
        return Chunks(self.array, self.feed, dtype)

    def rechunked(self, sizes: tuple[int, ...]) -> Chunks:
        """Return the array in chunks of other sizes."""
        if sizes == self.sizes:
            return self
        return Chunks(self.array.rechunk({self.dim: sizes}), self.feed, self.dtype)

    def spoiled(self) -> Exception | None:
        """Return the error for a chunk that a future stands for which will have no result."""
        from dask.core import keys_in_tasks

        graph, keys = self.tasks()
        seen = set()
        for number, chunk in enumerate(keys):
            stack = [chunk]
            while stack:
                key = stack.pop()
                if error := _gone(graph[key]):
                    return _chunk_error(self.label(number), error)
                if key not in seen:
                    seen.add(key)
                    stack += keys_in_tasks(graph, [graph[key]])
        return None

    def label(self, number: int) -> Label:
        """Return what is said of a chunk."""
        shape = self.array.shape
        own = (*shape[: self.dim], self.sizes[number], *shape[self.dim + 1 :])
        feed = None if self.feed is None else tuple(self.feed)
        return feed, number, len(self.sizes), tuple([int(n) for n in own]), self.dtype

    def tasks(self) -> Tasks:
        """Return a Dask graph and the keys of the chunks in it, in order."""
        return tasks_of([self])[0]


def tasks_of(fed: Sequence[Chunks]) -> list[Tasks]:
    """Return the graphs and keys of what is fed together: work that several need is there once."""
    return _graphs_of(tuple([chunks.array for chunks in fed]))


def made_chunk(
    task: tuple[Callable[..., Any]], keys: Sequence[Any], label: Label, *values: Any
) -> np.ndarray:
    """Return what ``task`` makes of the values of keys: a chunk; an error names it."""
    try:
        chunk = task[0](dict(zip(keys, values, strict=True)))
    except Exception as e:
        if isinstance(e, ImportError):  # what a worker lacks is not the chunk's fault
            raise
        raise _chunk_error(label, e) from e
    return checked_chunk(chunk, label)


def checked_chunk(chunk: Any, label: Label) -> np.ndarray:
    """Return a chunk as an array, if it is what was said of it."""
    *_, shape, dtype = label
    array = chunk if type(chunk) is np.ndarray else np.asarray(chunk)
    if array.shape != shape:
        problem = f"its shape is {array.shape}, but {shape} for what it is a chunk of"
    elif array.dtype == dtype:
        return array
    elif np.can_cast(array.dtype, dtype, "same_kind"):
        return array.astype(dtype)
    else:
        problem = f"its dtype is {array.dtype}, but {dtype} for what it is a chunk of"
    raise _chunk_error(label, InvalidArgumentError(None, None, problem))


def _chunk_error(label: Label, error: Exception) -> Exception:
    feed, number, count, *_ = label
    if isinstance(error, OpError) and error.node_def is not None:
        return error
    info = None if feed is None else NodeInfo(*feed)
    out = node_error(None, error, "")
    message = f"chunk {number} of the {count} fed (from 0 on): {out}"
    return type(out)(info, None, message)


# Arrays are fed again and again; the graphs of some are forgotten when one of them is.
_GRAPHS: dict[tuple[int, ...], tuple[list[str], list[Tasks]]] = {}


def made(graph: dict[Any, Any], keys: list[Any], chunks: Any, like: Any) -> Any:
    """Return the Dask array of ``keys`` of ``graph``, which needs no optimizing.

    ``like``: an array of that dtype, and as many dimensions.
    """
    import dask.array as da

    array = da.Array(graph, keys[0][0], chunks, meta=like._meta)
    _remember((array,), [(graph, keys)])
    return array


def _graphs_of(arrays: tuple[Any, ...]) -> list[Tasks]:
    names, found = _GRAPHS.get(tuple(map(id, arrays)), ([], []))
    if names != [a.name for a in arrays]:  # an assignment to some of its elements renames an array
        if len(arrays) == 1 or _share_work(arrays):
            found = _optimized(arrays)
        else:
            found = [tasks for a in arrays for tasks in _graphs_of((a,))]
        _remember(arrays, found)
    return found


def _remember(arrays: tuple[Any, ...], found: list[Tasks]) -> None:
    place = tuple(map(id, arrays))
    if place not in _GRAPHS:
        for array in arrays:
            weakref.finalize(array, _GRAPHS.pop, place, None).atexit = False
    _GRAPHS[place] = [a.name for a in arrays], found


def _share_work(arrays: Iterable[Any]) -> bool:
    """Whether some task is needed for several of them."""
    graphs = {a.name: a.__dask_graph__() for a in arrays}
    counts = Counter([k for graph in graphs.values() for k in graph])
    shared = {k for k, n in counts.items() if n > 1}
    nodes = [graph[k] for graph in graphs.values() for k in shared & set(graph)]
    return any([not is_future(n) and not _is_array(n) for n in nodes])


def _optimized(arrays: Sequence[Any]) -> list[Tasks]:
    from dask.highlevelgraph import HighLevelGraph

    own = HighLevelGraph.merge(*[a.__dask_graph__() for a in arrays])
    keys = [np.asarray(a.__dask_keys__(), object) for a in arrays]
    # Keys are tuples: NumPy has made their parts a last dimension.
    flat = [[tuple(k) for k in some.reshape(-1, some.shape[-1])] for some in keys]
    chunks = list(dict.fromkeys([k for some in flat for k in some]))
    # Arrays of this process stay apart from what is done to them: they may be placed elsewhere.
    data = arrays_of(own.cull(set(chunks)))
    graph = dict(arrays[0].__dask_optimize__(own, [*chunks, *data]))
    # Dask leaves out what is on the cluster of its default client; in here it is kept alive.
    taken = {*chunks, *[k for node in graph.values() for k in getattr(node, "dependencies", ())]}
    graph.update({k: own[k] for k in taken if k not in graph and is_future(own.get(k))})
    return [(graph, some) for some in flat]


def arrays_of(graph: Mapping[Any, Any]) -> dict[Any, np.ndarray]:
    """Return the arrays that are in a Dask graph as they are, or as a ``DataNode``."""
    return {k: getattr(n, "value", n) for k, n in graph.items() if _is_array(n)}


def _is_array(node: Any) -> bool:
    return isinstance(getattr(node, "value", node), np.ndarray)


def _along_one(array: Any) -> Any:
    """Return ``array`` chunked along the dimension that has most chunks, and no other."""
    cut = [i for i, n in enumerate(array.numblocks) if n > 1]
    if len(cut) < 2:
        return array
    keep = max(cut, key=lambda i: (array.numblocks[i], -i))
    return array.rechunk({i: -1 for i in cut if i != keep})


def as_chunks(value: Any, get: Callable[[dict[Any, Any], list[Any]], list[Any]]) -> Chunks:
    """Return a collection, or a list of futures or delayed arrays, as ``Chunks``.

    Parameters
    ----------
    get : returns the values of keys of a Dask graph
        Called where the chunks' sizes are unknown, for nothing but their shapes and dtypes.
    """
    import dask.array as da

    if isinstance(value, (list, tuple)):
        return Chunks(_from_parts(list(value), get))
    if _is_frame(value):  # a dask.dataframe and its like
        value = value.to_dask_array()
    if not isinstance(value, da.Array):
        return Chunks(_from_parts([value], get))
    if not value.ndim:
        raise InvalidArgumentError(
            None, None, "a Dask array of no dimensions has no chunks: feed its value."
        )
    if any([np.isnan(n) for n in value.shape]):
        if any([np.isnan(n) for n in value.shape[1:]]):
            raise InvalidArgumentError(
                None,
                None,
                "the sizes of the array's chunks are unknown; call its compute_chunk_sizes().",
            )
        value = value.rechunk({i: -1 for i in range(1, value.ndim)})
        value = _from_parts(list(value.to_delayed().ravel()), get)
    return Chunks(value)


# Keys name their content, so what was asked once is known.
_SHAPES: dict[Any, list[tuple[tuple[int, ...], np.dtype]]] = {}
_NUMBERS = "biufc"
_REMEMBERED = 64


def _from_parts(parts: list[Any], get: Callable[..., list[Any]]) -> Any:
    """Return futures or delayed arrays, joined along their first dimension, as a Dask array."""
    import dask.array as da

    key = tuple([p.key for p in parts])
    if key not in _SHAPES:
        found = _found(parts, get)
        while len(_SHAPES) >= _REMEMBERED:
            del _SHAPES[next(iter(_SHAPES))]
        _SHAPES[key] = found
    (first, kind), sizes = _SHAPES[key][0], []
    for i, (shape, dtype) in enumerate(_SHAPES[key]):
        if not shape or shape[1:] != first[1:]:
            raise InvalidArgumentError(
                None,
                None,
                f"chunk {i} has shape {shape}, chunk 0 {first}: all dimensions but the first "
                f"must be equal.",
            )
        if (dtype.kind in _NUMBERS) != (kind.kind in _NUMBERS):
            raise InvalidArgumentError(
                None, None, f"chunk {i} has dtype {dtype}, chunk 0 {kind}: both must be numbers."
            )
        sizes.append(shape[0])
    # A chunk is looked at whenever it is taken, so the futures themselves will do; the other graph
    # is for who cuts the array anew.
    name, rest = f"parts-{hashlib.sha256(repr(key).encode()).hexdigest()}", (0,) * (len(first) - 1)
    own = {(name, i, *rest): (np.asarray, k) for i, k in enumerate(key)}
    graph = _graph_of(parts)
    dtype = reduce(np.promote_types, [d for _, d in _SHAPES[key]])
    chunks = (tuple(sizes), *[(n,) for n in first[1:]])
    array = da.Array({**graph, **own}, name, chunks, dtype)
    if all([is_future(p) for p in parts]):
        _remember((array,), [(graph, list(key))])
    return array


def _graph_of(parts: list[Any]) -> dict[Any, Any]:
    graph: dict[Any, Any] = {}
    for part in parts:
        graph.update({part.key: part} if is_future(part) else part.__dask_graph__())
    return graph


def _found(parts: list[Any], get: Callable[..., list[Any]]) -> list[Any]:
    """Return shapes and dtypes of parts; an error says which can't be computed."""
    for i, part in enumerate(parts):
        if error := _gone(part):
            raise _part_error(i, len(parts), error) from error
    try:
        return get(*_looks(parts))
    except OpError:
        raise
    except Exception as first:
        for i, part in enumerate(parts):
            try:
                get(*_looks([part]))
            except Exception as e:
                raise _part_error(i, len(parts), e) from e
        raise first


def _gone(value: Any) -> Exception | None:
    """Return what is wrong with a future that will have no result, None for all else."""
    if not is_future(value):
        return None
    if value.status == "error":
        return value.exception()
    if value.status == "cancelled":
        return FailedPreconditionError(
            None, None, "it was cancelled, or lost with its worker; compute it anew."
        )
    return None


def _part_error(number: int, count: int, error: Exception) -> Exception:
    return _chunk_error((None, number, count, (), np.dtype(float)), error)


def _looks(parts: list[Any]) -> tuple[dict[Any, Any], list[Any]]:
    """Return a Dask graph, and its keys, that looks at futures or delayed arrays."""
    name = f"look-{uuid.uuid4().hex}"
    found = (pkgutil.resolve_name, f"{__name__}:{looked_at.__name__}")
    looks = {(name, i): (operator.call, found, part.key) for i, part in enumerate(parts)}
    return {**_graph_of(parts), **looks}, list(looks)


def looked_at(value: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and dtype of a chunk."""
    array = np.asarray(value)
    return array.shape, array.dtype
