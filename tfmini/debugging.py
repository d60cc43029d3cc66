"""``tf.debugging``: checks of values while a session runs."""

from __future__ import annotations

from tfmini.ops.assertions import (
    assert_equal,
    assert_greater,
    assert_greater_equal,
    assert_less,
    assert_less_equal,
    assert_negative,
    assert_non_negative,
    assert_non_positive,
    assert_none_equal,
    assert_positive,
    assert_rank,
    assert_rank_at_least,
    assert_type,
)
from tfmini.ops.debugging import Assert, check_numerics
from tfmini.ops.debugging import verify_tensor_all_finite as assert_all_finite
from tfmini.ops.logic import is_finite, is_inf, is_nan

__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal",
    "assert_less", "assert_less_equal", "assert_negative", "assert_non_negative",
    "assert_non_positive", "assert_none_equal", "assert_positive", "assert_rank",
    "assert_rank_at_least", "assert_type", "check_numerics", "is_finite", "is_inf", "is_nan",
]  # fmt: skip
