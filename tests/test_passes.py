"""Each pass apart: what it does to a plan's structure, and that it changes no bit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from plans import evaluate, leaves_of, plan_of, random_graphs, same_bits

import tfmini as tf
from tfmini import passes
from tfmini.passes import fuse, sections, simplify, specialize, stacks
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


@pytest.fixture
def any_stack(monkeypatch):
    """Let element-wise operations on arrays of one shape be stacked, not only decompositions."""

    def able(node, seconds):
        shapes = {s.shape for s in node.specs}
        return node.opdef.elementwise and len(shapes) == 1 and not node.pinned

    monkeypatch.setattr(stacks, "_able", able)
    monkeypatch.setattr(stacks, "LOCKED_RESULTS", 0)


def _in_stacks(plan, cores=2):
    """Return ``plan`` in stacks, as if each node took long."""
    return stacks.in_stacks(plan, {n.id: 1.0 for n in plan.nodes}, cores)


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
        "stacks",
    ],
)
@quick
@given(graph=random_graphs())
def test_pass_keeps_every_bit(name, graph, small_blocks, any_kernel, any_stack):
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
    elif name == "stacks":
        after = _in_stacks(_specialized(plan, leaves))
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


def test_complex_products_are_not_fused(small_blocks):
    """Their last bit depends on the layout of what they take, which fusing changes."""
    x = tf.placeholder(tf.complex64, [101])
    rng = np.random.default_rng(0)
    value = (rng.standard_normal(101) + 1j * rng.standard_normal(101)).astype("c8")
    plan = plan_of((x + x) * x, [x])
    leaves = leaves_of(plan, {x: value[::-1]})
    fused = fuse.fuse_elementwise(_specialized(plan, leaves))
    assert types(fused) == ["Add", "Mul"]
    assert same_bits(evaluate(fused, leaves)[0], evaluate(plan, leaves)[0])


def test_what_the_shapes_forbid_is_refused_in_a_group_too(small_blocks):
    """An array of one element is no number: those of other shapes are not added to it."""
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [1, 40])
    fetch = tf.exp(tf.add_n([tf.exp(x), y]))
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="one shape"):
        session.run(fetch, {x: [[1.0]], y: np.ones((1, 40))})


def test_what_has_no_known_length_is_not_cut_into_blocks(small_blocks):
    x, y = [tf.placeholder(tf.float32, [None, 3]) for _ in range(2)]
    chosen = tf.cond(tf.reduce_sum(x) > 0.0, lambda: x + 1.0, lambda: x - 1.0)  # [None, 3]
    result = tf.sqrt(chosen * y * 2.0) + y
    with tf.Session() as session:
        value = session.run(result, {x: np.ones((20, 3)), y: np.ones((20, 3))})
    assert value.tolist() == [[3.0] * 3] * 20


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


def _singular_values(n=8, side=120):
    rng = np.random.default_rng(n)
    matrices = [rng.standard_normal((side, side)) for _ in range(n)]
    fed = [tf.placeholder(tf.float64, m.shape, name=f"m{i}") for i, m in enumerate(matrices)]
    found = [tf.svd(x, compute_uv=False, name=f"svd{i}") for i, x in enumerate(fed)]
    return found, dict(zip(fed, matrices, strict=True))


def _specialized_svds(n, side):
    found, feed = _singular_values(n, side)
    plan = plan_of([tf.reduce_sum(s) for s in found], list(feed))
    return plan, dict(zip(plan.feeds, feed.values(), strict=True))


def test_decompositions_that_keep_the_lock_make_a_stack_per_core():
    plan, leaves = _specialized_svds(9, 130)
    stacked = _in_stacks(plan).verify()
    made = [n for n in stacked.nodes if isinstance(n.opdef, stacks.Stack)]
    assert [len(n.opdef.steps) for n in made] == [4, 5]
    assert types(stacked).count("Sum") == 9
    expected, results = evaluate(plan, leaves), evaluate(stacked, leaves)
    assert all(map(same_bits, results, expected))


@pytest.mark.parametrize(
    ("n", "side", "cores"),
    [
        (2, 400, 2),  # one for each core: no call would give up the lock
        (8, 120, 1),
        (8, 501, 2),  # gives up the lock as it is
        (8, 125, 2),  # 500 results: stacks would keep it too
    ],
)
def test_no_stacks_where_they_change_nothing(n, side, cores):
    plan, _ = _specialized_svds(n, side)
    assert _in_stacks(plan, cores) is plan


def test_what_depends_on_another_or_differs_is_not_stacked():
    a = tf.placeholder(tf.float64, [300, 300])
    first = tf.svd(a, compute_uv=False)
    second = tf.svd(a * first, compute_uv=False)
    other = tf.svd(a[:, :290], compute_uv=False)
    plan = plan_of([first, second, other], [a])
    assert _in_stacks(plan) is plan


def test_a_stack_reads_what_comes_after_some_of_its_members():
    """A taker of the first member comes before the inputs of the last one in the graph."""
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float64, [300, 300])
    sums = []
    for i in range(6):
        sums.append(tf.reduce_sum(tf.svd(x + float(i), compute_uv=False)))
    plan = plan_of(sums, [x])
    stacked = _in_stacks(plan).verify()
    assert len([n for n in stacked.nodes if isinstance(n.opdef, stacks.Stack)]) == 2
    leaves = {plan.feeds[0]: rng.standard_normal((300, 300))}
    assert all(map(same_bits, evaluate(stacked, leaves), evaluate(plan, leaves)))


def test_stacks_run_as_tasks_of_their_own_and_name_the_member_that_fails():
    found, feed = _singular_values(8, 200)
    total = tf.add_n([tf.reduce_sum(s) for s in found])
    with tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=2)) as session:
        contents = [row.contents for row in session.explain(total, feed).rows]
        assert len([c for c in contents if "stack[Svd]" in c]) == 2
        expected = sum([np.linalg.svd(m, compute_uv=False).sum() for m in feed.values()])
        assert session.run(total, feed) == pytest.approx(expected)
        bad = list(feed)[5]
        with pytest.raises(tf.errors.InvalidArgumentError, match="svd5"):
            session.run(total, {**feed, bad: np.full((200, 200), np.nan)})


def test_stacks_of_what_is_made_of_feeds_and_variables_are_tasks_too():
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((8, 300, 300))
    x = tf.placeholder(tf.float64, [300, 300])
    total = tf.add_n([tf.svd(x + tf.Variable(m), compute_uv=False) for m in matrices])
    with tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=2)) as session:
        session.run(tf.global_variables_initializer())
        explained = session.explain(total, {x: matrices[0]})
        stacked = [r for r in explained.rows if "stack[Svd]" in r.contents]
        assert [r.reason for r in stacked] == ["separate"] * 2
        assert explained.n_tasks == 3


def test_a_stack_travels():
    plan, leaves = _specialized_svds(6, 300)
    made = next(n for n in _in_stacks(plan).nodes if isinstance(n.opdef, stacks.Stack))
    again = pickle.loads(pickle.dumps(made.opdef))
    given = [leaves[r] for r in made.inputs]
    assert all(map(same_bits, again.compute(*given), made.opdef.compute(*given)))
