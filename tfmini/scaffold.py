"""A new package of operations, to start from: ``python -m tfmini new-plugin NAME``.

In: a name.  Out: a folder with ``pyproject.toml``, a README, a module with one operation and its
tests, which pass as they are once the package is installed.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from tfmini.errors import AlreadyExistsError, InvalidArgumentError

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "Operations for tfmini"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["tfmini-dask"]

[project.optional-dependencies]
test = ["pytest>=8"]

[project.entry-points.tfmini]
{short} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]

[tool.pytest.ini_options]
testpaths = ["tests"]
filterwarnings = ["error"]
"""

_README = """\
# {name}

Operations for [tfmini](https://pypi.org/project/tfmini-dask/). After `pip install {name}`:

```python
import tfmini as tf

y = tf.{op}(x)  # x * x + 1
```

To work on it:

```sh
pip install -e ".[test]"
pytest                       # the tests, tfmini's conformance kit among them
python -m tfmini check {name}
```
"""

_MODULE = '''\
"""Operations for tfmini: each is one class, here and nowhere else."""

import numpy as np
import tfmini as tf


@tf.op("{type}")
class {op}(tf.Elementwise):
    """Return ``x * x + 1`` element-wise: replace it by what you need."""

    kinds = "f"  # floats only; the others are refused while the graph is built
    weight = 2.0  # one element takes as long as two additions
    samples = [((2, 3),), ((),)]  # calls to test it with: shapes, of random data

    def compute(self, x, *, out=None):
        square = np.multiply(x, x, out=out)
        return np.add(square, 1.0, out=out)

    def gradient(self, node, grad):
        return (2.0 * grad * node.inputs[0],)


@tf.hookimpl
def tfmini_ops():
    return [{op}]
'''

_TESTS = """\
import numpy as np
import pytest
import tfmini as tf
import tfmini.testing

import {module}


@pytest.mark.parametrize("op", {module}.tfmini_ops(), ids=lambda op: op.__name__)
def test_conformance(op):
    tfmini.testing.check_op(op)


def test_it_is_installed():
    assert tf.{op} is {module}.{op}


def test_value_and_gradient():
    x = tf.constant(np.linspace(-2.0, 2.0, 9))
    y = tf.{op}(x)
    with tf.Session() as session:
        value, gradient = session.run([y, tf.gradients(y, x)[0]])
    np.testing.assert_allclose(value, np.linspace(-2.0, 2.0, 9) ** 2 + 1)
    np.testing.assert_allclose(gradient, 2 * np.linspace(-2.0, 2.0, 9))
"""


def write(name: str, directory: str | Path = ".") -> Path:
    """Write the package ``name`` into a new folder of ``directory`` and return the folder."""
    names = _names(name)
    folder = Path(directory) / name
    if folder.exists():
        raise AlreadyExistsError(None, None, f"{folder} is there already; choose another name.")
    module = names["module"]
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
        f"{module}.py": _MODULE,
        f"tests/test_{module}.py": _TESTS,
    }
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.format(**names), encoding="utf-8")
    return folder


def next_steps(name: str, folder: Path) -> str:
    """Return what to do with the package that was written to ``folder``."""
    names = _names(name)
    return (
        f"{folder} is written; tf.{names['op']} works after\n\n"
        f'    pip install -e "{folder}[test]"\n'
        f"    pytest {folder}\n\n"
        f"Change {folder / names['module']}.py, then `python -m tfmini check {name}`."
    )


def _names(name: str) -> dict[str, str]:
    """Return the spellings of ``name`` that the files need."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name):
        raise InvalidArgumentError(
            None,
            None,
            f"{name!r} is no package name: letters, digits and single hyphens, a letter first.",
        )
    module = name.lower().replace("-", "_")
    short = module.removeprefix("tfmini_")
    if module == "tfmini" or keyword.iskeyword(short):
        raise InvalidArgumentError(None, None, f"{name!r} is taken; choose another name.")
    op = f"{short}_example"
    return {
        "name": name,
        "module": module,
        "short": short.replace("_", "-"),
        "op": op,
        "type": "".join(part.capitalize() for part in op.split("_")),
    }
