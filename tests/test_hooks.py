"""Plan passes and run observers of plugins: what they may do, and what they cannot break."""

from __future__ import annotations

import logging
import re
import threading

import numpy as np
import pytest

import tfmini as tf
from tfmini.passes import apply_plugins
from tfmini.registry import registry
from tfmini.session import Session
from tfmini.spec import TensorSpec


@pytest.fixture
def install():
    """Register an object with hooks under a name, for this test."""
    names = []

    def register(plugin, name="dist:plugin"):
        registry.register(plugin, name)
        names.append(name)
        return plugin

    yield register
    for name in names:
        registry.unregister(name)


def passing(function):
    """Return a plugin whose plan pass is ``function``."""

    class Plugin:
        @tf.hookimpl
        def tfmini_plan_pass(self, plan):
            return function(plan)

    return Plugin()


def graph():
    x = tf.placeholder(tf.float32, [None], name="x")
    return x, tf.exp(x) + 1.0


def run(fetches, feeds):
    with Session() as session:
        return session.run(fetches, feeds), session.explain(fetches, feeds)


# -- plan passes ------------------------------------------------------------------------------


def swapped(plan):
    """Return ``plan`` with logarithms in the place of exponentials."""
    log = registry.type("Log")
    nodes = [n.replace(opdef=log) if n.opdef.type == "Exp" else n for n in plan.nodes]
    return plan.with_nodes(nodes).noted("no more exponentials")


def test_a_pass_changes_what_runs_and_may_say_so(install):
    install(passing(swapped))
    x, y = graph()
    value, explanation = run(y, {x: [1.0, 1.0]})
    assert value.tolist() == [1.0, 1.0]
    assert explanation.notes == ["no more exponentials"]
    assert str(explanation).endswith("\nno more exponentials")
    with Session("processes") as session:
        assert session.run(y, {x: [1.0]}).tolist() == [1.0]


def test_a_pass_sees_specialised_plans_once_a_shape(install):
    seen = []
    install(passing(lambda plan: seen.append(plan) or plan))
    x, y = graph()
    with Session() as session:
        for n in (2, 2, 3, 2):
            session.run(y, {x: np.ones(n)})
    assert [plan.nodes[-1].specs[0].shape for plan in seen] == [(2,), (3,)]


def test_passes_follow_each_other_in_the_order_of_names(install):
    for name in ("b:x", "a:x", "c:x"):
        install(passing(lambda plan, name=name: plan.noted(name)), name)
    x, y = graph()
    assert run(y, {x: [1.0]})[1].notes == ["a:x", "b:x", "c:x"]


def drop_last(plan):
    return plan.with_nodes(plan.nodes[:-1])


def other_dtype(plan):
    double = [TensorSpec(s.shape, tf.float64) for s in plan.nodes[-1].specs]
    return plan.with_nodes([*plan.nodes[:-1], plan.nodes[-1].replace(specs=tuple(double))])


