"""``tf.contrib.framework``: default arguments, variables by name, checkpoints, checks.

In: functions and the arguments that a scope gives them; scopes and names; tensors and what they
must be.  Out: those functions with defaults; lists of variables; the tensors.
"""

from __future__ import annotations

from tfmini import nest
from tfmini.contrib.framework.arg_scope import (
    add_arg_scope,
    arg_scope,
    arg_scope_func_key,
    arg_scoped_arguments,
    current_arg_scope,
    has_arg_scope,
)
from tfmini.contrib.framework.assignments import (
    assign_from_checkpoint,
    assign_from_checkpoint_fn,
    assign_from_values,
    assign_from_values_fn,
    get_variable_full_name,
    zero_initializer,
)
from tfmini.contrib.framework.checks import (
    assert_or_get_global_step,
    assert_scalar_int,
    get_graph_from_inputs,
    get_name_scope,
    get_placeholders,
    prepend_name_scope,
    reduce_sum_n,
    remove_squeezable_dimensions,
    smart_case,
    strip_name_scope,
    with_same_shape,
    with_shape,
)
from tfmini.contrib.framework.deprecation import (
    deprecated,
    deprecated_arg_values,
    deprecated_args,
    py_func,
)
from tfmini.contrib.framework.variables import (
    VariableDeviceChooser,
    add_model_variable,
    filter_variables,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    global_variable,
    local_variable,
    model_variable,
    variable,
)
from tfmini.layers.choice import smart_cond, smart_constant_value
from tfmini.ops.assertions import assert_same_float_dtype, assert_scalar, is_tensor
from tfmini.ops.sorting import argsort, sort
from tfmini.ops.sparse import convert_to_tensor_or_sparse_tensor
from tfmini.train.checkpoints import (
    init_from_checkpoint,
    list_variables,
    load_checkpoint,
    load_variable,
)
from tfmini.train.steps import assert_global_step

__all__ = [
    "VariableDeviceChooser", "add_arg_scope", "add_model_variable", "arg_scope",
    "arg_scope_func_key", "arg_scoped_arguments", "argsort", "assert_global_step",
    "assert_or_get_global_step", "assert_same_float_dtype", "assert_scalar", "assert_scalar_int",
    "assign_from_checkpoint", "assign_from_checkpoint_fn", "assign_from_values",
    "assign_from_values_fn", "convert_to_tensor_or_sparse_tensor", "current_arg_scope",
    "deprecated", "deprecated_arg_values", "deprecated_args", "filter_variables",
    "get_graph_from_inputs", "get_local_variables", "get_model_variables", "get_name_scope",
    "get_placeholders", "get_trainable_variables", "get_unique_variable", "get_variable_full_name",
    "get_variables", "get_variables_by_name", "get_variables_by_suffix", "get_variables_to_restore",
    "global_variable", "has_arg_scope", "init_from_checkpoint", "is_tensor", "list_variables",
    "load_checkpoint", "load_variable", "local_variable", "model_variable", "nest",
    "prepend_name_scope", "py_func", "reduce_sum_n", "remove_squeezable_dimensions", "smart_case",
    "smart_cond", "smart_constant_value", "sort", "strip_name_scope", "variable", "with_same_shape",
    "with_shape", "zero_initializer",
]  # fmt: skip
