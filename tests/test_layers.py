"""Imports run one way: each file imports only from those before it."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "tfmini"

# A layer may import from those above it in this list, and from its own folder.
LAYERS = [
    "errors", "deadlines", "device_names", "logging", "flags", "app", "dtypes", "shapes",
    "spec", "formats", "nodes", "conversions", "deprecated", "graph", "defaults", "opdef",
    "late", "dims", "build", "hookspecs", "registry", "gradient_functions", "threads", "memory",
    "kernels", "assignments", "ops", "nest", "initializers", "variable_scope",
    "shared_variables", "templates", "layers", "losses", "metrics", "rnn", "chunks", "data",
    "queues", "gfile", "autodiff", "lesson", "exchange", "summaries", "plan", "passes",
    "codegen", "tasks", "lower", "program", "reduction", "row_blocks", "shard_tasks", "shards",
    "locality", "explain", "executors", "observe", "tracing", "devices", "feeds", "fetches",
    "store", "uploads", "preflight", "placing", "remote", "calls", "partial", "session",
    "train", "saved_model", "missing", "distributions", "lookup", "feature_column", "compat",
    "examples", "contrib", "keras", "gradient_checker", "test",
]  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def is_face(path):
    """Whether a file only gathers names for users, as ``tf.nn`` does."""
    body = ast.parse(path.read_text()).body
    return path.parent == PACKAGE and all(
        isinstance(n, (ast.Import, ast.ImportFrom, ast.Expr, ast.Assign)) for n in body
    )


# What no layer may import: faces, and what is for authors and the command line.
TOPS = ["", "__main__", "scaffold", "testing", *[p.stem for p in FILES if is_face(p)]]


def layer(path):
    """Return the layer of a file: the first part of its module's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


@functools.cache
def imports(path):
    """Return (line, module) for each import of a file that is carried out when it runs."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    out = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            out += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            submodules = [f"{node.module}.{a.name}" for a in node.names]
            found = [m for m in submodules if is_module(m)]
            out += [(node.lineno, m) for m in found or [node.module]]
    return out


def is_module(name):
    top, *rest = name.split(".")
    base = PACKAGE.joinpath(*rest)
    return top == "tfmini" and (base.with_suffix(".py").exists() or (base / "__init__.py").exists())


def others(path, top):
    """Return (line, module) for imports of ``top`` and what is in it."""
    return [(n, m) for n, m in imports(path) if m == top or m.startswith(top + ".")]


def test_every_file_has_its_place():
    assert {layer(p) for p in FILES} <= {*LAYERS, *TOPS}
    assert {*LAYERS} <= {layer(p) for p in FILES}  # a layer that is gone leaves the list too


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    mine = layer(path)
    for line, module in others(path, "tfmini"):
        theirs = [*module.split("."), ""][1]
        where = f"{path}:{line} imports {module}"
        if mine in TOPS or theirs == mine:
            assert theirs != "__main__", where
            continue
        assert theirs in LAYERS, where
        assert LAYERS.index(theirs) < LAYERS.index(mine), where


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("dask._task_spec", {"lower"}),
        ("distributed", {"executors", "preflight", "remote"}),
        ("dask", {"executors", "lower", "chunks", "shards"}),
        ("pluggy", {"registry", "hookspecs"}),
    ],
)
def test_who_imports_what(module, allowed):
    # What ships for tests may use what it tests with.
    found = {layer(p) for p in FILES if others(p, module)} - {"testing"}
    assert found <= allowed
    assert module == "dask" or found


@pytest.mark.parametrize("name", ["threads", "kernels", "errors"])
def test_the_bottom_needs_numpy_alone(name):
    for path in FILES:
        if layer(path) == name:
            for line, module in imports(path):
                top = module.split(".")[0]
                inside = module.split(".")[:2] in (["tfmini", name], ["tfmini", "threads"])
                assert top in sys.stdlib_module_names | {"numpy"} or inside, f"{path}:{line}"


def test_importing_the_package_is_light():
    """Dask's scheduler and ``distributed`` are imported when something needs them."""
    import subprocess

    code = (
        "import gc, sys, tfmini as tf; tf.Session().run(tf.constant(1.0) + 1.0);"
        "assert gc.isenabled();"
        "print([m for m in ('dask', 'distributed', 'scipy', 'unittest', 'tfmini.contrib',"
        " 'tfmini.feature_column', 'tfmini.lookup', 'tfmini.testing') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
