"""The first and only call of containers whose image was never seen before."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from .fresh_images import Containerd, Docker, FreshImages, unmount_below
from .processes import Started
from .tracers import Sniscope

# Microseconds from main() to the call: with what the loader takes before, the call comes 5 ms after exec.
DELAY = "4000"
CGROUPS = 'tracepoint:cgroup:cgroup_mkdir { printf("%llu %s\\n", nsecs, str(args->path)); }'


def docker(workspace, report):
    measure(workspace, report, Docker)


def containerd(workspace, report):
    measure(workspace, report, Containerd)


def measure(workspace, report, kind):
    # On a disk, as images are.
    folder = tempfile.mkdtemp(prefix="sniscope-bench-", dir="/var/tmp")
    try:
        host = kind(workspace, folder)
        try:
            for at_once in (1, 8):
                FirstCalls(workspace, host, at_once).run(report)
        finally:
            host.daemon.process.terminate()
            host.daemon.process.wait()
    finally:
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


class FirstCalls:
    """Runs of so many fresh images, so many at once."""

    def __init__(self, workspace, host, at_once):
        self.workspace = workspace
        self.host = host
        self.at_once = at_once
        self.label = f"{host.runtime}, {'8 at once' if at_once > 1 else 'one by one'}"

    def run(self, report):
        count = self.workspace.count(200, 16)
        images = FreshImages(self.workspace)
        runs = []
        for number in range(count):
            archive, name = images.make()
            image = f"sniscope-fresh-{self.at_once}-{number}"
            self.host.load(image, archive)
            runs.append((image, name))
        events, cgroups = self.workspace.path("events"), self.workspace.path("cgroups")
        with Detailed(self.workspace, events) as sniscope, CgroupWatch(self.workspace, cgroups) as watch:
            sniscope.ready()
            watch.ready()
            with ThreadPoolExecutor(self.at_once) as pool:
                calls = list(pool.map(lambda run: self.host.run(run[0], run[0], [ "/client", DELAY]), runs))
            sniscope.end()
            watch.interrupt()
        self.host.unload([image for image, _ in runs])
        self.report(report, runs, calls, read_events(events), sniscope.probed_at(), read_cgroups(cgroups))

    def report(self, report, runs, calls, events, probed, cgroups):
        right, to_probes, to_calls, margins = 0, [], [], []
        for (image, name), call in zip(runs, calls):
            began, called, _ = call.split()
            event = events.get(name)
            if event is None:
                report.notes.append(f"{self.label}: {image} is missing; {state(name, int(called), probed)}")
                continue
            runtime = event.get("runtime") or {}
            right += runtime.get("containerName") == image and runtime.get("runtimeName") == self.host.runtime
            created = min((made for path, made in cgroups.items() if is_of(path, runtime)), default=None)
            placed = probed.get(event["library"].get("buildId"))
            if created and placed:
                to_probes.append((placed - created) / 1e6)
                to_calls.append((int(called) - created) / 1e6)
                margins.append((int(called) - placed) / 1e6)
        seen = sum(name in events for _, name in runs)
        report.value(
            f"first call, {self.label}", f"{right} of {len(runs)} with the right name", f"all {len(runs)}",
            right == len(runs), peer=f"{seen} seen",
        )
        if to_probes:
            ratio = median(probe / call for probe, call in zip(to_probes, to_calls))
            report.ratio(
                f"probes in place, {self.label}", f"{median(to_probes):.1f} ms",
                f"{median(to_calls):.1f} ms to the call", ratio, 0.5,
            )
            report.notes.append(
                f"{self.label}: cgroup made to probes in place at worst {max(to_probes):.1f} ms; to the call at soonest "
                f"{min(to_calls):.1f} ms, at worst {max(to_calls):.1f} ms; narrowest margin {min(margins):.1f} ms "
                f"of {len(margins)}"
            )


def state(name, called, probed):
    """Why a call may have been missed; build IDs begin as names end."""
    placed = [time for build, time in probed.items() if build.startswith(name[11:23])]
    if not placed:
        return "its library was never probed"
    return f"its library was probed {(min(placed) - called) / 1e6:.1f} ms after the call"


def is_of(cgroup, runtime):
    """bpftrace cuts paths to 63 bytes."""
    last, number = cgroup.rsplit("/", 1)[1], runtime.get("containerId", "")
    return last == number or (len(cgroup) >= 63 and number.startswith(last))


class Detailed(Sniscope):
    """One that says what it probes, and when."""

    def __init__(self, workspace, output):
        super().__init__(workspace, "-v", "-o", "json", output=output)

    def ready(self):
        super().ready()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.seen.append(line.decode(errors="replace"))

    def end(self):
        self.process.send_signal(2)
        self.process.wait()
        self.reader.join()
        self.close()

    def probed_at(self):
        """When each library had its probes, by build ID; nanoseconds of the monotonic clock."""
        found = (re.search(r"build ID (\w+), monotonic time (\d+) ns", line) for line in self.seen)
        return {match[1]: int(match[2]) for match in found if match}


class CgroupWatch(Started):
    """When each control group was made."""

    def __init__(self, workspace, output):
        self.output = output
        with open(output, "wb") as destination:
            super().__init__(
                [workspace.need("bpftrace"), "-B", "line", "-e", CGROUPS],
                stdout=destination, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )

    def ready(self):
        """It says "Attaching" before it attaches: only an event tells."""
        number = 0
        while self.process.poll() is None:
            probe = f"/sys/fs/cgroup/{'unified/' if os.path.isdir('/sys/fs/cgroup/unified') else ''}sniscope-{number}"
            os.mkdir(probe)
            os.rmdir(probe)
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
            if read_cgroups(self.output):
                return
            number += 1
        with open(self.output, encoding="utf-8") as said:
            raise RuntimeError(f"bpftrace does not watch control groups; it said: {said.read()}")


def read_events(path):
    """By server name."""
    events = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            if "name" in event:
                events[event["name"]] = event
    return events


def read_cgroups(path):
    """The first time of each path, in any hierarchy."""
    made = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"(\d+) (/\S+)$", line)
            if match:
                made.setdefault(match[2], int(match[1]))
    return made
