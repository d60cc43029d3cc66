"""What is compared: the public functions of tfmini, by their paths.

In: the module ``tfmini``.  Out: the paths of distinct functions, and their other paths.
"""

from __future__ import annotations

import inspect
from types import ModuleType

import tfmini as tf

SPACES = ("", "nn", "linalg", "math", "bitwise", "random", "image")

# Functions without cases here, and why; they have tests of their own.
EXEMPT = {
    "constant placeholder placeholder_with_default convert_to_tensor no_op group tuple as_dtype "
    "gradients hessians name_scope device control_dependencies get_default_graph "
    "get_default_session reset_default_graph set_random_seed get_variable get_variable_scope "
    "variable_scope add_to_collection add_to_collections get_collection get_collection_ref "
    "global_variables local_variables trainable_variables model_variables "
    "moving_average_variables "
    "global_variables_initializer local_variables_initializer variables_initializer "
    "initialize_all_variables assign assign_add assign_sub count_up_to is_variable_initialized "
    "report_uninitialized_variables": "makes or manages nodes and variables",
    "cond case while_loop map_fn foldl foldr scan py_func custom_gradient make_template Assert "
    "Print": "takes functions, or conditions on runs, that can't travel between environments",
    "scatter_add scatter_div scatter_max scatter_min scatter_mul scatter_nd_add scatter_nd_sub "
    "scatter_nd_update scatter_sub scatter_update": "changes variables",
    "convert_to_tensor_or_sparse_tensor sparse_concat sparse_placeholder sparse_reduce_sum "
    "sparse_reorder sparse_reshape sparse_retain sparse_tensor_dense_matmul "
    "sparse_tensor_to_dense sparse_transpose string_split "
    "nn.embedding_lookup_sparse": "takes or gives sparse tensors",
    "as_string reduce_join regex_replace string_join string_strip string_to_number "
    "substr": "takes or gives strings",
    "nn.all_candidate_sampler nn.fixed_unigram_candidate_sampler "
    "nn.log_uniform_candidate_sampler nn.uniform_candidate_sampler image.random_brightness "
    "image.random_contrast image.random_hue image.random_saturation "
    "image.random_flip_left_right "
    "image.random_flip_up_down": "draws otherwise than TensorFlow in more than distribution",
    "broadcast_static_shape": "takes and gives static shapes, no tensors",
}


def exemptions() -> dict[str, str]:
    """Return the paths that have no cases, with the reason."""
    return {name: reason for names, reason in EXEMPT.items() for name in names.split()}


def functions() -> dict[str, list[str]]:
    """Return the first path of every public function, with its other paths."""
    first: dict[int, str] = {}
    out: dict[str, list[str]] = {}
    for space in SPACES:
        holder = getattr(tf, space, None) if space else tf
        if not isinstance(holder, ModuleType):
            continue
        for name in sorted(dir(holder)):
            function = getattr(holder, name)
            if name.startswith("_") or not inspect.isfunction(function):
                continue
            path = f"{space}.{name}" if space else name
            if id(function) in first:
                out[first[id(function)]].append(path)
            else:
                first[id(function)] = path
                out[path] = []
    return out
