"""What is public is documented."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import tfmini as tf
from tfmini import hookspecs

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
HOOKS = [f for name, f in vars(hookspecs).items() if name.startswith("tfmini_")]


def public(module):
    """Return (name, object) for what a user of ``module`` finds in it."""
    for name, value in vars(module).items():
        ours = getattr(value, "__module__", "").startswith("tfmini")
        if not name.startswith("_") and ours and callable(value):
            yield name, value


OBJECTS = {
    f"{m.__name__}.{name}": value for m in (tf, tf.train, tf.errors) for name, value in public(m)
}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda f: f.__name__)
def test_hooks_are_documented(hook):
    assert inspect.getdoc(hook)
    assert f"`{hook.__name__}(" in README
    assert inspect.signature(hook).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", OBJECTS)
def test_public_objects_have_docstrings(name):
    value = OBJECTS[name]
    text = inspect.getdoc(value)
    assert text, name
    assert text[0].isupper() or text[0] in "`(", name
    assert text.partition("\n\n")[0].rstrip()[-1] in ".:", name


@pytest.mark.parametrize("module", [tf, tf.train, tf.errors], ids=lambda m: m.__name__)
def test_modules_have_docstrings(module):
    assert module.__doc__


def test_public_methods_have_docstrings():
    missing = [
        f"{cls.__name__}.{name}"
        for cls in (tf.Session, tf.train.Optimizer)
        for name, value in vars(cls).items()
        if not name.startswith("_") and inspect.isfunction(value) and not value.__doc__
    ]
    assert [m for m in missing if m not in ("Optimizer.get_name", "Optimizer.get_slot_names")] == []
