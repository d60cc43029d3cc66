"""tfmini: the TensorFlow 1 graph API in readable NumPy, run by Dask, extended by pip install.

In: calls such as ``tf.matmul(a, b)``, which add nodes to the default graph.  Out: tensors, whose
values ``tf.Session().run`` gives.
"""

from __future__ import annotations

import sys
from importlib import import_module as _import_module
from typing import Any

from tfmini import (
    app,
    bitwise,
    compat,
    data,
    debugging,
    deprecated,
    errors,
    examples,
    flags,
    gfile,
    graph_util,
    image,
    initializers,
    io,
    keras,
    layers,
    lesson,
    linalg,
    logging,
    losses,
    manip,
    math,
    metrics,
    missing,
    nest,
    nn,
    ops,
    python_io,
    quantization,
    queue,
    random,
    saved_model,
    sets,
    sparse,
    strings,
    summary,
    train,
    version,
)
from tfmini.autodiff import AggregationMethod, UnconnectedGradients, gradients, hessians
from tfmini.build import constant_value, convert_to_tensor, op
from tfmini.build import constant_value as get_static_value
from tfmini.compat.behavior import (
    disable_control_flow_v2,
    disable_eager_execution,
    disable_resource_variables,
    disable_v2_behavior,
    disable_v2_tensorshape,
    enable_eager_execution,
    enable_resource_variables,
    enable_v2_behavior,
    executing_eagerly,
)
from tfmini.conversions import register_tensor_conversion_function
from tfmini.defaults import (
    add_to_collection,
    add_to_collections,
    colocate_with,
    container,
    control_dependencies,
    device,
    get_collection,
    get_collection_ref,
    get_seed,
    init_scope,
    name_scope,
    set_random_seed,
)
from tfmini.device_names import DeviceSpec
from tfmini.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tfmini.dtypes import bool_ as bool
from tfmini.dtypes import float16 as half
from tfmini.dtypes import float64 as double
from tfmini.errors import OpError
from tfmini.exchange.importing import import_graph_def
from tfmini.formats.config import (
    ConfigProto,
    GPUOptions,
    GraphOptions,
    OptimizerOptions,
    RunMetadata,
    RunOptions,
)
from tfmini.formats.events import (
    Event,
    HistogramProto,
    LogMessage,
    SessionLog,
    Summary,
    SummaryMetadata,
)
from tfmini.formats.graphdef import AttrValue, GraphDef, MetaGraphDef, NameAttrList, NodeDef
from tfmini.formats.tensors import make_ndarray, make_tensor_proto
from tfmini.gradient_functions import (
    NoGradient,
    NotDifferentiable,
    RegisterGradient,
    no_gradient,
)
from tfmini.graph import Graph, GraphKeys, get_default_graph, reset_default_graph
from tfmini.hookspecs import hookimpl
from tfmini.initializers import (
    constant_initializer,
    glorot_normal_initializer,
    glorot_uniform_initializer,
    identity_initializer,
    ones_initializer,
    orthogonal_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    truncated_normal_initializer,
    uniform_unit_scaling_initializer,
    variance_scaling_initializer,
    zeros_initializer,
)
from tfmini.logging import get_logger
from tfmini.nodes import Operation, Tensor, get_default_session
from tfmini.observe import RegionInfo, RegionTime, Run, RunObserver
from tfmini.opdef import Contraction, Cost, Elementwise, OpDef, Reduction
from tfmini.ops.activations import log_softmax, relu, softmax
from tfmini.ops.array import (
    broadcast_to,
    expand_dims,
    identity,
    rank,
    reshape,
    shape,
    shape_n,
    size,
    squeeze,
    stop_gradient,
    transpose,
)
from tfmini.ops.assertions import (
    assert_equal,
    assert_greater,
    assert_greater_equal,
    assert_integer,
    assert_less,
    assert_less_equal,
    assert_near,
    assert_negative,
    assert_non_negative,
    assert_non_positive,
    assert_none_equal,
    assert_positive,
    assert_proper_iterable,
    assert_rank,
    assert_rank_at_least,
    assert_rank_in,
    assert_same_float_dtype,
    assert_scalar,
    assert_type,
    is_numeric_tensor,
    is_tensor,
)
from tfmini.ops.blocks import (
    batch_to_space,
    batch_to_space_nd,
    depth_to_space,
    required_space_to_batch_paddings,
    space_to_batch,
    space_to_batch_nd,
    space_to_depth,
)
from tfmini.ops.casting import (
    cast,
    saturate_cast,
    to_complex64,
    to_complex128,
    to_double,
    to_float,
    to_int32,
    to_int64,
)
from tfmini.ops.clipping import (
    clip_by_average_norm,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    global_norm,
)
from tfmini.ops.complex import angle, complex, conj, imag, real
from tfmini.ops.contraction import einsum, tensordot
from tfmini.ops.control import case, cond, switch_case, while_loop
from tfmini.ops.counting import (
    confusion_matrix,
    histogram_fixed_width,
    histogram_fixed_width_bins,
)
from tfmini.ops.creation import (
    constant,
    eye,
    fill,
    lin_space,
    linspace,
    meshgrid,
    ones,
    ones_like,
    range,
    zeros,
    zeros_like,
)
from tfmini.ops.creators import variable_creator_scope
from tfmini.ops.csv import decode_csv
from tfmini.ops.cumulative import (
    cumprod,
    cumsum,
    is_non_decreasing,
    is_strictly_increasing,
)
from tfmini.ops.custom_gradients import custom_gradient, grad_pass_through
from tfmini.ops.debugging import (
    Assert,
    Print,
    add_check_numerics_ops,
    check_numerics,
    numpy_function,
    py_func,
    verify_tensor_all_finite,
)
from tfmini.ops.decompositions import cholesky, qr, self_adjoint_eig, self_adjoint_eigvals, svd
from tfmini.ops.diagonals import (
    diag,
    diag_part,
    matrix_band_part,
    matrix_diag,
    matrix_diag_part,
    matrix_set_diag,
    trace,
)
from tfmini.ops.dilating import extract_volume_patches
from tfmini.ops.distances import edit_distance
from tfmini.ops.division import (
    div,
    div_no_nan,
    floor_div,
    floordiv,
    floormod,
    mod,
    truncatediv,
    truncatemod,
)
from tfmini.ops.encodings import decode_base64, decode_compressed, encode_base64
from tfmini.ops.exponential import exp, expm1, log, log1p, log_sigmoid, sigmoid, tanh
from tfmini.ops.files import matching_files, read_file, write_file
from tfmini.ops.functional import foldl, foldr, map_fn, scan
from tfmini.ops.grouping import group, no_op
from tfmini.ops.grouping import tuple_ as tuple
from tfmini.ops.hash_buckets import (
    string_to_hash_bucket,
    string_to_hash_bucket_fast,
    string_to_hash_bucket_strong,
)
from tfmini.ops.indexing import batch_gather, boolean_mask, gather, gather_nd
from tfmini.ops.initialized import (
    assert_variables_initialized,
    is_variable_initialized,
    model_variables,
    report_uninitialized_variables,
    tables_initializer,
)
from tfmini.ops.joining import concat, parallel_stack, split, stack, unstack
from tfmini.ops.layout import repeat, reverse, reverse_sequence, roll, tile
from tfmini.ops.linalg import cross, norm
from tfmini.ops.logic import (
    equal,
    greater,
    greater_equal,
    is_finite,
    is_inf,
    is_nan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from tfmini.ops.math import (
    abs,
    accumulate_n,
    add,
    add_n,
    divide,
    maximum,
    minimum,
    multiply,
    negative,
    realdiv,
    scalar_mul,
    sign,
    squared_difference,
    subtract,
    truediv,
)
from tfmini.ops.matrix_functions import sqrtm as matrix_square_root
from tfmini.ops.padding import pad
from tfmini.ops.parsing import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    VarLenFeature,
    decode_raw,
    parse_example,
    parse_single_example,
    parse_tensor,
    serialize_tensor,
)
from tfmini.ops.patches import extract_image_patches
from tfmini.ops.placeholders import placeholder, placeholder_with_default
from tfmini.ops.powers import pow, reciprocal, rsqrt, sqrt, square
from tfmini.ops.printing import print_ as print
from tfmini.ops.products import matmul
from tfmini.ops.quantization import (
    fake_quant_with_min_max_args,
    fake_quant_with_min_max_args_gradient,
    fake_quant_with_min_max_vars,
    fake_quant_with_min_max_vars_gradient,
    fake_quant_with_min_max_vars_per_channel,
    fake_quant_with_min_max_vars_per_channel_gradient,
)
from tfmini.ops.random import (
    multinomial,
    random_crop,
    random_gamma,
    random_normal,
    random_poisson,
    random_shuffle,
    random_uniform,
    truncated_normal,
)
from tfmini.ops.reductions import (
    arg_max,
    arg_min,
    argmax,
    argmin,
    count_nonzero,
    reduce_all,
    reduce_any,
    reduce_logsumexp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
)
from tfmini.ops.representation import bitcast
from tfmini.ops.rounding import ceil, floor, rint, round
from tfmini.ops.scatter_variables import (
    scatter_add,
    scatter_div,
    scatter_max,
    scatter_min,
    scatter_mul,
    scatter_nd_add,
    scatter_nd_sub,
    scatter_nd_update,
    scatter_sub,
    scatter_update,
)
from tfmini.ops.scattering import (
    dynamic_partition,
    dynamic_stitch,
    scatter_nd,
    sparse_to_dense,
    tensor_scatter_add,
    tensor_scatter_nd_add,
    tensor_scatter_nd_sub,
    tensor_scatter_nd_update,
    tensor_scatter_sub,
    tensor_scatter_update,
)
from tfmini.ops.segment import (
    bincount,
    segment_max,
    segment_mean,
    segment_min,
    segment_prod,
    segment_sum,
    sparse_segment_mean,
    sparse_segment_sqrt_n,
    sparse_segment_sum,
    unsorted_segment_max,
    unsorted_segment_mean,
    unsorted_segment_min,
    unsorted_segment_prod,
    unsorted_segment_sqrt_n,
    unsorted_segment_sum,
)
from tfmini.ops.selection import one_hot, sequence_mask, where, where_v2
from tfmini.ops.sequence_parsing import parse_single_sequence_example
from tfmini.ops.session_handles import (
    delete_session_tensor,
    get_session_handle,
    get_session_tensor,
)
from tfmini.ops.shapes import (
    broadcast_dynamic_shape,
    broadcast_static_shape,
    ensure_shape,
    identity_n,
    matrix_transpose,
    unravel_index,
)
from tfmini.ops.slicing import slice, strided_slice
from tfmini.ops.solvers import (
    cholesky_solve,
    matrix_determinant,
    matrix_inverse,
    matrix_solve,
    matrix_solve_ls,
    matrix_triangular_solve,
)
from tfmini.ops.sorting import (
    argsort,
    invert_permutation,
    searchsorted,
    setdiff1d,
    sort,
    unique,
    unique_with_counts,
)
from tfmini.ops.sparse import (
    IndexedSlices,
    SparseTensor,
    SparseTensorValue,
    convert_to_tensor_or_sparse_tensor,
    sparse_concat,
    sparse_placeholder,
    sparse_reduce_sum,
    sparse_reorder,
    sparse_reshape,
    sparse_retain,
    sparse_tensor_dense_matmul,
    sparse_tensor_to_dense,
    sparse_transpose,
)
from tfmini.ops.sparse_math import (
    sparse_add,
    sparse_matmul,
    sparse_maximum,
    sparse_minimum,
    sparse_reduce_max,
    sparse_reduce_max_sparse,
    sparse_reduce_sum_sparse,
    sparse_softmax,
)
from tfmini.ops.sparse_shapes import (
    sparse_fill_empty_rows,
    sparse_mask,
    sparse_merge,
    sparse_reset_shape,
    sparse_slice,
    sparse_split,
    sparse_to_indicator,
)
from tfmini.ops.state import (
    Variable,
    assign,
    assign_add,
    assign_sub,
    count_up_to,
    global_variables,
    global_variables_initializer,
    local_variables,
    local_variables_initializer,
    moving_average_variables,
    trainable_variables,
    variables_initializer,
)
from tfmini.ops.string_pieces import reduce_join, string_split
from tfmini.ops.tensor_arrays import TensorArray
from tfmini.ops.text import (
    as_string,
    regex_replace,
    string_join,
    string_strip,
    string_to_number,
    substr,
)
from tfmini.ops.trigonometry import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
)
from tfmini.queues.queue import (
    FIFOQueue,
    PaddingFIFOQueue,
    PriorityQueue,
    QueueBase,
    RandomShuffleQueue,
)
from tfmini.queues.readers import (
    FixedLengthRecordReader,
    IdentityReader,
    ReaderBase,
    TextLineReader,
    TFRecordReader,
    WholeFileReader,
)
from tfmini.registry import registry
from tfmini.session import InteractiveSession, Session
from tfmini.shapes import Dimension, TensorShape, dimension_at_index, dimension_value
from tfmini.shared_variables import (
    fixed_size_partitioner,
    get_local_variable,
    get_variable,
    no_regularizer,
)
from tfmini.templates import make_template
from tfmini.variable_scope import (
    AUTO_REUSE,
    VariableAggregation,
    VariableScope,
    VariableSynchronization,
    get_variable_scope,
    variable_op_scope,
    variable_scope,
)
from tfmini.version import (
    COMPILER_VERSION,
    GIT_VERSION,
    GRAPH_DEF_VERSION,
    GRAPH_DEF_VERSION_MIN_CONSUMER,
    GRAPH_DEF_VERSION_MIN_PRODUCER,
    VERSION,
)

__version__ = "0.1.0"

newaxis = None  # for indexing: x[:, tf.newaxis]

lesson.install()
registry.version = __version__
concat = deprecated.axis_first(concat)
split = deprecated.value_last(split)
missing.watch(sys.modules[__name__])
# Imported when they are asked for: they are large, or few use them; the last brings unittest.
_ON_USE = ("contrib", "distributions", "feature_column", "lookup", "test", "tpu")
registry.reserve([*[name for name in globals() if not name.startswith("_")], *_ON_USE])


def __getattr__(name: str) -> Any:
    if name in _ON_USE:
        return _import_module(f"tfmini.{name}")
    function = None if name.startswith("_") else registry.function(name)
    if function is None:
        function = deprecated.lookup("", name)
    return missing.absent("", name) if function is None else function


def __dir__() -> list[str]:
    return [*globals(), *_ON_USE, *registry.names()]
