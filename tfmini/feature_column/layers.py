"""Layers that stand on columns: the input of a network, and a linear model.

In: a dict of features, and columns.  Out: tensors [batch, n]; and on the way variables, in scopes
called as the columns: ``input_layer/words_embedding/embedding_weights``,
``linear_model/words/weights``, ``linear_model/bias_weights``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tfmini.defaults import control_dependencies, name_scope
from tfmini.errors import InvalidArgumentError
from tfmini.feature_column.columns import (
    CategoricalColumn,
    DenseColumn,
    Features,
    SequenceDenseColumn,
    normalized,
    require_alike,
)
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import Zeros
from tfmini.nodes import Tensor
from tfmini.ops import array, joining, math
from tfmini.ops.assertions import assert_equal
from tfmini.ops.embeddings import safe_embedding_lookup_sparse
from tfmini.ops.nn import bias_add
from tfmini.ops.products import matmul
from tfmini.ops.sparse import SparseTensor, sparse_reshape
from tfmini.shared_variables import get_variable
from tfmini.templates import Template, make_template
from tfmini.variable_scope import VariableScope, variable_scope

_OWN = (GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES)


def _collections(given: Iterable[Any] | None) -> list[Any]:
    return list(dict.fromkeys([*(given or ()), *_OWN]))


def _made_in(scope: VariableScope) -> list[Any]:
    """Return the variables of a scope."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope.name)


def input_layer(
    features: Mapping[Any, Any], feature_columns: Any,
    weight_collections: Iterable[Any] | None = None, trainable: bool = True,
    cols_to_vars: dict[Any, Any] | None = None,
    cols_to_output_tensors: dict[Any, Any] | None = None,
) -> Tensor:  # fmt: skip
    """Return what dense columns make of features, side by side: a float32 tensor [batch, n].

    Parameters
    ----------
    features : a dict from keys to tensors and SparseTensors [batch, ...]
    feature_columns : dense columns, in any order: the result has them by name
    weight_collections : further collections for the variables
        They are in ``GLOBAL_VARIABLES`` and ``MODEL_VARIABLES`` anyway.
    trainable : whether optimizers change the variables
    cols_to_vars, cols_to_output_tensors : dicts that are filled, by column, with lists of its
        variables, and with its part of the result
    """
    columns = _dense(feature_columns)
    given = Features(features, _collections(weight_collections), trainable)
    with variable_scope(None, "input_layer", values=given.tensors):
        return _inputs(given, columns, cols_to_vars, cols_to_output_tensors)


def _dense(feature_columns: Any) -> list[DenseColumn]:
    columns = normalized(feature_columns)
    for column in columns:
        if not isinstance(column, DenseColumn):
            raise InvalidArgumentError(
                None, None, f"an input layer takes dense columns; wrap this one with "
                f"embedding_column or indicator_column: {column}.",
            )  # fmt: skip
    return columns


def _inputs(
    features: Features, columns: list[DenseColumn], variables: dict[Any, Any] | None = None,
    outputs: dict[Any, Any] | None = None,
) -> Tensor:  # fmt: skip
    parts = []
    for column in columns:
        with variable_scope(None, column.scope_name) as scope:
            parts.append(_flat(column, features))
            if variables is not None:
                variables[column] = _made_in(scope)
            if outputs is not None:
                outputs[column] = parts[-1]
    require_alike(parts, columns)
    return joining.concat(parts, 1)


def _flat(column: DenseColumn, features: Features) -> Tensor:
    x = column.dense(features)
    return array.reshape(x, [array.shape(x)[0], column.width])


class InputLayer:
    """``input_layer`` as an object: all calls use the variables of the first one."""

    def __init__(
        self, feature_columns: Any, weight_collections: Iterable[Any] | None = None,
        trainable: bool = True, cols_to_vars: dict[Any, Any] | None = None,
        name: str = "feature_column_input_layer", create_scope_now: bool = True,
    ) -> None:  # fmt: skip
        self._name = name
        columns = _dense(feature_columns)
        collections = _collections(weight_collections)

        def made(features: Mapping[Any, Any]) -> Tensor:
            return _inputs(Features(features, collections, trainable), columns, cols_to_vars)

        self._template: Template = make_template(name, made, create_scope_now)

    def __call__(self, features: Mapping[Any, Any]) -> Tensor:
        out: Tensor = self._template(features)
        return out

    @property
    def name(self) -> str:
        return self._name

    @property
    def variables(self) -> list[Any]:
        return self._template.variables

    @property
    def weights(self) -> list[Any]:
        return self.variables

    @property
    def trainable_variables(self) -> list[Any]:
        return self._template.trainable_variables

    @property
    def trainable_weights(self) -> list[Any]:
        return self.trainable_variables

    @property
    def non_trainable_variables(self) -> list[Any]:
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def non_trainable_weights(self) -> list[Any]:
        return self.non_trainable_variables


# -- linear models -------------------------------------------------------------------------------


