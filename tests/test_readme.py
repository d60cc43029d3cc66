"""The README holds: its code runs, its commands and tables are those of the package.

In: README.md.  Out: for each section, its blocks run in order in one namespace, and what they print
is what the comments beside `print` say.
"""

import doctest
import inspect
import re
import shlex
import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import tfmini as tf
from tfmini import hookspecs
from tfmini.__main__ import main
from tfmini.opdef import RESERVED

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PLUGIN = ROOT / "plugins" / "tfmini-special"
PACKAGE_MODULE = (PLUGIN / "tfmini_special.py").read_text()

# title -> text, of sections at any level
SECTIONS = {
    part.partition("\n")[0].strip(): part.partition("\n")[2]
    for part in re.split(r"^#+ (?=[A-Z])", README, flags=re.MULTILINE)[1:]
}


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def first_column(section):
    """Return the code in the first column of the section's tables."""
    cells = re.findall(r"^\| ([^|]+) \|", SECTIONS[section], flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def is_from_the_package(block):
    return block in PACKAGE_MODULE


def run_section(title, capsys):
    expected = []
    namespace = {"__name__": "__main__"}
    with tf.Graph().as_default():
        for block in blocks("python", SECTIONS[title]):
            if is_from_the_package(block):
                continue
            expected += re.findall(r"^ *print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
            exec(compile(block, "script.py", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    if expected:
        assert len(printed) == len(expected)
    for want, got in zip(expected, printed, strict=False):
        assert doctest.OutputChecker().check_output(
            want + "\n", got + "\n", doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        ), f"the README says {want!r}, it prints {got!r}"


WITH_CODE = [title for title, text in SECTIONS.items() if blocks("python", text)]


@pytest.mark.parametrize("title", [t for t in WITH_CODE if t != "A cluster"])
def test_section_runs(title, capsys):
    run_section(title, capsys)


@pytest.mark.cluster
def test_cluster_section_runs(capsys):
    run_section("A cluster", capsys)


def test_all_code_is_in_sections_that_run():
    assert sum(len(blocks("python", SECTIONS[t])) for t in WITH_CODE) == len(blocks("python"))


@pytest.mark.parametrize("wanted", ["examples/07_digits.py", "-m pytest"])
def test_set_up_commands(wanted):
    """One block each, of commands that make an environment from nothing and use only that."""
    (block,) = [b for b in blocks("sh", SECTIONS["Set up"]) if wanted in b]
    make, install, run = [shlex.split(c) for line in block.splitlines() for c in line.split("&&")]
    assert make == ["python3", "-m", "venv", ".venv"]
    assert install[:3] == [".venv/bin/pip", "install", "-e"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert re.fullmatch(r"\.\[(\w+)\]", install[3])[1] in extras
    assert run[0] == ".venv/bin/python"
    assert all((ROOT / a).is_file() for a in run[1:] if a.endswith(".py"))


def test_ci_finds_the_test_command():
    """.ci/run takes the first sh block that has `-m pytest` in it."""
    assert len([b for b in blocks("sh") if "-m pytest" in b]) == 1
    assert "readme_block '-m pytest'" in (ROOT / ".ci" / "run").read_text()


def test_plugin_section_shows_the_real_package():
    section = SECTIONS["A first plugin"]
    assert any(map(is_from_the_package, blocks("python", section)))
    (block,) = blocks("toml", section)
    assert block in (PLUGIN / "pyproject.toml").read_text()


def test_operation_tables_name_what_exists():
    named = [re.match(r"(?:tf\.)?\w+", code)[0] for code in first_column("Operations")]
    for name in named:
        owner = tf if name.startswith("tf.") else tf.Elementwise
        assert hasattr(owner, name.removeprefix("tf.")) or name == "domain", name
    assert {"compute", "infer", "gradient", "cost", "dims", "samples"} <= set(named)
    text = SECTIONS["Operations"]
    assert all(f"`{word}`" in text for word in RESERVED)


def test_all_hooks_are_listed_with_their_signatures():
    hooks = {
        f"{name}({', '.join(inspect.signature(hook).parameters)})"
        for name, hook in vars(hookspecs).items()
        if name.startswith("tfmini_")
    }
    listed = {c for c in first_column("A first plugin") if c.startswith("tfmini_")}
    assert listed == hooks


def test_all_environment_variables_are_listed():
    listed = {c.partition("=")[0] for c in first_column("Environment variables")}
    files = [f for part in ("tfmini", "plugins") for f in (ROOT / part).rglob("*.py")]
    texts = [f.read_text() for f in files if "tests" not in f.parts]
    used = {name for text in texts for name in re.findall(r'"(TFMINI_\w+)"', text)}
    of_tests = {"TFMINI_ORACLE_PYTHON", "TFMINI_TENSORBOARD_PYTHON"}
    assert {name for name in listed if name.startswith("TFMINI_")} == used | of_tests


def test_all_commands_are_listed():
    listed = [c.split()[0] for c in first_column("Command line")]
    with pytest.raises(SystemExit), redirect_stdout(StringIO()) as out:
        main(["--help"])
    commands = re.search(r"\{(.+?)\}", out.getvalue())[1].split(",")
    assert set(commands) == set(listed) - {"python"}


def test_extras_are_those_of_the_package():
    listed = {re.fullmatch(r'"\.\[(\w+)\]"', c)[1] for c in first_column("Extras")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert listed == set(project["optional-dependencies"])


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
