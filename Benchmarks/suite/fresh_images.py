"""Container images that nothing is known of: each has a client, libraries and a loader of its own."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import time

from .fresh_files import Template, client, needed, server_name
from .processes import DEADLINE, Started


class FreshImages:
    """Archives of a root folder with the client and what it loads, each unlike all others."""

    def __init__(self, workspace):
        program = client(workspace)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, file in [("/client", program), *needed(program)]:
                entry = archive.gettarinfo(file, arcname=path.lstrip("/"))
                entry.mode = 0o755
                with open(file, "rb") as contents:
                    archive.addfile(entry, contents)
        # Contents stand in the archive as they are, and its checksums are those of headers only.
        self.template = Template(buffer.getvalue())

    def make(self):
        """Gives the archive and the name that its client will ask for."""
        number = Template.number()
        return bytes(self.template.fresh(number)), server_name(number)


class Docker:
    """A daemon of the benchmark's own."""

    runtime = "docker"

    def __init__(self, workspace, folder):
        self.command = [workspace.need("docker"), "-H", f"unix://{folder}/docker.sock"]
        self.daemon = Started([
            workspace.need("dockerd"), "--iptables=false", "--bridge=none", "--data-root", f"{folder}/data",
            "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/docker.pid", "-H", f"unix://{folder}/docker.sock",
        ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until_answered(self.daemon, [*self.command, "version"])

    def load(self, image, archive):
        subprocess.run([*self.command, "import", "-", image], input=archive, check=True, stdout=subprocess.DEVNULL)

    def run(self, image, name, arguments):
        """Gives what the container's process wrote."""
        return answer([
            *self.command, "run", "--rm", "--network", "host", "--log-driver", "none", "--name", name, image, *arguments,
        ])

    def unload(self, images):
        subprocess.run([*self.command, "rmi", "-f", *images], check=True, stdout=subprocess.DEVNULL)


class Containerd:
    """A daemon of the benchmark's own, without Docker."""

    runtime = "containerd"

    def __init__(self, workspace, folder):
        configuration = f"{folder}/config.toml"
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(
                f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
                f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{folder}/containerd.sock"\n'
            )
        self.command = [workspace.need("ctr"), "-a", f"{folder}/containerd.sock"]
        self.daemon = Started(
            [workspace.need("containerd"), "-c", configuration],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )
        wait_until_answered(self.daemon, [*self.command, "version"])

    def load(self, image, archive):
        subprocess.run(
            [*self.command, "image", "import", "-"], input=docker_archive(image, archive), check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def run(self, image, name, arguments):
        """Gives what the container's process wrote."""
        return answer([*self.command, "run", "--rm", "--net-host", reference(image), name, *arguments])

    def unload(self, images):
        subprocess.run(
            [*self.command, "image", "rm", "--sync", *map(reference, images)], check=True, stdout=subprocess.DEVNULL
        )


def reference(image):
    """What containerd makes of a short name."""
    return f"docker.io/library/{image}:latest"


def docker_archive(image, layer):
    """What `docker save` writes: a list, an image's configuration, its layers."""
    configuration = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine], "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [f"{image}:latest"], "Layers": ["layer.tar"]}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, contents in ((name, configuration), ("layer.tar", layer), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(contents)
            archive.addfile(entry, io.BytesIO(contents))
    return buffer.getvalue()


def answer(command):
    finished = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command[:1] + command[3:])}: {finished.stderr.strip()}")
    return finished.stdout


def wait_until_answered(daemon, command):
    deadline = time.monotonic() + DEADLINE
    while subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        if daemon.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{daemon.name} does not answer")
        time.sleep(0.05)


def unmount_below(folder):
    """What daemons leave mounted."""
    with open("/proc/mounts", encoding="utf-8") as file:
        mounted = [line.split()[1] for line in file]
    for path in reversed(mounted):
        if path.startswith(folder + "/"):
            subprocess.run(["umount", "-l", path], check=False)
