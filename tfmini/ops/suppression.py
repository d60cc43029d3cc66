"""Which of many overlapping boxes to keep: the family of ``non_max_suppression``.

Boxes are float [n, 4], [y1, x1, y2, x2] of any two opposite corners in any unit; scores [n].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, op
from tfmini.defaults import own_scope
from tfmini.dtypes import int32
from tfmini.errors import InvalidArgumentError
from tfmini.kernels import boxes as kernel
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef, conflict
from tfmini.ops.static import elements_of
from tfmini.shapes import compatible
from tfmini.spec import TensorSpec

_BOXES = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3], [1, 3, 0, 2.1]], np.float32)
_SCORES = np.array([0.6, 0.9, 0.5, 0.7], np.float32)
_NONE = float("-inf")


def _check(boxes: Any, scores: Any, most: Any, threshold: Any) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(f"boxes {boxes.shape} must be [n, 4], scores {scores.shape} [n]")
    if not 0 <= threshold <= 1:
        raise ValueError(f"iou_threshold must be in [0, 1], not {threshold}")
    if most < 0:
        raise ValueError(f"max_output_size must not be negative, not {most}")


class _Suppression(OpDef):
    gradient = None

    def cost(self, boxes: TensorSpec, *_specs: TensorSpec, **_attrs: Any) -> Cost:
        size = float("inf") if boxes.size is None else float(boxes.size)
        return Cost(100.0 * size, 20.0 * size)


def _check_shapes(boxes: TensorSpec, scores: TensorSpec) -> None:
    if boxes.shape is not None and len(boxes.shape) != 2:
        raise conflict("a matrix is needed", boxes=boxes.shape)
    if scores.shape is not None and len(scores.shape) != 1:
        raise conflict("scores must be [n]", scores=scores.shape)
    if boxes.shape and scores.shape and not compatible(boxes.shape[:1], scores.shape):
        raise conflict("one score for each box", boxes=boxes.shape, scores=scores.shape)


@op("NonMaxSuppressionV5")
class _suppression(_Suppression):
    """The kept indices, their scores, and how many there are; filled up to the most if ``pad``."""

    samples = [
        (_BOXES, _SCORES, np.int32(3), np.float32(0.5), np.float32(_NONE), np.float32(0.0)),
        (_BOXES, _SCORES, np.int32(3), np.float32(0.5), np.float32(0.1), np.float32(0.5)),
        (_BOXES, _SCORES, np.int32(9), np.float32(0.5), np.float32(0.55), np.float32(0.0),
         {"pad": True}),
    ]  # fmt: skip
    bad_samples = [
        (_BOXES, _SCORES[:2], np.int32(3), 0.5, 0.0, 0.0, InvalidArgumentError),
        (_BOXES, _SCORES, np.int32(3), 1.5, 0.0, 0.0, InvalidArgumentError),
    ]

    def compute(
        self, boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any,
        score_threshold: Any, soft_nms_sigma: Any, *, pad: bool = False,
    ) -> Any:  # fmt: skip
        _check(boxes, scores, max_output_size, iou_threshold)
        most = int(max_output_size)
        kept, values = kernel.suppress(
            kernel.overlaps(boxes), scores, most, iou_threshold, score_threshold, soft_nms_sigma
        )
        count = np.int32(len(kept))
        if pad:
            kept, values = (np.pad(a, (0, most - len(kept))) for a in (kept, values))
        return kept, values, count

    def infer(
        self, boxes: TensorSpec, scores: TensorSpec, max_output_size: TensorSpec,
        *_thresholds: TensorSpec, pad: bool = False,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        _check_shapes(boxes, scores)
        known = elements_of(max_output_size)
        size = known[0] if pad and known else None
        return TensorSpec((size,), int32), TensorSpec((size,), scores.dtype), TensorSpec((), int32)


def _kept(
    boxes: Any, scores: Any, most: Any, iou: Any, least: Any, sigma: Any, pad: bool,
    name: str | None,
) -> list[Tensor]:  # fmt: skip
    given = (boxes, scores, most, iou, least, sigma)
    kept: list[Tensor] = apply(_suppression.opdef, given, {"pad": pad}, name)
    return kept


@own_scope("non_max_suppression")
def non_max_suppression(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5,
    score_threshold: Any = _NONE, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the indices, int32 [any], of boxes to keep: the best, and no two that overlap much.

    Parameters
    ----------
    boxes : [n, 4]
    scores : [n]; the kept come by falling score
    max_output_size : how many to keep at most
    iou_threshold : overlap (intersection over union) over which the box of less score is dropped
    score_threshold : boxes must score more
    """
    return _kept(
        boxes, scores, max_output_size, iou_threshold, score_threshold, 0.0, False,
        "NonMaxSuppressionV3",
    )[0]  # fmt: skip


