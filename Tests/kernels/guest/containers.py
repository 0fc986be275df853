"""Containers: a cgroup alone, runc, Docker; files that overlays share."""
import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from clients import LIBSSL, client, names, say
from host import IS_V1
from report import result, run, wait_for
from tracer import SNISCOPE, traced


@contextlib.contextmanager
def container_cgroup():
    """A cgroup such as Docker makes for a container; the value is the prefix of a command that runs in it."""
    identifier = os.urandom(32).hex()
    # A process can enter a group of cpuset only once it has been given processors.
    roots = [path for path in glob.glob("/sys/fs/cgroup/*/") if "cpuset" not in path] if IS_V1 else ["/sys/fs/cgroup/"]
    paths = [f"{root}docker/{identifier}" for root in roots]
    for path in paths:
        os.makedirs(path)
    enter = "; ".join(f"echo $$ >{path}/cgroup.procs" for path in paths)
    try:
        yield identifier, ["sh", "-c", enter + '; exec "$@"', "sh"]
    finally:
        for path in paths:
            wait_for(lambda: not pathlib.Path(path, "cgroup.procs").read_text(), 10)
            os.rmdir(path)


def cgroups():
    """Filters by container, with the cgroup alone: no runtime is there."""
    cases = [
        ("--scope containers", ["--scope", "containers"], "inside.test", "outside.test"),
        ("--scope host", ["--scope", "host"], "outside.test", "inside.test"),
        ("-r docker", ["-r", "docker"], "inside.test", "outside.test"),
    ]
    with container_cgroup() as (identifier, inside):
        def both(trace):
            run(*inside, "names", "set", "inside.test")
            names("set", "outside.test")

        cases.append(("-c", ["-c", identifier[:12]], "inside.test", "outside.test"))
        for name, options, wanted, absent in cases:
            traced(name, [wanted], both, *options, absent=[absent])
    # One that is made while the trace is on.
    def new(trace):
        with container_cgroup() as (_, inside):
            run(*inside, "names", "set", "new.test")

    traced("a new cgroup", ["new.test"], new, "--scope", "containers")


def make_root(path, *programs):
    """A container's root directory: programs, what they are linked with, and the loader."""
    shutil.rmtree(path, ignore_errors=True)
    for program in programs:
        files = [shutil.which(program)] + re.findall(r"(/\S+) \(", run("ldd", shutil.which(program))[1])
        for file in files:
            target = pathlib.Path(path + file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(file), target)
    for directory in ("proc", "dev", "sys", "tmp", "etc"):
        os.makedirs(f"{path}/{directory}", exist_ok=True)


def runc():
    """A real container of runc's."""
    bundle = "/run/bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    make_root(f"{bundle}/rootfs", "names")
    run("runc", "spec", cwd=bundle)
    path = pathlib.Path(bundle, "config.json")
    spec = json.loads(path.read_text())
    spec["process"]["terminal"] = False
    spec["process"]["args"] = ["/usr/local/bin/names", "each"]
    spec["linux"]["namespaces"] = [one for one in spec["linux"]["namespaces"] if one["type"] != "network"]
    path.write_text(json.dumps(spec))

    def start(identifier):
        # The root directory of a guest can't be pivoted away from.
        return subprocess.Popen(
            ["runc", "run", "--no-pivot", identifier], cwd=bundle, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def body(trace):
        names("set", "host.test")
        said = say(container, "inside.test")
        listed = run(SNISCOPE, "containers", "-o", "json")[1]
        container.stdin.close()
        container.wait(30)
        return said + listed

    def is_attributed(trace):
        [row] = [row for row in trace.rows if row.get("name") == "inside.test"] or [{}]
        name = row.get("runtime", {}).get("containerName")
        return "" if name == "guest-container" else f"the row's container is {name}"

    container = start("guest-container")
    say(container, "before.test")
    traced("a container that runs", ["inside.test"], body, "-c", "guest-container", absent=["host.test"],
           extra=is_attributed)

    def start_and_ask(trace):
        started = start("guest-late")
        said = say(started, "late.test")
        started.stdin.close()
        started.wait(30)
        return said

    traced("a container that starts", ["late.test"], start_and_ask, "-r", "runc")
    container = start("guest-container")
    say(container, "listed.test")
    code, output = run(SNISCOPE, "containers")
    result("containers", code == 0 and "guest-container" in output, f"exit status {code}", output)
    container.stdin.close()
    container.wait(30)


def docker():
    """A real container of Docker's."""
    environment = {**os.environ, "DOCKER_RAMDISK": "true"}
    log = open("/tmp/dockerd.log", "w")
    daemon = subprocess.Popen(
        ["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"],
        stdout=log, stderr=log, env=environment)
    try:
        if not wait_for(lambda: run("docker", "version", seconds=30)[0] == 0, 180):
            log_text = pathlib.Path("/tmp/dockerd.log").read_text()
            return result("dockerd", False, "it did not start within 180 s", log_text)
        make_root("/run/image", "names")
        run("tar", "-cf", "/run/image.tar", "-C", "/run/image", ".")
        run("docker", "import", "/run/image.tar", "guest:1")

        def body(trace):
            names("set", "host.test")
            return run("docker", "run", "--rm", "--network", "host", "--name", "guest-docker", "guest:1",
                       "/usr/local/bin/names", "set", "docker.test")[1]

        def is_attributed(trace):
            [row] = [row for row in trace.rows if row.get("name") == "docker.test"] or [{}]
            name = row.get("runtime", {}).get("containerName")
            return "" if name == "guest-docker" else f"the row's container is {name}"

        traced("docker run", ["docker.test"], body, "-r", "docker", "-c", "guest-docker", absent=["host.test"],
               extra=is_attributed)
    finally:
        daemon.terminate()
        daemon.wait(30)


def overlays():
    """One file that two overlays show: every call is one row. Who maps it last need not be who asks last."""
    if "overlay" not in pathlib.Path("/proc/filesystems").read_text():
        return result("overlays", False, "the kernel has no overlay file system")
    base = pathlib.Path("/run/overlays")
    base.mkdir()
    run("mount", "-t", "tmpfs", "overlays", base)
    for directory in ("lower", "u1", "w1", "m1", "u2", "w2", "m2"):
        (base / directory).mkdir()
    shutil.copy(LIBSSL, base / "lower")
    for number in ("1", "2"):
        run("mount", "-t", "overlay", "overlay", base / f"m{number}", "-o",
            f"lowerdir={base}/lower,upperdir={base}/u{number},workdir={base}/w{number}")

    def environment(number):
        return {**os.environ, "LD_LIBRARY_PATH": f"{base}/m{number}"}

    def body(trace):
        names("set", "o1.test", env=environment(1))
        names("set", "o2.test", env=environment(2))
        # Files that nobody maps are released meanwhile.
        time.sleep(10)
        say(long, "o3.test")

    with client("each", env=environment(1)) as long:
        say(long, "before.test")
        traced("overlays", ["o1.test", "o2.test", "o3.test"], body)
