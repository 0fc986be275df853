"""How long the search of a file's strings and code takes, and what memory it needs."""

import glob
import os
import subprocess
from statistics import median

from .life_cycle import milliseconds
from .table import Skipped, median_ratio, spread

# `make setup-test` fetches it.
CHROMIUM = "libqt5webenginecore5/usr/lib/*/libQt5WebEngineCore.so.5.*.*"
MEGABYTE = 1e6


def search(workspace, report):
    """`sniscope inspect` on one processor, with the files in the page cache; the start of the process is taken off by
    inspecting a tiny file in the same round."""
    tiny = workspace.program("tiny_library", "-shared", "-fPIC", "-nostdlib")
    chromium = chromium_file()
    plain = file_without_tls(workspace)
    for path, bound, name in ((chromium, 1.0 / 250, "search, Chromium"), (plain, 0.020 / 20, "search, no TLS")):
        size = os.path.getsize(path) / MEGABYTE
        rounds = []
        for _ in range(workspace.count(15, 3)):
            rounds.append([
                measure(workspace, *inspect(workspace, path)),
                measure(workspace, *inspect(workspace, tiny)),
                measure(workspace, "sha256sum", path),
            ])
        times = [measured[0] - base[0] for measured, base, _ in rounds]
        limit = bound * size
        report.value(
            f"{name}, {size:.0f} MB", milliseconds(median(times)), f"< {milliseconds(limit)}", median(times) < limit,
            peer=f"{milliseconds(median(peer[0] for _, _, peer in rounds))} sha256sum",
            ratio=median_ratio([(own, peer[0]) for own, (_, _, peer) in zip(times, rounds)]),
        )
        memory = max(measured[1] - base[1] for measured, base, _ in rounds)
        report.value(f"{name}, memory", f"{memory / MEGABYTE:.1f} MB above base", "< 64 MB", memory < 64 * MEGABYTE)
        low, high = spread(times)
        report.notes.append(
            f"{name}: middle half {milliseconds(low)} to {milliseconds(high)}, without "
            f"{milliseconds(median(base[0] for _, base, _ in rounds))} for a tiny file"
        )
    cached(workspace, report, chromium, tiny)


def cached(workspace, report, path, tiny):
    folder = workspace.path("search-cache")
    os.mkdir(folder, 0o700)
    measure(workspace, *inspect(workspace, path, folder))
    pairs = []
    for _ in range(workspace.count(41, 7)):
        pairs.append([measure(workspace, *inspect(workspace, file, folder))[0] for file in (path, tiny)])
    if not os.listdir(folder):
        raise RuntimeError("nothing was kept in the cache")
    took = median(own - base for own, base in pairs)
    report.value("search, from the cache", milliseconds(took), "< 1 ms", took < 0.001)


def inspect(workspace, path, cache="none"):
    return workspace.sniscope, "inspect", "--cache-dir", cache, path


def measure(workspace, *command):
    """Seconds, and bytes in memory at most."""
    meter = workspace.program("measure_command")
    answer = subprocess.run([meter, *command], check=True, capture_output=True, text=True).stdout
    nanoseconds, kilobytes = answer.split()
    return int(nanoseconds) / 1e9, int(kilobytes) * 1024


def chromium_file():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = os.environ.get("SNISCOPE_TEST_FILES", f"{root}/.build/test-files")
    found = [path for path in glob.glob(f"{folder}/{CHROMIUM}") if not os.path.islink(path)]
    if not found:
        raise Skipped("libqt5webenginecore5 is missing: make setup-test")
    return found[0]


def file_without_tls(workspace):
    """The host's library of some 20 MB in which nothing is found."""
    wanted = 20 * MEGABYTE
    paths = {os.path.realpath(path) for path in glob.glob("/usr/lib/*-linux-gnu/*.so*") + glob.glob("/usr/bin/*")}
    files = [path for path in paths if os.path.isfile(path) and wanted / 2 < os.path.getsize(path) < wanted * 2]
    for path in sorted(files, key=lambda path: abs(os.path.getsize(path) - wanted)):
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        answer = subprocess.run(inspect(workspace, path), check=False, capture_output=True, text=True)
        if answer.returncode == 0 and "no TLS library" in answer.stdout:
            return path
    raise Skipped("no library or program of some 20 MB without TLS is here")
