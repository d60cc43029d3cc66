"""Every example runs as it is, ends in an assert, and warns of nothing."""

import ast
import runpy
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))
DIGITS, SEARCH, SHARDED = (path for path in EXAMPLES if path.stem >= "07")


def run(path, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    return runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, monkeypatch, capsys, tmp_path):
    plot = tmp_path / "plot.png"
    start = time.process_time()  # other programs do not count
    run(path, monkeypatch, *(["--plot", str(plot)] if "--plot" in path.read_text() else []))
    assert time.process_time() - start < 40
    assert capsys.readouterr().out
    if "--plot" in path.read_text():
        assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_ends_in_an_assert(path):
    source = path.read_text()
    tree = ast.parse(source)
    last = tree.body[-1]
    if isinstance(last, ast.If):  # if __name__ == "__main__":
        last = last.body[-1]
    assert isinstance(last, ast.Assert)
    assert ast.get_docstring(tree)
    assert len(source.splitlines()) <= 85


def test_examples_are_numbered():
    assert [path.stem[:3] for path in EXAMPLES] == [f"{i:02}_" for i in range(1, len(EXAMPLES) + 1)]


def test_search_spreads_its_models_over_workers(cluster, client, capsys):
    main = runpy.run_path(str(SEARCH))["main"]
    arguments, steps = ["--steps", "2"], 2

    def executed():
        return client.run(lambda dask_worker: dask_worker.state.executed_count).values()

    before = executed()
    assert main([*arguments, "--scheduler", cluster.scheduler_address]) == main(arguments)
    assert all(b - a >= steps for a, b in zip(before, executed(), strict=True))


def test_sharded_digits_on_workers_has_the_same_losses(client, capsys):
    main = runpy.run_path(str(SHARDED))["main"]
    arguments = ["--epochs", "1"]
    expected = main(arguments)
    with client.as_current():
        assert main(arguments) == expected


def test_digits_on_a_cluster_has_the_same_losses(cluster, capsys):
    main = runpy.run_path(str(DIGITS))["main"]
    arguments = ["--epochs", "2", "--batch-size", "256"]
    losses, accuracy = main(arguments)
    there = main([*arguments, "--scheduler", cluster.scheduler_address])
    assert there == (losses, accuracy)
    assert losses[1] < losses[0]
