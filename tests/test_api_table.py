"""The README's table of TensorFlow's names is that of the package."""

from __future__ import annotations

import api_table


def test_the_readme_has_the_table_of_today():
    assert api_table.in_readme() == api_table.table(), "run `python -m tests.api_table --write`"


def test_what_counts_as_here():
    assert api_table.is_here("tf", "matmul")
    assert api_table.is_here("nn", "relu")
    assert not api_table.is_here("nn", "reluu")
    assert not api_table.is_here("tf", "estimator")
    assert not api_table.is_here("estimator", "DNNClassifier")


def test_the_list_of_names_is_whole():
    names = api_table.expected()
    assert {"tf", "nn", "train", "layers"} <= set(names)
    assert sum(map(len, names.values())) > 1500
    assert all(names.values())
