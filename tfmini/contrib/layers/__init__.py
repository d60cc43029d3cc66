"""``tf.contrib.layers``: layers with arg_scope, regularizers and initializers.

In: tensors of the graph, batch first.  Out: tensors, and variables under TensorFlow's names
(``fully_connected/weights:0``).
"""

from __future__ import annotations

from tfmini.contrib.layers import aliases as utils
from tfmini.contrib.layers.composed import (
    bias_add,
    dropout,
    flatten,
    one_hot_encoding,
    repeat,
    softmax,
    stack,
    unit_norm,
)
from tfmini.contrib.layers.dense import (
    legacy_fully_connected,
    legacy_linear,
    legacy_relu,
)
from tfmini.contrib.layers.encoders import (
    bow_encoder,
    embed_sequence,
    embedding_lookup_unique,
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
    convolution2d_in_plane,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
    elu,
    fully_connected,
    linear,
    max_pool2d,
    max_pool3d,
    relu,
    relu6,
    separable_convolution2d,
)
from tfmini.contrib.layers.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
)
from tfmini.contrib.layers.optimizers import (
    OPTIMIZER_CLS_NAMES,
    OPTIMIZER_SUMMARIES,
    adaptive_clipping_fn,
    optimize_loss,
)
from tfmini.contrib.layers.regularizers import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
)
from tfmini.contrib.layers.shaping import (
    dense_to_sparse,
    images_to_sequence,
    maxout,
    pool,
    scale_gradient,
    sequence_to_images,
    spatial_softmax,
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
conv2d_in_plane = convolution2d_in_plane
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose
separable_conv2d = separable_convolution2d

__all__ = [
    "OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "adaptive_clipping_fn", "apply_regularization",
    "avg_pool2d", "avg_pool3d", "batch_norm", "bias_add", "bow_encoder", "conv1d", "conv2d",
    "conv2d_in_plane", "conv2d_transpose", "conv3d", "conv3d_transpose", "convolution",
    "convolution1d", "convolution2d", "convolution2d_in_plane", "convolution2d_transpose",
    "convolution3d", "convolution3d_transpose", "dense_to_sparse", "dropout", "elu",
    "embed_sequence", "embedding_lookup_unique", "flatten", "fully_connected", "group_norm",
    "images_to_sequence", "instance_norm", "l1_l2_regularizer", "l1_regularizer", "l2_regularizer",
    "layer_norm", "legacy_fully_connected", "legacy_linear", "legacy_relu", "linear", "max_pool2d",
    "max_pool3d", "maxout", "one_hot_encoding", "optimize_loss", "pool", "relu", "relu6", "repeat",
    "safe_embedding_lookup_sparse", "scale_gradient", "separable_conv2d", "separable_convolution2d",
    "sequence_to_images", "softmax", "spatial_softmax", "stack", "sum_regularizer",
    "summarize_activation", "summarize_activations", "summarize_biases", "summarize_collection",
    "summarize_tensor", "summarize_tensors", "summarize_variables", "summarize_weights",
    "unit_norm", "utils", "variance_scaling_initializer", "xavier_initializer",
    "xavier_initializer_conv2d",
]  # fmt: skip
