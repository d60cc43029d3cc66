"""``tf.contrib.learn`` and ``tf.contrib.training``: word numbers, MNIST, hyperparameters."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

import tfmini as tf
from tfmini.compat import hook

preprocessing = tf.contrib.learn.preprocessing


@pytest.fixture
def hooked():
    hook.install()
    yield
    hook.uninstall()


def test_words_are_numbered_as_they_come():
    texts = ["the cat's hat", "a cat, the dog"]
    words = preprocessing.VocabularyProcessor(4)
    rows = list(words.fit_transform(iter(texts)))
    np.testing.assert_array_equal(rows, [[1, 2, 3, 0], [4, 5, 1, 6]])
    assert rows[0].dtype == np.int64
    assert len(words.vocabulary_) == 7
    assert words.vocabulary_._mapping["dog"] == 6  # what scripts read
    assert list(words.reverse(rows)) == ["the cat's hat <UNK>", "a cat the dog"]


def test_other_words_are_zero_and_long_documents_are_cut():
    words = preprocessing.VocabularyProcessor(2).fit(["b a"])
    np.testing.assert_array_equal(list(words.transform(["a new b", ""])), [[2, 0], [0, 0]])
    assert len(words.vocabulary_) == 3


def test_rare_words_go_and_the_frequent_are_first():
    words = preprocessing.VocabularyProcessor(3, min_frequency=1).fit(["c b b", "a a c once c"])
    assert [words.vocabulary_.reverse(i) for i in range(4)] == ["<UNK>", "c", "a", "b"]
    assert words.vocabulary_.get("once") == 0


def test_camel_case_is_two_words():
    found = list(preprocessing.tokenizer(["HelloWorld USA x-y, z"]))
    assert found == [["Hello", "World", "USA", "x-y", "z"]]


def test_a_processor_comes_back_from_its_file(tmp_path):
    path = str(tmp_path / "vocab")
    preprocessing.VocabularyProcessor(2, tokenizer_fn=str_split).fit(["p q"]).save(path)
    again = preprocessing.VocabularyProcessor.restore(path)
    np.testing.assert_array_equal(list(again.transform(["q p"])), [[2, 1]])


def str_split(texts):
    return [text.split() for text in texts]


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [("tensorflow.contrib.learn.python.learn.datasets.mnist", "read_data_sets",
      tf.contrib.learn.datasets.mnist.read_data_sets),
     ("tensorflow.contrib.learn.python.learn.preprocessing.text", "VocabularyProcessor",
      preprocessing.VocabularyProcessor),
     ("tensorflow.contrib.training.python.training.hparam", "HParams", tf.contrib.training.HParams),
     ("tensorflow.contrib.losses", "hinge_loss", tf.contrib.slim.losses.hinge_loss)],
)  # fmt: skip
def test_imports_of_scripts(hooked, module, name, found):
    assert getattr(importlib.import_module(module), name) is found


def test_estimators_are_one_error():
    with pytest.raises(AttributeError, match=r"tf\.contrib\.learn\.DNNClassifier"):
        _ = tf.contrib.learn.DNNClassifier


def test_hyperparameters():
    h = tf.contrib.training.HParams(rate=0.1, steps=3, name="x", fast=False, sizes=[1, 2])
    h.parse("rate=1,steps=7, name=y z,fast=true,sizes=[3,4,5]")
    assert h.values() == {
        "rate": 1.0, "steps": 7, "name": "y z", "fast": True, "sizes": [3, 4, 5],
    }  # fmt: skip
    assert type(h.rate) is float
    assert json.loads(h.to_json()) == h.values()
    h.parse_json('{"steps": 9}').add_hparam("extra", None)
    h.set_hparam("extra", "any")
    assert (h.steps, h.extra, h.get("none", 4), "rate" in h) == (9, "any", 4, True)
    h.del_hparam("rate")
    assert "rate" not in h
    assert not hasattr(h, "rate")


@pytest.mark.parametrize(
    ("text", "message"),
    [("steps=0.5", "steps takes int"), ("rate=x", "rate takes float"), ("step=1", "known: .*steps"),
     ("steps=[1]", "one value"), ("rate", "is not name=value"), ("fast=maybe", "fast takes bool")],
)  # fmt: skip
def test_wrong_hyperparameters(text, message):
    h = tf.contrib.training.HParams(rate=0.1, steps=3, fast=True)
    with pytest.raises(ValueError, match=message):
        h.parse(text)


def test_a_hyperparameter_hides_no_method():
    with pytest.raises(ValueError, match="reserved"):
        tf.contrib.training.HParams(values=3)
