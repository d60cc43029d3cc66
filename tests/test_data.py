"""``tf.data``: what datasets give, in which order, and how iterators begin and end."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import tfmini as tf
from tfmini import threads
from tfmini.data.rows import Batches, Rows

Dataset = tf.data.Dataset
experimental = tf.data.experimental


def plain(value):
    """Return values as nested Python data."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    return value.tolist() if hasattr(value, "tolist") else value


def elements(dataset, most=1000):
    """Return all elements of a dataset, by a one-shot iterator."""
    following = dataset.make_one_shot_iterator().get_next()
    out = []
    with tf.Session() as session:
        for _ in range(most):
            try:
                out.append(plain(session.run(following)))
            except tf.errors.OutOfRangeError:
                break
        else:
            return out
        for _ in range(2):  # and ever after
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(following)
    return out


def mapped(dataset):
    """Return the same elements, without the quick ways of rows in memory."""
    return dataset.map(lambda *element: element if len(element) > 1 else element[0])


SAME = [lambda d: d, mapped]  # two implementations of each method


@pytest.mark.parametrize("via", SAME)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.take(3), [0, 1, 2]),
        (lambda d: d.take(-1), list(range(7))),
        (lambda d: d.skip(5), [5, 6]),
        (lambda d: d.skip(-1), []),
        (lambda d: d.skip(9), []),
        (lambda d: d.repeat(2).skip(5).take(4), [5, 6, 0, 1]),
        (lambda d: d.repeat(0), []),
        (lambda d: d.repeat().take(16).shard(3, 1), [1, 4, 0, 3, 6]),
        (lambda d: d.batch(3), [[0, 1, 2], [3, 4, 5], [6]]),
        (lambda d: d.batch(3, drop_remainder=True), [[0, 1, 2], [3, 4, 5]]),
        (lambda d: d.repeat(2).batch(5), [[0, 1, 2, 3, 4], [5, 6, 0, 1, 2], [3, 4, 5, 6]]),
        (lambda d: d.batch(4).repeat(2), [[0, 1, 2, 3], [4, 5, 6]] * 2),
        (lambda d: d.concatenate(d.take(2)), [0, 1, 2, 3, 4, 5, 6, 0, 1]),
        (lambda d: d.filter(lambda x: x % 3 > 0), [1, 2, 4, 5]),
        (lambda d: d.enumerate(8).skip(5), [(13, 5), (14, 6)]),
        (lambda d: d.cache().repeat(2).skip(12), [5, 6]),
        (lambda d: d.prefetch(2).take(2), [0, 1]),
        (lambda d: d.apply(lambda d: d.skip(6)), [6]),
        (lambda d: Dataset.zip((d, d.skip(5))), [(0, 5), (1, 6)]),
        (lambda d: d.flat_map(lambda x: Dataset.range(x)).skip(18), [3, 4, 5]),
        (lambda d: d.batch(3).apply(experimental.unbatch()), list(range(7))),
        (lambda d: d.window(3, 2).flat_map(lambda w: w.batch(3)),
         [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6]]),
    ],
)  # fmt: skip
def test_the_order_of_elements(via, change, expected):
    assert elements(change(via(Dataset.range(7)))) == expected


def test_structures_types_and_static_shapes():
    d = Dataset.from_tensor_slices({"x": np.zeros((4, 2), np.float32), "y": [1, 2, 3, 4]})
    assert d.output_types == {"x": tf.float32, "y": tf.int32}
    assert d.output_shapes == {"x": tf.TensorShape([2]), "y": tf.TensorShape([])}
    got = d.batch(2).make_one_shot_iterator().get_next()
    assert got["x"].shape.as_list() == [None, 2]
    fixed = d.batch(2, drop_remainder=True).map(lambda e: (e["y"], {"z": e["x"]}))
    n, inner = fixed.make_one_shot_iterator().get_next()
    assert (n.shape.as_list(), inner["z"].shape.as_list()) == ([2], [2, 2])
    assert Dataset.from_tensors(([1, 2], "a")).output_classes == (tf.Tensor, tf.Tensor)


