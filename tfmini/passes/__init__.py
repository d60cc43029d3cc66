"""Passes: functions ``Plan -> Plan`` that make a plan cheaper without changing a bit of a result.

In: a verified plan.  Out: a verified plan with the same feeds, fetches and updates.  ``SIMPLIFY``
needs nothing but the plan and runs once per plan; ``specialize.py``, ``fuse.py``, ``stacks.py``,
``regions.py`` and ``sections.py`` need the shapes of the feeds and run once per set of shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfmini.passes.costs import all_specs, node_seconds
from tfmini.passes.fuse import fuse_elementwise
from tfmini.passes.plugins import apply_plugins
from tfmini.passes.regions import Region, one_region, partition
from tfmini.passes.sections import parallel_sections
from tfmini.passes.simplify import drop_identities, fold_constants, merge_common, prune
from tfmini.passes.specialize import specialized
from tfmini.passes.stacks import in_stacks
from tfmini.passes.stages import stages
from tfmini.plan import Plan, Ref
from tfmini.spec import TensorSpec

# Check after each pass that its plan is legal. Tests turn it on.
VERIFY = False

SIMPLIFY = (drop_identities, fold_constants, merge_common, prune)


def simplified(plan: Plan) -> Plan:
    """Return ``plan`` after all passes that need no shapes."""
    for simplify in SIMPLIFY:
        plan = _checked(simplify(plan))
    return plan


def _checked(plan: Plan) -> Plan:
    return plan.verify() if VERIFY else plan


def optimized(
    plan: Plan, feeds: Mapping[Ref, TensorSpec] | None, cores: int
) -> tuple[Plan, list[Region]]:
    """Return ``plan`` as it is best run, and its regions, for feeds of these specs.

    ``feeds`` is None where feeds of too many shapes have come: the plan then stays general.
    """
    if feeds is not None:
        plan = _checked(fuse_elementwise(_checked(specialized(plan, feeds))))
    plan = apply_plugins(plan)
    seconds = _estimates(plan)
    if feeds is None:
        return plan, one_region(plan, seconds)
    stacked = in_stacks(plan, seconds, cores)
    if stacked is not plan:
        plan = _checked(stacked)
        seconds = _estimates(plan)
    return _divided(plan, seconds, cores)


def refined(
    plan: Plan, measured: Sequence[tuple[Region, float | None]], cores: int
) -> tuple[Plan, list[Region]] | None:
    """Return ``plan`` and its regions by the seconds that its regions have taken in a run.

    Types without a cost rule count as heavy, so they may have been given tasks for nothing.  None
    if a region has not been measured.
    """
    seconds = _estimates(plan)
    for region, taken in measured:
        if taken is None:
            return None
        for node in region.nodes:
            seconds[node.id] *= taken / region.seconds
    return _divided(plan, seconds, cores)


def _divided(plan: Plan, seconds: Mapping[int, float], cores: int) -> tuple[Plan, list[Region]]:
    """Return ``plan`` and its regions, with sections where it stays one region."""
    regions = partition(plan, seconds, cores)
    if len(regions) == 1:
        plan, estimates = parallel_sections(plan, seconds, cores)
        regions = one_region(_checked(plan), estimates)
    return plan, regions


def _estimates(plan: Plan) -> dict[int, float]:
    specs = all_specs(plan)
    return {node.id: node_seconds(node, specs) for node in plan.nodes}


__all__ = [
    "SIMPLIFY",
    "apply_plugins",
    "drop_identities",
    "fold_constants",
    "fuse_elementwise",
    "in_stacks",
    "merge_common",
    "optimized",
    "parallel_sections",
    "partition",
    "prune",
    "refined",
    "simplified",
    "specialized",
    "stages",
]  # fmt: skip
