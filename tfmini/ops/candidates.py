"""Losses over a few sampled classes of many: ``nce_loss``, ``sampled_softmax_loss``, samplers.

A sampler gives classes to compare the true ones with, and how often each was to be expected.  The
loss is that of the true and the sampled classes, their logits corrected by the logarithm of what
was expected (Jean et al. 2014, https://arxiv.org/abs/1412.2007; for NCE, Gutmann and Hyvarinen
2010).
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfmini.build import convert_to_tensor, op
from tfmini.dtypes import float32, int32, int64
from tfmini.errors import InvalidArgumentError
from tfmini.graph import graph_of
from tfmini.nodes import Tensor
from tfmini.opdef import Cost, OpDef
from tfmini.ops import array, creation, exponential, joining, losses, math, products, reductions
from tfmini.ops.nn import embedding_lookup
from tfmini.ops.scattering import sparse_to_dense
from tfmini.spec import TensorSpec


class Candidates(NamedTuple):
    """Sampled classes, and how often the true and the sampled ones were to be expected."""

    sampled_candidates: Tensor  # int64 [num_sampled]
    true_expected_count: Tensor  # float32 [batch, num_true]
    sampled_expected_count: Tensor  # float32 [num_sampled]


class _Sampler(OpDef):
    """Base: draws classes of [0, range_max) with the probabilities of ``probability``."""

    random = True
    gradient = None
    result = Candidates
    samples = [(np.array([[0, 3], [7, 2]]), {"num_sampled": 5, "unique": True, "range_max": 8}),
               (np.array([[1]]), {"num_sampled": 12, "unique": False, "range_max": 3})]  # fmt: skip
    bad_samples = [
        (np.array([[0]]), {"num_sampled": 5, "unique": True, "range_max": 4}, InvalidArgumentError)
    ]

    def probability(self, classes: Any, range_max: int, **attrs: Any) -> Any:
        """Return the probability of each of ``classes`` to be drawn first."""
        raise NotImplementedError

    def draw(self, rng: Any, count: int, range_max: int, **attrs: Any) -> Any:
        """Return ``count`` classes."""
        raise NotImplementedError

    def compute(
        self, true_classes: Any, *, rng: Any, num_sampled: int, unique: bool, range_max: int,
        seed: Any = None, **attrs: Any,
    ) -> Any:  # fmt: skip
        if unique:
            sampled, tries = self._distinct(rng, num_sampled, range_max, **attrs)
        else:
            sampled, tries = self.draw(rng, num_sampled, range_max, **attrs), None
        expected = [
            _expected(self.probability(c, range_max, **attrs), num_sampled, tries)
            for c in (np.asarray(true_classes), sampled)
        ]
        return sampled.astype(np.int64), *expected

    def _distinct(self, rng: Any, count: int, range_max: int, **attrs: Any) -> tuple[Any, int]:
        """Draw until there are ``count`` different classes; return them and how many were drawn."""
        found: dict[int, None] = {}
        tries = 0
        while len(found) < count:
            for value in self.draw(rng, 2 * count, range_max, **attrs).tolist():
                tries += 1
                found[value] = None
                if len(found) == count:
                    break
        return np.array(list(found), np.int64), tries

    def infer(
        self, true_classes: TensorSpec, *, num_sampled: int, unique: bool, range_max: int,
        seed: Any = None, **attrs: Any,
    ) -> tuple[TensorSpec, ...]:  # fmt: skip
        if unique and num_sampled > range_max:
            raise ValueError(f"there are no {num_sampled} different classes of {range_max}")
        sampled = (num_sampled,)
        return (
            TensorSpec(sampled, int64),
            TensorSpec(true_classes.shape, float32),
            TensorSpec(sampled, float32),
        )

    def cost(self, true_classes: TensorSpec, *, num_sampled: int, **attrs: Any) -> Cost:
        return Cost(100.0 * num_sampled, 16.0 * num_sampled)


def _expected(probability: Any, num_sampled: int, tries: int | None) -> Any:
    """Return the expected count of a class: that it is among ``tries`` draws, or how often."""
    if tries is None:
        return np.asarray(probability * num_sampled, np.float32)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(tries * np.log1p(-probability)), np.float32)


class _OfRange(_Sampler):
    """Base of those whose probabilities follow from ``range_max``."""

    def compute(
        self, true_classes: Any, *, rng: Any, num_sampled: int, unique: bool, range_max: int,
        seed: Any = None,
    ) -> Any:  # fmt: skip
        return super().compute(
            true_classes, rng=rng, num_sampled=num_sampled, unique=unique, range_max=range_max
        )


@op("LogUniformCandidateSampler")
class _log_uniform(_OfRange):
    """Class c with probability ``log((c + 2) / (c + 1)) / log(range_max + 1)``: Zipf's law."""

    def probability(self, classes: Any, range_max: int) -> Any:
        return np.log((classes + 2.0) / (classes + 1.0)) / python_math.log1p(range_max)

    def draw(self, rng: Any, count: int, range_max: int) -> Any:
        values = np.exp(rng.random(count) * python_math.log1p(range_max)).astype(np.int64) - 1
        return values % range_max  # rounding may give range_max itself