FAULTS = {
    "raises": (lambda plan: 1 / 0, "ZeroDivisionError: division by zero"),
    "no plan": (lambda plan: None, "TypeError: it returned None, not a plan"),
    "illegal": (drop_last, "is made by no node"),
    "feeds": (lambda plan: plan.with_nodes(plan.nodes, feeds=()), "is not there yet|feeds"),
    "fetches": (lambda plan: plan.with_nodes(plan.nodes, fetches=()), "0 values for 1 fetches"),
    "dtype": (other_dtype, "instead of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_pass_is_skipped_with_its_reason(fault, install, caplog, monkeypatch):
    function, reason = FAULTS[fault]
    install(passing(function), "a-dist:bad")
    install(passing(lambda plan: plan.noted("good")), "b-dist:good")
    monkeypatch.delenv("TFMINI_STRICT_PLUGINS", raising=False)
    x, y = graph()
    value, explanation = run(y, {x: [0.0]})
    assert value.tolist() == [2.0]
    note, good = explanation.notes
    assert note.startswith("plugin 'a-dist:bad' was skipped: tfmini_plan_pass: ")
    assert good == "good"
    pattern = f"tfmini_plan_pass: .*({reason})"
    for said in (note, registry.reports["a-dist:bad"].reason, caplog.text):
        assert re.search(pattern, said), said


def test_a_broken_pass_raises_in_strict_mode_and_changes_nothing(install, monkeypatch):
    monkeypatch.setenv("TFMINI_STRICT_PLUGINS", "1")
    v = tf.Variable(1.0)
    add = tf.assign_add(v, 1.0)
    with Session() as session:
        session.run(v)
        install(passing(FAULTS["raises"][0]), "a-dist:bad")
        with pytest.raises(tf.errors.PluginError, match=r"'a-dist:bad'.*ZeroDivisionError"):
            session.run(add)
        monkeypatch.delenv("TFMINI_STRICT_PLUGINS")
        assert session.run(v) == 1.0


def test_a_pass_cannot_drop_what_must_run(install):
    """Random nodes feed the streams' counters, assignments the state: they stay."""

    def lazy(plan):
        return plan.with_nodes([n for n in plan.nodes if not n.pinned])

    install(passing(lazy))
    v = tf.Variable(1.0)
    fetch = tf.constant(2.0)
    with tf.control_dependencies([tf.assign_add(v, 1.0)]):
        fetch = tf.identity(fetch * tf.placeholder_with_default(1.0, []))
    with Session() as session:
        session.run([fetch])
        assert session.run(v) == 2.0


def test_without_passes_a_plan_is_itself():
    from tfmini.plan import build_plan

    x, y = graph()
    plan = build_plan([y], [x], graph_seed=None)
    assert apply_plugins(plan) is plan


# -- observers --------------------------------------------------------------------------------


class Log(tf.RunObserver):
    """Keeps all that it is told."""

    def __init__(self, run):
        self.run = run
        self.regions = []
        self.times = []
        self.ends = []

    def planned(self, regions):
        assert not self.ends
        self.regions += regions

    def region_done(self, times):
        assert times.region in self.regions
        assert self.run.nodes_done <= self.run.nodes
        self.times.append(times)

    def run_done(self, seconds, error):
        self.ends.append((seconds, error))


class Observing:
    """A plugin that keeps a ``Log`` of each run."""

    def __init__(self, make=Log):
        self.make = make
        self.logs = []

    @tf.hookimpl
    def tfmini_run_observer(self, run):
        self.logs.append(self.make(run))
        return self.logs[-1]


def branches():
    """Return fetches whose plan is cut into several regions."""
    x = tf.placeholder(tf.float32, [300, 300])
    powers = [tf.reduce_sum(tf.matmul(x + i, x + i) * 1e-3) for i in range(3)]
    sums = [tf.reduce_sum(tf.svd(x + i, compute_uv=False)) for i in range(3)]
    return x, [tf.add_n(sums), powers[0]]


VALUES = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)


def test_every_region_and_node_is_timed_everywhere(install, target):
    x, fetches = branches()
    with Session(target) as session:
        expected = session.run(fetches, {x: VALUES})
        plugin = install(Observing())
        found = session.run(fetches, {x: VALUES})
        program = session._prepare(fetches, (x,), None).program([VALUES])
    assert [f.tobytes() for f in found] == [e.tobytes() for e in expected]
    (log,) = plugin.logs
    assert log.run.fetches == ("AddN:0", "Sum:0")
    assert log.run.nodes_done == log.run.nodes == len(program.plan.nodes)
    ((seconds, error),) = log.ends
    assert error is None
    assert len(log.times) == len(log.regions) >= 1
    assert {t.region for t in log.times} == set(log.regions)
    for times in log.times:
        assert times.region.name == times.region.nodes[-1].type
        assert len(times.nodes) == len(times.region.nodes)
        assert 0 <= sum(times.nodes) <= times.seconds <= seconds
        assert times.where.count(":") >= 2
    types = [info.type for t in log.times for info in t.region.nodes]
    assert types.count("Svd") == 3
    assert types.count("MatMul") == 1


def test_shards_are_watched_too(install, client):
    import dask.array

    x = tf.placeholder(tf.float32, [None, 300])
    y = tf.reduce_sum(tf.tanh(x) * 2.0)
    chunks = dask.array.from_array(VALUES, chunks=(100, 300))
    plugin = install(Observing())
    with Session(client) as session:
        found = session.run(y, {x: chunks})
        assert found == session.run(y, {x: chunks})
    np.testing.assert_allclose(found, np.sum(np.tanh(VALUES) * 2), rtol=1e-3)
    for log in plugin.logs:
        assert [t.region.name for t in log.times].count("Sum") == 3
        assert {t.region.name for t in log.times} == {"Sum", "Sum of parts"}
        assert log.run.nodes_done == log.run.nodes


def test_several_regions_are_told_apart(install):
    x, fetches = branches()
    plugin = install(Observing())
    with Session("threads") as session:
        session.run(fetches, {x: VALUES})
        if not session.explain(fetches, {x: VALUES}).n_tasks:
            pytest.skip("with one core there is one region")
    (log,) = plugin.logs
    assert len(log.regions) > 1
    assert {t.region.nodes for t in log.times} == {r.nodes for r in log.regions}


def test_initial_values_belong_to_the_run_that_needs_them(install):
    plugin = install(Observing())
    v = tf.Variable(tf.random_normal([3]))
    with Session() as session:
        session.run(v * 2.0)
        session.run(v * 2.0)
    first, second = plugin.logs
    names = lambda log: [info.type for r in log.regions for info in r.nodes]  # noqa: E731
    assert "RandomStandardNormal" in names(first)
    assert names(second) == ["Mul"]
    assert len(first.ends) == len(second.ends) == 1


def test_a_failed_run_is_told_with_its_error(install):
    plugin = install(Observing())
    x = tf.placeholder(tf.float32, [2, 2])
    with Session() as session, pytest.raises(tf.errors.InvalidArgumentError) as raised:
        session.run(tf.matrix_inverse(x * 1.0), {x: np.zeros((2, 2))})
    (log,) = plugin.logs
    ((_, error),) = log.ends
    assert error is raised.value
    assert log.times == []
    assert "MatrixInverse" in str(error)


@pytest.mark.parametrize("method", ["hook", "planned", "region_done", "run_done"])
def test_an_observer_that_raises_breaks_nothing(method, install, caplog):
    def fail(*_):
        raise KeyError("oops")

    class Bad(Log):
        def __init__(self, run):
            super().__init__(run)
            if method == "hook":
                fail()
            setattr(self, method, fail)

    install(Observing(Bad), "a-dist:bad")
    good = install(Observing(), "b-dist:good")
    v = tf.Variable(1.0)
    add = tf.assign_add(v, 1.0)
    with caplog.at_level(logging.WARNING, logger="tfmini"), Session() as session:
        assert session.run(add) == 2.0
        assert session.run(add) == 3.0
    assert "'a-dist:bad': tfmini_run_observer: KeyError: 'oops'" in caplog.text
    assert [len(log.ends) for log in good.logs] == [1, 1]
    assert all(log.times for log in good.logs)


def test_an_observer_may_decline(install):
    class Plugin:
        @tf.hookimpl
        def tfmini_run_observer(self):
            return None

    install(Plugin())
    x, y = graph()
    assert run(y, {x: [0.0]})[0].tolist() == [2.0]


def test_runs_inside_runs_and_beside_them_have_their_own_observers(install):
    plugin = install(Observing())
    inner = tf.Graph()
    with inner.as_default():
        one = tf.exp(tf.placeholder_with_default(0.0, []))
    y = tf.square(tf.py_func(lambda: Session(graph=inner).run(one), [], tf.float32))
    with Session() as session:
        threads = [threading.Thread(target=session.run, args=(y,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    outer = [log for log in plugin.logs if log.run.fetches == (y.name,)]
    assert len(outer) == 2
    assert len(plugin.logs) == 4
    for log in outer:
        assert [i.type for r in log.regions for i in r.nodes][-1] == "Square"
        assert "Exp" not in [i.type for r in log.regions for i in r.nodes]


def test_make_callable_is_watched(install):
    plugin = install(Observing())
    x, y = graph()
    with Session() as session:
        session.make_callable(y, [x])([1.0])
    assert [log.run.fetches for log in plugin.logs] == [(y.name,)]


def test_without_observers_nothing_is_made(monkeypatch):
    from tfmini import observe

    monkeypatch.setattr(observe, "watched", None)
    monkeypatch.setattr(observe, "_Watch", None)
    monkeypatch.setattr(registry, "run_observers", ())
    x, y = graph()
    assert run(y, {x: [0.0]})[0].tolist() == [2.0]


def test_hooks_are_plain_functions(install):
    class Plugin:
        @tf.hookimpl(hookwrapper=True)
        def tfmini_plan_pass(self, plan):
            yield

    with pytest.raises(TypeError, match="'tfmini_plan_pass' can't be a wrapper"):
        install(Plugin())
    assert registry.plan_passes == ()
    assert registry.manager.get_plugin("dist:plugin") is None
