"""``tf.contrib.layers.optimize_loss``: an optimizer with what often goes around it.

In: a loss.  Out: the loss, which when it is fetched takes a step: learning-rate decay, noise,
multipliers and clipping of gradients, summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys
from tfmini.initializers import Constant
from tfmini.nodes import Tensor
from tfmini.ops import array, clipping, random
from tfmini.ops.state import Variable
from tfmini.shared_variables import get_variable
from tfmini.summaries.values import histogram, scalar
from tfmini.train.adaptive import AdagradOptimizer, RMSPropOptimizer
from tfmini.train.optimizer import Optimizer
from tfmini.train.optimizers import AdamOptimizer, GradientDescentOptimizer, MomentumOptimizer
from tfmini.train.proximal import FtrlOptimizer
from tfmini.train.steps import assert_global_step, get_global_step
from tfmini.variable_scope import variable_scope

Pairs = list[tuple[Any, Variable]]

OPTIMIZER_CLS_NAMES: dict[str, Callable[[Any], Optimizer]] = {
    "Adagrad": AdagradOptimizer,
    "Adam": AdamOptimizer,
    "Ftrl": FtrlOptimizer,
    "Momentum": lambda learning_rate: MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": RMSPropOptimizer,
    "SGD": GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = [
    "learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm",
]  # fmt: skip
_BY_DEFAULT = ("loss", "learning_rate", "global_gradient_norm")


def optimize_loss(
    loss: Any, global_step: Any, learning_rate: Any, optimizer: Any,
    gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None, clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[[Any, Any], Any] | None = None,
    update_ops: Iterable[Any] | None = None, variables: Sequence[Variable] | None = None,
    name: str | None = None, summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False, increment_global_step: bool = True,
) -> Tensor:  # fmt: skip
    """Return ``loss`` as a tensor that takes a step of training when it is fetched.

    Parameters
    ----------
    global_step : the variable that counts steps; None: that of the graph, if it has one
    learning_rate : number or scalar tensor, or None if ``optimizer`` has its own
    optimizer : "Adagrad", "Adam", "Ftrl", "Momentum", "RMSProp" or "SGD"; an optimizer, or a class
        or function of the learning rate that gives one
    gradient_noise_scale : deviation of noise, of a normal distribution cut off at two, to be added
    gradient_multipliers : factors by variables or their names
    clip_gradients : the largest norm of all gradients together, or a function of a list of
        (gradient, variable) that returns such a list
    learning_rate_decay_fn : function of the learning rate and step that returns the rate
    update_ops : to run before the loss; default the collection ``UPDATE_OPS``
    variables : default all trainable ones
    summaries : of ``OPTIMIZER_SUMMARIES``; default the loss, the rate, the norm of all gradients
    """
    loss = convert_to_tensor(loss)
    graph = loss.graph
    step = get_global_step(graph) if global_step is None else global_step
    if step is not None:
        assert_global_step(step)
    wanted = _BY_DEFAULT if summaries is None else summaries
    unknown = [s for s in wanted if s not in OPTIMIZER_SUMMARIES]
    if unknown:
        raise InvalidArgumentError(
            None, None, f"summaries are of {OPTIMIZER_SUMMARIES}, not {unknown[0]!r}."
        )
    with variable_scope(name, "OptimizeLoss", [loss]):
        before = graph.get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else update_ops
        loss = _after(list(before), loss)
        rate = _rate(learning_rate)
        if rate is not None and learning_rate_decay_fn is not None:
            if step is None:
                raise InvalidArgumentError(
                    None, None, "learning_rate_decay_fn needs a global_step."
                )
            rate = learning_rate_decay_fn(rate, step)
        chosen = _optimizer(optimizer, rate)
        pairs = chosen.compute_gradients(loss, variables)
        if gradient_noise_scale is not None:
            pairs = [(None if g is None else _noisy(g, gradient_noise_scale), v) for g, v in pairs]
        if gradient_multipliers is not None:
            pairs = _multiplied(pairs, gradient_multipliers)
        _summarize(wanted, loss, rate, pairs)
        if clip_gradients is not None:
            pairs = _clipped(pairs, clip_gradients)
            if "global_gradient_norm" in wanted:
                scalar("global_norm/clipped_gradient_norm", _norm(pairs))
        counted = step if increment_global_step else None
        return _after([chosen.apply_gradients(pairs, global_step=counted, name="train")], loss)


def _after(operations: list[Any], loss: Tensor) -> Tensor:
    if not operations:
        return loss
    with loss.graph.control_dependencies(operations):
        return array.identity(loss)


def _rate(given: Any) -> Any:
    if given is None:
        return None
    if isinstance(given, (Tensor, Variable)):
        if given.spec.rank in (0, None):
            return given
    elif isinstance(given, (int, float)) and given >= 0:
        return get_variable("learning_rate", [], trainable=False, initializer=Constant(given))
    raise InvalidArgumentError(
        None, None, f"learning_rate should be a number from 0 or a scalar tensor, not {given!r}."
    )


def _optimizer(given: Any, rate: Any) -> Optimizer:
    if isinstance(given, str):
        if given not in OPTIMIZER_CLS_NAMES:
            raise InvalidArgumentError(
                None, None, f"optimizer {given!r}: use {', '.join(OPTIMIZER_CLS_NAMES)}."
            )
        if rate is None:
            raise InvalidArgumentError(None, None, f"optimizer {given!r} needs a learning_rate.")
        return OPTIMIZER_CLS_NAMES[given](rate)
    if callable(given):
        given = given() if rate is None else given(rate)
    if not isinstance(given, Optimizer):
        raise InvalidArgumentError(
            None, None, f"optimizer must be a name, an optimizer or what makes one, not {given!r}."
        )
    return given


def _noisy(grad: Tensor, scale: float) -> Tensor:
    noise: Tensor = random.truncated_normal(array.shape(grad), dtype=grad.dtype)
    return grad + noise * scale


def _multiplied(pairs: Pairs, factors: Mapping[Any, Any]) -> Pairs:
    def of(variable: Variable) -> Any:
        named = factors.get(variable.name, factors.get(variable.op.name))
        return factors.get(variable, named)

    return [(g if g is None or of(v) is None else g * of(v), v) for g, v in pairs]


def _clipped(pairs: Pairs, clip: Any) -> Pairs:
    if callable(clip):
        return list(clip(pairs))
    clipped, _ = clipping.clip_by_global_norm([g for g, _ in pairs], clip)
    return [(g, v) for g, (_, v) in zip(clipped, pairs, strict=True)]


def _norm(pairs: Pairs) -> Tensor:
    return clipping.global_norm([g for g, _ in pairs if g is not None])


def _summarize(wanted: Sequence[str], loss: Tensor, rate: Any, pairs: Pairs) -> None:
    if "loss" in wanted:
        scalar("loss", loss)
    if "learning_rate" in wanted and rate is not None:
        scalar("learning_rate", rate)
    if "global_gradient_norm" in wanted:
        scalar("global_norm/gradient_norm", _norm(pairs))
    for grad, variable in pairs:
        name = variable.op.name
        if grad is not None and "gradients" in wanted:
            histogram(f"gradients/{name}", grad)
        if grad is not None and "gradient_norm" in wanted:
            scalar(f"gradient_norm/{name}", clipping.global_norm([grad]))
