"""Regions: convex, complete, in order; separate where that pays and one where it does not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfmini as tf
from tfmini import calls, codegen, passes
from tfmini.errors import NodeInfo
from tfmini.opdef import OpDef
from tfmini.passes import costs, regions
from tfmini.plan import Node, Plan
from tfmini.spec import UNKNOWN, TensorSpec


class Work(OpDef):
    def compute(self, *xs):
        return xs


class Blocks(Work):
    threaded = True


WORK, BLOCKS = Work("Work", "work"), Blocks("Blocks", "blocks")
X = (0, 0)
HEAVY = 10e-3


def plan_from(edges: dict[int, list[int]], results: list[int], opdef: OpDef = WORK) -> Plan:
    """Return a plan of nodes numbered from 1 with the given inputs; 0 is the feed."""
    nodes = tuple(
        Node(
            i,
            opdef,
            {},
            tuple([(j, 0) for j in inputs]),
            (),
            (UNKNOWN,),
            NodeInfo("Work", "", None),
        )
        for i, inputs in sorted(edges.items())
    )
    fetches = tuple([(r, 0) for r in results])
    return Plan(nodes, (X,), (), {}, fetches, (), {X: TensorSpec((), None)}).verify()


def contents(found) -> list[list[int]]:
    return [[n.id for n in region.nodes] for region in found]


def check(plan: Plan, found) -> None:
    """Regions hold each node once, in an order in which each has its inputs."""
    ids = [i for c in contents(found) for i in c]
    assert sorted(ids) == [n.id for n in plan.nodes]
    known = {*plan.feeds}
    for region in found:
        assert set(region.inputs) <= known
        known |= {r for n in region.nodes for r in n.outputs}
        made = {r for n in region.nodes for r in n.outputs}
        assert set(region.outputs) <= made
        for node in region.nodes:
            assert all(r in made or r in region.inputs for r in node.inputs)
    assert set(plan.results) <= known


def test_heavy_branches_are_separate():
    plan = plan_from({1: [0], 2: [0], 3: [0], 4: [1, 2, 3]}, [4])
    found = regions.partition(plan, {1: HEAVY, 2: HEAVY, 3: HEAVY, 4: 1e-6}, cores=2)
    check(plan, found)
    assert contents(found) == [[1], [2], [3], [4]]


def test_chains_stay_together():
    plan = plan_from({1: [0], 2: [1], 3: [0], 4: [3], 5: [2, 4]}, [5])
    found = regions.partition(plan, {i: HEAVY for i in range(1, 5)} | {5: 1e-6}, cores=2)
    assert contents(found) == [[1, 2], [3, 4], [5]]


def test_a_chain_alone_is_one_region():
    plan = plan_from({1: [0], 2: [1], 3: [2]}, [3])
    found = regions.partition(plan, {1: HEAVY, 2: HEAVY, 3: HEAVY}, cores=2)
    assert contents(found) == [[1, 2, 3]]


def test_cheap_branches_are_one_region():
    plan = plan_from({1: [0], 2: [0], 3: [1, 2]}, [3])
    assert len(regions.partition(plan, {1: 2e-5, 2: 2e-5, 3: 1e-6}, cores=2)) == 1


def test_a_light_root_does_not_join_branches():
    plan = plan_from({1: [0], 2: [1], 3: [1], 4: [2, 3]}, [4])
    found = regions.partition(plan, {1: 1e-6, 2: HEAVY, 3: HEAVY, 4: 1e-6}, cores=2)
    check(plan, found)
    assert [2] in contents(found)
    assert [3] in contents(found)


def test_fan_out_of_heavy_nodes_does_not_wait():
    plan = plan_from({1: [0], 2: [1], 3: [1], 4: [2, 3]}, [4])
    found = regions.partition(plan, {i: HEAVY for i in (1, 2, 3)} | {4: 1e-6}, cores=2)
    check(plan, found)
    assert contents(found)[:3] == [[1], [2], [3]]


def test_light_heads_of_heavy_branches_do_not_bind_them_together():
    """A branch's head needs feeds alone; it must not wait in the region of the branch before."""
    plan = plan_from({1: [0], 2: [1], 3: [0], 4: [3], 5: [0], 6: [5], 7: [2, 4, 6]}, [7])
    seconds = {i: 1e-6 for i in (1, 3, 5, 7)} | {i: HEAVY for i in (2, 4, 6)}
    found = regions.partition(plan, seconds, cores=2)
    check(plan, found)
    assert contents(found) == [[1, 2], [3, 4], [5, 6], [7]]


