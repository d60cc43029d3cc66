"""``tf.data.Iterator``: from a dataset to tensors that are its next element in each run.

In: datasets.  Out: ``get_next()``'s tensors, and operations that begin a dataset anew.

An iterator's state is the running session's, held under its handle: a string tensor, so that a
placeholder can take the handle of one iterator or another.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, create
from tfmini.data import structure
from tfmini.data.recipe import Recipe
from tfmini.data.source import Element, Source
from tfmini.dtypes import string
from tfmini.errors import FailedPreconditionError, InvalidArgumentError, OutOfRangeError
from tfmini.graph import Graph, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.opdef import OpDef
from tfmini.ops import nest
from tfmini.ops.bodies import Cut, Program
from tfmini.ops.string_values import as_text
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

if TYPE_CHECKING:
    from tfmini.data.dataset import Dataset

Specs = tuple[TensorSpec, ...]


class Held:
    """A pass through a source, under way in a session."""

    def __init__(self, source: Source, specs: Specs) -> None:
        self.specs = specs
        self._elements = iter(source)
        self._over = False
        self._lock = threading.Lock()

    def next(self) -> Element:
        """Return the next element; OutOfRangeError at the end, and ever after."""
        with self._lock:
            try:
                if not self._over:
                    return next(self._elements)
            except StopIteration:
                self._over = True
            raise OutOfRangeError(None, None, "End of sequence: the iterator has no more elements.")

    def close(self) -> None:
        """Stop what the pass has opened or started."""
        close = getattr(self._elements, "close", None)
        if close is not None:
            close()


def _key(handle: Any) -> tuple[str, str]:
    return "iterator", as_text(handle)


class _MakeIterator(OpDef):
    """Begins a dataset, given the values that it stands on, as the iterator of ``handle``."""

    resource = True
    stateful = True
    gradient = None

    def compute(self, handle: Any, *values: Any, recipe: Recipe, resources: Any) -> tuple[()]:
        specs = tuple(nest.flatten(recipe.form))
        resources.put(_key(handle), Held(recipe.source(values), specs))
        return ()

    def infer(self, *_specs: TensorSpec, recipe: Recipe) -> tuple[()]:
        return ()


class _OneShotIterator(OpDef):
    """The handle of an iterator that begins its dataset when it is first asked for."""

    resource = True
    stateful = True
    gradient = None

    def compute(self, *, key: str, recipe: Recipe, values: Program, resources: Any) -> Any:
        def begin() -> Held:
            rng = np.random.default_rng()
            return Held(recipe.source(values.run([], rng)), tuple(nest.flatten(recipe.form)))

        resources.get(_key(key), begin)
        return np.array(key.encode(), object)

    def infer(self, **_attrs: Any) -> TensorSpec:
        return structure.STRING


class _IteratorGetNext(OpDef):
    """The next element of the iterator of ``handle``."""

    resource = True
    stateful = True
    listed = True
    view = True  # a batch may be a slice of the array that the dataset was made of
    gradient = None

    def compute(self, handle: Any, *, specs: Specs, resources: Any) -> list[Any]:
        held = resources.get(_key(handle), lambda: _uninitialized(handle))
        if held.specs is not specs:
            _require_same(held.specs, specs)
        return [as_value(v) for v in held.next()]

    def infer(self, handle: TensorSpec, *, specs: Specs) -> Specs:
        return specs


def as_value(value: Any) -> Any:
    """Return what an element holds as the value of a tensor."""
    return value if isinstance(value, (np.ndarray, np.generic)) else np.array(value, object)


def _uninitialized(handle: Any) -> Held:
    raise FailedPreconditionError(
        None,
        None,
        f"iterator {as_text(handle)!r} has not been initialized in this session: run its "
        f"initializer first.",
    )


def _require_same(held: Specs, wanted: Specs) -> None:
    alike = len(held) == len(wanted) and all(
        (w.dtype is None or h.dtype is w.dtype) and compatible(h.shape, w.shape)
        for h, w in zip(held, wanted, strict=True)
    )
    if not alike:
        raise InvalidArgumentError(
            None, None, f"the handle is that of an iterator over {held}; {wanted} is expected."
        )


MAKE_ITERATOR = _MakeIterator("MakeIterator", "_make_iterator")
ONE_SHOT_ITERATOR = _OneShotIterator("OneShotIterator", "_one_shot_iterator")
GET_NEXT = _IteratorGetNext("IteratorGetNext", "_iterator_get_next")


class Iterator(structure.Structured):
    """Gives the elements of a dataset one by one: make it with a dataset's methods.

    ``Iterator.from_structure`` makes one that can begin any dataset of a structure, and
    ``Iterator.from_string_handle`` one that is another by a handle that is fed.
    """

    def __init__(
        self, handle: Tensor, form: Any, initializer: Operation | None = None, why: str = ""
    ) -> None:
        self._handle = handle
        self._form = form
        self._specs = tuple(nest.flatten(form))
        self._initializer = initializer
        self._why = why

    @staticmethod
    def from_structure(
        output_types: Any,
        output_shapes: Any = None,
        shared_name: str | None = None,
        output_classes: Any = None,
    ) -> Iterator:
        """Return an iterator without a dataset: ``make_initializer`` begins one in it."""
        form = structure.of_types(output_types, output_shapes, output_classes)
        why = "it has no dataset of its own; use make_initializer(dataset)"
        return Iterator(_handle(get_default_graph(), shared_name), form, why=why)

    @staticmethod
    def from_string_handle(
        string_handle: Any, output_types: Any, output_shapes: Any = None, output_classes: Any = None
    ) -> Iterator:
        """Return the iterator that ``string_handle`` names in each run.

        ``string_handle`` is a scalar string tensor, mostly a placeholder, whose value is what
        ``session.run(iterator.string_handle())`` gave.
        """
        form = structure.of_types(output_types, output_shapes, output_classes)
        why = "it is another one by its handle; initialize that one"
        return Iterator(convert_to_tensor(string_handle, string), form, why=why)

    @property
    def initializer(self) -> Operation:
        """The operation that begins the dataset, again if need be."""
        if self._initializer is None:
            raise InvalidArgumentError(
                None, None, f"this iterator has no initializer: {self._why}."
            )
        return self._initializer

    def make_initializer(self, dataset: Dataset, name: str | None = None) -> Operation:
        """Return an operation that begins ``dataset``, of this iterator's structure, in it."""
        structure.require_fit(self._form, dataset._form, "the elements of iterator and dataset")
        return _begin(self._handle, dataset, name)

    def get_next(self, name: str | None = None) -> Any:
        """Return tensors that are the next element in each run that takes one of them.

        Call it once, outside of loops: each call is an element more.
        """
        attrs = {"specs": self._specs}
        tensors = apply(GET_NEXT, (self._handle,), attrs, name or "IteratorGetNext")
        return structure.presented(self._form, tensors)

    def string_handle(self, name: str | None = None) -> Tensor:
        """Return the string by which ``from_string_handle`` finds this iterator."""
        return self._handle


