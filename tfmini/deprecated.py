"""Older spellings of TensorFlow's names, as scripts of 2015 to 2019 use them.

In: a name that TensorFlow once had.  Out: the function of today, after a notice that is given once
in a process.  ``OLD_NAMES`` and ``ADAPTED`` are the whole list.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini.errors import InvalidTypeError
from tfmini.logging import notice
from tfmini.nodes import Tensor

#: What is here under another name, both without ``tf.``.
OLD_NAMES = {
    "all_variables": "global_variables",
    "initialize_all_variables": "global_variables_initializer",
    "initialize_local_variables": "local_variables_initializer",
    "initialize_variables": "variables_initializer",
    "initialize_all_tables": "tables_initializer",
    "mul": "multiply",
    "sub": "subtract",
    "neg": "negative",
    "inv": "reciprocal",
    "pack": "stack",
    "unpack": "unstack",
    "concat_v2": "concat",
    "select": "where",
    "listdiff": "setdiff1d",
    "complex_abs": "abs",
    "batch_cholesky": "cholesky",
    "batch_cholesky_solve": "cholesky_solve",
    "batch_matrix_band_part": "matrix_band_part",
    "batch_matrix_determinant": "matrix_determinant",
    "batch_matrix_diag": "matrix_diag",
    "batch_matrix_diag_part": "matrix_diag_part",
    "batch_matrix_inverse": "matrix_inverse",
    "batch_matrix_set_diag": "matrix_set_diag",
    "batch_matrix_solve": "matrix_solve",
    "batch_matrix_solve_ls": "matrix_solve_ls",
    "batch_matrix_transpose": "matrix_transpose",
    "batch_matrix_triangular_solve": "matrix_triangular_solve",
    "batch_self_adjoint_eig": "self_adjoint_eig",
    "batch_self_adjoint_eigvals": "self_adjoint_eigvals",
    "batch_svd": "svd",
    "merge_summary": "summary.merge",
    "merge_all_summaries": "summary.merge_all",
    "train.SummaryWriter": "summary.FileWriter",
    "image.per_image_whitening": "image.per_image_standardization",
    "metrics.sparse_average_precision_at_k": "metrics.average_precision_at_k",
    "metrics.sparse_precision_at_k": "metrics.precision_at_k",
    "nn.rnn": "nn.static_rnn",
    "nn.bidirectional_rnn": "nn.static_bidirectional_rnn",
    "nn.state_saving_rnn": "nn.static_state_saving_rnn",
    "nn.seq2seq": "contrib.legacy_seq2seq",
    "contrib.deprecated.merge_summary": "summary.merge",
    "contrib.deprecated.merge_all_summaries": "summary.merge_all",
    "contrib.framework.get_or_create_global_step": "train.get_or_create_global_step",
    "contrib.framework.get_global_step": "train.get_global_step",
    "contrib.framework.create_global_step": "train.create_global_step",
}


def lookup(namespace: str, name: str) -> Any:
    """Return what the older spelling ``tf.<namespace>.<name>`` stands for, or None."""
    full = f"{namespace}.{name}" if namespace else name
    if full in ADAPTED:
        function, hint = ADAPTED[full]
        notice(f"tf.{full} is an older spelling; use {hint}.", full)
        return function
    today = OLD_NAMES.get(full)
    found = None if today is None else _at(today)
    if found is not None:
        notice(f"tf.{full} is an older spelling; use tf.{today}.", full)
    return found


def _at(path: str) -> Any:
    found: Any = sys.modules["tfmini"]
    for part in path.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


# -- what had other parameters ----------------------------------------------------------------


def _op_scope(values: Any, name: Any, default_name: Any = None) -> Any:
    return _at("name_scope")(name, default_name, values)


def _batch_matmul(
    x: Any, y: Any, adj_x: bool = False, adj_y: bool = False, name: Any = None
) -> Any:
    return _at("matmul")(x, y, adjoint_a=adj_x, adjoint_b=adj_y, name=name)


def _scalar_summary(tags: Any, values: Any, collections: Any = None, name: Any = None) -> Any:
    if not isinstance(tags, (list, tuple, np.ndarray)):
        return _at("summary.scalar")(_tag(tags), values, collections)
    each = zip(tags, _at("unstack")(values, len(tags)), strict=True)
    parts = [_at("summary.scalar")(_tag(tag), value, collections) for tag, value in each]
    return _at("summary.merge")(parts)


def _histogram_summary(tag: Any, values: Any, collections: Any = None, name: Any = None) -> Any:
    return _at("summary.histogram")(_tag(tag), values, collections)


def _image_summary(
    tag: Any, tensor: Any, max_images: int = 3, collections: Any = None, name: Any = None
) -> Any:
    return _at("summary.image")(_tag(tag), tensor, max_images, collections)


def _audio_summary(
    tag: Any, tensor: Any, sample_rate: Any, max_outputs: int = 3, collections: Any = None,
    name: Any = None,
) -> Any:  # fmt: skip
    return _at("summary.audio")(_tag(tag), tensor, sample_rate, max_outputs, collections)


def _tag(tag: Any) -> str:
    """Return a tag as a name: the old ones could have spaces."""
    return "".join([c if c.isalnum() or c in "._/-" else "_" for c in str(tag)]).lstrip("_") or "_"


#: What had other parameters: the function that takes the old ones, and what to write today.
ADAPTED: dict[str, tuple[Callable[..., Any], str]] = {
    "batch_matmul": (_batch_matmul, "tf.matmul(a, b, adjoint_a=, adjoint_b=)"),
    "op_scope": (_op_scope, "tf.name_scope(name, default_name, values)"),
    "scalar_summary": (_scalar_summary, "tf.summary.scalar(name, tensor)"),
    "histogram_summary": (_histogram_summary, "tf.summary.histogram(name, values)"),
    "image_summary": (_image_summary, "tf.summary.image(name, tensor)"),
    "audio_summary": (_audio_summary, "tf.summary.audio(name, tensor, sample_rate)"),
}
ADAPTED |= {"contrib.deprecated." + k: v for k, v in ADAPTED.items() if k.endswith("_summary")}


# -- what had its parameters in another order -------------------------------------------------


def _is_axis(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def axis_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``concat(values, axis)`` take ``concat(axis, values)`` too, the order before 1.0."""

    @functools.wraps(function)
    def concat(values: Any = None, axis: Any = None, name: str = "concat", **old: Any) -> Any:
        if "concat_dim" in old:
            axis = old.pop("concat_dim")
        elif _is_axis(values) and not _is_axis(axis):
            notice("tf.concat(axis, values) is the order before TensorFlow 1.0; write "
                   "tf.concat(values, axis).")  # fmt: skip
            values, axis = axis, values
        if axis is None:
            raise InvalidTypeError(None, None, "concat needs an axis: tf.concat(values, axis).")
        return function(values, axis, name, **old)

    return concat


