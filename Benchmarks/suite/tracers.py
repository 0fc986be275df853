"""sniscope, its peer, and the cheapest probe there is."""

import json
import re
import subprocess

from .processes import Started


class Sniscope(Started):
    def __init__(self, workspace, *arguments, output=None):
        self.output = output
        destination = open(output, "wb") if output else subprocess.DEVNULL
        super().__init__([workspace.sniscope, "trace", *arguments], stdout=destination, stdin=subprocess.DEVNULL)
        if output:
            destination.close()

    def ready(self):
        """Waits for the line that says that the probes are in place; gives it and the seconds since the start."""
        line = self.wait_for_line(self.process.stderr, lambda line: line.startswith("Tracing"))
        # The one that was started waits for the one that works.
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8") as file:
            self.pid = int(file.read())
        return line

    def finish(self):
        """Ends it; gives the seconds that took, and the events it captured and lost by its own account."""
        seconds, said = self.interrupt()
        match = re.search(r"^(\d+) server names?, (\d+) lost", said, re.MULTILINE)
        if not match:
            raise RuntimeError(f"sniscope gave no summary; it said: {said}")
        return seconds, int(match[1]), int(match[2])


def peer_script(library):
    return f'uprobe:{library}:SSL_ctrl /arg1 == 55/ {{ printf("%d %d %s %s\\n", pid, tid, comm, str(arg3)); }}'


class Bpftrace(Started):
    """The one-liner that does the same."""

    def __init__(self, workspace, library, output):
        self.output = output
        with open(output, "wb") as destination:
            super().__init__(
                [workspace.need("bpftrace"), "-e", peer_script(library)],
                stdout=destination, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )

    def ready(self, caller):
        """It says "Attaching" before it attaches: only an event tells."""
        for _ in range(1000):
            caller.send("names 1 1000")
            with open(self.output, "rb") as file:
                if b".example" in file.read():
                    return
            if self.process.poll() is not None:
                break
            self.settle_briefly()
        raise RuntimeError(f"bpftrace saw nothing: {open(self.output, encoding='utf-8').read()}")

    def settle_briefly(self):
        try:
            self.process.wait(0.02)
        except subprocess.TimeoutExpired:
            pass

    def lost(self):
        with open(self.output, encoding="utf-8") as file:
            return sum(int(count) for count in re.findall(r"Lost (\d+) events", file.read()))


class EmptyProbe(Started):
    def __init__(self, workspace, library, offset):
        super().__init__([workspace.program("empty_probe"), library, str(offset)])

    def ready(self):
        try:
            self.wait_for_line(self.process.stdout, lambda line: line == "attached")
        except RuntimeError as error:
            said = self.process.stderr.read().decode(errors="replace")
            raise RuntimeError(f"{error} {said}") from None


class Caller(Started):
    def __init__(self, workspace, *libraries):
        super().__init__([workspace.program("caller"), *libraries])
        self.send("idle")

    def nanoseconds(self, rounds, calls):
        """Nanoseconds of a call, for each round a list with one number for each library."""
        return [[float(number) for number in line.split()] for line in self.send(f"time {rounds} {calls}")]

    def names(self, count, rate=0):
        """Sets so many names; gives the seconds of CPU time that took."""
        return self.names_and_time(count, rate)[0]

    def names_and_time(self, count, rate=0):
        """Sets so many names; gives the seconds of CPU time, and those on the clock."""
        return tuple(int(number) / 1e9 for number in self.send(f"names {count} {rate}")[0].split())


def entry(workspace, library):
    """Where a library's SSL_ctrl begins and where sniscope probes it: offsets in the file."""
    answer = subprocess.run(
        [workspace.sniscope, "inspect", library, "-o", "json"], check=True, capture_output=True, text=True
    )
    [found] = json.loads(answer.stdout)["libraries"]
    [function] = [function for function in found["functions"] if function["function"] == "SSL_ctrl"]
    return function["fileOffset"], function["probeOffset"]


def names_in(path):
    """The benchmark's own names in an output of any format, one for each line that has one."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"\bn\d{6}\.example\b", file.read())
