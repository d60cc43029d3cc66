"""Sessions that are ready to train: with the variables of a checkpoint, or initialized.

In: where to run, a Saver and a folder, operations that initialize.  Out: a session.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tfmini import logging
from tfmini.errors import DeadlineExceededError, FailedPreconditionError, InvalidArgumentError
from tfmini.graph import Graph, get_default_graph
from tfmini.session import Session
from tfmini.train.checkpoints import get_checkpoint_state


class SessionManager:
    """Makes sessions of a graph, from a checkpoint where there is one.

    Parameters
    ----------
    local_init_op, local_init_feed_dict : run in each new session
    ready_op : returns the names of what is not initialized; default: nothing is ever missing,
        since variables are initialized when they are first used
    ready_for_local_init_op : likewise, before ``local_init_op``
    graph : default: the default graph
    recovery_wait_secs : seconds between looks at what is waited for
    """

    def __init__(
        self,
        local_init_op: Any = None,
        ready_op: Any = None,
        ready_for_local_init_op: Any = None,
        graph: Graph | None = None,
        recovery_wait_secs: float = 30,
        local_init_run_options: Any = None,
        local_init_feed_dict: Any = None,
    ) -> None:
        self._local_init_op, self._local_init_feed_dict = local_init_op, local_init_feed_dict
        self._ready_op, self._ready_for_local_init_op = ready_op, ready_for_local_init_op
        self._graph = graph or get_default_graph()
        self._recovery_wait_secs = recovery_wait_secs

    def prepare_session(
        self,
        master: Any,
        init_op: Any = None,
        saver: Any = None,
        checkpoint_dir: Any = None,
        checkpoint_filename_with_path: Any = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
        init_feed_dict: Any = None,
        init_fn: Callable[[Any], Any] | None = None,
    ) -> Session:
        """Return a session with the variables of the checkpoint, or else initialized."""
        sess, restored = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint,
            max_wait_secs, config,
        )  # fmt: skip
        if not restored:
            if init_op is None and init_fn is None and self._local_init_op is None:
                raise FailedPreconditionError(
                    None, None, "there is no checkpoint, and neither init_op nor init_fn is given."
                )
            if init_op is not None:
                sess.run(init_op, feed_dict=init_feed_dict)
            if init_fn is not None:
                init_fn(sess)
        self._initialize_locals(sess)
        missing = _missing(sess, self._ready_op)
        if missing:
            raise FailedPreconditionError(
                None, None, f"init_op and init_fn leave these uninitialized: {missing}."
            )
        return sess

    def recover_session(
        self,
        master: Any,
        saver: Any = None,
        checkpoint_dir: Any = None,
        checkpoint_filename_with_path: Any = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
    ) -> tuple[Session, bool]:
        """Return a session, and whether it has the variables of a checkpoint."""
        sess, restored = self._restored(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint,
            max_wait_secs, config,
        )  # fmt: skip
        if restored:
            self._initialize_locals(sess)
        return sess, restored and not _missing(sess, self._ready_op)

    def wait_for_session(
        self, master: Any, config: Any = None, max_wait_secs: float = float("inf")
    ) -> Session:
        """Return a session once another one has made it ready."""
        limit = time.monotonic() + (float("inf") if max_wait_secs is None else max_wait_secs)
        while True:
            sess = Session(master, graph=self._graph, config=config)
            self._initialize_locals(sess)
            missing = _missing(sess, self._ready_op)
            if not missing:
                return sess
            sess.close()
            self._wait(limit, f"the model to be ready; it lacks {missing}")

    def _restored(
        self, master: Any, saver: Any, checkpoint_dir: Any, filename: Any, wait: bool,
        max_wait_secs: float, config: Any,
    ) -> tuple[Session, bool]:  # fmt: skip
        if checkpoint_dir and filename:
            raise InvalidArgumentError(
                None, None, "give checkpoint_dir or checkpoint_filename_with_path, not both."
            )
        sess = Session(master, graph=self._graph, config=config)
        if saver is None or not (checkpoint_dir or filename):
            return sess, False
        try:
            return sess, self._restore(sess, saver, checkpoint_dir, filename, wait, max_wait_secs)
        except BaseException:
            sess.close()
            raise

    def _restore(
        self, sess: Session, saver: Any, checkpoint_dir: Any, filename: Any, wait: bool,
        max_wait_secs: float,
    ) -> bool:  # fmt: skip
        """Return whether there was a checkpoint."""
        if filename:
            saver.restore(sess, filename)
            return True
        limit = time.monotonic() + max_wait_secs
        while (found := get_checkpoint_state(checkpoint_dir)) is None:
            if not wait:
                return False
            self._wait(limit, f"a checkpoint in {checkpoint_dir}")
        saver.restore(sess, found.model_checkpoint_path)
        saver.recover_last_checkpoints(found.all_model_checkpoint_paths)
        return True

    def _wait(self, limit: float, what: str) -> None:
        logging.info("Waiting for %s.", what)
        if time.monotonic() + self._recovery_wait_secs > limit:
            raise DeadlineExceededError(None, None, f"waited for {what}.")
        time.sleep(self._recovery_wait_secs)

    def _initialize_locals(self, sess: Session) -> None:
        if self._local_init_op is None:
            return
        missing = _missing(sess, self._ready_for_local_init_op)
        if missing:
            raise FailedPreconditionError(
                None, None, f"local_init_op can't run: these are uninitialized: {missing}."
            )
        sess.run(self._local_init_op, feed_dict=self._local_init_feed_dict)
        logging.info("Done running local_init_op.")


def _missing(sess: Session, ready_op: Any) -> str:
    """Return the names that ``ready_op`` lists, or ""."""
    if ready_op is None:
        return ""
    value = sess.run(ready_op)
    names = [] if value is None else np.ravel(value).tolist()
    return ", ".join(n.decode() if isinstance(n, bytes) else str(n) for n in names)
