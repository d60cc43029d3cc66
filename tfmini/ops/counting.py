"""Counts: the confusion matrix of predictions, and histograms of fixed width."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfmini.build import apply, convert_to_tensor, op
from tfmini.dtypes import DType, as_dtype, int32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.graph import graph_of
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array, creation, joining, math, reductions, scattering
from tfmini.ops.assertions import assert_less, assert_non_negative
from tfmini.spec import TensorSpec


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, dtype: Any = int32,
    name: str | None = None, weights: Any = None,
) -> Tensor:  # fmt: skip
    """Return how often each label (row) was predicted as each class (column).

    Parameters
    ----------
    labels, predictions : vectors of class numbers
    num_classes : by default the largest of them plus one
    weights : what each prediction counts, default 1
    """
    with graph_of([labels, predictions]).name_scope(name or "confusion_matrix"):
        classes = [math.cast(array.squeeze(convert_to_tensor(x)), int64)
                   for x in (labels, predictions)]  # fmt: skip
        classes = [array.reshape(c, [-1]) for c in classes]
        checks = [assert_non_negative(c, message="classes must not be negative") for c in classes]
        if num_classes is None:
            num_classes = math.maximum(*[reductions.reduce_max(c) for c in classes]) + 1
        else:
            num_classes = math.cast(convert_to_tensor(num_classes), int64)
            checks += [assert_less(c, num_classes, message="a class is out of range")
                       for c in classes]  # fmt: skip
        with graph_of(classes).control_dependencies(checks):
            places = joining.stack(classes, 1)
        wanted = as_dtype(dtype)
        counts = creation.ones_like(classes[1], wanted)
        if weights is not None:
            counts = counts * math.cast(convert_to_tensor(weights), wanted)
        return scattering.scatter_nd(places, counts, joining.stack([num_classes] * 2))


@op("HistogramFixedWidthBins")
class _histogram_bins(OpDef):
    """The number of the bin of each of ``values``, of equal ones that divide ``value_range``."""

    gradient = None
    kinds = "iuf"
    samples = [((2, 3), np.array([-1.0, 1.0]), np.array(4), {"dtype": int32}),
               (np.array([1, 5, 9]), np.array([0, 8]), np.array(3), {"dtype": int64})]  # fmt: skip
    bad_samples = [((2,), np.array([1.0, 1.0]), np.array(4), {"dtype": int32},
                    InvalidArgumentError)]  # fmt: skip

    def compute(self, values: Any, value_range: Any, nbins: Any, *, dtype: DType) -> Any:
        low, high = value_range.tolist()
        if not low < high or nbins < 1:
            raise ValueError(f"value_range {[low, high]} in {int(nbins)} bins has no width")
        scaled = (np.asarray(values, np.float64) - low) / (high - low) * int(nbins)
        return np.clip(np.floor(scaled), 0, int(nbins) - 1).astype(dtype.dtype)

    def infer(
        self, values: TensorSpec, value_range: TensorSpec, nbins: TensorSpec, *, dtype: DType
    ) -> TensorSpec:
        return TensorSpec(values.shape, dtype)

    def cost(self, values: TensorSpec, *_specs: TensorSpec, dtype: DType) -> Cost:
        size = float("inf") if values.size is None else values.size
        return Cost(5.0 * size, 16.0 * size)


def histogram_fixed_width_bins(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = int32, name: str | None = None
) -> Tensor:
    """Return for each of ``values`` the number of its bin: ``nbins`` equal ones divide
    ``value_range`` [2]; what lies outside counts for the first or last."""
    values = convert_to_tensor(values)
    given = isinstance(value_range, Tensor)
    limits = convert_to_tensor(value_range, None if given else values.dtype)
    attrs = {"dtype": as_dtype(dtype)}
    inputs = (values, limits, convert_to_tensor(nbins))
    out: Tensor = apply(_histogram_bins.opdef, inputs, attrs, name)
    return out


def histogram_fixed_width(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = int32, name: str | None = None
) -> Tensor:
    """Return how many of ``values`` are in each bin; see histogram_fixed_width_bins."""
    bins = array.reshape(histogram_fixed_width_bins(values, value_range, nbins), [-1, 1])
    counts = creation.ones_like(array.reshape(bins, [-1]), as_dtype(dtype))
    return scattering.scatter_nd(bins, counts, array.reshape(nbins, [1]), name)