def non_max_suppression_with_scores(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5,
    score_threshold: Any = _NONE, soft_nms_sigma: Any = 0.0, name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the indices of boxes to keep and their scores.

    With ``soft_nms_sigma`` over 0 overlapping boxes are not dropped but score less (Soft-NMS).
    """
    kept = _kept(
        boxes, scores, max_output_size, iou_threshold, score_threshold, soft_nms_sigma, False,
        name or "non_max_suppression_with_scores",
    )  # fmt: skip
    return kept[0], kept[1]


def non_max_suppression_padded(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5,
    score_threshold: Any = _NONE, pad_to_max_output_size: bool = False, name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the indices of boxes to keep, filled up with zeros if so said, and their number."""
    kept = _kept(
        boxes, scores, max_output_size, iou_threshold, score_threshold, 0.0,
        pad_to_max_output_size, name or "non_max_suppression_padded",
    )  # fmt: skip
    return kept[0], kept[2]


@op("NonMaxSuppressionWithOverlaps")
class _suppression_overlaps(_Suppression):
    """The kept indices, by a matrix of overlaps."""

    samples = [(np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]], np.float32),
                _SCORES[:3], np.int32(3), 0.5, _NONE)]  # fmt: skip
    bad_samples = [((2, 3), (2,), np.int32(3), 0.5, _NONE, InvalidArgumentError)]

    def compute(
        self, overlaps: Any, scores: Any, max_output_size: Any, overlap_threshold: Any,
        score_threshold: Any,
    ) -> Any:  # fmt: skip
        if overlaps.shape != scores.shape * 2:
            raise ValueError(f"overlaps {overlaps.shape} for scores {scores.shape}")
        return kernel.suppress(
            lambda rows, columns: overlaps[np.ix_(rows, columns)], scores, int(max_output_size),
            overlap_threshold, score_threshold,
        )[0]  # fmt: skip

    def infer(
        self, overlaps: TensorSpec, scores: TensorSpec, *_thresholds: TensorSpec
    ) -> TensorSpec:
        _check_shapes(overlaps, scores)
        return TensorSpec((None,), int32)


