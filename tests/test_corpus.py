"""The comparison of backends on scripts: what it reads out of runs, how it judges, whole runs."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus.__main__ import Row, kind_of, measured, scripts, totals
from corpus.judge import DIFFER, MISSING, NOISE, NOTHING, SAME, near, side_by_side, verdict
from corpus.outcome import Outcome, first_error, results, run, state_of

from tfmini.compat import mnist

ROOT = Path(__file__).resolve().parents[1]


def outcome(state="ok", seconds=1.0, cpu=1.0, **results):
    return Outcome(state, seconds, cpu, "", results)


def test_results_are_the_last_ones_printed():
    text = (
        "Epoch: 1 cost= 0.5\nstep 2, Loss = 1.5e-3, Training Accuracy= 0.9\nTest acc: 97\ncost: x"
    )
    words = {"cost": 0.5, "loss": 0.0015, "accuracy": 0.9, "acc": 97.0}
    assert results(text, {"line 3": 2.0}) == words
    assert np.isnan(results("train_loss_1 nan", {})["loss"])
    assert results("a net's text: taacce 3.2 loss4", {}) == {"end": 3.2}  # no whole word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0.1\n1 0.97\n", {"end": 1.0, "end #1": 0.97}),
        ("(3, [-2.5])\nDone", {"end": 3.0, "end #1": -2.5}),
        ("saved run7/model-3.ckpt in layer2", {}),
        ("7 saved as model-3.ckpt", {"end": 7.0}),
        ("", {}),
    ],
)
def test_without_words_the_results_are_the_numbers_at_the_end(text, expected):
    assert results(text, {}) == expected
    assert results(text, {"line 3": 2.0}) == expected | {"line 3": 2.0}


def test_the_error_is_the_last_exception():
    text = 'Traceback\n  File "x"\nValueError: a\n\nDuring\n\nfoo.bar.BadError: b\nnote\n'
    assert first_error(text) == "foo.bar.BadError: b"
    assert first_error("killed\n\n") == "killed"
    assert first_error("") == "no output"


def test_the_state_counts_processes_that_the_script_started():
    assert [state_of(s, "") for s in (None, 0, 1, -9)] == ["time", "ok", "failed", "failed"]
    assert state_of(0, "Traceback (most recent call last):\nKeyError") == "ok"  # it went on
    assert state_of(0, "Process Process-1:\nTraceback (most recent call last):\n") == "failed"


def test_kinds(tmp_path):
    texts = {
        "graph": "import tensorflow as tf\ntf.keras.datasets.mnist.load_data()",
        "keras": "import tensorflow as tf\ntf.keras.Sequential()",
        "estimator": "import tensorflow as tf\ntf.estimator.DNNClassifier()",
        "eager": "import tensorflow as tf\ntf.enable_eager_execution()",
    }
    for kind, text in texts.items():
        (tmp_path / f"{kind}.py").write_text(text)
        assert kind_of(tmp_path / f"{kind}.py") == kind
    (tmp_path / "helper.py").write_text("import numpy")
    assert [p.stem for p in scripts(tmp_path)] == sorted(texts)
    assert [p.stem for p in scripts(tmp_path, "k.*as")] == ["keras"]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (100.0, 100.9, True),
        (100.0, 102.0, False),
        (0.0, 0.009, True),  # a loss near nothing
        (0.0, 0.02, False),
        (np.nan, np.nan, True),
        (np.nan, 1.0, False),
        (np.inf, np.inf, True),
        (np.inf, -np.inf, False),
    ],
)
def test_near(a, b, same):
    assert near(a, b) == near(b, a) == same


@pytest.mark.parametrize(
    ("ours", "theirs", "word"),
    [
        ([{"loss": 0.5}], [{"loss": 0.501}], SAME),
        ([{"loss": 0.5}], [{"loss": 0.6}], DIFFER),  # one seed knows no noise
        ([{"loss": x} for x in (0.5, 0.7, 0.6)], [{"loss": x} for x in (0.6, 0.8, 0.65)], NOISE),
        ([{"loss": x} for x in (0.5, 0.4, 0.45)], [{"loss": x} for x in (0.7, 0.8, 0.75)], DIFFER),
        ([{"loss": x} for x in (0.5, 0.5, 0.5)], [{"loss": x} for x in (0.6, 0.6, 0.6)], DIFFER),
        # One number agrees, the other does not.
        ([{"a": 1.0, "b": 2.0}] * 3, [{"a": 1.0, "b": 3.0}] * 3, DIFFER),
        ([{"loss": x} for x in (0.5, np.nan, np.nan)], [{"loss": np.nan}] * 3, NOISE),
        ([{"loss": 0.5}] * 3, [{"loss": np.nan}] * 3, DIFFER),
        ([{"loss": 0.5, "acc": 1.0}], [{"loss": 0.5}], MISSING),
        ([{}], [{}], NOTHING),
    ],
)  # fmt: skip
def test_verdict(ours, theirs, word):
    assert verdict(ours, theirs) == verdict(theirs, ours) == word


def test_seeds_of_one_distribution_agree_and_others_do_not():
    draw = random.Random(0)

    def agreeing(gap: float) -> float:
        words = [
            verdict(
                [{"loss": draw.gauss(9, 1)} for _ in range(3)],
                [{"loss": draw.gauss(9 + gap, 1)} for _ in range(3)],
            )
            for _ in range(1000)
        ]
        return sum(word != DIFFER for word in words) / 1000

    assert agreeing(0) > 0.97
    assert agreeing(10) < 0.03


def test_more_seeds_run_where_the_first_differ():
    seeds = []

    def backend(*losses):
        def at(seed):
            seeds.append(seed)
            return outcome(loss=losses[seed])

        return at

    ours, theirs = measured(backend(0.5), backend(0.5), 3)
    assert len(ours) == len(theirs) == 1
    ours, theirs = measured(backend(0.5, 0.6, 0.55), backend(0.6, 0.5, 0.56), 3)
    assert [o.results["loss"] for o in theirs] == [0.6, 0.5, 0.56]
    assert seeds == [0, 0, 0, 0, 1, 1, 2, 2]
    assert Row("a", "graph", ours, theirs).agreement == NOISE
    ours, theirs = measured(lambda seed: outcome("failed"), backend(0.5, 0.6), 3)
    assert len(ours) == len(theirs) == 1  # nothing to judge


def test_totals_count_what_the_reference_runs():
    table = [
        Row("a", "graph", [outcome(loss=0.5)], [outcome(seconds=2.0, cpu=4.0, loss=0.5)]),
        Row("b", "graph", [outcome("failed")], [outcome()]),
        Row("c", "graph", [outcome()], [outcome("failed")]),
        Row("d", "graph", [outcome(seconds=3.0), outcome(seconds=1.5)], [outcome()] * 2),
    ]
    assert totals(table).splitlines() == [
        "graph: 4 scripts; of 3 that the reference runs, tfmini runs 2",
        "  numbers: no numbers 1, same 1",
        "  seconds: median ratio 1.00; more than the reference in 1",
        "  cpu: median ratio 0.62; more than the reference in 0",
    ]


def test_numbers_side_by_side():
    ours, theirs = [{"loss": 0.5, "acc": 1.0}], [{"loss": 0.25}]
    assert side_by_side(ours, theirs) == "loss 0.5 / 0.25, acc 1 / -"
    assert side_by_side(ours, theirs, most=1) == "loss 0.5 / 0.25, ..."
    ours, theirs = [{"a": 1.0, "b": 2.0, "c": 3.0}], [{"a": 1.0, "b": 2.5, "d": 4.0}]
    assert side_by_side(ours, theirs, most=3) == "b 2 / 2.5, d - / 4, c 3 / -, ..."
    assert side_by_side([{"loss": 1.0}, {"loss": 2.0}], []) == "loss 1.5±0.5"


SCRIPTS = {
    "good": (
        "import tensorflow as tf\n"
        "from tensorflow.examples.tutorials.mnist import input_data\n"
        "n = input_data.read_data_sets('data').train.num_examples\n"
        "open('made', 'w').close()\n"
        "print('loss', tf.Session().run(tf.constant(0.5)), n)\n"
    ),
    "bad": "import tensorflow as tf\ntf.nothing()\n",
}


def test_a_folder_is_run(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name, text in SCRIPTS.items():
        (folder / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus", str(folder), "--limit", "60"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    _, bad, good, total = done.stdout.splitlines()
    assert bad.split("\t")[:3] == ["scripts/bad.py", "graph", "failed"]
    assert "no tf.nothing" in bad
    assert good.split("\t")[2] == "ok"
    assert "loss 0.5" in good
    assert "tfmini runs 1" in total
    assert not (folder / "made").exists()  # the folder stays as it is


SEEDED = """\
import numpy as np
import tensorflow as tf
np.random.seed(3)
tf.set_random_seed(3)
random, data = tf.random_normal([]), tf.constant(np.random.rand(2))
sess = tf.InteractiveSession()
sess.run([data, random])
for i in range(2):
    tf.reduce_sum(data).eval()
