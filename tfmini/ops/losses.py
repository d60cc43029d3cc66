"""Losses: cross entropies of logits, and half the sum of squares.

The cross entropies give the gradient for the logits along with the loss, as a second output: both
come from the same exponentials.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.defaults import own_scope
from tfmini.dtypes import promote
from tfmini.errors import InvalidArgumentError
from tfmini.kernels.rows import row_sum
from tfmini.kernels.softmax import exponentials
from tfmini.nodes import Grads, Operation, Operators, Tensor
from tfmini.opdef import Cost, Elementwise, OpDef, conflict, nbytes
from tfmini.ops import activations, array, creation, exponential, logic, math, reductions
from tfmini.ops import selection as choice
from tfmini.ops.buffers import again
from tfmini.ops.fit import is_zero, summed_to
from tfmini.ops.static import require_ints
from tfmini.ops.unbroadcast import sum_to_shape
from tfmini.shapes import Shape, broadcast_shapes, compatible, merge_shapes
from tfmini.spec import TensorSpec

_LABELS = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])


def _column(x: Tensor) -> Tensor:
    return array.expand_dims(x, -1)


def _through_softmax(logits: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient for ``logits`` of their softmax, given that of the softmax."""
    y = activations.softmax(logits)
    return (grad - reductions.reduce_sum(grad * y, -1, keepdims=True)) * y


def _is_stopped(x: Tensor) -> bool:
    """Whether no gradient can flow into ``x``, so that none need be made."""
    node = x.op.inputs[0].op if x.op.type == "Cast" else x.op
    return node.type in ("StopGradient", "Const")


def _misfit(logits: Shape, labels: Shape) -> ValueError:
    what = "labels need the classes of the logits, and one row or as many"
    return conflict(what, logits=logits, labels=labels)


def _rows(x: Any) -> Any:
    return x.reshape(python_math.prod(x.shape[:-1]), x.shape[-1])


def _count(shape: Sequence[int | None]) -> int | None:
    return None if None in shape else python_math.prod(shape)


