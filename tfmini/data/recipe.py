"""How a dataset's source is made when it runs.

In: a dataset, which stands on others and on tensors.  Out: the tensors, and the steps that turn
their values into a ``Source``.  Graphs of datasets may be long, so nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tfmini.data.source import Source
from tfmini.nodes import Tensor

if TYPE_CHECKING:
    from tfmini.data.dataset import Dataset


class Recipe:
    """The steps to the source of ``dataset`` from values of ``tensors``."""

    def __init__(self, dataset: Dataset) -> None:
        self.form = dataset._form
        self.tensors: list[Tensor] = []
        self._steps: list[tuple[Callable[..., Source], tuple[int, ...], slice]] = []
        places: dict[int, int] = {}
        pending = [dataset]
        while pending:
            here = pending[-1]
            missing = [p for p in here._parents if id(p) not in places]
            if missing and id(here) not in places:
                pending += reversed(missing)
                continue
            pending.pop()
            if id(here) in places:
                continue
            first = len(self.tensors)
            self.tensors += here._tensors
            parents = tuple([places[id(p)] for p in here._parents])
            places[id(here)] = len(self._steps)
            self._steps.append((here._make, parents, slice(first, len(self.tensors))))

    def source(self, values: Sequence[Any]) -> Source:
        """Return the source for ``values`` of the tensors."""
        made: list[Source] = []
        for make, parents, taken in self._steps:
            made.append(make(*[made[i] for i in parents], *values[taken]))
        return made[-1]
