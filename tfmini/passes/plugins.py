"""The passes of plugins, and the proof that what they return is still the same work.

In: a plan after all passes of tfmini.  Out: the plan after those of plugins (hook
``tfmini_plan_pass``), in the order of the plugins' names, each of whose results is checked.  One
that fails is skipped: it may cost speed, never a run.
"""

from __future__ import annotations

from typing import Any

from tfmini.errors import PluginError
from tfmini.passes.costs import all_specs
from tfmini.plan import Plan
from tfmini.registry import Hook, is_strict, registry


def apply_plugins(plan: Plan) -> Plan:
    """Return ``plan`` after the passes of all plugins."""
    for hook in registry.plan_passes:
        plan = _apply(hook, plan)
    return plan


def _apply(hook: Hook, plan: Plan) -> Plan:
    try:
        return _same_work(plan, hook(plan=plan))
    except Exception as e:
        reason = registry.failed(hook, e, "plans are left as they were")
        if is_strict():
            raise PluginError(
                None,
                None,
                f"plugin {hook.plugin!r} failed to change a plan, {reason}. Mend, update or "
                f"uninstall it, or set TFMINI_DISABLE_PLUGINS={hook.plugin}.",
            ) from e
        return plan.noted(f"plugin {hook.plugin!r} was skipped: {reason}")


def _same_work(old: Plan, new: Any) -> Plan:
    """Return ``new`` if it is a legal plan for the work of ``old``, else raise."""
    if not isinstance(new, Plan):
        raise TypeError(f"it returned {new!r}, not a plan")
    if new is old:
        return new
    new.verify()
    if new.feeds != old.feeds or new.variables != old.variables:
        raise ValueError("it changed the feeds or the variables that are read")
    if [v for v, _ in new.updates] != [v for v, _ in old.updates]:
        raise ValueError("it changed which variables are updated")
    if {n.id for n in new.nodes if n.pinned} != {n.id for n in old.nodes if n.pinned}:
        raise ValueError("it added or dropped nodes that are stateful, random or hold resources")
    if len(new.fetches) != len(old.fetches):
        raise ValueError(f"it returns {len(new.fetches)} values for {len(old.fetches)} fetches")
    before, after = all_specs(old), all_specs(new)
    for mine, theirs in zip(new.results, old.results, strict=True):
        a, b = after[mine], before[theirs]
        if a.dtype is not b.dtype or a.shape != b.shape:
            raise ValueError(f"a result is {a!r} instead of {b!r}")
    return new
