"""Copies of a TLS library and of a client that are files of their own: inode, contents and build ID."""

import itertools
import os
import re
import shutil
import subprocess

from .table import Skipped

# struct Elf64_Nhdr of a build ID of 20 bytes, and its name (elf(5)).
BUILD_ID_NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
PLACEHOLDER = b"first-call-000000000000.test"


class Template:
    """Bytes with places to write over: server names and build IDs."""

    _numbers = itertools.count(1)
    # Of this run, so that two runs have no name in common.
    _run = int.from_bytes(os.urandom(3), "big")

    def __init__(self, data):
        self.data = data
        self.names = [match.start() for match in re.finditer(re.escape(PLACEHOLDER), data)]
        self.build_ids = [match.end() for match in re.finditer(re.escape(BUILD_ID_NOTE), data)]

    @classmethod
    def read(cls, path):
        with open(path, "rb") as file:
            return cls(file.read())

    @classmethod
    def number(cls):
        """Twelve hexadecimal digits that nothing else has: whole files are known by them."""
        return f"{cls._run:06x}{next(cls._numbers):06x}"

    def fresh(self, number):
        """The bytes with names and build IDs of their own."""
        copy = bytearray(self.data)
        for position in self.names:
            copy[position : position + len(PLACEHOLDER)] = server_name(number).encode()
        for position in self.build_ids:
            copy[position : position + 6] = bytes.fromhex(number)
        return copy


def server_name(number):
    return f"first-call-{number}.test"


def client(workspace):
    """The client that copies are made of."""
    return workspace.program("first_call", "-Wl,--build-id", "-Wl,-z,lazy", libraries=["-lssl"])


def needed(program):
    """What a program loads, the loader included: pairs of the path that it is looked for under and the file."""
    answer = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    paths = re.findall(r"(/\S+) \(0x", answer)
    if not paths:
        raise Skipped(f"ldd names no libraries of {program}")
    return [(path, os.path.realpath(path)) for path in paths]


class FreshCopies:
    """Folders with a client and the libssl that it loads, written when they are asked for."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.client = Template.read(client(workspace))
        self.library = Template.read(workspace.libssl)
        self.library_name = os.path.basename(workspace.libssl)

    def make(self):
        """Gives the folder and the server name."""
        number = Template.number()
        folder = self.workspace.path(f"fresh-{number}")
        os.mkdir(folder)
        for name, template in ((self.library_name, self.library), ("client", self.client)):
            path = os.path.join(folder, name)
            with open(path, "wb", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
                file.write(template.fresh(number))
        return folder, server_name(number)

    def remove(self, folder):
        shutil.rmtree(folder)


def run_client(folder, *arguments):
    """Runs a copy; gives nanoseconds of the monotonic clock: main() and the call."""
    answer = subprocess.run(
        [os.path.join(folder, "client"), *arguments], check=True, capture_output=True, text=True,
        env={"LD_LIBRARY_PATH": folder},
    )
    began, called, _ = answer.stdout.split()
    return int(began), int(called)
