"""Python's operators on tensors, put on ``Tensor`` when the operations are there.

In: the functions of the other modules.  Out: ``x + 1``, ``1 - x``, ``x[..., 0]`` and the rest, with
the node names that TensorFlow gives them.  ``==`` and ``!=`` compare identity, as in TensorFlow 1:
use ``tf.equal`` for the elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.nodes import Operators
from tfmini.ops import bitwise, division, logic, math, products, slicing

Operator = Callable[..., Any]


def install() -> None:
    """Give ``Operators``, the base of tensors and operations, its methods."""
    binary = {
        "add": (math.add, "add"),
        "sub": (math.subtract, "sub"),
        "mul": (math.multiply, "mul"),
        "truediv": (math.truediv, "truediv"),
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
    Operators.__getitem__ = _getitem


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


def _getitem(self: Any, index: Any) -> Any:
    return slicing.getitem(convert_to_tensor(self), index)
