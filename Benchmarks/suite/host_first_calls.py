"""Calls by programs of the host whose library nobody has mapped before."""

import re
import time
from statistics import median

from .fresh_files import FreshCopies, run_client
from .tracers import Sniscope

# Milliseconds from main() to the call, and how the table calls it.
DELAYS = [
    (("0", "bare"), "at once"),
    (("0",), "OpenSSL set up"),
    (("1000", "bare"), "after 1 ms"),
    (("2000", "bare"), "after 2 ms"),
    (("5000", "bare"), "after 5 ms"),
    (("10000", "bare"), "after 10 ms"),
]


def host_first_calls(workspace, report):
    """A fresh copy of libssl and of a client, started at once after the copy: how many first calls are caught?"""
    copies = FreshCopies(workspace)
    count = workspace.count(200, 20)
    for arguments, label in DELAYS:
        output, folders, calls = workspace.path("events"), [], {}
        with Sniscope(workspace, "-o", "json", output=output) as sniscope:
            sniscope.ready()
            for _ in range(count):
                folder, name = copies.make()
                began, called = run_client(folder, *arguments)
                calls[name] = called - began
                folders.append(folder)
                # So that each comes after a pause, as in life: what follows another closely is caught more easily.
                time.sleep(0.05)
            _, said = sniscope.interrupt()
        with open(output, encoding="utf-8") as file:
            caught = set(re.findall(r'"name":"(first-call-\w+\.test)"', file.read())) & calls.keys()
        for folder in folders:
            copies.remove(folder)
        late = sum(
            int(number) for number in re.findall(r", (\d+) (?:attached after first use|files? gone before)", said)
        )
        # What can't be caught must not be hidden.
        report.value(
            f"host, {label}", f"{len(caught)} of {count} caught", "missed ≤ told", count - len(caught) <= late,
            peer=f"{late} told as probed late",
        )
        report.notes.append(
            f"host, {label}: main() to call {median(calls.values()) / 1e6:.2f} ms (median)"
        )
