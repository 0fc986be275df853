"""How checks report: a line "RESULT {…}" each; what a failed check's program said follows it, indented."""
import json
import subprocess
import time

#: Seconds. Emulated processors take their time.
PATIENCE = 90


class Progress:
    """Which group of checks is under way."""

    group = ""


def result(name, is_ok, detail="", account=""):
    line = {"group": Progress.group, "check": name, "ok": bool(is_ok), "detail": detail}
    print("RESULT", json.dumps(line), flush=True)
    if not is_ok:
        for text in account.splitlines()[-40:]:
            print("    " + text, flush=True)


def run(*command, seconds=PATIENCE, **options):
    """Runs a command to its end; a status of None: it did not end in time."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, **options}
    with subprocess.Popen([str(word) for word in command], text=True, **options) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output or ""
        except subprocess.TimeoutExpired:
            process.kill()
            return None, (process.communicate()[0] or "") + "\n(did not end in time)"


def wait_for(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    return None
