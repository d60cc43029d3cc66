"""The same values as without the package, wherever a plan runs; and a note on what is compiled."""

import pickle

import numpy as np
import pytest
from tfmini_numba import jitted

import tfmini as tf

N = 1 << 15  # tfmini groups arrays of 2**14 elements or more
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_arrays_too(monkeypatch):
    monkeypatch.setenv("TFMINI_NUMBA_MIN_SIZE", "1")
    tf.reset_default_graph()
    tf.registry.load_entry_points()


def both(fetches, feeds, monkeypatch):
    """Return the values without the package and with it, and the notes of the latter."""
    with monkeypatch.context() as patch:
        patch.setattr(tf.registry, "plan_passes", ())
        with tf.Session("sync") as session:
            plain = session.run(fetches, feeds)
    with tf.Session() as session:
        return plain, session.run(fetches, feeds), session.explain(fetches, feeds).notes


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def placeholders(*values):
    return {tf.placeholder(v.dtype, [None] * v.ndim): v for v in values}


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-42, -3.5, 2.5], np.float32)
X = np.concatenate([SPECIAL, RNG.normal(0, 3, N - 10).astype(np.float32)])
Y = np.roll(X, 7)

EXACT = {
    "abs": lambda x, y: tf.abs(x) + 1.0,
    "arithmetic": lambda x, y: (x + y) * (x - y) / (y + 3.0),
    "negative": lambda x, y: -x * 2.0,
    "squares": lambda x, y: tf.square(x) + tf.squared_difference(x, y),
    "roots": lambda x, y: tf.sqrt(x) + tf.rsqrt(y),
    "reciprocal": lambda x, y: tf.reciprocal(x) + y,
    "rounding": lambda x, y: tf.floor(x) + tf.ceil(y),
    "bounds": lambda x, y: tf.maximum(x, y) + tf.minimum(x, 1.0),
    "relu": lambda x, y: tf.nn.relu(x) + tf.nn.relu6(y),
    "relu_grad": lambda x, y: tf.gradients(tf.reduce_sum(tf.nn.relu(x) * y), x)[0] + 1.0,
    "leaky_relu": lambda x, y: tf.nn.leaky_relu(x, 0.3) + 1.0,
    "softsign": lambda x, y: tf.nn.softsign(x) + 1.0,
    "comparisons": lambda x, y: tf.logical_and(tf.less(x, y), tf.logical_not(tf.greater(x, 1.0))),
    "equality": lambda x, y: tf.logical_or(tf.equal(x, y), tf.not_equal(y, y)),
    "where": lambda x, y: tf.where_v2(x > y, x, y) * 2.0,
    "casts": lambda x, y: (
        tf.cast(tf.cast(x, tf.float64) * 1.1, tf.float32) + tf.cast(tf.cast(y, tf.bool), tf.float32)
    ),
    "add_n": lambda x, y: tf.add_n([x, y, x]) * y,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact_has_the_same_bits(name, dtype, monkeypatch):
    feeds = placeholders(X.astype(dtype), Y.astype(dtype))
    if name == "casts" and dtype is np.float64:
        feeds = placeholders(X, Y)
    plain, compiled, notes = both(EXACT[name](*feeds), feeds, monkeypatch)
    assert all("is compiled" in note for note in notes)
    assert len(notes) == 1
    # Which NaN, and which zero of two equal ones, is nobody's promise.
    nan = np.isnan(plain) if plain.dtype.kind == "f" else np.zeros(plain.shape, bool)
    assert plain.dtype == compiled.dtype
    np.testing.assert_array_equal(compiled, plain)
    assert same_bits(compiled[~nan] + plain.dtype.type(0), plain[~nan] + plain.dtype.type(0))


# Units in the last place, of the true value: tanh's is the largest that a search of all float32
# near 0 and a grid elsewhere has found.
ULPS = {"exp": 1.5, "log": 1.5, "tanh": 3.0}
DOMAINS = {"exp": (-110, 95), "log": (1e-45, 1e5), "tanh": (-12, 12)}


@pytest.mark.parametrize("name", ULPS)
def test_approximations_keep_their_tolerance(name, monkeypatch):
    low, high = DOMAINS[name]
    x = np.concatenate([np.linspace(low, high, 400_000), RNG.normal(0, 1e-2, 100_000), SPECIAL])
    x = x.astype(np.float32)
    feeds = placeholders(x)
    fetch = getattr(tf, name)(*feeds) * 1.0
    # A group of one node is compiled from 2**18 elements on.
    _, found, notes = both(fetch, feeds, monkeypatch)
    assert "is compiled" in notes[0]
    with np.errstate(all="ignore"):
        true = getattr(np, name)(x.astype(np.float64))
        rounded = true.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(rounded))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(rounded))
    finite = np.isfinite(rounded)
    unit = np.spacing(np.abs(rounded[finite]))
    assert np.max(np.abs(found[finite] - true[finite]) / unit) <= ULPS[name]
    zero = found == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))