"""
ON_TFMINI = [sys.executable, str(ROOT / "tests" / "corpus" / "on_tfmini.py")]


def test_a_run_notes_what_is_fetched_and_shifts_tensorflows_seed(tmp_path):
    script = tmp_path / "seeded.py"
    script.write_text(SEEDED)
    first, again, other = (run(ON_TFMINI, script, tmp_path, 60, seed) for seed in (0, 0, 1))
    assert list(first.results) == ["line 7", "line 7 #1", "line 9"]
    assert first.results == again.results
    assert first.results["line 9"] == other.results["line 9"]
    assert first.results["line 7"] == pytest.approx(first.results["line 9"] / 2)  # a mean
    assert first.results["line 7 #1"] != other.results["line 7 #1"]
    assert first.cpu > 0


def test_every_spelling_of_the_import_of_mnist_runs_on_tensorflow(tmp_path):
    here = sys.executable if importlib.util.find_spec("tensorflow") else None
    python = os.environ.get("TFMINI_ORACLE_PYTHON") or here
    if python is None:
        pytest.skip("no TensorFlow here: set TFMINI_ORACLE_PYTHON")
    digits = tmp_path / ".keras" / "datasets"
    digits.mkdir(parents=True)
    images, labels = np.zeros((6, 28, 28), np.uint8), np.zeros(6, np.uint8)
    files = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(digits / "mnist.npz", **files)
    script = tmp_path / "spelled.py"
    script.write_text(
        "import tensorflow.examples.tutorials.mnist.input_data as one\n"
        "from tensorflow.examples.tutorials.mnist import input_data as two\n"
        "print('loss', len(one.read_data_sets('d', validation_size=2).test.images), one is two)\n"
    )
    done = run([python, str(ROOT / "tests" / "corpus" / "on_tensorflow.py")], script, tmp_path, 60)
    assert (done.state, done.results) == ("ok", {"loss": 6.0}), done.error


def test_a_run_ends_at_the_limit_with_what_it_printed(tmp_path):
    script = tmp_path / "long.py"
    script.write_text("print('loss 3.5')\nwhile True: pass\n")
    done = run([sys.executable], script, tmp_path, 3)
    assert (done.state, done.results) == ("time", {"loss": 3.5})
    assert done.seconds >= 3
    assert done.cpu > 0


def test_moved_digits_keep_their_pixels():
    from corpus.digits import moved

    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 10:14, 12:15] = 7
    images[1, 9:12, 9:20] = 3
    out, labels = moved((images, np.array([4, 5])), 50, seed=0)
    assert out.shape == (50, 28, 28)
    assert {(int(i.sum()), int(n)) for i, n in zip(out, labels, strict=True)} == {(84, 4), (99, 5)}
    assert len(np.unique(out, axis=0)) > 20
    assert mnist.enlarged(np.ones((1, 8, 8))).shape == (1, 28, 28)
