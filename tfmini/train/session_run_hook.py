"""The interface of hooks: what a monitored session calls around each run.

In: what a run is asked for.  Out: what hooks add to it, and what they are told of its results.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class SessionRunArgs(NamedTuple):
    """What to run: ``fetches`` of any structure, feeds, and ``RunOptions``."""

    fetches: Any
    feed_dict: Any = None
    options: Any = None


class SessionRunValues(NamedTuple):
    """What a run gave: ``results`` in the structure of the hook's own fetches."""

    results: Any
    options: Any
    run_metadata: Any


class SessionRunContext:
    """The run that a hook is called for."""

    def __init__(self, original_args: SessionRunArgs, session: Any) -> None:
        self._original_args = original_args
        self._session = session
        self._stop_requested = False

    @property
    def original_args(self) -> SessionRunArgs:
        """What the caller asked for."""
        return self._original_args

    @property
    def session(self) -> Any:
        """The session; runs in it call no hooks."""
        return self._session

    @property
    def stop_requested(self) -> bool:
        return self._stop_requested

    def request_stop(self) -> None:
        """Let the session's ``should_stop`` be true from now on."""
        self._stop_requested = True


class SessionRunHook:
    """Base of hooks of a ``MonitoredSession``; each method may be left as it is."""

    def begin(self) -> None:
        """Called before the session is created: the last chance to add to the graph."""

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Called when the session is there and its variables have values."""

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Return what to fetch and feed beside what the caller runs, or None."""
        return None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called after each run that did not raise."""

    def end(self, session: Any) -> None:
        """Called when the session ends without an error."""
