"""Rows for layers, losses, convolutions, pools and normalization."""

from __future__ import annotations

import numpy as np

from tests.oracle.draw import A, I, S, T, row

IMAGE, FILTER = T(2, 5, 6, 3), T(3, 2, 3, 4)
SAME = {"strides": [1, 1, 1, 1], "padding": "SAME"}
VALID = {"strides": [1, 1, 1, 1], "padding": "VALID"}
TWO = {"strides": [1, 2, 2, 1], "padding": "SAME"}
ODD = {"strides": [1, 2, 3, 1], "padding": "VALID"}
EXPLICIT = {"strides": [1, 1, 2, 1], "padding": [[0, 0], [1, 2], [0, 1], [0, 0]]}
POOLS = "nn.max_pool nn.avg_pool nn.max_pool_v2 nn.avg_pool_v2"
K2 = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1]}
K3 = {"ksize": [1, 3, 2, 1], "strides": [1, 1, 2, 1]}
CROSS = "nn.softmax_cross_entropy_with_logits nn.softmax_cross_entropy_with_logits_v2"
SPARSE = "nn.sparse_softmax_cross_entropy_with_logits"
P = T(2, 3, low=0.05, high=0.9)
BIG = A([[1000, 0, -1000], [0, 0, 0], [-np.inf, 0, 1]])
VECTOR = T(3, low=0.5, high=2)
# Labels of three sequences, among them one twice in a row; five classes and a blank.
SPOKEN = S([[0, 0], [0, 1], [0, 2], [1, 0], [2, 0]], I([1, 1, 4, 3, 2]), [3, 3])
SILENT = S([[0, 0], [1, 0]], I([1, 3]), [3, 3])
HEARD, HEARD_STEPS = T(7, 3, 6), I([7, 4, 2])
EQUALS = A(np.array([[1, 1, 0, 2], [1, 1, 2, 2]]).reshape(1, 2, 4, 1))

