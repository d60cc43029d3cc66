"""The comparison of backends on scripts: what it reads out of runs, and one whole run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from corpus.__main__ import Outcome, Row, compared, first_error, kind_of, results, scripts, totals

from tfmini.compat import mnist

ROOT = Path(__file__).resolve().parents[1]


def outcome(state="ok", seconds=1.0, **results):
    return Outcome(state, seconds, "", results)


def test_results_are_the_last_ones_printed():
    text = (
        "Epoch: 1 cost= 0.5\nstep 2, Loss = 1.5e-3, Training Accuracy= 0.9\nTest acc: 97\ncost: x"
    )
    assert results(text) == {"cost": 0.5, "loss": 0.0015, "accuracy": 0.9, "acc": 97.0}


def test_the_error_is_the_last_exception():
    text = 'Traceback\n  File "x"\nValueError: a\n\nDuring\n\nfoo.bar.BadError: b\nnote\n'
    assert first_error(text) == "foo.bar.BadError: b"
    assert first_error("killed\n\n") == "killed"
    assert first_error("") == "no output"


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


def test_totals_count_what_the_reference_runs():
    table = [
        Row("a", "graph", outcome(loss=0.5), outcome(seconds=2.0, loss=0.25)),
        Row("b", "graph", outcome("failed"), outcome()),
        Row("c", "graph", outcome(), outcome("failed")),
        Row("d", "graph", outcome(seconds=3.0), outcome()),
    ]
    assert totals(table) == (
        "graph: 4 scripts; of 3 that the reference runs, tfmini runs 2; slower in 1"
    )
    assert compared(table[0].ours, table[0].theirs) == "loss 0.5 / 0.25"


def test_a_folder_is_run(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "good.py").write_text(
        "import tensorflow as tf\n"
        "from tensorflow.examples.tutorials.mnist import input_data\n"
        "n = input_data.read_data_sets('data').train.num_examples\n"
        "open('made', 'w').close()\n"
        "print('loss', tf.Session().run(tf.constant(0.5)), n)\n"
    )
    (folder / "bad.py").write_text("import tensorflow as tf\ntf.nothing()\n")
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
