"""Mathematics under the names of ``tf.math``."""

from __future__ import annotations

from tfmini.ops.activations import log_softmax, softmax, softsign
from tfmini.ops.complex import angle, conj, imag, real
from tfmini.ops.counting import confusion_matrix
from tfmini.ops.cumulative import (
    cumprod,
    cumsum,
    cumulative_logsumexp,
    is_non_decreasing,
    is_strictly_increasing,
)
from tfmini.ops.division import div_no_nan as divide_no_nan
from tfmini.ops.division import floordiv, floormod, mod, multiply_no_nan, reciprocal_no_nan
from tfmini.ops.exponential import (
    exp,
    expm1,
    log,
    log1p,
    log_sigmoid,
    sigmoid,
    softplus,
    tanh,
    xdivy,
    xlog1py,
    xlogy,
)
from tfmini.ops.logic import (
    equal,
    greater,
    greater_equal,
    is_finite,
    is_inf,
    is_nan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from tfmini.ops.math import (
    abs,
    accumulate_n,
    add,
    add_n,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    scalar_mul,
    sign,
    squared_difference,
    subtract,
    truediv,
)
from tfmini.ops.nn import in_top_k
from tfmini.ops.normalization import l2_normalize
from tfmini.ops.powers import polyval, pow, reciprocal, rsqrt, sqrt, square
from tfmini.ops.reductions import (
    argmax,
    argmin,
    count_nonzero,
    reduce_all,
    reduce_any,
    reduce_euclidean_norm,
    reduce_logsumexp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_std,
    reduce_sum,
    reduce_variance,
    zero_fraction,
)
from tfmini.ops.representation import nextafter
from tfmini.ops.rounding import ceil, floor, rint, round
from tfmini.ops.segment import (
    bincount,
    segment_max,
    segment_mean,
    segment_min,
    segment_prod,
    segment_sum,
    unsorted_segment_max,
    unsorted_segment_mean,
    unsorted_segment_min,
    unsorted_segment_prod,
    unsorted_segment_sqrt_n,
    unsorted_segment_sum,
)
from tfmini.ops.sorting import invert_permutation, top_k
from tfmini.ops.trigonometry import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
)
