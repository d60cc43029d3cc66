"""The operation types that there are, from tfmini itself and from other packages.

In: what packages give through the hook ``tfmini_ops``, found by entry points of group ``tfmini``.
Out: types by name for whoever looks one up, and a report of every package: loaded, disabled, or
skipped with its reason.

Built-in operations come through the same hook, from the plugin ``tfmini``.  Others are loaded
when something is asked for that the built-ins don't have, or when the first session starts: so
that ``import tfmini`` stays quick and a broken package can't prevent it.  Nothing here depends on
the order of ``sys.path``: plugins are taken in the order of their names, and two that define one
operation are an error.

``TFMINI_DISABLE_PLUGINS``: names ``dist:name`` (or ``dist``), comma-separated, or ``all``.
``TFMINI_STRICT_PLUGINS=1``: a package that fails to load raises instead of being skipped.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy

from tfmini import hookspecs
from tfmini.errors import AlreadyExistsError, NotFoundError, PluginError
from tfmini.opdef import OpDef

GROUP = "tfmini"
BUILTIN = "tfmini"


@dataclass
class PluginReport:
    """What became of one entry point."""

    name: str  # "dist:entry-point"
    version: str
    status: str  # "loaded", "disabled" or "skipped"
    reason: str = ""
    ops: list[str] = field(default_factory=list)


class Registry:
    """Operation types by type name and by function name."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.reports: dict[str, PluginReport] = {}
        self._types: dict[str, OpDef] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._owners: dict[str, str] = {}
        self._gradients: dict[str, dict[str, Callable[..., Any]]] = {}
        self._entry_points_read = False
        self._lock = threading.RLock()

    # -- filling it -----------------------------------------------------------------------------

    def register(self, plugin: Any, name: str, version: str = "") -> None:
        """Register the hooks of ``plugin`` and all its operations, or none of them."""
        with self._lock:
            self.manager.register(plugin, name)
            try:
                functions = self._functions_of(plugin)
                self._check(functions, name)
            except BaseException:
                self.manager.unregister(name=name)
                raise
            for function in functions:
                opdef: OpDef = function.opdef  # type: ignore[attr-defined]
                opdef.package = name.partition(":")[0]
                self._types[opdef.type] = opdef
                self._functions[opdef.function_name] = function
                self._owners[opdef.type] = self._owners[opdef.function_name] = name
            ops = sorted(self._names(functions))
            self.reports[name] = PluginReport(name, version, "loaded", ops=ops)

    @staticmethod
    def _names(functions: Iterable[Any]) -> list[str]:
        return [f.opdef.function_name for f in functions]

    def _functions_of(self, plugin: Any) -> list[Callable[..., Any]]:
        caller = self.manager.subset_hook_caller(
            "tfmini_ops", [p for p in self.manager.get_plugins() if p is not plugin]
        )
        given = [item for items in caller() for item in items]
        return [f for item in given for f in _op_functions(item)]

    def _check(self, functions: Iterable[Callable[..., Any]], name: str) -> None:
        mine: dict[str, OpDef] = {}
        for function in functions:
            opdef: OpDef = function.opdef  # type: ignore[attr-defined]
            for key in dict.fromkeys((opdef.type, opdef.function_name)):
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
            strict = os.environ.get("TFMINI_STRICT_PLUGINS", "") not in ("", "0")
            disabled = _disabled()
            for name, version, load in _entry_points():
                if name in self.reports:
                    continue  # one distribution found twice on sys.path
                if {"all", name, name.partition(":")[0]} & disabled:
                    self.reports[name] = PluginReport(
                        name, version, "disabled", "TFMINI_DISABLE_PLUGINS"
                    )
                    continue
                self._load(name, version, load, strict)

    def _load(self, name: str, version: str, load: Callable[[], Any], strict: bool) -> None:
        try:
            plugin = load()
        except (Exception, SystemExit) as e:
            if strict:
                raise PluginError(
                    None,
                    None,
                    f"plugin {name!r} can't be imported: {type(e).__name__}: {e}. Mend or "
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
                    None, None, f"plugin {name!r} can't be registered: {type(e).__name__}: {e}."
                ) from e
            self._skip(name, version, e)

    def _skip(self, name: str, version: str, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.reports[name] = PluginReport(name, version, "skipped", reason)

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
        """Return the function ``tf.<name>`` of a plugin or a built-in, or None."""
        if name not in self._functions:
            self.load_entry_points()
        return self._functions.get(name)

    def function_names(self) -> list[str]:
        self.load_entry_points()
        return sorted(self._functions)

    def skipped(self) -> list[PluginReport]:
        """Return the reports of packages that could not be loaded."""
        return [r for r in self.reports.values() if r.status == "skipped"]

    # -- gradients registered by hand -----------------------------------------------------------

    def register_gradient(self, name: str, function: Callable[..., Any]) -> None:
        """Register ``function`` under ``name``; a module that runs again replaces its own."""
        with self._lock:
            self._gradients.setdefault(name, {})[function.__module__] = function

    def gradient(self, name: str, module: str = "") -> Callable[..., Any] | None:
        """Return the gradient function that ``RegisterGradient(name)`` decorated, or None.

        Scripts in one process may each have their ``add``: one of ``module`` itself goes first.
        """
        found = self._gradients.get(name, {})
        if module in found or not found:
            return found.get(module)
        if len(found) > 1:
            raise AlreadyExistsError(
                None,
                None,
                f"gradients for {name!r} are registered by {', '.join(sorted(found))}; none of "
                f"them is the module that defines the operation.",
            )
        return next(iter(found.values()))


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


def _entry_points() -> list[tuple[str, str, Callable[[], Any]]]:
    from importlib.metadata import entry_points

    found = []
    for ep in entry_points(group=GROUP):
        dist = ep.dist
        dist_name = dist.name if dist else "unknown"
        found.append((f"{dist_name}:{ep.name}", dist.version if dist else "", ep.load))
    return sorted(found, key=lambda item: item[0])


def _disabled() -> set[str]:
    names = os.environ.get("TFMINI_DISABLE_PLUGINS", "")
    return {name.strip() for name in names.split(",") if name.strip()}


registry = Registry()


class RegisterGradient:
    """Decorator that registers a gradient function under an operation type's name.

    For lesson-style operations (classes derived from ``tf.Operation``) the function takes the
    operation, with the *values* ``op.inputs`` and ``op.output``, and the gradient's value; it
    returns one value per input.  For other types it takes tensors and returns tensors, as in
    TensorFlow.
    """

    def __init__(self, op_type: str) -> None:
        self._op_type = op_type

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        registry.register_gradient(self._op_type, function)
        return function
