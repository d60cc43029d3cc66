"""Symbols: their embeddings, and how they are picked from a decoder's outputs.

In: ids, and outputs [batch, symbols] taken as logits.  Out: embeddings [batch, n], and ids [batch].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini.dtypes import int32
from tfmini.nodes import Tensor
from tfmini.ops import array, math, nn, random, reductions

Embedding = Callable[[Any], Any]


def embedding_of(given: Any) -> Embedding:
    """Return ``given`` if it is a function of ids, else the look-up in the table ``given``."""
    if callable(given):
        found: Embedding = given
        return found
    return lambda ids: nn.embedding_lookup(given, ids)


def likeliest(outputs: Any) -> Tensor:
    """Return the int32 places of the largest outputs [batch, symbols]."""
    return math.cast(reductions.argmax(outputs, -1), int32)


def drawn_from(logits: Any, seed: int | None) -> Tensor:
    """Return int32 symbols [batch] drawn by ``logits`` [batch, symbols]."""
    return math.cast(array.squeeze(random.categorical(logits, 1, seed=seed), [1]), int32)