@op("UniformCandidateSampler")
class _uniform(_OfRange):
    """All classes with the same probability."""

    def probability(self, classes: Any, range_max: int) -> Any:
        return np.full(classes.shape, 1.0 / range_max)

    def draw(self, rng: Any, count: int, range_max: int) -> Any:
        return rng.integers(0, range_max, count)


@op("FixedUnigramCandidateSampler")
class _fixed_unigram(_Sampler):
    """Classes with probabilities in proportion to ``weights``."""

    samples = [(np.array([[0, 3], [1, 2]]), {"num_sampled": 3, "unique": True, "range_max": 4,
                                             "weights": (1.0, 2.0, 3.0, 1.5)})]  # fmt: skip
    bad_samples = [(np.array([[0]]), {"num_sampled": 5, "unique": True, "range_max": 4,
                                      "weights": (1.0,) * 4}, InvalidArgumentError)]  # fmt: skip

    def compute(
        self, true_classes: Any, *, rng: Any, num_sampled: int, unique: bool, range_max: int,
        weights: tuple[float, ...], seed: Any = None,
    ) -> Any:  # fmt: skip
        if unique and np.count_nonzero(weights) < num_sampled:
            raise ValueError(f"there are no {num_sampled} different classes of weight over 0")
        return super().compute(
            true_classes, rng=rng, num_sampled=num_sampled, unique=unique, range_max=range_max,
            weights=weights,
        )  # fmt: skip

    def probability(self, classes: Any, range_max: int, weights: tuple[float, ...]) -> Any:
        return np.asarray(weights)[classes] / sum(weights)

    def draw(self, rng: Any, count: int, range_max: int, weights: tuple[float, ...]) -> Any:
        return rng.choice(range_max, count, p=np.asarray(weights) / sum(weights))


def _sample(
    opdef: Any, true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int,
    seed: int | None, name: str | None, **attrs: Any,
) -> Candidates:  # fmt: skip
    true = convert_to_tensor(true_classes, None if isinstance(true_classes, Tensor) else int64)
    shape = true.spec.shape
    if shape is not None and (len(shape) != 2 or shape[1] not in (None, num_true)):
        raise InvalidArgumentError(
            None, None, f"true_classes must be [batch, {num_true}], not {true.shape}."
        )
    sampled: Candidates = opdef(
        true, num_sampled=num_sampled, unique=unique, range_max=range_max, seed=seed, name=name,
        **attrs,
    )  # fmt: skip
    sampled.true_expected_count.set_shape([None, num_true])
    return sampled


