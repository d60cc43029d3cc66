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

    def install(self, dist, source, folder="site", entry="main", version="1.2", requires=()):
        """Write package ``dist`` with a module of ``source`` that an entry point names."""
        module = dist.replace("-", "_")
        site = self.root / folder
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        fields = {"Metadata-Version": "2.1", "Name": dist, "Version": version}
        lines = [f"{k}: {v}" for k, v in fields.items()] + [f"Requires-Dist: {r}" for r in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
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
    assert rows["tfmini"][1] == "loaded"
    assert int(rows["tfmini"][2]) > 100
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
    done = site.python("-m", "tfmini", "ops", "--package", "my-disk")
    assert done.returncode == 1
    assert "no operations of 'my-disk'; packages with operations: my-dist, tfmini." in done.stderr


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
    "misspelt hook": (
        "import tfmini as tf\n@tf.hookimpl\ndef tfmini_opps():\n    return []",
        "TypeError: unknown hook 'tfmini_opps'.*tfmini_ops,.*tfmini_plan_pass,.*_run_observer",
    ),
    "unmarked hook": (
        "import tfmini as tf\ndef tfmini_ops():\n    return []",
        r"TypeError: tfmini_ops is no hook yet: decorate it with @tfmini\.hookimpl",
    ),
    "no name": (
        "import tfmini as tf\n@tf.hookimpl\ndef tfmini_names():\n    return {'math.a b': 1}",
        r"TypeError: tfmini_names returned the name 'math\.a b'",
    ),
    "parameter of another version": (
        "import tfmini as tf\n@tf.hookimpl\ndef tfmini_plan_pass(plan, device): return plan\n"
        "@tf.hookimpl\ndef tfmini_run_observer(): 1 / 0",
        "PluginValidationError.*'tfmini_plan_pass'.*device",
    ),
}


def test_broken_plugins_are_skipped_with_their_reasons(site):
    site.operation("my-dist", "my_op", "MyOp")
    for i, (source, _) in enumerate(BROKEN.values()):
        site.install(f"a-broken-{i}", source)
    value, *lines = site.run(USE + LIST).splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert value == "[2.0]"
    for i, (kind, (_, reason)) in enumerate(BROKEN.items()):
        assert re.search(rf"skipped.*{reason}", rows[f"a-broken-{i}:main"]), kind
    assert "loaded" in rows["my-dist:main"]
    assert lines[-1] == "status 1"


FITS = {
    "tfmini-dask": True,
    "TFMini_Dask>=0.0.1": True,
    "tfmini-dask>=99": False,
    "tfmini-dask<0.0.1; python_version > '3'": False,
    "tfmini-dask>=99; python_version < '3'": True,
    "numpy>=99": True,  # is pip's business
}


def test_plugins_for_another_version_are_skipped(site):
    for i, requirement in enumerate(FITS):
        source = OPERATION.format(name=f"op_{i}", type=f"Op{i}", number=1)
        site.install(f"dist-{i}", source, requires=["numpy", requirement])
    code = f"""
    import sys
    tf.Session()
    for i in range({len(FITS)}):
        print(hasattr(tf, f"op_{{i}}"), f"dist_{{i}}" in sys.modules)
    """
    lines = site.run(textwrap.dedent(code) + LIST).splitlines()
    rows = {line.split()[0]: line for line in lines}
    for i, (requirement, loads) in enumerate(FITS.items()):
        assert lines[i] == f"{loads} {loads}", requirement
        if not loads:
            needs = re.escape(requirement.partition(";")[0])
            says = rf"skipped.*ImportError: it needs {needs}, and this is \d"
            assert re.search(says, rows[f"dist-{i}:main"])
    done = site.python("-c", "import tfmini as tf; tf.Session()", TFMINI_STRICT_PLUGINS="1")
    assert "it needs tfmini-dask>=99" in done.stderr


def test_hooks_are_listed_and_called(site):
    source = """
    import tfmini as tf
    @tf.hookimpl
    def tfmini_plan_pass(plan):
        return plan.noted("seen by my-dist")
    @tf.hookimpl
    def tfmini_run_observer(run):
        print(run.fetches)
    """
    site.install("my-dist", source)
    code = "y = tf.exp(tf.placeholder_with_default(0.0, []), name='y')\nsession = tf.Session()\n"
    code += "session.run(y)\nprint(session.explain(y).notes)\n"
    run, notes, *lines = site.run(code + LIST).splitlines()
    assert (run, notes) == ("('y:0',)", "['seen by my-dist']")
    (row,) = [line for line in lines if line.startswith("my-dist:main")]
    assert row.split()[2:] == ["loaded", "0", "tfmini_plan_pass,", "tfmini_run_observer"]


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


@pytest.mark.parametrize(
    "names",
    [
        "my-dist:main",
        "my-dist",
        "other, my-dist:main",
        "my_dist",
        "My.Dist:main",
        "MY--DIST",
        "all",
    ],
)
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


@pytest.mark.parametrize("again", ["my-dist", "My_Dist"])
def test_one_package_found_twice_is_loaded_once(site, again):
    site.operation("my-dist", "my_op", "MyOp", folder="first")
    site.operation(again, "my_op", "MyOp", folder="second", number=5)
    assert site.run(USE, folders=("first", "second")) == "[2.0]"


