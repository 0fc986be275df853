"""Whether a user with few calls keeps them all, and soon, beside users with as many as they can make."""

import json
import os
import signal
import subprocess
import threading
import time
from datetime import datetime, timezone

from .processes import Started
from .tracers import Caller, Sniscope

QUIET_USER = 65001
FIRST_LOUD_USER = 70001
RATE = 20
NAMES = 100


def fairness(workspace, report):
    """Names of a quiet user beside floods: how many there are, and how late the last of them."""
    workspace.need("setpriv")
    os.chmod(workspace.folder, 0o755)
    library = workspace.copies(workspace.libssl, 1, "fairness")[0]
    for count in (1, 10, 100):
        delays, summary = beside(workspace, library, count)
        label = f"quiet beside {count} loud"
        report.value(f"{label}: names", f"{len(delays)}", f"= {NAMES}", len(delays) == NAMES)
        worst = max(delays, default=float("inf"))
        report.value(f"{label}: latest row", f"{worst * 1000:.0f} ms", "≤ 50 ms", worst <= 0.05)
        if delays:
            summary = f"median {sorted(delays)[len(delays) // 2] * 1000:.0f} ms; {summary}"
        report.notes.append(f"{label}: {summary}")


class UserCaller(Caller):
    def __init__(self, workspace, user, library):
        program = workspace.program("caller")
        Started.__init__(self, ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", program, library])
        self.send("idle")


def beside(workspace, library, count):
    quiet = UserCaller(workspace, QUIET_USER, library)
    loud = [UserCaller(workspace, FIRST_LOUD_USER + number, library) for number in range(count)]
    sniscope = subprocess.Popen(
        [workspace.sniscope, "trace", "--binary", library, "-o", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )
    # A reader that keeps up with the flood.
    rows = subprocess.Popen(
        ["nice", "-n", "-10", "grep", "--line-buffered", f'"pid":{quiet.pid},'],
        stdin=sniscope.stdout, stdout=subprocess.PIPE,
    )
    sniscope.stdout.close()
    try:
        for line in sniscope.stderr:
            if line.startswith(b"Tracing"):
                break
        delays = []
        reader = threading.Thread(target=read, args=(rows.stdout, delays))
        reader.start()
        for caller in loud:
            caller.process.stdin.write(b"names 100000000 0\n")
            caller.process.stdin.flush()
        quiet.names(NAMES, RATE)
        time.sleep(0.2)
        for caller in loud:
            caller.kill()
        sniscope.send_signal(signal.SIGINT)
        said = sniscope.stderr.read().decode().strip().split("\n")[-1]
        reader.join()
        return delays, said
    finally:
        quiet.kill()
        for process in (sniscope, rows):
            process.kill()
            process.wait()


def read(stream, delays):
    for line in stream:
        now = datetime.now(timezone.utc).timestamp()
        text = json.loads(line)["timestamp"]
        made = datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float("0." + text[20:29])
        delays.append(now - made)
