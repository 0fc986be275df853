"""What a probe costs the traced program when nothing is to be recorded."""

import platform
from statistics import median

from .table import Skipped, median_ratio, spread
from .tracers import Caller, EmptyProbe, Sniscope, entry


def other_command(workspace, report):
    """SSL_ctrl has some hundred commands; one of them is recorded. The others pay for an empty probe at least."""
    base, first, second = workspace.copies(workspace.libssl, 3, "other-command")
    place = entry(workspace, base)[1]
    ours, empty, pairs = [], [], []
    for session in range(workspace.count(6, 2)):
        # Which copy has which probe changes: where a file's pages lie matters a little.
        probed, emptied = (first, second) if session % 2 == 0 else (second, first)
        measure(workspace, base, probed, emptied, place, 2000, ours, empty, pairs)
    added, cheapest = (f"{median(values):.0f} ns" for values in (ours, empty))
    report.ratio("other-command", f"{added} added", f"{cheapest} empty probe", median_ratio(pairs), 1.05)
    low, high = spread([a / b for a, b in pairs])
    report.notes.append(f"other-command: {len(pairs)} pairs, middle half of the ratios {low:.3f} to {high:.3f}")


def endbr64(workspace, report):
    """A probe on endbr64 is single-stepped, one on the instruction behind it is emulated."""
    if platform.machine() != "x86_64":
        raise Skipped("endbr64 is an instruction of x86-64")
    stub = workspace.program("stub_ssl", "-shared", "-fPIC", "-fcf-protection=full")
    base, probed, emptied = workspace.copies(stub, 3, "endbr64")
    start, place = entry(workspace, base)
    if place == start:
        raise RuntimeError("sniscope probes the stub at its entry; does this compiler write no endbr64?")
    ours, empty, pairs = [], [], []
    measure(workspace, base, probed, emptied, start, 1000, ours, empty, pairs)
    report.ratio(
        "endbr64", f"{median(ours):.0f} ns added", f"{median(empty):.0f} ns on endbr64", median_ratio(pairs), 0.2
    )


def measure(workspace, base, probed, emptied, offset, calls, ours, empty, pairs):
    """Adds what the probes add to a call, in nanoseconds: sniscope's on one file, an empty one on another."""
    workspace.need_kernel(6, 6, "the uprobe_multi link of the empty probe")
    with (
        Caller(workspace, base, probed, emptied) as caller,
        Sniscope(workspace, "--binary", probed) as sniscope,
        EmptyProbe(workspace, emptied, offset) as probe,
    ):
        sniscope.ready()
        probe.ready()
        caller.nanoseconds(10, calls)
        for without, with_ours, with_empty in caller.nanoseconds(workspace.count(100, 50), calls):
            ours.append(with_ours - without)
            empty.append(with_empty - without)
            pairs.append((ours[-1], empty[-1]))
        sniscope.finish()
