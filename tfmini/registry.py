"""The operation types that there are, from tfmini itself and from other packages.

In: what packages give through the hooks of ``hookspecs``; entry points of group ``tfmini`` name it.
Out: types by name for whoever looks one up, plan passes and observers, and a report of every
package: loaded, disabled, or skipped with its reason.

Built-in operations come through the same hook, from the plugin ``tfmini``.  Others are loaded
when something is asked for that the built-ins don't have, or when the first session starts: so
that ``import tfmini`` stays quick and a broken package can't prevent it.  Nothing here depends on
the order of ``sys.path``: plugins are taken in the order of their names, and two that define one
operation are an error.

``TFMINI_DISABLE_PLUGINS``: names ``dist:name`` (or ``dist``), comma-separated, or ``all``; names
that mean the same to pip (case, ``-``, ``_``, ``.``) mean the same here.
``TFMINI_STRICT_PLUGINS=1``: a package that fails to load raises instead of being skipped.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy

from tfmini import hookspecs
from tfmini.errors import NotFoundError, PluginError
from tfmini.opdef import OpDef

GROUP = "tfmini"
BUILTIN = "tfmini"
DISTRIBUTION = "tfmini-dask"  # what a plugin names to say which versions it works with


@dataclass
class PluginReport:
    """What became of one entry point."""

    name: str  # "dist:entry-point"
    version: str
    status: str  # "loaded", "disabled" or "skipped"
    reason: str = ""
    ops: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)


class Hook:
    """One plugin's implementation of a hook: call it with all that the hook gives, by name."""

    __slots__ = ("name", "plugin", "_function", "_takes")

    def __init__(self, implementation: pluggy.HookImpl, name: str) -> None:
        if implementation.hookwrapper or implementation.wrapper:
            raise TypeError(f"hook {name!r} can't be a wrapper")
        self.name = name
        self.plugin = implementation.plugin_name
        self._function: Callable[..., Any] = implementation.function
        self._takes = implementation.argnames

    def __call__(self, **given: Any) -> Any:
        return self._function(*[given[name] for name in self._takes])


