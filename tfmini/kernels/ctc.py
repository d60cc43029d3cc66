"""Connectionist temporal classification: labellings that say nothing of when.

In: logits [steps, batch, classes] whose last class is the blank, how many steps of each sequence
count, and labels.  Out: what the labels cost, minus the logarithm of the probability of all their
alignments together, and its gradient (Graves et al. 2006,
https://www.cs.toronto.edu/~graves/icml_2006.pdf); or the labellings that are likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_NEVER = -np.inf


def log_softmax(x: Any) -> Any:
    """Return the logarithms of the softmax over the last axis, in double precision."""
    z = np.asarray(x, np.float64)
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def merged(labels: Any) -> Any:
    """Return ``labels`` with each run of equal ones as one."""
    return labels[np.append(True, labels[1:] != labels[:-1])] if len(labels) else labels


def loss(logits: Any, labels: Sequence[Any], lengths: Any, merge_repeated: bool) -> tuple[Any, Any]:
    """Return the cost [batch] of each sequence's labels and the gradient for ``logits``.

    ``merge_repeated``: an alignment's runs of a label are one label, unless blanks part them.
    """
    log_y = log_softmax(logits)
    steps, batch, classes = log_y.shape
    # The states of an alignment: the labels with blanks before, between and after them.
    sizes = np.array([2 * len(one) + 1 for one in labels])
    states = np.full((batch, sizes.max(initial=1)), classes - 1)
    for row, one in zip(states, labels, strict=True):
        row[1 : 2 * len(one) : 2] = one
    rows, place = np.arange(batch)[:, None], np.arange(states.shape[1])
    step = np.arange(steps)[:, None, None]
    inside = (step < lengths[:, None]) & (place < sizes[:, None])
    emitted = np.where(inside, log_y[:, rows, states], _NEVER)
    # From the end it is the same walk, with each sequence's steps and states in reverse order.
    turned = lengths[:, None] - 1 - step, rows, sizes[:, None] - 1 - place
    back_states = states[turned[1:]]
    forward = _paths(emitted, states, classes - 1, merge_repeated)
    backward = _paths(
        np.where(inside, emitted[turned], _NEVER), back_states, classes - 1, merge_repeated
    )[turned]
    total = np.logaddexp.reduce(backward[0, :, :2], axis=-1)
    share = np.exp(np.where(inside, forward + backward - emitted - total[:, None], _NEVER))
    gradient = np.where(step < lengths[:, None], np.exp(log_y), 0)
    for s in place:
        gradient[:, rows[:, 0], states[:, s]] -= share[:, :, s]
    gradient[:, total == _NEVER] = 0  # no alignment fits
    return -total, gradient


def _paths(emitted: Any, states: Any, blank: int, merge_repeated: bool) -> Any:
    """Return the log probability of all paths that are in each state in each step."""
    labelled = states != blank
    stays = merge_repeated | ~labelled
    skips = labelled[:, 2:] & ~(merge_repeated & (states[:, 2:] == states[:, :-2]))
    table = np.full(emitted.shape, _NEVER)
    table[0, :, :2] = emitted[0, :, :2]
    for t in range(1, len(emitted)):
        before, now = table[t - 1], table[t]
        np.copyto(now, before, where=stays)
        now[:, 1:] = np.logaddexp(now[:, 1:], before[:, :-1])
        np.logaddexp(now[:, 2:], before[:, :-2], out=now[:, 2:], where=skips)
        now += emitted[t]
    return table


def greedy(logits: Any, merge_repeated: bool, blank: int) -> tuple[Any, float]:
    """Return the labels [n] of the best classes of ``logits`` [steps, classes], and their score.

    The score is minus the sum of the best logits.
    """
    best = logits.argmax(-1)
    score = -float(np.take_along_axis(logits, best[:, None], -1).sum())
    if merge_repeated:
        best = merged(best)
    return best[best != blank], score


def beam_search(logits: Any, width: int) -> list[tuple[tuple[int, ...], float]]:
    """Return up to ``width`` labellings of ``logits`` [steps, classes] and their log probabilities.

    The best comes first; in each step ``width`` prefixes are kept (Hannun et al. 2014,
    https://arxiv.org/abs/1408.2873).
    """
    log_y = log_softmax(logits)
    classes = log_y.shape[1] - 1
    prefixes: list[tuple[int, ...]] = [()]
    blanks, labels = np.array([0.0]), np.array([_NEVER])  # of paths that end in a blank, a label
    for scores in log_y:
        number = {prefix: i for i, prefix in enumerate(prefixes)}
        last = np.array([prefix[-1] if prefix else -1 for prefix in prefixes])
        known = np.flatnonzero(last >= 0)
        both = np.logaddexp(blanks, labels)
        longer = both[:, None] + scores[:classes]
        longer[known, last[known]] = blanks[known] + scores[last[known]]
        stay_blank, stay_label = both + scores[classes], np.full(len(prefixes), _NEVER)
        stay_label[known] = labels[known] + scores[last[known]]
        for i in known.tolist():  # a prefix that is kept may also come from a shorter one
            parent = number.get(prefixes[i][:-1])
            if parent is not None:
                stay_label[i] = np.logaddexp(stay_label[i], longer[parent, last[i]])
                longer[parent, last[i]] = _NEVER
        found = np.concatenate([np.logaddexp(stay_blank, stay_label), longer.ravel()])
        best = np.argsort(-found, kind="stable")[:width]
        best = best[found[best] > _NEVER]
        n = len(prefixes)
        blanks = np.where(best < n, stay_blank[best % n], _NEVER)
        labels = np.where(best < n, stay_label[best % n], found[best])
        prefixes = [
            prefixes[i] if i < n else (*prefixes[(i - n) // classes], (i - n) % classes)
            for i in best.tolist()
        ]
    return list(zip(prefixes, np.logaddexp(blanks, labels).tolist(), strict=True))
