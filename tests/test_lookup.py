"""Lookup tables: what they find, what they are filled with, how runs change them."""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.compat import hook
from tfmini.contrib import lookup
from tfmini.formats.bundle import write_bundle

WORDS = ["brain", "salad", "surgery"]


def value(tensor, feed=None):
    with tf.Session() as session:
        return session.run(tensor, feed)


def found(table, keys, dtype=tf.string):
    """Return what a table has for keys, as a list."""
    return value(table.lookup(tf.constant(keys, dtype))).tolist()


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"brain\r\nsalad\nsurgery")
    return str(path)


def test_words_to_ids_and_back():
    ids = lookup.index_table_from_tensor(WORDS)
    assert found(ids, [["salad", "none"], ["brain", "surgery"]]) == [[1, -1], [0, 2]]
    assert found(ids, "salad") == 1  # a scalar
    assert found(ids, []) == []
    assert value(ids.size()) == 3
    assert (ids.key_dtype, ids.value_dtype, ids.name) == (tf.string, tf.int64, "hash_table")
    back = lookup.index_to_string_table_from_tensor(WORDS, default_value="?")
    assert found(back, [2, -1, 0, 3], tf.int64) == [b"surgery", b"?", b"brain", b"?"]
    assert value(lookup.string_to_index(tf.constant(["salad"]), WORDS)).tolist() == [1]
    assert value(lookup.index_to_string(tf.constant([1], tf.int64), WORDS)).tolist() == [b"salad"]


def test_the_static_shape_is_that_of_the_keys():
    table = lookup.index_table_from_tensor(WORDS, num_oov_buckets=1)
    assert table.lookup(tf.placeholder(tf.string, [None, 3])).shape.as_list() == [None, 3]
    assert table.lookup(tf.placeholder(tf.string)).dtype is tf.int64


def test_keys_may_be_text_or_numbers_of_any_kind():
    table = lookup.index_table_from_tensor(["é", "b"])
    x = tf.placeholder(tf.string, [None])
    assert value(table.lookup(x), {x: np.array(["é", "z", "b"], object)}).tolist() == [0, -1, 1]
    # Keys that are far apart, that follow each other, and at the ends of what an int64 can be.
    ends = np.iinfo(np.int64)
    for keys in ([9, -4, 10**12], [-1, 0, 1], [ends.max - 1, ends.max], [ends.min, ends.min + 1]):
        table = lookup.index_table_from_tensor(np.array(keys), dtype=tf.int64)
        assert found(table, keys, tf.int64) == list(range(len(keys)))
        assert found(table, [keys[0] ^ 64, ends.max - 9, ends.min + 9], tf.int64) == [-1, -1, -1]
    floats = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer([1, 2], ["one", "two"], tf.int32), "many"
    )
    assert found(floats, [2, 3], tf.int32) == [b"two", b"many"]


def test_unknown_keys_go_to_buckets():
    # The buckets are TensorFlow's own.
    table = lookup.index_table_from_tensor(["a", "b"], num_oov_buckets=3)
    assert found(table, ["a", "qq", "b"]) == [0, 2, 1]
    assert value(table.size()) == 5
    strong = lookup.StrongHashSpec([1, 2])
    table = lookup.index_table_from_tensor(["a", "b"], num_oov_buckets=5, hasher_spec=strong)
    assert found(table, ["q", "w", "b"]) == [5, 4, 1]
    ints = lookup.index_table_from_tensor([10, 20], num_oov_buckets=3, dtype=tf.int32)
    assert found(ints, [10, 3, 9], tf.int32) == [0, 2, 4]
    assert found(tf.lookup.StaticVocabularyTable(None, 4), ["a", "qq", "b"]) == [3, 1, 2]
    filled = tf.lookup.KeyValueTensorInitializer(
        tf.constant([5, 6], tf.int64), tf.constant([0, 1], tf.int64)
    )
    table = tf.lookup.StaticVocabularyTable(filled, 3, lookup_key_dtype=tf.int32)
    assert found(table, [5, 6, 7], tf.int32) == [0, 1, 3]
    assert value(lookup.IdTableWithHashBuckets(None, 4).size()) == 4


