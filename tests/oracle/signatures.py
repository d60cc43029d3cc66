"""What TensorFlow 1.15 says of its own parameters: ``tests/tf1_signatures.txt``.

``python tests/oracle/signatures.py`` with Python 3.7 and TensorFlow 1.15 prints a line for each
public function, class and method, as ``losses.log_loss(labels, predictions, weights=1.0)``; ``...``
stands for a default that is no plain value.  A method that classes share is there once.
"""

import collections
import inspect
import re
import types
import warnings

warnings.simplefilter("ignore")

PARTS = (  # of tf.contrib
    "crf", "data", "distributions", "feature_column", "framework", "image", "layers",
    "legacy_seq2seq", "lookup", "losses", "metrics", "nn", "opt", "rnn", "seq2seq", "slim",
    "training",
)  # fmt: skip
LEFT_OUT = {
    "app", "audio", "autograph", "compat", "config", "contrib", "distribute", "estimator",
    "experimental", "keras", "lite", "profiler", "python", "ragged", "raw_ops", "resource_loader",
    "sysconfig", "tools", "tpu", "user_ops", "v1", "v2", "xla", "TestCase",
}  # fmt: skip
PLAIN = re.compile(r"None|True|False|-?[\d.e+-]+|inf|nan|'[^']*'|[\[(][-\d., ]*[\])]")


def members(root):
    """Yield (path, value) of what is below a module: the shortest path of each."""
    queue, seen = collections.deque([("", root)]), set()
    for part in PARTS:
        queue.append(("contrib." + part, getattr(root.contrib, part)))
    while queue:
        path, module = queue.popleft()
        if id(module) in seen:
            continue
        seen.add(id(module))
        for name in sorted(dir(module)):
            value = getattr(module, name, None)
            if name.startswith("_") or name in LEFT_OUT:
                continue
            below = path + "." + name if path else name
            if not isinstance(value, types.ModuleType):
                yield below, value
            elif "_api" in value.__name__ and "contrib" not in path:
                queue.append((below, value))


def parameters(function):
    """Return the parameters as text, without self; None where there are none to compare."""
    try:
        given = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if given and given[0].name in ("self", "cls", "instance"):
        given = given[1:]
    if given and all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in given):
        return None
    out, named_only = [], False
    for p in given:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            out.append(("*" if p.kind is p.VAR_POSITIONAL else "**") + p.name)
            named_only = True
            continue
        if p.kind is p.KEYWORD_ONLY and not named_only:
            out.append("*")
            named_only = True
        out.append(p.name if p.default is p.empty else p.name + "=" + default(p.default))
    return ", ".join(out)


def default(value):
    text = repr(value)
    return text if PLAIN.fullmatch(text) else "..."


def lines(root):
    for path, value in members(root):
        if not inspect.isclass(value):
            yield path, parameters(value) if callable(value) else None
        elif not hasattr(value, "FromString"):  # messages have their own rules
            yield path, parameters(value.__init__)
            for name in sorted(dir(value)):
                method = inspect.getattr_static(value, name)
                if isinstance(method, (staticmethod, classmethod)):
                    method = method.__func__
                if not name.startswith("_") and inspect.isfunction(method):
                    yield path + "." + name, parameters(method)


def main():
    import tensorflow as tf

    shared = set()
    for path, text in sorted(lines(tf)):
        if text is None:
            continue
        owner, _, name = path.rpartition(".")
        if owner.rpartition(".")[2][:1].isupper():
            if (name, text) in shared:
                continue
            shared.add((name, text))
        print(f"{path}({text})")


if __name__ == "__main__":
    main()
