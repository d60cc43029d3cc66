"""The hooks that a package may implement. There are few; each has a plugin here that uses it.

A package declares an entry point in group ``tfmini`` whose value is a module (or an object) with
functions of these names, decorated with ``@tfmini.hookimpl``.  Each may take fewer parameters than
are given here, by name.  Where several packages implement a hook they are called in the order of
their names.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from tfmini.observe import Run, RunObserver
    from tfmini.plan import Plan

hookspec = pluggy.HookspecMarker("tfmini")
hookimpl = pluggy.HookimplMarker("tfmini")


@hookspec
def tfmini_ops() -> list[ModuleType | Any]:  # type: ignore[empty-body]
    """Return the operations of this package: modules that define them, or functions made by
    ``@op``.

    Called once, when the registry first loads its plugins.  All op functions that a returned
    module defines itself (not those it imports) are registered.
    """


@hookspec
def tfmini_names() -> dict[str, Any]:  # type: ignore[empty-body]
    """Return what else appears below ``tf``, by its name there: ``{"signal": module}`` for a
    namespace, ``{"math.lgamma": lgamma}`` for one more name in a namespace that is there.

    Called once, with ``tfmini_ops``.  Two packages that give one name are an error, as two that
    define one operation are; so is a name that tfmini itself has.
    """


@hookspec
def tfmini_plan_pass(plan: Plan) -> Plan:  # type: ignore[empty-body]
    """Return a plan with the results of ``plan`` that is quicker to run, or ``plan`` itself.

    Called when a program is compiled, which is once for each set of fetches, feeds and shapes of
    feeds: after all passes of tfmini (values have the specs that follow from the feeds, groups of
    element-wise nodes are ``passes.fuse.Fused`` nodes), before the plan is cut into regions; once
    more for each shard of a plan that is sharded.  The result must be legal (``plan.verify()``),
    with the same feeds, variables and updates, fetches of the same specs, and the same stateful and
    random nodes.  New op types travel to workers by reference, as all do.
    ``plan.noted(...)`` adds lines to what ``session.explain`` prints, such as why something was
    left as it is.

    A pass that raises, or returns an illegal plan, is skipped: the plan stays as it was, with a
    note, a logged warning and the reason in ``python -m tfmini plugins``.  In strict mode
    (``TFMINI_STRICT_PLUGINS=1``) it raises ``PluginError``.
    """


@hookspec
def tfmini_run_observer(run: Run) -> RunObserver | None:
    """Return who watches ``run``, an object with the methods of ``tfmini.RunObserver``, or None.

    Called before each run of a session, in the thread that runs it.  A run that nobody watches
    is carried out as if there were no observer.  What an observer raises is logged, with the name
    of its plugin; the observer is then dropped for the rest of the run, which goes on.
    """
