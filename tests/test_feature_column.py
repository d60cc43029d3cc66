"""``tf.feature_column``: numbers, names and errors, against what TensorFlow 1.15.5 gives.

The numbers here are TensorFlow's own, noted from runs of the same calls.
"""

from __future__ import annotations

import numpy as np
import pytest

import tfmini as tf
from tfmini.compat import hook
from tfmini.feature_column.columns import Features
from tfmini.feature_column.layers import InputLayer

fc = tf.feature_column
contrib = tf.contrib.feature_column


def sparse(rows, dtype):
    at = [[b, j] for b, row in enumerate(rows) for j in range(len(row))]
    items = tf.constant([x for row in rows for x in row], dtype)
    return tf.SparseTensor(np.reshape(at, (-1, 2)), items, [len(rows), max(map(len, rows))])


def features():
    return {
        "words": sparse([["red", "blue"], [], ["x", "red", "red"]], tf.string),
        "one": tf.constant(["red", "", "x"]),
        "ids": sparse([[0, 2], [], [4, 1, 1]], tf.int64),
        "id": tf.constant([[0, -1], [-1, -1], [4, 2]]),
        "far": tf.constant([[7], [-2], [1]]),
        "weights": sparse([[0.5, 1.0], [], [2.0, -1.0, 0.25]], tf.float32),
        "price": tf.constant([[1.0], [5.0], [-3.0]]),
        "pair": tf.constant([[0.0, 1.0], [2.0, 3.0], [4.0, 6.5]]),
    }


PRICE, PAIR = fc.numeric_column("price"), fc.numeric_column("pair", shape=2)
BUCKETS = fc.bucketized_column(PRICE, [-3.0, 0.5, 1, 4.0])
PAIRS = fc.bucketized_column(PAIR, [1, 3, 6])
IDS = fc.categorical_column_with_identity("ids", 5)
HASHED = fc.categorical_column_with_hash_bucket("words", 6)
COLORS = ["red", "green", "blue"]
CROSS = fc.crossed_column(["words", "one"], 9)
COLUMNS = {
    "identity": IDS,
    "default": fc.categorical_column_with_identity("far", 5, default_value=2),
    "hash": HASHED,
    "hash of ints": fc.categorical_column_with_hash_bucket("id", 6, tf.int64),
    "list": fc.categorical_column_with_vocabulary_list("words", COLORS, num_oov_buckets=3),
    "list, default": fc.categorical_column_with_vocabulary_list("one", ["red", "b"], None, 1),
    "list of ints": fc.categorical_column_with_vocabulary_list("id", [4, 2, 3]),
    "weighted": fc.weighted_categorical_column(IDS, "weights"),
    "cross": fc.crossed_column(["words", "id"], 7),
    "cross of columns": fc.crossed_column([IDS, BUCKETS, "one"], 11, hash_key=5),
    "cross of a cross": fc.crossed_column([CROSS, PAIRS], 13),
    "buckets": PAIRS,
}

# What TensorFlow counts in each example, and the sum of weights 0, 1, 2, ... of its categories.
COUNTS = {
    "identity": ("10100 00000 02001", [2, 0, 6]),
    "default": ("00100 00100 01000", [2, 2, 1]),
    "hash": ("001100 000000 003000", [5, 0, 6]),
    "hash of ints": ("010000 000000 010001", [1, 0, 6]),
    "list": ("101000 000000 200001", [2, 0, 5]),
    "list, default": ("10 00 01", [0, 0, 1]),
    "list of ints": ("000 000 110", [0, 0, 1]),
    "cross": ("0012010 0000000 2100030", [13, 0, 16]),
    "cross of columns": ("00000010010 00000000000 00300000000", [15, 0, 6]),
    "cross of a cross": ("1000101001000 0000000000000 1002001002000", [19, 0, 30]),
    "buckets": ("10000100 01000010 00100001", [5, 7, 9]),
}


def run(tensors, feed=None):
    """Return values, where the elements of each variable are 0, 1, 2, ..."""
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        for v in tf.global_variables():
            shape = v.shape.as_list()
            v.load(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), session)
        return session.run(tensors, feed)


