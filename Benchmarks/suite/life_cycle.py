"""How long sniscope takes to start, to look around and to go, and what it leaves."""

import json
import subprocess
import time
from contextlib import contextmanager
from statistics import median

from .processes import Started
from .table import median_ratio
from .tracers import Caller, Sniscope, peer_script

# What a process with some libraries looks like; those that are not there are left out.
COMMON_LIBRARIES = [
    "libssl.so.3", "libz.so.1", "libcurl.so.4", "libstdc++.so.6", "libpthread.so.0", "libm.so.6", "libresolv.so.2",
    "liblzma.so.5", "libzstd.so.1", "libgnutls.so.30", "libsqlite3.so.0", "libexpat.so.1",
]


def start(workspace, report):
    """From exec to the line that says that all probes are in place, of the whole host."""
    library = workspace.copies(workspace.libssl, 1, "start")[0]
    pairs = []
    for _ in range(workspace.count(20, 5)):
        with Sniscope(workspace) as sniscope:
            _, ours = sniscope.ready()
            sniscope.finish()
        # BEGIN runs before bpftrace attaches the rest: the peer is measured as faster than it is.
        script = 'BEGIN { printf("ready\\n"); } ' + peer_script(library)
        with Started([workspace.need("bpftrace"), "-e", script]) as bpftrace:
            _, peer = bpftrace.wait_for_line(bpftrace.process.stdout, lambda line: line == "ready")
        pairs.append((ours, peer))
    ours, peer = (median(pair[side] for pair in pairs) for side in (0, 1))
    report.value("start", milliseconds(ours), "< 150 ms", ours < 0.150)
    report.ratio(
        "start, beside bpftrace's", milliseconds(ours), f"{milliseconds(peer)} bpftrace", median_ratio(pairs), 1.2
    )
    with crowd(workspace):
        crowded = []
        for _ in range(workspace.count(7, 2)):
            with Sniscope(workspace) as sniscope:
                crowded.append(sniscope.ready()[1])
                sniscope.finish()
    more = median(crowded) - ours
    report.value("start, 1,000 processes more", f"+{milliseconds(more)}", "≤ 40 ms", more <= 0.040)
    slowest = max(pair[0] for pair in pairs)
    report.notes.append(f"start: {len(pairs)} fresh processes, page cache warm, slowest {milliseconds(slowest)}")


def discovery(workspace, report):
    """Against a C program that reads every /proc/PID/maps once."""
    reader = workspace.program("read_maps")
    commands = ([workspace.sniscope, "list", "-o", "json"], [reader])
    few = [tuple(seconds(command) for command in commands) for _ in range(workspace.count(11, 3))]
    with crowd(workspace):
        many = [tuple(seconds(command) for command in commands) for _ in range(workspace.count(15, 5))]
        counted = subprocess.run([reader], check=True, capture_output=True, text=True).stdout.strip()
    ours, peer = (median(pair[side] for pair in many) for side in (0, 1))
    report.ratio("discovery", milliseconds(ours), f"{milliseconds(peer)} C reader", median_ratio(many), 1.5)
    start = [median(pair[side] for pair in few) for side in (0, 1)]
    report.notes.append(
        f"discovery: {counted}; without the 1,000: {milliseconds(start[0])} and {milliseconds(start[1])}; "
        f"ratio of what the 1,000 add {(ours - start[0]) / (peer - start[1]):.3f}"
    )


def shutdown(workspace, report):
    """100 probed files: the kernel takes some 50 ms for each, one after the other."""
    count = 100
    times = []
    libraries = workspace.copies(workspace.libssl, count, "shutdown")
    with Caller(workspace, *libraries) as caller:
        for _ in range(workspace.count(5, 2)):
            with Sniscope(workspace, "--pid", str(caller.pid)) as sniscope:
                line, _ = sniscope.ready()
                if f" in {count} files" not in line:
                    raise RuntimeError(f"{count} files were to be traced, not: {line}")
                held = sniscope.bpf_ids()
                times.append(sniscope.finish()[0])
                left = remaining(workspace, held)
                if left:
                    raise RuntimeError(f"left after the end: {left}")
    for library in libraries:
        workspace.delete(library)
    report.value("shutdown, 100 files", milliseconds(median(times)), "< 1,000 ms", max(times) < 1)
    report.notes.append(f"shutdown: slowest of {len(times)} {milliseconds(max(times))}; nothing left after it")


def kill(workspace, report):
    """kill -9 runs no line of sniscope's: the kernel must let go of everything by itself."""
    library = workspace.copies(workspace.libssl, 1, "kill")[0]
    with Caller(workspace, library) as caller, Sniscope(workspace) as sniscope:
        sniscope.ready()
        caller.names(1000)
        held = sniscope.bpf_ids()
        if not any(kind == "link" for kind, _ in held):
            raise RuntimeError("sniscope holds no BPF link")
        sniscope.kill()
        left = remaining(workspace, held)
        caller.names(1000)
    names = sorted(kind for kind, _ in held)
    report.value(
        "kill -9", f"{len(left)} left of {names.count('prog')} programs, {names.count('link')} links", "none left",
        not left,
    )


@contextmanager
def crowd(workspace):
    """1,000 processes more."""
    with Started([workspace.program("sleepers"), "1000", *COMMON_LIBRARIES]) as sleepers:
        sleepers.wait_for_line(sleepers.process.stdout, lambda line: "processes" in line)
        yield
        # It ends them by their pids.
        sleepers.process.stdin.close()
        sleepers.process.wait()


def remaining(workspace, ids, patience=2):
    """Those of the ids that the kernel still has after so many seconds: it frees them shortly after the last user."""
    bpftool = workspace.need("bpftool")
    deadline = time.monotonic() + patience
    while True:
        left = set()
        for kind in ("prog", "link"):
            answer = subprocess.run([bpftool, "-j", kind, "show"], check=True, capture_output=True, text=True)
            present = {entry["id"] for entry in json.loads(answer.stdout or "[]")}
            left |= {(kind, number) for wanted, number in ids if wanted == kind and number in present}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def seconds(command):
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.monotonic() - began


def milliseconds(value):
    return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
