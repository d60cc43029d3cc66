"""tf.distributions: densities against SciPy, draws against their moments, divergences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats

import tfmini as tf
from tfmini.registry import registry

tfd = tf.distributions
A, B = np.array([[0.7, 2.5, 4.0]]), np.array([[1.5], [0.6]])
X = np.array([[0.2, 0.9, 1.7]])
P = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])


@pytest.fixture
def special(monkeypatch):
    """The functions that the package tfmini-special gives where it is installed."""
    found = {
        "lgamma": scipy.special.gammaln, "digamma": scipy.special.digamma,
        "igamma": scipy.special.gammainc, "betainc": scipy.special.betainc,
        "erfc": scipy.special.erfc,
    }  # fmt: skip

    def function(name):
        if name not in found:
            return None
        return lambda *xs: tf.py_func(found[name], [tf.cast(x, tf.float64) for x in xs], tf.float64)

    monkeypatch.setattr(registry, "function", function)


def evaluate(fetches):
    with tf.Session() as session:
        return session.run(fetches)


CONTINUOUS = {
    "Normal": (lambda: tfd.Normal(A, B), scipy.stats.norm(A, B)),
    "Uniform": (lambda: tfd.Uniform(A - 1, A + B), scipy.stats.uniform(A - 1, B + 1)),
    "Laplace": (lambda: tfd.Laplace(A, B), scipy.stats.laplace(A, B)),
    "Exponential": (lambda: tfd.Exponential(B), scipy.stats.expon(0, 1 / B)),
    "Gamma": (lambda: tfd.Gamma(A, B), scipy.stats.gamma(A, 0, 1 / B)),
    "Beta": (lambda: tfd.Beta(A, B), scipy.stats.beta(A, B)),
    "StudentT": (lambda: tfd.StudentT(A + 4, A, B), scipy.stats.t(A + 4, A, B)),
}


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_and_moments(name):
    make, expected = CONTINUOUS[name]
    ours = make()
    x = X / 2 if name == "Beta" else X
    found = evaluate(
        [ours.log_prob(x), ours.prob(x), ours.entropy(), ours.mean(), ours.variance(),
         ours.stddev()]
    )  # fmt: skip
    wanted = [expected.logpdf(x), expected.pdf(x), expected.entropy(), expected.mean(),
              expected.var(), expected.std()]  # fmt: skip
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, np.broadcast_to(theirs, mine.shape), rtol=1e-9)
    assert found[2].shape == tuple(ours.batch_shape.as_list())
    if name != "StudentT":
        cdfs = evaluate([ours.cdf(x), ours.log_cdf(x), ours.survival_function(x)])
        for mine, theirs in zip(cdfs, ("cdf", "logcdf", "sf"), strict=True):
            np.testing.assert_allclose(mine, getattr(expected, theirs)(x), rtol=1e-8)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_have_the_moments(name):
    make, expected = CONTINUOUS[name]
    tf.set_random_seed(1)
    ours = make()
    draws = ours.sample([100, 200])
    assert draws.shape.as_list() == [100, 200, *ours.batch_shape.as_list()]
    values = evaluate(draws).reshape(-1, *ours.batch_shape.as_list())
    mean, std = (np.broadcast_to(m, values.shape[1:]) for m in (expected.mean(), expected.std()))
    assert (abs(values.mean(0) - mean) < 6 * std / np.sqrt(len(values))).all()
    np.testing.assert_allclose(values.std(0), std, rtol=0.08)
    low, high = expected.support()
    assert ((values >= low) & (values <= high)).all()


@pytest.mark.usefixtures("special")
def test_tails_of_the_normal_distribution():
    n = tfd.Normal(0.0, 1.0)
    x = tf.constant([-40.0, -12.0, -10.0, -9.9, 0.0, 8.0])
    values, slope = evaluate([n.log_cdf(x), tf.gradients(n.log_survival_function(-x[:2]), x)[0]])
    np.testing.assert_allclose(
        values, scipy.stats.norm.logcdf([-40, -12, -10, -9.9, 0, 8]), rtol=2e-6, atol=1e-7
    )
    np.testing.assert_allclose(slope[:2], [40.025, 12.0824], rtol=1e-4)


def test_gradients_flow_through_draws_and_log_probs():
    loc, scale = tf.constant([1.0, 2.0]), tf.constant(0.5)
    n = tfd.Normal(loc, scale)
    assert n.reparameterization_type is tfd.FULLY_REPARAMETERIZED
    by_draw = tf.gradients(n.sample(4, seed=3), [loc, scale])
    by_log = tf.gradients(n.log_prob([1.5, 2.0]), [loc, scale])
    (d_loc, d_scale), (l_loc, l_scale) = evaluate([by_draw, by_log])
    assert d_loc.tolist() == [4, 4]
    assert d_scale != 0
    np.testing.assert_allclose(l_loc, [2, 0], atol=1e-6)
    np.testing.assert_allclose(l_scale, 0.5**2 / 0.5**3 - 2 / 0.5, rtol=1e-6)


def test_bernoulli():
    tf.set_random_seed(2)
    logits = np.array([-1.0, 0.0, 3.0])
    p = 1 / (1 + np.exp(-logits))
    for ours in (tfd.Bernoulli(logits=logits), tfd.Bernoulli(probs=p)):
        found = evaluate(
            [ours.prob([1, 0, 1]), ours.entropy(), ours.mean(), ours.variance(), ours.mode(),
             ours.log_prob(np.array([[1], [0]])), ours.probs, ours.logits]
        )  # fmt: skip
        wanted = [[p[0], 1 - p[1], p[2]], scipy.stats.bernoulli(p).entropy(), p, p * (1 - p),
                  [0, 0, 1], np.log([p, 1 - p]), p, logits]  # fmt: skip
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
        draws = evaluate(ours.sample(20000))
        assert draws.dtype == np.int32
        np.testing.assert_allclose(draws.mean(0), p, atol=0.02)


def test_categorical():
    tf.set_random_seed(3)
    for ours in (tfd.Categorical(logits=np.log(P) + 2), tfd.Categorical(probs=P)):
        assert (ours.batch_shape.as_list(), ours.event_shape.as_list()) == ([2], [])
        found = evaluate(
            [ours.prob([2, 0]), ours.prob(1), ours.log_prob(np.array([[0], [2]])), ours.mode(),
             ours.entropy(), ours.event_size]
        )  # fmt: skip
        wanted = [[0.3, 0.6], [0.5, 0.3], np.log(P[:, [0, 2]].T), [1, 0],
                  [scipy.stats.entropy(row) for row in P], 3]  # fmt: skip
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)
        draws = ours.sample([300, 40])
        assert draws.shape.as_list() == [300, 40, 2]
        counts = np.eye(3)[evaluate(draws)].mean((0, 1))
        np.testing.assert_allclose(counts, P, atol=0.03)


def test_a_class_that_never_comes_has_no_entropy():
    assert evaluate(tfd.Categorical(probs=[0.0, 1.0]).entropy()) == 0


def test_shapes_that_are_known_only_in_the_run():
    x = tf.placeholder(tf.float32)
    rows = tf.placeholder(tf.float32, [None, 3])
    normal, classes = tfd.Normal(x, 1.0), tfd.Categorical(logits=rows)
    fetches = [normal.sample([2, 3]), normal.log_prob(0.0), classes.sample(4),
               classes.log_prob([2, 1]), normal.entropy()]  # fmt: skip
    assert fetches[2].shape.as_list() == [4, None]
    with tf.Session() as session:
        found = session.run(fetches, {x: [1.0, 2.0], rows: np.log(P)})
    assert [f.shape for f in found] == [(2, 3, 2), (2,), (4, 2), (2,), (2,)]
    np.testing.assert_allclose(found[3], np.log([0.3, 0.3]), rtol=1e-5)


@pytest.mark.usefixtures("special")
def test_dirichlet():
    tf.set_random_seed(4)
    a = np.array([1.5, 2.0, 3.5])
    ours, theirs = tfd.Dirichlet(a), scipy.stats.dirichlet(a)
    x = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    assert (ours.batch_shape.as_list(), ours.event_shape.as_list()) == ([], [3])
    found = evaluate([ours.log_prob(x), ours.entropy(), ours.mean(), ours.variance(), ours.mode()])
    wanted = [theirs.logpdf(x.T), theirs.entropy(), theirs.mean(), theirs.var(), (a - 1) / 4]
    for mine, value in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, value, rtol=1e-9)
    draws = evaluate(ours.sample(5000))
    np.testing.assert_allclose(draws.sum(-1), 1)
    np.testing.assert_allclose(draws.mean(0), theirs.mean(), atol=0.01)


COUNTS = {
    "Multinomial": (lambda n: tfd.Multinomial(n, probs=P[0]),
                    lambda n: scipy.stats.multinomial(n, P[0])),
    "Multinomial of logits": (lambda n: tfd.Multinomial(n, logits=np.log(P[0]) + 1.0),
                              lambda n: scipy.stats.multinomial(n, P[0])),
    "DirichletMultinomial": (lambda n: tfd.DirichletMultinomial(n, P[0] * 7),
                             lambda n: scipy.stats.dirichlet_multinomial(P[0] * 7, n)),
}  # fmt: skip


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("kind", COUNTS)
def test_counts(kind):
    tf.set_random_seed(6)
    make, expected = COUNTS[kind]
    ours, theirs = make([5.0, 0.0]), [expected(5), expected(0)]
    x = np.array([[1.0, 3, 1], [0, 0, 0]])
    assert (ours.batch_shape.as_list(), ours.event_shape.as_list()) == ([2], [3])
    found = evaluate([ours.log_prob(x), ours.prob(x), ours.mean(), ours.variance()])
    logs = [t.logpmf(v) for t, v in zip(theirs, x.astype(int), strict=True)]
    cov = np.array([theirs[0].cov(), np.zeros((3, 3))])
    mean = [theirs[0].mean(), np.zeros(3)]
    wanted = [logs, np.exp(logs), mean, np.diagonal(cov, axis1=1, axis2=2)]
    for mine, value in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(evaluate(ours.covariance()), cov, atol=1e-12)
    draws = evaluate(ours.sample([40, 100], seed=2))
    assert draws.shape == (40, 100, 2, 3)
    np.testing.assert_array_equal(draws.sum(-1), np.broadcast_to([5, 0], (40, 100, 2)))
    np.testing.assert_allclose(draws.mean((0, 1)), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws[:, :, 0].reshape(-1, 3).T), cov[0], atol=0.15)


def test_counts_of_one_distribution_and_of_unknown_shape():
    n, rows = tf.placeholder(tf.float64, []), tf.placeholder(tf.float64, [None, 3])
    ours, one = tfd.Multinomial(n, probs=rows), tfd.DirichletMultinomial(4.0, [1.0, 2.0])
    with tf.Session() as session:
        draws, alone = session.run([ours.sample(7), one.sample()], {n: 3.0, rows: P})
    assert draws.shape == (7, 2, 3)
    assert (draws.sum(-1) == 3).all()
    assert alone.shape == (2,)
    assert alone.sum() == 4
    with pytest.raises(ValueError, match="either logits or probs"):
        tfd.Multinomial(3.0)


PAIRS = {
    "Normal": lambda: (tfd.Normal(A, B), tfd.Normal(B, A)),
    "Gamma": lambda: (tfd.Gamma(A, B), tfd.Gamma(B, A)),
    "Exponential": lambda: (tfd.Exponential(A), tfd.Exponential(B)),
    "Beta": lambda: (tfd.Beta(A + 1, B + 1), tfd.Beta(B + 1, A)),
    "Bernoulli": lambda: (tfd.Bernoulli(probs=P), tfd.Bernoulli(probs=P[::-1])),
    "Categorical": lambda: (tfd.Categorical(probs=P), tfd.Categorical(probs=P[::-1])),
    "Dirichlet": lambda: (tfd.Dirichlet(P + 1.0), tfd.Dirichlet(P[::-1] + 2)),
}


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("kind", PAIRS)
def test_divergences_are_means_over_draws(kind):
    tf.set_random_seed(5)
    a, b = PAIRS[kind]()
    draws = a.sample(40000)
    of_draws = a.log_prob(draws) - b.log_prob(draws)
    found, means, cross, entropy, zero = evaluate(
        [tfd.kl_divergence(a, b), of_draws, a.cross_entropy(b), a.entropy(), a.kl_divergence(a)]
    )
    error = means.std(0) / np.sqrt(len(means))
    assert (abs(found - means.mean(0)) < 5 * error + 1e-9).all()
    np.testing.assert_allclose(cross, found + entropy)
    np.testing.assert_allclose(zero, 0, atol=1e-12)


def test_divergences_are_registered_by_kind(monkeypatch):
    from tfmini.distributions import kl

    monkeypatch.setattr(kl, "_RULES", dict(kl._RULES))

    class Mine(tfd.Normal):
        pass

    a, b = Mine(0.0, 1.0), tfd.Normal(1.0, 1.0)
    assert evaluate(a.kl_divergence(b)) == 0.5  # that of what it derives from

    @tfd.RegisterKL(Mine, tfd.Normal)
    def rule(a, b, name=None):
        return tf.constant(7.0)

    assert evaluate([a.kl_divergence(b), b.kl_divergence(a)]) == [7.0, 0.5]
    with pytest.raises(ValueError, match="Mine and Normal have a divergence already"):
        tfd.RegisterKL(Mine, tfd.Normal)(rule)
    with pytest.raises(NotImplementedError, match="no divergence of Mine and Laplace"):
        a.kl_divergence(tfd.Laplace(0.0, 1.0))


def test_own_distributions_give_methods_with_an_underscore():
    class Point(tfd.Distribution):
        def __init__(self, at, name="Point"):
            self.at = tf.convert_to_tensor(at)
            super().__init__(self.at.dtype, tfd.NOT_REPARAMETERIZED, False, True, {"at": at},
                             name=name)  # fmt: skip

        def _batch_shape(self):
            return self.at.shape

        def _sample_n(self, n, seed=None):
            return tf.tile(self.at[None], [n, 1])

        def _prob(self, x):
            return tf.cast(tf.equal(x, self.at), tf.float32)

    ours = Point([1.0, 2.0])
    found = evaluate([ours.sample(3), ours.log_prob([1.0, 3.0]), ours.copy(at=[5.0, 6.0]).at])
    assert found[0].tolist() == [[1, 2]] * 3
    assert found[1].tolist() == [0, -np.inf]
    assert found[2].tolist() == [5, 6]
    with pytest.raises(NotImplementedError, match="Point has no mean"):
        ours.mean()


def test_names_dtypes_and_parameters():
    n = tfd.Normal(0.0, scale=2.0, name="policy")
    assert (n.name, n.sample().name.split("/")[:2]) == ("policy/", ["policy", "sample"])
    assert (n.dtype, n.parameters["scale"]) == (tf.float32, 2.0)
    assert repr(n).startswith("<tf.distributions.Normal 'policy/' batch_shape=()")
    wide = n.copy(scale=tf.constant(3.0, tf.float64))
    assert (wide.dtype, wide.parameters["loc"]) == (tf.float64, 0.0)
    assert evaluate(n.batch_shape_tensor()).tolist() == []
    assert tf.contrib.distributions.Normal is tfd.Normal


def test_wrong_parameters():
    with pytest.raises(ValueError, match="loc is int32, not floats"):
        tfd.Normal(0, 1)
    with pytest.raises(ValueError, match="either logits or probs"):
        tfd.Categorical()
    scale = tf.placeholder(tf.float32, [])
    draw = tfd.Normal(0.0, scale, validate_args=True).sample()
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError):
        session.run(draw, {scale: -1.0})


def test_a_function_of_another_package_is_named(monkeypatch):
    monkeypatch.setattr(registry, "function", lambda name: None)
    with pytest.raises(AttributeError, match="tfmini-special"):
        tfd.Gamma(2.0, 1.0).log_prob(1.0)


@pytest.mark.usefixtures("special")
def test_statistics_that_there_are_not():
    t = tfd.StudentT([0.5, 1.5, 3.0], 0.0, 1.0)
    mean, variance = evaluate([t.mean(), t.variance()])
    np.testing.assert_array_equal(mean, [np.nan, 0, 0])
    np.testing.assert_allclose(variance, [np.nan, np.inf, 3])
    strict = tfd.StudentT(0.5, 0.0, 1.0, allow_nan_stats=False)
    with pytest.raises(tf.errors.InvalidArgumentError):
        evaluate(strict.mean())


def test_an_actor_learns_where_the_reward_is():
    tf.set_random_seed(6)
    loc = tf.get_variable("loc", initializer=0.0)
    policy = tfd.Normal(loc, 0.5)
    action, reward = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    loss = -tf.reduce_mean(policy.log_prob(action) * reward + 0.01 * policy.entropy())
    train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
    draw = policy.sample(64)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(60):
            actions = session.run(draw)
            scores = -np.square(actions - 2)
            session.run(train, {action: actions, reward: scores - scores.mean()})
        assert session.run(loc) == pytest.approx(2, abs=0.25)
