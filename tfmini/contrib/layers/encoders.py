"""Sequences of ids to vectors: embeddings that are variables of the model.

In: ids, dense or sparse.  Out: float32 rows of the variable ``embeddings``, or their means.
"""

from __future__ import annotations

from typing import Any

from tfmini.build import convert_to_tensor
from tfmini.contrib.framework.variables import model_variable
from tfmini.defaults import own_scope
from tfmini.dtypes import int64
from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.nodes import Tensor
from tfmini.ops import array, indexing, joining, logic, nn, reductions, selection, sorting
from tfmini.ops.embeddings import safe_embedding_lookup_sparse
from tfmini.ops.sparse import SparseTensor
from tfmini.variable_scope import variable_scope


def bow_encoder(
    ids: Any,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: Any = None,
) -> Tensor:
    """Return the mean of the embeddings of each row of ``ids``, [batch, embed_dim].

    With ``sparse_lookup`` ids may be sparse; of dense ones 0 is none, and rows without ids are
    embedded as 0 is.
    """
    if not vocab_size or not embed_dim:
        raise InvalidArgumentError(None, None, "bow_encoder needs vocab_size and embed_dim.")
    with variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        table = model_variable(
            "embeddings", shape=(vocab_size, embed_dim), initializer=initializer,
            regularizer=regularizer, trainable=trainable,
        )  # fmt: skip
        if sparse_lookup:
            sparse = ids if isinstance(ids, SparseTensor) else without(ids, 0)
            return safe_embedding_lookup_sparse([table], sparse, combiner="mean", default_id=0)
        if isinstance(ids, SparseTensor):
            raise InvalidTypeError(None, None, "bow_encoder: sparse ids need sparse_lookup=True.")
        return reductions.reduce_mean(nn.embedding_lookup(table, ids), 1)


def without(tensor: Any, absent: Any) -> SparseTensor:
    """Return the elements of ``tensor`` other than ``absent``, in their places."""
    tensor = convert_to_tensor(tensor)
    places = selection.where(logic.not_equal(tensor, convert_to_tensor(absent, tensor.dtype)))
    sizes = array.shape(tensor, out_type=int64)
    return SparseTensor(places, indexing.gather_nd(tensor, places), sizes)


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: Any = None,
) -> Tensor:
    """Return rows ``ids`` of a variable ``embeddings`` [vocab_size, embed_dim].

    ``unique``: each row is looked up once, however often its id is there.
    """
    if not (reuse or (vocab_size and embed_dim)):
        raise InvalidArgumentError(
            None, None, "embed_sequence needs vocab_size and embed_dim to make its variable."
        )
    with variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        table = model_variable(
            "embeddings", shape=(vocab_size, embed_dim) if vocab_size and embed_dim else None,
            initializer=initializer, regularizer=regularizer, trainable=trainable,
        )  # fmt: skip
        return (embedding_lookup_unique if unique else nn.embedding_lookup)(table, ids)


@own_scope("EmbeddingLookupUnique")
def embedding_lookup_unique(
    params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None
) -> Tensor:
    """Return ``tf.nn.embedding_lookup(params, ids)``, each row looked up once."""
    ids = convert_to_tensor(ids)
    rows, places = sorting.unique(array.reshape(ids, [-1]))
    found = nn.embedding_lookup(params, rows, partition_strategy)
    shape = joining.concat([array.shape(ids), array.shape(found)[1:]], 0)
    out = array.reshape(indexing.gather(found, places), shape)
    if ids.spec.shape is not None and found.spec.shape is not None:
        out.set_shape([*ids.spec.shape, *found.spec.shape[1:]])
    return out
