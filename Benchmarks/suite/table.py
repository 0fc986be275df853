"""What a benchmark reports, and the one table of it."""

from dataclasses import dataclass, field
from statistics import median


class Skipped(Exception):
    """The benchmark can't run here; the text says why."""


@dataclass
class Row:
    name: str
    measured: str
    peer: str = ""
    ratio: float | None = None
    bound: str = ""
    # None: there is no bound.
    is_met: bool | None = None

    @property
    def verdict(self):
        return {None: "-", True: "ok", False: "over"}[self.is_met]


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def ratio(self, name, measured, peer, ratio, at_most=None):
        """A row whose bound is one on the ratio."""
        bound = "" if at_most is None else f"ratio ≤ {at_most}"
        is_met = None if at_most is None else ratio <= at_most
        self.rows.append(Row(name, measured, peer, ratio, bound, is_met))

    def value(self, name, measured, bound="", is_met=None, peer="", ratio=None):
        self.rows.append(Row(name, measured, peer, ratio, bound, is_met))


def print_table(report):
    heading = ["BENCHMARK", "MEASURED", "BASELINE", "RATIO", "BOUND", ""]
    lines = [heading] + [
        [row.name, row.measured, row.peer, "" if row.ratio is None else f"{row.ratio:.3f}", row.bound, row.verdict]
        for row in report.rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    for note in report.notes:
        print(f"  {note}")


def median_ratio(pairs):
    """The machine may change its speed between two pairs, hardly within one."""
    return median(measured / peer for measured, peer in pairs)


def spread(values):
    """The middle half, for notes."""
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
