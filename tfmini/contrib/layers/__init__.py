"""``tf.contrib.layers``: layers with arg_scope, regularizers and initializers.

In: tensors of the graph, batch first.  Out: tensors, and variables under TensorFlow's names
(``fully_connected/weights:0``).
"""

from __future__ import annotations

from tfmini.contrib.layers.composed import (
    batch_norm,
    bias_add,
    dropout,
    embed_sequence,
    flatten,
    layer_norm,
    one_hot_encoding,
    repeat,
    softmax,
    stack,
    unit_norm,
)
from tfmini.contrib.layers.initializers import (
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)
from tfmini.contrib.layers.layers import (
    avg_pool2d,
    avg_pool3d,
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
    fully_connected,
    linear,
    max_pool2d,
    max_pool3d,
    relu,
    relu6,
    separable_convolution2d,
)
from tfmini.contrib.layers.optimizers import (
    OPTIMIZER_CLS_NAMES,
    OPTIMIZER_SUMMARIES,
    optimize_loss,
)
from tfmini.contrib.layers.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)
from tfmini.contrib.layers.summaries import (
    summarize_activation,
    summarize_activations,
    summarize_biases,
    summarize_collection,
    summarize_tensor,
    summarize_tensors,
    summarize_variables,
    summarize_weights,
)
from tfmini.ops.embeddings import safe_embedding_lookup_sparse

conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose
separable_conv2d = separable_convolution2d

__all__ = [
    "OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "apply_regularization", "avg_pool2d",
    "avg_pool3d", "batch_norm", "bias_add", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "conv3d_transpose", "convolution", "convolution1d", "convolution2d",
    "convolution2d_transpose", "convolution3d", "convolution3d_transpose", "dropout",
    "embed_sequence", "flatten", "fully_connected", "l1_l2_regularizer", "l1_regularizer",
    "l2_regularizer", "layer_norm", "linear", "max_pool2d", "max_pool3d", "one_hot_encoding",
    "optimize_loss", "relu", "relu6", "repeat", "safe_embedding_lookup_sparse", "separable_conv2d",
    "separable_convolution2d", "softmax", "stack", "sum_regularizer", "summarize_activation",
    "summarize_activations", "summarize_biases", "summarize_collection", "summarize_tensor",
    "summarize_tensors", "summarize_variables", "summarize_weights", "unit_norm",
    "variance_scaling_initializer", "xavier_initializer", "xavier_initializer_conv2d",
]  # fmt: skip
