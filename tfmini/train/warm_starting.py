"""``tf.train.warm_start``: begin a training with the variables of another one.

In: a checkpoint, which variables, and where vocabularies have changed.  Out: other initial values;
the rows of a word that both vocabularies have are those of the checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfmini.errors import InvalidArgumentError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.initializers import Zeros
from tfmini.ops.scattering import tensor_scatter_update
from tfmini.ops.state import Variable
from tfmini.train.checkpoints import init_from_checkpoint, load_checkpoint, start_with


class VocabInfo(NamedTuple):
    """How the vocabulary of a variable has changed.

    Attributes
    ----------
    new_vocab, old_vocab : paths of text files with a word in each line
    new_vocab_size : how many words of ``new_vocab`` count
    num_oov_buckets : rows after those of the words, which no checkpoint gives
    old_vocab_size : how many words of ``old_vocab`` count; -1 is all
    backup_initializer : what other rows get, default zeros
    axis : 0: a word has a row; 1: a column
    """

    new_vocab: Any
    new_vocab_size: int
    num_oov_buckets: int
    old_vocab: Any
    old_vocab_size: int = -1
    backup_initializer: Any = None
    axis: int = 0


def warm_start(
    ckpt_to_initialize_from: Any,
    vars_to_warm_start: Any = ".*",
    var_name_to_vocab_info: Mapping[str, VocabInfo] | None = None,
    var_name_to_prev_var_name: Mapping[str, str] | None = None,
) -> None:
    """Make values of a checkpoint the initial values of variables.

    Parameters
    ----------
    ckpt_to_initialize_from : prefix of a checkpoint, or a folder: its latest one
    vars_to_warm_start : which variables
        A pattern of names of trainable variables (default: all of them), a list of patterns of
        names of global variables, a list of variables, or None: those with a ``VocabInfo``.
    var_name_to_vocab_info : the ``VocabInfo`` by the names of variables
    var_name_to_prev_var_name : names in the checkpoint by names here, where they differ

    Raises InvalidArgumentError where a name in one of these is not that of a chosen variable.
    """
    infos = dict(var_name_to_vocab_info or {})
    previous = dict(var_name_to_prev_var_name or {})
    chosen = {v.op.name: v for v in _chosen(vars_to_warm_start)}
    for name in infos:
        if name not in chosen and vars_to_warm_start is None:
            chosen |= {v.op.name: v for v in _matching(GraphKeys.GLOBAL_VARIABLES, f"{name}$")}
    for what, names in (("vocab_info", infos), ("prev_var_name", previous)):
        if unknown := sorted(names.keys() - chosen.keys()):
            raise InvalidArgumentError(
                None, None, f"var_name_to_{what} has names of no variable that is warm-started: "
                f"{', '.join(unknown)}. These are: {', '.join(sorted(chosen)) or 'none'}.",
            )  # fmt: skip
    for name, variable in chosen.items():
        before = previous.get(name, name)
        if name in infos:
            old = load_checkpoint(ckpt_to_initialize_from).get_tensor(before)
            start_with(variable, _remapped(variable, old, infos[name]))
        else:
            init_from_checkpoint(ckpt_to_initialize_from, {before: variable})


def _chosen(wanted: Any) -> list[Variable]:
    if wanted is None:
        return []
    if isinstance(wanted, str):
        return _matching(GraphKeys.TRAINABLE_VARIABLES, wanted)
    out = []
    for item in wanted:
        if isinstance(item, Variable):
            out.append(item)
        elif isinstance(item, str):
            out += _matching(GraphKeys.GLOBAL_VARIABLES, item)
        else:
            raise InvalidArgumentError(
                None,
                None,
                f"vars_to_warm_start lists variables or patterns of names, not {item!r}.",
            )
    return out


def _matching(collection: str, pattern: str) -> list[Variable]:
    members = get_default_graph().get_collection(collection)
    return [v for v in members if re.match(pattern, v.op.name)]


def _remapped(variable: Variable, old: np.ndarray, info: VocabInfo) -> Any:
    """Return a first value: ``old``'s slices for the words that both vocabularies have."""
    shape = variable.shape.as_list()
    if info.axis not in (0, 1) or len(shape) <= info.axis or old.ndim != len(shape):
        raise InvalidArgumentError(
            None, None, f"variable {variable.op.name} {shape} and the checkpoint's {old.shape} "
            f"have no vocabulary along axis {info.axis}.",
        )  # fmt: skip
    if shape[info.axis] != info.new_vocab_size + info.num_oov_buckets:
        raise InvalidArgumentError(
            None, None, f"variable {variable.op.name} has {shape[info.axis]} slices, its VocabInfo "
            f"{info.new_vocab_size} words and {info.num_oov_buckets} buckets.",
        )  # fmt: skip
    places = {w: i for i, w in enumerate(_words(info.old_vocab, info.old_vocab_size))}
    words = _words(info.new_vocab, info.new_vocab_size)
    kept = [(i, places[word]) for i, word in enumerate(words) if word in places]
    backup = (info.backup_initializer or Zeros())(shape, variable.dtype)
    if not kept:
        return backup
    here, there = np.array(kept).T
    if info.axis == 0:
        return tensor_scatter_update(backup, here[:, None], old[there])
    pairs = np.stack(np.meshgrid(np.arange(shape[0]), here, indexing="ij"), -1)
    return tensor_scatter_update(backup, pairs, old[:, there])


def _words(path: Any, size: int) -> list[str]:
    words = Path(path).read_text().splitlines()
    if size > len(words):
        raise InvalidArgumentError(None, None, f"{path} has {len(words)} words, not {size}.")
    return words if size < 0 else words[:size]
