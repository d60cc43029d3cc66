"""Functions of users that datasets call for each element.

In: a function of tensors, and the structure of the elements.  Out: its nodes as a ``Program``, to
be run on values, and the tensors from outside that it reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfmini.data.structure import presented
from tfmini.errors import InvalidTypeError
from tfmini.graph import Graph
from tfmini.nodes import Tensor
from tfmini.ops import nest
from tfmini.ops.bodies import Cut, Program, body_input, tracing

_HEAVY = 1e6

Run = Callable[..., list[Any]]


class Traced:
    """A user's function as a program.

    Attributes
    ----------
    returned : what the function returned, as ``results_of`` gave it
    captured : the tensors from outside, whose values ``bind`` takes
    """

    def __init__(
        self,
        function: Callable[..., Any],
        forms: Sequence[Any],
        graph: Graph,
        what: str,
        results_of: Callable[[Any], tuple[Any, list[Tensor]]],
    ) -> None:
        """Trace ``function`` of one argument for each of ``forms``, structures of specs."""
        if not callable(function):
            raise InvalidTypeError(None, None, f"{what}: {function!r} is not callable.")
        with tracing(graph, what) as start:
            given = [[body_input(graph, spec) for spec in nest.flatten(form)] for form in forms]
            arguments = [presented(f, tensors) for f, tensors in zip(forms, given, strict=True)]
            self.returned, results = results_of(function(*arguments))
        bound = [t for tensors in given for t in tensors]
        cut = Cut(results, start, bound=set(bound))
        self.captured = [t for t in cut.leaves if t not in bound]
        self._program = Program(cut, [*bound, *self.captured], results)
        self._texts = [i for i, t in enumerate(bound) if _is_text(t)]
        seeds = [n.attrs.get("seed") for n in cut.nodes if n.opdef.random]
        self._seeds = None
        if any([s is not None for s in seeds]) or graph.seed is not None:
            own = [s for s in seeds if isinstance(s, int)]
            self._seeds = [graph.seed or 0, *(own or [start])]
        #: whether it takes so long that threads are worth their while
        self.heavy = self._program.cost.flops > _HEAVY
        self._draws = any([n.opdef.random for n in cut.nodes])

    @property
    def may_run_at_once(self) -> bool:
        """Whether several elements may be computed at a time: draws have an order."""
        return not self._draws

    def bind(self, captured: Sequence[Any]) -> Run:
        """Return a function of an element's values that returns those of the results."""
        program, texts = self._program, self._texts
        rng = self._stream() if self._draws else None

        def run(*values: Any) -> list[Any]:
            given = [*values, *captured]
            for i in texts:  # the kernels of strings expect arrays
                given[i] = text_array(given[i])
            return program.run(given, rng)

        return run

    def _stream(self) -> np.random.Generator:
        words = self._seeds or [int.from_bytes(os.urandom(8), "little")]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(
            [w % 2**64 for w in words]
        )))  # fmt: skip


def _is_text(tensor: Tensor) -> bool:
    return tensor.dtype is not None and tensor.dtype.dtype == object


def text_array(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else np.array(value, object)
