"""A run in steps: ``session.partial_run_setup`` and ``session.partial_run``.

In: all fetches and feeds of the run, then some of them at a time.  Out: values, as if one run had
computed them: what a step has fetched, and what it drew or changed, later steps take over.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tfmini.errors import InvalidArgumentError
from tfmini.feeds import fed_tensor, flat_keys, flat_values
from tfmini.fetches import flatten
from tfmini.nodes import Operation, Tensor

if TYPE_CHECKING:
    from tfmini.session import Session


class PartialRun:
    """One run in steps: what may be fetched and fed still, and the values so far."""

    def __init__(self, session: Session, fetches: Iterable[Any], feeds: Iterable[Any]) -> None:
        graph = session.graph
        self._session = session
        self._elements, _ = flatten(graph, list(fetches))
        self._fetches = set(self._elements)
        self._feeds = {fed_tensor(graph, f) for f in flat_keys(feeds)}
        self._values: dict[Tensor, Any] = {}
        self._done: set[Any] = set()
        self._lock = threading.Lock()

    def step(self, fetches: Any, feed_dict: Mapping[Any, Any] | None) -> Any:
        """Return the values of ``fetches``, with what is fed now and was fed before."""
        with self._lock:
            graph = self._session.graph
            wanted, rebuild = flatten(graph, fetches)
            keys, given = [*(feed_dict or {})], [*(feed_dict or {}).values()]
            tensors = [fed_tensor(graph, k) for k in flat_keys(keys)]
            fed = dict(zip(tensors, flat_values(keys, given), strict=True))
            self._check(wanted, fed)
            held = {**self._values, **fed}
            kept = self._to_keep(wanted, held)
            results = self._session.run([*wanted, *kept], held)
            self._values = {**held, **dict(zip(kept, results[len(wanted) :], strict=True))}
            for element, value in zip(wanted, results[: len(wanted)], strict=True):
                self._done.add(element)
                if isinstance(element, Tensor):
                    self._values[element] = value
            return rebuild([v for e, v in zip(wanted, results, strict=False)
                            if isinstance(e, Tensor)])  # fmt: skip

    def _check(self, wanted: list[Any], fed: Mapping[Tensor, Any]) -> None:
        for element in wanted:
            if element not in self._fetches:
                raise _refused(element, "was not named as a fetch in partial_run_setup")
            if element in self._done:
                raise _refused(element, "was fetched in this partial run already")
        for tensor in fed:
            if tensor not in self._feeds:
                raise _refused(tensor, "was not named as a feed in partial_run_setup")
            if tensor in self._values:
                raise _refused(tensor, "has a value in this partial run already")

    def _to_keep(self, wanted: list[Any], given: Mapping[Tensor, Any]) -> list[Tensor]:
        """Return the tensors, drawn or computed once, that steps to come need too."""
        now = _ancestors(wanted, given)
        later = _ancestors([e for e in self._elements if e not in self._done], given)
        once = [n for n in now & later if n.opdef.random or n.opdef.stateful or n.opdef.resource]
        skipped = {*wanted, *given}
        return [t for n in sorted(once, key=lambda n: n.id) for t in n.outputs if t not in skipped]


def _ancestors(elements: Iterable[Any], given: Mapping[Tensor, Any]) -> set[Operation]:
    """Return the nodes that ``elements`` need, back to tensors that have a value."""
    found: set[Operation] = set()
    pending: list[Any] = list(elements)
    while pending:
        item = pending.pop()
        if item in given:
            continue
        node = item.op if isinstance(item, Tensor) else item
        if node not in found:
            found.add(node)
            pending += [*node.inputs, *node.control_inputs]
    return {n for n in found if not n.opdef.is_placeholder and not n.opdef.is_variable}


def _refused(element: Any, why: str) -> InvalidArgumentError:
    node = element.op if isinstance(element, Tensor) else element
    return InvalidArgumentError(node.info, node, f"{element.name!r} {why}.")