def formula(x):
    return tf.sigmoid(2 * x + 1) * tf.tanh(x) - tf.exp(-x * x)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_gradients(order, monkeypatch):
    feeds = placeholders(RNG.normal(size=N).astype(np.float32))
    (x,) = feeds
    fetch = formula(x)
    for _ in range(order):
        fetch = tf.gradients(tf.reduce_sum(fetch), x)[0]
    plain, compiled, notes = both(fetch, feeds, monkeypatch)
    assert "is compiled" in "".join(notes)
    np.testing.assert_allclose(compiled, plain, rtol=0, atol=3e-6)


SHAPES = {
    "row": ((256, 128), (128,)),
    "row of ones": ((256, 128), (1, 128)),
    "column": ((256, 128), (256, 1)),
    "one": ((256, 128), (1, 1)),
    "row in 3-d": ((8, 32, 128), (128,)),
    "column in 3-d": ((8, 32, 128), (8, 32, 1)),
    "scalar": ((N,), ()),
}


@pytest.mark.parametrize("name", SHAPES)
def test_broadcasting(name, monkeypatch):
    full, other = SHAPES[name]
    feeds = placeholders(RNG.normal(size=full), RNG.normal(size=other))
    x, y = feeds
    plain, compiled, notes = both([x * y + 1.0, (x - y) * x], feeds, monkeypatch)
    assert "is compiled" in notes[0]
    assert all(map(same_bits, plain, compiled))


def test_large_arrays_use_all_cores_and_any_memory_order(monkeypatch):
    feeds = placeholders(np.asfortranarray(RNG.normal(size=(1000, 700))), RNG.normal(size=700))
    x, row = feeds
    plain, compiled, notes = both([x * row + 1.0, tf.square(x - row)], feeds, monkeypatch)
    assert "is compiled" in notes[0]
    assert all(map(same_bits, plain, compiled))


LEFT = {
    "softplus": (lambda x: tf.nn.softplus(x) + 1.0, np.float32, "operation Softplus has no rule"),
    "int": (lambda x: x * 2 + 1, np.int32, "values of int32 have no rule"),
    "exp of float64": (lambda x: tf.exp(x) + 1.0, np.float64, "quicker in NumPy"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_it_cannot_do_is_left_with_a_reason(name, monkeypatch):
    build, dtype, reason = LEFT[name]
    feeds = placeholders(np.ones(N, dtype))
    plain, left, notes = both(build(*feeds), feeds, monkeypatch)
    assert same_bits(plain, left)
    assert len(notes) == 1
    assert "is left to NumPy" in notes[0]
    assert reason in notes[0]


def test_odd_broadcasts_and_small_arrays_are_left(monkeypatch):
    feeds = placeholders(RNG.normal(size=(8, 32, 128)), RNG.normal(size=(8, 1, 128)))
    x, y = feeds
    plain, left, notes = both(x * y + 1.0, feeds, monkeypatch)
    assert same_bits(plain, left)
    assert "neither a row nor a column" in notes[0]
    monkeypatch.delenv("TFMINI_NUMBA_MIN_SIZE")
    assert "elements are fewer than 262144" in both(x * 2.0 + 1.0, feeds, monkeypatch)[2][0]


def test_equal_groups_are_compiled_once():
    feeds = placeholders(RNG.normal(size=N))
    (x,) = feeds
    with tf.Session() as session:
        session.run(x * 3.0 + 1.0, feeds)
        before = jitted._loop.cache_info().misses
        session.run(x * 5.0 + 2.0, feeds)
    assert jitted._loop.cache_info().misses == before


def test_numpy_steps_in_where_numba_fails(monkeypatch, caplog):
    def fails(source):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(jitted, "_loop", fails)
    feeds = placeholders(RNG.normal(size=N))
    (x,) = feeds
    plain, compiled, _ = both(x / 7.0 - x * 11.0, feeds, monkeypatch)
    assert same_bits(plain, compiled)
    assert "RuntimeError: no compiler here" in caplog.text
    jitted._ready.cache_clear()


def test_a_group_travels():
    feeds = placeholders(RNG.normal(size=N).astype(np.float32))
    (x,) = feeds
    with tf.Session() as session:
        nodes = session._prepare(formula(x), (x,), None).program(list(feeds.values())).plan.nodes
    (node,) = [n for n in nodes if isinstance(n.opdef, jitted.Jitted)]
    copy = pickle.loads(pickle.dumps(node.opdef))
    values = [feeds[x] if s == "full" else np.float32(2) for s in node.opdef.kinds]
    assert all(map(same_bits, copy.compute(*values), node.opdef.compute(*values)))


def test_a_cluster_computes_the_same():
    from distributed import LocalCluster

    feeds = placeholders(RNG.normal(size=N).astype(np.float32))
    (x,) = feeds
    fetches = [formula(x), tf.gradients(tf.reduce_sum(formula(x)), x)[0]]
    with tf.Session() as session:
        here = session.run(fetches, feeds)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        tf.Session(cluster) as session,
    ):
        there = session.run(fetches, feeds)
    assert all(map(same_bits, here, there))
