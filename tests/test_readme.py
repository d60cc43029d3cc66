"""The README holds: its code runs, its commands and tables are those of the package.

In: README.md.  Out: for each section, its blocks run in order in one namespace, and what they print
is what the comments beside `print` say.
"""

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import pytest

import tfmini as tf
from tfmini import hookspecs
from tfmini.opdef import RESERVED

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PLUGIN = ROOT / "plugins" / "tfmini-special"

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


def run_section(title, capsys):
    expected = []
    namespace = {"__name__": "__main__"}
    with tf.Graph().as_default():
        for block in blocks("python", SECTIONS[title]):
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


@pytest.mark.parametrize("title", [t for t in WITH_CODE if t != "On a cluster"])
def test_section_runs(title, capsys):
    run_section(title, capsys)


@pytest.mark.cluster
def test_cluster_section_runs(capsys):
    run_section("On a cluster", capsys)


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


def test_package_section_shows_the_real_package():
    module = (PLUGIN / "tfmini_special.py").read_text()
    for block in blocks("python", SECTIONS["A first package"]):
        assert block in module
    (block,) = blocks("toml", SECTIONS["A first package"])
    assert block in (PLUGIN / "pyproject.toml").read_text()


def test_operation_tables_name_what_exists():
    named = [re.match(r"(?:tf\.)?\w+", code)[0] for code in first_column("Operations")]
    for name in named:
        owner = tf if name.startswith("tf.") else tf.Elementwise
        assert hasattr(owner, name.removeprefix("tf.")) or name == "domain", name
    assert {"compute", "infer", "gradient", "cost", "dims", "samples"} <= set(named)
    text = SECTIONS["Operations"]
    assert all(f"`{word}`" in text for word in RESERVED)


def test_plugin_tables_name_what_exists():
    listed = first_column("Plugins")
    hooks = {name for name in vars(hookspecs) if name.startswith("tfmini_")}
    assert {code.removesuffix("()") for code in listed if code.endswith("()")} == hooks
    variables = {code.partition("=")[0] for code in listed if code.startswith("TFMINI_")}
    used = re.findall(r'"(TFMINI_\w+)"', (ROOT / "tfmini" / "registry.py").read_text())
    assert variables == set(used)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