def log_uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int,
    seed: int | None = None, name: str | None = None,
) -> Candidates:  # fmt: skip
    """Sample classes of [0, range_max) that are the more probable the smaller they are.

    Class c has the probability ``log((c + 2) / (c + 1)) / log(range_max + 1)``: give the most
    frequent class number 0.

    Parameters
    ----------
    true_classes : integers [batch, num_true]
    unique : bool, whether the sampled classes are different ones

    Returns ``(sampled_candidates, true_expected_count, sampled_expected_count)``.
    """
    return _sample(_log_uniform, true_classes, num_true, num_sampled, unique, range_max, seed, name)


def uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int,
    seed: int | None = None, name: str | None = None,
) -> Candidates:  # fmt: skip
    """Sample classes of [0, range_max), all with the same probability; see log_uniform."""
    return _sample(_uniform, true_classes, num_true, num_sampled, unique, range_max, seed, name)


def fixed_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int,
    vocab_file: str = "", distortion: float = 1.0, num_reserved_ids: int = 0, num_shards: int = 1,
    shard: int = 0, unigrams: Sequence[float] = (), seed: int | None = None,
    name: str | None = None,
) -> Candidates:  # fmt: skip
    """Sample classes in proportion to ``unigrams ** distortion``; see log_uniform.

    Parameters
    ----------
    vocab_file : CSV file whose last column has the counts, in place of ``unigrams``
    num_reserved_ids : how many first classes, before those of the counts, are never sampled
    num_shards, shard : sample only classes with ``class % num_shards == shard``
    """
    if bool(vocab_file) == bool(len(unigrams)):
        raise InvalidArgumentError(None, None, "give one of vocab_file and unigrams.")
    counts = _counts_of(vocab_file) if vocab_file else [float(u) for u in unigrams]
    weights = [0.0] * num_reserved_ids + [c**distortion for c in counts]
    if len(weights) != range_max:
        raise InvalidArgumentError(
            None, None, f"{len(weights)} classes are given; range_max is {range_max}."
        )
    weights = [w if i % num_shards == shard else 0.0 for i, w in enumerate(weights)]
    return _sample(
        _fixed_unigram, true_classes, num_true, num_sampled, unique, range_max, seed, name,
        weights=tuple(weights),
    )  # fmt: skip


def _counts_of(path: str) -> list[float]:
    with open(path, encoding="utf-8") as file:
        return [float(line.rsplit(",", 1)[-1]) for line in file if line.strip()]


def all_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, seed: int | None = None,
    name: str | None = None,
) -> Candidates:  # fmt: skip
    """Give all classes 0..num_sampled-1, each expected once: for tests of what takes samples."""
    expected = creation.ones_like(convert_to_tensor(true_classes), dtype=float32)
    expected.set_shape([None, num_true])
    return Candidates(
        creation.range(num_sampled, dtype=int64), expected, creation.ones([num_sampled])
    )


class AccidentalHits(NamedTuple):
    """Where a sampled class is a true one, and what to add to its logit."""

    indices: Tensor  # int32 [hits], the row
    ids: Tensor  # int64 [hits], the place among the sampled
    weights: Tensor  # float32 [hits]


@op("ComputeAccidentalHits")
class _accidental_hits(OpDef):
    """The places where ``sampled`` has a class of the row of ``true_classes``."""

    gradient = None
    result = AccidentalHits
    samples = [(np.array([[1, 5], [2, 2]]), np.array([2, 5, 7]))]

    def compute(self, true_classes: Any, sampled: Any) -> Any:
        rows, _, places = np.nonzero(true_classes[:, :, np.newaxis] == sampled)
        lowest = np.full(rows.shape, -np.finfo(np.float32).max, np.float32)
        return rows.astype(np.int32), places.astype(np.int64), lowest

    def infer(self, true_classes: TensorSpec, sampled: TensorSpec) -> tuple[TensorSpec, ...]:
        return TensorSpec((None,), int32), TensorSpec((None,), int64), TensorSpec((None,), float32)

    def cost(self, true_classes: TensorSpec, sampled: TensorSpec) -> Cost:
        sizes = [float("inf") if s.size is None else s.size for s in (true_classes, sampled)]
        return Cost(sizes[0] * sizes[1] if 0 not in sizes else 0.0, 16.0 * sum(sizes))


