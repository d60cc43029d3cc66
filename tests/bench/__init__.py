"""Benchmarks of tfmini and its peers, run by ``python -m tests.bench`` from the repository root.

In: the command line (`__main__`). Out: a table as text, Markdown or JSON.

    __main__ -> harness -> client ==pipe==> worker -> peers/<name>.py -> data
                   |                                      (its own interpreter and process)
                   +-> report, targets

`workloads` says what is measured, `interface` what a peer is, `check` when a result is right,
`fresh` measures what only a new process can show. Importing this package imports nothing else.
"""
