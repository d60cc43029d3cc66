"""The packages of plugins/ are whole, and register beside the built-in operations."""

import importlib
import tomllib
from pathlib import Path

import pytest

from tfmini import hookspecs, missing, ops
from tfmini.registry import BUILTIN, GROUP, Registry

PACKAGES = sorted(
    p for p in (Path(__file__).resolve().parents[1] / "plugins").iterdir() if p.is_dir()
)
HOOKS = [name for name in vars(hookspecs) if name.startswith("tfmini_")]
each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)


def project(package):
    return tomllib.loads((package / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_package_that_uses_it(hook):
    sources = [p.read_text() for package in PACKAGES for p in package.rglob("*.py")]
    assert any(f"@tf.hookimpl\ndef {hook}(" in source for source in sources)


@each_package
def test_package_is_whole(package):
    metadata = project(package)
    assert metadata["name"] == package.name
    assert any(d.startswith("tfmini-dask") for d in metadata["dependencies"])
    assert "test" in metadata["optional-dependencies"]
    assert metadata["entry-points"][GROUP]
    assert package.name in (package / metadata["readme"]).read_text()
    assert list((package / "tests").glob("test_*.py"))


@each_package
def test_package_registers(package, monkeypatch):
    monkeypatch.syspath_prepend(str(package))
    registry = Registry()
    registry.register(ops, BUILTIN)
    builtin = set(registry.reports[BUILTIN].ops)
    for name, module in project(package)["entry-points"][GROUP].items():
        try:
            plugin = importlib.import_module(module)
        except ModuleNotFoundError as e:
            if e.name == module:
                raise
            pytest.skip(f"{package.name} needs {e.name}, which is not installed")
        full_name = f"{package.name}:{name}"
        registry.register(plugin, full_name)
        report = registry.reports[full_name]
        assert report.status == "loaded"
        assert not builtin & set(report.ops)
        documented = (package / "README.md").read_text()
        public = [op for op in report.ops if not op.startswith("_")]
        assert [op for op in public if f"`tf.{op}(" not in documented] == []
        given = {*report.ops, *registry._names_given}
        assert missing.PACKAGES.get(package.name, set()) <= given  # what errors say it has