def test_branches_of_several_regions_are_estimated_to_run_side_by_side():
    """Steps of independent models: each a heavy node, and what waits for it in a region after."""
    edges = {1: [0], 2: [1], 3: [1, 2], 4: [0], 5: [4], 6: [4, 5], 7: [3, 6]}
    seconds = dict.fromkeys((2, 3, 5, 6), 1e-3) | {1: HEAVY, 4: HEAVY, 7: 1e-6}
    plan = plan_from(edges, [7])
    found = regions.partition(plan, seconds, cores=2)
    check(plan, found)
    assert contents(found)[:4] == [[1], [2, 3], [4], [5, 6]]
    tasks = regions.RUN_SECONDS + 3 * regions.TASK_SECONDS
    assert regions.makespan(found, 2) == pytest.approx(HEAVY + 2e-3 + 1e-6 + tasks)


def test_one_core_needs_no_regions():
    plan = plan_from({1: [0], 2: [0], 3: [1, 2]}, [3])
    assert len(regions.partition(plan, {1: HEAVY, 2: HEAVY, 3: HEAVY}, cores=1)) == 1


@st.composite
def weighted_plans(draw):
    n = draw(st.integers(1, 25))
    edges = {
        i: draw(st.lists(st.integers(max(0, i - 8), i - 1), min_size=1, max_size=3, unique=True))
        for i in range(1, n + 1)
    }
    seconds = {i: draw(st.sampled_from([1e-6, 2e-4, HEAVY, 5 * HEAVY])) for i in edges}
    return plan_from(edges, [n]), seconds


@settings(max_examples=300, deadline=None)
@given(weighted_plans())
def test_regions_are_legal_and_never_slower(case):
    plan, seconds = case
    found = regions.partition(plan, seconds, cores=2)
    check(plan, found)
    if len(found) > 1:
        assert regions.makespan(found, 2) <= sum(seconds.values())


def test_kernels_that_use_all_cores_themselves_need_no_tasks():
    """A network's backward pass: half of it could run beside the other half."""
    edges = {1: [0], 2: [1], 3: [2], 4: [2], 5: [3, 4], 6: [5]}
    seconds = dict.fromkeys(edges, HEAVY)
    separate = plan_from(edges, [6])
    assert len(regions.partition(separate, seconds, cores=2)) > 1
    assert len(regions.partition(plan_from(edges, [6], BLOCKS), seconds, cores=2)) == 1
    # Branches from end to end are still worth a task each, and so are many small kernels.
    wide = {1: [0], 2: [0], 3: [1], 4: [2]}
    found = regions.partition(plan_from(wide, [3, 4], BLOCKS), dict.fromkeys(wide, HEAVY), cores=2)
    assert contents(found) == [[1, 3], [2, 4]]


WIDE = {1: [0], 2: [0], 3: [0], 4: [1, 2, 3]}


@pytest.mark.parametrize(("taken", "n"), [(1e-5, 1), (HEAVY, 4)])
def test_measured_times_take_the_place_of_estimates(taken, n):
    plan = plan_from(WIDE, [4])  # without cost rules
    found = regions.partition(plan, dict.fromkeys(WIDE, costs.UNKNOWN_SECONDS), 2)
    assert len(found) == 4
    after, again = passes.refined(plan, [(r, taken) for r in found], 2)
    check(after, again)
    assert len(again) == n
    assert sum([r.seconds for r in again]) == pytest.approx(4 * taken)
    assert passes.refined(plan, [(r, None) for r in found], 2) is None


@pytest.mark.parametrize(("step", "tasks"), [(0.0, 0), (1.0, 4)])
def test_tasks_that_turn_out_not_to_pay_are_given_up(step, tasks, monkeypatch):
    clock = itertools.count(0.0, step)
    monkeypatch.setattr(codegen, "perf_counter", lambda: next(clock))
    x = tf.placeholder(tf.float64, [3])
    doubled = [tf.py_func(lambda a, k=k: a * k, [x], tf.float64) for k in range(3)]
    total = tf.add_n(doubled)
    config = tf.ConfigProto(inter_op_parallelism_threads=2)
    with tf.Session(config=config) as session:
        feed = {x: [1.0, 2.0, 3.0]}
        assert session.explain(total, feed).n_tasks == 4
        results = [session.run(total, feed).tolist() for _ in range(calls._REFINED_RUN)]
        results.append(session.run(total, feed).tolist())
        assert results == [[3.0, 6.0, 9.0]] * len(results)
        assert session.explain(total, feed).n_tasks == tasks