class Registry:
    """Operation types by type name and by function name."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.reports: dict[str, PluginReport] = {}
        self.version = ""  # tfmini's own
        self.plan_passes: tuple[Hook, ...] = ()
        self.run_observers: tuple[Hook, ...] = ()
        self._types: dict[str, OpDef] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._names_given: dict[str, Any] = {}  # by tfmini_names
        self._owners: dict[str, str] = {}
        self._entry_points_read = False
        self._lock = threading.RLock()

    # -- filling it -----------------------------------------------------------------------------

    def register(self, plugin: Any, name: str, version: str = "") -> None:
        """Register the hooks of ``plugin`` and all its operations, or none of them."""
        with self._lock:
            if self.manager.has_plugin(name):
                raise ValueError(f"plugin {name!r} is already registered")
            try:
                self.manager.register(plugin, name)
                self._check_hooks(plugin)
                functions, types = self._functions_of(plugin), self._types_of(plugin)
                self._check(functions, types, name)
                given = self._names_of(plugin, functions, name)
                passes, observers = self._hooks("plan_pass"), self._hooks("run_observer")
            except BaseException:
                if self.manager.has_plugin(name):
                    self.manager.unregister(name=name)
                raise
            for opdef in types:
                opdef.package = name.partition(":")[0]
                self._types[opdef.type] = opdef
                self._owners[opdef.type] = name
            for function in functions:
                opdef = function.opdef  # type: ignore[attr-defined]
                opdef.package = name.partition(":")[0]
                self._types[opdef.type] = opdef
                self._functions[opdef.function_name] = function
                self._owners[opdef.type] = self._owners[opdef.function_name] = name
            self._names_given.update(given)
            self._owners.update(dict.fromkeys(given, name))
            self.plan_passes, self.run_observers = passes, observers
            ops = sorted(self._names(functions))
            hooks = [h.name for h in self.manager.get_hookcallers(plugin) or ()]
            self.reports[name] = PluginReport(name, version, "loaded", ops=ops, hooks=sorted(hooks))

    def unregister(self, name: str) -> None:
        """Take back what plugin ``name`` has registered; programs compiled before keep it."""
        with self._lock:
            self.manager.unregister(name=name)
            for key in [k for k, owner in self._owners.items() if owner == name]:
                del self._owners[key]
                self._types.pop(key, None)
                self._functions.pop(key, None)
                self._names_given.pop(key, None)
            self.plan_passes = self._hooks("plan_pass")
            self.run_observers = self._hooks("run_observer")
            del self.reports[name]

    def _check_hooks(self, plugin: Any) -> None:
        """Raise if ``plugin`` has hooks that tfmini does not know, or that are not marked."""
        known = [n for n in vars(hookspecs) if n.startswith("tfmini_")]
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as e:
            raise TypeError(f"{e}; the hooks of this version are: {', '.join(known)}") from None
        marked = [h.name for h in self.manager.get_hookcallers(plugin) or ()]
        for name in known:
            if name not in marked and callable(getattr(plugin, name, None)):
                raise TypeError(f"{name} is no hook yet: decorate it with @tfmini.hookimpl")

    def _hooks(self, kind: str) -> tuple[Hook, ...]:
        caller = getattr(self.manager.hook, f"tfmini_{kind}")
        found = [Hook(i, caller.name) for i in caller.get_hookimpls()]
        return tuple(sorted(found, key=lambda hook: hook.plugin))

    def failed(self, hook: Hook, error: BaseException, consequence: str) -> str:
        """Report that ``hook`` raised; return the reason.  Raise PluginError in strict mode."""
        reason = f"{hook.name}: {_one_line(error)}"
        if self.reports[hook.plugin].reason != reason:  # the same once
            self.reports[hook.plugin].reason = reason
            _log.warning("plugin %r: %s; %s.", hook.plugin, reason, consequence)
        return reason

    @staticmethod
    def _names(functions: Iterable[Any]) -> list[str]:
        return [f.opdef.function_name for f in functions]

    def _types_of(self, plugin: Any) -> list[OpDef]:
        """Return the types in the plugin's modules that no function of one's own makes."""
        return [
            value
            for item in self._items_of(plugin)
            if isinstance(item, ModuleType)
            for value in vars(item).values()
            if isinstance(value, OpDef) and type(value).__module__ == item.__name__
        ]

    def _functions_of(self, plugin: Any) -> list[Callable[..., Any]]:
        return [f for item in self._items_of(plugin) for f in _op_functions(item)]

    def _items_of(self, plugin: Any) -> list[Any]:
        caller = self.manager.subset_hook_caller(
            "tfmini_ops", [p for p in self.manager.get_plugins() if p is not plugin]
        )
        return [item for items in caller() for item in items]

    def _names_of(self, plugin: Any, functions: Iterable[Any], name: str) -> dict[str, Any]:
        """Return what ``plugin`` gives by ``tfmini_names``, checked against what there is."""
        others = [p for p in self.manager.get_plugins() if p is not plugin]
        given = {k: v for d in self.manager.subset_hook_caller("tfmini_names", others)()
                 for k, v in dict(d).items()}  # fmt: skip
        for key in given:
            if not isinstance(key, str) or not all(map(str.isidentifier, key.split("."))):
                raise TypeError(f"tfmini_names returned the name {key!r}: no Python name")
            owner = name if key in self._names(functions) else self._owners.get(key)
            if owner is not None:
                raise PluginError(
                    None, None, f"tf.{key} is given by {owner!r} and by {name!r}: rename one, or "
                    f"set TFMINI_DISABLE_PLUGINS={name}.",
                )  # fmt: skip
        return given

    def _check(self, functions: Iterable[Any], types: Iterable[OpDef], name: str) -> None:
        mine: dict[str, OpDef] = {}
        named = [(f.opdef, (f.opdef.type, f.opdef.function_name)) for f in functions]
        for opdef, keys in [*named, *[(t, (t.type,)) for t in types]]:
            for key in dict.fromkeys(keys):
                if mine.setdefault(key, opdef) is not opdef:
                    raise PluginError(None, None, f"plugin {name!r} defines {key!r} twice.")
                if key in self._owners:
                    raise PluginError(
                        None,
                        None,
                        f"operation {key!r} is defined by {self._owners[key]!r} and by {name!r}. "
                        f"Rename one, uninstall one, or set TFMINI_DISABLE_PLUGINS={name}.",
                    )

    def load_entry_points(self) -> None:
        """Load the installed packages that declare a plugin; done once."""
        if self._entry_points_read:
            return
        with self._lock:
            if self._entry_points_read:
                return
            self._entry_points_read = True
            disabled = _disabled()
            seen = {_normal(name) for name in self.reports}
            for name, version, needs, load in _entry_points():
                if _normal(name) in seen:
                    continue  # one distribution found twice on sys.path
                seen.add(_normal(name))
                if {"all", _normal(name), _normal(name.partition(":")[0])} & disabled:
                    self.reports[name] = PluginReport(
                        name, version, "disabled", "TFMINI_DISABLE_PLUGINS"
                    )
                    continue
                self._load(name, version, needs, load)

    def _load(self, name: str, version: str, needs: Sequence[str], load: Callable[[], Any]) -> None:
        strict = is_strict()
        try:
            _check_version(needs, self.version)
            plugin = load()
        except (Exception, SystemExit) as e:
            if strict:
                raise PluginError(
                    None,
                    None,
                    f"plugin {name!r} can't be imported: {_one_line(e)}. Mend, update or "
                    f"uninstall it, or set TFMINI_DISABLE_PLUGINS={name}.",
                ) from e
            self._skip(name, version, e)
            return
        try:
            self.register(plugin, name, version)
        except PluginError:
            self._entry_points_read = False  # the next use says it again
            raise
        except Exception as e:
            if strict:
                raise PluginError(
                    None, None, f"plugin {name!r} can't be registered: {_one_line(e)}."
                ) from e
            self._skip(name, version, e)

    def _skip(self, name: str, version: str, error: BaseException) -> None:
        self.reports[name] = PluginReport(name, version, "skipped", _one_line(error))

    def reserve(self, names: Iterable[str]) -> None:
        """Keep ``names``, those of the package itself, from operations of plugins."""
        for name in names:
            self._owners.setdefault(name, BUILTIN)

    # -- asking it ------------------------------------------------------------------------------

    def types(self) -> dict[str, OpDef]:
        """Return all operation types by type name, those of plugins included."""
        self.load_entry_points()
        return dict(sorted(self._types.items()))

    def type(self, name: str) -> OpDef:
        """Return the operation type called ``name``, e.g. ``"MatMul"``."""
        if name not in self._types:
            self.load_entry_points()
        try:
            return self._types[name]
        except KeyError:
            raise NotFoundError(
                None, None, f"no operation type {name!r}; `python -m tfmini ops` lists them."
            ) from None

    def function(self, name: str) -> Callable[..., Any] | None:
        """Return the function, or what else a plugin names so, ``tf.<name>``; or None."""
        if name not in self._functions and name not in self._names_given:
            self.load_entry_points()
        return self._functions.get(name, self._names_given.get(name))

    def names(self) -> list[str]:
        """Return what packages other than tfmini itself have put below ``tf``."""
        self.load_entry_points()
        given = {**self._functions, **self._names_given}
        theirs = [n for n in given if self._owners[n] != BUILTIN]
        return sorted([n for n in theirs if "." not in n and not n.startswith("_")])

    def skipped(self) -> list[PluginReport]:
        """Return the reports of packages that could not be loaded."""
        return [r for r in self.reports.values() if r.status == "skipped"]


def _op_functions(item: Any) -> list[Callable[..., Any]]:
    if isinstance(item, ModuleType):
        return [
            value
            for value in vars(item).values()
            if isinstance(getattr(value, "opdef", None), OpDef)
            and value.__module__ == item.__name__
        ]
    if isinstance(getattr(item, "opdef", None), OpDef):
        return [item]
    raise TypeError(f"tfmini_ops returned {item!r}: give modules, or functions made by @op")


def is_strict() -> bool:
    """Whether a plugin that fails is to raise instead of being skipped."""
    return os.environ.get("TFMINI_STRICT_PLUGINS", "") not in ("", "0")


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _check_version(needs: Sequence[str], version: str) -> None:
    """Raise if a plugin's requirements name versions of tfmini that this is not one of."""
    from packaging.requirements import Requirement  # Dask brings it

    for need in map(Requirement, needs if version else ()):
        if _normal(need.name) != DISTRIBUTION or (need.marker and not need.marker.evaluate()):
            continue
        if not need.specifier.contains(version, prereleases=True):
            raise ImportError(
                f"it needs {DISTRIBUTION}{need.specifier}, and this is {version}: update the older "
                f"of the two"
            )


def _entry_points() -> list[tuple[str, str, Sequence[str], Callable[[], Any]]]:
    from importlib.metadata import entry_points

    found = []
    for ep in entry_points(group=GROUP):
        dist = ep.dist
        dist_name = dist.name if dist else "unknown"
        version, needs = (dist.version or "", dist.requires or ()) if dist else ("", ())
        found.append((f"{dist_name}:{ep.name}", version, needs, ep.load))
    return sorted(found, key=lambda item: _normal(item[0]))


def _disabled() -> set[str]:
    names = os.environ.get("TFMINI_DISABLE_PLUGINS", "")
    return {_normal(name.strip()) for name in names.split(",") if name.strip()}


def _normal(name: str) -> str:
    """Return ``name`` as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


_log = logging.getLogger("tfmini")


registry = Registry()
