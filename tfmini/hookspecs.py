"""The hooks that a package may implement. There are few; each has a plugin here that uses it.

A package declares an entry point in group ``tfmini`` whose value is a module (or an object) with
functions of these names, decorated with ``@tfmini.hookimpl``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("tfmini")
hookimpl = pluggy.HookimplMarker("tfmini")


@hookspec
def tfmini_ops() -> list[ModuleType | Any]:  # type: ignore[empty-body]
    """Return the operations of this package: modules that define them, or functions made by
    ``@op``.

    Called once, when the registry first loads its plugins.  All op functions that a returned
    module defines itself (not those it imports) are registered.
    """
