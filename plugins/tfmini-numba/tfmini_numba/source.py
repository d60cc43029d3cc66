"""From a group of element-wise steps to the source of one loop.

In: steps on slots (inputs, outputs, scratch) with their dtypes, and how each input is indexed.
Out: Python source for Numba, or ``Unsupported`` with the reason.  The source says all that there is
to compile, so it is the key of the cache; no Numba is needed to write it.

Every step is rounded to the dtype of its slot, as NumPy rounds it, and keeps NumPy's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Unsupported(Exception):
    """The group can't be compiled; the message is the reason."""


# How an element of an input is found: by row and column of the output seen as a matrix.
SCALAR, FULL, ROW, COLUMN = "scalar", "full", "row", "column"
_INDEX = {SCALAR: "{}", FULL: "{}[i, j]", ROW: "{}[j]", COLUMN: "{}[i]"}

_TYPES = {np.dtype(np.float32): "f4", np.dtype(np.float64): "f8", np.dtype(np.bool_): "b1"}

# {0}, {1}: operands. {T}: the dtype of the result. {A}: that of the first operand.
_EXACT = {
    "Abs": "abs({0})", "Add": "{0} + {1}", "BiasAdd": "{0} + {1}", "Sub": "{0} - {1}",
    "Mul": "{0} * {1}", "RealDiv": "{0} / {1}", "Div": "{0} / {1}", "Neg": "-{0}",
    "Square": "{0} * {0}", "SquaredDifference": "({0} - {1}) * ({0} - {1})",
    "Sqrt": "sqrt({0})", "Rsqrt": "{T}(1) / {T}(sqrt({0}))", "Reciprocal": "{T}(1) / {0}",
    "Floor": "floor({0})", "Ceil": "ceil({0})",
    "Maximum": "{0} if ({0} > {1}) | ({0} != {0}) else {1}",
    "Minimum": "{0} if ({0} < {1}) | ({0} != {0}) else {1}",
    "Relu": "{0} if ({0} > {T}(0)) | ({0} != {0}) else {T}(0)",
    "Relu6": "{T}(6) if {0} > {T}(6) else ({0} if ({0} > {T}(0)) | ({0} != {0}) else {T}(0))",
    "LeakyRelu": "{0} * {T}({alpha}) if {0} < {T}(0) else {0}",
    "ReluGrad": "{0} * {T}({1} > {A}(0))", "Masked": "{0} * {T}({1})",
    "Softsign": "{0} / (abs({0}) + {T}(1))",
    "Greater": "{0} > {1}", "GreaterEqual": "{0} >= {1}", "Less": "{0} < {1}",
    "LessEqual": "{0} <= {1}", "Equal": "{0} == {1}", "NotEqual": "{0} != {1}",
    "LogicalAnd": "{0} & {1}", "LogicalOr": "{0} | {1}", "LogicalNot": "not {0}",
    "SelectV2": "{1} if {0} else {2}", "Cast": "{0}",
}  # fmt: skip
# Through the functions of approximations.py, which are of float32.
_APPROXIMATE = {
    "Exp": "exp32({0})", "Log": "log32({0})", "Tanh": "tanh32({0})",
    "Sigmoid": "{T}(1) / ({T}(1) + exp32(-{0}))",
}  # fmt: skip
_BOOLEAN = {"LogicalAnd", "LogicalOr", "LogicalNot", "SelectV2", "Cast", "Masked", "Equal",
            "NotEqual"}  # fmt: skip


def kinds_of(shapes: Sequence[Any], full: Any) -> tuple[str, ...]:
    """Return how each input is indexed, for outputs of shape ``full``."""
    return tuple([_kind(tuple(shape), tuple(full)) for shape in shapes])


def _kind(shape: tuple[int, ...], full: tuple[int, ...]) -> str:
    if shape == full:
        return FULL
    if all(n == 1 for n in shape):
        return SCALAR
    padded = (1,) * (len(full) - len(shape)) + shape
    if padded[:-1] == (1,) * (len(full) - 1) and padded[-1] == full[-1]:
        return ROW
    if padded == (*full[:-1], 1):
        return COLUMN
    raise Unsupported(f"an input of shape {shape} is neither a row nor a column of {full}")


def write(
    steps: Sequence[Any], kinds: Sequence[str], dtypes: Sequence[np.dtype], n_outputs: int
) -> str:
    """Return the source of ``loop(a0, a1, ...)``: inputs and outputs of ``steps``, in order.

    ``dtypes`` are those of all slots.
    """
    types = [_type_name(d) for d in dtypes]
    n_inputs = len(kinds)
    values = {i: f"x{i}" for i in range(n_inputs)}
    lines = [f"x{i} = {_INDEX[kind].format(f'a{i}')}" for i, kind in enumerate(kinds)]
    for number, step in enumerate(steps):
        name = f"v{number}"
        lines.append(f"{name} = {_expression(step, types, values)}")
        values[step.output] = name
    outputs = range(n_inputs, n_inputs + n_outputs)
    lines += [f"a{i}[i, j] = {values[i]}" for i in outputs]
    arguments = ", ".join([f"a{i}" for i in range(n_inputs + n_outputs)])
    head = [f"def loop({arguments}):",
            f"    for i in range(a{n_inputs}.shape[0]):",
            f"        for j in range(a{n_inputs}.shape[1]):"]  # fmt: skip
    return "\n".join([*head, *[f"            {line}" for line in lines]]) + "\n"


def _type_name(dtype: np.dtype) -> str:
    try:
        return _TYPES[dtype]
    except KeyError:
        raise Unsupported(f"values of {dtype} have no rule, only float32, float64, bool") from None


def _expression(step: Any, types: Sequence[str], values: dict[int, str]) -> str:
    kind, out = step.opdef.type, types[step.output]
    taken = [types[i] for i in step.inputs]
    operands = [values[i] for i in step.inputs]
    if kind == "AddN":
        rule = " + ".join(["{" + str(i) + "}" for i in range(len(operands))])
    elif kind == "Cast" and out == "b1":
        rule = "{0} != {A}(0)"
    elif kind in _APPROXIMATE:
        if out != "f4":
            raise Unsupported(f"{kind} of float64 is quicker in NumPy")
        rule = _APPROXIMATE[kind]
    elif kind in _EXACT:
        rule = _EXACT[kind]
    else:
        raise Unsupported(f"operation {kind} has no rule")
    if "b1" in taken and kind not in _BOOLEAN:
        raise Unsupported(f"{kind} of bool has no rule")
    # What NumPy computes in: several float types promote before the operation, as here.
    attrs = {name: repr(value) for name, value in step.attrs if kind == "LeakyRelu"}
    return f"{out}({rule.format(*operands, T=out, A=taken[0], **attrs)})"