def test_sparse_keys_give_sparse_values():
    table = lookup.index_table_from_tensor(["a", "b"])
    keys = tf.SparseTensor([[0, 0], [1, 2]], ["b", "z"], [2, 3])
    out = value(table.lookup(keys))
    assert out.values.tolist() == [1, -1]
    assert out.indices.tolist() == [[0, 0], [1, 2]]
    assert out.dense_shape.tolist() == [2, 3]


def test_tables_from_files(words, tmp_path):
    table = lookup.index_table_from_file(words, num_oov_buckets=1)
    assert found(table, ["surgery", "brain", "x"]) == [2, 0, 3]
    assert found(lookup.index_table_from_file(words, vocab_size=1), ["salad", "brain"]) == [-1, 0]
    back = lookup.index_to_string_table_from_file(words)
    assert found(back, [0, 7], tf.int64) == [b"brain", b"UNK"]
    columns = tmp_path / "columns.tsv"
    columns.write_text("a b\t5\nc\t6\n")
    filled = tf.lookup.TextFileInitializer(columns, tf.string, 0, tf.float32, 1)
    assert found(tf.lookup.StaticHashTable(filled, -1.0), ["a b", "z"]) == [5.0, -1.0]
    assert [value(t) for t in tf.get_collection("asset_filepaths")][-1] == str(columns).encode()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a\n\nb\n", {}, "line 2 is empty"),
        ("a\nb\n", {"vocab_size": 3}, "expected 3 but got 2"),
        ("a\tb\n", {"key_column_index": 2}, "expected at least 3 got 2"),
        ("a\tb\n", {"key_column_index": 0, "value_column_index": 1}, "b in line 0 is not a valid"),
        ("a\nb\na\n", {}, "Key a has 0 and trying to add value 2"),
        (None, {}, "No such file"),
    ],
)
def test_files_that_are_wrong(tmp_path, text, options, message):
    path = tmp_path / "words.txt"
    if text is not None:
        path.write_text(text)
    table = lookup.index_table_from_file(str(path), **options)
    error = tf.errors.NotFoundError if text is None else tf.OpError
    with tf.Session() as session, pytest.raises(error, match=message):
        session.run(table.initializer)


def test_what_is_refused():
    filled = tf.lookup.KeyValueTensorInitializer
    cases = [
        (TypeError, "int32, string is wanted",
         lambda: lookup.index_table_from_tensor(WORDS).lookup(tf.constant([1]))),
        (TypeError, "float32, int64 is wanted", lambda: lookup.MutableHashTable(
            tf.string, tf.int64, -1).insert(["a"], tf.constant([1.0]))),
        (ValueError, r"keys is \[2\], values is \[3\]",
         lambda: lookup.HashTable(filled(["a", "b"], [1, 2, 3]), -1)),
        (ValueError, "must be vectors", lambda: lookup.HashTable(filled([["a"]], [[1]]), -1)),
        (ValueError, "must be a scalar", lambda: lookup.HashTable(filled(["a"], [1]), [1, 2])),
        (ValueError, "vocabulary_list must be", lambda: lookup.index_table_from_tensor(None)),
        (ValueError, "the vocabulary's is float32", lambda: lookup.index_table_from_tensor([1.0])),
        (TypeError, "string or ints", lambda: lookup.index_table_from_tensor([1], dtype="float32")),
        (ValueError, "0 or more", lambda: lookup.index_table_from_tensor(["a"], -1)),
        (TypeError, "hasher_spec", lambda: lookup.index_table_from_tensor(["a"], 1, hasher_spec=3)),
        (ValueError, "two ints", lambda: lookup.StrongHashSpec([1])),
        (TypeError, "unsigned", lambda: lookup.StrongHashSpec([1, "a"])),
        (ValueError, "not be empty", lambda: lookup.index_table_from_file("")),
        (ValueError, "greater than 0", lambda: lookup.index_table_from_file("f", vocab_size=0)),
        (ValueError, "line numbers are int64",
         lambda: tf.lookup.TextFileInitializer("f", tf.string, -1, tf.int64, 0)),
        (ValueError, "StaticHashTable has no buckets",
         lambda: tf.lookup.StaticVocabularyTable(filled(["a"], [1], None, tf.int64), 0)),
        (TypeError, "ids are int64",
         lambda: tf.lookup.StaticVocabularyTable(filled(["a"], [1]), 1)),
        (ValueError, "power of 2", lambda: lookup.MutableDenseHashTable(
            tf.int64, tf.int64, -1, 0, 1, initial_num_buckets=3)),
        (ValueError, "differ", lambda: lookup.MutableDenseHashTable(tf.int64, tf.int64, -1, 0, 0)),
    ]  # fmt: skip
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()