def test_one_element_a_run_for_all_who_take_it():
    x = Dataset.range(4).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run([x, x + 10, tf.identity(x)]) == [0, 10, 0]
        assert session.run([x, x * 2]) == [1, 2]


def test_what_is_fetched_is_the_callers_own():
    data = np.arange(4.0)
    x = Dataset.from_tensor_slices(data).batch(2).repeat(2).make_one_shot_iterator().get_next()
    data[:] = -1.0
    with tf.Session() as session:
        session.run(x)[:] = 7.0
        assert [plain(session.run(x)) for _ in range(2)] == [[2.0, 3.0], [0.0, 1.0]]


# -- shuffling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", SAME)
@pytest.mark.parametrize("size", [1, 2, 5, 20, 1000])
def test_shuffling_draws_from_the_next_elements(via, size):
    out = elements(via(Dataset.range(20)).shuffle(size, seed=3))
    assert sorted(out) == list(range(20))
    # The n-th comes from the first n + size.
    assert all(value < place + size for place, value in enumerate(out))
    assert (out == list(range(20))) == (size == 1)


def test_seeds_and_passes():
    def orders(**options):
        with tf.Graph().as_default():
            d = Dataset.range(30).shuffle(30, **options).batch(30).repeat(2)
            return elements(d)

    first, second = orders(seed=5)
    assert first != second
    assert orders(seed=5) == [first, second]
    assert orders(seed=6)[0] != first
    assert orders()[0] != orders()[0]
    once, again = orders(seed=5, reshuffle_each_iteration=False)
    assert once == again
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        graph_seed = elements(Dataset.range(30).shuffle(30).batch(30))
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        assert elements(Dataset.range(30).shuffle(30).batch(30)) == graph_seed


def test_a_buffer_gives_each_order_equally_often():
    counts = dict.fromkeys(itertools.permutations(range(3)), 0)
    d = Dataset.range(3).shuffle(3, seed=1).batch(3).repeat(600)
    for order in elements(d):
        counts[tuple(order)] += 1
    assert min(counts.values()) > 60  # 100 expected


def test_rows_are_gathered_not_visited():
    class Untouchable(np.ndarray):
        def __getitem__(self, index):
            raise AssertionError("one row at a time")

    column = np.arange(1000.0).view(Untouchable)
    source = Rows([column]).shuffle(1000, lambda: np.random.default_rng(0)).repeat(2)
    batches = source.batch(64, False)
    assert isinstance(batches, Batches)
    assert sum(len(b) for (b,) in batches) == 2000


# -- functions -------------------------------------------------------------------------------------


def test_map_takes_and_returns_structures():
    d = Dataset.zip((Dataset.range(2), {"a": Dataset.range(5, 7)}))
    assert elements(d.map(lambda n, rest: {"sum": n + rest["a"], "p": (n, 1.5)})) == [
        {"sum": 5, "p": (0, 1.5)}, {"sum": 7, "p": (1, 1.5)}
    ]  # fmt: skip
    assert elements(Dataset.range(2).map(lambda x: [x, x + 1])) == [(0, 1), (1, 2)]
    text = Dataset.from_tensor_slices([b"a", b"b"]).map(lambda s: (s, tf.size(s)))
    assert elements(text) == [(b"a", 1), (b"b", 1)]


def test_map_sees_variables_and_feeds_as_they_were_at_the_start():
    v, p = tf.Variable(np.int64(10)), tf.placeholder(tf.int64, [])
    iterator = Dataset.range(3).map(lambda x: x * v + p).make_initializable_iterator()
    x = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer, {p: 1})
        session.run(v.assign(0))
        assert [session.run(x) for _ in range(3)] == [1, 11, 21]


def test_map_draws_anew_for_each_element():
    d = Dataset.range(50).map(lambda x: tf.random_uniform([], seed=4))
    first = elements(d)
    assert len(set(first)) == 50
    assert elements(d) == first


