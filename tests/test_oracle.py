"""The differential suite against TensorFlow, where there is one; and that it would see faults."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

# `tests` is no installed package, and pytest puts only this folder on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tfmini as tf
from tests.oracle import generate, names, plugins, training
from tests.oracle.compare import differences
from tests.oracle.deviations import DEVIATIONS, find
from tests.oracle.draw import S
from tests.oracle.evaluate import Case, Outcome, arrays_in, evaluate_all
from tests.oracle.run import OracleError, run
from tfmini.registry import registry

COMMAND = "python -m tests.oracle --python PATH_TO_PYTHON_WITH_TENSORFLOW"
X = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)


def interpreter() -> str | None:
    """Return an interpreter that has TensorFlow, or None."""
    here = sys.executable if importlib.util.find_spec("tensorflow") else None
    return os.environ.get("TFMINI_ORACLE_PYTHON") or here


def test_tfmini_agrees_with_tensorflow() -> None:
    python = interpreter()
    if python is None:
        pytest.skip(f"no TensorFlow here: set TFMINI_ORACLE_PYTHON, or run `{COMMAND}`")
    report = run(python)
    print(report.as_text())  # pytest shows it if the test fails
    assert report.ok, report.figures()
    assert len(report.accepted_ops) > 250


def test_training_agrees_with_tensorflow() -> None:
    python = interpreter()
    if python is None:
        pytest.skip("no TensorFlow here: set TFMINI_ORACLE_PYTHON")
    found = training.compare(python)
    assert {run: d for run, d in found.items() if d > training.TOLERANCE} == {}
    assert len(found) == len(training.OPTIMIZERS) * len(training.MODELS)


def test_training_that_differs_is_seen() -> None:
    run = {"w:0": X, "w/Adam:0": X}
    assert training.differences({"run": run}, {"run": run}) == {"run": 0}
    assert training.differences({"run": {**run, "w:0": X * 1.1}}, {"run": run})["run"] > 0.05
    assert training.differences({"run": {"w:0": X}}, {"run": run})["run"] == np.inf


def outcome(case: Case) -> Outcome:
    return evaluate_all(tf, [case], loose=True)[0]


def aspects(case: Case, theirs: Outcome) -> set[str]:
    return {d.aspect for d in differences(case, theirs, outcome(case))}


def test_an_outcome_equals_itself() -> None:
    case = Case("nn.softmax", "", [X], {})
    assert aspects(case, outcome(case)) == set()


@pytest.mark.parametrize(
    ("fault", "aspect"),
    [
        ({"values": [X]}, "value"),
        ({"values": [outcome(Case("nn.softmax", "", [X], {})).values[0].astype(float)]}, "dtype"),
        ({"specs": [([2, 3], "float64")]}, "dtype"),
        ({"gradients": [X]}, "gradient"),
        ({"gradients": None}, ""),  # nothing to compare with
        ({"gradient_error": "no gradient"}, ""),
    ],
)
def test_a_planted_fault_is_seen(fault: dict, aspect: str) -> None:
    case = Case("nn.softmax", "", [X], {})
    theirs = outcome(case)._replace(**fault)
    assert aspects(case, theirs) == ({aspect} if aspect else set())


def test_a_static_shape_that_says_less_is_seen() -> None:
    case = Case("slice", "", [X, [0, 0], [2, 2]], {})
    theirs = outcome(case)
    assert theirs.specs == [([2, 2], "float32")]
    mine = theirs._replace(specs=[(None, "float32")])
    assert {d.aspect for d in differences(case, theirs, mine)} == {"static"}
    assert differences(case, mine, theirs) == []  # more is welcome
    false = theirs._replace(specs=[([2, 3], "float32")])
    assert {d.aspect for d in differences(case, false, false)} == {"static"}  # if it is true


def test_an_error_of_ours_is_a_difference_and_one_of_theirs_none() -> None:
    case = Case("matmul", "", [X, X], {})
    assert outcome(case).error
    good = Outcome("", [X], [([2, 3], "float32")], {})
    assert {d.aspect for d in differences(case, good, outcome(case))} == {"raises"}


def test_distributions_are_compared_and_told_apart() -> None:
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=20_000), rng.normal(size=20_000), rng.normal(0.1, size=20_000)
    case = Case("random_normal", "", [[20_000]], {})

    def drawn(values: np.ndarray) -> Outcome:
        return Outcome("", [values], [([20_000], "float64")], {})

    assert differences(case, drawn(a), drawn(b)) == []
    assert [d.aspect for d in differences(case, drawn(a), drawn(c))] == ["value"]


def test_cases_are_the_same_in_every_run() -> None:
    functions = {"add": [], "nn.conv2d": [], "random_gamma": []}
    first, second = generate.cases(functions), generate.cases(functions)
    assert [c.label for c in first] == [c.label for c in second]
    assert len({(c.op, c.label) for c in first}) == len(first) > 50
    for a, b in zip(first, second, strict=True):
        pairs = zip(arrays_in([a.args, a.kwargs]), arrays_in([b.args, b.kwargs]), strict=True)
        assert all(np.array_equal(x, y, equal_nan=x.dtype.kind in "fc") for x, y in pairs)


def test_every_row_names_functions_that_exist() -> None:
    with plugins.loaded() as more:
        if more.absent:
            pytest.skip(f"a package of plugins/ can't be loaded: {', '.join(more.absent)}")
        functions = names.functions(more.names)
    known = {name for path in functions for name in (path, *functions[path])}
    named = {op for table in generate.TABLES for row in table.ROWS for op in row.ops}
    assert named - known == set()
    assert {op for d in DEVIATIONS for op in d.ops.split()} - known == set()


def test_packages_are_loaded_for_a_while() -> None:
    before = set(registry.types())
    with plugins.loaded() as more:
        if more.absent:
            pytest.skip(f"a package of plugins/ can't be loaded: {', '.join(more.absent)}")
        assert {"FFT", "Erf"} <= set(registry.types())
        assert "math.erf" in names.functions(more.names)
    assert set(registry.types()) == before


def test_a_program_stands_for_a_function() -> None:
    case = Case("scatter_add", "", [X, np.array([1]), X[:1]], {}, program="changed")
    found = outcome(case)
    np.testing.assert_array_equal(found.values[0], np.stack([X[0], X[1] + X[0]]))
    assert aspects(case, found) == set()
    assert aspects(case, found._replace(values=[X])) == {"value"}


def test_sparse_tensors_go_in_and_come_out() -> None:
    x = S([[0, 1], [1, 0]], X[0, :2], [2, 2])
    case = Case("sparse_transpose", "", [x], {})
    found = outcome(case)
    assert [v.tolist() for v in (found.values[0], found.values[2])] == [[[0, 1], [1, 0]], [2, 2]]
    np.testing.assert_array_equal(found.values[1], X[0, 1::-1])


def test_types_that_no_case_makes_are_known() -> None:
    types: set[str] = set()
    evaluate_all(tf, [Case("nn.softmax", "", [X], {})], types=types)
    assert "Softmax" in types
    assert "Softplus" not in types


def test_a_deviation_covers_its_ops_and_aspects_only() -> None:
    case = Case("cumprod", "", [np.zeros(3)], {})
    (wrong,) = differences(case, outcome(case)._replace(gradients=[np.ones(3)]), outcome(case))
    assert find(case, wrong) is not None
    assert find(case._replace(op="cumsum"), wrong) is None
    assert find(case, wrong._replace(aspect="value")) is None


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="it is here")
def test_an_environment_without_tensorflow_is_an_error() -> None:
    with pytest.raises(OracleError, match="No module named 'tensorflow'"):
        run(sys.executable, ["add"])


def test_what_can_not_be_run_is_named() -> None:
    with pytest.raises(OracleError, match="can't be started"):
        run("no-such-python", ["add"])
    with pytest.raises(OracleError, match="no public function of tfmini: nn"):
        run(sys.executable, ["nn.nothing"])
