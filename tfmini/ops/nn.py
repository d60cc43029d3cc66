"""Layers' small parts: bias, dropout, look-up of embeddings, and whether a class is on top."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import bool_
from tfmini.errors import InvalidArgumentError
from tfmini.nodes import Grads, Operation, Tensor
from tfmini.opdef import Cost, Elementwise, OpDef, conflict
from tfmini.ops import (
    activations,
    array,
    clipping,
    flow,
    indexing,
    joining,
    math,
    products,
    scattering,
)  # fmt: skip
from tfmini.ops import creation as making
from tfmini.ops.static import Copy, shape_from
from tfmini.ops.windows import channels_first
from tfmini.shapes import Shape, compatible, merge_shapes
from tfmini.spec import TensorSpec


def _misfit(value: Shape, bias: Shape) -> ValueError:
    return conflict("one bias for each channel", value=value, bias=bias)


@op("BiasAdd")
class _bias_add(Elementwise):
    """``value`` plus ``bias`` along the last dimension."""

    kinds = "iufc"
    samples = [((2, 3), (3,)), ((2, 4, 3), (3,))]

    def compute(self, value: Any, bias: Any, *, out: Any = None) -> Any:
        # np.add would broadcast; a number may stand for a bias that repeats it.
        if bias.shape not in ((), value.shape[-1:]):
            raise _misfit(value.shape, bias.shape)
        return np.add(value, bias, out=out)

    def infer(self, value: TensorSpec, bias: TensorSpec) -> TensorSpec:
        if bias.shape is not None and len(bias.shape) != 1:
            raise conflict("the bias must be a vector", bias=bias.shape)
        if value.shape is not None and len(value.shape) < 2:
            raise conflict("value needs a batch and channels", value=value.shape)
        if value.shape and bias.shape and not compatible(value.shape[-1:], bias.shape):
            raise _misfit(value.shape, bias.shape)
        shape = value.shape
        if shape and bias.shape:
            shape = (*shape[:-1], *(merge_shapes(shape[-1:], bias.shape) or ()))
        return TensorSpec(shape, super().infer(value, bias).dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return grad, grad


def bias_add(
    value: Any, bias: Any, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """Return ``value`` plus the vector ``bias``, one element for each channel.

    Channels are the last dimension of ``value``, or the second if ``data_format`` is "NCHW".
    """
    if not channels_first(data_format):
        return _bias_add(value, bias, name)
    value = convert_to_tensor(value)
    bias = convert_to_tensor(bias, None if isinstance(bias, Tensor) else value.dtype)
    rank = value.spec.rank
    if rank is None:
        raise InvalidArgumentError(None, None, "the rank must be known where channels are first.")
    shape, given = value.spec.shape or (), bias.spec.shape
    if rank < 2 or (given is not None and not compatible(shape[1:2], given)):
        raise _misfit(shape, given)
    column = array.reshape(bias, [-1] + [1] * (rank - 2))
    return math.add(value, column, name or "BiasAdd")


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return ``matmul(x, weights) + biases``."""
    return _bias_add(products.matmul(x, weights), biases, name or "xw_plus_b")


def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return ``relu(matmul(x, weights) + biases)``."""
    return activations.relu(xw_plus_b(x, weights, biases), name or "relu_layer")


@op("DropoutMask")
class _dropout_mask(Copy):
    """An array of ``shape`` and the dtype of ``x``: 0 with probability ``rate``, else what keeps
    the mean of a product with it: ``1 / (1 - rate)``."""

    random = True
    gradient = None
    shape_input = 2
    weight = 5.0
    samples = [((2, 3), 0.5, np.array([2, 3], np.int32))]

    def compute(self, x: Any, rate: Any, shape: Any, *, rng: Any, seed: Any = None) -> Any:
        dtype = np.asarray(x).dtype
        double = dtype == np.float64
        draws = rng.random(tuple(shape.tolist()), np.float64 if double else np.float32)
        kept = np.greater_equal(draws, rate)
        return np.multiply(kept, 1.0 / (1.0 - float(rate)), dtype=dtype)

    def infer(
        self, x: TensorSpec, rate: TensorSpec, shape: TensorSpec, *, seed: Any = None
    ) -> TensorSpec:
        return TensorSpec(shape_from(shape), x.dtype)

    def dims(
        self, x: TensorSpec, rate: TensorSpec, shape: TensorSpec, *, seed: Any = None
    ) -> str | None:
        wanted = shape_from(shape)
        if x.shape is None or wanted is None or len(x.shape) != len(wanted):
            return None
        text = flow.moved(x.shape, wanted, {i: i for i, n in enumerate(wanted) if n == x.shape[i]})
        return text and text.replace("->", ",,[z]->")


@own_scope("dropout")
def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Return ``x`` with elements set to 0 at random, the others scaled up to keep the mean.

    Parameters
    ----------
    keep_prob, rate : the probability to keep, or to drop, an element: a number or a scalar tensor
    noise_shape : shape that broadcasts to that of ``x``: where it is 1, elements share their fate
    """
    x = convert_to_tensor(x)
    if x.dtype is not None and not x.dtype.is_floating:
        raise InvalidArgumentError(None, None, f"dropout needs floats, not {x.dtype.name}.")
    if (rate is None) == (keep_prob is None):
        raise InvalidArgumentError(None, None, "give dropout one of rate and keep_prob.")
    if rate is None:
        rate = 1.0 - keep_prob
    if isinstance(rate, numbers.Real):
        if not 0 <= rate < 1:
            given = f"rate must be in [0, 1), not {rate}"
            if keep_prob is not None:
                given = f"keep_prob must be in (0, 1], not {keep_prob}"
            raise InvalidArgumentError(None, None, f"dropout's {given}.")
        if rate == 0:
            return x
    shape = array.shape(x) if noise_shape is None else _noise_shape(x, noise_shape)
    return math.multiply(x, _dropout_mask(x, rate, shape, seed), "mul_1")


