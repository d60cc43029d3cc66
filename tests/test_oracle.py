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
from tests.oracle import generate, names, plugins, whole
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


@pytest.mark.parametrize("subject", whole.SUBJECTS)
def test_networks_and_trainings_agree_with_tensorflow(subject: str) -> None:
    python = interpreter()
    if python is None:
        pytest.skip("no TensorFlow here: set TFMINI_ORACLE_PYTHON")
    found = whole.compare(python, [subject])
    if any(whole.ABSENT in text for text in found.values()):
        pytest.skip("TensorFlow has no layers and cells without the package tf_keras")
    assert {run: text for run, text in found.items() if text} == {}
    assert found


def test_what_differs_between_two_runs_is_seen() -> None:
    run = {"w:0": X, "w/Adam:0": X, "names": np.array(["w", "v"])}
    assert whole.difference(run, run, 1e-6) == {}
    assert "off by" in whole.difference({**run, "w:0": X * 1.1}, run, 1e-6)["w:0"]
    assert whole.difference({**run, "w:0": X * np.nan}, run, 1e-6)["w:0"].startswith("off by inf")
    assert whole.difference({**run, "w:0": X[0]}, run, 1e-6)["w:0"].startswith("float32(2, 3)")
    names = {**run, "names": np.array(["w", "u"])}
    assert whole.difference(names, run, 1e-6) == {"names": "v there, u here"}
    assert whole.difference({}, {"w:0": X}, 1e-6) == {"w:0": "only there"}
    rng = np.random.default_rng(0)
    draws = [{"sample w": rng.normal(mean, size=5000)} for mean in (0.0, 0.0, 0.2)]
    assert whole.difference(draws[0], draws[1], 1e-6) == {}
    assert set(whole.difference(draws[0], draws[2], 1e-6)) == {"sample w"}


def test_errors_of_either_side_are_told() -> None:
    def broken(_: object) -> None:
        raise ValueError("no")

    assert whole.judge(tf, broken, {}, 1e-6) == "tfmini: ValueError: no"
    assert whole.judge(tf, broken, "ValueError: no", 1e-6) == "TensorFlow: ValueError: no"


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
