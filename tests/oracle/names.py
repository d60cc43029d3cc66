"""What is compared: the public functions of tfmini, by their paths.

In: the module ``tfmini``.  Out: the paths of distinct functions, and their other paths.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import ModuleType

import tfmini as tf
from tests.oracle.evaluate import lookup

SPACES = (
    "", "nn", "linalg", "math", "bitwise", "random", "image", "strings", "sparse", "io", "losses",
    "metrics", "signal", "spectral", "sets", "quantization", "debugging", "manip", "train",
)  # fmt: skip

# Functions without cases here, and why; they have tests of their own.
EXEMPT = {
    "constant placeholder convert_to_tensor no_op group tuple as_dtype "
    "gradients hessians name_scope device control_dependencies colocate_with container init_scope "
    "get_default_graph get_default_session reset_default_graph set_random_seed get_seed "
    "get_variable get_local_variable get_variable_scope variable_scope variable_op_scope "
    "register_tensor_conversion_function variable_creator_scope "
    "add_to_collection add_to_collections get_collection get_collection_ref "
    "global_variables local_variables trainable_variables model_variables "
    "moving_average_variables make_template sparse_placeholder "
    "global_variables_initializer local_variables_initializer variables_initializer "
    "initialize_all_variables is_variable_initialized tables_initializer no_regularizer "
    "report_uninitialized_variables assert_variables_initialized fixed_size_partitioner "
    "losses.add_loss losses.get_losses losses.get_regularization_loss "
    "losses.get_regularization_losses losses.get_total_loss train.assert_global_step "
    "train.create_global_step train.get_global_step train.get_or_create_global_step "
    "train.global_step train.replica_device_setter add_check_numerics_ops delete_session_tensor "
    "get_session_handle get_session_tensor": "makes or manages nodes and variables",
    "disable_control_flow_v2 disable_eager_execution disable_resource_variables "
    "disable_v2_behavior disable_v2_tensorshape enable_eager_execution enable_resource_variables "
    "executing_eagerly get_logger": "sets or tells how the module behaves",
    "import_graph_def make_ndarray make_tensor_proto io.tf_record_iterator train.write_graph "
    "train.NewCheckpointReader train.checkpoint_exists train.export_meta_graph "
    "train.generate_checkpoint_state_proto train.get_checkpoint_mtimes "
    "train.get_checkpoint_state train.import_meta_graph train.init_from_checkpoint "
    "train.latest_checkpoint train.list_variables train.load_checkpoint train.load_variable "
    "train.remove_checkpoint train.summary_iterator train.update_checkpoint_state "
    "train.warm_start "
    "io.match_filenames_once write_file": "reads or writes files or protocol buffers, no tensors",
    "train.MonitoredTrainingSession train.add_queue_runner train.basic_train_loop train.batch "
    "train.batch_join train.input_producer train.limit_epochs train.maybe_batch "
    "train.maybe_batch_join train.maybe_shuffle_batch train.range_input_producer "
    "train.shuffle_batch train.shuffle_batch_join train.slice_input_producer "
    "train.start_queue_runners train.string_input_producer": "runs threads over many steps",
    "image.random_jpeg_quality image.sample_distorted_bounding_box "
    "train.noisy_linear_cosine_decay": "draws otherwise than TensorFlow in more than distribution",
    "NoGradient constant_value dimension_at_index print signal.inverse_stft_window_fn "
    "debugging.assert_shapes grad_pass_through": "gives no tensor, or one of its own making",
    "nn.fractional_avg_pool nn.fractional_max_pool": "draws its windows",
    "nn.conv_transpose nn.with_space_to_batch": "dispatches to functions that have rows",
    "metrics.average_precision_at_k sparse_mask train.checkpoints_iterator "
    "train.maybe_shuffle_batch_join": "has tests of its own; takes steps or IndexedSlices",
    "read_file": "reads files that one environment writes",
    "assert_proper_iterable": "takes no tensors",
    "nn.raw_rnn": "takes a function with state: `tests.oracle.whole` compares it",
    "nn.static_state_saving_rnn": "takes an object that keeps states, and is static_rnn with it",
    "broadcast_static_shape": "takes and gives static shapes, no tensors",
}


# Types of nodes that no case makes, and why.
EXEMPT_TYPES = {
    "ApplyAdaMax ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdam ApplyCenteredRMSProp "
    "ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyProximalAdagrad "
    "ApplyProximalGradientDescent ApplyRMSProp SparseApplyAdadelta SparseApplyAdagrad "
    "SparseApplyAdagradDA SparseApplyCenteredRMSProp SparseApplyFtrlV2 SparseApplyMomentum "
    "SparseApplyProximalAdagrad SparseApplyProximalGradientDescent "
    "SparseApplyRMSProp": "optimizers: `tests.oracle.whole` compares whole trainings",
    "AudioSummaryV2 HistogramSummary ImageSummary MergeSummary ScalarSummary "
    "TensorSummaryV2": "gives protocol buffers, whose bytes may differ; not compared",
    "ReadFile WriteFile": "reads or writes files of one environment",
    "If While": "StatelessIf and StatelessWhile of bodies with state: the same kernels",
    "IsVariableInitialized": "manages variables",
    "SampleDistortedBoundingBoxV2": "draws otherwise than TensorFlow",
    "ApproximateEqual BroadcastGradientArgs": "TensorFlow has no public function that makes one",
    "Bucketize": "made by feature columns, which have tests of their own",
}


def exempt_types() -> dict[str, str]:
    """Return the types that no case makes, with the reason."""
    return {name: reason for names, reason in EXEMPT_TYPES.items() for name in names.split()}


def exemptions() -> dict[str, str]:
    """Return the paths that have no cases, with the reason."""
    return {name: reason for names, reason in EXEMPT.items() for name in names.split()}


def functions(more: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the first path of every public function, with its other paths.

    ``more``: paths that ``dir`` does not tell.
    """
    paths = list(more)
    for space in SPACES:
        holder = getattr(tf, space, None) if space else tf
        if isinstance(holder, ModuleType):
            listed = [n for n in sorted(dir(holder)) if not n.startswith(("_", "tfmini_"))]
            paths += [f"{space}.{name}" if space else name for name in listed]
    first: dict[int, str] = {}
    out: dict[str, list[str]] = {}
    for path in paths:
        function = lookup(tf, path)
        if inspect.isfunction(function):
            if id(function) in first:
                out[first[id(function)]].append(path)
            else:
                first[id(function)] = path
                out[path] = []
    return out