def non_max_suppression_overlaps(
    overlaps: Any, scores: Any, max_output_size: Any, overlap_threshold: Any = 0.5,
    score_threshold: Any = _NONE, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Return the indices to keep as ``non_max_suppression``, by any matrix [n, n] of overlaps."""
    given = (overlaps, scores, max_output_size, overlap_threshold, score_threshold)
    out: Tensor = apply(
        _suppression_overlaps.opdef, given, {}, name or "non_max_suppression_overlaps"
    )
    return out


@op("CombinedNonMaxSuppression")
class _combined(_Suppression):
    """Kept boxes, scores, classes, and their number, for each of a batch."""

    samples = [
        ((2, 4, 1, 4), (2, 4, 3), np.int32(2), np.int32(5), 0.5, 0.1),
        ((1, 4, 2, 4), (1, 4, 2), np.int32(2), np.int32(5), 0.5, 0.1,
         {"pad_per_class": True, "clip_boxes": False}),
    ]  # fmt: skip
    bad_samples = [((1, 4, 2, 4), (1, 4, 3), np.int32(2), np.int32(5), 0.5, 0.1,
                    InvalidArgumentError)]  # fmt: skip
    dims = "b[n][q][k],b[n][c],,,,->b[m][j],b[m],b[m],b"

    def compute(
        self, boxes: Any, scores: Any, max_output_size_per_class: Any, max_total_size: Any,
        iou_threshold: Any, score_threshold: Any, *, pad_per_class: bool = False,
        clip_boxes: bool = True,
    ) -> Any:  # fmt: skip
        classes = scores.shape[2]
        if boxes.shape[2] not in (1, classes):
            raise ValueError(f"boxes {boxes.shape} for {classes} classes: give 1 or {classes}")
        each, total = int(max_output_size_per_class), int(max_total_size)
        size = min(total, each * classes) if pad_per_class else total
        shared = boxes.shape[2] == 1
        found = [np.zeros((len(boxes), size, *tail), scores.dtype) for tail in ((4,), (), ())]
        counts = np.zeros(len(boxes), np.int32)
        for b, (places, points) in enumerate(zip(boxes, scores, strict=True)):
            chosen: list[tuple[Any, ...]] = []
            for c in range(classes):
                mine = places[:, 0 if shared else c]
                kept, values = kernel.suppress(
                    kernel.overlaps(mine), points[:, c], each, iou_threshold, score_threshold
                )
                chosen += [(v, c, mine[i]) for i, v in zip(kept, values, strict=True)]
            chosen = sorted(chosen, key=lambda item: -item[0])[:size]
            counts[b] = len(chosen)
            for n, (value, c, box) in enumerate(chosen):
                found[0][b, n] = np.clip(box, 0, 1) if clip_boxes else box
                found[1][b, n], found[2][b, n] = value, c
        return *found, counts

    def infer(
        self, boxes: TensorSpec, scores: TensorSpec, each: TensorSpec, total: TensorSpec,
        *_thresholds: TensorSpec, pad_per_class: bool = False, clip_boxes: bool = True,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        for what, spec, rank in (("boxes", boxes, 4), ("scores", scores, 3)):
            if spec.shape is not None and len(spec.shape) != rank:
                raise conflict(f"{what} must have {rank} dimensions", **{what: spec.shape})
        batch = (boxes.shape or scores.shape or (None,))[0]
        most, size = (elements_of(s) for s in (each, total))
        count = size[0] if size else None
        if pad_per_class and count is not None:
            classes = scores.shape[2] if scores.shape else None
            known = most[0] if most else None
            count = None if None in (classes, known) else min(count, classes * known)
        dtype = scores.dtype
        return (
            TensorSpec((batch, count, 4), dtype), TensorSpec((batch, count), dtype),
            TensorSpec((batch, count), dtype), TensorSpec((batch,), int32),
        )  # fmt: skip


def combined_non_max_suppression(
    boxes: Any, scores: Any, max_output_size_per_class: Any, max_total_size: Any,
    iou_threshold: Any = 0.5, score_threshold: Any = _NONE, pad_per_class: bool = False,
    clip_boxes: bool = True, name: str | None = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Return what ``non_max_suppression`` keeps for each class and image, the best of all first.

    Parameters
    ----------
    boxes : [batch, n, classes, 4], or [batch, n, 1, 4] for boxes that all classes share
    scores : [batch, n, classes]
    max_output_size_per_class, max_total_size : how many to keep at most
    pad_per_class : give no more than there can be of all classes
    clip_boxes : cut boxes off at [0, 1]

    Returns
    -------
    boxes [batch, m, 4], scores [batch, m] and classes [batch, m], filled up with zeros, and the
    number of valid ones, int32 [batch]
    """
    given = (
        boxes, scores, max_output_size_per_class, max_total_size, iou_threshold, score_threshold,
    )  # fmt: skip
    attrs = {"pad_per_class": pad_per_class, "clip_boxes": clip_boxes}
    found = apply(_combined.opdef, given, attrs, name or "combined_non_max_suppression")
    return tuple(found)
