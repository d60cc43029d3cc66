"""``tf.contrib.layers.optimize_loss``: an optimizer with what often goes around it.

In: a loss.  Out: the loss, which when it is fetched takes a step: learning-rate decay, noise,
multipliers and clipping of gradients, summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.dtypes import float32
from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys
from tfmini.initializers import Constant, Zeros
from tfmini.nodes import Tensor
from tfmini.ops import array, casting, clipping, math, random
from tfmini.ops.row_gradients import with_values
from tfmini.ops.selection import where_v2
from tfmini.ops.state import Variable
from tfmini.shared_variables import get_variable
from tfmini.summaries.values import histogram, scalar
from tfmini.train.adaptive import AdagradOptimizer, RMSPropOptimizer
from tfmini.train.averages import assign_moving_average
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
    summaries : of ``OPTIMIZER_SUMMARIES``; default the loss, the rate if it decays, the norm of all
        gradients
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
            if "learning_rate" in wanted:
                scalar("learning_rate", rate)
        chosen = _optimizer(optimizer, rate)
        pairs = chosen.compute_gradients(loss, variables)
        if gradient_noise_scale is not None:
            pairs = [(None if g is None else _noisy(g, gradient_noise_scale), v) for g, v in pairs]
        if gradient_multipliers is not None:
            pairs = _multiplied(pairs, gradient_multipliers)
        norms = "global_gradient_norm" in wanted or "gradient_norm" in wanted
        if norms:
            scalar("global_norm/gradient_norm", _norm(pairs))
        if clip_gradients is not None:
            pairs = _clipped(pairs, clip_gradients)
        _summarize(wanted, loss, pairs)
        if norms and clip_gradients is not None:
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
        return factors.get(variable, factors.get(variable.name))

    if not pairs:
        raise InvalidArgumentError(None, None, "gradient_multipliers: there are no gradients.")
    return [
        (g if g is None or of(v) is None else with_values(g, lambda x, v=v: x * of(v)), v)
        for g, v in pairs
    ]


def _clipped(pairs: Pairs, clip: Any) -> Pairs:
    if callable(clip):
        return list(clip(pairs))
    clipped, _ = clipping.clip_by_global_norm([g for g, _ in pairs], clip)
    return [(g, v) for g, (_, v) in zip(clipped, pairs, strict=True)]


def _norm(pairs: Pairs) -> Tensor:
    return clipping.global_norm([g for g, _ in pairs if g is not None])


def _summarize(wanted: Sequence[str], loss: Tensor, pairs: Pairs) -> None:
    """Make summaries of the loss, and of the gradients as they are applied."""
    if "loss" in wanted:
        scalar("loss", loss)
    for grad, variable in pairs:
        name = variable.name.replace(":", "_")
        if grad is not None and "gradients" in wanted:
            histogram(f"gradients/{name}", grad)
        if grad is not None and "gradient_norm" in wanted:
            scalar(f"gradient_norm/{name}", clipping.global_norm([grad]))


def adaptive_clipping_fn(
    std_factor: float = 2.0, decay: float = 0.95, static_max_norm: float | None = None,
    global_step: Any = None, report_summary: bool = False, epsilon: float = 1e-8,
    name: str | None = None,
) -> Callable[[Pairs], Pairs]:  # fmt: skip
    """Return a function for ``clip_gradients`` that scales down gradients whose norm, all together,
    is much larger than it was so far.

    Norms may be up to ``exp(mean + std_factor * deviation)``, both of a moving average of their
    logarithms; larger ones become ``exp(mean)``.

    Parameters
    ----------
    decay : of the moving averages; with ``global_step`` n at most ``n / (n + 1)``
    static_max_norm : the largest norm in any case
    report_summary : whether there is a summary of the largest norm
    """

    def clip(grads_and_vars: Pairs) -> Pairs:
        norm = _norm(grads_and_vars)
        with variable_scope(name, "AdaptiveMaxNorm", [norm]):
            kept: Any = decay
            if global_step is not None:
                n = casting.cast(global_step, float32)
                kept = math.minimum(decay, n / (n + 1.0))
            logarithm = math.log(norm + epsilon)
            mean = _moving("mean", logarithm, kept)
            spread = _moving("sq_mean", math.square(logarithm), kept) - math.square(mean)
            deviation = math.sqrt(math.maximum(epsilon, spread))
            most = math.exp(mean + std_factor * deviation)
        if report_summary:
            scalar("global_norm/adaptive_max_gradient_norm", most)
        factor = where_v2(norm < most, 1.0, math.exp(mean) / norm)
        if static_max_norm is not None:
            factor = math.minimum(static_max_norm / norm, factor)
        return [
            (g if g is None else with_values(g, lambda x: x * factor), v) for g, v in grads_and_vars
        ]

    return clip


def _moving(name: str, value: Tensor, decay: Any) -> Tensor:
    average = get_variable(name, value.shape, value.dtype, Zeros(), trainable=False)
    return assign_moving_average(average, value, decay, zero_debias=False)
