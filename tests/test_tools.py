"""What authors of operations use: the pytest plugin, ``check`` and ``new-plugin``."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import planted
import pytest

from tfmini import errors, scaffold
from tfmini.__main__ import main

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, path=(), folder=None):
    """Run Python in a fresh process that sees the checkout and ``path`` first."""
    places = [str(p) for p in (*path, ROOT, Path(__file__).parent)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "COLUMNS": "200"}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TFMINI_STRICT_PLUGINS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def write_package(folder, body):
    """Write a module ``ops_here`` with operations into ``folder``."""
    (folder / "ops_here.py").write_text(
        f"import numpy as np\nimport tfmini as tf\n\n{body}\n", encoding="utf-8"
    )


GOOD = '''
@tf.op("HereTwice")
class here_twice(tf.Elementwise):
    """Return ``2 * x``."""

    kinds = "f"
    samples = [((2, 3),)]

    def compute(self, x, *, out=None):
        return np.multiply(x, 2.0, out=out)

    def gradient(self, node, grad):
        return (2.0 * grad,)
'''
BAD = GOOD.replace("2.0 * grad", "3.0 * grad")
EXPECTED = BAD.replace("    kinds", "    expected_failures = {'gradient': 'known'}\n    kinds")


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        (GOOD, 0, "passed"),
        (BAD, 1, "here_twice: gradient: failed: sample 0"),
        (EXPECTED, 0, "1 xfailed"),
    ],
)
def test_pytest_plugin(tmp_path, body, status, wanted):
    write_package(tmp_path, body)
    tests = tmp_path / "empty"
    tests.mkdir()
    result = run(
        "-m", "pytest", "-p", "tfmini.testing.plugin", "--tfmini-ops=ops_here", "-v", str(tests),
        path=[tmp_path], folder=tests,
    )  # fmt: skip
    assert wanted in result.stdout, result.stdout + result.stderr
    assert "HereTwice-infer" in result.stdout
    assert result.returncode == status


def test_pytest_plugin_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"tfmini": "tfmini.testing.plugin"}


def test_pytest_plugin_selects_by_name(tmp_path):
    write_package(tmp_path, BAD)
    result = run(
        "-m", "pytest", "-p", "tfmini.testing.plugin", "--tfmini-ops=ops_here",
        "-k", "infer and not refuses",
        path=[tmp_path], folder=tmp_path,
    )  # fmt: skip
    assert "2 passed" in result.stdout, result.stdout + result.stderr


def test_pytest_plugin_names_an_unknown_package(tmp_path):
    result = run(
        "-m", "pytest", "-p", "tfmini.testing.plugin", "--tfmini-ops=nowhere", folder=tmp_path
    )
    assert result.returncode != 0
    assert "no operations of 'nowhere'" in result.stdout + result.stderr


def test_check_prints_a_table(capsys, monkeypatch):
    monkeypatch.setattr("tfmini.testing.check.ops_of", lambda _package: [planted.sound.opdef])
    assert main(["check", "planted"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].split()[:2] == ["operation", "1"]
    assert "1 operations:" in printed


def test_check_fails_with_the_reason(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfmini.testing.check.ops_of", lambda _package: [planted.wrong_factor])
    assert main(["check", "planted"]) == 1
    assert "wrong_factor: gradient: failed: sample 0" in capsys.readouterr().out


def test_check_of_nothing(capsys):
    assert main(["check", "nowhere"]) == 1
    assert "no operations of 'nowhere'" in capsys.readouterr().err


def install(folder, site):
    """Put the package in ``folder`` into ``site`` as an installer would: module and metadata."""
    module = next(folder.glob("*.py"))
    (site / module.name).write_text(module.read_text())
    info = site / f"{module.stem}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.name}\nVersion: 0.1.0\n")
    short = module.stem.removeprefix("tfmini_").replace("_", "-")
    (info / "entry_points.txt").write_text(f"[tfmini]\n{short} = {module.stem}\n")


@pytest.mark.parametrize("name", ["tfmini-wave", "Own_Ops"])
def test_new_plugin_passes_its_own_tests(tmp_path, capsys, name):
    site = tmp_path / "site"
    site.mkdir()
    assert main(["new-plugin", name, "--directory", str(tmp_path)]) == 0
    folder = tmp_path / name
    assert f"pytest {folder}" in capsys.readouterr().out
    install(folder, site)
    result = run("-m", "pytest", "-q", "-p", "no:cacheprovider", path=[site], folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout


def test_new_plugin_is_checked_by_its_name(tmp_path):
    folder = scaffold.write("tfmini-wave", tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    install(folder, site)
    result = run("-m", "tfmini", "check", "tfmini-wave", path=[site])
    assert result.returncode == 0, result.stdout + result.stderr
    assert "wave_example" in result.stdout
    assert " 0 failed" in result.stdout


def test_new_plugin_is_like_the_template(tmp_path):
    """The files are those of plugins/tfmini-special, with the same sections."""
    folder = scaffold.write("tfmini-wave", tmp_path)
    template = ROOT / "plugins" / "tfmini-special"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {
        "pyproject.toml", "README.md", "tfmini_wave.py", "tests/test_tfmini_wave.py",
    }  # fmt: skip
    mine, theirs = (tomllib.loads((f / "pyproject.toml").read_text()) for f in (folder, template))
    assert set(mine) == set(theirs)
    assert mine["build-system"] == theirs["build-system"]
    assert mine["project"]["entry-points"] == {"tfmini": {"wave": "tfmini_wave"}}
    assert mine["project"]["requires-python"] == theirs["project"]["requires-python"]
    lines = (folder / "tfmini_wave.py").read_text().splitlines()
    assert len(lines) + len((folder / "tests/test_tfmini_wave.py").read_text().splitlines()) < 60


@pytest.mark.parametrize("name", ["tfmini", "1st", "a--b", "../up", "", "tfmini-class"])
def test_new_plugin_refuses_bad_names(tmp_path, name):
    with pytest.raises(errors.InvalidArgumentError):
        scaffold.write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_new_plugin_does_not_overwrite(tmp_path):
    scaffold.write("tfmini-wave", tmp_path)
    with pytest.raises(errors.AlreadyExistsError, match="is there already"):
        scaffold.write("tfmini-wave", tmp_path)
