"""Processors, privileges, lockdown, systemd, and what the kernel says of it all."""
import os
import pathlib
import re

from clients import LIBSSL, ask_new, copy_of_library, names
from host import HAS_MULTI
from report import result, run, wait_for
from tracer import CHECKPOINT_RESTORE, FOUR, SNISCOPE, SYS_ADMIN, Trace, doctor, refused, traced, unprivileged


def cpus():
    """A CPU goes offline and comes online while a trace is on; libraries are mapped there for the first time."""
    control = pathlib.Path("/sys/devices/system/cpu/cpu1/online")

    def ask(trace, number):
        """By a new library, on the second CPU, until it is probed, and then once more."""
        environment = copy_of_library(f"/tmp/cpu{number}")
        path = f"/tmp/cpu{number}/{LIBSSL.name}"

        def on_second(name):
            return run("taskset", "2", "names", "set", name, env=environment)[1]

        for call in range(3):
            # What is mapped in the instant before the CPU is watched is found only while its process is there.
            said = on_second(f"cpu{number}-early{call}.test")
            if trace.wait_for_probe(path):
                break
        return said + on_second(f"cpu{number}.test")

    def comes_back(trace):
        said = ask(trace, 0)
        for number in (1, 2):
            control.write_text("0")
            control.write_text("1")
            said += ask(trace, number)
        return said

    traced("a CPU that comes back", [f"cpu{number}.test" for number in (0, 1, 2)], comes_back)
    control.write_text("0")

    def comes(trace):
        control.write_text("1")
        return ask(trace, 3)

    traced("a CPU that was offline at the start", ["cpu3.test"], comes)


def one_cpu():
    result("one CPU", os.cpu_count() == 1, f"{os.cpu_count()} CPUs")


def traces(name, *prefix):
    """Checks that a library is traced that was there before, and one that nobody had mapped."""

    def ask(trace):
        names("set", "known.test")
        return ask_new(trace.wait_for_probe)

    traced(name, ["known.test", "new1.test"], ask, first=["new0.test"], prefix=prefix)


def capabilities():
    """Without root. Debian's kernels ask CAP_SYS_ADMIN for perf events where perf_event_paranoid is 3, its default."""
    trace = (SNISCOPE, "trace", "--cache-dir", "none")
    four = unprivileged(FOUR)
    setting = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    before = setting.read_text()
    words = ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "sudo")
    refused("none", 77, words, *unprivileged(()), *trace)
    for level in ("3", "2"):
        setting.write_text(level)
        if HAS_MULTI:
            traces(f"four, perf_event_paranoid {level}", *four)
            doctor(f"doctor, {level}", 0, prefix=four)
            words = ("CAP_SYS_ADMIN", "--attach perf")
        else:
            words = ("CAP_SYS_ADMIN", "Linux 6.6")
            refused(f"four, perf_event_paranoid {level}", 77, words, *four, *trace)
            doctor(f"doctor, {level}", 1, words, prefix=four)
        refused(f"--attach perf, {level}", 77, words, *four, *trace, "--attach", "perf")
    setting.write_text("3")
    # Without ftrace the program that replaces perf events can't be attached.
    ftrace = pathlib.Path("/proc/sys/kernel/ftrace_enabled")
    if HAS_MULTI and ftrace.exists():
        ftrace.write_text("0")
        words = ("perf_event_paranoid", "CAP_SYS_ADMIN")
        refused("neither perf events nor fentry", 77, words, *four, *trace)
        doctor("doctor, neither", 1, words, prefix=four)
        ftrace.write_text("1")
    traces("those and CAP_SYS_ADMIN", *unprivileged((*FOUR, CHECKPOINT_RESTORE, SYS_ADMIN)))
    setting.write_text(before)


def mapping_cost():
    """Not a check: what watching mappings costs whoever maps something, for the README."""
    print("COST", "none", run("mapping_cost")[1].strip(), flush=True)
    for name, prefix in (("perf events", ()), ("BPF program", unprivileged(FOUR))):
        trace = Trace(prefix=prefix)
        print("COST", name, run("mapping_cost")[1].strip(), flush=True)
        trace.finish()


def service():
    """packaging/sniscope.service, started by systemd; a drop-in of the guest's sends its output to a file."""
    output = pathlib.Path("/run/sniscope.out")
    wait_for(lambda: output.exists() and "Tracing" in output.read_text())
    names("set", "known.test")
    ask_new(lambda path: wait_for(lambda: "new0.test" in output.read_text(), 5))
    wait_for(lambda: "new1.test" in output.read_text(), 15)
    pid = run("systemctl", "show", "-p", "MainPID", "--value", "sniscope")[1].strip()
    status = pathlib.Path(f"/proc/{pid}/status")
    held = re.search(r"CapBnd:\s*(\w+)", status.read_text()) if status.exists() else None
    mask = sum(1 << number for number in (*FOUR, CHECKPOINT_RESTORE))
    run("systemctl", "stop", "sniscope")
    ended = run("systemctl", "show", "-p", "Result", "--value", "sniscope")[1].strip()
    text = output.read_text()
    is_ok = all(f'"{name}.test"' in text for name in ("known", "new1")) and ended == "success"
    result("service", is_ok, ended, text)
    result("capabilities", held and int(held.group(1), 16) == mask, held.group(1) if held else "not running", text)


def lockdown():
    """The levels can only be raised: it is the last group."""
    path = pathlib.Path("/sys/kernel/security/lockdown")
    path.write_text("integrity")
    traces("integrity")
    doctor("doctor, integrity", 0)
    if HAS_MULTI:
        traces("integrity, without root", *unprivileged(FOUR))
    path.write_text("confidentiality")
    for command in (["trace"], ["run", "--", "true"]):
        refused(f"confidentiality, {command[0]}", 69, ("lockdown", "confidentiality"), SNISCOPE, *command)
    doctor("doctor, confidentiality", 1, ("lockdown",))


def kernel_log():
    """The kernel has complained of nothing."""
    log = run("dmesg")[1]
    pattern = r"WARNING:|BUG:|Oops|verifier bug|possible (circular|recursive) locking|blocked for more|general protection"
    complaints = [line for line in log.splitlines() if re.search(pattern, line)]
    result("dmesg", not complaints, complaints[0] if complaints else "", "\n".join(complaints))
