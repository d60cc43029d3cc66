"""Rows for losses, metrics and schedules of the learning rate."""

from __future__ import annotations

from tests.oracle.draw import A, I, T, row

PAIR = T(3, 4, low=0.1, high=0.9), T(3, 4, low=0.1, high=0.9)
TRUTH, GUESS = A([1, 0, 1, 1, 0], "bool"), A([0.9, 0.2, 0.4, 0.6, 0.7])
BITS = A([1, 0, 1, 1, 0], "float32"), A([1, 1, 1, 0, 0], "float32")
CLASSES = I([0, 1, 2, 1]), I([0, 2, 2, 1])
LOSSES = "losses.absolute_difference losses.mean_squared_error losses.hinge_loss "\
    "losses.huber_loss losses.log_loss losses.mean_pairwise_squared_error"  # fmt: skip
WEIGHTED = LOSSES.rpartition(" ")[0]
ERRORS = "metrics.mean_absolute_error metrics.mean_squared_error metrics.root_mean_squared_error"
COUNTS = "metrics.true_positives metrics.true_negatives metrics.false_positives " \
    "metrics.false_negatives metrics.precision metrics.recall"  # fmt: skip
AT = "metrics.true_positives_at_thresholds metrics.true_negatives_at_thresholds " \
    "metrics.false_positives_at_thresholds metrics.false_negatives_at_thresholds " \
    "metrics.precision_at_thresholds metrics.recall_at_thresholds"  # fmt: skip
STEPS = (0, 1, 7, 10, 25)
# fmt: off
ROWS = [
    row(LOSSES, *PAIR),
    *[row(WEIGHTED, *PAIR, weights=w) for w in (0.5, A([[1.0], [0.0], [2.0]]), A(0.0))],
    row("losses.mean_pairwise_squared_error", *PAIR, weights=A([[1.0], [0.0], [2.0]])),
    *[row(WEIGHTED, *PAIR, weights=A([[1.0], [0.0], [2.0]]), reduction=r) for r in (
        "none", "weighted_sum", "weighted_mean", "weighted_sum_over_batch_size",
        "weighted_sum_by_nonzero_weights")],
    row("losses.compute_weighted_loss", T(3, 4), A([[1.0, 2.0, 0.0, 1.0]])),
    row("losses.cosine_distance", *PAIR, axis=1),
    row("losses.sigmoid_cross_entropy losses.softmax_cross_entropy",
        A([[0, 1, 0], [1, 0, 0]]), T(2, 3)),
    row("losses.sigmoid_cross_entropy losses.softmax_cross_entropy",
        A([[0, 1, 0], [1, 0, 0]]), T(2, 3), label_smoothing=0.1),
    row("losses.sparse_softmax_cross_entropy", I([2, 0]), T(2, 3)),
    row("losses.sparse_softmax_cross_entropy", I([2, 0]), T(2, 3), weights=A([0.0, 1.0])),
    row("metrics.mean metrics.mean_tensor", T(3, 4), program="updated"),
    row("metrics.mean", T(3, 4), T(3, 1, low=0), program="updated"),
    row("metrics.accuracy", *CLASSES, program="updated"),
    row("metrics.accuracy", *CLASSES, A([1.0, 0.5, 0.0, 2.0]), program="updated"),
    row(ERRORS, *PAIR, program="updated"),
    row("metrics.mean_relative_error", *PAIR, PAIR[0], program="updated"),
    row("metrics.mean_cosine_distance", *PAIR, 1, program="updated"),
    row("metrics.mean_iou metrics.mean_per_class_accuracy", *CLASSES, 3, program="updated"),
    row("metrics.percentage_below", T(9), 0.5, program="updated"),
    row(COUNTS, *BITS, program="updated"), row(COUNTS, *BITS, A(2.0), program="updated"),
    row(AT, TRUTH, GUESS, [0.3, 0.65], program="updated"),
    *[row("metrics.auc", TRUTH, GUESS, curve=c, summation_method=m, program="updated")
      for c in ("ROC", "PR") for m in ("trapezoidal", "minoring", "majoring")],
    row("metrics.auc", TRUTH, GUESS, curve="PR", program="updated",
        summation_method="careful_interpolation"),
    row("metrics.sensitivity_at_specificity metrics.specificity_at_sensitivity", TRUTH, GUESS, 0.5,
        program="updated"),
    row("metrics.precision_at_k metrics.recall_at_k",
        A([[2], [0]], "int64"), T(2, 4), 2, program="updated"),
    row("metrics.precision_at_k metrics.recall_at_k", A([[2, 1], [0, 3]], "int64"), T(2, 4), 2,
        class_id=2, program="updated"),
    row("metrics.precision_at_top_k metrics.recall_at_top_k", A([[2], [0]], "int64"),
        A([[2, 1], [3, 1]], "int64"), program="updated"),
    *[row("train.exponential_decay train.natural_exp_decay train.inverse_time_decay", 0.5, I(n), 10,
          0.9, staircase=s) for n in STEPS for s in (False, True)],
    *[row("train.polynomial_decay", 0.5, I(n), 10, 0.01, power=2.0, cycle=c)
      for n in STEPS for c in (False, True)],
    *[row("train.cosine_decay train.linear_cosine_decay", 0.5, I(n), 10) for n in STEPS],
    *[row("train.cosine_decay_restarts", 0.5, I(n), 5, m_mul=0.8) for n in STEPS],
    *[row("train.piecewise_constant", I(n), [5, 10], [1.0, 0.5, 0.1]) for n in STEPS],
]
# fmt: on
