"""The messages that configure sessions and runs, and the one that tells what a run did.

In: ``tf.ConfigProto(allow_soft_placement=True)``, ``tf.RunOptions(...)``.  Out: messages with
TensorFlow's fields and numbers.  Field numbers: tensorflow/core/protobuf/config.proto and
tensorflow/core/framework/step_stats.proto.
"""

from __future__ import annotations

from tfmini.formats.fields import Field, Map
from tfmini.formats.graphdef import GraphDef
from tfmini.formats.protobuf import Message
from tfmini.formats.scalars import Enum


class GPUOptions(Message):
    """How memory of graphics processors is taken."""

    per_process_gpu_memory_fraction = Field(1, "double")
    allocator_type = Field(2, "string")
    deferred_deletion_bytes = Field(3, "int64")
    allow_growth = Field(4, "bool")
    visible_device_list = Field(5, "string")
    polling_active_delay_usecs = Field(6, "int32")
    polling_inactive_delay_msecs = Field(7, "int32")
    force_gpu_compatible = Field(8, "bool")


class OptimizerOptions(Message):
    """Which simplifications of graphs are asked for."""

    Level = Enum("Level", L1=0, L0=-1)
    GlobalJitLevel = Enum("GlobalJitLevel", DEFAULT=0, OFF=-1, ON_1=1, ON_2=2)

    do_common_subexpression_elimination = Field(1, "bool")
    do_constant_folding = Field(2, "bool")
    opt_level = Field(3, Level)
    do_function_inlining = Field(4, "bool")
    global_jit_level = Field(5, GlobalJitLevel)
    max_folded_constant_in_bytes = Field(6, "int64")


class GraphOptions(Message):
    """How graphs are prepared."""

    enable_recv_scheduling = Field(2, "bool")
    optimizer_options = Field(3, OptimizerOptions)
    build_cost_model = Field(4, "int64")
    infer_shapes = Field(5, "bool")
    place_pruned_graph = Field(6, "bool")
    enable_bfloat16_sendrecv = Field(7, "bool")
    timeline_step = Field(8, "int32")
    build_cost_model_after = Field(9, "int64")


class ThreadPoolOptionProto(Message):
    """A pool of threads."""

    num_threads = Field(1, "int32")
    global_name = Field(2, "string")


class RPCOptions(Message):
    """How processes talk."""

    use_rpc_for_inprocess_master = Field(1, "bool")
    compression_algorithm = Field(2, "string")
    compression_level = Field(3, "int32")


class JobDef(Message):
    """The tasks of one job: number to address."""

    name = Field(1, "string")
    tasks = Map(2, "int32", "string")


class ClusterDef(Message):
    """The jobs of a cluster."""

    job = Field(1, JobDef, repeated=True)


class ConfigProto(Message):
    """The configuration of a session."""

    device_count = Map(1, "string", "int32")
    intra_op_parallelism_threads = Field(2, "int32")
    placement_period = Field(3, "int32")
    device_filters = Field(4, "string", repeated=True)
    inter_op_parallelism_threads = Field(5, "int32")
    gpu_options = Field(6, GPUOptions)
    allow_soft_placement = Field(7, "bool")
    log_device_placement = Field(8, "bool")
    use_per_session_threads = Field(9, "bool")
    graph_options = Field(10, GraphOptions)
    operation_timeout_in_ms = Field(11, "int64")
    session_inter_op_thread_pool = Field(12, ThreadPoolOptionProto, repeated=True)
    rpc_options = Field(13, RPCOptions)
    cluster_def = Field(14, ClusterDef)
    isolate_session_state = Field(15, "bool")
    share_cluster_devices_in_session = Field(17, "bool")


class RunOptions(Message):
    """Options of one ``session.run``."""

    TraceLevel = Enum("TraceLevel", NO_TRACE=0, SOFTWARE_TRACE=1, HARDWARE_TRACE=2, FULL_TRACE=3)

    trace_level = Field(1, TraceLevel)
    timeout_in_ms = Field(2, "int64")
    inter_op_thread_pool = Field(3, "int32")
    output_partition_graphs = Field(5, "bool")
    report_tensor_allocations_upon_oom = Field(7, "bool")


class NodeExecStats(Message):
    """When a node ran: microseconds, ``all_start_micros`` since 1970, the others since it."""

    node_name = Field(1, "string")
    all_start_micros = Field(2, "int64")
    op_start_rel_micros = Field(3, "int64")
    op_end_rel_micros = Field(4, "int64")
    all_end_rel_micros = Field(5, "int64")
    timeline_label = Field(8, "string")
    scheduled_micros = Field(9, "int64")
    thread_id = Field(10, "uint32")


class DeviceStepStats(Message):
    """What one device did in a run."""

    device = Field(1, "string")
    node_stats = Field(2, NodeExecStats, repeated=True)
    thread_names = Map(3, "uint32", "string")


class StepStats(Message):
    """What each device did in a run."""

    dev_stats = Field(1, DeviceStepStats, repeated=True)


class RunMetadata(Message):
    """What a run did, filled in by ``session.run(..., run_metadata=...)``."""

    step_stats = Field(1, StepStats)
    partition_graphs = Field(3, GraphDef, repeated=True)
