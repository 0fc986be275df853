"""What 2,000 containers that came and went leave behind in sniscope."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from .fresh_files import Template, client, needed, server_name
from .tracers import Sniscope

# One in so many brings a library and a client of its own.
FRESH = 10
# How long what nobody uses any more may stay; seconds.
PATIENCE = 20


def churn(workspace, report):
    workspace.need("runc")
    count = workspace.count(2000, 100)
    folder = tempfile.mkdtemp(prefix="sniscope-bench-", dir="/var/tmp")
    try:
        bundles = Bundles(workspace, folder)
        output = workspace.path("events")
        with Sniscope(workspace, "-o", "json", output=output) as sniscope:
            sniscope.ready()
            # What is taken once and kept is no leak.
            asked = run(bundles, count // 10)
            before = settled(workspace, sniscope, None)
            began = time.monotonic()
            asked += run(bundles, count)
            seconds = time.monotonic() - began
            after = settled(workspace, sniscope, before)
            sniscope.finish()
        with open(output, encoding="utf-8") as file:
            seen = {json.loads(line).get("name") for line in file}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    grown = {key: after[key] - before[key] for key in before if key != "anonymous"}
    memory = (after["anonymous"] - before["anonymous"]) / 1024
    label = f"churn, {count:,} containers"
    for key, number in grown.items():
        report.value(f"{label}: {key}", f"{number:+} to {after[key]}", "as before", number <= 0)
    # 1 KB for each container would be a leak; allocators keep some of what they were given back.
    report.value(f"{label}: memory", f"{memory:+,.0f} KB", f"< {1024 + count // 4:,} KB", memory < 1024 + count // 4)
    caught = sum(name in seen for name in asked)
    report.value(f"{label}: first calls", f"{caught} of {len(asked)}", "all", caught == len(asked))
    report.notes.append(f"{label}: {seconds:.0f} s, {count / seconds:.0f} a second, two at once")


class Bundles:
    """OCI bundles of the host's own files."""

    def __init__(self, workspace, folder):
        self.folder = folder
        program = client(workspace)
        self.files = {"/client": program} | dict(needed(program))
        self.fresh = {
            path: Template.read(file) for path, file in self.files.items() if path == "/client" or "libssl" in path
        }
        self.shared = os.path.join(folder, "shared")
        self.lay(self.shared, lambda path, target: shutil.copy(self.files[path], target))

    def lay(self, root, put):
        for path in self.files:
            target = root + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            put(path, target)

    def run(self, number):
        """Runs a container to its end; gives the name it asked for, nil where it has no library of its own."""
        identity = Template.number()
        bundle = os.path.join(self.folder, identity)
        root, is_fresh = self.shared, number % FRESH == 0
        os.mkdir(bundle)
        if is_fresh:
            root = bundle + "/rootfs"
            self.lay(root, lambda path, target: self.put_fresh(path, target, identity))
        with open(bundle + "/config.json", "w", encoding="utf-8") as file:
            json.dump(configuration(root), file)
        subprocess.run(
            ["runc", "run", "--bundle", bundle, f"sniscope-churn-{identity}"], check=True,
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )
        shutil.rmtree(bundle)
        return server_name(identity) if is_fresh else None

    def put_fresh(self, path, target, identity):
        if path not in self.fresh:
            os.link(self.shared + path, target)
            return
        with open(target, "wb", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(self.fresh[path].fresh(identity))


def configuration(root):
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/client", "4000"], "cwd": "/", "env": []},
        "root": {"path": root},
        # Containers that share a root folder would make the same devices in it.
        "mounts": [
            {"destination": f"/{name}", "type": kind, "source": kind} for name, kind in (("proc", "proc"), ("dev", "tmpfs"))
        ],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}]},
    }


def run(bundles, count):
    """Names that were asked for."""
    with ThreadPoolExecutor(2) as pool:
        return [name for name in pool.map(bundles.run, range(count)) if name]


def settled(workspace, sniscope, goal):
    """What it holds, once that is no more than `goal`, or once PATIENCE is over; without one, once it stays the same."""
    deadline = time.monotonic() + PATIENCE
    last, same = None, 0
    while True:
        now = holdings(workspace, sniscope)
        if goal and all(now[key] <= goal[key] for key in now if key != "anonymous"):
            return now
        counted = {key: number for key, number in now.items() if key != "anonymous"}
        same = same + 1 if counted == last else 0
        if time.monotonic() > deadline or (goal is None and same >= 10):
            return now
        last = counted
        time.sleep(0.5)


def holdings(workspace, sniscope):
    """Descriptors, BPF links, entries of its maps, threads, and bytes of its own memory."""
    maps, links, descriptors = set(), 0, 0
    for descriptor in os.listdir(f"/proc/{sniscope.pid}/fdinfo"):
        try:
            with open(f"/proc/{sniscope.pid}/fdinfo/{descriptor}", encoding="utf-8") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
        except FileNotFoundError:
            continue
        descriptors += 1
        links += "link_id" in fields
        # BPF_MAP_TYPE_HASH and _LRU_HASH; the entries of arrays are always there.
        if fields.get("map_type", "").strip() in ("1", "9"):
            maps.add(int(fields["map_id"]))
    return {
        "descriptors": descriptors, "links": links, "map entries": sum(entries(workspace, number) for number in maps),
        "threads": len(os.listdir(f"/proc/{sniscope.pid}/task")), "anonymous": sniscope.status("RssAnon"),
    }


def entries(workspace, number):
    answer = subprocess.run(
        [workspace.need("bpftool"), "-j", "map", "dump", "id", str(number)], check=True, capture_output=True, text=True
    )
    return len(json.loads(answer.stdout or "[]"))
