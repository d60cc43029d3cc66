"""``tf.data.experimental``: transformations for ``Dataset.apply``, and more kinds of datasets."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor
from tfmini.data import combining, structure
from tfmini.data.dataset import Dataset, nested_spec, recipe_of
from tfmini.data.files import CsvDataset
from tfmini.data.functions import Traced
from tfmini.data.iterator import as_value
from tfmini.data.recipe import Recipe
from tfmini.data.seeds import stream_of
from tfmini.data.source import Element, Passes, Source
from tfmini.data.tables import make_batched_features_dataset, make_csv_dataset
from tfmini.dtypes import as_dtype, int64
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import OpDef
from tfmini.ops import casting, indexing, nest, sorting
from tfmini.spec import TensorSpec

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2

Transformation = Callable[[Dataset], Dataset]

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Counter", "CsvDataset",
    "bucket_by_sequence_length", "choose_from_datasets", "copy_to_device", "enumerate_dataset",
    "get_single_element", "group_by_window", "ignore_errors", "make_batched_features_dataset",
    "make_csv_dataset", "map_and_batch", "parallel_interleave", "prefetch_to_device",
    "sample_from_datasets", "shuffle_and_repeat", "take_while", "unbatch",
]  # fmt: skip


def shuffle_and_repeat(buffer_size: Any, count: Any = None, seed: Any = None) -> Transformation:
    """Return the transformation ``shuffle(buffer_size, seed).repeat(count)``."""
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


def map_and_batch(
    map_func: Callable[..., Any],
    batch_size: Any,
    num_parallel_batches: Any = None,
    drop_remainder: Any = False,
    num_parallel_calls: Any = None,
) -> Transformation:
    """Return the transformation ``map(map_func).batch(batch_size)``."""
    parallel = num_parallel_calls if num_parallel_batches is None else AUTOTUNE
    return lambda dataset: dataset.map(map_func, parallel).batch(batch_size, drop_remainder)


def parallel_interleave(
    map_func: Callable[..., Any],
    cycle_length: Any,
    block_length: Any = 1,
    sloppy: bool = False,
    buffer_output_elements: Any = None,
    prefetch_input_elements: Any = None,
) -> Transformation:
    """Return the transformation ``interleave(map_func, cycle_length, block_length)``."""
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length)


def unbatch() -> Transformation:
    """Return the transformation that gives the rows of elements; see ``Dataset.unbatch``."""
    return Dataset.unbatch


def enumerate_dataset(start: Any = 0) -> Transformation:
    """Return the transformation ``enumerate(start)``."""
    return lambda dataset: dataset.enumerate(start)


def prefetch_to_device(device: Any, buffer_size: Any = None) -> Transformation:
    """Return the transformation ``prefetch(buffer_size)``: there is one kind of device."""
    return lambda dataset: dataset.prefetch(AUTOTUNE if buffer_size is None else buffer_size)


def copy_to_device(target_device: Any, source_device: Any = "/cpu:0") -> Transformation:
    """Return the transformation that changes nothing: there is one kind of device."""
    return lambda dataset: dataset


def ignore_errors() -> Transformation:
    """Return the transformation that leaves out elements whose computation fails."""
    return lambda dataset: dataset._with(combining.without_errors, [])


def take_while(predicate: Callable[..., Any]) -> Transformation:
    """Return the transformation that ends before the first element without ``predicate``."""

    def transformed(dataset: Dataset) -> Dataset:
        traced = dataset._traced(predicate, "take_while", lambda r: (r, [convert_to_tensor(r)]))

        def make(source: Source, *captured: Any) -> Source:
            run = traced.bind(captured)
            return Passes(lambda: itertools.takewhile(lambda e: run(*e)[0], iter(source)))

        return dataset._with(make, traced.captured)

    return transformed


def group_by_window(
    key_func: Callable[..., Any],
    reduce_func: Callable[[Any, Dataset], Dataset],
    window_size: Any = None,
    window_size_func: Callable[[Any], Any] | None = None,
) -> Transformation:
    """Return the transformation that groups elements by a key, and reduces each full group.

    Parameters
    ----------
    key_func : from an element to a scalar int64
    reduce_func : from a key and the dataset of up to ``window_size`` elements to a dataset
    window_size_func : the window's size for a key, instead of ``window_size``
    """
    if (window_size is None) == (window_size_func is None):
        raise InvalidArgumentError(None, None, "give window_size or window_size_func, one of them.")

    def transformed(dataset: Dataset) -> Dataset:
        size_of: Any = window_size_func or (lambda key: convert_to_tensor(window_size, int64))
        keys = dataset._traced(key_func, "key", _one_int64)
        sizes = Traced(size_of, [TensorSpec((), int64)], dataset._graph, "size", _one_int64)
        forms = [TensorSpec((), int64), nested_spec(dataset._form)]
        reduced = Traced(reduce_func, forms, dataset._graph, "reduce", recipe_of("group_by_window"))
        counts = [len(keys.captured), len(keys.captured) + len(sizes.captured)]

        def make(source: Source, *captured: Any) -> Source:
            key = keys.bind(captured[: counts[0]])
            size = sizes.bind(captured[counts[0] : counts[1]])
            reduce = reduced.bind(captured[counts[1] :])
            recipe: Recipe = reduced.returned

            def group(number: Any, members: list[Element]) -> Iterator[Element]:
                held = Passes(lambda: iter(members))
                return iter(recipe.source(reduce(np.int64(number), held)))

            def elements() -> Iterator[Element]:
                groups: dict[int, list[Element]] = {}
                limits: dict[int, int] = {}
                for element in source:
                    number = int(key(*element)[0])
                    members = groups.setdefault(number, [])
                    members.append(element)
                    if number not in limits:
                        limits[number] = int(size(np.int64(number))[0])
                    if len(members) >= limits[number]:
                        yield from group(number, groups.pop(number))
                for number, members in groups.items():
                    yield from group(number, members)

            return Passes(elements)

        inputs = [*keys.captured, *sizes.captured, *reduced.captured]
        return Dataset(reduced.returned.form, make, inputs, [dataset])

    return transformed


def _one_int64(returned: Any) -> tuple[Tensor, list[Tensor]]:
    tensor = convert_to_tensor(returned, None if isinstance(returned, Tensor) else int64)
    return tensor, [tensor]


def bucket_by_sequence_length(
    element_length_func: Callable[..., Any],
    bucket_boundaries: Sequence[int],
    bucket_batch_sizes: Sequence[int],
    padded_shapes: Any = None,
    padding_values: Any = None,
    pad_to_bucket_boundary: bool = False,
    no_padding: bool = False,
    drop_remainder: bool = False,
) -> Transformation:
    """Return the transformation that batches elements of similar lengths, padded.

    Parameters
    ----------
    element_length_func : from an element to its length, a scalar int
    bucket_boundaries : ascending; bucket ``i`` has lengths below the ``i``-th boundary
    bucket_batch_sizes : the batch size of each bucket, one more than boundaries
    """
    if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
        raise InvalidArgumentError(
            None, None, "bucket_batch_sizes must be one more than bucket_boundaries."
        )
    if pad_to_bucket_boundary:
        raise InvalidArgumentError(
            None, None, "pad_to_bucket_boundary is not supported; give padded_shapes."
        )
    sizes = np.array(bucket_batch_sizes, np.int64)
    edges = np.array(bucket_boundaries, np.int64)

    def key(*element: Any) -> Tensor:
        length: Any = casting.cast(element_length_func(*element), int64)
        places: Any = sorting.searchsorted(edges, length[None], "right", int64)
        return places[0]

    def size(bucket: Any) -> Tensor:
        return indexing.gather(convert_to_tensor(sizes), bucket)

    def reduce(bucket: Any, grouped: Dataset) -> Dataset:
        if no_padding:
            return grouped.batch(size(bucket), drop_remainder)
        shapes = grouped.output_shapes if padded_shapes is None else padded_shapes
        return grouped.padded_batch(size(bucket), shapes, padding_values, drop_remainder)

    return group_by_window(key, reduce, window_size_func=size)


def sample_from_datasets(
    datasets: Sequence[Dataset], weights: Any = None, seed: Any = None
) -> Dataset:
    """Return elements drawn from ``datasets`` at random, with probabilities ``weights``."""
    begin = stream_of(seed)
    count = len(datasets)
    shares = convert_to_tensor([1.0 / count] * count if weights is None else weights)

    def make(*given: Any) -> Source:
        sources, (share, *own) = given[:count], given[count:]
        stream = begin(*own)

        def elements() -> Iterator[Element]:
            rng = stream()
            left = np.array(share, np.float64)
            open_ = [iter(s) for s in sources]
            while left.any():
                place = rng.choice(count, p=left / left.sum())
                element = next(open_[place], None)
                if element is None:
                    left[place] = 0.0
                else:
                    yield element

        return Passes(elements)

    form = functools.reduce(structure.common, [d._form for d in datasets])
    seeds = [] if seed is None else [convert_to_tensor(seed, int64)]
    return Dataset(form, make, [shares, *seeds], datasets)


def choose_from_datasets(datasets: Sequence[Dataset], choice_dataset: Dataset) -> Dataset:
    """Return the next element of the dataset that the next number of ``choice_dataset`` says."""
    form = functools.reduce(structure.common, [d._form for d in datasets])

    def make(choice: Source, *sources: Source) -> Source:
        def elements() -> Iterator[Element]:
            open_ = [iter(s) for s in sources]
            for (place,) in choice:
                element = next(open_[int(place)], None)
                if element is not None:
                    yield element

        return Passes(elements)

    return Dataset(form, make, (), [choice_dataset, *datasets])


def Counter(start: Any = 0, step: Any = 1, dtype: Any = int64) -> Dataset:
    """Return the dataset of the numbers ``start``, ``start + step``, ... without end."""
    kind = as_dtype(dtype)

    def make(start: Any, step: Any) -> Source:
        return Passes(
            lambda: ((kind.dtype.type(i),) for i in itertools.count(int(start), int(step)))
        )

    return Dataset(TensorSpec((), kind), make, [convert_to_tensor(start), convert_to_tensor(step)])


class _SingleElement(OpDef):
    """The one element of a dataset."""

    stateful = True
    listed = True
    view = True
    gradient = None

    def compute(self, *values: Any, recipe: Recipe) -> list[Any]:
        found = list(itertools.islice(iter(recipe.source(values)), 2))
        if len(found) != 1:
            what = "no element" if not found else "more than one element"
            raise InvalidArgumentError(None, None, f"get_single_element: the dataset has {what}")
        return [as_value(v) for v in found[0]]

    def infer(self, *_specs: TensorSpec, recipe: Recipe) -> list[TensorSpec]:
        return nest.flatten(recipe.form)


_SINGLE_ELEMENT = _SingleElement("DatasetToSingleElement", "_single_element")


def get_single_element(dataset: Dataset) -> Any:
    """Return the one element of ``dataset`` as tensors."""
    recipe = Recipe(dataset)
    tensors = apply(_SINGLE_ELEMENT, recipe.tensors, {"recipe": recipe})
    return structure.presented(dataset._form, tensors)
