"""Element-wise groups of tfmini's plans, compiled by Numba.

In: a plan in which tfmini has grouped element-wise nodes (``Fused``).  Out: the same plan, where a
group is one compiled loop (``Jitted``) if everything in it has a rule, and a note on every group:
that it is compiled, or why it is left to NumPy.

Numba itself is imported when the first group is compiled, in the process that runs it.
"""

from __future__ import annotations

import os

import tfmini as tf
from tfmini.passes.fuse import Fused
from tfmini_numba.jitted import Jitted
from tfmini_numba.source import Unsupported, kinds_of, write

# Compiling takes a few tenths of a second, once: arrays below this many elements don't repay it.
MIN_SIZE = 1 << 18


def min_size() -> int:
    """Return from how many elements on a group is compiled: ``TFMINI_NUMBA_MIN_SIZE``."""
    return int(os.environ.get("TFMINI_NUMBA_MIN_SIZE", MIN_SIZE))


@tf.hookimpl
def tfmini_plan_pass(plan):
    """Replace the element-wise groups of ``plan`` by compiled ones, where that can be done."""
    if not any(type(node.opdef) is Fused for node in plan.nodes):
        return plan
    specs = dict(plan.specs)
    nodes, notes = [], []
    for node in plan.nodes:
        specs.update(zip(node.outputs, node.specs, strict=True))
        if type(node.opdef) is Fused:
            group = f"tfmini-numba: {node.info.type} ({node.info.name})"
            try:
                node = node.replace(opdef=_jitted(node, [specs[r] for r in node.inputs]))
                notes.append(f"{group} is compiled")
            except Unsupported as reason:
                notes.append(f"{group} is left to NumPy: {reason}")
        nodes.append(node)
    return plan.with_nodes(nodes).noted(*notes)


def _jitted(node, inputs):
    group, limit = node.opdef, min_size()
    if node.specs[0].size < limit:
        raise Unsupported(f"{node.specs[0].size} elements are fewer than {limit}")
    kinds = kinds_of([s.shape for s in inputs], node.specs[0].shape)
    dtypes = [s.dtype.dtype for s in (*inputs, *node.specs)] + list(group.scratch)
    return Jitted(group, kinds, write(group.steps, kinds, dtypes, len(node.specs)))
