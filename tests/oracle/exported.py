"""Random nets whose graphs were made and saved here, trained on by TensorFlow.

In: a folder.  Out: named arrays.  ``whole`` lets this side ``save`` and the other ``go_on``, which
builds nothing: it has the graph from the file.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from .nets import STEPS, Net, built
from .network import Found

LIMIT = 2e-3  # as of ``nets``
SEEDS = range(60)


def save(tf: Any, folder: str) -> dict[str, Found]:
    """Save nets in ``folder``, and return what their training gives."""
    out = {}
    for seed in SEEDS:
        with tf.Graph().as_default(), tf.Session() as session:
            net = Net(tf, seed)
            _, loss, step = built(net, session)
            tf.train.Saver().save(session, str(Path(folder, f"{seed}")))
            feeds = {t.name: value for t, value in net.feeds.items()}
            facts = (loss.name, step.name, net.training.name, feeds)
            Path(folder, f"{seed}.pkl").write_bytes(pickle.dumps(facts))
            out[f"net {seed}"] = _trained(tf, session, *facts)
    return out


def go_on(tf: Any, folder: str) -> dict[str, Found | str]:
    """Return what the training of the nets in ``folder`` gives."""
    config = tf.ConfigProto()
    # It takes a sum of gradients of shape [1, n] for a bias, and fails.
    config.graph_options.rewrite_options.remapping = 2
    out: dict[str, Found | str] = {}
    for seed in SEEDS:
        with tf.Graph().as_default(), tf.Session(config=config) as session:
            try:
                path = str(Path(folder, f"{seed}"))
                tf.train.import_meta_graph(f"{path}.meta").restore(session, path)
                facts = pickle.loads(Path(f"{path}.pkl").read_bytes())
                out[f"net {seed}"] = _trained(tf, session, *facts)
            except Exception as e:  # noqa: BLE001 - whatever it is, it is what TensorFlow says
                out[f"net {seed}"] = " ".join(f"{type(e).__name__}: {e}".split())[:300]
    return out


def _trained(
    tf: Any, session: Any, loss: str, step: str, training: str, feeds: dict[str, Any]
) -> Found:
    losses = []
    for _ in range(STEPS):
        losses.append(session.run(loss, feeds))
        session.run(step, feeds)
    losses.append(session.run(loss, {**feeds, training: False}))
    variables = tf.trainable_variables()
    return {"losses": losses, **{v.op.name: session.run(v) for v in variables}}