@op("SoftmaxCrossEntropyWithLogits")
class _softmax_cross_entropy(OpDef):
    """The cross entropy of each row of ``labels`` and ``features``, and its gradient for these."""

    kinds = "f"
    same_dtype = True
    samples = [((2, 3), _LABELS), ((4, 3), _LABELS[:1])]

    def compute(self, features: Any, labels: Any) -> Any:
        if features.shape != labels.shape or not features.ndim:
            return self._broadcast(features, labels)
        z, e, s = exponentials(np.ascontiguousarray(features))
        e /= s
        np.subtract(np.log(s, out=s), z, out=z)
        if z.dtype != labels.dtype:
            dtype = np.result_type(features, labels)
            loss, backprop = np.add.reduce(z * labels, axis=-1), e - labels
            return loss.astype(dtype, copy=False), backprop.astype(dtype, copy=False)
        z *= labels
        e -= labels
        return row_sum(z)[..., 0], e

    def _broadcast(self, features: Any, labels: Any) -> Any:
        """Compute with one row of labels for all, or as many in another shape."""
        if () in (features.shape, labels.shape):
            raise _misfit(features.shape, labels.shape)
        given, wanted = _rows(features), _rows(labels)
        if len(wanted) not in (1, len(given)):
            raise _misfit(features.shape, labels.shape)
        loss, backprop = self.compute(*np.broadcast_arrays(given, wanted))
        rows = features.shape[:-1]
        return loss.reshape(rows), backprop.reshape(*rows, backprop.shape[-1])

    def infer(self, features: TensorSpec, labels: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        self.check_kinds((features.dtype, labels.dtype))
        dtype = promote(features.dtype, labels.dtype)
        x, y = features.shape, labels.shape
        if () in (x, y):
            raise _misfit(x, y)
        if x is None or y is None:
            rows = None if x is None else x[:-1]
            return TensorSpec(rows, dtype), TensorSpec(None if x is None else (*rows, None), dtype)
        if len(x) == len(y):
            x = tuple([m if n is None and m != 1 else n for n, m in zip(x, y, strict=True)])
        counts = _count(x[:-1]), _count(y[:-1])
        if None not in counts and counts[1] not in (1, counts[0]):
            raise _misfit(x, y)
        classes = broadcast_shapes(x[-1:], y[-1:]) or ()
        return TensorSpec(x[:-1], dtype), TensorSpec((*x[:-1], *classes), dtype)

    def cost(self, features: TensorSpec, labels: TensorSpec) -> Cost:
        size = python_math.inf if features.size is None else features.size
        return Cost(16.0 * size, nbytes(features, labels, features))

    dims = "...[c],...[c]->...,...[c]"

    def gradient(self, node: Operation, grad: Tensor, grad_backprop: Tensor) -> Grads:
        features, labels = node.inputs
        d_features = _column(grad) * node.outputs[1]
        d_labels = None
        if not _is_stopped(labels):
            d_labels = -(_column(grad) * activations.log_softmax(features))
        if not is_zero(grad_backprop):
            d_features += _through_softmax(features, grad_backprop)
            d_labels = None if d_labels is None else d_labels - grad_backprop
        if d_labels is not None:
            d_labels = _to_labels(d_labels, labels)
        return summed_to(d_features, features, labels.spec.shape), d_labels


def _to_labels(grad: Tensor, labels: Tensor) -> Tensor:
    """Return ``grad``, one row for each of the logits, for the rows of ``labels``."""
    if grad.spec.rank is not None and grad.spec.rank == labels.spec.rank:
        return summed_to(grad, labels, grad.spec.shape)
    shape = array.shape(labels)
    rows = array.reshape(grad, [-1, array.shape(grad)[-1]])
    wanted = array.reshape(labels, [-1, shape[-1]])
    return array.reshape(sum_to_shape(rows, array.shape(wanted)), shape)


@op("SparseSoftmaxCrossEntropyWithLogits")
class _sparse_softmax_cross_entropy(OpDef):
    """The cross entropy of ``features`` and the class that ``labels`` says, and its gradient."""

    kinds = "f"
    samples = [((2, 3), np.array([2, 0])), ((2, 2, 3), np.array([[2, 0], [1, 1]])),
               ((3,), np.array(1))]  # fmt: skip
    bad_samples = [((2, 3), np.array([3, 0]), InvalidArgumentError),
                   ((2, 3), np.array([1, 0, 2]), InvalidArgumentError)]  # fmt: skip

    def compute(self, features: Any, labels: Any) -> Any:
        classes = features.shape[-1]
        picked = np.reshape(labels, -1)
        if picked.size and (picked.min() < 0 or picked.max() >= classes):
            wrong = picked[(picked < 0) | (picked >= classes)][0]
            raise InvalidArgumentError(
                None, None, f"label {wrong} is outside the valid range of [0, {classes})."
            )
        if features.shape[:-1] != np.shape(labels):
            raise ValueError(f"labels {np.shape(labels)} for logits {features.shape}")
        z, e, s = exponentials(np.ascontiguousarray(features))
        e /= s
        places = np.arange(picked.size) * classes + picked
        log_s = np.log(s, out=s)
        loss = log_s.reshape(-1) - z.reshape(-1)[places]
        e.reshape(-1)[places] -= 1
        results = loss.reshape(np.shape(labels)), e
        return tuple([r.astype(features.dtype, copy=False) for r in results])

    def infer(self, features: TensorSpec, labels: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
        self.check_kinds((features.dtype,))
        require_ints(labels=labels)
        shape, rows = features.shape, labels.shape
        if shape == ():
            raise conflict("logits need a dimension of classes", logits=shape)
        if shape is not None:
            if not compatible(shape[:-1], rows):
                raise conflict("labels must have the shape of logits without its last dimension",
                               logits=shape, labels=rows)  # fmt: skip
            rows = merge_shapes(shape[:-1], rows)
        full = None if rows is None else (*rows, shape[-1] if shape else None)
        return TensorSpec(rows, features.dtype), TensorSpec(full, features.dtype)

    def cost(self, features: TensorSpec, labels: TensorSpec) -> Cost:
        size = python_math.inf if features.size is None else features.size
        return Cost(14.0 * size, nbytes(features, features))

    dims = "...[c],...->...,...[c]"

    def gradient(self, node: Operation, grad: Tensor, grad_backprop: Tensor) -> Grads:
        d_features = _column(grad) * node.outputs[1]
        if not is_zero(grad_backprop):
            d_features += _through_softmax(node.inputs[0], grad_backprop)
        return d_features, None


@own_scope("softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits_v2(
    labels: Any,
    logits: Any,
    axis: Any = None,
    name: str | None = None,
    dim: Any = None,
) -> Tensor:
    """Return the cross entropy of ``labels`` and ``softmax(logits)`` along ``axis`` (-1).

    Each row of ``labels`` is a probability distribution.  The gradient flows into both.  That for
    ``logits`` takes rows of ``labels`` to sum to 1, as in TensorFlow.
    """
    axis = dim if axis is None else axis
    labels, logits = convert_to_tensor(labels), convert_to_tensor(logits)
    if logits.dtype is not None:
        labels = math.cast(labels, logits.dtype)
    if axis in (None, -1):
        return _softmax_cross_entropy(logits, labels, "Reshape_2")[0]
    rank = logits.spec.rank
    if rank is None:
        raise InvalidArgumentError(
            None, None, f"the rank of logits must be known for axis={axis}; use set_shape before."
        )
    if axis % rank == rank - 1:
        return _softmax_cross_entropy(logits, labels, "Reshape_2")[0]
    order = [i for i in range(rank) if i != axis % rank] + [axis % rank]
    turned = [array.transpose(x, order) for x in (logits, labels)]
    return _softmax_cross_entropy(*turned, "Reshape_2")[0]


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None,
    labels: Any = None,
    logits: Any = None,
    dim: Any = -1,
    name: str | None = None,
    axis: Any = None,
) -> Tensor:
    """Return the cross entropy [...] of ``labels`` and ``softmax(logits)``, both [..., classes].

    Give both by name.  Each row of ``labels``, along ``axis`` (-1), is a probability distribution.
    The gradient flows into ``logits`` alone; ``softmax_cross_entropy_with_logits_v2`` lets it flow
    into ``labels`` as well.
    """
    _named_only("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    labels = array.stop_gradient(labels)
    axis = dim if axis is None else axis
    name = name or "softmax_cross_entropy_with_logits_sg"
    return softmax_cross_entropy_with_logits_v2(labels, logits, axis, name)


@own_scope("SparseSoftmaxCrossEntropyWithLogits")
def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return the cross entropy [...] of classes ``labels`` and ``softmax(logits)``.

    Parameters
    ----------
    labels : ints [...], each in 0..classes-1; another one is an ``InvalidArgumentError``
    logits : floats [..., classes]
    """
    _named_only("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return _sparse_softmax_cross_entropy(logits, labels, name)[0]


def _named_only(function: str, sentinel: Any, labels: Any, logits: Any) -> None:
    """Raise unless the arguments came by name: their order is too easily mistaken."""
    if sentinel is not None or labels is None or logits is None:
        raise InvalidArgumentError(
            None, None, f"call {function} with named arguments: labels=..., logits=..."
        )


def _pair(labels: Any, logits: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors; Python and NumPy data take the dtype of the tensor beside them."""
    given = [x.dtype for x in (logits, labels) if isinstance(x, Tensor)]
    hint = given[0] if given else None
    pair = [x if isinstance(x, Operators) else convert_to_tensor(x, hint) for x in (labels, logits)]
    return convert_to_tensor(pair[0]), convert_to_tensor(pair[1])


@op("LogisticLoss")
class _logistic_loss(Elementwise):
    """The cross entropy of probability ``labels`` and ``sigmoid(logits)`` element-wise.

    Computed as ``max(x, 0) - x z + log(1 + exp(-|x|))``.
    """

    kinds = "f"
    weight = 18.0
    samples = [((2, 3), (2, 3)), ((), ())]

    def compute(self, logits: Any, labels: Any, *, out: Any = None) -> Any:
        tail = np.absolute(logits)
        tail = np.negative(tail, out=again(tail))
        tail = np.exp(tail, out=again(tail))
        tail = np.log1p(tail, out=again(tail))
        tail = np.add(tail, np.maximum(logits, 0), out=again(tail))
        return np.subtract(tail, np.multiply(logits, labels), out=out)

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        x, z = node.inputs
        return grad * (exponential.sigmoid(x) - z), -(grad * x)


def _check_equal(**tensors: Tensor) -> None:
    """Raise if known shapes differ; unknown ones are broadcast, as TensorFlow does."""
    shapes = {name: t.spec.shape for name, t in tensors.items()}
    if not compatible(*shapes.values()):
        raise InvalidArgumentError(None, None, str(conflict("shapes must be equal", **shapes)))


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return ``-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x))`` element-wise, without overflow.

    ``labels`` (z) are probabilities of independent classes, ``logits`` (x) of the same shape.
    """
    _named_only("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    labels, logits = _pair(labels, logits)
    _check_equal(logits=logits, labels=labels)
    return _logistic_loss(logits, labels, name or "logistic_loss")


def weighted_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    pos_weight: Any = None,
    name: str | None = None,
    targets: Any = None,
) -> Tensor:
    """Return the sigmoid cross entropy with ``pos_weight`` times the weight on positive labels:
    ``-q z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x))``, without overflow.
    """
    labels, x = _pair(targets if labels is None else labels, logits)
    _check_equal(logits=x, labels=labels)
    weight = 1.0 + (pos_weight - 1.0) * labels
    return math.add((1.0 - labels) * x, weight * exponential.softplus(-x), name or "logistic_loss")


def log_poisson_loss(
    targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None
) -> Tensor:
    """Return ``exp(log_input) - targets * log_input`` element-wise: minus the log likelihood of
    Poisson counts ``targets``, up to a constant.

    ``compute_full_loss`` adds the constant by Stirling's approximation, where targets exceed 1.
    """
    z, c = _pair(targets, log_input)
    _check_equal(targets=z, log_input=c)
    loss = exponential.exp(c) - c * z
    if compute_full_loss:
        stirling = z * exponential.log(z) - z + 0.5 * exponential.log(2.0 * np.pi * z)
        small = logic.logical_and(z >= 0, z <= 1)
        loss += choice.where(small, creation.zeros_like(z), stirling)
    return array.identity(loss, name or "log_poisson_loss")


@op("L2Loss")
class l2_loss(OpDef):
    """Return half the sum of the squares of ``t``."""

    kinds = "f"
    blas = True
    samples = [((2, 3),), ((),), ((0,),)]

    def compute(self, t: Any) -> Any:
        flat = np.reshape(t, -1)
        if flat.dtype == np.float16:
            flat = flat.astype(np.float32)
        return np.asarray(t).dtype.type(np.dot(flat, flat) * 0.5)

    def infer(self, t: TensorSpec) -> TensorSpec:
        self.check_kinds((t.dtype,))
        return TensorSpec((), t.dtype)

    def cost(self, t: TensorSpec) -> Cost:
        return Cost(python_math.inf if t.size is None else 2.0 * t.size, nbytes(t))

    dims = "...->"

    def gradient(self, node: Operation, grad: Tensor) -> Grads:
        return (grad * node.inputs[0],)
