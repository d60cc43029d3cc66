"""``tf.contrib.slim``: the layers and scopes of ``tf.contrib``, under one name.

In and out: as ``tf.contrib.layers`` and ``tf.contrib.framework``.
"""

from __future__ import annotations

from tfmini.contrib import metrics
from tfmini.contrib.framework import (
    add_arg_scope,
    add_model_variable,
    arg_scope,
    arg_scoped_arguments,
    current_arg_scope,
    filter_variables,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    has_arg_scope,
    model_variable,
    variable,
)
from tfmini.contrib.layers import (
    avg_pool2d,
    avg_pool3d,
    batch_norm,
    bias_add,
    conv1d,
    conv2d,
    conv2d_transpose,
    conv3d,
    conv3d_transpose,
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
    dropout,
    flatten,
    fully_connected,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    layer_norm,
    linear,
    max_pool2d,
    max_pool3d,
    one_hot_encoding,
    relu,
    relu6,
    repeat,
    separable_conv2d,
    separable_convolution2d,
    softmax,
    stack,
    unit_norm,
    variance_scaling_initializer,
    xavier_initializer,
)
from tfmini.contrib.slim import evaluation, learning, losses, model_analyzer

__all__ = [
    "add_arg_scope", "add_model_variable", "arg_scope", "arg_scoped_arguments", "avg_pool2d",
    "avg_pool3d", "batch_norm", "bias_add", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "conv3d_transpose", "convolution", "convolution1d", "convolution2d", "convolution2d_transpose",
    "convolution3d", "convolution3d_transpose", "current_arg_scope", "dropout", "evaluation",
    "filter_variables", "flatten", "fully_connected", "get_local_variables", "get_model_variables",
    "get_trainable_variables", "get_unique_variable", "get_variables", "get_variables_by_name",
    "get_variables_by_suffix", "get_variables_to_restore", "has_arg_scope", "l1_l2_regularizer",
    "l1_regularizer", "l2_regularizer", "layer_norm", "learning", "linear", "losses", "max_pool2d",
    "max_pool3d", "metrics", "model_analyzer", "model_variable", "one_hot_encoding", "relu",
    "relu6", "repeat", "separable_conv2d", "separable_convolution2d", "softmax", "stack",
    "unit_norm", "variable", "variance_scaling_initializer", "xavier_initializer",
]  # fmt: skip
