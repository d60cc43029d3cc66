"""Python's operators on tensors, put on ``Tensor`` when the operations are there.

In: the functions of the other modules.  Out: ``x + 1``, ``1 - x``, ``x[..., 0]`` and the rest, with
the node names that TensorFlow gives them.  ``==`` and ``!=`` compare identity, as in TensorFlow 1:
use ``tf.equal`` for the elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidTypeError
from tfmini.nodes import Operators, Tensor
from tfmini.ops import bitwise, division, logic, math, products, sliced_variables, slicing
from tfmini.ops.state import Variable

Operator = Callable[..., Any]


def install() -> None:
    """Give ``Operators``, the base of tensors and operations, its methods."""
    binary = {
        "add": (math.add, "add"),
        "sub": (math.subtract, "sub"),
        "mul": (math.multiply, "mul"),
        "truediv": (math.truediv, "truediv"),
        "div": (division.div, "div"),
        "floordiv": (division.floordiv, "floordiv"),
        "mod": (division.floormod, "mod"),
        "pow": (math.pow, "pow"),
        "matmul": (products.matmul, "matmul"),
        "and": (_logical(logic.logical_and, bitwise.bitwise_and), "and"),
        "or": (_logical(logic.logical_or, bitwise.bitwise_or), "or"),
        "xor": (_logical(logic.logical_xor, bitwise.bitwise_xor), "xor"),
    }
    for python_name, (function, name) in binary.items():
        setattr(Operators, f"__{python_name}__", _forward(function, name))
        setattr(Operators, f"__r{python_name}__", _reflected(function, name))
    comparisons = {
        "lt": logic.less, "le": logic.less_equal, "gt": logic.greater, "ge": logic.greater_equal,
    }  # fmt: skip
    for python_name, function in comparisons.items():
        setattr(Operators, f"__{python_name}__", _forward(function, None))
    unary = {"neg": math.negative, "abs": math.abs, "invert": _invert}
    for python_name, function in unary.items():
        setattr(Operators, f"__{python_name}__", _unary(function))
    names = [f"__{side}{n}__" for n in binary for side in ("", "r")]
    names += [f"__{n}__" for n in (*comparisons, *unary, "eq", "ne", "getitem")]
    Tensor.OVERLOADABLE_OPERATORS = frozenset(names)
    Operators.__getitem__ = _getitem
    Variable.__getitem__ = sliced_variables.slice_of
    Operators.__array_ufunc__ = _array_ufunc


def _forward(function: Operator, name: str | None) -> Operator:
    def operator(self: Any, other: Any) -> Any:
        return function(self, other, name=name)

    return operator


def _reflected(function: Operator, name: str) -> Operator:
    def operator(self: Any, other: Any) -> Any:
        return function(other, self, name=name)

    return operator


def _unary(function: Operator) -> Operator:
    def operator(self: Any) -> Any:
        return function(self)

    return operator


def _logical(of_bools: Operator, of_ints: Operator) -> Operator:
    """Return the function for ``&`` and its like: of bools, or of the bits of ints.

    Where the dtype is unknown the bitwise one stands for both: bools are ints of one bit.
    """

    def function(x: Any, y: Any, name: str) -> Any:
        dtypes = {t.dtype for t in map(_as_tensor, (x, y)) if t is not None}
        known_bool = any(d is not None and d.is_bool for d in dtypes)
        return (of_bools if known_bool else of_ints)(x, y, name=name)

    return function


def _as_tensor(value: Any) -> Any:
    return convert_to_tensor(value) if isinstance(value, Operators) else None


def _invert(x: Any) -> Any:
    dtype = convert_to_tensor(x).dtype
    return logic.logical_not(x) if dtype is not None and dtype.is_bool else bitwise.invert(x)


# What NumPy calls for the operators where the operand on the left is its own.
_REFLECTED = {
    np.add: "__radd__", np.subtract: "__rsub__", np.multiply: "__rmul__",
    np.true_divide: "__rtruediv__", np.floor_divide: "__rfloordiv__", np.remainder: "__rmod__",
    np.power: "__rpow__", np.matmul: "__rmatmul__", np.bitwise_and: "__rand__",
    np.bitwise_or: "__ror__", np.bitwise_xor: "__rxor__", np.less: "__gt__",
    np.less_equal: "__ge__", np.greater: "__lt__", np.greater_equal: "__le__",
    np.equal: "__eq__", np.not_equal: "__ne__",
}  # fmt: skip


def _array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Make ``array + tensor`` a tensor; anything else NumPy can't compute without values."""
    name = _REFLECTED.get(ufunc)
    if name and method == "__call__" and not options and not isinstance(inputs[0], Operators):
        result = getattr(inputs[1], name)(inputs[0])
        return name == "__ne__" if result is NotImplemented else result  # identity decides
    node = convert_to_tensor(self).op
    raise InvalidTypeError(
        node.info,
        node,
        f"np.{ufunc.__name__} needs values, and a tensor has none yet. Use the tf function of that "
        f"name, or the value that session.run returns.",
    )


def _getitem(self: Any, index: Any) -> Any:
    return slicing.getitem(convert_to_tensor(self), index)