def compute_accidental_hits(
    true_classes: Any, sampled_candidates: Any, num_true: int, seed: int | None = None,
    name: str | None = None,
) -> AccidentalHits:  # fmt: skip
    """Return rows, places and weights (the lowest float32) of sampled classes that are true."""
    hits: AccidentalHits = _accidental_hits(true_classes, sampled_candidates, name)
    return hits


def nce_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int,
    num_true: int = 1, sampled_values: Any = None, remove_accidental_hits: bool = False,
    partition_strategy: str = "mod", name: str = "nce_loss",
) -> Tensor:  # fmt: skip
    """Return the noise-contrastive estimation loss of each row, [batch].

    Parameters
    ----------
    weights : [num_classes, dim], or a list of tables that share the rows
    biases : [num_classes]
    labels : integers [batch, num_true], the true classes
    inputs : [batch, dim]
    sampled_values : what a candidate sampler gave; by default log_uniform_candidate_sampler's
    """
    with graph_of([inputs, labels]).name_scope(name or "nce_loss"):
        logits, targets = _sampled_logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
            remove_accidental_hits, partition_strategy, None,
        )  # fmt: skip
        each = losses.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
        out = reductions.reduce_sum(each, 1)
        out.set_shape([None])
        return out


def sampled_softmax_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int,
    num_true: int = 1, sampled_values: Any = None, remove_accidental_hits: bool = True,
    partition_strategy: str = "mod", name: str = "sampled_softmax_loss", seed: int | None = None,
) -> Tensor:  # fmt: skip
    """Return the softmax cross-entropy of each row over true and sampled classes, [batch]; see
    nce_loss.  An underestimate of the full softmax loss, for training only."""
    with graph_of([inputs, labels]).name_scope(name or "sampled_softmax_loss"):
        logits, targets = _sampled_logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
            remove_accidental_hits, partition_strategy, seed,
        )  # fmt: skip
        targets = array.stop_gradient(targets)
        return losses.softmax_cross_entropy_with_logits_v2(labels=targets, logits=logits)


def _sampled_logits(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int,
    num_true: int, sampled_values: Any, remove_accidental_hits: bool, partition_strategy: str,
    seed: int | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return logits and targets [batch, num_true + num_sampled], the true classes first."""
    inputs = convert_to_tensor(inputs)
    labels = math.cast(convert_to_tensor(labels), int64)
    labels = array.reshape(labels, [-1, num_true])
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(
            labels, num_true, num_sampled, True, num_classes, seed
        )
    sampled, true_expected, sampled_expected = [array.stop_gradient(s) for s in sampled_values]
    sampled = math.cast(sampled, int64)
    look_up: Callable[[Any, Any], Tensor] = lambda table, ids: embedding_lookup(  # noqa: E731
        table, ids, partition_strategy
    )
    true_w, true_b = look_up(weights, labels), look_up(biases, labels)
    true_logits = reductions.reduce_sum(array.expand_dims(inputs, 1) * true_w, 2) + true_b
    sampled_logits = products.matmul(inputs, look_up(weights, sampled), transpose_b=True)
    sampled_logits = sampled_logits + look_up(biases, sampled)
    if remove_accidental_hits:
        hits = compute_accidental_hits(labels, sampled, num_true)
        places = joining.stack([hits.indices, math.cast(hits.ids, int32)], 1)
        removed = sparse_to_dense(
            places, array.shape(sampled_logits), hits.weights, 0.0, validate_indices=False
        )
        sampled_logits = sampled_logits + math.cast_like(removed, sampled_logits)
    true_logits = true_logits - math.cast_like(exponential.log(true_expected), true_logits)
    sampled_logits = sampled_logits - math.cast_like(
        exponential.log(sampled_expected), sampled_logits
    )
    logits = joining.concat([true_logits, sampled_logits], 1)
    targets = joining.concat(
        [creation.ones_like(true_logits) / num_true, creation.zeros_like(sampled_logits)], 1
    )
    return logits, targets