# A built-in and its copy in a package: nothing that the engine does may tell them apart.
OUTSIDER = """
import numpy as np
import tfmini as tf
from tfmini.kernels.matmul import matmul
from tfmini.spec import TensorSpec

@tf.op("MyTanh")
class my_tanh(tf.Elementwise):
    "Return the hyperbolic tangent."
    ufunc = np.tanh
    kinds = "f"
    weight = 3.0
    samples = [((2, 3),), ((),)]
    def gradient(self, node, grad):
        return (grad * (1.0 - node.outputs[0] * node.outputs[0]),)

@tf.op("MyMatMul")
class my_matmul(tf.Contraction):
    "Return the product of two matrices, of which either may be transposed first."
    kinds = "f"
    threaded = True
    samples = [((2, 3), (3, 4)), ((3, 2), (3, 4), {"transpose_a": True})]
    def compute(self, x, y, *, transpose_a=False, transpose_b=False):
        return matmul(x.T if transpose_a else x, y.T if transpose_b else y)
    def dims(self, x, y, *, transpose_a=False, transpose_b=False):
        return f"{'km' if transpose_a else 'mk'},{'nk' if transpose_b else 'kn'}->mn"
    def infer(self, x, y, *, transpose_a=False, transpose_b=False):
        self.check_kinds((x.dtype, y.dtype))
        m = x.shape[1 if transpose_a else 0] if x.shape else None
        n = y.shape[0 if transpose_b else 1] if y.shape else None
        return TensorSpec((m, n), x.dtype)
    def depth(self, x, y, *, transpose_a=False, transpose_b=False):
        return x.shape[0 if transpose_a else 1]
    def gradient(self, node, grad):
        x, y = node.inputs
        a, b = node.attrs["transpose_a"], node.attrs["transpose_b"]
        dx = my_matmul(y, grad, b, True) if a else my_matmul(grad, y, False, not b)
        dy = my_matmul(grad, x, True, a) if b else my_matmul(x, grad, not a, False)
        return dx, dy

@tf.hookimpl
def tfmini_ops():
    return [my_tanh, my_matmul]
"""
COMPARE = """
import dask.array
import numpy as np
import tfmini as tf

def fetches(tanh, matmul):
    x = tf.placeholder(tf.float32, [None, 300])
    w = tf.constant(np.linspace(-1, 1, 90000, dtype=np.float32).reshape(300, 300))
    parts = [tanh(matmul(x + i, w - i) * 0.01) * 2.0 for i in range(4)]
    total = tf.reduce_sum(tf.add_n(parts))
    (first,) = tf.gradients(total, x)
    (second,) = tf.gradients(tf.reduce_sum(tf.square(first)), x)
    return x, [total, first, second]

def main():
    from distributed import LocalCluster
    value = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    pairs = [fetches(tf.tanh, tf.matmul), fetches(tf.my_tanh, tf.my_matmul)]
    with LocalCluster(processes=True, n_workers=1, threads_per_worker=1,
                      dashboard_address=":0") as cluster:
        found = []
        for target in ("sync", "threads", cluster):
            results, rows = [], []
            with tf.Session(target) as session:
                for x, fetch in pairs:
                    results.append(session.run(fetch, {x: value}))
                    plan = session.explain(fetch, {x: value})
                    rows.append([(r.nodes, r.reason, r.bytes, r.contents.replace("My", ""))
                                 for r in plan.rows])
            for ours, theirs in zip(*results):
                np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-3)
            assert rows[0] == rows[1], rows
            assert any("fused[" in r[3] for r in rows[1])
            found.append([v.tobytes() for v in results[1]])
        results, rows = [], []
        with tf.Session(cluster) as session:
            for x, (total, *_) in pairs:
                chunks = {x: dask.array.from_array(value, chunks=(100, 300))}
                results.append(session.run(total, chunks))
                rows.append([r.reason for r in session.explain(total, chunks).rows])
        np.testing.assert_allclose(results[1], results[0], rtol=1e-4)
        assert rows[0] == rows[1] and "sharded x 3" in rows[1], rows
    assert found[0] == found[1] == found[2]
    print("same")

if __name__ == "__main__":
    main()
"""


def test_an_outsiders_operations_are_as_good_as_built_ins(site):
    """Gradients of two orders, fusion, regions, shards, threads, a cluster of processes."""
    site.install("my-dist", OUTSIDER)
    (site.root / "compare.py").write_text(COMPARE)
    done = site.python(str(site.root / "compare.py"))
    assert (done.stdout, done.returncode) == ("same\n", 0), done.stderr
    code = "from tfmini.testing import check_package\n"
    code += "reports = list(check_package('my-dist'))\n"
    code += "print(len(reports) > 20, [str(r) for r in reports if not r.ok])"
    assert site.run(code) == "True []"


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


def test_completion_lists_the_names_of_plugins(site):
    site.operation("my-dist", "my_op", "MyOp")
    assert site.run("import tfmini as tf; print('my_op' in dir(tf), 'matmul' in dir(tf))") == (
        "True True"
    )


def test_a_misused_command_line_says_so(site):
    done = site.python("-m", "tfmini", "nothing")
    assert done.returncode == 2
    assert "plugins" in done.stderr
