"""``tf.nn`` and ``tf.linalg``: what they list is there, and has the parameters of TensorFlow."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from tfmini import linalg, nn

# What takes no name in TensorFlow either.
NAMELESS = {
    "with_space_to_batch", "ctc_loss", "ctc_greedy_decoder", "ctc_beam_search_decoder",
    "ctc_beam_search_decoder_v2",
}  # fmt: skip


@pytest.mark.parametrize("module", [nn, linalg])
def test_all_names_are_functions_with_docstrings(module: object) -> None:
    for name in module.__all__:
        function = getattr(module, name)
        assert function.__doc__, name
        if inspect.ismodule(function) or inspect.isclass(function):
            continue
        assert inspect.isfunction(function), name
        if name not in NAMELESS:
            assert {"name", "scope"} & set(inspect.signature(function).parameters), name


@pytest.mark.parametrize(
    ("function", "parameters"),
    [(nn.conv2d, "input filter strides padding use_cudnn_on_gpu data_format dilations name"),
     (nn.max_pool, "value ksize strides padding data_format name input"),
     (nn.dropout, "x keep_prob noise_shape seed name rate"),
     (nn.softmax, "logits axis name dim"), (nn.leaky_relu, "features alpha name"),
     (nn.moments, "x axes shift name keep_dims keepdims"),
     (nn.batch_normalization, "x mean variance offset scale variance_epsilon name"),
     (nn.softmax_cross_entropy_with_logits, "_sentinel labels logits dim name axis"),
     (nn.in_top_k, "predictions targets k name"),
     (linalg.svd, "tensor full_matrices compute_uv name"),
     (linalg.norm, "tensor ord axis keepdims name keep_dims"),
     (linalg.triangular_solve, "matrix rhs lower adjoint name"),
     (linalg.band_part, "input num_lower num_upper name")],
)  # fmt: skip
def test_parameters_stand_in_the_order_of_tensorflow(function: object, parameters: str) -> None:
    expected = parameters.split()
    assert list(inspect.signature(function).parameters)[: len(expected)] == expected


def test_a_hint_names_what_is_in_a_namespace_that_was_not_imported_yet() -> None:
    code = (
        "import sys, tfmini as tf\n"
        "assert 'contrib' in dir(tf) and 'tfmini.contrib' not in sys.modules\n"
        "try: tf.xavier_initializer\n"
        "except AttributeError as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "tf.contrib.layers.xavier_initializer" in done.stdout
