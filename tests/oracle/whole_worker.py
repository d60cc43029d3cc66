"""The process in TensorFlow's environment, started by ``whole``.

``python whole_worker.py OUT SUBJECT...`` writes to OUT a pickle of what the runs of the subjects
found, or of why there is nothing; ``python whole_worker.py OUT --exchange OURS THEIRS`` one of what
became of the checkpoints in the folder OURS, and checkpoints to THEIRS; ``--exported FOLDER`` one
of what became of the graphs in FOLDER.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Layers and cells of TensorFlow 2.16 and later come from the package tf_keras.
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1",
                  TF_USE_LEGACY_KERAS="1")  # fmt: skip
warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(target: str, *asked: str) -> None:
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.FATAL)
    tf.disable_resource_variables()
    if asked[0] == "--exchange":
        found = _exchange(tf, *asked[1:])
    elif asked[0] == "--exported":
        found = importlib.import_module("oracle.exported").go_on(tf, *asked[1:])
    else:
        found = _runs(tf, asked)
    Path(target).write_bytes(pickle.dumps(found))


def _exchange(tf: Any, ours: str, theirs: str) -> dict[str, Any]:
    checkpoints = importlib.import_module("oracle.checkpoints")
    checkpoints.save(tf, theirs)
    return {
        "alone": checkpoints.alone(tf),
        "went on": checkpoints.go_on(tf, ours, imported=False),
        "imported": checkpoints.go_on(tf, ours, imported=True),
        "read": {folder: checkpoints.read(tf, folder) for folder in (ours, theirs)},
    }


def _runs(tf: Any, subjects: Sequence[str]) -> dict[str, Any]:
    found = {}
    for subject in subjects:
        runs = importlib.import_module(f"oracle.{subject}").RUNS
        found[subject] = {name: _found(tf, run) for name, run in runs.items()}
    return found


def _found(tf: Any, run: Any) -> Any:
    try:
        return run(tf)
    except Exception as e:  # noqa: BLE001 - whatever it is, it is what TensorFlow says
        return " ".join(f"{type(e).__name__}: {e}".split())[:300]


if __name__ == "__main__":
    main(*sys.argv[1:])