def test_a_key_may_come_twice_with_one_value_only():
    filled = tf.lookup.KeyValueTensorInitializer(["a", "b", "a"], [1, 2, 1])
    assert value(tf.lookup.StaticHashTable(filled, -1).size()) == 2
    filled = tf.lookup.KeyValueTensorInitializer(["a", "b", "a"], [1, 2, 3])
    table = tf.lookup.StaticHashTable(filled, -1)
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="Key a has 1"):
            session.run(tf.tables_initializer())
        with pytest.raises(tf.errors.FailedPreconditionError, match="Key a has 1"):
            session.run(table.lookup(tf.constant("a")))  # filled on first use


def test_tables_are_no_variables_of_the_model():
    table = lookup.index_table_from_tensor(WORDS, num_oov_buckets=2)
    assert tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS) == [table.initializer]
    lookup.MutableHashTable(tf.string, tf.int64, -1, checkpoint=False)
    assert not tf.global_variables()
    assert not tf.local_variables()
    assert not tf.trainable_variables()
    assert not tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS)


def test_the_initializer_fills_a_table_anew():
    keys = tf.placeholder(tf.string, [None])
    filled = tf.lookup.KeyValueTensorInitializer(keys, tf.range(tf.size(keys)))
    table = tf.lookup.StaticHashTable(filled, -1)
    out = table.lookup(tf.constant(["a", "b"]))
    with tf.Session() as session:
        session.run(tf.tables_initializer(), {keys: ["a"]})
        assert session.run(out).tolist() == [0, -1]
        session.run(table.init, {keys: ["c", "b", "a"]})
        assert session.run(out).tolist() == [2, 1]
        assert [v.tolist() for v in session.run(table.export())] == [[b"c", b"b", b"a"], [0, 1, 2]]


def test_a_monitored_session_fills_tables(words):
    table = lookup.index_table_from_file(words)
    tf.train.create_global_step()
    out = table.lookup(tf.constant(["salad"]))
    with tf.train.MonitoredSession() as session:
        with open(words, "w") as file:  # it has been read
            file.write("other\n")
        assert session.run(out).tolist() == [1]


def test_lookups_in_datasets_loops_and_branches():
    table = lookup.index_table_from_tensor(WORDS)
    lines = tf.data.Dataset.from_tensor_slices(["brain salad", "surgery none"])
    ids = lines.map(lambda line: table.lookup(tf.string_split([line]).values), 2)
    iterator = ids.make_initializable_iterator()
    element = iterator.get_next()
    word = tf.placeholder(tf.string, [])
    total = tf.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s + table.lookup(word)),
                          (0, tf.constant(0, tf.int64)))[1]  # fmt: skip
    branch = tf.cond(tf.equal(word, "salad"), lambda: table.lookup(word), lambda: table.size())
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        session.run(iterator.initializer)
        assert session.run(element).tolist() == [0, 1]
        assert session.run(element).tolist() == [2, -1]
        assert session.run([total, branch], {word: "surgery"}) == [6, 3]
        assert session.run([total, branch], {word: "salad"}) == [3, 1]


# -- tables that change ------------------------------------------------------------------------


def test_insert_remove_and_export():
    table = lookup.MutableHashTable(tf.string, tf.int64, -1)
    keys, ids = tf.placeholder(tf.string, [None]), tf.placeholder(tf.int64, [None])
    insert, remove, size = table.insert(keys, ids), table.remove(keys), table.size()
    out = table.lookup(keys)
    with tf.Session() as session:
        assert session.run(size) == 0
        assert session.run(insert, {keys: ["a", "b", "a"], ids: [1, 2, 3]}) is None
        assert session.run(out, {keys: ["a", "b", "c"]}).tolist() == [3, 2, -1]  # the last counts
        session.run(insert, {keys: ["b", "c"], ids: [5, 6]})
        session.run(remove, {keys: ["a", "z"]})
        assert [v.tolist() for v in session.run(table.export())] == [[b"b", b"c"], [5, 6]]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Expected shape"):
            session.run(insert, {keys: ["b", "c"], ids: [5]})


