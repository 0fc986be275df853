"""Libraries, however they are linked, come and change."""
import pathlib

from clients import LIBSSL, SERVER, all_names, ask_new, client, connect_all, copy_of_library, names, say, server
from host import HAS_MULTI
from report import run, wait_for
from tracer import SNISCOPE, refused, traced


def all_clients():
    with server():
        traced("clients", all_names("a"), lambda trace: connect_all("a"))
        # Programs that have the library linked in are searched when they are first met.
        def linked_in(trace):
            for round in ("0", "1"):
                run("connect", SERVER, f"go{round}.test")
                url = f"https://busybox{round}.test:4433/"
                run("busybox", "wget", "-qO", "/dev/null", "--no-check-certificate", url, seconds=20)
                trace.wait_for_probe("/usr/local/bin/connect")
                trace.wait_for_probe("/usr/bin/busybox")

        traced("Go, BusyBox", ["go1.test", "busybox1.test"], linked_in, first=["go0.test", "busybox0.test"])


def methods():
    """--attach perf everywhere, multi where the kernel has it."""
    with server():
        traced("--attach perf", all_names("perf"), lambda trace: connect_all("perf"), "--attach", "perf")
        traced("--attach perf, pages", ["rodata.test", "cross.test"], ask_pages, "--attach", "perf")
        if HAS_MULTI:
            traced("--attach multi", all_names("multi"), lambda trace: connect_all("multi"), "--attach", "multi")
        else:
            refused("--attach multi", 69, ("Linux 6.6",), SNISCOPE, "trace", "--attach", "multi")


def ask_pages(trace):
    names("rodata")
    names("cross")


def pages():
    """Names on pages that are not in memory when the library is called."""
    traced("pages", ["rodata.test", "cross.test"], ask_pages)


def late():
    """Libraries that nobody had mapped when tracing began."""

    traced("a new program", ["start1.test"], lambda trace: ask_new(trace.wait_for_probe, "start", "/tmp/late1"),
           first=["start0.test"])
    copy_of_library("/tmp/late2")

    def open_late(trace):
        said = say(running, "open") + say(running, "open0.test")
        trace.wait_for_probe(f"/tmp/late2/{LIBSSL.name}")
        return said + say(running, "open1.test")

    with client("open", f"/tmp/late2/{LIBSSL.name}") as running:
        traced("dlopen", ["open1.test"], open_late, first=["open0.test"])


def rewrite():
    """A probed library is written to in place: probes are removed, no byte is theirs, and it is probed again."""
    environment = copy_of_library("/tmp/rewritten")
    path = pathlib.Path("/tmp/rewritten", LIBSSL.name)

    def body(trace):
        names("set", "before0.test", env=environment)
        trace.wait_for_probe(path)
        names("set", "before1.test", env=environment)
        with path.open("r+b") as file:
            file.write(LIBSSL.read_bytes())
        status, said = names("set", "during.test", env=environment)
        # Once it has settled.
        wait_for(lambda: names("set", "again.test", env=environment)[0] != 0 or trace.wait_for_probe(path, 2), 30)
        names("set", "after.test", env=environment)
        return f"right after the write: exit status {status} {said}" if status else ""

    def bytes_are_intact(trace):
        return "" if path.read_bytes() == LIBSSL.read_bytes() else "the library is not what was written"

    traced("rewrite", ["before1.test", "after.test"], body, first=["before0.test", "during.test"], extra=bytes_are_intact)
