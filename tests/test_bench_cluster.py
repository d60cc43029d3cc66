"""The cluster's benchmarks still measure what they say: tiny sizes, results only, no timing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

# `tests` is no installed package, and pytest puts only this folder on the path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.bench.cluster import data
from tests.bench.cluster.__main__ import measure
from tests.bench.cluster.kernels import loss_and_gradients
from tests.bench.cluster.workloads import Problem, workloads
from tests.bench.harness import Options

SCALE = 1e-4


@pytest.mark.parametrize("layers", [(3, 1), (3, 5, 4), (3, 5, 6, 4)])
def test_gradients_by_hand_are_those_of_differences(layers):
    problem = Problem(12, 2, layers, 1.0)
    x, y = data.whole(problem)
    weights = [w.astype(float) for w in data.parameters(problem)]
    _, gradients = loss_and_gradients(weights, x.astype(float), y)
    for w, gradient in zip(weights, gradients, strict=True):
        for place in np.ndindex(w.shape):
            losses = []
            for shift in (1e-6, -1e-6):
                old, w[place] = w[place], w[place] + shift
                losses.append(loss_and_gradients(weights, x.astype(float), y)[0])
                w[place] = old
            assert np.isclose(gradient[place], (losses[0] - losses[1]) / 2e-6, atol=1e-4)


@pytest.mark.cluster
def test_all_peers_agree_and_are_reported():
    peers = ["numpy", "numpy_two", "tfmini", "tfmini_local", "dask"]
    some = [w for w in workloads(SCALE) if w.name in ("C0", "C1", "CL", "CM")]
    options = Options(peers, some, [1], repeats=1, sample=1e-5, budget=0.0)
    report = measure(options, SCALE, lambda text: None)
    found = json.loads(report.json())
    reasons = {(m["peer"], m["workload"]): m["reason"] for m in found["measurements"]}
    assert {k: r for k, r in reasons.items() if r} == {
        ("numpy_two", "C0"): "there is no cluster",
        ("numpy_two", "C1"): "the rows are not in chunks",
        ("dask", "CM"): "written for the logistic regression only",
    }
    assert {row["goal"] for row in found["targets"]} >= {"C0 / dask", "CL / dask", "CL / numpy_two"}
    assert "50-1 on 384 rows in 16 chunks" in report.text()