@pytest.mark.parametrize("name", COUNTS)
def test_categories_are_those_of_tensorflow(name):
    column, (counts, sums) = COLUMNS[name], COUNTS[name]
    wide = fc.linear_model(features(), [column])
    counted, summed = run([fc.input_layer(features(), [fc.indicator_column(column)]), wide])
    assert ["".join([f"{n:.0f}" for n in row]) for row in counted] == counts.split()
    assert summed.ravel().tolist() == sums
    assert {counted.dtype, summed.dtype} == {np.dtype("float32")}


def test_weights_of_categories():
    column = COLUMNS["weighted"]
    wide = fc.linear_model(features(), [column], sparse_combiner="sqrtn")
    counted, summed = run([fc.input_layer(features(), [fc.indicator_column(column)]), wide])
    np.testing.assert_array_equal(
        counted, [[0.5, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, -0.75, 0, 0, 2]]
    )
    np.testing.assert_allclose(summed.ravel(), [1.7889, 0, 4.0931], atol=1e-4)
    counts = {"words": features()["words"], "n": sparse([[1, 2], [], [2, 1, 3]], tf.int32)}
    by_ints = fc.weighted_categorical_column(COLUMNS["list"], "n", tf.int32)
    assert run(fc.linear_model(counts, [by_ints])).ravel().tolist() == [4.0, 0.0, 10.0]
    dense = {"id": features()["id"], "w": tf.constant([[0.5, 0.0], [0.0, 0.0], [2.0, 0.25]])}
    by_dense = fc.weighted_categorical_column(fc.categorical_column_with_identity("id", 5), "w")
    assert run(fc.linear_model(dense, [by_dense])).ravel().tolist() == [0.0, 0.0, 8.5]


@pytest.mark.parametrize(
    ("combiner", "rows", "gradient"),
    [
        ("mean", [[2.6667, 3.6667], [0, 0], [7.3333, 8.3333]],
         [[1.7778, 2.4444], [1.6296, 1.8519], [3.5556, 4.8889], [0, 0], [13.037, 14.8148]]),
        ("sqrtn", [[3.5777, 4.9193], [0, 0], [8.1863, 9.3026]],
         [[3.2, 4.4], [2.0308, 2.3077], [6.4, 8.8], [0, 0], [16.2462, 18.4615]]),
        ("sum", [[4.0, 5.5], [0, 0], [14.5, 15.75]],
         [[4.0, 5.5], [-21.75, -23.625], [8.0, 11.0], [0, 0], [58.0, 63.0]]),
    ],
)  # fmt: skip
def test_embeddings_and_their_gradients(combiner, rows, gradient):
    out = fc.input_layer(features(), fc.embedding_column(COLUMNS["weighted"], 2, combiner))
    (table,) = tf.trainable_variables()
    found = run([out, tf.convert_to_tensor(tf.gradients(out * out, table)[0])])
    np.testing.assert_allclose(found[0], rows, atol=1e-4)
    np.testing.assert_allclose(found[1], gradient, atol=1e-4)


def test_how_an_embedding_begins(tmp_path):
    short = fc.input_layer(features(), fc.embedding_column(IDS, 2, max_norm=2.0))
    np.testing.assert_allclose(run(short)[::2], [[0.6247, 1.2809], [1.1825, 1.6077]], atol=1e-4)
    wide = fc.categorical_column_with_identity("ids", 5000)
    fc.input_layer(features(), fc.embedding_column(wide, 16))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        drawn = session.run(tf.trainable_variables()[-1].initialized_value())
        assert 0.2 < drawn.std() < 0.24  # 1/sqrt(16), cut off at two deviations
        assert np.abs(drawn).max() <= 0.5
        saved = tf.train.Saver(tf.trainable_variables()[:1]).save(session, str(tmp_path / "m"))
        table = session.run(tf.trainable_variables()[0])
    name = "input_layer/ids_embedding/embedding_weights"
    column = fc.embedding_column(IDS, 2, ckpt_to_load_from=saved, tensor_name_in_ckpt=name)
    fc.input_layer(features(), column)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(tf.trainable_variables()[-1]), table)


