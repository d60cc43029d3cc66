"""Packages with entry points, as pip installs them, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest

OPERATION = """
import tfmini as tf

@tf.op("{type}")
class {name}(tf.Elementwise):
    "Return x + {number}."
    def compute(self, x):
        return x + {number}
    def gradient(self, node, grad):
        return (grad,)

@tf.hookimpl
def tfmini_ops():
    return [{name}]
"""


class Site:
    """Folders of installed packages, and what Python does with them on its path."""

    def __init__(self, root):
        self.root = root

    def install(self, dist, source, folder="site", entry="main", version="1.2"):
        """Write package ``dist`` with a module of ``source`` that an entry point names."""
        module = dist.replace("-", "_")
        site = self.root / folder
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[tfmini]\n{entry} = {module}\n")
        (site / f"{module}.py").write_text(textwrap.dedent(source))

    def operation(self, dist, name, type, number=1, **where):
        self.install(dist, OPERATION.format(name=name, type=type, number=number), **where)

    def python(self, *arguments, folders=("site",), **environment):
        path = os.pathsep.join([str(self.root / f) for f in folders])
        env = {k: v for k, v in os.environ.items() if not k.startswith("TFMINI")}
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            env={**env, "PYTHONPATH": path, **environment},
            capture_output=True, text=True, timeout=60, cwd=self.root,
        )  # fmt: skip

    def run(self, code, **kwargs):
        """Return what ``code`` prints after ``import tfmini as tf``."""
        done = self.python("-c", "import tfmini as tf\n" + textwrap.dedent(code), **kwargs)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.strip()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


USE = "print(tf.Session().run(tf.my_op(tf.constant([1.0]))).tolist())\n"
LIST = "from tfmini.__main__ import main\nprint('status', main(['plugins']))\n"


def test_a_plugin_is_loaded_when_it_is_used(site):
    site.operation("my-dist", "my_op", "MyOp")
    code = """
    import sys
    print("my_dist" in sys.modules)
    x = tf.constant([1.0])
    y = tf.my_op(x)
    print([v.tolist() for v in tf.Session().run([y, *tf.gradients(y, x)])])
    print(tf.registry.type("MyOp"))
    """
    assert site.run(code).splitlines() == ["False", "[[2.0], [1.0]]", "<op type 'MyOp' of my-dist>"]


def test_the_command_line_lists_it(site):
    site.operation("my-dist", "my_op", "MyOp")
    done = site.python("-m", "tfmini", "plugins")
    rows = {row.split()[0]: row.split() for row in done.stdout.splitlines()}
    assert (done.returncode, done.stderr) == (0, "")
    assert rows["my-dist:main"] == ["my-dist:main", "1.2", "loaded", "1"]
    assert rows["tfmini"][-2] == "loaded"
    assert int(rows["tfmini"][-1]) > 100
    code = """
    from tfmini.__main__ import main
    for arguments in (["--package", "my-dist"], ["--package", "my-dist", "--missing", "cost"], []):
        assert main(["ops", *arguments]) == 0
        print("--")
    """
    mine, without, every = site.run(code).removesuffix("--").split("--\n")
    heading, row = mine.splitlines()
    assert heading.split() == ["type", "function", "package", "infer", "gradient", "cost", "dims"]
    assert row.split() == ["MyOp", "my_op", "my-dist", "yes", "yes", "yes", "yes"]
    assert len(without.splitlines()) == 1
    assert "MatMul" in every


BROKEN = {
    "import": ("import not_there_at_all", "ModuleNotFoundError.*not_there_at_all"),
    "syntax": ("def f(:", "SyntaxError"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "hook": (
        "import tfmini as tf\n@tf.hookimpl\ndef tfmini_ops():\n    return [1 / 0]",
        "ZeroDivisionError",
    ),
    "items": (
        "import tfmini as tf\n@tf.hookimpl\ndef tfmini_ops():\n    return ['exp']",
        "TypeError.*'exp'",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_skipped_with_its_reason(site, kind):
    source, reason = BROKEN[kind]
    site.operation("my-dist", "my_op", "MyOp")
    site.install("a-broken", source)
    value, *lines = site.run(USE + LIST).splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert value == "[2.0]"
    assert re.search(rf"skipped.*{reason}", rows["a-broken:main"])
    assert "loaded" in rows["my-dist:main"]
    assert lines[-1] == "status 1"


def test_strict_mode_raises(site):
    site.install("a-broken", BROKEN["import"][0])
    done = site.python("-c", "import tfmini as tf; tf.Session()", TFMINI_STRICT_PLUGINS="1")
    assert done.returncode == 1
    assert "PluginError" in done.stderr
    assert "'a-broken:main' can't be imported: ModuleNotFoundError" in done.stderr
    assert "TFMINI_DISABLE_PLUGINS=a-broken:main" in done.stderr
    assert site.run("", TFMINI_STRICT_PLUGINS="1") == ""
    assert site.run("tf.Session()", TFMINI_STRICT_PLUGINS="0") == ""


def test_two_packages_with_one_operation_are_an_error_that_names_both(site):
    site.operation("z-dist", "my_op", "MyOp", folder="first")
    site.operation("a-dist", "my_op", "Other", folder="second")
    code = """
    from tfmini.__main__ import main
    for use in (tf.Session, tf.Session, tf.registry.types):
        try: use()
        except tf.errors.PluginError as e: print(e)
    """
    said = {site.run(code, folders=f) for f in (("first", "second"), ("second", "first"))}
    (lines,) = said
    (message,) = set(lines.splitlines())
    assert "operation 'my_op' is defined by 'a-dist:main' and by 'z-dist:main'" in message
    folders = ("first", "second")
    listed = site.python("-m", "tfmini", "plugins", folders=folders)
    assert listed.returncode == 1
    assert listed.stderr == f"tfmini: {message}\n"
    assert site.run(USE, folders=folders, TFMINI_DISABLE_PLUGINS="z-dist:main") == "[2.0]"


@pytest.mark.parametrize(("name", "type"), [("matmul", "Mine"), ("mine", "MatMul")])
def test_shadowing_a_built_in_is_an_error(site, name, type):
    site.operation("my-dist", name, type)
    code = """
    try: tf.Session()
    except tf.errors.PluginError as e: print(e)
    print(tf.registry.reports['tfmini'].status, tf.matmul.__module__)
    """
    said, ours = site.run(code).splitlines()
    assert "is defined by 'tfmini' and by 'my-dist:main'" in said
    assert ours.startswith("loaded tfmini.")


@pytest.mark.parametrize("names", ["my-dist:main", "my-dist", "other, my-dist:main", "all"])
def test_plugins_are_disabled_by_name(site, names):
    site.operation("my-dist", "my_op", "MyOp")
    site.operation("second", "second_op", "Second")
    code = "import sys; tf.Session(); print(hasattr(tf, 'my_op'), 'my_dist' in sys.modules)\n"
    seen, *lines, status = site.run(code + LIST, TFMINI_DISABLE_PLUGINS=names).splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert (seen, status) == ("False False", "status 0")
    assert "disabled" in rows["my-dist:main"]
    assert "TFMINI_DISABLE_PLUGINS" in rows["my-dist:main"]
    assert ("disabled" in rows["second:main"]) == (names == "all")


def test_one_package_found_twice_is_loaded_once(site):
    site.operation("my-dist", "my_op", "MyOp", folder="first")
    site.operation("my-dist", "my_op", "MyOp", folder="second", number=5)
    assert site.run(USE, folders=("first", "second")) == "[2.0]"


def test_an_operation_of_a_plugin_runs_on_processes(site):
    site.operation("my-dist", "my_op", "MyOp")
    (site.root / "script.py").write_text(
        "import tfmini as tf\n"
        "if __name__ == '__main__':\n"
        "    y = tf.my_op(tf.constant([1.0]))\n"
        "    with tf.Session('processes') as session:\n"
        "        print(session.run(y).tolist())\n"
    )
    done = site.python(str(site.root / "script.py"))
    assert (done.stdout, done.stderr) == ("[2.0]\n", "")


def test_a_misused_command_line_says_so(site):
    done = site.python("-m", "tfmini", "nothing")
    assert done.returncode == 2
    assert "plugins" in done.stderr
