"""Show measurements as text, Markdown and JSON.

In: machine, versions, measurements. Out: strings. A cell shows the median, the minimum in
brackets and the ratio of medians to the reference.
"""

import json

from .targets import judge
from .workloads import BY_NAME, REFERENCE

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


class Report:
    """One run, ready to be shown."""

    workloads, reference, judge = BY_NAME, REFERENCE, staticmethod(judge)

    def __init__(self, machine, versions, measurements):
        self.machine, self.versions, self.measurements = machine, versions, measurements
        self._cells = {(m.workload, m.peer, m.threads): m for m in measurements}
        self.peers = list(dict.fromkeys(m.peer for m in measurements))
        self.threads = list(dict.fromkeys(m.threads for m in measurements))

    def json(self):
        records = [{**m.record(), "ratio": self._ratio(m)} for m in self.measurements]
        targets = [{**row._asdict(), "met": row.met} for row in self.judge(self.measurements)]
        whole = {
            "machine": self.machine,
            "versions": self.versions,
            "measurements": records,
            "targets": targets,
        }
        return json.dumps(whole, indent=1)

    def text(self):
        return self._document(_text_table, heading="{}")

    def markdown(self):
        return self._document(_markdown_table, heading="### {}")

    def _document(self, table, heading):
        parts = [self._about()]
        for threads in self.threads:
            parts += [heading.format(f"BLAS threads: {threads}"), table(self._rows(threads))]
            if any(m.busy_samples for m in self.measurements if m.threads == threads):
                title = f"Times slower with one core taken, BLAS threads: {threads}"
                parts += [heading.format(title), table(self._busy_rows(threads))]
        if self._reasons():
            parts += [heading.format("Not measured"), "\n".join(self._reasons())]
        targets = self.judge(self.measurements)
        if targets:
            rows = [
                [t.goal, f"{t.measured:.3g}", f"<= {t.limit:.3g}", "yes" if t.met else "NO"]
                for t in targets
            ]
            goals = table([["must reach", "measured", "limit", "met"], *rows])
            parts += [heading.format("Targets"), goals]
        return "\n\n".join(parts) + "\n"

    def _about(self):
        m = self.machine
        found = {}
        for peer, about in self.versions.items():
            for name, version in about.get("versions", {}).items():
                found.setdefault(f"{name} {version}", []).append(peer)
            if "python" in about:
                found.setdefault(f"Python {about['python']}", []).append(peer)
        return (
            f"{m['date']}, {m['cores']} cores of {m['cpu']} ({m['system']}), "
            f"load before: {m['load']}.\n{', '.join(sorted(found, key=str.lower))}.\n"
            f"Cells: median (minimum) ratio of medians to {self.reference}."
        )

    def _workloads(self, threads):
        return dict.fromkeys(m.workload for m in self.measurements if m.threads == threads)

    def _rows(self, threads):
        rows = [["", *self.peers]]
        for name in self._workloads(threads):
            cells = [self._cells[name, peer, threads] for peer in self.peers]
            rows.append([f"{name} {self.workloads[name].title}", *map(self._cell, cells)])
        return rows

    def _busy_rows(self, threads):
        rows = [["", *self.peers]]
        for name in self._workloads(threads):
            ratios = [self._cells[name, peer, threads].slowdown for peer in self.peers]
            if any(ratios):
                rows.append([name, *(f"{r:.2f}x" if r else "-" for r in ratios)])
        return rows

    def _ratio(self, cell):
        """Return the ratio of medians to the reference, or None."""
        reference = self._cells.get((cell.workload, self.reference, cell.threads))
        if not cell.samples or reference is None or not reference.samples:
            return None
        return cell.median / reference.median

    def _cell(self, cell):
        if not cell.samples:
            return "-"
        shown = [_quantity(self.workloads[cell.workload], v) for v in (cell.median, cell.minimum)]
        ratio = self._ratio(cell)
        times = f" {_significant(ratio)}x" if ratio and cell.peer != self.reference else ""
        return f"{shown[0]} ({shown[1]}){times}"

    def _reasons(self):
        """Return one line for each peer and reason, with the workloads it holds for."""
        found = {}
        for m in self.measurements:
            if m.reason:
                names = found.setdefault((m.peer, m.reason), [])
                if m.workload not in names:
                    names.append(m.workload)
        total = len({m.workload for m in self.measurements})
        return [
            f"- {peer}, {'all' if len(names) == total else ' '.join(names)}: {reason}"
            for (peer, reason), names in found.items()
        ]


def _significant(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}" if value >= 10 else f"{value:.2f}"


def _quantity(workload, value):
    """Return a figure with its unit; for nodes/s the time of a step is turned round."""
    if workload.unit == "MB":
        return f"{value:.0f} MB"
    if workload.unit == "nodes/s":
        return f"{workload.nodes / value / 1000:.0f}k/s"
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def _text_table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _markdown_table(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def write_markdown(path, markdown):
    """Write to `path`; a file that has the result marks keeps all that stands around them."""
    old = path.read_text() if path.exists() else ""
    if BEGIN in old and END in old:
        before, rest = old.split(BEGIN, 1)
        markdown = f"{before}{BEGIN}\n{markdown}{END}{rest.split(END, 1)[1]}"
    path.write_text(markdown)
