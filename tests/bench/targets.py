"""What tfmini must reach, as data, and whether a run shows it.

In: measurements. Out: rows (goal, measured, limit, met). Ratios are of medians within one run and
one number of BLAS threads; where the goal names one thread or the best setting, of that.
"""

from typing import NamedTuple

from .workloads import REFERENCE

SUBJECT = "tfmini"

# (workload, peer that is the unit, largest allowed ratio)
RATIOS = (
    ("W1", REFERENCE, 4.0),
    ("W1x", REFERENCE, 5.0),
    ("W2", REFERENCE, 1.7),
    ("W2", "tensorflow", 0.2),
    ("W3", REFERENCE, 0.8),
    ("W3", "tensorflow", 1.0),
    ("W3b", REFERENCE, 0.8),
    ("W3b", "tensorflow", 1.0),
    ("W4c", REFERENCE, 0.4),
    ("W5f", REFERENCE, 0.35),
    ("W5f", "tensorflow", 1.0),
    ("W5f", "torch", 1.0),
    ("W5f", "jax", 1.1),
    ("W5g", REFERENCE, 0.3),
    ("W5g", "tensorflow", 1.0),
    ("W5g", "torch", 1.0),
    ("W5g", "jax", 1.1),
    ("W6a", REFERENCE, 1.5),
    ("W6b", REFERENCE, 1.5),
    ("W7", REFERENCE, 0.6),
    ("W7", "torch", 1.0),
    ("W7", "jax", 1.0),
    ("W7", "tensorflow", 2.0),
    ("W10", REFERENCE, 1.5),
)
# The same for tfmini with the plugin tfmini-numba.
COMPILED = "tfmini_numba"
COMPILED_RATIOS = (("W5f", "jax", 1.0), ("W5g", "jax", 1.0))
# (workload, largest allowed median in seconds)
SECONDS = (("W8import", 0.25), ("W8first", 0.05), ("W9", 1.0))  # W9: 100,000 nodes in a second
SLOWDOWN = 2.5
MATMUL_NOISE = 1.05  # "no slower" within what repeats differ by


class Row(NamedTuple):
    goal: str
    measured: float
    limit: float

    @property
    def met(self):
        return self.measured <= self.limit


def judge(measurements):
    """Return a row for each goal whose measurements are there."""
    medians = {(m.workload, m.peer, m.threads): m.median for m in measurements if m.samples}
    settings = sorted({m.threads for m in measurements})
    rows = []
    for threads in settings:
        rows += _ratios(medians, threads, SUBJECT, RATIOS) + _seconds(medians, threads)
        rows += _ratios(medians, threads, COMPILED, COMPILED_RATIOS)
        rows += _against_settings(medians, threads, settings)
    return rows + _slowdowns(measurements)


def _ratios(medians, threads, subject, ratios):
    rows = []
    for workload, unit, limit in ratios:
        mine, other = (medians.get((workload, peer, threads)) for peer in (subject, unit))
        if mine and other:
            goal = f"{workload} / {unit}, BLAS {threads}"
            who = "" if subject == SUBJECT else f", {subject}"
            rows.append(Row(goal + who, mine / other, limit))
    return rows


def _seconds(medians, threads):
    keys = [(workload, limit, (workload, SUBJECT, threads)) for workload, limit in SECONDS]
    return [
        Row(f"{workload} in seconds, BLAS {threads}", medians[key], limit)
        for workload, limit, key in keys
        if key in medians
    ]


def _against_settings(medians, threads, settings):
    """SVD against NumPy on one thread; matmul against NumPy's best setting."""
    rows = []
    svd, unit = medians.get(("W4b", SUBJECT, threads)), medians.get(("W4b", REFERENCE, 1))
    if svd and unit:
        rows.append(Row(f"W4b, BLAS {threads} / {REFERENCE}, BLAS 1", svd / unit, 1 / 1.7))
    matmul = medians.get(("W4a", SUBJECT, threads))
    units = [medians[key] for n in settings if (key := ("W4a", REFERENCE, n)) in medians]
    if matmul and units:
        ratio = matmul / min(units)
        rows.append(Row(f"W4a, BLAS {threads} / {REFERENCE}, best BLAS", ratio, MATMUL_NOISE))
    return rows


def _slowdowns(measurements):
    mine = [m for m in measurements if m.peer == SUBJECT and m.samples and m.slowdown]
    return [Row(f"{m.workload} busy / free, BLAS {m.threads}", m.slowdown, SLOWDOWN) for m in mine]