def test_numbers_stand_side_by_side_in_the_order_of_names():
    far = fc.numeric_column("far", normalizer_fn=lambda x: tf.cast(x, tf.float32) / 2.0)
    parts = {}
    out = fc.input_layer(features(), [PRICE, PAIR, far, BUCKETS], cols_to_output_tensors=parts)
    assert (out.shape.as_list(), out.dtype) == ([3, 9], tf.float32)
    assert run(out).tolist() == [
        [3.5, 0, 1, 1, 0, 0, 0, 1, 0],
        [-1, 2, 3, 5, 0, 0, 0, 0, 1],
        [0.5, 4, 6.5, -3, 0, 1, 0, 0, 0],
    ]
    assert run(parts[PAIR]).tolist() == [[0, 1], [2, 3], [4, 6.5]]
    ends = {"price": tf.constant([[np.nan], [np.inf], [-np.inf]])}
    counted = run(fc.input_layer(ends, BUCKETS))
    assert counted.argmax(1).tolist() == [4, 4, 0]


def test_vocabularies_in_files(tmp_path):
    path = tmp_path / "colors.txt"
    path.write_text("red\ngreen\nblue\nblack\n")
    whole = fc.categorical_column_with_vocabulary_file("words", str(path))
    part = fc.categorical_column_with_vocabulary_file("words", str(path), 2, num_oov_buckets=2)
    assert (whole.num_buckets, part.num_buckets) == (4, 4)
    ones = [fc.linear_model(features(), c) for c in (whole, part)]
    assert [x.ravel().tolist() for x in run(ones)] == [[2, 0, 0], [3, 0, 2]]
    saved = str(tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS)[0].eval(session=tf.Session()))
    assert "colors.txt" in saved


def names(collection):
    return [v.name for v in tf.get_collection(collection)]


def test_variables_have_the_names_and_places_of_tensorflow():
    made, columns = {}, [COLUMNS["cross"], COLUMNS["list"], BUCKETS, PAIR]
    out = fc.linear_model(features(), columns, 2, cols_to_vars=made, weight_collections=["mine"])
    fc.linear_model(features(), [PAIR, HASHED], trainable=False)
    first = ["id_X_words", "pair", "price_bucketized", "words"]
    trained = [*[f"linear_model/{n}/weights:0" for n in first], "linear_model/bias_weights:0"]
    kept = ["linear_model_1/pair_1/weights:0", "linear_model_1/words_1/weights:0",
            "linear_model_1/bias_weights:0"]  # fmt: skip
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == names("mine") == trained
    assert names(tf.GraphKeys.GLOBAL_VARIABLES) == [*trained, *kept]
    assert names(tf.GraphKeys.MODEL_VARIABLES) == [*trained, *kept]
    assert [v.shape.as_list() for v in tf.trainable_variables()] == [[7, 2], [2, 2], [5, 2], [6, 2],
                                                                    [2]]  # fmt: skip
    assert out.name == "linear_model_1/linear_model/weighted_sum:0"
    assert [v.name for v in made[PAIR]] == ["linear_model/pair/weights:0"]
    assert [v.name for v in made["bias"]] == ["linear_model/bias_weights:0"]


def test_variables_of_input_layers():
    embedded, made = fc.embedding_column(HASHED, 4), {}
    fixed = fc.embedding_column(COLUMNS["cross"], 3, trainable=False)
    fc.input_layer(features(), [embedded, fixed, PRICE], cols_to_vars=made)
    with tf.variable_scope("foo"):
        fc.input_layer(features(), [embedded])
    with tf.variable_scope("foo", reuse=True):
        fc.input_layer(features(), [embedded])
    kept = "input_layer/id_X_words_embedding/embedding_weights:0"
    own = "input_layer/words_embedding/embedding_weights:0"
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == [own, f"foo/{own}"]
    assert names(tf.GraphKeys.MODEL_VARIABLES) == [kept, own, f"foo/{own}"]
    assert [[v.name for v in made[c]] for c in (embedded, PRICE, fixed)] == [[own], [], [kept]]


def test_a_table_may_be_shared():
    other = fc.categorical_column_with_identity("id", 5)
    columns = fc.shared_embedding_columns([IDS, other], 2)
    assert [c.name for c in columns] == ["ids_shared_embedding", "id_shared_embedding"]
    out = fc.input_layer(features(), columns)
    again = fc.input_layer(features(), columns)
    name = "input_layer/id_ids_shared_embedding/embedding_weights:0"
    assert names(tf.GraphKeys.GLOBAL_VARIABLES) == [name]
    want = [[0, 1, 2, 3], [0, 0, 0, 0], [6, 7, 4, 5]]  # what "id" has comes first
    assert run(out).tolist() == run(again).tolist() == want
    weighted = fc.weighted_categorical_column(IDS, "weights")
    assert len(fc.shared_embedding_columns([weighted, other], 2)) == 2


