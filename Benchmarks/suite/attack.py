"""How long the event loop is busy at a time while users make it work."""

import os
import re
import shutil
import subprocess
import tempfile
import time

from .table import Skipped
from .tracers import Sniscope

SECONDS = 5


def longest_turn(workspace, report):
    """Under attack against a quiet time; each turn is time in which no event is read."""
    workspace.need("unshare")
    quiet = measure(workspace, quietly)
    attacks = {
        "new control groups": control_groups,
        "new mount namespaces": namespaces,
        "new files": files,
    }
    for name, attack in attacks.items():
        turn = measure(workspace, attack)
        report.value(
            f"longest turn, {name}", f"{turn / 1000:.1f} ms", "< 100 ms", turn < 100_000,
            peer=f"{quiet / 1000:.1f} ms quiet", ratio=turn / quiet,
        )
    report.notes.append(
        f"longest turn: of {SECONDS} s each; it includes the time in which others had the processors, {os.cpu_count()} here"
    )


def measure(workspace, attack):
    """Microseconds: of three tries the one whose longest turn is the shortest, since one can be late by chance."""
    turns = []
    for _ in range(workspace.count(3, 1)):
        with Sniscope(workspace, "-v") as sniscope:
            sniscope.ready()
            attack(workspace, time.monotonic() + SECONDS)
            _, said = sniscope.interrupt()
        match = re.search(r"longest turn took (\d+) µs", said)
        if not match:
            raise RuntimeError(f"sniscope told no longest turn; it said: {said}")
        turns.append(int(match[1]))
    return min(turns)


def quietly(_, end):
    time.sleep(end - time.monotonic())


def control_groups(_, end):
    """With the names of containers, made and removed."""
    root = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
    if not os.access(root, os.W_OK):
        raise Skipped(f"{root} can't be written")
    parent = tempfile.mkdtemp(prefix="sniscope-attack-", dir=root)
    number = 0
    try:
        while time.monotonic() < end:
            paths = [f"{parent}/docker-{number + index:064x}.scope" for index in range(100)]
            number += len(paths)
            for path in paths:
                os.mkdir(path)
            for path in paths:
                os.rmdir(path)
    finally:
        for name in os.listdir(parent):
            if os.path.isdir(f"{parent}/{name}"):
                os.rmdir(f"{parent}/{name}")
        os.rmdir(parent)


def namespaces(workspace, end):
    """Each with a user namespace and a process."""
    unshare = workspace.need("unshare")
    processes = []
    try:
        while time.monotonic() < end and len(processes) < 1000:
            processes.append(subprocess.Popen([unshare, "--user", "--map-root-user", "--mount", "sleep", "100"]))
        time.sleep(max(end - time.monotonic(), 0))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def files(workspace, end):
    """Executed, each for the first time."""
    program = shutil.which("true")
    number = 0
    while time.monotonic() < end:
        copy = workspace.path(f"new-{number}")
        number += 1
        shutil.copyfile(program, copy)
        os.chmod(copy, 0o755)
        subprocess.run([copy], check=True)
        workspace.delete(copy)
