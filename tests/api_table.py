"""Which parts of TensorFlow 1's API are here: the table in the README.

In: ``tf1_api.txt``, the names that TensorFlow has, and the package.  Out: lists and a table in
Markdown; ``python -m tests.api_table --write`` puts them into the README, between two comments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import tfmini as tf
from tfmini import missing

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- api: python -m tests.api_table --write -->\n", "<!-- api end -->"
_SHOWN = 4


def expected() -> dict[str, list[str]]:
    """Return the names that TensorFlow has, by namespace ("tf": the top)."""
    found: dict[str, list[str]] = {}
    namespace = ""
    for line in (HERE / "tf1_api.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            namespace, _, line = line.partition(":")
            found[namespace] = []
        found[namespace] += line.split()
    return found


def is_here(namespace: str, name: str) -> bool:
    """Whether ``tf.<namespace>.<name>`` is in the package, under this name."""
    value: object = tf
    try:
        for part in [*([] if namespace == "tf" else namespace.split(".")), name]:
            value = getattr(value, part)
    except AttributeError:
        return False
    return not isinstance(value, missing.Gap)


def table() -> str:
    """Return the table of namespaces that are here in part, and lists of the others."""
    rows, whole, none = [], [], []
    total = count = 0
    for namespace, names in expected().items():
        gone = [n for n in names if not is_here(namespace, n)]
        here = len(names) - len(gone)
        total, count = total + len(names), count + here
        label = "`tf`" if namespace == "tf" else f"`tf.{namespace}`"
        if not gone:
            whole.append(label)
        elif not here:
            none.append(label)
        else:
            rest = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
            shown = ", ".join(f"`{n}`" for n in gone[:_SHOWN]) + rest
            rows.append(f"| {label} | {here} of {len(names)} | {shown} |")
    lines = [
        f"{count} of {total} names. All of: {', '.join(whole)}. None of: {', '.join(none)}.",
        "",
        "| In part | Here | Not here |",
        "| --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def in_readme() -> str:
    """Return the table that the README has now."""
    return README.read_text().partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Put the table in the README."""
    head, begin, rest = README.read_text().partition(BEGIN)
    if not begin:
        sys.exit(f"{README} has no line {BEGIN!r}")
    README.write_text(head + begin + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        print(table(), end="")