def initializable(dataset: Dataset, shared_name: str | None) -> Iterator:
    """Return an iterator that begins ``dataset`` when its initializer runs."""
    handle = _handle(dataset._graph, shared_name)
    return Iterator(handle, dataset._form, _begin(handle, dataset, None))


def one_shot(dataset: Dataset) -> Iterator:
    """Return an iterator that begins ``dataset`` by itself, once in each session."""
    recipe = Recipe(dataset)
    cut = Cut(recipe.tensors, 0)
    if cut.leaves:
        leaf = cut.leaves[0]
        kind = "a placeholder" if leaf.op.opdef.is_placeholder else "a variable"
        raise InvalidArgumentError(
            leaf.op.info,
            leaf.op,
            f"a one-shot iterator can't be made of a dataset that stands on {kind}, whose value "
            f"nobody gives it. Use make_initializable_iterator(), and run its initializer.",
        )
    graph = dataset._graph
    key = graph.unique_name("OneShotIterator", mark_as_used=False)
    attrs = {"key": key, "recipe": recipe, "values": Program(cut, [], recipe.tensors)}
    with graph.as_default():
        handle = create(ONE_SHOT_ITERATOR, (), attrs, "OneShotIterator").outputs[0]
    return Iterator(handle, dataset._form, why="it begins by itself, and once")


def _handle(graph: Graph, shared_name: str | None) -> Tensor:
    name = shared_name or graph.unique_name("IteratorV2", mark_as_used=False)
    with graph.as_default():
        return convert_to_tensor(name.encode(), string, name="IteratorV2")


def _begin(handle: Tensor, dataset: Dataset, name: str | None) -> Operation:
    recipe = Recipe(dataset)
    return create(
        MAKE_ITERATOR, [handle, *recipe.tensors], {"recipe": recipe}, name or "MakeIterator"
    )
