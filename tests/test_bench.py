"""The benchmark suite still measures what it says: small workloads, results only, no timing.

In: the peers that run wherever the tests run. Out: agreement with hand-written NumPy.
"""

import json
import sys
from pathlib import Path

import pytest

# `tests` is no installed package, and pytest puts only this folder on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.bench.check import difference, digest
from tests.bench.client import PeerFailed
from tests.bench.harness import Options, Team, measure
from tests.bench.interface import Unsupported, load
from tests.bench.report import BEGIN, END, Report, write_markdown
from tests.bench.workloads import BY_NAME, REFERENCE, Workload, select

W6_SMALL = Workload("W6", "chain of 200 scalar adds", "chain", (200,))
SMALL = [BY_NAME["W1"], BY_NAME["W1x"], BY_NAME["W2"], W6_SMALL]
MACHINE = {"date": "today", "cpu": "any", "cores": 2, "system": "any", "load": 0.0}


def results(peer, workload):
    """Return the digests of a peer's check steps and of the parameters they leave."""
    step = load(peer, threads=1).step(workload)
    steps = [digest(step.arrays(step.run())) for _ in range(workload.check_steps)]
    return {"digest": steps, "state": digest(step.state())}


@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
@pytest.mark.parametrize("peer", ["tensorslow", "tfmini"])
def test_peer_agrees_with_numpy(peer, workload):
    Team._judge(workload, results(peer, workload), results(REFERENCE, workload))


@pytest.mark.parametrize("peer", ["tensorslow", "tfmini"])
def test_build_makes_as_many_nodes_as_asked(peer):
    step = load(peer, threads=1).build_chain(300)
    assert step.arrays(step.run()) == [300]


def test_a_wrong_result_and_a_forgotten_parameter_are_errors():
    workload = BY_NAME["W2"]
    expected = results(REFERENCE, workload)
    late = {**expected, "digest": expected["digest"][1:] + expected["digest"][:1]}
    with pytest.raises(PeerFailed, match="wrong result in step 0"):
        Team._judge(workload, late, expected)
    swapped = {**expected, "state": expected["state"][::-1]}
    with pytest.raises(PeerFailed, match="wrong parameters after 5 steps"):
        Team._judge(workload, swapped, expected)
    assert difference(digest([float("nan")]), digest([1.0]), 1e-3)


def test_what_a_peer_cannot_do_has_a_reason():
    with pytest.raises(Unsupported, match="2,147,483,647 nodes"):
        load("tensorslow", threads=1).doubling(30)
    with pytest.raises(Unsupported, match="no convolution"):
        load("tensorslow", threads=1).step(BY_NAME["W7"])


def test_select_reads_names_and_groups():
    assert [w.name for w in select("W1,W4")] == ["W1", "W4a", "W4b", "W4c"]
    with pytest.raises(ValueError, match="no workload 'W77'"):
        select("W77")


def test_a_whole_run_through_processes(tmp_path):
    """Two workers, one workload that only one of them can do, and the three forms of report."""
    options = Options(["tensorslow"], select("W1,W9"), [1], repeats=2, sample=1e-4, budget=0.0)
    report = Report(MACHINE, *reversed(measure(options)))
    whole = json.loads(report.json())
    found = {(m["workload"], m["peer"]): m for m in whole["measurements"]}
    assert found["W1", "tensorslow"]["ratio"] > 0
    assert len(found["W1", REFERENCE]["samples"]) == 2
    assert found["W9", REFERENCE]["reason"] == "plain NumPy builds no graph"
    assert "k/s" in report.text()

    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_markdown(page, report.markdown())
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| W1 affine 2x2 |" in text
