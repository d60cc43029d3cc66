"""``slim.learning``: the operation of a training step, and the loop that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.logging import info
from tfmini.nodes import Tensor
from tfmini.ops import array, clipping, debugging
from tfmini.ops.row_gradients import with_values
from tfmini.train.steps import get_or_create_global_step
from tfmini.train.supervisor import Supervisor

Gradients = list[tuple[Any, Any]]
_FROM_GRAPH: Any = object()


def clip_gradient_norms(gradients_to_variables: Gradients, max_norm: float) -> Gradients:
    """Return the pairs with each gradient scaled down to ``max_norm`` at most."""
    return [
        (g if g is None else clipping.clip_by_norm(g, max_norm), v)
        for g, v in gradients_to_variables
    ]


def multiply_gradients(
    grads_and_vars: Gradients, gradient_multipliers: Mapping[Any, float]
) -> Gradients:
    """Return the pairs with gradients multiplied, by variable or by its name."""
    factors = {getattr(k, "name", k): f for k, f in gradient_multipliers.items()}
    scaled = []
    for gradient, variable in grads_and_vars:
        factor = factors.get(variable.name, factors.get(variable.op.name))
        if factor is not None and gradient is None:
            raise InvalidArgumentError(
                None, None, f"variable {variable.name} has no gradient to be multiplied."
            )
        if factor is not None:
            gradient = with_values(gradient, lambda g, factor=factor: g * factor)
        scaled.append((gradient, variable))
    return scaled


def create_train_op(
    total_loss: Any,
    optimizer: Any,
    global_step: Any = _FROM_GRAPH,
    update_ops: Iterable[Any] | None = None,
    variables_to_train: Any = None,
    clip_gradient_norm: float = 0,
    summarize_gradients: bool = False,
    gate_gradients: int = 1,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    gradient_multipliers: Mapping[Any, float] | None = None,
    check_numerics: bool = True,
) -> Tensor:
    """Return a tensor with the loss that, when it runs, takes one step of ``optimizer``.

    Parameters
    ----------
    global_step : default that of the graph; None: no step is counted
    update_ops : operations to run before the loss; default the collection ``UPDATE_OPS``
    clip_gradient_norm : the largest norm of a gradient; 0: any
    gradient_multipliers : dict of a variable, or its name, to a factor
    check_numerics : raise if the loss is infinite or NaN
    """
    graph = get_default_graph()
    step = get_or_create_global_step() if global_step is _FROM_GRAPH else global_step
    total_loss = convert_to_tensor(total_loss)
    wanted = graph.get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
    if wanted:
        with graph.control_dependencies(wanted):
            total_loss = array.identity(total_loss)
    pairs = optimizer.compute_gradients(total_loss, variables_to_train)
    if gradient_multipliers:
        pairs = multiply_gradients(pairs, gradient_multipliers)
    if clip_gradient_norm > 0:
        pairs = clip_gradient_norms(pairs, clip_gradient_norm)
    applied = optimizer.apply_gradients(pairs, global_step=step)
    with graph.name_scope("train_op"):
        if check_numerics:
            total_loss = debugging.check_numerics(total_loss, "LossTensor is inf or nan")
        with graph.control_dependencies([applied]):
            train_op = array.identity(total_loss)
    graph.add_to_collection(GraphKeys.TRAIN_OP, train_op)
    return train_op


def train(
    train_op: Tensor,
    logdir: str | None,
    number_of_steps: int | None = None,
    log_every_n_steps: int = 1,
    master: Any = "",
    global_step: Any = None,
    init_op: Any = None,
    init_feed_dict: Any = None,
    init_fn: Callable[[Any], None] | None = None,
    summary_op: Any = None,
    save_summaries_secs: float = 600,
    saver: Any = None,
    save_interval_secs: float = 600,
) -> Any:
    """Run ``train_op`` until the global step is ``number_of_steps``, and return the last loss.

    Checkpoints and summaries go to ``logdir``, from which training goes on where there are any.
    """
    graph = train_op.graph
    with graph.as_default():
        step = get_or_create_global_step() if global_step is None else global_step
        given = {"init_op": init_op, "summary_op": summary_op, "saver": saver}
        supervisor = Supervisor(
            graph=graph, logdir=logdir, global_step=step, init_feed_dict=init_feed_dict,
            init_fn=init_fn, save_summaries_secs=save_summaries_secs,
            save_model_secs=save_interval_secs,
            **{name: value for name, value in given.items() if value is not None},
        )  # fmt: skip
        loss = None
        with supervisor.managed_session(master) as sess:
            while not supervisor.should_stop():
                began = time.perf_counter()
                loss, done = sess.run(train_op), int(sess.run(step))
                if log_every_n_steps and done % log_every_n_steps == 0:
                    took = time.perf_counter() - began
                    info("global step %d: loss = %.4f (%.3f sec/step)", done, loss, took)
                if number_of_steps is not None and done >= number_of_steps:
                    break
            if supervisor.is_chief and logdir is not None:
                supervisor.saver.save(sess, supervisor.save_path, global_step=step)
        return loss