def test_a_run_sees_the_changes_that_come_before():
    table = lookup.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0])
    one, two = tf.constant([1], tf.int64), tf.constant([2], tf.int64)
    changes = [table.insert(one, [[1.0, 2.0]]), table.insert(two, [[3.0, 4.0]])]
    before = table.lookup(one)
    with tf.control_dependencies(changes):
        after = table.lookup(tf.stack([one, two]))
        failing = tf.check_numerics(tf.cast(table.size(), tf.float32) / 0.0, "no number")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="no number"):
            session.run(failing)
        assert session.run(table.size()) == 0  # a failed run changes nothing
        old, new = session.run([before, after])
        assert old.tolist() == [[0, 0]]
        assert new.tolist() == [[[1, 2]], [[3, 4]]]
    with tf.Session() as session:
        assert session.run(table.size()) == 0  # another session, another table


def test_dense_tables_take_vectors_as_keys():
    table = lookup.MutableDenseHashTable(tf.int64, tf.int64, -1, [0, 0], [0, 1])
    keys = tf.constant([[1, 2], [3, 4]], tf.int64)
    with tf.Session() as session:
        session.run(table.insert_or_assign(keys, tf.constant([5, 6], tf.int64)))
        assert session.run(table.lookup(keys[::-1] + 2)).tolist() == [-1, 6]
        session.run(table.erase(keys[:1]))
        assert [v.tolist() for v in session.run(table.export())] == [[[3, 4]], [6]]
        for call in (table.lookup, table.remove):
            with pytest.raises(tf.errors.InvalidArgumentError, match="Using the deleted_key"):
                session.run(call(tf.constant([[0, 1]], tf.int64)))


def test_mutable_tables_are_saved(tmp_path):
    with tf.variable_scope("model"):
        table = lookup.MutableHashTable(tf.string, tf.int64, -1, name="seen")
        dense = lookup.MutableDenseHashTable(tf.int64, tf.float32, 0.0, -1, -2, name="dense")
    insert = [table.insert(["a", "b"], np.array([4, 5])), dense.insert(np.array([7]), [0.5])]
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(insert)
        path = saver.save(session, str(tmp_path / "model"))
    names = dict(tf.train.list_variables(path))
    assert names == {"seen-keys": [2], "seen-values": [2], "dense-keys": [1], "dense-values": [1]}
    with tf.Session() as session:
        saver.restore(session, path)
        assert session.run(table.lookup(tf.constant(["b", "c"]))).tolist() == [5, -1]
        assert session.run(dense.size()) == 1
        # As TensorFlow saves a dense table: all buckets, each scalar as a vector of one.
        keys, values = np.array([[-1], [9], [-2]]), np.array([[0], [2.5], [0]], np.float32)
        write_bundle(path, {"dense-keys": keys, "dense-values": values})
        tf.train.Saver(tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS)[2:]).restore(session, path)
        session.run(dense.insert(np.array([7]), [1.5]))
        assert session.run(dense.lookup([9, 7, 3])).tolist() == [2.5, 1.5, 0]
        assert [v.tolist() for v in session.run(dense.export())] == [[9, 7], [2.5, 1.5]]
        assert session.run(dense.size()) == 2


def test_tensorflows_modules_have_them():
    places = hook._places("python.ops.lookup_ops")
    module = hook.Alias("tensorflow.python.ops.lookup_ops", places)
    table = module.index_table_from_tensor(vocabulary_list=tf.constant(["a", "b"]), default_value=7)
    assert found(table, ["b", "c"]) == [1, 7]
    assert module.MutableHashTable is lookup.MutableHashTable
    assert module.tables_initializer is tf.tables_initializer
    assert tf.lookup.experimental.DenseHashTable is module.DenseHashTable