def _noise_shape(x: Tensor, noise_shape: Any) -> Any:
    """Return ``noise_shape`` with None filled in from the shape of ``x``."""
    if isinstance(noise_shape, Tensor) or None not in list(noise_shape):
        return noise_shape
    return [array.shape(x)[i] if n is None else n for i, n in enumerate(noise_shape)]


@op("InTopKV2")
class in_top_k(OpDef):
    """Return for each row of ``predictions`` whether class ``targets`` is among the ``k`` largest.

    Classes that tie with the k-th count as among them.  A target out of range, or a row with a
    number that is not finite, gives False.
    """

    node_name = "in_top_k/InTopKV2"
    gradient = None
    samples = [((2, 3), np.array([2, 0]), {"k": 1}), ((2, 3), np.array([2, 7]), {"k": 2})]

    def compute(self, predictions: Any, targets: Any, *, k: int) -> Any:
        rows, classes = predictions.shape
        if targets.shape != (rows,):
            raise ValueError(f"targets {targets.shape} for predictions {predictions.shape}")
        valid = (targets >= 0) & (targets < classes)
        if not classes:
            return valid
        mine = predictions[np.arange(rows), np.where(valid, targets, 0)]
        larger = np.count_nonzero(predictions > mine[:, np.newaxis], axis=1)
        return (larger < k) & valid & np.isfinite(predictions).all(axis=1)

    def infer(self, predictions: TensorSpec, targets: TensorSpec, *, k: int) -> TensorSpec:
        rows = None
        for shape, rank in ((predictions.shape, 2), (targets.shape, 1)):
            if shape is not None and len(shape) != rank:
                raise conflict("predictions are a matrix, targets a vector",
                               predictions=predictions.shape, targets=targets.shape)  # fmt: skip
            rows = shape[0] if shape and rows is None else rows
        if (
            predictions.shape
            and targets.shape
            and not compatible(predictions.shape[:1], targets.shape)
        ):
            raise conflict("one target for each row", predictions=predictions.shape,
                           targets=targets.shape)  # fmt: skip
        return TensorSpec((rows,), bool_)

    def cost(self, predictions: TensorSpec, targets: TensorSpec, *, k: int) -> Cost:
        size = float("inf") if predictions.size is None else predictions.size
        return Cost(4.0 * size, 4.0 * size)

    dims = "n[c],n->n"


@own_scope("embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: Any = None,
) -> Tensor:
    """Return rows ``ids`` of ``params``, a table or a list of tables that share the rows.

    Parameters
    ----------
    partition_strategy : "mod" or "div"
        Which of n tables has row ``id``: "mod" table ``id % n``; "div" tables one after the other,
        the first ones longer by one row if they can't be equal.
    max_norm : rows of a larger norm are scaled down to it
    """
    tables = list(params) if isinstance(params, (list, tuple)) else [params]
    tables = [convert_to_tensor(t) for t in tables]
    if not tables:
        raise InvalidArgumentError(None, None, "embedding_lookup needs a table.")
    if len(tables) == 1:
        found = indexing.gather(tables[0], ids)
    else:
        found = _from_tables(tables, convert_to_tensor(ids), partition_strategy)
    if max_norm is not None:
        known = convert_to_tensor(ids).spec.rank
        if known is None or found.spec.rank is None:
            raise InvalidArgumentError(None, None, "max_norm needs ids and tables of known rank.")
        found = clipping.clip_by_norm(found, max_norm, tuple(range(known, found.spec.rank)))
    return array.identity(found)


def _from_tables(tables: Sequence[Tensor], ids: Tensor, strategy: str) -> Tensor:
    """Gather from each table what it has, and put the rows together in the order of ``ids``."""
    n = len(tables)
    flat = array.reshape(ids, [-1])
    if strategy == "mod":
        part, row = flat % n, flat // n
    elif strategy == "div":
        total = math.add_n([math.cast(array.shape(t)[0], flat.dtype) for t in tables])
        each, extra = total // n, total % n
        part = math.maximum(flat // (each + 1), (flat - extra) // each)
        starts = math.minimum(part, extra)
        row = flat - part * each - starts
    else:
        raise InvalidArgumentError(
            None, None, f"partition_strategy={strategy!r}: use 'mod' or 'div'."
        )
    part = math.cast(part, "int32")
    rows = scattering.dynamic_partition(row, part, n)
    places = scattering.dynamic_partition(making.range(array.size(flat)), part, n)
    pieces = [indexing.gather(t, r) for t, r in zip(tables, rows, strict=True)]
    stitched = scattering.dynamic_stitch(places, pieces)
    tail = array.shape(tables[0])[1:]
    shape = joining.concat([array.shape(ids), tail], 0)
    return array.reshape(stitched, shape)