def test_parallel_maps_keep_the_order():
    d = Dataset.range(40).map(
        lambda x: tf.py_func(lambda v: v * 2, [x], tf.int64), num_parallel_calls=4
    )
    assert elements(d) == list(range(0, 80, 2))


def test_an_error_in_an_element_is_no_end():
    d = Dataset.from_tensor_slices([1.0, 0.0, 2.0])
    d = d.map(lambda x: tf.check_numerics(1.0 / x, "division"))
    x = d.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(x) == 1.0
        with pytest.raises(tf.errors.InvalidArgumentError, match="division"):
            session.run(x)
        assert session.run(x) == 0.5
    assert elements(d.apply(experimental.ignore_errors())) == [1.0, 0.5]


def _failing(step):
    """Numbers 0 to 11 as floats, of which 3 and 7 can't be computed."""
    d = Dataset.range(12).map(lambda x: tf.cast(x, tf.float32))
    return step(d.map(lambda x: tf.check_numerics(x / (x - 3.0) / (x - 7.0) * 0.0 + x, "broken")))


@pytest.mark.parametrize(
    ("step", "count"),
    [
        (lambda d: d.prefetch(2), 10),
        (lambda d: d.repeat(2), 20),
        (lambda d: d.shuffle(4, seed=1), 10),
        (lambda d: d.take(9), 9),
        (lambda d: d.skip(1), 9),
        (lambda d: d.shard(2, 0), 6),
        (lambda d: d.cache().repeat(2), 20),
        (lambda d: d.concatenate(d), 20),
        (lambda d: d.enumerate(), 10),
        (lambda d: d.batch(1).unbatch(), 10),
        (lambda d: d.flat_map(Dataset.from_tensors), 10),
        (lambda d: d.interleave(Dataset.from_tensors, 3), 10),
        (lambda d: d.window(2, shift=1).flat_map(lambda w: w.batch(2)), 10),
        (lambda d: d.map(lambda x: tf.py_func(_identity, [x], tf.float32), 3), 10),
    ],
)
def test_an_error_in_an_element_is_no_end_of_any_transformation(step, count):
    x = _failing(step).make_one_shot_iterator().get_next()
    results, errors = [], 0
    with tf.Session() as session:
        for _ in range(40):
            try:
                results.append(session.run(x))
            except tf.errors.InvalidArgumentError:
                errors += 1
            except tf.errors.OutOfRangeError:
                break
    assert errors > 0
    assert len(results) == count


def _identity(x):
    return x


@pytest.mark.parametrize(
    ("cycle", "block", "expected"),
    [  # dataset n gives n, n times
        (1, 1, [1, 2, 2, 3, 3, 3]),
        (2, 1, [1, 2, 2, 3, 3, 3]),
        (3, 1, [1, 2, 3, 2, 3, 3]),
        (2, 2, [1, 2, 2, 3, 3, 3]),
        (3, 2, [1, 2, 2, 3, 3, 3]),
    ],
)
def test_interleave(cycle, block, expected):
    d = Dataset.range(1, 4).interleave(lambda x: Dataset.from_tensors(x).repeat(x), cycle, block)
    assert elements(d) == expected


def test_interleave_takes_as_many_at_a_time_as_there_are_cores():
    d = Dataset.range(6)
    cores = d.interleave(lambda x: Dataset.from_tensors(x).repeat(2))
    same = d.interleave(lambda x: Dataset.from_tensors(x).repeat(2), threads.CPU_COUNT)
    assert elements(cores) == elements(same)


def test_padded_batch():
    d = Dataset.range(1, 5).map(lambda n: (tf.fill([n], n), n))
    assert elements(d.padded_batch(3, ([None], []))) == [
        ([[1, 0, 0], [2, 2, 0], [3, 3, 3]], [1, 2, 3]),
        ([[4, 4, 4, 4]], [4]),
    ]
    minus = (np.int64(-1), np.int64(0))
    odd = d.map(lambda row, n: tf.equal(row % 2, 1)).padded_batch(2, [None])
    assert elements(odd)[0] == [[True, False], [False, False]]
    fixed = d.padded_batch(2, ([5], []), minus, drop_remainder=True)
    assert fixed.output_shapes[0].as_list() == [2, 5]
    assert elements(fixed)[0][0] == [[1, -1, -1, -1, -1], [2, 2, -1, -1, -1]]
    with pytest.raises(tf.errors.DataLossError, match="as long as"):
        elements(d.padded_batch(4, ([2], [])))


