"""What is measured on a cluster, and what must be reached.

In: a scale, 1 for full size. Out: `Workload`s of the usual kind, whose argument is a `Problem`.
No peer and no NumPy is imported here.
"""

from typing import NamedTuple

from ..targets import Row
from ..workloads import Workload

PEERS = ("numpy", "numpy_two", "tfmini", "tfmini_local", "dask", "torch")
REFERENCE = "numpy"
SUBJECT = "tfmini"


class Problem(NamedTuple):
    """A model to be trained by gradient descent on all its rows.

    `layers` are the widths from the features to the outputs. One output: logistic regression;
    more: relu between layers, softmax cross-entropy. float32. `chunks` 0: the rows are one NumPy
    array that is fed in each step.
    """

    rows: int
    chunks: int
    layers: tuple[int, ...]
    rate: float

    @property
    def megabytes(self):
        pairs = zip(self.layers, self.layers[1:], strict=False)
        return sum((a + 1) * b for a, b in pairs) * 4 / 1e6

    def sizes(self):
        """Return the number of rows of each chunk."""
        n = max(1, self.chunks)
        return [self.rows * (i + 1) // n - self.rows * i // n for i in range(n)]


_TRAIN = {"check_steps": 3, "tolerance": 1e-3, "state_tolerance": 1e-3}


def workloads(scale=1.0):
    """Return the workloads; rows and parameters of the large ones are multiplied by `scale`."""
    width = max(8, round(5000 * scale**0.5))
    problems = {
        "C1": Problem(32, 0, (8, 16, 4), 0.1),
        "C2": Problem(32, 0, (max(8, round(512 * scale**0.5)), max(8, round(480 * scale**0.5)), 32),
                      0.01),
        "C3": Problem(32, 0, (width, width, 10), 0.001),
        "CL": Problem(32 * max(5, round(125_000 * scale)), 16, (50, 1), 1.0),
        "CM": Problem(32 * max(5, round(1875 * scale)), 4, (784, 256, 10), 0.1),
    }  # fmt: skip
    found = [Workload("C0", "round trip of x + 1", "trivial")]
    for name, p in problems.items():
        shape = "-".join(map(str, p.layers))
        if p.chunks:
            title = f"{shape} on {p.rows:,} rows in {p.chunks} chunks"
        else:
            title = f"{shape} ({p.megabytes:.3g} MB), batch {p.rows}"
        found.append(Workload(name, title, "train", (p,), **_TRAIN))
    return found


# (workload, peer that is the unit, largest allowed ratio)
RATIOS = (
    ("C0", "dask", 1.5),
    ("C1", "dask", 1.3),
    ("C2", "dask", 1.3),
    ("C3", "dask", 1.3),
    ("CL", "numpy_two", 1.15),
    ("CL", "dask", 0.5),
    ("CL", "torch", 1.2),
    ("CM", "numpy_two", 1.15),
    ("CM", "torch", 1.2),
)


def judge(measurements):
    """Return a row for each goal whose measurements are there."""
    medians = {(m.workload, m.peer): m.median for m in measurements if m.samples}
    rows = []
    for workload, unit, limit in RATIOS:
        mine, other = medians.get((workload, SUBJECT)), medians.get((workload, unit))
        if mine and other:
            rows.append(Row(f"{workload} / {unit}", mine / other, limit))
    return rows
