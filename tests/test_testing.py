"""The conformance kit catches, for every rule, the faults planted in ``planted.py``."""

from __future__ import annotations

import planted
import pytest

import tfmini as tf
from tfmini import errors, testing
from tfmini.testing.places import Shared
from tfmini.testing.report import run_rule

SOUND = [planted.sound, planted.sound_product, planted.sound_noise]
PLANTED = [(rule, op) for rule, ops in planted.FAULTS.items() for op in ops]


@pytest.fixture(scope="module")
def shared():
    """All operations of this test in one batch, so that they share one fresh process."""
    shared = Shared()
    for op in [*SOUND, *[op for _, op in PLANTED]]:
        shared.add(op)
    return shared


def reports(shared, op):
    subject = next(s for s in shared.subjects if s.opdef is op.opdef)
    return {name: run_rule(name, subject) for name in testing.RULES}


def test_every_rule_has_a_planted_fault():
    assert set(planted.FAULTS) == set(testing.RULES)


@pytest.mark.parametrize(("rule", "op"), PLANTED, ids=lambda v: getattr(v, "__name__", v))
def test_planted_fault_is_caught(shared, rule, op):
    found = reports(shared, op)
    assert found[rule].outcome == testing.FAILED
    assert found[rule].detail
    also = planted.ALSO[op.__name__]
    others = {name for name, r in found.items() if r.outcome == testing.FAILED} - {rule}
    assert "*" in also or others <= also, [str(found[name]) for name in others - also]


@pytest.mark.parametrize("op", SOUND, ids=lambda op: op.__name__)
def test_sound_operation_passes(shared, op):
    assert [str(r) for r in reports(shared, op).values() if not r.ok] == []


def test_sound_operation_is_really_checked(shared):
    found = {rule for op in SOUND for rule, r in reports(shared, op).items()
             if r.outcome == testing.PASSED}  # fmt: skip
    assert found == set(testing.RULES) - {"attributes"}


def test_check_op_returns_reports():
    found = testing.check_op(planted.sound)
    assert [r.rule for r in found] == list(testing.RULES)
    assert testing.check_op(planted.sound.opdef)


def test_check_op_raises_with_rule_and_detail():
    with pytest.raises(testing.ConformanceError, match=r"wrong_factor: gradient: failed: sample 0"):
        testing.check_op(planted.wrong_factor)


def test_check_op_needs_an_operation():
    with pytest.raises(errors.InvalidTypeError, match="no operation"):
        testing.check_op(tf.Session)


def test_expected_failure():
    found = testing.check_op(planted.wrong_factor, expected_failures={"gradient": "shown here"})
    report = next(r for r in found if r.rule == "gradient")
    assert report.outcome == testing.EXPECTED
    assert "shown here" in report.detail


@pytest.mark.parametrize("rule", ["out", "attributes"])
def test_expected_failure_is_strict(rule):
    with pytest.raises(testing.ConformanceError, match=r"expected to fail \(a reason\), but it is"):
        testing.check_op(planted.sound, expected_failures={rule: "a reason"})


def test_expected_failure_of_the_class(monkeypatch):
    kind = type(planted.wrong_factor.opdef)
    monkeypatch.setattr(kind, "expected_failures", {"gradient": "of the class"})
    found = testing.check_op(planted.wrong_factor)
    assert next(r for r in found if r.rule == "gradient").outcome == testing.EXPECTED


def test_expected_failure_names_a_rule():
    with pytest.raises(errors.InvalidArgumentError, match="expected_failures names nonsense"):
        testing.check_op(planted.sound, expected_failures={"nonsense": "x"})


def test_rules_have_one_name_each():
    with pytest.raises(errors.InvalidArgumentError, match="there is a rule 'out' already"):
        testing.rule(testing.RULES["out"])


def test_rule_of_ones_own():
    @testing.rule
    def short_names(subject):
        """Names are short."""
        if len(subject.name) > 8:
            raise testing.Fault(f"{subject.name} is long")

    try:
        assert testing.reports_of(planted.sound, rules=["short_names"])[0].ok
        assert not testing.reports_of(planted.sound_product, rules=["short_names"])[0].ok
    finally:
        del testing.RULES["short_names"]


def test_table():
    found = [r for op in (planted.sound, planted.wrong_factor) for r in testing.reports_of(op)]
    text = testing.table(found)
    lines = text.splitlines()
    assert lines[0].split() == ["operation", *[str(i + 1) for i in range(len(testing.RULES))]]
    assert lines[1].split()[0] == "sound"
    assert "F" not in lines[1]
    assert lines[2].split()[1:].count("F") == 1
    assert any(line.startswith("wrong_factor: gradient: failed") for line in lines)
    assert lines[-1].startswith("2 operations:")


def test_ops_of():
    assert tf.add.opdef in testing.ops_of("tfmini")
    module = testing.ops_of("planted")
    assert planted.sound.opdef in module
    assert tf.add.opdef not in module
    with pytest.raises(errors.NotFoundError, match=r"no operations of 'nowhere'.* tfmini"):
        testing.ops_of("nowhere")
    with pytest.raises(errors.NotFoundError, match="no operations of 'json'"):
        testing.ops_of("json")


def test_cluster_is_compared_too(client):
    assert testing.check_op(planted.sound, client=client)
    report = testing.reports_of(planted.process_bound, rules=["executors"], client=client)[0]
    assert report.outcome == testing.FAILED
    assert ", cluster: output 0" in report.detail
