"""A guest's root directory, as an initramfs: the program under test, TLS clients, and what they load."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from debian import kernel_module

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GO = "/usr/lib/go-1.19/bin/go"
#: Python's library without what no check imports.
LEFT_OUT = re.compile(r"(test|idlelib|lib2to3|ensurepip|tkinter|turtledemo|config-.*|dist-packages|__pycache__)$")
#: BusyBox has these too, and its own shell would take its own.
NOT_BUSYBOX = {"wget", "busybox", "init", "nc.traditional"}


class ImageError(Exception):
    """One sentence: what is missing, and where it comes from."""


class Layer:
    """A part of the root directory; the kernel unpacks one after the other."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="sniscope-guest-")
        self.root = pathlib.Path(self._directory.name)
        # The archive has their modes.
        self.root.chmod(0o755)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (self.root / name).symlink_to(f"usr/{name}")

    def directories(self, *paths):
        for path in paths:
            (self.root / path).mkdir(parents=True, exist_ok=True)

    def add(self, source, target=None, mode=None):
        """A file at its own path, or another, whatever links lead to it here; and what it is linked with."""
        if not os.path.exists(source):
            raise ImageError(f"{source} is missing: `make setup-kernels` installs what the guests need")
        self.copy(source, target or source, mode)
        listing = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(", listing):
            self.copy(library, library)

    def copy(self, source, target, mode=None):
        """A file alone, at another path; nothing where there is one already."""
        target = self.root / str(target).lstrip("/")
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(source), target)
        if mode:
            target.chmod(mode)

    def write(self, path, text, mode=0o644):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def pack(self, file):
        """Writes the layer as a cpio archive."""
        names = subprocess.run(["find", ".", "-print0"], cwd=self.root, check=True, capture_output=True).stdout
        with open(file, "wb") as archive:
            subprocess.run(
                ["cpio", "--null", "--create", "--format=newc", "--owner=0:0", "--quiet"], cwd=self.root, input=names,
                stdout=archive, check=True)
        self._directory.cleanup()


def build_clients(state):
    """Compiles the guests' own clients."""
    directory = state / "clients"
    directory.mkdir(parents=True, exist_ok=True)
    clients = HERE / "clients"
    for name, libraries in (("names", ["-lssl", "-lcrypto", "-ldl", "-lpthread"]), ("mapping_cost", [])):
        subprocess.run(
            ["cc", "-O1", "-Wall", "-Wextra", "-o", directory / name, clients / f"{name}.c", *libraries], check=True)
    subprocess.run(
        [GO, "build", "-o", directory / "connect", clients / "connect.go"], check=True,
        env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"})
    return directory


def base(program, clients):
    layer = Layer()
    layer.directories(
        "etc", "proc", "sys", "dev", "tmp", "run", "var/cache", "var/lib", "root", "modules", "usr/local/bin", "mnt")
    layer.add(program, "/usr/local/bin/sniscope", 0o755)
    for client in clients.iterdir():
        layer.add(str(client), f"/usr/local/bin/{client.name}", 0o755)
    for name in ("curl", "openssl", "wget", "gnutls-cli", "setpriv", "runc", "ldd"):
        layer.add(f"/usr/bin/{name}" if os.path.exists(f"/usr/bin/{name}") else f"/usr/sbin/{name}")
    layer.add("/usr/bin/bash")
    _add_python(layer)
    _add_busybox(layer)
    shutil.copy(HERE / "guest/init", layer.root / "init")
    for file in (HERE / "guest").glob("*.py"):
        layer.copy(file, f"/checks/{file.name}")
    _add_settings(layer)
    subprocess.run(["ldconfig", "-r", layer.root], check=True)
    return layer


def _add_python(layer):
    program = os.path.realpath("/usr/bin/python3")
    layer.add(program)
    (layer.root / "usr/bin/python3").symlink_to(os.path.basename(program))
    library = pathlib.Path("/usr/lib", os.path.basename(program))
    for directory, inner, files in os.walk(library):
        inner[:] = [name for name in inner if not LEFT_OUT.fullmatch(name)]
        for file in files:
            source = os.path.join(directory, file)
            if file.endswith(".so") and re.match(r"_(ssl|hashlib|ctypes|bz2|lzma|posixsubprocess|json|socket)", file):
                layer.add(source)
            elif not file.endswith(".pyc"):
                layer.copy(source, source)


def _add_busybox(layer):
    layer.add("/usr/bin/busybox")
    for applet in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        path = layer.root / "usr/bin" / applet
        if applet not in NOT_BUSYBOX and not path.exists():
            path.symlink_to("busybox")


def _add_settings(layer):
    layer.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
    layer.write("etc/group", "root:x:0:\nuser:x:1000:\ndocker:x:999:\n")
    layer.write("etc/nsswitch.conf", "hosts: files\n")
    names = " ".join(
        f"{prefix}-{kind}.test" for prefix in ("a", "perf", "multi") for kind in ("curl", "wget", "gnutls", "python"))
    layer.write("etc/hosts", f"127.0.0.1 localhost go0.test go1.test busybox0.test busybox1.test {names}\n")
    layer.add("/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf")
    for file in pathlib.Path("/etc/ld.so.conf.d").glob("*.conf"):
        layer.copy(file, file)
    layer.copy("/etc/ld.so.conf", "/etc/ld.so.conf")
    # Where the loader itself is here: it is looked for as a library too.
    layer.write("etc/ld.so.conf.d/loader.conf", "/lib64\n")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
         "-subj", "/CN=test", "-keyout", layer.root / "etc/key.pem", "-out", layer.root / "etc/cert.pem"],
        check=True, capture_output=True)


