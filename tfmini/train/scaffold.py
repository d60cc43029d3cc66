"""What a session needs before it trains: initializers, summaries, a Saver.

In: those parts that the user gives.  Out: all of them, the others made from the graph's
collections, and a graph that is finalized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfmini import logging
from tfmini.errors import FailedPreconditionError
from tfmini.graph import GraphKeys, get_default_graph
from tfmini.ops import grouping, state
from tfmini.summaries.values import merge_all
from tfmini.train.saver import Saver


class Scaffold:
    """The parts of a training session: its attributes, all there once it is finalized.

    Parameters
    ----------
    init_op, init_feed_dict, init_fn : how variables get values where no checkpoint has them
        ``init_fn(scaffold, session)`` is called after ``init_op``.
    ready_op, ready_for_local_init_op : operations that return the names of what is missing
    local_init_op, local_init_feed_dict : run in each new session, restored or not
    summary_op : what ``SummarySaverHook`` writes; default: all summaries
    saver : default: one of all variables
    copy_from_scaffold : a scaffold whose parts are used where none are given
    """

    def __init__(
        self,
        init_op: Any = None,
        init_feed_dict: Any = None,
        init_fn: Callable[[Any, Any], Any] | None = None,
        ready_op: Any = None,
        ready_for_local_init_op: Any = None,
        local_init_op: Any = None,
        summary_op: Any = None,
        saver: Any = None,
        copy_from_scaffold: Any = None,
        local_init_feed_dict: Any = None,
    ) -> None:
        base = copy_from_scaffold

        def chosen(given: Any, name: str) -> Any:
            return getattr(base, name) if given is None and base is not None else given

        if init_fn is not None:
            self.init_fn: Callable[[Any], Any] | None = lambda session: init_fn(self, session)
        else:
            self.init_fn = base.init_fn if base is not None else None
        self.init_op = chosen(init_op, "init_op")
        self.init_feed_dict = chosen(init_feed_dict, "init_feed_dict")
        self.ready_op = chosen(ready_op, "ready_op")
        self.ready_for_local_init_op = chosen(ready_for_local_init_op, "ready_for_local_init_op")
        self.local_init_op = chosen(local_init_op, "local_init_op")
        self.local_init_feed_dict = chosen(local_init_feed_dict, "local_init_feed_dict")
        self.summary_op = chosen(summary_op, "summary_op")
        self.saver = chosen(saver, "saver")

    def finalize(self) -> Scaffold:
        """Make what is missing, and make the graph read-only."""
        keys = GraphKeys
        if self.init_op is None:
            self.init_op = Scaffold.get_or_default(
                "init_op", keys.INIT_OP, state.global_variables_initializer
            )
        if self.ready_op is None:
            self.ready_op = _only("ready_op", keys.READY_OP)
        if self.local_init_op is None:
            self.local_init_op = Scaffold.get_or_default(
                "local_init_op", keys.LOCAL_INIT_OP, Scaffold.default_local_init_op
            )
        if self.summary_op is None:
            self.summary_op = Scaffold.get_or_default("summary_op", keys.SUMMARY_OP, merge_all)
        if self.saver is None:
            self.saver = default_saver()
        self.saver.build()
        get_default_graph().finalize()
        logging.info("Graph was finalized.")
        return self

    @staticmethod
    def get_or_default(
        arg_name: str, collection_key: str, default_constructor: Callable[[], Any]
    ) -> Any:
        """Return the one item of a collection, or what ``default_constructor`` adds to it."""
        found = _only(arg_name, collection_key)
        if found is None:
            found = default_constructor()
            if found is not None:
                get_default_graph().add_to_collection(collection_key, found)
        return found

    @staticmethod
    def default_local_init_op() -> Any:
        """Return an operation that initializes local variables and tables."""
        tables = get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS)
        return grouping.group(state.local_variables_initializer(), *tables)


def default_saver() -> Any:
    """Return the graph's Saver, or one of all its variables, now in the collection ``SAVERS``."""
    return Scaffold.get_or_default(
        "saver", GraphKeys.SAVERS, lambda: Saver(sharded=True, allow_empty=True)
    )


def _only(arg_name: str, collection_key: str) -> Any:
    found = get_default_graph().get_collection(collection_key)
    if len(found) > 1:
        raise FailedPreconditionError(
            None,
            None,
            f"collection {collection_key!r} has {len(found)} items; say which is to be used with "
            f"{arg_name}=.",
        )
    return found[0] if found else None