def test_an_input_layer_as_an_object():
    kept = fc.embedding_column(HASHED, 2, trainable=False)
    layer = InputLayer([fc.embedding_column(IDS, 2), kept])
    first, second = layer(features()), layer(features())
    assert names(tf.GraphKeys.GLOBAL_VARIABLES) == [
        "feature_column_input_layer/ids_embedding/embedding_weights:0",
        "feature_column_input_layer/words_embedding/embedding_weights:0",
    ]
    assert layer.variables == tf.global_variables()
    assert (layer.trainable_weights, layer.non_trainable_weights) == (
        layer.weights[:1], layer.weights[1:])  # fmt: skip
    a, b = run([first, second])
    np.testing.assert_array_equal(a, b)


# -- features of any form ------------------------------------------------------------------------


def test_features_may_be_fed_and_of_unknown_rank():
    x, i, w = tf.placeholder(tf.float32), tf.placeholder(tf.int64), tf.sparse_placeholder(tf.string)
    numbers = fc.input_layer({"price": x}, PRICE)
    sums = fc.linear_model({"i": i}, fc.categorical_column_with_identity("i", 4))
    counts = fc.input_layer({"words": w}, fc.indicator_column(COLUMNS["list"]))
    assert numbers.shape.as_list() == [None, 1]
    for given in ([1.0, 2.0], [[1.0], [2.0]]):
        assert run(numbers, {x: given}).tolist() == [[1.0], [2.0]]
    assert run(sums, {i: [1, 3]}).tolist() == [[1], [3]]
    assert run(sums, {i: [[1, 3], [2, -1]]}).tolist() == [[4], [2]]
    value = tf.SparseTensorValue([[0, 0], [1, 1]], ["red", "blue"], [3, 2])
    assert run(counts, {w: value})[:, :3].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="has rank 0"):
        run(numbers, {x: 3.0})
    plain = fc.input_layer({"price": [1.0, 2.0], "one": np.array(["red", ""])},
                           [PRICE, fc.indicator_column(COLUMNS["list, default"])])  # fmt: skip
    assert run(plain).tolist() == [[1, 0, 1], [0, 0, 2]]


def test_a_batch_may_be_empty():
    i = tf.placeholder(tf.int64, [None, 1])
    column = fc.categorical_column_with_identity("i", 4)
    layers = [fc.input_layer({"i": i}, fc.embedding_column(column, 2)),
              fc.input_layer({"i": i}, fc.indicator_column(column)),
              fc.linear_model({"i": i}, column)]  # fmt: skip
    assert [x.shape for x in run(layers, {i: np.zeros((0, 1))})] == [(0, 2), (0, 4), (0, 1)]
    ids = tf.SparseTensor(np.zeros((0, 2), np.int64), tf.zeros([0], tf.int64), [2, 3])
    assert run(tf.nn.embedding_lookup_sparse(tf.ones([4, 2]), ids, None)).shape == (0, 2)


def test_what_examples_are_parsed_to():
    colors, default = fc.indicator_column(COLUMNS["list"]), fc.numeric_column("n", 2, 0.5)
    embedded = fc.embedding_column(COLUMNS["weighted"], 2)
    columns = [PRICE, PAIRS, colors, COLUMNS["cross"], embedded, default]
    spec = fc.make_parse_example_spec(columns)
    assert spec == {
        "price": tf.FixedLenFeature((1,), tf.float32), "pair": tf.FixedLenFeature((2,), tf.float32),
        "words": tf.VarLenFeature(tf.string), "id": tf.VarLenFeature(tf.string),
        "ids": tf.VarLenFeature(tf.int64), "weights": tf.VarLenFeature(tf.float32),
        "n": tf.FixedLenFeature((2,), tf.float32, (0.5, 0.5)),
    }  # fmt: skip
    feature = tf.train.Feature
    example = tf.train.Example(features=tf.train.Features(feature={
        "price": feature(float_list=tf.train.FloatList(value=[2.0])),
        "pair": feature(float_list=tf.train.FloatList(value=[0.0, 9.0])),
        "words": feature(bytes_list=tf.train.BytesList(value=[b"blue", b"red"])),
    })).SerializeToString()  # fmt: skip
    parsed = tf.parse_example([example, example], spec)
    out = run(fc.input_layer(parsed, [PRICE, PAIRS, colors, default]))
    assert out[1].tolist() == [0.5, 0.5, 1, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 1, 0, 0, 0]