def modules(kernel):
    """What the checks need of a kernel's modules."""
    layer = Layer()
    module = kernel_module(kernel, "overlay")
    if module:
        (layer.root / "modules").mkdir()
        (layer.root / "modules/overlay.ko").write_bytes(module)
    return layer


def docker():
    layer = Layer()
    for name in ("docker", "dockerd", "containerd", "containerd-shim-runc-v2", "ctr"):
        path = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/libexec/docker")
        if not path:
            raise ImageError(f"{name} is missing: `make setup-kernels` installs what the guests need")
        layer.add(path, f"/usr/bin/{name}")
    return layer


SYSTEMD_UNITS = [
    "sysinit.target", "basic.target", "shutdown.target", "final.target", "umount.target", "local-fs.target",
    "sockets.target", "timers.target", "paths.target", "slices.target",
]


def systemd():
    """systemd as the first process, with sniscope's unit and one that runs the checks."""
    layer = Layer()
    for name in ("/usr/lib/systemd/systemd", "/usr/bin/systemctl", "/usr/lib/systemd/systemd-shutdown"):
        layer.add(name)
    for unit in SYSTEMD_UNITS:
        layer.add(f"/usr/lib/systemd/system/{unit}")
    layer.write("etc/machine-id", "")
    layer.write("etc/os-release", "PRETTY_NAME=guest\n")
    layer.add(str(ROOT / "packaging/sniscope.service"), "/etc/systemd/system/sniscope.service", 0o644)
    layer.write(
        "etc/systemd/system/sniscope.service.d/guest.conf",
        "[Service]\nStandardOutput=truncate:/run/sniscope.out\nStandardError=inherit\n")
    (layer.root / "usr/bin").mkdir(exist_ok=True)
    (layer.root / "usr/bin/sniscope").symlink_to("/usr/local/bin/sniscope")
    layer.write(
        "etc/systemd/system/checks.service",
        "[Unit]\nWants=sniscope.service\nAfter=sniscope.service\n"
        "[Service]\nType=oneshot\nTimeoutStartSec=infinity\n"
        "ExecStart=/usr/bin/sh -c 'ip link set lo up; python3 -u /checks/checks.py; echo GUEST DONE; poweroff -f'\n"
        "Environment=PATH=/usr/local/bin:/usr/bin:/bin SYSTEMD_PAGER= SYSTEMD_COLORS=0\n"
        "StandardOutput=file:/dev/ttyS0\nStandardError=inherit\n")
    layer.write("etc/systemd/system/default.target", "[Unit]\nRequires=checks.service\n")
    return layer
