"""``tf.train.SyncReplicasOptimizer``: an update from the mean of several gradients.

In: an optimizer, and how many gradients make an update.  Out: an operation that adds this run's
gradients to those before; the one that completes them lets the optimizer update the variables.

All replicas of TensorFlow are this one process here, so nobody waits: every run of the operation is
a replica's turn.  The workers of a Dask cluster share one run, whose gradients are summed already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tfmini.errors import FailedPreconditionError, InvalidArgumentError
from tfmini.graph import Graph, GraphKeys, get_default_graph
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, control, creation, grouping, indexing, logic, math, segment, state
from tfmini.ops.initialized import report_uninitialized_variables
from tfmini.ops.row_gradients import Slices, of_slices, slices_of
from tfmini.ops.selection import where, where_v2
from tfmini.ops.state import Variable
from tfmini.queues.queue import FIFOQueue
from tfmini.train.optimizer import GradsAndVars, Optimizer
from tfmini.train.queue_runner import QueueRunner
from tfmini.train.session_run_hook import SessionRunHook


class SyncReplicasOptimizer(Optimizer):
    """Applies the mean of ``replicas_to_aggregate`` gradients with the optimizer ``opt``.

    Parameters
    ----------
    opt : Optimizer
    replicas_to_aggregate : int
        How many gradients an update is made of; the global step counts updates.
    total_num_replicas : int
        Of TensorFlow's processes; this is all of them.
    variable_averages : ExponentialMovingAverage
        Its averages of ``variables_to_average`` follow each update.
    """

    def __init__(
        self, opt: Optimizer, replicas_to_aggregate: int, total_num_replicas: int | None = None,
        variable_averages: Any = None, variables_to_average: Sequence[Any] | None = None,
        use_locking: bool = False, name: str = "sync_replicas",
    ) -> None:  # fmt: skip
        super().__init__(use_locking, name)
        if replicas_to_aggregate < 1:
            raise InvalidArgumentError(
                None, None, f"replicas_to_aggregate must be 1 or more, not {replicas_to_aggregate}."
            )
        self._opt = opt
        self._count = replicas_to_aggregate
        self._averages = variable_averages
        self._averaged = variables_to_average
        self._queue_runner: QueueRunner | None = None

    def compute_gradients(self, *args: Any, **kwargs: Any) -> GradsAndVars:
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, Any]],
        global_step: Any = None,
        name: str | None = None,
    ) -> Operation:
        """Return an operation that takes the gradients in; ``global_step`` must be given."""
        pairs = [(g, v) for g, v in grads_and_vars if g is not None]
        if not pairs:
            raise InvalidArgumentError(
                None, None, "there are no gradients to apply: none of the variables has one."
            )
        if global_step is None:
            raise InvalidArgumentError(
                None, None, "SyncReplicasOptimizer needs a global_step, which counts its updates; "
                "give tf.train.get_or_create_global_step().",
            )  # fmt: skip
        graph = pairs[0][1].graph
        self._make_operations(graph, global_step)
        with graph.name_scope(name or self._name):
            if self._count == 1:
                return self._updated_by(pairs, global_step)
            return self._taken_in(pairs, global_step)

    def _updated_by(self, pairs: Iterable[tuple[Any, Any]], global_step: Any) -> Operation:
        updated = self._opt.apply_gradients(pairs, global_step)
        if self._averages is None:
            return updated
        with updated.graph.control_dependencies([updated]):
            averaged: Operation = self._averages.apply(self._averaged)
        return averaged

    def _taken_in(self, pairs: list[tuple[Any, Any]], global_step: Any) -> Operation:
        with get_default_graph().control_dependencies(None):
            self._opt._create_slots([v for _, v in pairs])
            seen = _local(creation.zeros([], "int32"), "accumulated")
            sums = [_Sum.of(grad, variable) for grad, variable in pairs]
        count = seen.read_value() + 1
        full = logic.greater_equal(count, self._count)
        kept = [seen.assign(where_v2(full, 0, count))]
        for each in sums:
            kept += each.kept(full)

        def update() -> Operation:
            means = [each.mean(count) for each in sums]
            return self._updated_by(zip(means, [v for _, v in pairs], strict=True), global_step)

        done: Any = control.cond(full, update, grouping.no_op)
        return grouping.group(done, *kept)

    def _make_operations(self, graph: Graph, global_step: Any) -> None:
        with graph.as_default(), graph.control_dependencies(None):
            step = _local(creation.zeros([], "int64"), "sync_rep_local_step")
            self.local_step_init_op = step.assign(math.cast(global_step.read_value(), "int64")).op
            self.chief_init_op = grouping.group(self.local_step_init_op)
            self.ready_for_local_init_op = report_uninitialized_variables(
                graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
            )
            tokens = FIFOQueue(self._count, ["int64"], [[]], name="sync_token_q")
            self._queue_runner = QueueRunner(tokens, [tokens.enqueue(step.read_value())])

    # -- what scripts for several processes call --------------------------------------------------

    def get_chief_queue_runner(self) -> QueueRunner:
        """Return a runner whose queue of tokens nobody empties, as there is nobody to wait for."""
        if self._queue_runner is None:
            raise FailedPreconditionError(
                None, None, "call apply_gradients or minimize before get_chief_queue_runner."
            )
        return self._queue_runner

    def get_init_tokens_op(self, num_tokens: int = -1) -> Operation:
        """Return an operation to run before training; it has nothing to do."""
        self.get_chief_queue_runner()
        if num_tokens < -1:
            raise InvalidArgumentError(
                None, None, f"num_tokens={num_tokens}: it is 0 or more, or -1."
            )
        return grouping.no_op(name="init_tokens")

    def make_session_run_hook(self, is_chief: bool, num_tokens: int = -1) -> SessionRunHook:
        """Return a hook for a ``MonitoredSession`` that trains with this optimizer."""
        return _SyncReplicasHook(self)

    def get_slot(self, *args: Any, **kwargs: Any) -> Variable | None:
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> list[str]:
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self) -> list[Variable]:
        return self._opt.variables()


class _Sum(NamedTuple):
    """A sum of gradients: ``total`` before this run and ``added`` in it; if it is of rows, how
    often each was there before and is now, else None."""

    total: Variable
    added: Tensor
    rows: Variable | None
    counted: Tensor | None

    @classmethod
    def of(cls, grad: Tensor, variable: Variable) -> _Sum:
        total = _local(creation.zeros(variable.shape, variable.dtype), f"{variable.op.name}/sum")
        slices = slices_of(grad)
        added = total.read_value() + grad
        if slices is None:
            return cls(total, added, None, None)
        size = variable.shape.as_list()[0]
        rows = _local(creation.zeros([size], "int32"), f"{variable.op.name}/rows")
        ones = creation.ones_like(slices.indices, "int32")
        there = math.minimum(segment.unsorted_segment_sum(ones, slices.indices, size), 1)
        return cls(total, added, rows, rows.read_value() + there)

    def kept(self, full: Tensor) -> list[Any]:
        """Return assignments of the sums, of zeros if they are ``full``."""
        pairs = [(self.total, self.added), (self.rows, self.counted)]
        return [v.assign(where_v2(full, creation.zeros_like(x), x))
                for v, x in pairs if v is not None]  # fmt: skip

    def mean(self, count: Tensor) -> Tensor:
        """Return the mean; of rows, each by the gradients that had it, and these rows alone."""
        if self.counted is None:
            return self.added / math.cast(count, self.added.dtype)
        rows = array.reshape(where(self.counted > 0), [-1])
        often = math.cast(indexing.gather(self.counted, rows), self.added.dtype)
        shape = [-1] + [1] * (self.added.shape.ndims - 1)
        values = indexing.gather(self.added, rows) / array.reshape(often, shape)
        return of_slices(Slices(values, rows, array.shape(self.total)))


def _local(value: Any, name: str) -> Variable:
    return state.Variable(value, False, [GraphKeys.LOCAL_VARIABLES], name=name)


class _SyncReplicasHook(SessionRunHook):
    """Prepares a session for a ``SyncReplicasOptimizer``."""

    def __init__(self, optimizer: SyncReplicasOptimizer) -> None:
        self._optimizer = optimizer

    def begin(self) -> None:
        self._optimizer.get_chief_queue_runner()
        self._start = self._optimizer.local_step_init_op

    def after_create_session(self, session: Any, coord: Any) -> None:
        session.run(self._start)
