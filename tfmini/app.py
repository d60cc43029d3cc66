"""``tf.app``: the start of a script that has flags."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from tfmini import flags

__all__ = ["flags", "run"]


def run(main: Callable[[list[str]], Any] | None = None, argv: Sequence[str] | None = None) -> None:
    """Read the flags, call ``main`` (default: the script's) with the rest, exit with its result.

    ``main`` gets a list whose first item is the program, as ``sys.argv`` is.
    """
    given = list(sys.argv if argv is None else argv)
    try:
        rest = flags.FLAGS(given, known_only=True)
    except flags.Error as e:
        print(f"FATAL Flags parsing error:\n  {e}\nPass --help to see the flags.", file=sys.stderr)
        sys.exit(1)
    function = main or sys.modules["__main__"].main
    sys.exit(function(rest))
