"""Operations on the bits of integers under the names of ``tf.bitwise``."""

from __future__ import annotations

from tfmini.ops.bitwise import bitwise_and, bitwise_or, bitwise_xor, invert, left_shift, right_shift
