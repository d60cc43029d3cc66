"""Each pass apart: what it does to a plan's structure, and that it changes no bit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from plans import evaluate, leaves_of, plan_of, random_graphs, same_bits

import tfmini as tf
from tfmini import passes
from tfmini.passes import fuse, sections, simplify, specialize
from tfmini.plan import Plan
from tfmini.spec import TensorSpec

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def types(plan: Plan) -> list[str]:
    return [n.info.type for n in plan.nodes]


@pytest.fixture
def small_blocks(monkeypatch):
    """Fuse small arrays too, in many blocks."""
    monkeypatch.setattr(fuse, "MIN_SIZE", 4)
    monkeypatch.setattr(fuse, "MIN_PARALLEL_SIZE", 8)
    monkeypatch.setattr(fuse, "_CACHE_BYTES", 64)


@pytest.fixture
def any_kernel(monkeypatch):
    """Let every operation be part of a section, not only kernels that cut their work."""
    monkeypatch.setattr(sections, "_able", lambda node, seconds: bool(node.specs))


def _in_sections(plan, seconds=1e-3, cores=4):
    """Return ``plan`` in sections, as if each node took so long."""
    return sections.parallel_sections(plan, {n.id: seconds for n in plan.nodes}, cores)[0]


def _specialized(plan, leaves):
    return specialize.specialized(plan, {r: TensorSpec.of(leaves[r]) for r in plan.feeds})


@pytest.mark.parametrize(
    "name",
    [
        "prune",
        "drop_identities",
        "fold_constants",
        "merge_common",
        "specialize",
        "fuse",
        "sections",
    ],
)
@quick
@given(graph=random_graphs())
def test_pass_keeps_every_bit(name, graph, small_blocks, any_kernel):
    fetches, feeds = graph
    plan = plan_of(fetches, feeds)
    leaves = leaves_of(plan, feeds)
    expected = evaluate(plan, leaves)
    if name == "specialize":
        after = _specialized(plan, leaves)
    elif name == "fuse":
        after = fuse.fuse_elementwise(_specialized(plan, leaves))
    elif name == "sections":
        after = _in_sections(_specialized(plan, leaves))
    else:
        after = getattr(simplify, name)(plan)
    after.verify()
    assert after.feeds == plan.feeds
    results = evaluate(after, leaves)
    assert all(same_bits(a, b) for a, b in zip(results, expected, strict=True))


@quick
@given(graph=random_graphs())
def test_all_passes_together_keep_every_bit(graph, small_blocks):
    fetches, feeds = graph
    plan = plan_of(fetches, feeds)
    leaves = leaves_of(plan, feeds)
    expected = evaluate(plan, leaves)
    with tf.Session("sync", graph=fetches[0].graph) as session:
        results = session.run(fetches, feeds)
    assert all(same_bits(a, b) for a, b in zip(results, expected, strict=True))


def test_prune_drops_what_nobody_takes():
    x = tf.placeholder(tf.float32, [2])
    y = x + 1.0
    plan = plan_of([y, tf.exp(x)], [x])
    pruned = simplify.prune(plan.with_nodes(plan.nodes, fetches=plan.fetches[:1]))
    assert types(pruned) == ["Add"]


def test_drop_identities_keeps_what_would_change_a_bit():
    x = tf.placeholder(tf.float32, [2])
    y = tf.identity(x) * 1.0 / 1.0 + 0.0
    assert types(simplify.drop_identities(plan_of(y, [x]))) == ["Add"]
    with tf.Session() as session:
        assert np.signbit(session.run(tf.negative(x) * 1.0, {x: [0.0, 1.0]})).tolist() == [
            True,
            True,
        ]


def test_identity_of_a_broadcast_is_kept():
    scalar = tf.placeholder(tf.float32, [])
    ones = tf.constant([1.0, 1.0, 1.0])
    assert types(simplify.drop_identities(plan_of(scalar * ones, [scalar]))) == ["Mul"]


def test_constants_are_folded_once_and_not_when_large():
    small = tf.constant([1.0, 2.0]) * 3.0 + 1.0
    plan = simplify.fold_constants(plan_of(small, []))
    assert types(plan) == []
    large = tf.zeros([1 << 19]) + tf.ones([1 << 19])
    assert "Add" in types(simplify.fold_constants(plan_of(large, [])))


def test_folding_leaves_errors_to_the_run():
    bad = tf.constant([1, 2]) // tf.constant([0, 0])
    plan = simplify.fold_constants(plan_of(bad, []))
    plan.verify()


def test_equal_nodes_merge_and_random_ones_do_not():
    x = tf.placeholder(tf.float32, [3])
    y = tf.exp(x) + tf.exp(x)
    assert types(simplify.merge_common(plan_of(y, [x]))).count("Exp") == 1
    z = tf.random_normal([3]) + tf.random_normal([3])
    kinds = types(passes.simplified(plan_of(z, [])))
    assert len([k for k in kinds if "Normal" in k]) == 2


def test_attributes_that_only_look_equal_do_not_merge():
    x = tf.placeholder(tf.float32, [1, 1])
    y = [tf.reduce_sum(x, axis=0, keepdims=True), tf.reduce_sum(x, axis=0, keepdims=False)]
    assert len(simplify.merge_common(plan_of(y, [x])).nodes) == 2


def test_known_shapes_remove_what_undoes_broadcasting():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.placeholder(tf.float32, [None, 3])
    grad = tf.gradients(tf.exp(x) * y, x)[0]
    plan = passes.simplified(plan_of(grad, [x, y]))
    assert "SumToShape" in types(plan)
    leaves = {r: np.ones((2, 3), np.float32) for r in plan.feeds}
    assert "SumToShape" not in types(_specialized(plan, leaves))
    leaves[plan.feeds[1]] = np.ones((2, 3), np.float32)[:1]
    assert len(_specialized(plan, leaves).nodes) > 0


def test_fused_group_is_one_node_and_convex(small_blocks):
    x = tf.placeholder(tf.float32, [40])
    a = tf.exp(x) * 2.0
    total = tf.reduce_sum(a)
    b = a + total  # depends on the group of `a` through a node outside it
    plan = fuse.fuse_elementwise(_specialized(plan_of(b, [x]), {(x.op.id, 0): np.ones(40, "f4")}))
    plan.verify()
    assert types(plan) == ["Exp+Mul", "Sum", "Add"]


def test_forward_and_gradient_fuse_together(small_blocks):
    x = tf.placeholder(tf.float32, [None])
    y = tf.sigmoid(2 * x + 1) * tf.tanh(x) - tf.exp(-x * x)
    grad = tf.gradients(tf.reduce_sum(y), x)[0]
    plan = passes.simplified(plan_of(grad, [x]))
    plan = fuse.fuse_elementwise(_specialized(plan, {plan.feeds[0]: np.ones(64, "f4")}))
    assert len([n for n in plan.nodes if isinstance(n.opdef, fuse.Fused)]) == 1


@pytest.mark.parametrize("shape", [(40,), (8, 5), (1, 40), (4, 5, 2)])
def test_fused_broadcasting_and_layouts(shape, small_blocks):
    x = tf.placeholder(tf.float32, shape)
    row = tf.placeholder(tf.float32, shape[-1:])
    one = tf.placeholder(tf.float32, (1,) * len(shape))
    y = tf.exp(x + row) * one - x
    rng = np.random.default_rng(0)
    values = {t: rng.standard_normal(t.shape.as_list()).astype("f4") for t in (x, row, one)}
    values[x] = np.asfortranarray(values[x])
    plan = plan_of(y, list(values))
    leaves = leaves_of(plan, values)
    fused = fuse.fuse_elementwise(_specialized(plan, leaves))
    assert any(isinstance(n.opdef, fuse.Fused) for n in fused.nodes)
    assert same_bits(evaluate(fused, leaves)[0], evaluate(plan, leaves)[0])


def _layers(n=2):
    """Return the steps of a net: their gradients and updates are ready side by side."""
    x = tf.placeholder(tf.float32, [8, 6])
    h, weights = x, []
    for _ in range(n):
        weights.append(tf.Variable(np.full((6, 6), 0.1, "f4")))
        h = tf.tanh(tf.matmul(h, weights[-1]))
    return x, weights, tf.reduce_sum(h)


def test_kernels_ready_at_the_same_time_make_a_section():
    x, weights, loss = _layers()
    plan = _in_sections(passes.simplified(plan_of(tf.gradients(loss, weights), [x])), cores=2)
    plan.verify()
    (section,) = [n for n in plan.nodes if isinstance(n.opdef, sections.Section)]
    assert section.info.type == "MatMul"
    assert len(section.opdef.steps) == 2  # of the second layer: for its weights, for its input
    assert [n.info.type for n in plan.nodes].count("MatMul") == 2 + 1 + 1


@pytest.mark.parametrize(
    ("seconds", "pays"),
    [
        ([1e-3, 1e-3], True),
        ([3e-4] * 8, True),
        ([1e-3], False),
        ([1e-3, 1e-6], False),  # next to nothing beside it
        ([2e-5, 2e-5], False),  # a thread would take longer to wake
    ],
)
def test_a_section_must_be_quicker_than_its_kernels_apart(seconds, pays):
    assert sections._pays(seconds, 2) is pays


def test_large_kernels_and_one_core_make_no_section():
    x, weights, loss = _layers()
    plan = passes.simplified(plan_of(tf.gradients(loss, weights), [x]))
    for seconds, cores in ((sections.MOST_SECONDS, 2), (1e-3, 1)):
        assert _in_sections(plan, seconds, cores) is plan


def test_what_comes_after_a_member_comes_after_its_section():
    x, weights, loss = _layers()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.control_dependencies([train]):
        done = tf.identity(weights[0])
    plan = passes.simplified(plan_of(done, [x]))
    plan = _in_sections(plan, cores=2).verify()
    groups = [n for n in plan.nodes if isinstance(n.opdef, sections.Section)]
    assert "MatMul" in groups[0].info.type


def test_an_error_in_a_section_names_its_member(monkeypatch):
    monkeypatch.setattr(passes, "node_seconds", lambda node, specs: 1e-3)
    monkeypatch.setattr(passes, "partition", lambda plan, seconds, cores: [None])  # one region
    a, b = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    good, bad = tf.matmul(a, a, name="good"), tf.matmul(a, b, name="bad")
    with tf.Session("sync") as session:
        fits = np.eye(3, dtype="f4")
        (row,) = session.explain([good, bad], {a: fits, b: fits}).rows
        assert (row.nodes, row.contents) == (2, "section[MatMul]")
        first, second = session.run([good, bad], {a: fits, b: 2 * fits})
        assert np.array_equal(first, fits)
        assert np.array_equal(second, 2 * fits)
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad") as caught:
            session.run([good, bad], {a: fits, b: np.eye(2, dtype="f4")})
    assert caught.value.node_def.name == "bad"
    assert str(caught.value).endswith("Inputs: float32[3, 3], float32[2, 2].")


def test_a_section_travels():
    x, weights, loss = _layers()
    plan = passes.simplified(plan_of(tf.gradients(loss, weights), [x]))
    (section,) = [n for n in _in_sections(plan).nodes if isinstance(n.opdef, sections.Section)]
    again = pickle.loads(pickle.dumps(section.opdef))
    a, b = np.ones((3, 3), "f4"), np.eye(3, dtype="f4")
    given = [(a, b)[i % 2] for i in range(len(section.inputs))]
    assert all(map(np.array_equal, again.compute(*given), section.opdef.compute(*given)))