def linear_model(
    features: Mapping[Any, Any], feature_columns: Any, units: int = 1,
    sparse_combiner: str = "sum", weight_collections: Iterable[Any] | None = None,
    trainable: bool = True, cols_to_vars: dict[Any, Any] | None = None,
) -> Tensor:  # fmt: skip
    """Return the weighted sum of what columns make of features: a float32 tensor [batch, units].

    Weights and bias begin with zeros.

    Parameters
    ----------
    features : a dict from keys to tensors and SparseTensors [batch, ...]
    feature_columns : dense and categorical columns; each category has a weight for each unit
    sparse_combiner : how the categories of one column add up: "sum", "mean" or "sqrtn"
    weight_collections, trainable : as for ``input_layer``
    cols_to_vars : a dict that is filled, by column, with lists of its variables; "bias" has those
        of the bias
    """
    columns = normalized(feature_columns)
    for column in columns:
        if not isinstance(column, (DenseColumn, CategoricalColumn)):
            raise InvalidArgumentError(
                None, None, f"a linear model takes dense and categorical columns, not {column}."
            )
    # TensorFlow takes the names of all scopes where the model stands, so those of the columns in
    # a second model have numbers: linear_model_1/words_1/weights.
    own, *names = [_unused(n) for n in ("linear_model", *[c.scope_name for c in columns])]
    collections = _collections(weight_collections)
    given = Features(features, collections, trainable)
    made: dict[Any, Any] = {}
    with name_scope(own), variable_scope(own):
        named = sorted(zip(names, columns, strict=True), key=lambda pair: pair[0])
        sums = []
        for name, column in named:
            with variable_scope(None, name) as scope:
                size = column.num_buckets if _is_categorical(column) else column.width
                weights = _zeros("weights", [size, units], trainable, collections)
                sums.append(_weighted_sum(column, given, weights, sparse_combiner))
                made[column] = _made_in(scope)
        require_alike(sums, [column for _, column in named])
        total = math.add_n(sums, name="weighted_sum_no_bias")
        bias = _zeros("bias_weights", [units], trainable, collections)
        made["bias"] = [bias]
        if cols_to_vars is not None:
            cols_to_vars.update(made)
        return bias_add(total, bias, name="weighted_sum")


def _unused(name: str) -> str:
    with variable_scope(None, name) as scope:
        return scope.name.rpartition("/")[2]


def _zeros(name: str, shape: list[int], trainable: bool, collections: list[Any]) -> Any:
    return get_variable(name, shape, initializer=Zeros(), trainable=trainable,
                        collections=collections)  # fmt: skip


def _is_categorical(column: Any) -> bool:
    return isinstance(column, CategoricalColumn)


def _weighted_sum(column: Any, features: Features, weights: Any, combiner: str) -> Tensor:
    if not _is_categorical(column):
        out: Tensor = matmul(_flat(column, features), weights, name="weighted_sum")
        return out
    ids, given = column.ids(features)
    by = None if given is None else _as_matrix(given)
    return safe_embedding_lookup_sparse(weights, _as_matrix(ids), by, combiner,
                                        name="weighted_sum")  # fmt: skip


def _as_matrix(x: SparseTensor) -> SparseTensor:
    """Return ids [batch, ...] as [batch, any]."""
    if x.shape.ndims == 2:
        return x
    rows = array.reshape(x.dense_shape[0], [1])
    return sparse_reshape(x, joining.concat([rows, [-1]], 0))


# -- sequences -----------------------------------------------------------------------------------


def sequence_input_layer(
    features: Mapping[Any, Any], feature_columns: Any,
    weight_collections: Iterable[Any] | None = None, trainable: bool = True,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return what columns make of each step: a tensor [batch, steps, n], and how many steps each
    example has, int64 [batch].

    ``feature_columns`` are ``sequence_numeric_column`` and embeddings or indicators of
    ``sequence_categorical_column_with_*``; all of an example must have as many steps.
    """
    columns = normalized(feature_columns)
    for column in columns:
        if not isinstance(column, SequenceDenseColumn):
            raise InvalidArgumentError(
                None, None, f"a sequence's input takes dense columns of sequences; wrap categories "
                f"with embedding_column or indicator_column: {column}.",
            )  # fmt: skip
    own = None if weight_collections is None else list(weight_collections)
    given = Features(features, own, trainable)
    with variable_scope(None, "sequence_input_layer", values=given.tensors):
        parts, lengths = [], []
        for column in columns:
            with variable_scope(None, column.scope_name):
                x, length = column.steps(given)
                size = array.shape(x)
                parts.append(array.reshape(x, [size[0], size[1], column.width]))
                lengths.append(length)
        require_alike(parts, columns)
        require_alike(lengths, columns)
        checks = [assert_equal(lengths[0], n, message="columns differ in their steps")
                  for n in lengths[1:]]  # fmt: skip
        with control_dependencies(checks):
            length = array.identity(lengths[0])
        return joining.concat(parts, -1), length
