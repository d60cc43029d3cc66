"""``tf.contrib.tpu``: what programs for TPUs say, on the one replica that there is here.

In: computations and optimizers as such programs wrap them.  Out: the same on this machine's
processors, or on those of a Dask cluster, which share one replica.  TPUEstimator and what goes
with it belong to ``tf.estimator``, whose object layer tfmini leaves out.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError, InvalidTypeError, UnimplementedError
from tfmini.graph import get_default_graph
from tfmini.losses import Reduction
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, control, creation, grouping, nest
from tfmini.ops.state import Variable
from tfmini.train.optimizer import GradsAndVars, Optimizer

__all__ = [
    "CrossShardOptimizer", "InputPipelineConfig", "TPUConfig", "batch_parallel", "core",
    "cross_replica_sum", "initialize_system", "outside_compilation", "repeat", "replicate",
    "rewrite", "shard", "shutdown_system", "while_loop",
]  # fmt: skip


# -- settings ---------------------------------------------------------------------------------


class InputPipelineConfig(enum.Enum):
    """Where a TPU's input pipeline runs; nothing here asks."""

    PER_SHARD_V1 = 1
    PER_HOST_V1 = 2
    PER_HOST_V2 = 3
    BROADCAST = 4
    SLICED = 5


class _Settings(NamedTuple):
    iterations_per_loop: int
    num_shards: int | None
    num_cores_per_replica: int | None
    per_host_input_for_training: Any
    tpu_job_name: str | None
    initial_infeed_sleep_secs: int | None
    input_partition_dims: Any
    eval_training_input_configuration: Any
    experimental_host_call_every_n_steps: int


class TPUConfig(_Settings):
    """The settings of a training on TPUs, as a program notes them."""

    def __new__(
        cls, iterations_per_loop: int = 2, num_shards: int | None = None,
        num_cores_per_replica: int | None = None, per_host_input_for_training: Any = True,
        tpu_job_name: str | None = None, initial_infeed_sleep_secs: int | None = None,
        input_partition_dims: Any = None,
        eval_training_input_configuration: Any = InputPipelineConfig.PER_HOST_V1,
        experimental_host_call_every_n_steps: int = 1,
    ) -> TPUConfig:  # fmt: skip
        for what, number in (
            ("iterations_per_loop", iterations_per_loop), ("num_shards", num_shards),
            ("num_cores_per_replica", num_cores_per_replica),
        ):  # fmt: skip
            if number is not None and number < 1:
                raise InvalidArgumentError(None, None, f"{what} must be 1 or more, not {number}.")
        return super().__new__(
            cls, iterations_per_loop, num_shards, num_cores_per_replica,
            per_host_input_for_training, tpu_job_name, initial_infeed_sleep_secs,
            input_partition_dims, eval_training_input_configuration,
            experimental_host_call_every_n_steps,
        )  # fmt: skip


# -- replicas ---------------------------------------------------------------------------------


class TpuContext:
    """How many shards the computation that is being built has: None outside of any."""

    number_of_shards: int | None = None


_context = TpuContext()


def get_tpu_context() -> TpuContext:
    """Return what is known of the shards."""
    return _context


@contextlib.contextmanager
def _one_shard() -> Iterator[None]:
    before = _context.number_of_shards
    _context.number_of_shards = 1
    try:
        yield
    finally:
        _context.number_of_shards = before


def cross_replica_sum(x: Any, group_assignment: Any = None, name: str | None = None) -> Tensor:
    """Return the sum of ``x`` over all replicas: ``x``, as there is one."""
    return array.identity(x, name=name or "CrossReplicaSum")


class CrossShardOptimizer(Optimizer):
    """Sums gradients over the replicas, then applies them with ``opt``; here there is one.

    ``reduction`` says how a loss of several replicas would be scaled: Reduction.SUM or MEAN.
    """

    def __init__(
        self, opt: Optimizer, reduction: str = Reduction.MEAN,
        name: str = "CrossShardOptimizer", group_assignment: Any = None,
    ) -> None:  # fmt: skip
        if reduction not in (Reduction.SUM, Reduction.MEAN):
            raise InvalidArgumentError(
                None, None, f"reduction must be Reduction.SUM or MEAN, not {reduction!r}."
            )
        if not isinstance(opt, Optimizer):
            raise InvalidTypeError(
                None, None, f"CrossShardOptimizer takes an optimizer of tf.train, not {opt!r}."
            )
        super().__init__(False, name)
        self._opt = opt

    def compute_gradients(
        self, loss: Any, var_list: Any = None, *args: Any, **kwargs: Any
    ) -> GradsAndVars:
        return self._opt.compute_gradients(loss, var_list, *args, **kwargs)

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], global_step: Any = None,
        name: str | None = None,
    ) -> Operation:  # fmt: skip
        return self._opt.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        return self._opt.get_slot(var, name)

    def get_slot_names(self) -> list[str]:
        return self._opt.get_slot_names()

    def variables(self) -> list[Variable]:
        return self._opt.variables()


