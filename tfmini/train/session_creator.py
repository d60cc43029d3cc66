"""How a monitored session gets its session: as the chief, or as a worker that waits for it.

In: a scaffold, where to run, a folder with checkpoints.  Out: sessions that are ready, the first
one and, if it is lost, the next.
"""

from __future__ import annotations

from typing import Any

from tfmini.graph import get_default_graph
from tfmini.session import Session
from tfmini.train.scaffold import Scaffold
from tfmini.train.session_manager import SessionManager


class SessionCreator:
    """Makes the session of a ``MonitoredSession``, again if it was lost."""

    def create_session(self) -> Session:
        raise NotImplementedError(f"{type(self).__name__} does not say how to create a session")


class ChiefSessionCreator(SessionCreator):
    """Makes sessions that initialize variables, or restore them from a checkpoint."""

    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: Any = "",
        config: Any = None,
        checkpoint_dir: Any = None,
        checkpoint_filename_with_path: Any = None,
    ) -> None:
        self._scaffold = scaffold or Scaffold()
        self._master, self._config = master, config
        self._checkpoint_dir = checkpoint_dir
        self._checkpoint_filename_with_path = checkpoint_filename_with_path
        self._manager: SessionManager | None = None

    def create_session(self) -> Session:
        scaffold = self._scaffold
        if self._manager is None:
            scaffold.finalize()
            self._manager = _manager_of(scaffold)
        return self._manager.prepare_session(
            self._master,
            saver=scaffold.saver,
            checkpoint_dir=self._checkpoint_dir,
            checkpoint_filename_with_path=self._checkpoint_filename_with_path,
            config=self._config,
            init_op=scaffold.init_op,
            init_feed_dict=scaffold.init_feed_dict,
            init_fn=scaffold.init_fn,
        )


class WorkerSessionCreator(SessionCreator):
    """Makes sessions that wait for the chief to initialize the variables."""

    def __init__(
        self,
        scaffold: Scaffold | None = None,
        master: Any = "",
        config: Any = None,
        max_wait_secs: float = 1800,
    ) -> None:
        self._scaffold = scaffold or Scaffold()
        self._master, self._config, self._max_wait_secs = master, config, max_wait_secs
        self._manager: SessionManager | None = None

    def create_session(self) -> Session:
        if self._manager is None:
            self._scaffold.finalize()
            self._manager = _manager_of(self._scaffold)
        return self._manager.wait_for_session(
            self._master, config=self._config, max_wait_secs=self._max_wait_secs
        )


def _manager_of(scaffold: Scaffold) -> SessionManager:
    return SessionManager(
        local_init_op=scaffold.local_init_op,
        local_init_feed_dict=scaffold.local_init_feed_dict,
        ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op,
        graph=get_default_graph(),
    )
