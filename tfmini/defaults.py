"""Functions that act on the default graph, under TensorFlow's top-level names.

In: names, nodes, values.  Out: what the method of that name of ``Graph`` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

from tfmini.errors import InvalidArgumentError
from tfmini.graph import get_default_graph, graph_of

DEFAULT_GRAPH_SEED = 87654321  # TensorFlow's, where only the operation has a seed


@contextmanager
def name_scope(
    name: str | None, default_name: str | None = None, values: Iterable[Any] | None = None
) -> Iterator[str]:
    """Prefix the names of operations made in the block.

    ``default_name`` is used where ``name`` is None; the graph is that of ``values``, where given.
    """
    used = default_name if name is None else name
    if used is None and values is not None:
        raise InvalidArgumentError(None, None, "name_scope: give a name or a default_name.")
    graph = graph_of(list(values or ()))
    with graph.as_default(), graph.name_scope(used) as scope:
        yield scope


_F = TypeVar("_F", bound=Callable[..., Any])


def own_scope(default_name: str) -> Callable[[_F], _F]:
    """Let a function make its nodes in a name scope, as TensorFlow's functions of several nodes do:
    the scope is called as its argument ``name`` says, or ``default_name``."""

    def decorate(function: _F) -> _F:
        given = signature(function).bind_partial

        @wraps(function)
        def scoped(*args: Any, **kwargs: Any) -> Any:
            name = given(*args, **kwargs).arguments.get("name")
            with graph_of([*args, *kwargs.values()]).name_scope(name or default_name):
                return function(*args, **kwargs)

        return scoped  # type: ignore[return-value]

    return decorate


def control_dependencies(control_inputs: Iterable[Any] | None) -> AbstractContextManager[None]:
    """Let operations made in the block run after ``control_inputs``; None forgets outer ones."""
    return get_default_graph().control_dependencies(control_inputs)


def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """Note a device on the operations made in the block; where nodes run is the session's decision.

    A name, a function of an operation that returns one, or None to forget outer blocks.
    """
    return get_default_graph().device(device_name_or_function)


@contextmanager
def colocate_with(op: Any, ignore_existing: bool = False) -> Iterator[None]:
    """Accept a node to stand beside; where nodes run is the session's decision."""
    yield


@contextmanager
def container(container_name: str) -> Iterator[None]:
    """Accept the name of a container of resources; each session has resources of its own."""
    yield


@contextmanager
def init_scope() -> Iterator[None]:
    """Make operations in the block free of the control dependencies around it."""
    with get_default_graph().control_dependencies(None):
        yield


def set_random_seed(seed: int | None) -> None:
    """Set the graph's seed: together with each operation's own, it makes runs repeatable."""
    get_default_graph().seed = seed


def add_to_collection(name: Any, value: Any) -> None:
    """Add ``value`` to the collection ``name``."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Add ``value`` to each of the collections ``names``."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """Return a copy of the collection ``key``, or of its items whose names match ``scope``."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """Return the collection ``key`` itself."""
    return get_default_graph().get_collection_ref(key)


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """Return the graph's seed and the operation's, with TensorFlow's defaults where one is set."""
    graph_seed = get_default_graph().seed
    if graph_seed is None:
        return (None, None) if op_seed is None else (DEFAULT_GRAPH_SEED, op_seed)
    return graph_seed, len(get_default_graph().operations) if op_seed is None else op_seed