# -- sequences -----------------------------------------------------------------------------------


def test_sequences():
    steps = {
        "id": sparse([[0, 2], [1], []], tf.int64), "n": sparse([[1.0, 2], [3], []], tf.float32),
        "pairs": sparse([[1.0, 2, 3, 4], [5, 6], []], tf.float32),
        "word": sparse([["a", "zz"], ["b"], []], tf.string),
        "deep": tf.SparseTensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]],
                                tf.constant([0, 1, 2, 1], tf.int64), [3, 2, 2]),
    }  # fmt: skip
    ids = fc.sequence_categorical_column_with_identity("id", 3)
    deep = fc.sequence_categorical_column_with_identity("deep", 3)
    words = fc.sequence_categorical_column_with_vocabulary_list("word", ["a", "b"], None, -1, 2)
    numbers = [contrib.sequence_numeric_column("n"), contrib.sequence_numeric_column("pairs", 2)]
    out, lengths = contrib.sequence_input_layer(steps, [fc.embedding_column(ids, 2), *numbers])
    counted, _ = contrib.sequence_input_layer(
        steps, [fc.indicator_column(c) for c in (deep, words)]
    )
    assert names(tf.GraphKeys.GLOBAL_VARIABLES) == [
        "sequence_input_layer/id_embedding/embedding_weights:0"
    ]
    found, sizes, counts = run([out, lengths, counted])
    assert (sizes.tolist(), sizes.dtype) == ([2, 1, 0], np.int64)
    assert found.tolist() == [
        [[0, 1, 1, 1, 2], [4, 5, 2, 3, 4]], [[2, 3, 3, 5, 6], [0] * 5], [[0] * 5, [0] * 5]
    ]  # fmt: skip
    assert counts[:2].tolist() == [
        [[1, 1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 1, 0]], [[0, 1, 0, 0, 1, 0, 0], [0] * 7]
    ]  # fmt: skip
    uneven = [fc.embedding_column(ids, 2), contrib.sequence_numeric_column("pairs", 4)]
    with pytest.raises(ValueError, match="has no steps"):
        contrib.sequence_input_layer(steps, fc.indicator_column(IDS))
    with pytest.raises(ValueError, match="is of a sequence"):
        fc.input_layer(steps, uneven[:1])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(contrib.sequence_input_layer(steps, uneven))


# -- a whole training ----------------------------------------------------------------------------


def test_a_wide_and_deep_network_learns_as_in_tensorflow():
    n = np.arange(40)
    given = {
        "age": (17 + 37 * n % 60).astype(np.float32),
        "education": np.array(["Bachelors", "HS-grad", "11th", "Doctorate", ""])[n * n % 5],
        "job": np.array(["Tech", "Sales", "?", "Craft"])[7 * n // 3 % 4],
    }
    label = ((given["age"] > 40) | (given["job"] == "Tech")).astype(np.float32)[:, None]
    age = fc.numeric_column("age", normalizer_fn=lambda x: x / 60.0)
    old = fc.bucketized_column(fc.numeric_column("age"), [25, 35, 45, 55, 65])
    job = fc.categorical_column_with_hash_bucket("job", 10)
    degree = fc.categorical_column_with_vocabulary_list("education", ["Bachelors", "HS-grad"])
    wide = [old, job, degree, fc.crossed_column([old, "education", "job"], 100)]
    table = tf.constant_initializer(np.sin(np.arange(40)).reshape(10, 4))
    deep = [age, fc.indicator_column(degree), fc.embedding_column(job, 4, initializer=table)]
    fed = {k: tf.constant(v) for k, v in given.items()}
    kernels = [tf.constant_initializer(np.cos(np.arange(m))) for m in (56, 8)]
    hidden = tf.layers.dense(fc.input_layer(fed, deep), 8, tf.nn.relu, True, kernels[0])
    logits = fc.linear_model(fed, wide) + tf.layers.dense(hidden, 1, None, True, kernels[1])
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logits))
    linear = tf.trainable_variables("linear_model")
    step = tf.group(
        tf.train.FtrlOptimizer(0.1, l1_regularization_strength=0.01).minimize(loss, None, linear),
        tf.train.AdagradOptimizer(0.05).minimize(
            loss, None, [v for v in tf.trainable_variables() if v not in linear]
        ),
    )
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        losses = [session.run([loss, step])[0] for _ in range(20)]
    want = [0.9451429, 0.55153626, 0.4019456, 0.33017045]
    np.testing.assert_allclose(losses[::6], want, rtol=1e-5)


