"""``tf.data.Dataset``: what elements there are and what is done to them, said while building.

In: arrays, tensors, generators, files and functions.  Out: ``Dataset``s, each a structure of specs
and a way to make its ``Source`` when an iterator is initialised.  Values of tensors that a dataset
stands on (arrays, sizes, what functions capture) are those at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.build import constant_value, convert_to_tensor
from tfmini.data import caches, combining, padding, parallel, structure
from tfmini.data.functions import Traced
from tfmini.data.iterator import Iterator, initializable, one_shot
from tfmini.data.recipe import Recipe
from tfmini.data.rows import file_names, numbers, slices
from tfmini.data.seeds import stream_of
from tfmini.data.source import Chain, Passes, Source
from tfmini.data.steps import flattened
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.graph import Graph, graph_of
from tfmini.nodes import Tensor
from tfmini.ops import nest
from tfmini.spec import TensorSpec


class Dataset(structure.Structured):
    """Elements of one structure, in order; each method returns a new dataset.

    Make one by a static method, as ``from_tensor_slices``, or from files, as ``TFRecordDataset``;
    ``make_one_shot_iterator().get_next()`` gives tensors that are the next element in each run.
    """

    def __init__(
        self, form: Any, make: Callable[..., Source], tensors: Sequence[Tensor] = (),
        parents: Sequence[Dataset] = (),
    ) -> None:  # fmt: skip
        self._form = form
        self._make = make  # from the parents' sources and the tensors' values
        self._tensors = list(tensors)
        self._parents = list(parents)
        self._graph: Graph = graph_of(tensors) if tensors or not parents else parents[0]._graph

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shapes: {self.output_shapes}, types: {self.output_types}>"

    def __iter__(self) -> Any:
        raise InvalidTypeError(
            None,
            None,
            "a dataset of a graph has no elements yet: use make_one_shot_iterator().get_next() "
            "and session.run.",
        )

    # -- where elements come from ---------------------------------------------------------------

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """Return a dataset of one element, ``tensors``."""
        elements = structure.as_tensors(tensors)
        form = structure.specs(elements)
        return Dataset(form, lambda *values: Passes(lambda: iter([values])), nest.flatten(elements))

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """Return a dataset of the slices of ``tensors`` along their first dimension.

        Arrays become constants of the graph.  Large ones are better fed: give placeholders, and
        feed the arrays to the initializer of ``make_initializable_iterator``; they are not copied,
        so don't write to them while the iterator is used.
        """
        elements = structure.as_tensors(tensors)
        leaves = nest.flatten(elements)
        lengths = {t.spec.shape[0] for t in leaves if t.spec.shape} - {None}
        if not leaves or len(lengths) > 1 or any([t.spec.shape == () for t in leaves]):
            given = ", ".join([repr(t.spec) for t in leaves])
            raise InvalidArgumentError(
                None,
                None,
                "from_tensor_slices needs tensors of one first dimension; given are "
                f"{given or 'none'}.",
            )
        return Dataset(structure.without_first(structure.specs(elements)), slices, leaves)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any], output_types: Any, output_shapes: Any = None,
        args: Any = None,
    ) -> Dataset:  # fmt: skip
        """Return a dataset of what ``generator(*args)`` yields, called anew for each pass.

        Parameters
        ----------
        output_types, output_shapes : structures of the elements that it yields
        args : tensors whose values the generator is called with
        """
        if not callable(generator):
            raise InvalidTypeError(None, None, f"generator must be callable, not {generator!r}.")
        form = structure.of_types(output_types, output_shapes)
        specs = nest.flatten(form)

        def make(*values: Any) -> Source:
            def element(value: Any) -> Any:
                return structure.flat_values(form, value, specs, "the generator")

            return Passes(lambda: map(element, iter(generator(*values))))

        return Dataset(form, make, [convert_to_tensor(a) for a in args or ()])

    @staticmethod
    def range(*args: Any) -> Dataset:
        """Return the int64 numbers of ``range(stop)``, or ``range(start, stop[, step])``."""
        if not 1 <= len(args) <= 3:
            raise InvalidArgumentError(None, None, f"range takes 1 to 3 numbers, not {len(args)}.")
        return Dataset(TensorSpec((), int64), numbers, [_int64(a) for a in args])

    @staticmethod
    def zip(datasets: Any) -> Dataset:
        """Return the elements of a structure of datasets, side by side, until one ends."""
        parents = nest.flatten(datasets)
        if isinstance(datasets, list):
            raise InvalidTypeError(None, None, "zip takes a tuple of datasets, not a list.")
        for parent in parents:
            if not isinstance(parent, Dataset):
                raise InvalidTypeError(
                    None, None, f"zip takes a tuple of datasets; {parent!r} is none."
                )
        form = structure.mapped(lambda d: d._form, datasets)
        return Dataset(form, lambda first, *rest: first.zip(rest), (), parents)

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: Any = None) -> Dataset:
        """Return the names of the files that match a pattern (or a list of them).

        They come in random order unless ``shuffle`` is False: then sorted.
        """
        form = structure.STRING
        stream = stream_of(seed) if shuffle or shuffle is None else None
        return Dataset(form, lambda pattern: file_names(pattern, stream),
                       [convert_to_tensor(file_pattern)])  # fmt: skip

    # -- the order of elements ------------------------------------------------------------------

    def repeat(self, count: Any = None) -> Dataset:
        """Return the elements ``count`` times over; None or -1: for ever."""
        return self._with(lambda s, n: s.repeat(int(n)), [_int64(-1 if count is None else count)])

    def take(self, count: Any) -> Dataset:
        """Return the first ``count`` elements; -1: all."""
        return self._with(lambda s, n: s.take(int(n)), [_int64(count)])

    def skip(self, count: Any) -> Dataset:
        """Return what is left after ``count`` elements; -1: nothing."""
        return self._with(lambda s, n: s.skip(int(n)), [_int64(count)])

    def shard(self, num_shards: Any, index: Any) -> Dataset:
        """Return every ``num_shards``-th element, from number ``index`` on."""
        return self._with(combining.sharded, [_int64(num_shards), _int64(index)])

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: bool | None = None
    ) -> Dataset:
        """Return the elements in random order, each drawn from the next ``buffer_size``.

        Parameters
        ----------
        seed : int; the same order in each session; also set by ``tf.set_random_seed``
        reshuffle_each_iteration : whether each pass has an order of its own, by default True
        """
        stream = stream_of(seed, reshuffle_each_iteration in (None, True))

        def make(source: Source, size: Any, *seed: Any) -> Source:
            _require_positive("buffer_size", size)
            return source.shuffle(int(size), stream(*seed))

        return self._with(make, [_int64(buffer_size), *_tensors(seed)])

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Return the elements of this dataset, then those of ``dataset``."""
        form = structure.common(self._form, dataset._form)
        return Dataset(form, lambda *parts: Chain(parts), (), [self, dataset])

    def cache(self, filename: Any = "") -> Dataset:
        """Keep the elements of the first whole pass, in memory or in a file, for later ones."""
        return self._with(caches.cached, [convert_to_tensor(filename)])

    def prefetch(self, buffer_size: Any) -> Dataset:
        """Prepare up to ``buffer_size`` elements in a thread while others are used."""
        return self._with(parallel.prefetched, [_int64(buffer_size)])

    # -- groups of elements ---------------------------------------------------------------------

    def batch(self, batch_size: Any, drop_remainder: Any = False) -> Dataset:
        """Return every ``batch_size`` elements stacked along a new first dimension.

        ``drop_remainder`` leaves out a last, smaller batch, and makes the dimension static.
        """
        size, drop = _int64(batch_size), convert_to_tensor(drop_remainder)
        form = structure.batched(self._form, _static_length(size, drop))
        own = self._form

        def make(source: Source, size: Any, drop: Any) -> Source:
            _require_positive("batch_size", size)
            return combining.batched(own, source, int(size), bool(drop))

        return Dataset(form, make, [size, drop], [self])

    def padded_batch(
        self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None,
        drop_remainder: Any = False,
    ) -> Dataset:  # fmt: skip
        """Return every ``batch_size`` elements stacked, after padding them to one shape.

        Parameters
        ----------
        padded_shapes : a structure of shapes; None or -1: as long as the longest in the batch
        padding_values : a structure of scalars, by default 0 or ""
        """
        size, drop = _int64(batch_size), convert_to_tensor(drop_remainder)
        specs = nest.flatten(self._form)
        shapes = padding.padded_shapes(self._form, padded_shapes)
        values = padding.padding_values(self._form, padding_values)
        length = _static_length(size, drop)
        form = nest.pack(
            self._form,
            [TensorSpec((length, *shape), spec.dtype)
             for shape, spec in zip(shapes, specs, strict=True)],
        )  # fmt: skip

        def make(source: Source, size: Any, drop: Any, *values: Any) -> Source:
            _require_positive("batch_size", size)
            return padding.padded(source, int(size), bool(drop), shapes, values)

        return Dataset(form, make, [size, drop, *values], [self])

    def unbatch(self) -> Dataset:
        """Return the slices of the elements along their first dimension."""
        return Dataset(structure.without_first(self._form), combining.unbatched, (), [self])

    def window(
        self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: Any = False
    ) -> Dataset:
        """Return datasets (for each component one) of ``size`` elements each.

        A window begins ``shift`` (default ``size``) elements after the one before, and takes every
        ``stride``-th element.
        """
        numbers = [_int64(size), _int64(size if shift is None else shift), _int64(stride)]
        form = structure.mapped(nested_spec, self._form)
        return Dataset(form, combining.windows,
                       [*numbers, convert_to_tensor(drop_remainder)], [self])  # fmt: skip

    # -- functions of elements ------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None) -> Dataset:
        """Return ``map_func`` of each element; a tuple is given as several arguments.

        With ``num_parallel_calls`` several elements are computed at once; their order is kept.
        """
        traced = self._traced(map_func, "map", _tensors_of)

        def make(source: Source, calls: Any, *captured: Any) -> Source:
            return parallel.mapped(source, traced, captured, int(calls))

        form = structure.specs(traced.returned)
        calls = _int64(1 if num_parallel_calls is None else num_parallel_calls)
        return Dataset(form, make, [calls, *traced.captured], [self])

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements for which ``predicate``, a function to a scalar bool, is true."""
        traced = self._traced(predicate, "filter", _tensors_of)
        result = traced.returned
        if (
            not isinstance(result, Tensor)
            or result.spec.rank not in (None, 0)
            or (result.dtype is not None and not result.dtype.is_bool)
        ):
            raise InvalidTypeError(
                None, None, f"filter: the predicate must return a scalar bool, not {result!r}."
            )

        def make(source: Source, *captured: Any) -> Source:
            run = traced.bind(captured)
            return Passes(lambda: filter(lambda element: run(*element)[0], iter(source)))

        return Dataset(self._form, make, traced.captured, [self])

    def flat_map(self, map_func: Callable[..., Any]) -> Dataset:
        """Return the elements of all datasets that ``map_func`` returns, one after the other."""
        return self._nested(
            map_func, "flat_map",
            lambda sources, _cycle, _block: Passes(lambda: flattened(sources())), 1, 1,
        )  # fmt: skip

    def interleave(
        self, map_func: Callable[..., Any], cycle_length: Any = -1, block_length: Any = 1,
        num_parallel_calls: Any = None,
    ) -> Dataset:  # fmt: skip
        """Return the elements of the datasets that ``map_func`` returns, taken in turns.

        ``cycle_length`` datasets (-1: as many as there are cores, as in TensorFlow) are open at a
        time, and give ``block_length`` elements a turn.
        """
        return self._nested(
            map_func, "interleave", combining.interleaved, cycle_length, block_length
        )

    def enumerate(self, start: Any = 0) -> Dataset:
        """Return pairs of a number, from ``start`` on, and an element."""

        def make(source: Source, start: Any) -> Source:
            def numbered() -> Any:
                pairs = enumerate(source, int(start))
                return map(lambda pair: (np.int64(pair[0]), *pair[1]), pairs)

            return Passes(numbered)

        return Dataset((TensorSpec((), int64), self._form), make, [_int64(start)], [self])

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """Return ``transformation_func(self)``."""
        return transformation_func(self)

    def with_options(self, options: Any) -> Dataset:
        """Return this dataset: what ``tf.data.Options`` asks for does not change elements."""
        return self

    map_with_legacy_function = map
    filter_with_legacy_function = filter

    # -- iterators ------------------------------------------------------------------------------

    def make_one_shot_iterator(self) -> Iterator:
        """Return an iterator that goes through the dataset once, without an initializer."""
        return one_shot(self)

    def make_initializable_iterator(self, shared_name: str | None = None) -> Iterator:
        """Return an iterator that starts when its ``initializer`` is run."""
        return initializable(self, shared_name)

    # -- parts ----------------------------------------------------------------------------------

    def _with(self, make: Callable[..., Source], tensors: Sequence[Tensor]) -> Dataset:
        return Dataset(self._form, make, tensors, [self])

    def _traced(self, function: Any, what: str, results_of: Any) -> Traced:
        form = self._form
        forms = form if type(form) is tuple else (form,)
        return Traced(function, forms, self._graph, what, results_of)

    def _nested(
        self, function: Any, what: str, joined: Any, cycle_length: Any, block_length: Any
    ) -> Dataset:
        traced = self._traced(function, what, recipe_of(what))
        recipe = traced.returned

        def make(source: Source, cycle: Any, block: Any, *captured: Any) -> Source:
            run = traced.bind(captured)

            def sources() -> Any:
                return map(lambda element: recipe.source(run(*element)), iter(source))

            return joined(sources, int(cycle), int(block))

        numbers = [_int64(cycle_length), _int64(block_length)]
        return Dataset(recipe.form, make, [*numbers, *traced.captured], [self])


def nested_spec(form: Any) -> structure.NestedSpec:
    """Return the spec of a component that is a dataset of elements of ``form``."""
    return structure.NestedSpec(form, lambda tensor: Dataset(form, lambda source: source, [tensor]))


def recipe_of(what: str) -> Callable[[Any], tuple[Recipe, list[Tensor]]]:
    """Return what takes the dataset that a function given to ``what`` returned apart."""

    def results_of(returned: Any) -> tuple[Recipe, list[Tensor]]:
        if not isinstance(returned, Dataset):
            raise InvalidTypeError(
                None, None, f"{what}: the function must return a dataset, not {returned!r}."
            )
        recipe = Recipe(returned)
        return recipe, recipe.tensors

    return results_of


def _tensors_of(returned: Any) -> tuple[Any, list[Tensor]]:
    # A list at the top is several results, as operations give them, not one to be stacked.
    tensors = structure.as_tensors(tuple(returned) if isinstance(returned, list) else returned)
    return tensors, nest.flatten(tensors)


def _int64(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else convert_to_tensor(value, int64)


def _tensors(value: Any) -> list[Tensor]:
    return [] if value is None else [_int64(value)]


def _static_length(size: Tensor, drop_remainder: Tensor) -> int | None:
    known = constant_value(size) if constant_value(drop_remainder) else None
    return None if known is None else int(known)


def _require_positive(name: str, value: Any) -> None:
    if value <= 0:
        raise InvalidArgumentError(None, None, f"{name} must be over 0, not {value}.")
