"""Metrics over several batches: what each update gives, the value at the end, and the variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .network import Found, Run, described

BATCHES = 5
Made = Callable[[Any, dict[str, Any]], Any]  # of tf.metrics and fed tensors: value and update

# Of a batch: what is fed by this name.
FED: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "truth": lambda r: r.random(8) < 0.4,
    "guess": lambda r: r.random(8).astype("float32"),
    "bits": lambda r: r.integers(0, 2, 8).astype("float32"),
    "classes": lambda r: r.integers(0, 4, 8),
    "guesses": lambda r: r.integers(0, 4, 8),
    "x": lambda r: r.uniform(0.1, 0.9, (8, 3)).astype("float32"),
    "y": lambda r: r.uniform(0.1, 0.9, (8, 3)).astype("float32"),
    "weights": lambda r: r.uniform(0, 2, 8).astype("float32"),
    "column": lambda r: r.uniform(0, 2, (8, 1)).astype("float32"),
    "labels": lambda r: r.integers(0, 4, (8, 2)),
    "logits": lambda r: r.standard_normal((8, 4)).astype("float32"),
    "top": lambda r: np.stack([r.permutation(4)[:2] for _ in range(8)]),
}  # fmt: skip
LIMITS = [0.2, 0.5, 0.9]
MADE: dict[str, Made] = {
    "accuracy": lambda m, f: m.accuracy(f["classes"], f["guesses"]),
    "accuracy, weights": lambda m, f: m.accuracy(f["classes"], f["guesses"], f["weights"]),
    "auc": lambda m, f: m.auc(f["truth"], f["guess"]),
    "auc, weights": lambda m, f: m.auc(f["truth"], f["guess"], f["weights"], num_thresholds=50),
    "auc, PR": lambda m, f: m.auc(f["truth"], f["guess"], curve="PR",
                                  summation_method="careful_interpolation"),
    "average_precision_at_k": lambda m, f: m.average_precision_at_k(f["labels"], f["logits"], 3),
    "average_precision_at_k, weights":
        lambda m, f: m.average_precision_at_k(f["labels"], f["logits"], 2, f["weights"]),
    "false_negatives": lambda m, f: m.false_negatives(f["truth"], f["bits"]),
    "false_negatives_at_thresholds":
        lambda m, f: m.false_negatives_at_thresholds(f["truth"], f["guess"], LIMITS),
    "false_positives": lambda m, f: m.false_positives(f["truth"], f["bits"], f["weights"]),
    "false_positives_at_thresholds":
        lambda m, f: m.false_positives_at_thresholds(f["truth"], f["guess"], LIMITS, f["weights"]),
    "mean": lambda m, f: m.mean(f["x"]),
    "mean, weights": lambda m, f: m.mean(f["x"], f["column"]),
    "mean_absolute_error": lambda m, f: m.mean_absolute_error(f["x"], f["y"], f["column"]),
    "mean_cosine_distance": lambda m, f: m.mean_cosine_distance(f["x"], f["y"], 1),
    "mean_iou": lambda m, f: m.mean_iou(f["classes"], f["guesses"], 4),
    "mean_iou, weights": lambda m, f: m.mean_iou(f["classes"], f["guesses"], 5, f["weights"]),
    "mean_per_class_accuracy":
        lambda m, f: m.mean_per_class_accuracy(f["classes"], f["guesses"], 4, f["weights"]),
    "mean_relative_error": lambda m, f: m.mean_relative_error(f["x"], f["y"], f["x"]),
    "mean_squared_error": lambda m, f: m.mean_squared_error(f["x"], f["y"]),
    "mean_tensor": lambda m, f: m.mean_tensor(f["x"], f["column"]),
    "percentage_below": lambda m, f: m.percentage_below(f["guess"], 0.4, f["weights"]),
    "precision": lambda m, f: m.precision(f["truth"], f["bits"], f["weights"]),
    "precision_at_k": lambda m, f: m.precision_at_k(f["labels"], f["logits"], 2),
    "precision_at_k, class": lambda m, f: m.precision_at_k(f["labels"], f["logits"], 2, 1),
    "precision_at_k, weights":
        lambda m, f: m.precision_at_k(f["labels"], f["logits"], 2, None, f["weights"]),
    "precision_at_thresholds":
        lambda m, f: m.precision_at_thresholds(f["truth"], f["guess"], LIMITS),
    "precision_at_top_k": lambda m, f: m.precision_at_top_k(f["labels"], f["top"], 2),
    "recall": lambda m, f: m.recall(f["truth"], f["bits"]),
    "recall_at_k": lambda m, f: m.recall_at_k(f["labels"], f["logits"], 2),
    "recall_at_k, class": lambda m, f: m.recall_at_k(f["labels"], f["logits"], 2, 1, f["weights"]),
    "recall_at_thresholds":
        lambda m, f: m.recall_at_thresholds(f["truth"], f["guess"], LIMITS, f["weights"]),
    "recall_at_top_k": lambda m, f: m.recall_at_top_k(f["labels"], f["top"], 2),
    "root_mean_squared_error":
        lambda m, f: m.root_mean_squared_error(f["x"], f["y"], f["column"]),
    "sensitivity_at_specificity":
        lambda m, f: m.sensitivity_at_specificity(f["truth"], f["guess"], 0.6),
    "specificity_at_sensitivity":
        lambda m, f: m.specificity_at_sensitivity(f["truth"], f["guess"], 0.6, f["weights"]),
    "true_negatives": lambda m, f: m.true_negatives(f["truth"], f["bits"]),
    "true_negatives_at_thresholds":
        lambda m, f: m.true_negatives_at_thresholds(f["truth"], f["guess"], LIMITS),
    "true_positives": lambda m, f: m.true_positives(f["truth"], f["bits"]),
    "true_positives_at_thresholds":
        lambda m, f: m.true_positives_at_thresholds(f["truth"], f["guess"], LIMITS, f["weights"]),
}  # fmt: skip


def streamed(make: Made) -> Run:
    """Return a run of a metric over batches."""

    def run(tf: Any) -> Found:
        rng = np.random.default_rng(3)
        batches = [{k: np.asarray(d(rng)) for k, d in FED.items()} for _ in range(BATCHES)]
        with tf.Graph().as_default(), tf.Session() as session:
            fed = {k: tf.placeholder(v.dtype, v.shape) for k, v in batches[0].items()}
            made = value, update = make(tf.metrics, fed)
            found = {
                "variables": described(tf.get_collection("metric_variables")),
                "shapes": np.array([f"{y.dtype.base_dtype.name} {y.shape}" for y in made]),
            }
            session.run(tf.local_variables_initializer())
            for i, batch in enumerate(batches):
                feeds = {fed[k]: v for k, v in batch.items()}
                found[f"update {i}"] = np.asarray(session.run(update, feeds))
                found[f"value {i}"] = np.asarray(session.run(value))
            return found

    return run


RUNS = {name: streamed(make) for name, make in MADE.items()}
LIMIT = 1e-5  # of a difference, relative to the largest element