# -- crosses -------------------------------------------------------------------------------------


def test_crosses_are_those_of_tensorflow():
    a, b = sparse([["a"], ["b", "c"]], tf.string), sparse([[11], [333, 55555]], tf.int64)
    dense = tf.constant([["x"], ["z"]])
    hashed = tf.sparse.cross_hashed
    out = run([tf.sparse.cross([dense, b, a]), hashed([dense, b, a]), hashed([b, a], 100),
               hashed([b, a], 1000, 123)])  # fmt: skip
    assert out[0].values.tolist() == [b"11_X_a_X_x", b"333_X_b_X_z", b"333_X_c_X_z",
                                      b"55555_X_b_X_z", b"55555_X_c_X_z"]  # fmt: skip
    assert out[0].indices.tolist() == [[0, 0], [1, 0], [1, 1], [1, 2], [1, 3]]
    assert {tuple(x.dense_shape) for x in out} == {(2, 4)}
    assert out[1].values.tolist() == [9213733484008397253, 7034000121364039238,
                                      8344455680460907499, 627672451795883746,
                                      8649028460625829468]  # fmt: skip
    assert out[2].values.tolist() == [55, 84, 62, 98, 23]
    assert out[3].values.tolist() == [732, 513, 764, 579, 306]
    one = run(tf.sparse.cross([a, sparse([["d"], []], tf.string)]))  # a row without features
    assert (one.values.tolist(), one.dense_shape.tolist()) == ([b"a_X_d"], [2, 1])
    for wrong in (a, [], [tf.constant([[1.0]])]):
        with pytest.raises(TypeError, match="cross"):
            tf.sparse.cross(wrong)


# -- errors --------------------------------------------------------------------------------------


