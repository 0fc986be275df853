"""sniscope in the guest: a trace that is on, and commands that are refused."""
import collections
import json
import pathlib
import re
import signal
import subprocess
import time

from report import result, run, wait_for

SNISCOPE = "/usr/local/bin/sniscope"
#: By their numbers in linux/capability.h: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH.
FOUR = (39, 38, 19, 2)
SYS_ADMIN, CHECKPOINT_RESTORE = 21, 40


def unprivileged(capabilities):
    words = ",".join(["-all"] + [f"+cap_{number}" for number in capabilities])
    return [
        "/usr/bin/setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", f"--inh-caps={words}",
        f"--ambient-caps={words}", "--",
    ]


class Trace:
    """A `sniscope trace -o json` that is ready, or has ended."""

    def __init__(self, *arguments, prefix=()):
        self.output, self.errors = pathlib.Path("/tmp/trace.out"), pathlib.Path("/tmp/trace.err")
        command = [*prefix, SNISCOPE, "trace", "-v", "-o", "json", "--cache-dir", "none", *arguments]
        with self.output.open("w") as output, self.errors.open("w") as errors:
            self.process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL)
        started = time.monotonic()
        # What is still being searched by then is announced by the same line, which comes again.
        self.is_ready = bool(wait_for(lambda: self.process.poll() is not None or self._is_complete())) and (
            self.process.poll() is None
        )
        self.took = time.monotonic() - started
        self.status = self.process.poll()

    def _is_complete(self):
        lines = [line for line in self.account.splitlines() if line.startswith("Tracing")]
        return bool(lines) and "still to be looked into" not in lines[-1]

    @property
    def account(self):
        return self.errors.read_text(errors="replace")

    @property
    def rows(self):
        return [json.loads(line) for line in self.output.read_text().splitlines() if line.endswith("}")]

    def names(self):
        return [row.get("name") for row in self.rows if row.get("type") is None]

    def has(self, *names):
        """Waits for them."""
        return wait_for(lambda: set(names) <= set(self.names()), 15)

    def wait_for_probe(self, path, times=1):
        """Waits until a file is probed, for so many times."""
        return wait_for(lambda: self.account.count(f"probed {path}:") >= times, 30)

    def finish(self):
        """Ends it as ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.status = self.process.returncode
        return self

    @property
    def late(self):
        """How many mappings came before their probes, as the closing line says."""
        found = re.search(r"(\d+) attached after first use", self.account)
        return int(found.group(1)) if found else 0


def traced(name, wanted, body, *arguments, first=(), absent=(), prefix=(), extra=None):
    """Checks that each of the names `wanted`, which `body` has clients ask for while a trace is on, is one row.

    body: gets the trace; what it returns is shown where the check fails.
    first: names of first calls of files that nobody had mapped: one may be missed, but is counted in the closing line.
    absent: names that must not come.
    extra: gets the trace after its end; a complaint, or nothing.
    """
    trace = Trace(*arguments, prefix=prefix)
    if not trace.is_ready:
        trace.finish()
        return result(name, False, f"not ready, exit status {trace.status}", trace.account)
    said = body(trace) or ""
    trace.has(*wanted)
    trace.finish()
    counts = collections.Counter(trace.names())
    wrong = [f"{one}: {counts[one]} rows" for one in wanted if counts[one] != 1]
    wrong += [f"{one}: {counts[one]} rows" for one in first if counts[one] > 1]
    missed = [one for one in first if not counts[one]]
    if len(missed) > trace.late:
        wrong.append(f"{len(missed)} first calls missed, {trace.late} counted as late")
    wrong += [f"{one} came" for one in absent if counts[one]]
    if trace.status != 0:
        wrong.append(f"exit status {trace.status}")
    if extra and (complaint := extra(trace)):
        wrong.append(complaint)
    detail = f"{sum(1 for one in wanted if counts[one])} of {len(wanted)} names"
    if first:
        detail += f", {len(first) - len(missed)} of {len(first)} first calls"
    result(name, not wrong, "; ".join([detail, *wrong]), f"{trace.account}\n{said}")


def refused(name, status, words, *command):
    """A command that must end with a status, one sentence, and these words in it."""
    code, output = run(*command, seconds=60)
    lines = [line for line in output.splitlines() if line.startswith("sniscope:")]
    wrong = [f"exit status {code}, not {status}"] if code != status else []
    wrong += [f"no word of {word}" for word in words if word not in output]
    if len(lines) != 1 or len(output.splitlines()) > 3:
        wrong.append(f"{len(output.splitlines())} lines")
    result(name, not wrong, "; ".join(wrong) or (lines[0] if lines else ""), output)


def doctor(name, status, words=(), prefix=()):
    code, output = run(*prefix, SNISCOPE, "doctor", cwd="/tmp")
    missing = [word for word in words if word not in output]
    has_no = any(line.startswith("no ") for line in output.splitlines())
    is_ok = code == status and not missing and has_no == (status != 0)
    result(name, is_ok, f"exit status {code}" + "".join(f"; no word of {word}" for word in missing), output)
