"""What an event costs both sides, and whether a burst of them is accounted for."""

import time
from statistics import median

from .table import median_ratio
from .tracers import Bpftrace, Caller, Sniscope, names_in


def server_name(workspace, report):
    """CPU time of the traced program and the tracer for each event that reached the output, beside what the program
    takes untraced."""
    library = workspace.copies(workspace.libssl, 1, "server-name")[0]
    for rate, count, pairs, bounds in (
        (0, 50_000, workspace.count(7, 3), {"columns": 0.4, "json": 0.5}),
        (2_000, 4_000, workspace.count(5, 1), {"columns": 0.3, "json": 0.3}),
    ):
        costs = [
            (untraced(workspace, library, count, rate), cost(workspace, library, count, rate, peer_in),
             *(cost(workspace, library, count, rate, ours_in(output)) for output in bounds))
            for _ in range(pairs)
        ]
        for place, (output, bound) in enumerate(bounds.items()):
            add(report, f"server-name, {output}, {f'{rate:,}/s' if rate else 'burst'}", place + 2, costs, bound, not rate)


def burst(workspace, report):
    """Every event of a burst is either in the output or counted as lost."""
    library = workspace.copies(workspace.libssl, 1, "burst")[0]
    made = 100_000
    runs, peers = [], []
    for _ in range(workspace.count(5, 1)):
        runs.append(burst_once(workspace, library, made))
        peers.append(peer_burst(workspace, library, made))
    # The worst run; the closing line must agree with what is in the output.
    lines, captured, lost = max(runs, key=lambda run: (run[0] != run[1], abs(run[0] + run[2] - made), run[2]))
    is_accounted = lines == captured and lines + lost == made
    measured = f"{lines:,} rows + {lost:,} lost"
    report.value("burst, accounted", measured, f"= {made:,}", is_accounted)
    if not is_accounted:
        report.notes.append(f"burst: {lines:,} rows, but the closing line says {captured:,} captured and {lost:,} lost")
    share = max(lost for _, _, lost in runs) / made
    report.value("burst, lost", f"{share:.3%}", "< 0.1 %", share < 0.001, peer=f"{median(peers):.3%} bpftrace")


def highest_rate(workspace, report):
    """The most calls a second, of one caller for a while, of which each reaches the output; default buffers."""
    library = workspace.copies(workspace.libssl, 1, "rate")[0]
    seconds = workspace.count(1.5, 0.5)
    peer, is_peer_limited = without_loss(workspace, library, seconds, peer_in)
    for output in ("columns", "json"):
        ours, is_limited = without_loss(workspace, library, seconds, ours_in(output))
        report.value(
            f"highest rate, {output}", f"{ours:,.0f} a second", "ratio ≥ 3", ours >= 3 * peer,
            peer=f"{peer:,.0f} bpftrace", ratio=ours / peer,
        )
        if is_limited:
            report.notes.append(f"highest rate, {output}: more than the caller makes")
    if is_peer_limited:
        report.notes.append("highest rate: bpftrace takes more than the caller makes")


def without_loss(workspace, library, seconds, start):
    """The highest rate found, and whether the caller could make no more."""
    best, too_many = 0, None
    rate = 10_000
    for _ in range(12):
        count = int(rate * seconds)
        with Caller(workspace, library) as caller, start(workspace, library, caller) as tracer:
            tracer.settle()
            before = len(names_in(tracer.output))
            _, taken = caller.names_and_time(count, rate)
            tracer.settle()
            is_whole = len(names_in(tracer.output)) - before == count
        if is_whole:
            best = max(best, count / taken)
            if count / taken < 0.9 * rate:
                return best, True
        else:
            too_many = min(rate, too_many or rate)
        rate = 2 * rate if too_many is None else (max(best, too_many / 2) + too_many) / 2
        if too_many and too_many < 1.05 * best:
            break
    return best, False


