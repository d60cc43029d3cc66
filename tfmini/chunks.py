"""Feeds that are cut into chunks: Dask collections, and lists of futures or delayed values.

In: what a caller feeds.  Out: ``Chunks``: a Dask graph, the keys of its chunks in order, and their
sizes along the one dimension that is cut.  Nothing is computed or moved here, but for the sizes of
chunks of unknown size.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from tfmini.dtypes import as_dtype
from tfmini.errors import InvalidArgumentError
from tfmini.spec import TensorSpec


def is_chunked(value: Any) -> bool:
    """Whether ``value`` is a Dask collection, or a list of futures or delayed values."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all([_is_lazy(v) for v in value])
    return _is_lazy(value) or hasattr(value, "to_dask_array")


def is_future(value: Any) -> bool:
    """Whether ``value`` stands for a result on a cluster."""
    kind = type(value)
    return kind.__module__.startswith("distributed.") and kind.__name__ == "Future"


def _is_lazy(value: Any) -> bool:
    return is_future(value) or hasattr(type(value), "__dask_graph__")


class Chunks:
    """An array in chunks along one dimension.

    ``shape`` has the chunks' sizes as a tuple in the place of that dimension: arrays chunked in
    another way are run by another program.
    """

    def __init__(self, array: Any) -> None:
        self.array = _along_one(array)

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
    def dtype(self) -> np.dtype:
        return np.dtype(self.array.dtype)

    @property
    def spec(self) -> TensorSpec:
        """The spec of the whole."""
        return TensorSpec(tuple([int(n) for n in self.array.shape]), as_dtype(self.dtype))

    def astype(self, dtype: np.dtype) -> Chunks:
        """Return the array with another dtype."""
        return Chunks(self.array.astype(dtype))

    def rechunked(self, sizes: tuple[int, ...]) -> Chunks:
        """Return the array in chunks of other sizes."""
        return self if sizes == self.sizes else Chunks(self.array.rechunk({self.dim: sizes}))

    def tasks(self) -> tuple[dict[Any, Any], list[Any]]:
        """Return a Dask graph and the keys of the chunks in it, in order."""
        place = id(self.array)
        name, graph, keys = _GRAPHS.get(place, (None, {}, []))
        if name != self.array.name:  # an assignment to some of its elements renames an array
            graph, keys = _optimized(self.array)
            _remember(self.array, graph, keys)
        return graph, keys


# Arrays are fed again and again; the graph of one is forgotten when the array is.
_GRAPHS: dict[int, tuple[str, dict[Any, Any], list[Any]]] = {}


def made(graph: dict[Any, Any], keys: list[Any], chunks: Any, like: Any) -> Any:
    """Return the Dask array of ``keys`` of ``graph``, which needs no optimizing.

    ``like``: an array of that dtype, and as many dimensions.
    """
    import dask.array as da

    array = da.Array(graph, keys[0][0], chunks, meta=like._meta)
    _remember(array, graph, keys)
    return array


def _remember(array: Any, graph: dict[Any, Any], keys: list[Any]) -> None:
    if id(array) not in _GRAPHS:
        weakref.finalize(array, _GRAPHS.pop, id(array)).atexit = False
    _GRAPHS[id(array)] = array.name, graph, keys


def _optimized(array: Any) -> tuple[dict[Any, Any], list[Any]]:
    import dask

    own = array.__dask_graph__()
    (array,) = dask.optimize(array)
    graph = dict(array.__dask_graph__())
    keys = np.asarray(array.__dask_keys__(), object)
    # Keys are tuples: NumPy has made their parts a last dimension.
    flat = [tuple(k) for k in keys.reshape(-1, keys.shape[-1])]
    # Dask leaves out what is on the cluster of its default client; in here it is kept alive.
    taken = {*flat, *[k for node in graph.values() for k in getattr(node, "dependencies", ())]}
    graph.update({k: own[k] for k in taken if k not in graph and is_future(own.get(k))})
    return graph, flat


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
    if hasattr(value, "to_dask_array"):  # a dask.dataframe and its like
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
_REMEMBERED = 64


def _from_parts(parts: list[Any], get: Callable[..., list[Any]]) -> Any:
    """Return futures or delayed arrays, joined along their first dimension, as a Dask array."""
    import dask
    import dask.array as da

    key = tuple([p.key for p in parts])
    if key not in _SHAPES:
        look = dask.delayed(list)([dask.delayed(_shape_and_dtype)(p) for p in parts])
        (found,) = get(dict(look.__dask_graph__()), [look.key])
        while len(_SHAPES) >= _REMEMBERED:
            del _SHAPES[next(iter(_SHAPES))]
        _SHAPES[key] = found
    arrays = []
    for i, (part, (shape, dtype)) in enumerate(zip(parts, _SHAPES[key], strict=True)):
        if not shape or shape[1:] != _SHAPES[key][0][0][1:]:
            first = _SHAPES[key][0][0]
            raise InvalidArgumentError(
                None,
                None,
                f"chunk {i} has shape {shape}, chunk 0 {first}: all dimensions but the first "
                f"must be equal.",
            )
        arrays.append(da.from_delayed(part, shape, dtype))
    return da.concatenate(arrays)


def _shape_and_dtype(value: Any) -> tuple[tuple[int, ...], np.dtype]:
    array = np.asarray(value)
    return array.shape, array.dtype
