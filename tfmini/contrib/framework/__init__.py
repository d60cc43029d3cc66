"""``tf.contrib.framework``: default arguments, variables by name, and checkpoints.

In: functions and the arguments that a scope gives them; scopes and names.  Out: those functions
with defaults; lists of variables.
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
from tfmini.contrib.framework.variables import (
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
    model_variable,
    variable,
)
from tfmini.ops.assertions import is_tensor
from tfmini.train.checkpoints import (
    init_from_checkpoint,
    list_variables,
    load_checkpoint,
    load_variable,
)

__all__ = [
    "add_arg_scope", "add_model_variable", "arg_scope", "arg_scope_func_key",
    "arg_scoped_arguments", "current_arg_scope", "filter_variables", "get_local_variables",
    "get_model_variables", "get_trainable_variables", "get_unique_variable", "get_variables",
    "get_variables_by_name", "get_variables_by_suffix", "get_variables_to_restore",
    "has_arg_scope", "init_from_checkpoint", "is_tensor", "list_variables", "load_checkpoint",
    "load_variable", "model_variable", "nest", "variable",
]  # fmt: skip