def memory(workspace, report):
    """Anonymous memory is what a tracer takes from a host; the ring buffer shows apart, twice its size."""
    library = workspace.copies(workspace.libssl, 1, "memory")[0]
    output = workspace.path("memory.json")
    with Caller(workspace, library) as caller, Sniscope(workspace, "-o", "json", output=output) as sniscope:
        sniscope.ready()
        caller.names(10_000)
        sniscope.settle()
        # What a burst took is given back now and then.
        time.sleep(1)
        anonymous, ring = sniscope.status("RssAnon"), sniscope.status("RssShmem") + sniscope.status("RssFile")
        sniscope.finish()
        traced = len(names_in(output))
    if traced < 10_000:
        raise RuntimeError(f"only {traced} of 10,000 events were traced")
    report.value("memory", f"{megabytes(anonymous)} anonymous", "< 40 MB", anonymous < 40e6)
    report.value("memory, ring and files", megabytes(ring))


def untraced(workspace, library, count, rate):
    """Seconds of CPU time that the program takes for each of its calls."""
    with Caller(workspace, library) as caller:
        return caller.names(count, rate) / count


def cost(workspace, library, count, rate, start):
    """Seconds of CPU time for each captured event: the traced side, the tracing side; and the share captured."""
    with Caller(workspace, library) as caller, start(workspace, library, caller) as tracer:
        tracer.settle()
        before, lines = tracer.cpu_seconds, len(names_in(tracer.output))
        traced = caller.names(count, rate)
        tracer.settle()
        tracing = tracer.cpu_seconds - before
        captured = len(names_in(tracer.output)) - lines
    if not captured:
        raise RuntimeError(f"{tracer.name} captured nothing")
    return traced / captured, tracing / captured, captured / count


def ours_in(output):
    def start(workspace, library, _):
        tracer = Sniscope(workspace, "--binary", library, "-o", output, output=workspace.path("sniscope.out"))
        tracer.ready()
        return tracer

    return start


def peer_in(workspace, library, caller):
    tracer = Bpftrace(workspace, library, workspace.path("bpftrace.out"))
    tracer.ready(caller)
    return tracer


def add(report, name, place, costs, at_most, has_sides):
    """Rows for both sides together and, for a burst, each alone. Of each run: untraced, peer, ours in each format."""
    def pairs(value):
        return [(value(run[place], run[0]), value(run[1], run[0])) for run in costs]

    def add_row(name, value, bound):
        ours, peer = (median(pair[side] for pair in pairs(value)) * 1e6 for side in (0, 1))
        report.ratio(name, f"{ours:.2f} µs an event", f"{peer:.2f} µs bpftrace", median_ratio(pairs(value)), bound)

    add_row(name, lambda sides, own: max(sides[0] - own, 0) + sides[1], at_most)
    if has_sides:
        add_row(f"{name}, traced side", lambda sides, own: max(sides[0] - own, 0), 0.75)
        add_row(f"{name}, tracing side", lambda sides, own: sides[1], 0.25)
    own = median(run[0] for run in costs)
    for who, at in (("sniscope", place), ("bpftrace", 1)):
        traced, tracing, share = (median(run[at][part] for run in costs) for part in range(3))
        report.notes.append(
            f"{name}: {who} {traced * 1e6:.2f} µs traced side (of these {own * 1e6:.2f} µs untraced), "
            f"{tracing * 1e6:.2f} µs tracing side, {share:.1%} captured"
        )


def burst_once(workspace, library, made):
    output = workspace.path("burst.json")
    arguments = ("--binary", library, "-o", "json")
    with Caller(workspace, library) as caller, Sniscope(workspace, *arguments, output=output) as sniscope:
        sniscope.ready()
        caller.names(made)
        sniscope.settle()
        _, captured, lost = sniscope.finish()
    names = names_in(output)
    if len(set(names)) != len(names):
        raise RuntimeError("a name was written twice")
    return len(names), captured, lost


def peer_burst(workspace, library, made):
    with Caller(workspace, library) as caller, peer_in(workspace, library, caller) as tracer:
        before = len(names_in(tracer.output))
        caller.names(made)
        tracer.settle()
        return 1 - (len(names_in(tracer.output)) - before) / made


def megabytes(count):
    return f"{count / 1e6:.1f} MB"
