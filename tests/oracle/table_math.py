"""Rows for arithmetic, comparisons, rounding, functions, reductions and segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draw import ALL, A, I, T, row

WIDE = ALL + "hsz"

# Values at which formulas break: zeros, infinities, halves, overflow and underflow.
SPECIAL = A(
    [-np.inf, -200, -88, -20, -2.5, -1.5, -1, -0.5, -1e-8, -0.0, 0, 1e-8, 0.5, 1, 1.5, 2.5, 20, 88,
     200, np.inf, np.nan]
)  # fmt: skip
PAIRS = A([0, 0, 1, -1, np.inf, -np.inf, np.nan, 2, -2, -0.0, 0.5, 5.5, -5.5, 7, -7, 7])
PAIRED = A([0, 1, 0, 0, 0, 2, 1, np.inf, np.nan, 3, -np.inf, -2, 2, 2, 2, -2])

ANY = (
    "negative abs sign square exp expm1 tanh sigmoid nn.softplus math.softplus log_sigmoid "
    "math.log_sigmoid floor ceil math.ceil round rint math.rint sin cos sinh cosh asinh math.asinh "
    "tan atan is_nan is_inf is_finite math.is_nan math.is_inf math.is_finite conj math.conj real "
    "math.real imag math.imag angle math.angle logical_not bitwise.invert nn.zero_fraction "
    "identity to_float to_double to_int32 to_int64 to_complex64 to_complex128 nn.relu nn.relu6 "
    "nn.elu nn.selu nn.leaky_relu nn.softsign nn.swish nn.silu nn.crelu nn.l2_loss stop_gradient "
    "zeros_like ones_like shape size rank"
)
POSITIVE = "sqrt rsqrt reciprocal math.reciprocal log log1p math.log1p"
INSIDE = "asin acos atanh math.atanh"
BINARY = (
    "add subtract multiply maximum minimum squared_difference math.squared_difference equal "
    "not_equal less less_equal greater greater_equal math.multiply_no_nan div_no_nan complex "
    "atan2 math.atan2"
)
DIVISION = (
    "divide truediv realdiv floordiv floormod mod truncatediv truncatemod div floor_div "
    "math.floordiv math.floormod math.truediv math.xdivy"
)
LOGS = "math.xlogy math.xlog1py pow"
LOGIC = "logical_and logical_or logical_xor"
BITS = "bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor"
SHIFTS = "bitwise.left_shift bitwise.right_shift"
REDUCTIONS = (
    "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_any reduce_all "
    "reduce_logsumexp math.reduce_euclidean_norm math.reduce_variance math.reduce_std "
    "count_nonzero math.count_nonzero"
)
OLD = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_logsumexp"
SEGMENT = "segment_sum segment_mean segment_max segment_min segment_prod"
UNSORTED = (
    "unsorted_segment_sum unsorted_segment_max unsorted_segment_min unsorted_segment_prod "
    "unsorted_segment_mean unsorted_segment_sqrt_n"
)
TIES = A([[1, 1, 0], [0, 0, 2], [3, 3, 3]])
EXTREME = A([[np.inf, 1], [-np.inf, -np.inf], [np.nan, 2], [np.inf, -np.inf]])


def both(ops: str, x: Any, y: Any, **more: Any) -> list[Any]:
    """Return rows of two operands ``x(shape)`` and ``y(shape)`` that broadcast in each way."""
    shapes = [((), (4,)), ((2, 1), (1, 3)), ((0, 3), (3,)), ((), ()), ((2, 0), (1, 1))]
    rows = [row(ops, x(2, 3), y(3), dtypes=WIDE), row(ops, x(2, 3), y(), dtypes="fi")]
    return rows + [row(ops, x(*a), y(*b), **more) for a, b in shapes]


def P(*shape: int) -> Any:
    return T(*shape, low=1, high=4)


def around(ops: str, low: float, high: float) -> list[Any]:
    """Return rows of one operand in ``[low, high]``."""
    shapes = [(), (0, 2), (2, 1, 3)]
    rows = [row(ops, T(2, 3, low=low, high=high), dtypes=WIDE)]
    return rows + [row(ops, T(*s, low=low, high=high)) for s in shapes] + [row(ops, SPECIAL)]


# fmt: off
ROWS = [
    *around(ANY, -2, 2),
    *around(POSITIVE, 0.1, 3),
    *around(INSIDE, -0.9, 0.9),
    *around("acosh math.acosh", 1.1, 3),
    *both(BINARY, T, T),
    *both(DIVISION, T, P),
    *both(LOGS, P, P),
    *both(BITS, T, T, dtypes="i"),
    *both(LOGIC, T, T, dtypes="b"),
    *both(SHIFTS, T, P, dtypes="i"),
    row(f"{BINARY} {DIVISION} {LOGS}", PAIRS, PAIRED),
    row(f"{BINARY} {DIVISION} {LOGS}", A([1, 2, 3]), A([1, 3, 2])),
    row(f"{BINARY} {DIVISION} {BITS}", I([7, -7, 7, -7]), I([2, 2, -2, -2])),
    row(f"{BINARY} {DIVISION}", T(2, 3), T(4)),
    row(f"{BINARY} {DIVISION} {LOGS}", A([0, 1, 2], "float64"), A([0, 0, 3], "float64")),
    row("add subtract multiply maximum minimum equal less pow truediv", T(2, 3, low=1), 2,
        dtypes="fdi"),
    row("pow", A([0, -1, -2, 0]), A([0, 2, 3, 2])),
    row("pow", I([2, -3, 0]), I([3, 2, 0])),
    row("bitwise.right_shift", I([-8, 8, -1]), I([1, 1, 3])),
    row("bitwise.left_shift bitwise.right_shift", A([200, 3], "uint8"), A([1, 7], "uint8")),
    row("add_n", [T(2, 3), T(2, 3), T(2, 3)], dtypes=WIDE),
    row("add_n accumulate_n", [T(2, 3)], dtypes="fi"),
    row("accumulate_n", [T(2, 3), T(2, 3)], dtypes=ALL),
    row("add_n accumulate_n", [T(), T()]),
    row("add_n accumulate_n", [T(0, 2), T(0, 2)]),
    row("scalar_mul math.scalar_mul", T(), T(2, 3), dtypes=ALL),
    *[row("cast", T(2, 3), name, dtypes=WIDE) for name in (
        "float16", "float32", "float64", "int8", "int32", "int64", "uint8", "uint16", "bool",
        "complex64", "complex128")],
    row("cast", A([1.9, -1.9, 0.5, 0]), "int32"),
    row("cast", A([1.9, -1.9, 0.5, 0, np.nan, np.inf]), "bool"),
    *[row("saturate_cast", T(9, low=-300, high=300), name, dtypes="fdilhs") for name in (
        "uint8", "int8", "int16", "int32", "float16")],
    row("saturate_cast", A([1e10, -1e10, 300, -5, 5.7]), "int32"),
    row("saturate_cast", A([1e20, -1e20, 300, -5, 5.7]), "int64"),
    row("clip_by_value", T(2, 3), T(low=-1, high=-1), T(low=1, high=1), dtypes="fdilhs"),
    row("clip_by_value", T(2, 3), T(2, 3, low=-2, high=-1), T(2, 3, low=0, high=1), dtypes="fi"),
    row("clip_by_value", T(2, 3), T(3, low=-2, high=-1), T(low=0, high=1)),
    row("clip_by_value", T(3, low=0, high=9, dtype="uint8"), A(2, "uint8"), A(5, "uint8")),
    row("clip_by_value", A([1, 2, 3, 0]), A(1), A(2)),
    row("clip_by_value", A([1, 2, 3, 0]), A(2), A(1)),
    row("clip_by_value", SPECIAL, A(-1), A(1)),
    row("clip_by_value", T(2, 3), -1.0, 1.0, dtypes="fd"),
    *[row(REDUCTIONS, T(2, 3), dtypes=WIDE, **kw) for kw in (
        {}, {"axis": 1}, {"axis": [0, -1]}, {"axis": -2, "keepdims": True}, {"keepdims": True})],
    row(REDUCTIONS, T(2, 3), axis=[], dtypes="fib"),
    row(REDUCTIONS, T(2, 3, 2), axis=[0, 2], dtypes="fib"),
    row(REDUCTIONS, T(2, 3, 2), axis=[2, 0], dtypes="fib"),
    row(REDUCTIONS, T(2, 3), axis=2, dtypes="fib"),
    row(REDUCTIONS, T(0, 3), axis=0, dtypes="fib"),
    row(REDUCTIONS, T(0, 3), axis=1, dtypes="fib"),
    row(REDUCTIONS, T(0, 3), dtypes="fib"),
    row(REDUCTIONS, T(), dtypes="fib"),
    row(REDUCTIONS, T(200, 40)),
    row(OLD, T(2, 3), reduction_indices=1, keep_dims=True),
    *[row(REDUCTIONS, x, **kw) for x in (TIES, EXTREME, TIES - 1) for kw in (
        {}, {"axis": 0}, {"axis": 1})],
    row("reduce_mean", I([-3, -4, 2, 2])),
    row("reduce_sum reduce_mean reduce_prod", A([200, 100, 7], "uint8")),
    row("count_nonzero math.count_nonzero", T(2, 3), axis=1, dtype="int32"),
    row("argmax argmin", T(2, 3), dtypes=WIDE),
    *[row("argmax argmin", T(2, 3, 2), **kw) for kw in (
        {"axis": 1}, {"axis": -2}, {"dimension": 1}, {"axis": 1, "output_type": "int32"})],
    row("arg_max arg_min", T(2, 3), 1, dtypes="fi"),
    row("argmax argmin", A([1, 3, 3, 0, 0])),
    row("argmax argmin", A([1, np.nan, 3, 0, np.nan])),
    row("argmax argmin", T(0, 3), 1),
    row("argmax argmin", T(0, 3), 0),
    row("argmax argmin", T()),
    *[row("cumsum cumprod math.cumsum math.cumprod", T(2, 3), dtypes=d, **kw) for d, kw in (
        (WIDE, {}), ("fi", {"axis": 1}), ("f", {"axis": -1, "exclusive": True}),
        ("f", {"reverse": True}), ("fi", {"axis": 1, "exclusive": True, "reverse": True}))],
    row("cumsum cumprod math.cumsum math.cumprod", T(0, 3)),
    row("cumsum cumprod math.cumsum math.cumprod", T(3, 0), exclusive=True),
    row("cumsum cumprod", T()),
    row("cumsum cumprod math.cumsum math.cumprod", A([1, 0, 2, 0])),
    row(f"{SEGMENT}", T(4, 2), I([0, 0, 2, 3]), dtypes=WIDE),
    row(SEGMENT, T(4), A([0, 0, 2, 3], "int64")),
    row(SEGMENT, T(0, 2), A([], "int32")),
    row(SEGMENT, T(4, 2), I([3, 2, 0, 0])),
    row(SEGMENT, A([1, 1, 0, 0, 3]), I([0, 0, 1, 1, 1])),
    row(UNSORTED, T(4, 2), I([3, 0, -1, 0]), 5, dtypes=WIDE),
    row(UNSORTED, T(4, 2), I([3, 0, -1, 0]), I(5)),
    row(UNSORTED, T(2, 3, 2), I([[3, 0, -1], [0, 0, 3]]), 5),
    row(UNSORTED, T(0, 2), A([], "int32"), 2),
    row(UNSORTED, T(4, 2), I([0, 0, 2, 3]), 2),
    row(UNSORTED, A([1, 1, 0, 0, 0, 3]), I([0, 0, 1, 1, 2, 2]), 3),
    row("sparse_segment_sum sparse_segment_mean", T(4, 2), I([0, 2, 3]),
        I([0, 0, 1]), dtypes="fdi"),
    row("sparse_segment_sum sparse_segment_mean", T(4, 2), I([0, 2, 3]),
        I([0, 0, 2]), num_segments=5),
    *[row("bincount math.bincount", I([1, 2, 5, 1]), **kw) for kw in (
        {}, {"minlength": 6}, {"maxlength": 3}, {"minlength": 6, "maxlength": 4},
        {"weights": A([1, 2, 3, 4])}, {"dtype": "int64"}, {"dtype": "float32"})],
    row("bincount math.bincount", A([], "int32")),
    row("math.polyval", [T(3), T(3), T(3)], T(3), dtypes="fdc"),
    row("math.polyval", [T(), T()], T(2, 3)),
    row("zeros_like ones_like", T(2, 3), dtype="int64"),
    row("shape size", T(2, 3), out_type="int64"),
    row("nn.zero_fraction", A([0, 1, 0, 2, 0])),
    row("nn.crelu", T(2, 3), axis=0),
    row("nn.leaky_relu", T(2, 3), 0.3, dtypes="fd"),
    row("nn.leaky_relu", A([0, -0.0, np.nan, np.inf, -np.inf])),
    *[row("math.cumulative_logsumexp", T(2, 3), dtypes=d, **kw) for d, kw in (
        ("fd", {}), ("f", {"axis": 1}), ("f", {"axis": -1, "exclusive": True}),
        ("f", {"axis": 1, "exclusive": True, "reverse": True}), ("f", {"reverse": True}))],
    row("math.cumulative_logsumexp", A([800, -800, 900])),
    row("math.reciprocal_no_nan", A([0, 2, -4]), dtypes="f"),
    row("math.nextafter", T(2, 3), T(3), dtypes="fd"),
    row("math.nextafter", A([0, 1, np.inf, np.nan]), A([-1, 1, 0, 0])),
    *[row("is_non_decreasing is_strictly_increasing math.is_non_decreasing "
          "math.is_strictly_increasing", x) for x in (
        A([1, 2, 3]), A([1, 1, 3]), A([[1, 2], [0, 3]]), A([]), A([[5]]), I([3, 2]))],
    *[row("bitcast", T(2, 4), to, dtypes=d) for d, to in (
        ("fi", "int32"), ("fil", "uint8"), ("d", "complex64"), ("s", "float32"),
        ("s", "float64"), ("h", "int16"))],
    row("bitcast", A(1.5), "int16"),
]
# fmt: on
