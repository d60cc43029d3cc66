"""``tf.tpu``: what programs for TPUs say."""

from __future__ import annotations

from tfmini.contrib.tpu import (
    CrossShardOptimizer,
    batch_parallel,
    core,
    cross_replica_sum,
    initialize_system,
    outside_compilation,
    replicate,
    rewrite,
    shard,
    shutdown_system,
)

__all__ = [
    "CrossShardOptimizer", "batch_parallel", "core", "cross_replica_sum", "initialize_system",
    "outside_compilation", "replicate", "rewrite", "shard", "shutdown_system",
]  # fmt: skip
