"""Where a run keeps its files, and what it needs of the host."""

import ctypes.util
import glob
import os
import platform
import re
import shutil
import subprocess
import tempfile

from .table import Skipped

PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "programs")

# Command and the Debian package that has it.
PACKAGES = {
    "cc": "gcc (or clang) and libc6-dev",
    "bpftrace": "bpftrace",
    "bpftool": "bpftool",
}


class Workspace:
    def __init__(self, sniscope, is_quick, minutes):
        self.sniscope = sniscope
        self.is_quick = is_quick
        self.minutes = minutes
        # In memory: what is measured is not a disk.
        parent = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = tempfile.mkdtemp(prefix="sniscope-bench-", dir=parent)
        self._compiled = {}

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def count(self, full, quick):
        return quick if self.is_quick else full

    def need(self, command):
        """The path of a command; Debian keeps bpftool out of some users' PATH."""
        candidates = ["gcc", "clang"] if command == "cc" else []
        for name in [command, *candidates]:
            found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
            if found:
                return found
        raise Skipped(f"{command} is missing: apt-get install {PACKAGES.get(command, command)}")

    def need_kernel(self, major, minor, feature):
        release = platform.release()
        if tuple(int(part) for part in re.findall(r"\d+", release)[:2]) < (major, minor):
            raise Skipped(f"{feature} came with Linux {major}.{minor}, this is {release}")

    def program(self, name, *flags, libraries=()):
        """Compiles a program, or a library where the flags say so."""
        key = (name, flags)
        if key not in self._compiled:
            is_library = "-shared" in flags
            target = self.path(name + (".so" if is_library else ""))
            arguments = [self.need("cc"), "-O2", "-Wall", *flags, "-o", target, os.path.join(PROGRAMS, name + ".c")]
            if not is_library:
                arguments += ["-ldl", *libraries]
            subprocess.run(arguments, check=True)
            self._compiled[key] = target
        return self._compiled[key]

    @property
    def libssl(self):
        """The host's OpenSSL, which the benchmarks copy: a copy is an inode that only they use."""
        name = ctypes.util.find_library("ssl")
        found = glob.glob(f"/usr/lib*/{platform.machine()}-linux-gnu/{name}") + glob.glob(f"/usr/lib*/{name}")
        if not name or not found:
            raise Skipped("libssl is missing: apt-get install libssl3")
        return found[0]

    def copies(self, path, count, label):
        """Copies of a library, each a file of its own to uprobes."""
        paths = [self.path(f"{label}-{number}.so") for number in range(count)]
        for copy in paths:
            shutil.copyfile(path, copy)
        return paths

    def delete(self, path):
        os.unlink(path)


def missing_packages(workspace):
    """One line for each command that some benchmark would miss."""
    lines = []
    for command in PACKAGES:
        try:
            workspace.need(command)
        except Skipped as reason:
            lines.append(str(reason))
    return lines
