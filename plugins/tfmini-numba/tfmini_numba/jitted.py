"""The operation type of a compiled group, and the cache of compiled loops.

In: a group of element-wise steps, and the source of its loop.  Out: its values, by the loop on all
cores.  A ``Jitted`` travels to a worker as its steps and source, and is compiled there; groups of
one source share one compiled loop, which Numba specialises by the dtypes of its arguments.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tfmini import threads
from tfmini.opdef import Cost
from tfmini.passes.fuse import MIN_PARALLEL_SIZE, Fused
from tfmini.spec import TensorSpec
from tfmini_numba.source import COLUMN, FULL, SCALAR

# Elements that one call of a loop computes: many for its overhead, few for cores to share evenly.
_BLOCK = 1 << 17
_log = logging.getLogger("tfmini")


class Jitted(Fused):
    """A group that runs as one compiled loop; as ``Fused`` does it where Numba fails."""

    def __init__(self, group: Fused, kinds: Sequence[str], source: str) -> None:
        super().__init__(group.steps, group.slices, group.outputs, group.scratch, group.flat)
        self.package = "tfmini-numba"  # so that workers without it are told so
        self.group = group
        self.kinds = tuple(kinds)
        self.source = source

    def __reduce__(self) -> Any:
        return Jitted, (self.group, self.kinds, self.source)

    def cost(self, *specs: TensorSpec) -> Cost:
        return Cost(super().cost(*specs).flops / 2.0, super().cost(*specs).bytes)

    def compute(self, *inputs: Any) -> list[np.ndarray]:
        shape: Any = self.outputs[0].shape
        rows, columns = self._matrix(shape)
        given = [self._shaped(x, kind, rows, columns) for x, kind in zip(inputs, self.kinds)]  # noqa: B905
        results = [np.empty(shape, s.dtype.dtype) for s in self.outputs]  # type: ignore[union-attr]
        outs = [r.reshape(rows, columns) for r in results]
        loop = _ready(self.source, *[_kind_of(a) for a in (*given, *outs)])
        if loop is None:
            return super().compute(*inputs)
        self._run(loop, given, outs)
        return results

    def _matrix(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return rows and columns of the outputs: one column where nothing tells them apart."""
        size = int(np.prod(shape))
        if all([kind in (FULL, SCALAR) for kind in self.kinds]):
            return 1, size
        return size // max(shape[-1], 1), shape[-1]

    @staticmethod
    def _shaped(x: Any, kind: str, rows: int, columns: int) -> Any:
        if kind == SCALAR:
            return np.asarray(x).reshape(())[()]
        array = np.ascontiguousarray(x)
        return array.reshape(rows, columns) if kind == FULL else array.reshape(-1)

    def _run(self, loop: Any, given: list[Any], outs: list[np.ndarray]) -> None:
        rows, columns = outs[0].shape
        along = 1 if rows == 1 else 0  # the axis that is cut into blocks
        length = columns if along else rows
        step = max(1, _BLOCK // (1 if along else max(columns, 1)))

        def work(starts: Iterable[int]) -> None:
            for a in starts:
                cut = [_cut(x, kind, along, a, a + step)
                       for x, kind in zip(given, self.kinds)]  # fmt: skip # noqa: B905
                loop(*cut, *[_cut(o, FULL, along, a, a + step) for o in outs])

        starts = range(0, length, step)
        if outs[0].size >= MIN_PARALLEL_SIZE:
            threads.run_blocks(work, starts)
        else:
            work(iter(starts))


def _cut(x: Any, kind: str, along: int, a: int, b: int) -> Any:
    """Return the part of an argument that belongs to rows (or columns) ``a`` to ``b``."""
    if kind == FULL:
        return x[:, a:b] if along else x[a:b]
    if kind == SCALAR or (kind == COLUMN) == bool(along):
        return x
    return x[a:b]


def _kind_of(x: Any) -> tuple[Any, int]:
    return x.dtype, np.ndim(x)


@lru_cache(maxsize=1024)
def _ready(source: str, *kinds: tuple[Any, int]) -> Any:
    """Return the loop of ``source``, compiled for arguments of these kinds; None if that fails."""
    nothing = [np.empty((0,) * n, d) if n else d.type(0) for d, n in kinds]
    try:
        loop = _loop(source)
        loop(*nothing)
    except Exception as e:  # noqa: BLE001 - whatever Numba can't do, NumPy can
        reason = " ".join(f"{type(e).__name__}: {e}".split())
        _log.warning("tfmini-numba leaves a group to NumPy: %s", reason[:500])
        return None
    return loop


@lru_cache(maxsize=1024)
def _loop(source: str) -> Any:
    """Return the loop of ``source``, to be compiled when it is first called."""
    from math import sqrt

    from numba import njit

    from tfmini_numba import approximations

    types = {"f4": np.float32, "f8": np.float64, "b1": np.bool_}
    functions = {"sqrt": sqrt, "floor": np.floor, "ceil": np.ceil, **vars(approximations)}
    scope: dict[str, Any] = {**types, **functions}
    exec(compile(source, "<tfmini-numba loop>", "exec"), scope)
    # As NumPy: division by zero gives infinities, and no step is reordered or contracted.
    return njit(scope["loop"], nogil=True, error_model="numpy")