# -- computations -----------------------------------------------------------------------------


def rewrite(
    computation: Callable[..., Any], inputs: Sequence[Any] | None = None,
    infeed_queue: Any = None, device_assignment: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Return ``computation(*inputs)``; its tensors run after the operations that it returns too.

    One tensor comes back as a list of one; None, or operations alone, as one operation.
    """
    with get_default_graph().name_scope(name or "TPUReplicate"), _one_shard():
        returned = computation(*[convert_to_tensor(x) for x in inputs or ()])
        return _outputs(returned)


def _outputs(returned: Any) -> Any:
    if not isinstance(returned, (list, tuple, dict)):
        returned = [returned]
    leaves = nest.flatten(returned)
    nodes = [x for x in leaves if type(x) is Operation]
    tensors = [x for x in leaves if x is not None and type(x) is not Operation]
    if not tensors:
        return grouping.group(*nodes)
    with get_default_graph().control_dependencies(nodes):
        out = [array.identity(x) for x in tensors]
    return nest.pack(returned, out) if len(out) == len(leaves) else out


def replicate(
    computation: Callable[..., Any], inputs: Sequence[Any] | None = None,
    infeed_queue: Any = None, device_assignment: Any = None, name: str | None = None,
    maximum_shapes: Any = None,
) -> list[Any]:  # fmt: skip
    """Return a list with the outputs for each list of inputs; there can be one."""
    each = [[]] if inputs is None else list(inputs)
    _check_shards(len(each))
    return [rewrite(computation, each[0], name=name)]


def shard(
    computation: Callable[..., Any], inputs: Sequence[Any] | None = None, num_shards: int = 1,
    input_shard_axes: Any = None, outputs_from_all_shards: Any = True,
    output_shard_axes: Any = None, infeed_queue: Any = None, device_assignment: Any = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Return the outputs of ``computation`` on inputs split in ``num_shards``, which must be 1."""
    _check_shards(num_shards)
    return rewrite(computation, inputs, name=name)


def batch_parallel(
    computation: Callable[..., Any], inputs: Sequence[Any] | None = None, num_shards: int = 1,
    infeed_queue: Any = None, device_assignment: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Return the outputs of ``computation`` on batches split in ``num_shards``, which must be 1."""
    return shard(computation, inputs, num_shards, name=name)


def _check_shards(count: int) -> None:
    if count != 1:
        raise UnimplementedError(
            None,
            None,
            f"{count} shards are wanted, and there is one replica. Remedy: num_shards=1; a batch "
            f"is shared among processors by feeding a Dask array.",
        )


def outside_compilation(computation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``computation(*args, **kwargs)``: all of it is outside here."""
    return computation(*args, **kwargs)


def core(num: int) -> str:
    """Return the name of a device: core ``num`` of each replica."""
    return f"device:TPU_REPLICATED_CORE:{num}"


def initialize_system(embedding_config: Any = None, job: str | None = None) -> Tensor:
    """Return a string tensor, the description of the TPUs: an empty one."""
    return creation.constant(b"", name="ConfigureDistributedTPU")


def shutdown_system(job: str | None = None) -> Operation:
    """Return an operation that does nothing: no TPU runs."""
    return grouping.no_op(name="ShutdownDistributedTPU")


# -- loops ------------------------------------------------------------------------------------


def while_loop(
    condition: Callable[..., Any], body: Callable[..., Any], inputs: Sequence[Any] | None = None,
    infeed_queue: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Return the values of ``inputs`` after ``body`` has run while ``condition`` holds."""
    values = control.while_loop(condition, body, list(inputs or ()), name=name)
    return values if isinstance(values, (list, tuple)) else [values]


def repeat(
    n: Any, body: Callable[..., Any], inputs: Sequence[Any] | None = None,
    infeed_queue: Any = None, name: str | None = None,
) -> list[Any]:  # fmt: skip
    """Return the values of ``inputs`` after ``n`` runs of ``body``."""

    def step(turn: Any, *values: Any) -> list[Any]:
        returned = body(*values)
        return [turn + 1, *(returned if isinstance(returned, (list, tuple)) else [returned])]

    values = while_loop(lambda turn, *_: turn < n, step, [0, *(inputs or ())], name=name)
    return list(values[1:])