def test_batches_of_different_shapes_say_so():
    d = Dataset.range(1, 3).map(lambda n: tf.fill([n], n)).batch(2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="padded_batch"):
        elements(d)


# -- generators, caches ----------------------------------------------------------------------------


def test_generators_begin_anew_for_each_pass():
    calls = []

    def generate(n):
        calls.append(int(n))
        for i in range(n):
            yield i, [0.5] * i

    d = Dataset.from_generator(generate, (tf.int32, tf.float32), ([], [None]), args=(2,))
    assert elements(d.repeat(2)) == [(0, []), (1, [0.5])] * 2
    assert calls == [2, 2]
    bad = Dataset.from_generator(lambda: iter(["a"]), tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="the generator gave"):
        elements(bad)
    narrow = Dataset.from_generator(lambda: iter([[1, 2]]), tf.int32, [1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2\], wanted is \[1\]"):
        elements(narrow)


@pytest.mark.parametrize("where", ["", "file"])
def test_a_cache_asks_once(tmp_path, where):
    asked = []

    def seen(x):
        asked.append(int(x))
        return x

    d = Dataset.range(3).map(lambda x: (tf.py_func(seen, [x], tf.int64), "t"))
    d = d.cache(str(tmp_path / where) if where else "")
    assert [x for x, _ in elements(d.repeat(3))] == [0, 1, 2] * 3
    assert asked == [0, 1, 2]
    if where:
        assert elements(d) == [(0, b"t"), (1, b"t"), (2, b"t")]  # in another session too
        assert asked == [0, 1, 2]


def test_prefetching_hands_errors_on_and_stops():
    def generate():
        yield 1
        raise RuntimeError("broken")

    d = Dataset.from_generator(generate, tf.int32).prefetch(4)
    x = d.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(x) == 1
        with pytest.raises(tf.errors.OpError, match="broken"):
            session.run(x)
    endless = Dataset.from_generator(itertools.count, tf.int32).prefetch(1)
    assert elements(endless, most=3) == [0, 1, 2]


def test_waiting_for_an_element_may_be_limited():
    opened = threading.Event()

    def generate():
        opened.wait(30)
        yield 1

    x = Dataset.from_generator(generate, tf.int32).prefetch(4).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(x, options=tf.RunOptions(timeout_in_ms=5))
        opened.set()
        assert session.run(x) == 1


def test_long_chains_do_not_recurse():
    d = Dataset.range(1)
    for _ in range(2000):
        d = d.concatenate(Dataset.range(1))
    assert len(elements(d.batch(10_000))[0]) == 2001


def test_an_empty_dataset_repeated_for_ever_ends():
    assert elements(Dataset.range(0).repeat()) == []
    assert elements(mapped(Dataset.range(0)).repeat()) == []


# -- iterators -------------------------------------------------------------------------------------


def test_initializable_iterators_begin_again_with_what_is_fed():
    x = tf.placeholder(tf.float32, [None, 2])
    iterator = Dataset.from_tensor_slices(x).make_initializable_iterator()
    row = iterator.get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="initializer"):
            session.run(row)
        for start in (0, 10):
            data = np.arange(start, start + 4).reshape(2, 2)
            session.run(iterator.initializer, {x: data})
            assert plain(session.run(row)) == [start, start + 1]


def test_a_seeded_dataset_initialized_again_is_the_same():
    iterator = Dataset.range(20).shuffle(20, seed=2).batch(20).make_initializable_iterator()
    x = iterator.get_next()
    with tf.Session() as session:
        orders = []
        for _ in range(2):
            session.run(iterator.initializer)
            orders.append(plain(session.run(x)))
    assert orders[0] == orders[1]


