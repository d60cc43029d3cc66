"""Paths of a beam search: the steps of all beams, put in order from each beam's last step.

In: what each beam added in each step, and which beam of the step before it went on from.  Out: for
each beam that is left at the end, all that its path added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Tensor
from tfmini.opdef import conflict
from tfmini.ops.casting import cast
from tfmini.ops.static import Copy, require_ints
from tfmini.shapes import merge_shapes
from tfmini.spec import TensorSpec

_STEPS = np.array([[[1, 2]], [[3, 4]], [[5, 9]]], np.int32)
_PARENTS = np.array([[[0, 0]], [[1, 0]], [[1, 0]]], np.int32)


@op("GatherTree")
class _gather_tree(Copy):
    """The symbols along the path that ends in each beam."""

    kinds = "iu"
    gradient = None
    checked = True
    samples = [
        (_STEPS, _PARENTS, np.array([3], np.int32), np.int32(9)),
        (_STEPS, _PARENTS, np.array([2], np.int32), np.int32(3)),
    ]
    bad_samples = [(_STEPS, _PARENTS + 2, np.array([3], np.int32), np.int32(9),
                    InvalidArgumentError)]  # fmt: skip
    dims = "[t]b[w],[t]b[w],b,->[t]b[w]"

    def compute(
        self, step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any
    ) -> Any:
        steps, batch, beams = step_ids.shape
        lengths = np.minimum(max_sequence_lengths, steps)
        out = np.full_like(step_ids, end_token)
        rows = np.arange(batch)[:, None]
        path = np.broadcast_to(np.arange(beams), (batch, beams))
        for t in reversed(range(steps)):
            going = (t < lengths)[:, None]
            out[t] = np.where(going, step_ids[t][rows, path], end_token)
            path = np.where(going, parent_ids[t][rows, path], path)
            if t and ((path < 0) | (path >= beams)).any():
                raise ValueError(f"a parent in step {t} is not one of {beams} beams")
        ended = np.logical_or.accumulate(out == end_token)
        out[ended] = end_token
        return out

    def infer(
        self, step_ids: TensorSpec, parent_ids: TensorSpec, max_sequence_lengths: TensorSpec,
        end_token: TensorSpec,
    ) -> TensorSpec:  # fmt: skip
        require_ints(
            step_ids=step_ids, parent_ids=parent_ids, max_sequence_lengths=max_sequence_lengths
        )
        shape = merge_shapes(step_ids.shape, parent_ids.shape)
        if shape is not None and len(shape) != 3:
            raise conflict("step_ids must be [steps, batch, beams]", step_ids=step_ids.shape)
        if end_token.rank not in (None, 0):
            raise conflict("end_token must be a scalar", end_token=end_token.shape)
        return TensorSpec(shape, step_ids.dtype)


def gather_tree(
    step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the symbols [steps, batch, beams] along the path that ends in each beam.

    Parameters
    ----------
    step_ids : ints [steps, batch, beams], the symbols
    parent_ids : ints, as many: the beam of the step before
    max_sequence_lengths : ints [batch], steps of each row's longest path; later ones are
        ``end_token``
    end_token : what ends a path; all after the first one is ``end_token``
    """
    ids = convert_to_tensor(step_ids)
    inputs = (ids, parent_ids, max_sequence_lengths, cast(end_token, ids.dtype))
    return apply(_gather_tree.opdef, inputs, {}, name)
