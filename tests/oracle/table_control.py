"""Rows for control flow, variables, recurrent networks, and draws that are compared as such."""

from __future__ import annotations

import numpy as np

from tests.oracle.draw import A, I, T, row

N = 20_000
LABELS = A([[1, 5], [7, 2]], "int64")
RANGED = A([[1], [5]], "int64")
IMAGE = T(3, 4, 3, low=0, high=1)
ONE_PIXEL = A(np.full((1, 1, 3), 0.25))
SEQUENCES = T(2, 4, 3)
# fmt: off
ROWS = [
    row("cond", T(3), A([1.0]), program="square_or_double"),
    row("cond", T(3), A([-1.0]), program="square_or_double"),
    *[row("case", T(3), I(n), program="first_of_three") for n in (0, 1, 2)],
    *[row("switch_case", T(3), I(n), program="one_of_list") for n in (0, 1, 2, 5, -1)],
    *[row("while_loop", T(3), I(n), program="powers") for n in (0, 1, 4)],
    row("while_loop", T(3), I(9), program="powers", maximum_iterations=2),
    row("while_loop", T(3), I(3), program="powers", parallel_iterations=1, back_prop=True),
    row("map_fn", T(3, 4), program="mapped", dtypes="fdi"),
    row("map_fn", T(0, 4), program="mapped"),
    row("map_fn", T(3, 4), T(3, 4), program="mapped_pair"),
    row("foldl foldr scan", T(3, 4), program="folded", dtypes="fdi"),
    row("foldl foldr scan", T(3, 4), T(4), program="folded"),
    row("scan", T(3, 4), T(4), program="folded", reverse=True),
    row("py_func", T(2, 3), T(3, 2), program="in_python"),
    row("py_func", T(2, 3), T(3, 2), stateful=False, program="in_python"),
    row("numpy_function", T(2, 3), T(3, 2), program="in_python"),
    row("identity", T(2, 3), program="through_arrays"),
    row("nn.max_pool nn.avg_pool", T(1, 6, 5, 2), 2, 1, "VALID", program="slope"),
    row("sigmoid tanh nn.softmax nn.elu reduce_max matrix_inverse", T(3, 3), program="slope"),
    row("placeholder_with_default", T(2, 3), [None, 3]),
    row("is_tensor is_numeric_tensor assert_same_float_dtype dimension_value", T(2, 3),
        program="told"),
    row("custom_gradient", T(3), program="own_gradient"),
    row("assign assign_add assign_sub", T(2, 3), T(2, 3), program="changed", dtypes="fdi"),
    row("assign", T(2, 3), T(4), validate_shape=False, program="changed"),
    row("count_up_to", I(2), 3, program="changed"), row("count_up_to", I(3), 3, program="changed"),
    *[row("scatter_add scatter_div scatter_max scatter_min scatter_mul scatter_sub scatter_update",
          T(4, 2), i, u, program="changed", dtypes=d) for i, u, d in (
        (I([0, 2]), T(2, 2, low=1, high=2), "fdi"), (I([[3], [1]]), T(2, 1, 2, low=1, high=2), "f"),
        (I(2), T(2, low=1, high=2), "f"), (I([0, 2]), A(1.5), "f"), (I([4]), T(1, 2), "f"),
        (A([], "int32"), T(0, 2), "f"))],
    row("scatter_add scatter_sub scatter_mul", T(4, 2), I([1, 1]), T(2, 2), program="changed"),
    *[row("scatter_nd_add scatter_nd_sub scatter_nd_update", T(4, 2), i, u, program="changed",
          dtypes=d) for i, u, d in (
        (I([[0], [2]]), T(2, 2), "fi"), (I([[0, 1], [3, 0]]), T(2), "f"),
        (I([[4]]), T(1, 2), "f"))],
    row("nn.dynamic_rnn", SEQUENCES, program="recurrent"),
    row("nn.dynamic_rnn", SEQUENCES, I([2, 4]), program="recurrent"),
    row("nn.dynamic_rnn", SEQUENCES, time_major=True, program="recurrent"),
    row("nn.static_rnn", [T(2, 3), T(2, 3)], program="recurrent"),
    row("nn.static_rnn", [T(2, 3), T(2, 3)], sequence_length=I([1, 2]), program="recurrent"),
    row("nn.bidirectional_dynamic_rnn", SEQUENCES, program="recurrent_both_ways"),
    row("nn.bidirectional_dynamic_rnn", SEQUENCES, sequence_length=I([2, 4]),
        program="recurrent_both_ways"),
    row("nn.static_bidirectional_rnn", [T(2, 3), T(2, 3)], program="recurrent_both_ways"),
    row("nn.uniform_candidate_sampler nn.log_uniform_candidate_sampler", LABELS, 2, N, False, 10),
    row("nn.fixed_unigram_candidate_sampler", RANGED, 1, N, False, 6,
        unigrams=[1.0, 2.0, 3.0, 1.0, 5.0, 2.0]),
    row("nn.fixed_unigram_candidate_sampler", RANGED, 1, N, False, 6, distortion=0.5,
        unigrams=[1.0, 2.0, 3.0, 1.0, 5.0, 2.0]),
    row("nn.fixed_unigram_candidate_sampler", RANGED, 1, N, False, 4, num_reserved_ids=1,
        unigrams=[1.0, 2.0, 3.0]),
    row("nn.all_candidate_sampler", LABELS, 2, 10, True),
    row("image.random_brightness", ONE_PIXEL, 1500, 0.5, program="each"),
    row("image.random_contrast image.random_saturation", T(1, 2, 3, low=0, high=1), 1500, 0.5, 1.5,
        program="each"),
    row("image.random_hue", A([[[0.2, 0.5, 0.9]]]), 1500, 0.3, program="each"),
    row("image.random_flip_left_right image.random_flip_up_down", IMAGE, 1500,
        program="flipped_often"),
]
# fmt: on
