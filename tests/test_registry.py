"""The registry: what is there, from whom, and what is refused."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest

import tfmini as tf
from tfmini import ops
from tfmini.errors import PluginError
from tfmini.gradient_functions import gradient_function
from tfmini.opdef import MISSING, OpDef
from tfmini.registry import BUILTIN, Registry, registry


def operation(function_name, type_name, module=__name__):
    cls = type(function_name, (tf.OpDef,), {"compute": lambda self, x: x, "__module__": module})
    return tf.op(type_name)(cls)


def plugin(*items):
    """Return a module-like plugin that gives ``items``."""

    class Plugin:
        @tf.hookimpl
        def tfmini_ops(self):
            return list(items)

    return Plugin()


@pytest.fixture
def fresh():
    made = Registry()
    made.register(ops, BUILTIN)
    return made


def test_built_ins_come_through_the_hook(fresh):
    assert fresh.reports[BUILTIN].status == "loaded"
    assert "exp" in fresh.reports[BUILTIN].ops
    assert fresh.type("Exp") is tf.exp.opdef
    assert fresh.function("exp") is tf.exp
    assert fresh.manager.get_plugin(BUILTIN) is ops


def test_every_operation_of_the_package_is_registered():
    for found in pkgutil.iter_modules(ops.__path__):
        module = importlib.import_module(f"tfmini.ops.{found.name}")
        for value in vars(module).values():
            opdef = getattr(value, "opdef", None)
            if isinstance(opdef, OpDef):
                assert registry.type(opdef.type) is opdef


def test_graph_building_types_are_listed():
    for name in ("Placeholder", "Assign", "AssignAdd", "NoOp", "ApplyAdam"):
        assert registry.type(name).type == name


def test_types_are_sorted_and_whole():
    found = registry.types()
    assert list(found) == sorted(found)
    for name, opdef in found.items():
        assert opdef.type == name
        assert opdef.package
        assert opdef.gradient is not MISSING or opdef.random, name


def test_names_that_begin_with_an_underscore_are_a_packages_own(fresh):
    fresh.register(plugin(operation("_hidden", "Hidden"), operation("shown", "Shown")), "some:1")
    assert fresh.type("Hidden").function_name == "_hidden"
    assert "shown" in fresh.names()
    assert not [name for name in fresh.names() if name.startswith("_")]


def test_unknown_names():
    with pytest.raises(tf.errors.NotFoundError, match=r"'Nothing'.*python -m tfmini ops"):
        registry.type("Nothing")
    assert registry.function("nothing") is None
    with pytest.raises(AttributeError, match=r"no tf\.nothing; used at .*test_registry"):
        _ = tf.nothing
    assert not hasattr(tf, "__nothing__")


def test_functions_and_modules_register(fresh):
    module = types.ModuleType("some_module")
    module.one = operation("one", "RegistryOne", "some_module")
    module.imported = operation("imported", "RegistryImported", "elsewhere")
    two = operation("two", "RegistryTwo")
    fresh.register(plugin(module, two), "dist:name", "1.0")
    report = fresh.reports["dist:name"]
    assert (report.status, report.version, report.ops) == ("loaded", "1.0", ["one", "two"])
    assert fresh.function("two") is two
    assert two.opdef.package == "dist"
    assert "RegistryImported" not in fresh.types()


@pytest.mark.parametrize(
    ("function_name", "type_name", "key"),
    [("exp", "RegistryMine", "'exp'"), ("registry_mine", "MatMul", "'MatMul'")],
)
def test_shadowing_a_built_in_is_refused(fresh, function_name, type_name, key):
    before = set(fresh.types())
    with pytest.raises(
        tf.errors.OpError, match=rf"{key} is defined by 'tfmini' and by 'dist:name'"
    ):
        fresh.register(
            plugin(operation("good", "RegistryGood"), operation(function_name, type_name)),
            "dist:name",
        )
    assert set(fresh.types()) == before  # nothing of it, the good one neither
    assert "dist:name" not in fresh.reports
    assert fresh.manager.get_plugin("dist:name") is None


def test_names_of_the_package_are_taken():
    """``tf.gradients`` can't become an operation, nor ``tf.matmul``, a function around one."""
    for name in ("gradients", "matmul", "Session", "errors"):
        with pytest.raises(tf.errors.PluginError, match=f"'{name}' is defined by 'tfmini'"):
            registry.register(plugin(operation(name, "RegistryReserved")), "dist:name")


def test_defining_twice_is_refused(fresh):
    pair = operation("same", "RegistryA"), operation("same", "RegistryB")
    with pytest.raises(ImportError, match="defines 'same' twice"):
        fresh.register(plugin(*pair), "dist:name")


@pytest.mark.parametrize("item", [3, "matmul", abs, OpDef])
def test_what_is_no_operation_is_refused(fresh, item):
    with pytest.raises(TypeError, match="tfmini_ops returned"):
        fresh.register(plugin(item), "dist:name")
    assert fresh.manager.get_plugin("dist:name") is None


def test_gradients_go_to_the_class_of_their_module():
    def of_module(name):
        function = lambda op, grad: grad  # noqa: E731
        function.__module__ = name
        return function

    a, b = of_module("a"), of_module("b")
    name = "RegistryOfTwoModules"
    register = tf.RegisterGradient(name)
    assert gradient_function(name) is None
    register(a)
    assert gradient_function(name) is gradient_function(name, "c") is a
    register(b)
    assert gradient_function(name, "a") is a
    assert gradient_function(name, "b") is b
    with pytest.raises(tf.errors.AlreadyExistsError, match="by a, b"):
        gradient_function(name, "c")
    again = of_module("a")
    register(again)
    assert gradient_function(name, "a") is again


def test_register_gradient_returns_the_function():
    def gradient(op, grad):
        return grad

    assert tf.RegisterGradient("RegistryReturned")(gradient) is gradient


def test_a_plugin_names_namespaces_and_more():
    fresh, space, two = Registry(), object(), object()
    fresh.register(_Naming({"space": space, "math.two": two}), "dist:one")
    assert fresh.function("space") is space
    assert fresh.function("math.two") is two
    with pytest.raises(PluginError, match=r"tf\.space is given by 'dist:one' and by 'dist:two'"):
        fresh.register(_Naming({"space": 1}), "dist:two")
    fresh.reserve(["nn"])
    with pytest.raises(PluginError, match=r"tf\.nn is given by 'tfmini' and by"):
        fresh.register(_Naming({"nn": space}), "dist:three")
    fresh.unregister("dist:one")
    assert fresh.function("space") is None


class _Naming:
    def __init__(self, names):
        self.names = names

    @tf.hookimpl
    def tfmini_names(self):
        return self.names