def value_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``split(value, n, axis)`` take ``split(axis, n, value)`` too, the order before 1.0."""

    @functools.wraps(function)
    def split(
        value: Any = None, num_or_size_splits: Any = None, axis: Any = 0, num: int | None = None,
        name: str = "split", **old: Any,
    ) -> Any:  # fmt: skip
        if "split_dim" in old:
            axis = old.pop("split_dim")
            num_or_size_splits = old.pop("num_split", num_or_size_splits)
        elif _is_axis(value) and isinstance(axis, (Tensor, np.ndarray, list)):
            notice("tf.split(axis, n, value) is the order before TensorFlow 1.0; write "
                   "tf.split(value, n, axis).")  # fmt: skip
            value, axis = axis, value
        return function(value, num_or_size_splits, axis, num, name, **old)

    return split


def sides_given(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``resize_images(images, size)`` take ``(images, new_height, new_width)`` too, as before
    0.12."""

    @functools.wraps(function)
    def resize_images(images: Any, size: Any = None, *args: Any, **named: Any) -> Any:
        height, rest = named.pop("new_height", size), args
        if "new_width" in named:
            rest = (named.pop("new_width"), *args)
        number = _is_axis(height) or (isinstance(height, Tensor) and height.shape.ndims == 0)
        if number and rest:
            notice("tf.image.resize_images(images, new_height, new_width) is older than TensorFlow "
                   "1.0; write tf.image.resize_images(images, [height, width]).")  # fmt: skip
            return function(images, [height, rest[0]], *rest[1:], **named)
        return function(images, size, *args, **named)

    return resize_images


def logits_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a cross entropy of named arguments take ``(logits, labels)`` too, as before 1.0."""

    @functools.wraps(function)
    def cross_entropy(
        _sentinel: Any = None, labels: Any = None, logits: Any = None, *args: Any, **named: Any
    ) -> Any:
        if "targets" in named:
            labels = named.pop("targets")
        if _sentinel is not None and labels is not None and logits is None:
            notice(
                f"tf.nn.{function.__name__}(logits, labels) is the order before TensorFlow 1.0; "
                f"write labels=... and logits=...."
            )
            _sentinel, logits = None, _sentinel
        return function(_sentinel, labels, logits, *args, **named)

    return cross_entropy