# fmt: off
ROWS = [
    row("nn.softmax nn.log_softmax", T(2, 3), dtypes="fdi"),
    *[row("nn.softmax nn.log_softmax", x, **kw) for x, kw in (
        (T(2, 3, 4), {"axis": 1}), (T(2, 3, 4), {"dim": 0}), (T(3), {}), (T(0, 3), {}),
        (T(2, 0), {}), (BIG, {}))],
    row("nn.bias_add", T(2, 3), T(3), dtypes="fdi"),
    row("nn.bias_add", T(2, 4, 5, 3), T(3)),
    row("nn.bias_add", T(2, 3, 4, 5), T(3), data_format="NCHW"),
    row("nn.bias_add", T(2, 3), T(4)),
    row("nn.xw_plus_b nn.relu_layer", T(2, 3), T(3, 4), T(4), dtypes="fd"),
    row("nn.xw_plus_b nn.relu_layer", T(0, 3), T(3, 4), T(4)),
    row("nn.xw_plus_b nn.relu_layer", T(2, 3), T(2, 4), T(4)),
    row("nn.dropout", T(2, 3), rate=0.0),
    row("nn.embedding_lookup", T(5, 2), I([3, 0, 3])),
    row("nn.embedding_lookup", [T(3, 2), T(2, 2)], I([[3, 0], [4, 1]])),
    row("nn.embedding_lookup", [T(3, 2), T(2, 2)], I([3, 0, 4]), partition_strategy="div"),
    row("nn.embedding_lookup", T(5, 2), I([3, 0]), max_norm=0.5),
    row(CROSS, labels=P, logits=T(2, 3), dtypes="fd"),
    row(CROSS, labels=P, logits=A([[1000, 0, -1000], [0, 0, 0]])),
    row(CROSS, labels=T(2, 3, 4, low=0, high=0.3), logits=T(2, 3, 4), dim=1),
    row(CROSS, labels=T(0, 3), logits=T(0, 3)),
    row(CROSS, labels=T(1, 3), logits=T(2, 3)),
    row(SPARSE, labels=I([0, 2]), logits=T(2, 3), dtypes="fd"),
    row(SPARSE, labels=A([0, 2], "int64"), logits=A([[1000, 0, -1000], [0, 0, 0]])),
    row(SPARSE, labels=I([[0, 2], [1, 1]]), logits=T(2, 2, 3)),
    row(SPARSE, labels=I(1), logits=T(3)),
    row(SPARSE, labels=I([0, 3]), logits=T(2, 3)),
    row("nn.sigmoid_cross_entropy_with_logits", labels=P, logits=T(2, 3), dtypes="fd"),
    row("nn.sigmoid_cross_entropy_with_logits", labels=A([0, 1, 0.5]), logits=A([1000, -1000, 0])),
    row("nn.weighted_cross_entropy_with_logits", labels=P, logits=T(2, 3), pos_weight=2.0),
    row("nn.weighted_cross_entropy_with_logits", targets=P, logits=T(2, 3), pos_weight=T(3)),
    row("nn.log_poisson_loss", T(2, 3, low=0, high=4), T(2, 3)),
    row("nn.log_poisson_loss", T(2, 3, low=0, high=4), T(2, 3), compute_full_loss=True),
    row("nn.ctc_loss", SPOKEN, HEARD, HEARD_STEPS),  # of float64 it makes float32 within
    *[row("nn.ctc_loss", SPOKEN, HEARD, HEARD_STEPS, **kw) for kw in (
        {"preprocess_collapse_repeated": True}, {"ctc_merge_repeated": False})],
    row("nn.ctc_loss", SPOKEN, T(3, 7, 6), HEARD_STEPS, time_major=False),
    row("nn.ctc_loss", SPOKEN, HEARD, I([3, 4, 2])),
    row("nn.ctc_loss", SPOKEN, HEARD, I([3, 4, 2]), ignore_longer_outputs_than_inputs=True),
    row("nn.ctc_loss", SILENT, HEARD, HEARD_STEPS),
    row("nn.ctc_loss", SPOKEN, HEARD, I([8, 4, 2])),
    row("nn.ctc_loss", SPOKEN, T(7, 3, 4), HEARD_STEPS),
    row("nn.ctc_greedy_decoder", HEARD, HEARD_STEPS, dtypes="fd"),
    row("nn.ctc_greedy_decoder", HEARD, HEARD_STEPS, merge_repeated=False),
    row("nn.ctc_beam_search_decoder_v2", HEARD, HEARD_STEPS),
    *[row("nn.ctc_beam_search_decoder", HEARD, HEARD_STEPS, **kw) for kw in (
        {"merge_repeated": False}, {"top_paths": 3, "merge_repeated": False},
        {"beam_width": 4, "top_paths": 2}, {})],
    row("nn.l2_loss", T(2, 3), dtypes="fdh"),
    *[row("nn.moments", x, axes, dtypes=d, **kw) for x, axes, d, kw in (
        (T(4, 3), [0], "fd", {}), (T(2, 3, 4), [0, 2], "fh", {"keep_dims": True}),
        (T(4, 3), [-1], "f", {}), (T(0, 3), [0], "f", {}))],
    row("nn.moments", T(4, 3), [0], shift=T(3)),
    row("nn.weighted_moments", T(4, 3), [0], T(4, 1, low=0.1, high=1)),
    row("nn.weighted_moments", T(4, 3), [0, 1], T(4, 3, low=0.1, high=1), keep_dims=True),
    row("nn.sufficient_statistics", T(4, 3), [0]),
    row("nn.sufficient_statistics", T(4, 3), [0], T(3), keep_dims=True),
    row("nn.normalize_moments", A(4), T(3), T(3, low=3, high=4), None),
    row("nn.normalize_moments", A(4), T(3), T(3, low=3, high=4), T(3)),
    row("nn.batch_normalization", T(4, 3), T(3), VECTOR, T(3), VECTOR, 1e-3, dtypes="fd"),
    row("nn.batch_normalization", T(4, 3), T(3), VECTOR, None, None, 1e-3),
    row("nn.batch_norm_with_global_normalization", T(2, 4, 5, 3), T(3), VECTOR, T(3), VECTOR, 1e-3,
        True),
    row("nn.batch_norm_with_global_normalization", T(2, 4, 5, 3), T(3), VECTOR, T(3), VECTOR, 1e-3,
        False),
    row("nn.fused_batch_norm", T(2, 4, 5, 3), VECTOR, T(3)),
    row("nn.fused_batch_norm", T(2, 4, 5, 3), VECTOR, T(3), differentiated=1),
    row("nn.fused_batch_norm", T(2, 4, 5, 3), VECTOR, T(3), T(3), VECTOR, is_training=False),
    row("nn.local_response_normalization nn.lrn", T(2, 3, 4, 9, low=0.2)),
    row("nn.local_response_normalization nn.lrn", T(2, 3, 4, 9), 2, 1.5, 0.3, 0.75),
    *[row("nn.conv2d", IMAGE, FILTER, dtypes=d, **kw) for d, kw in (
        ("fdh", SAME), ("fi", VALID), ("f", TWO), ("f", ODD), ("f", EXPLICIT),
        ("f", SAME | {"dilations": [1, 2, 2, 1]}), ("f", VALID | {"dilations": [1, 2, 1, 1]}))],
    row("nn.conv2d", T(0, 5, 6, 3), FILTER, **SAME),
    row("nn.conv2d", IMAGE, T(1, 1, 3, 4), **TWO),
    row("nn.conv2d", IMAGE, T(3, 2, 2, 4), **SAME),
    row("nn.conv2d", T(2, 5, 6, 4), T(3, 2, 2, 4), **SAME),
    row("nn.conv2d", T(2, 1, 1, 3), T(3, 3, 3, 4), **VALID),
    *[row("nn.conv2d_transpose", T(2, 3, 3, 4), FILTER, shape, **kw) for shape, kw in (
        ([2, 5, 6, 3], TWO), ([2, 6, 5, 3], TWO), ([2, 5, 4, 3], VALID), (I([2, 6, 6, 3]), TWO))],
    row("nn.conv2d_backprop_input", [2, 5, 6, 3], FILTER, T(2, 3, 3, 4), **TWO),
    row("nn.conv2d_backprop_filter", IMAGE, [3, 2, 3, 4], T(2, 3, 3, 4), **TWO),
    row("nn.conv1d", T(2, 7, 3), T(3, 3, 4), 1, "SAME", dtypes="fd"),
    row("nn.conv1d", T(2, 7, 3), T(3, 3, 4), 2, "VALID"),
    row("nn.conv1d_transpose", T(2, 4, 4), T(3, 3, 4), [2, 7, 3], 2, "SAME"),
    row("nn.conv1d_transpose", T(2, 4, 4), T(3, 3, 4), [2, 6, 3], 1, "VALID"),
    row("nn.conv1d", T(2, 7, 3), T(3, 3, 4), 1, "VALID", dilations=2),
    row("nn.conv3d", T(2, 4, 5, 4, 2), T(2, 3, 2, 2, 3), [1, 1, 1, 1, 1], "SAME", dtypes="fd"),
    row("nn.conv3d", T(2, 4, 5, 4, 2), T(2, 3, 2, 2, 3), [1, 2, 1, 2, 1], "VALID"),
    row("nn.conv3d_transpose", T(2, 2, 5, 2, 3), T(2, 3, 2, 2, 3), [2, 4, 5, 4, 2],
        [1, 2, 1, 2, 1]),
    *[row("nn.depthwise_conv2d", IMAGE, T(3, 2, 3, 2), dtypes=d, **kw) for d, kw in (
        ("fd", SAME), ("f", VALID), ("f", TWO), ("f", VALID | {"rate": [2, 1]}))],
    row("nn.depthwise_conv2d_native", IMAGE, T(3, 2, 3, 2), **TWO),
    row("nn.depthwise_conv2d_native_backprop_input", [2, 5, 6, 3], T(3, 2, 3, 2), T(2, 3, 3, 6),
        **TWO),
    row("nn.depthwise_conv2d_native_backprop_filter", IMAGE, [3, 2, 3, 2], T(2, 3, 3, 6), **TWO),
    row("nn.conv3d_backprop_filter nn.conv3d_backprop_filter_v2", T(2, 4, 5, 4, 2),
        I([2, 3, 2, 2, 3]), T(2, 2, 5, 2, 3), [1, 2, 1, 2, 1], "SAME"),
    row("nn.atrous_conv2d_transpose", T(2, 4, 5, 4), T(2, 2, 3, 4), [2, 6, 7, 3], 2, "VALID"),
    row("nn.separable_conv2d", IMAGE, T(3, 2, 3, 2), T(1, 1, 6, 4), **SAME),
    row("nn.separable_conv2d", IMAGE, T(3, 2, 3, 2), T(1, 1, 6, 4), **VALID, rate=[2, 2]),
    row("nn.atrous_conv2d", IMAGE, T(2, 2, 3, 4), 2, "VALID"),
    row("nn.atrous_conv2d", IMAGE, T(2, 2, 3, 4), 2, "SAME"),
    row("nn.convolution", IMAGE, FILTER, "SAME", dtypes="fd"),
    row("nn.convolution", IMAGE, FILTER, "VALID", strides=[2, 1]),
    row("nn.convolution", IMAGE, FILTER, "VALID", dilation_rate=[1, 2]),
    row("nn.convolution", T(2, 7, 3), T(3, 3, 4), "SAME"),
    *[row(POOLS, IMAGE, padding=p, dtypes="fd", **k) for p in ("SAME", "VALID") for k in (K2, K3)],
    row(POOLS, EQUALS, padding="VALID", **K2),
    row(POOLS, np.where(EQUALS == 0, np.float32(np.nan), EQUALS), padding="VALID", **K2),
    row(POOLS, T(0, 4, 4, 2), padding="SAME", **K2),
    row("nn.max_pool1d nn.avg_pool1d", T(2, 7, 3), 3, 2, "SAME"),
    row("nn.max_pool1d nn.avg_pool1d", T(2, 7, 3), 2, 2, "VALID"),
    row("nn.max_pool2d nn.avg_pool2d", IMAGE, 2, 2, "SAME"),
    row("nn.max_pool3d nn.avg_pool3d", T(2, 4, 5, 4, 2), [1, 2, 2, 2, 1], [1, 2, 1, 2, 1], "SAME",
        dtypes="fd"),
    row("nn.max_pool3d nn.avg_pool3d", T(2, 4, 5, 4, 2), [1, 2, 3, 2, 1], [1, 2, 2, 2, 1], "VALID"),
    row("nn.max_pool3d", A(np.ones((1, 2, 2, 2, 1))), [1, 2, 2, 2, 1], [1, 2, 2, 2, 1], "VALID"),
    row("nn.pool", IMAGE, [2, 3], "MAX", "SAME"),
    row("nn.pool", IMAGE, [2, 3], "AVG", "VALID", strides=[1, 2]),
    row("nn.pool", T(2, 7, 3), [2], "MAX", "VALID", dilation_rate=[2]),
    row("nn.max_pool_with_argmax", IMAGE, padding="SAME", **K2),
    row("nn.max_pool_with_argmax", IMAGE, padding="VALID", **K3),
    row("nn.space_to_batch nn.batch_to_space", T(4, 4, 6, 3), [[0, 0], [0, 0]], 2),
]
# fmt: on