def test_sessions_have_their_own_places():
    x = Dataset.range(5).make_one_shot_iterator().get_next()
    with tf.Session() as a, tf.Session() as b:
        assert [a.run(x), a.run(x), b.run(x)] == [0, 1, 0]


def test_reinitializable_iterators():
    train = Dataset.range(3).map(lambda x: (x, tf.fill([2], x)))
    test = Dataset.range(10, 12).map(lambda x: (x, tf.fill([2], -x)))
    iterator = tf.data.Iterator.from_structure(train.output_types, train.output_shapes)
    x, _row = iterator.get_next()
    begin = [iterator.make_initializer(d) for d in (train, test)]
    with tf.Session() as session:
        for op, expected in zip([*begin, begin[0]], [[0, 1, 2], [10, 11], [0, 1, 2]], strict=True):
            session.run(op)
            assert [session.run(x) for _ in expected] == expected
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(x)
    with pytest.raises(TypeError, match="same types and shapes"):
        iterator.make_initializer(Dataset.range(3).map(lambda x: (x, 1.5)))
    with pytest.raises(ValueError, match="make_initializer"):
        _ = iterator.initializer


def test_feedable_iterators():
    handle = tf.placeholder(tf.string, [])
    one, two = Dataset.range(5), Dataset.range(10, 15)
    x = tf.data.Iterator.from_string_handle(handle, one.output_types, one.output_shapes).get_next()
    a, b = one.make_one_shot_iterator(), two.make_initializable_iterator()
    with tf.Session() as session:
        first, second = session.run([a.string_handle(), b.string_handle()])
        session.run(b.initializer)
        fed = [first, second, first, second]
        assert [session.run(x, {handle: h}) for h in fed] == [0, 10, 1, 11]
        texts = Dataset.from_tensors("a").make_one_shot_iterator()
        with pytest.raises(tf.errors.InvalidArgumentError, match="is expected"):
            session.run(x, {handle: session.run(texts.string_handle())})


def test_one_shot_iterators_need_no_values_from_outside():
    with pytest.raises(ValueError, match="make_initializable_iterator"):
        Dataset.from_tensors(tf.placeholder(tf.float32)).make_one_shot_iterator()
    v = tf.Variable(1)
    with pytest.raises(ValueError, match="variable"):
        Dataset.range(2).map(lambda x: tf.cast(x, tf.int32) + v).make_one_shot_iterator()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Dataset.from_tensor_slices(([1, 2], [1, 2, 3])), "one first dimension"),
        (lambda: Dataset.from_tensor_slices(1.0), "one first dimension"),
        (lambda: Dataset.range(2).filter(lambda x: x), "scalar bool"),
        (lambda: Dataset.range(2).filter(lambda x: tf.stack([x > 0, x > 1])), "scalar bool"),
        (lambda: Dataset.zip([Dataset.range(2)] * 2), "a tuple of datasets, not a list"),
        (lambda: Dataset.range(2).flat_map(lambda x: x), "return a dataset"),
        (lambda: Dataset.range(2).concatenate(Dataset.from_tensors(1.5)), "convert one"),
        (lambda: Dataset.zip([1]), "takes a tuple of datasets"),
        (lambda: Dataset.range(2).map(5), "not callable"),
        (lambda: iter(Dataset.range(2)), "make_one_shot_iterator"),
    ],
)
def test_mistakes_are_named_while_building(make, match):
    with pytest.raises(tf.errors.InvalidArgumentError, match=match):
        make()


@pytest.mark.parametrize(
    "dataset",
    [
        lambda: Dataset.range(2).batch(0),
        lambda: Dataset.range(2).shuffle(0),
        lambda: Dataset.range(2).shard(2, 2),
    ],
)
def test_bad_sizes_are_errors_when_it_begins(dataset):
    with pytest.raises(tf.errors.InvalidArgumentError):
        elements(dataset())


