"""The commands: trace's filters and its end, run, list, inspect, containers, doctor."""
import json
import pathlib
import re
import subprocess
import time

from clients import LIBSSL, client, curl, names, say, server
from host import CHECKS
from report import result, run, wait_for
from tracer import SNISCOPE, Trace, doctor, refused, traced


def start():
    """Whether tracing starts, doctor agrees, and how long it takes."""
    doctor("doctor", 0)
    trace = Trace("--count", "1")
    result("trace", trace.is_ready, f"ready after {trace.took:.1f} s", trace.account)
    trace.finish()
    result("end", trace.status == 0, f"exit status {trace.status}", trace.account)


def too_old():
    """Linux 5.10: a sentence, and nothing else."""
    words = ("Linux 5.15",)
    for command in (["trace"], ["run", "--", "true"], ["containers", "-w"]):
        refused(command[0], 69, words, SNISCOPE, *command)
    doctor("doctor", 1, words)


def filters():
    with client("each") as wanted, client("each") as other:
        def both(trace):
            say(wanted, "wanted.test")
            say(other, "other.test")

        traced("--pid", ["wanted.test"], both, "--pid", str(wanted.pid), absent=["other.test"])
    with server():
        def by_comm(trace):
            curl("comm.test")
            names("set", "other.test")

        traced("--comm", ["comm.test"], by_comm, "--comm", "curl", absent=["other.test"])

    def by_user(trace):
        names("set", "other.test")
        run("/usr/bin/setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "names", "set", "uid.test")

    traced("--uid", ["uid.test"], by_user, "--uid", "1000", absent=["other.test"])
    # What left the kernel and is not shown would be counted in the closing line.
    traced(
        "--name", ["a.yes"], lambda trace: names("set", "b.no", "a.yes")[1], "--name", "*.yes", absent=["b.no"],
        extra=lambda trace: "" if " shown" not in trace.account.splitlines()[-1] else trace.account.splitlines()[-1])


def run_command():
    """`sniscope run`: statuses, children, and that no row is missing."""
    cases = [
        ("0", 0, ["run.test"], ["names", "set", "run.test"]),
        ("7, children", 7, ["child1.test", "child2.test"],
         ["sh", "-c", 'names set child1.test; sh -c "names set child2.test"; exit 7']),
        ("128 + signal", 143, ["killed.test"], ["sh", "-c", "names set killed.test; kill -TERM $$"]),
        ("127", 127, [], ["no-such-program"]),
    ]
    for name, status, wanted, command in cases:
        rows = pathlib.Path("/tmp/run.out")
        rows.unlink(missing_ok=True)
        code, output = run(
            SNISCOPE, "run", "--cache-dir", "none", "-o", "json", "--output-file", rows, "--", *command)
        got = [json.loads(line).get("name") for line in rows.read_text().splitlines()] if rows.exists() else []
        result(f"exit status {name}", code == status and sorted(got) == wanted, f"{code}; {', '.join(got)}", output)


def lists():
    """list, inspect and containers."""
    with client("each") as process:
        say(process, "list.test")
        code, output = run(SNISCOPE, "list", "--cache-dir", "none", "-o", "json", "--pid", process.pid)
        # One object a line.
        entries = [json.loads(line) for line in output.splitlines()] if code == 0 else []
        found = [entry for entry in entries if LIBSSL.name in entry["path"]]
        result("list", found and found[0]["traced"], f"exit status {code}", output)
    code, output = run(SNISCOPE, "inspect", LIBSSL)
    result("inspect", code == 0 and "SSL_ctrl" in output, f"exit status {code}", output)
    code, output = run(SNISCOPE, "containers")
    result("containers", code == 0, f"exit status {code}", output)


def storm():
    """Four threads ask for 2,000 names as fast as they can."""
    for method in ([], ["--attach", "perf"]) if "methods" in CHECKS else ([],):
        trace = Trace(*method)
        names("storm", "4", "500")
        wait_for(lambda: len(trace.names()) >= 2000, 15)
        trace.finish()
        got = trace.names()
        good = [name for name in got if re.fullmatch(r"t[0-3]-\d+-x{1,100}\.test", name or "")]
        lost = sum(row["count"] for row in trace.rows if row.get("type") == "lost")
        is_ok = len(got) + lost == 2000 and len(set(good)) == len(got) and lost == 0 and trace.status == 0
        result(" ".join(["storm", *method]), is_ok, f"{len(got)} of 2000, {lost} reported lost", trace.account)


def shutdown():
    """Ends: by ctrl-C, by a closed output, by kill -9 in the middle of calls."""
    trace = Trace()
    started = time.monotonic()
    trace.finish()
    is_soon = time.monotonic() - started < 10
    result("ctrl-C", trace.status == 0 and is_soon, f"exit status {trace.status}", trace.account)
    code, output = run(
        "sh", "-c", f'{SNISCOPE} trace -q --cache-dir none --comm nobody | head -1; echo "head ended"', seconds=60)
    result("closed output", code == 0 and "head ended" in output, f"exit status {code}", output)
    trace = Trace()
    storm = subprocess.Popen(["names", "storm", "2", "3000"])
    wait_for(trace.names, 15)
    trace.process.kill()
    trace.process.wait()
    code = storm.wait(60)
    result("kill -9", code == 0, f"the client's exit status is {code}", trace.account)
    traced("after kill -9", ["again.test"], lambda trace: names("set", "again.test")[1])
