"""Operations of TensorFlow's graphs that are several of ours.

In: the inputs of TensorFlow's node.  Out: tensors, one per output.  Formulas are the derivatives of
the functions that the names say, by their outputs ``y`` where TensorFlow gives these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.exchange.attributed import ATTRIBUTED, has_form
from tfmini.exchange.channels import CHANNELS_FIRST, has_channels_first
from tfmini.exchange.forms import NotUnderstood
from tfmini.formats.graphdef import NodeDef
from tfmini.nodes import Tensor
from tfmini.ops import (
    array,
    blocks,
    cumulative,
    joining,
    logic,
    math,
    reductions,
    scattering,
    selection,
)
from tfmini.ops.activations import SELU_SCALE, SELU_TAIL

Composition = Callable[..., Any]


def _sigmoid_grad(y: Any, dy: Any) -> Any:
    return dy * y * (1.0 - y)


def _tanh_grad(y: Any, dy: Any) -> Any:
    return dy * (1.0 - y * y)


def _softplus_grad(dy: Any, x: Any) -> Any:
    return dy * math.sigmoid(x)


def _softsign_grad(dy: Any, x: Any) -> Any:
    return dy / math.square(1.0 + math.abs(x))


def _elu_grad(dy: Any, y: Any) -> Any:
    return selection.where(logic.less(y, 0.0), dy * (y + 1.0), dy)


def _selu_grad(dy: Any, y: Any) -> Any:
    below = dy * (y + SELU_TAIL)
    return selection.where(logic.less(y, 0.0), below, dy * SELU_SCALE)


def _relu6_grad(dy: Any, x: Any) -> Any:
    inside = logic.logical_and(logic.greater(x, 0.0), logic.less(x, 6.0))
    return dy * math.cast(inside, dy.dtype)


def _bias_add_grad(dy: Any) -> Any:
    """Return the sum over all dimensions but the last, however many there are."""
    rows = array.reshape(dy, joining.stack([-1, array.shape(dy)[-1]]))
    return reductions.reduce_sum(rows, axis=0)


def _concat_offset(axis: Any, *shapes: Any) -> list[Any]:
    """Return where each of the tensors of ``shapes`` begins in their concatenation."""
    sizes = joining.stack(list(shapes))
    along = selection.one_hot(axis, array.shape(sizes)[1], dtype=sizes.dtype)
    begins = cumulative.cumsum(sizes, exclusive=True) * along
    return list(joining.unstack(begins, len(shapes)))


def _shapes(*inputs: Any) -> list[Any]:
    return [array.shape(x) for x in inputs]


def _is_initialized(*_variable: Any) -> Any:
    return convert_to_tensor(True)  # a session initialises a variable when it is first read


def _identities(*inputs: Any) -> list[Any]:
    return [array.identity(x) for x in inputs]


def _stitched(*inputs: Any) -> Any:
    half = len(inputs) // 2
    return scattering.dynamic_stitch(inputs[:half], inputs[half:])


_COMPOSED: dict[str, Composition] = {
    "SigmoidGrad": _sigmoid_grad,
    "TanhGrad": _tanh_grad,
    "SoftplusGrad": _softplus_grad,
    "SoftsignGrad": _softsign_grad,
    "EluGrad": _elu_grad,
    "SeluGrad": _selu_grad,
    "Relu6Grad": _relu6_grad,
    "BiasAddGrad": _bias_add_grad,
    "ShapeN": _shapes,
    "ConcatOffset": _concat_offset,
    "IsVariableInitialized": _is_initialized,
    "VarIsInitializedOp": _is_initialized,
    "PreventGradient": lambda x: array.identity(x),
    "IdentityN": _identities,
    "ParallelDynamicStitch": _stitched,
    "SpaceToBatchND": lambda x, block, paddings: blocks.space_to_batch_nd(x, block, paddings),
    "BatchToSpaceND": lambda x, block, crops: blocks.batch_to_space_nd(x, block, crops),
}


def is_composed(node: NodeDef) -> bool:
    """Whether TensorFlow's ``node`` is made of several of our operations."""
    if node.op in ATTRIBUTED:
        return not has_form(node)
    return node.op in _COMPOSED or has_channels_first(node)


def composed(node: NodeDef, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs of TensorFlow's ``node``, made of several operations."""
    if node.op in ATTRIBUTED:
        made = ATTRIBUTED[node.op](node, *inputs)
    elif has_channels_first(node):
        made = CHANNELS_FIRST[node.op](node, *inputs)
    elif "data_format" in node.attr and node.attr["data_format"].s != b"NHWC":
        raise NotUnderstood("its channels come first")
    else:
        made = _COMPOSED[node.op](*inputs)
    return list(made) if isinstance(made, (list, tuple)) else [made]