# -- experimental ----------------------------------------------------------------------------------


def test_groups_and_buckets():
    d = Dataset.range(10).apply(
        experimental.group_by_window(lambda x: x % 3, lambda key, d: d.batch(4), 2)
    )
    assert elements(d) == [[0, 3], [1, 4], [2, 5], [6, 9], [7], [8]]
    with pytest.raises(TypeError, match="group_by_window: the function must return a dataset"):
        Dataset.range(3).apply(experimental.group_by_window(lambda x: x, lambda key, d: key, 2))
    lengths = Dataset.range(1, 7).map(lambda n: tf.fill([n], n))
    bucketed = lengths.apply(
        experimental.bucket_by_sequence_length(lambda e: tf.shape(e)[0], [3], [2, 2])
    )
    assert [np.shape(b) for b in elements(bucketed)] == [(2, 2), (2, 4), (2, 6)]


def test_mixing_datasets():
    a, b = Dataset.range(3), Dataset.range(10, 13)
    choice = Dataset.from_tensor_slices(np.array([0, 1, 1, 0], np.int64))
    assert elements(experimental.choose_from_datasets([a, b], choice)) == [0, 10, 11, 1]
    drawn = elements(experimental.sample_from_datasets([a, b], [0.5, 0.5], seed=1))
    assert sorted(drawn) == [0, 1, 2, 10, 11, 12]
    assert [x for x in drawn if x < 10] == [0, 1, 2]


def test_small_transformations():
    d = Dataset.range(6)
    assert elements(d.apply(experimental.map_and_batch(lambda x: x * 2, 4))) == [
        [0, 2, 4, 6],
        [8, 10],
    ]
    assert sorted(elements(d.apply(experimental.shuffle_and_repeat(6, 2)))) == sorted(
        [*range(6)] * 2
    )
    assert elements(d.apply(experimental.take_while(lambda x: x < 2))) == [0, 1]
    assert elements(experimental.Counter(5, 2).take(2)) == [5, 7]
    with tf.Session() as session:
        assert session.run(experimental.get_single_element(d.skip(5))) == 5
        with pytest.raises(tf.errors.InvalidArgumentError, match="more than one"):
            session.run(experimental.get_single_element(d))


# -- sparse tensors --------------------------------------------------------------------------------


def ragged():
    """Return a dataset of (number, that many numbers as a sparse vector)."""

    def sparse(n):
        places = tf.cast(tf.expand_dims(tf.range(tf.cast(n, tf.int32)), 1), tf.int64)
        return n, tf.SparseTensor(places, tf.fill([n], n), tf.stack([n]))

    return Dataset.range(1, 5).map(sparse)


def test_sparse_components():
    d = ragged()
    assert d.output_classes == (tf.Tensor, tf.SparseTensor)
    assert d.output_types == (tf.int64, tf.int64)
    dense = d.map(lambda n, s: tf.sparse_tensor_to_dense(s)).filter(lambda row: row[0] > 2)
    assert elements(dense) == [[3, 3, 3], [4, 4, 4, 4]]
    n, rows = d.batch(2).make_one_shot_iterator().get_next()
    assert rows.get_shape().as_list() == [None, None]
    with tf.Session() as session:
        session.run(n)
        _, value = session.run([n, rows])
    assert value.indices.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [1, 3]]
    assert value.values.tolist() == [3, 3, 3, 4, 4, 4, 4]
    assert value.dense_shape.tolist() == [2, 4]


def test_sparse_components_through_other_iterators():
    d = ragged()
    iterator = tf.data.Iterator.from_structure(
        d.output_types, d.output_shapes, None, d.output_classes
    )
    begin = iterator.make_initializer(d)
    _n, row = iterator.get_next()
    with tf.Session() as session:
        session.run(begin)
        assert session.run(row).values.tolist() == [1]
    with pytest.raises(TypeError, match="sparse_tensor_to_dense"):
        Dataset.from_tensor_slices(tf.SparseTensor([[0]], [1.0], [3]))