def test_what_is_refused():
    hashed, listed = HASHED, COLUMNS["list"]
    cases = [
        ("needs a batch", lambda: fc.input_layer({"price": 1.0}, PRICE)),
        ("not in features dictionary; there are: y", lambda: fc.input_layer({"y": [1.0]}, PRICE)),
        ("must have one size; column pair has 3 examples, price 2", lambda: fc.input_layer(
            {**features(), "price": [1.0, 2.0]}, [PRICE, PAIR])),
        ("wrap this one with embedding_column", lambda: fc.input_layer(features(), listed)),
        ("do not fit", lambda: fc.input_layer({"price": [[1.0, 2.0], [3.0, 4.0]]}, PRICE)),
        ("do not fit", lambda: fc.linear_model({"price": [[1.0, 2.0], [3.0, 4.0]]}, BUCKETS)),
        ("Duplicate feature column name 'price'", lambda: fc.input_layer({}, [PRICE, PRICE])),
        ("must not be empty", lambda: fc.linear_model(features(), [])),
        ("must be a list", lambda: fc.linear_model(features(), {"a": PRICE})),
        ("is no feature column", lambda: fc.linear_model(features(), ["price"])),
        ("not a SparseTensor", lambda: fc.input_layer({"price": features()["ids"]}, PRICE)),
        ("string or integer, not float32", lambda: fc.linear_model({"words": [1.0]}, listed)),
        ("is of string, its feature of int32", lambda: fc.linear_model({"words": [1]}, listed)),
        ("in two ways", lambda: fc.make_parse_example_spec([PRICE, fc.numeric_column("price", 2)])),
        ("has no weights", lambda: fc.linear_model(
            features(), fc.crossed_column([COLUMNS["weighted"], "one"], 5))),
        ("must be int32, not float32", lambda: fc.linear_model(
            features(), fc.weighted_categorical_column(IDS, "weights", tf.int32))),
        ("can't be both", lambda: fc.make_parse_example_spec(
            [fc.weighted_categorical_column(IDS, "ids")])),
        ("key must be text", lambda: fc.numeric_column(3)),
        ("1 or more, not 0", lambda: fc.numeric_column("x", 0)),
        ("convertible to float", lambda: fc.numeric_column("x", dtype=tf.string)),
        (r"has shape \[1\], the column \[2\]", lambda: fc.numeric_column("x", 2, [1.0])),
        ("sorted list", lambda: fc.bucketized_column(PRICE, [2, 1])),
        ("of a numeric_column", lambda: fc.bucketized_column("price", [1])),
        ("one dimension", lambda: fc.bucketized_column(fc.numeric_column("x", (2, 2)), [1])),
        ("1 or more, not 0", lambda: fc.categorical_column_with_hash_bucket("x", 0)),
        ("must not be empty", lambda: fc.categorical_column_with_vocabulary_list("x", [])),
        ("duplicates", lambda: fc.categorical_column_with_vocabulary_list("x", ["a", "a"])),
        ("the vocabulary's string", lambda: fc.categorical_column_with_vocabulary_list(
            "x", ["a"], tf.int32)),
        ("not both", lambda: fc.categorical_column_with_vocabulary_list("x", ["a"], None, 0, 1)),
        ("does not exist", lambda: fc.categorical_column_with_vocabulary_file("x", "no/file")),
        ("needs a vocabulary_file", lambda: fc.categorical_column_with_vocabulary_file("x", "")),
        ("1 or more, not 0", lambda: fc.categorical_column_with_identity("x", 0)),
        ("default_value 2 is not in", lambda: fc.categorical_column_with_identity("x", 2, 2)),
        ("dimension must be 1 or more", lambda: fc.embedding_column(IDS, 0)),
        ("must be callable", lambda: fc.embedding_column(IDS, 2, initializer=3)),
        ("give both", lambda: fc.embedding_column(IDS, 2, ckpt_to_load_from="a")),
        ("is of a categorical column", lambda: fc.indicator_column(PRICE)),
        ("are of one kind", lambda: fc.shared_embedding_columns([IDS, listed], 2)),
        ("two or more keys", lambda: fc.crossed_column(["a"], 3)),
        ("hashed twice; give the key 'words'", lambda: fc.crossed_column(["a", hashed], 3)),
        ("keys and categorical columns", lambda: fc.crossed_column(["a", PRICE], 3)),
        ("1 or more, not 0", lambda: fc.crossed_column(["a", "b"], 0)),
    ]  # fmt: skip
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()
    for wrong in ({"shape": 1.5}, {"default_value": 1.5, "dtype": tf.int32}, {"normalizer_fn": 3}):
        with pytest.raises(TypeError):
            fc.numeric_column("x", **wrong)
    for layer in (fc.input_layer, fc.linear_model, contrib.sequence_input_layer):
        with pytest.raises(TypeError, match="must be a dict from keys to tensors"):
            layer(tf.ones([2, 1]), fc.sequence_numeric_column("n"))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"'far' is not in \[0, 5\)"):
        run(fc.linear_model(features(), fc.categorical_column_with_identity("far", 5)))


def test_tensorflows_modules_have_them():
    for name in ("feature_column", "feature_column_v2", "sequence_feature_column"):
        path = f"python.feature_column.{name}"
        module = hook.Alias(f"tensorflow.{path}", hook._places(path))
        assert module.input_layer is fc.input_layer
        assert (module.InputLayer, module.Features) == (InputLayer, Features)


def test_columns_are_values():
    assert fc.numeric_column("price") == PRICE
    assert fc.categorical_column_with_hash_bucket("words", 6.0) == HASHED  # from a file, say
    assert len({PRICE, fc.numeric_column("price"), PAIR}) == 2
    assert sorted([PRICE, IDS])[0] is IDS  # by what they are called in full
    sequence = fc.sequence_categorical_column_with_identity("ids", 5)
    assert sequence != fc.indicator_column(IDS)
    assert repr(PRICE).startswith("NumericColumn(key='price', shape=(1,), default_value=None, ")
