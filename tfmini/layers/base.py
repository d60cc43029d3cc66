"""The base of layers: what makes a subclass with ``build`` and ``call`` a part of a network.

In: tensors.  Out: tensors, and on the way variables, which a layer makes when it is first called
and uses again afterwards.  A layer opens a variable scope of its own: variables are called
``dense/kernel``, operations ``dense/MatMul``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfmini.build import convert_to_tensor
from tfmini.conversions import converted
from tfmini.dtypes import DType, as_dtype, float32
from tfmini.errors import FailedPreconditionError, InvalidTypeError, UnimplementedError
from tfmini.graph import GraphKeys, get_default_graph, graph_of
from tfmini.layers.named import initializer_of
from tfmini.layers.spec import check
from tfmini.nodes import Operation, Tensor
from tfmini.ops import array, math, nest
from tfmini.shapes import TensorShape
from tfmini.shared_variables import get_variable
from tfmini.variable_scope import AUTO_REUSE, VariableScope, variable_scope


class Layer:
    """The base of all layers.  Subclasses give ``call``, and ``build`` to make variables.

    Parameters
    ----------
    trainable : whether optimizers change the variables by default
    name : default that of the class, with a number: "dense_1"
    dtype : of the variables; default that of the first input
    activity_regularizer : a function of an output
        What it returns, divided by the size of the batch, is a loss of the layer.
    """

    def __init__(
        self,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        scope, self._reuse = kwargs.pop("_scope", None), kwargs.pop("_reuse", None)
        self.activity_regularizer = kwargs.pop("activity_regularizer", None)
        if kwargs:
            unknown = ", ".join(sorted(kwargs))
            raise InvalidTypeError(None, None, f"{type(self).__name__} takes no {unknown}.")
        self._graph = get_default_graph()
        self._base_name = name or to_snake_case(type(self).__name__)
        self._name = name or _numbered(self._graph, self._base_name)
        self._dtype = None if dtype is None else as_dtype(dtype)
        self._scope: VariableScope | None = None
        if scope is not None:
            with variable_scope(scope) as self._scope:
                pass
        self.trainable = trainable
        self.built = False
        self.stateful = False
        self.input_spec: Any = None
        self._trained: list[Any] = []
        self._kept: list[Any] = []
        self._added_losses: list[tuple[Any, Any]] = []
        self._added_updates: list[tuple[Any, Any]] = []
        self._calls: list[tuple[Any, Any]] = []

    # -- for subclasses -----------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the variables; called once, with the shape of the first input."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs for ``inputs``."""
        return inputs

    def add_weight(
        self,
        name: str,
        shape: Any = None,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        constraint: Any = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        partitioner: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Return the variable ``name`` of this layer, made if it is not there.

        Parameters
        ----------
        dtype : default that of the layer: float32 unless told, or taken from an input
        regularizer : a function of the variable
            What it returns is a loss of the layer, and goes to ``REGULARIZATION_LOSSES``.
        """
        self._open_scope(None)
        wanted = as_dtype(dtype or self._dtype or float32)
        trained = self.trainable and (trainable is None or trainable)
        before = self.graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
        with self._scoped(AUTO_REUSE if self.built else self._reuse):
            variable = get_variable(
                name, () if shape is None else shape, wanted, initializer_of(initializer),
                trainable=trained, partitioner=partitioner, constraint=constraint,
            )  # fmt: skip
            if regularizer is not None and not any(v is variable for v in before):
                self._regularize(name, variable, regularizer)
        (self._trained if trained else self._kept).append(variable)
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``add_weight(...)``; the older name."""
        return self.add_weight(*args, **kwargs)

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Make ``losses`` losses of the layer and add them to ``REGULARIZATION_LOSSES``.

        ``inputs`` are what they depend on; None: on variables alone.
        """
        for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
            value = loss() if callable(loss) else loss
            if value is not None:
                self._added_losses.append((value, inputs))
                self.graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, value)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Make ``updates``, operations to run along with training, the layer's own and add them to
        ``UPDATE_OPS``."""
        for update in updates if isinstance(updates, (list, tuple)) else [updates]:
            update = getattr(update, "op", update)
            self._added_updates.append((update, inputs))
            self.graph.add_to_collection(GraphKeys.UPDATE_OPS, update)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for an input of ``input_shape``."""
        raise UnimplementedError(
            None, None, f"{type(self).__name__} does not say the shape of its output."
        )

    # -- calls --------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if inputs is None:
            raise InvalidTypeError(
                None, None, f"layer {self._name} is given None; was a function's result forgotten?"
            )
        leaves = [
            convert_to_tensor(x) if isinstance(x, _DATA) else converted(x)
            for x in nest.flatten(inputs)
        ]
        inputs = nest.pack(inputs, leaves)
        graph = graph_of([x for x in leaves if isinstance(x, (Tensor, Operation))])
        with graph.as_default():
            self._graph = graph
            self._open_scope(kwargs.pop("scope", None))
            with self._scoped(True if self.built else self._reuse):
                check(self.input_spec, leaves, self._name)
                if not self.built:
                    self._build_for(inputs, leaves)
                outputs = self.call(inputs, *args, **kwargs)
                if self.activity_regularizer is not None:
                    self._regularize_activity(inputs, outputs)
        self._calls.append((inputs, outputs))
        return outputs

    def apply(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``self(inputs, ...)``."""
        return self(inputs, *args, **kwargs)

    def _build_for(self, inputs: Any, leaves: list[Any], skipped: int = 0) -> None:
        tensors = [x for x in leaves if isinstance(x, Tensor)]
        if self._dtype is None and tensors:
            self._dtype = tensors[0].dtype
        self.build(nest.pack(inputs, [_shape_after(skipped, x) for x in leaves]))
        self.built = True
        check(self.input_spec, leaves, self._name, skipped)  # build may have said more

    def _open_scope(self, given: Any) -> None:
        """Fix the variable scope, at the first call."""
        if self._scope is not None:
            return
        name = self._base_name if given is None and self._reuse else given
        with variable_scope(name, self._base_name) as self._scope:
            pass

    @contextmanager
    def _scoped(self, reuse: Any) -> Iterator[None]:
        with (
            variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as scope,
            self.graph.name_scope(scope.original_name_scope),
        ):
            yield

    def _regularize(self, name: str, variable: Any, regularizer: Any) -> None:
        with self.graph.name_scope(name + "/Regularizer"):
            self.add_loss(regularizer(variable))

    def _regularize_activity(self, inputs: Any, outputs: Any) -> None:
        with self.graph.name_scope("ActivityRegularizer"):
            for output in nest.flatten(outputs):
                loss = self.activity_regularizer(output)
                if loss is not None:
                    batch = math.cast_like(array.shape(output)[0], loss)
                    self.add_loss(loss / batch, inputs)

    # -- what it has --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._name

    @property
    def dtype(self) -> DType | None:
        return self._dtype

    @property
    def graph(self) -> Any:
        """The graph of the last call."""
        return self._graph

    @property
    def scope_name(self) -> str:
        """The path that the names of the variables begin with."""
        if self._scope is None:
            raise FailedPreconditionError(
                None, None, f"layer {self._name} has no scope before it is called."
            )
        return str(self._scope.name)

    @property
    def trainable_weights(self) -> list[Any]:
        return list(self._trained) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        return list(self._kept) if self.trainable else [*self._trained, *self._kept]

    @property
    def weights(self) -> list[Any]:
        return self.trainable_weights + self.non_trainable_weights

    @property
    def variables(self) -> list[Any]:
        return self.weights

    @property
    def trainable_variables(self) -> list[Any]:
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        return self.non_trainable_weights

    @property
    def losses(self) -> list[Any]:
        return [loss for loss, _ in self._added_losses]

    @property
    def updates(self) -> list[Any]:
        return [update for update, _ in self._added_updates]

    def get_losses_for(self, inputs: Any) -> list[Any]:
        """Return the losses that depend on ``inputs``; None: those that depend on none."""
        return [t for t, given in self._added_losses if _same_inputs(given, inputs)]

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """Return the updates that depend on ``inputs``; None: those that depend on none."""
        return [u for u, given in self._added_updates if _same_inputs(given, inputs)]

    @property
    def input(self) -> Any:
        """The input of the only call."""
        return self._only_call()[0]

    @property
    def output(self) -> Any:
        """The output of the only call."""
        return self._only_call()[1]

    @property
    def input_shape(self) -> Any:
        return self.input.shape

    @property
    def output_shape(self) -> Any:
        return self.output.shape

    def count_params(self) -> int:
        """Return the number of elements of all variables."""
        if not self.built:
            raise FailedPreconditionError(
                None, None, f"layer {self._name} has no variables before it is called."
            )
        return sum(int(np.prod(v.shape.as_list())) for v in self.weights)

    def _only_call(self) -> tuple[Any, Any]:
        if len(self._calls) != 1:
            raise FailedPreconditionError(
                None, None, f"layer {self._name} was called {len(self._calls)} times, not once."
            )
        return self._calls[0]


_DATA = (np.ndarray, np.generic, int, float, list)


def _shape_after(skipped: int, x: Any) -> TensorShape | None:
    """Return the shape of ``x`` without its first ``skipped`` dimensions."""
    if not isinstance(x, Tensor):
        return None
    return TensorShape(None if x.spec.shape is None else x.spec.shape[skipped:])


def _same_inputs(given: Any, asked: Any) -> bool:
    if given is None or asked is None:
        return given is asked
    wanted = {id(x) for x in nest.flatten(asked)}
    return any(id(x) in wanted for x in nest.flatten(given))


def to_snake_case(name: str) -> str:
    """Return a class's name as layers use it: "Conv2DTranspose" gives "conv2d_transpose"."""
    parted = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", parted).lower()
    return "private" + snake if snake.startswith("_") else snake


_COUNTS_KEY = ("__layer_names",)  # no text: scripts that list collections do not see it


def _numbered(graph: Any, base: str) -> str:
    kept = graph.get_collection_ref(_COUNTS_KEY)
    if not kept:
        kept.append({})
    kept[0][base] = kept[0].get(base, 0) + 1
    return f"{base}_{kept[0][base]}"
