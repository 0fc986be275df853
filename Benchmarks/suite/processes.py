"""Processes that the benchmarks start: each is ended by its pid, whatever happens."""

import os
import selectors
import signal
import subprocess
import time

DEADLINE = 30


class Started:
    """A process with pipes, and what it has used."""

    running = []

    def __init__(self, arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE):
        self.name = os.path.basename(arguments[0])
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            arguments, stdin=stdin, stdout=stdout, stderr=stderr, env=os.environ | {"LC_ALL": "C"}
        )
        # Of which the times and sizes are.
        self.pid = self.process.pid
        self.seen = []
        Started.running.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def wait_for_line(self, stream, condition):
        """Reads lines of a pipe until one meets the condition; gives that line and the seconds since the start."""
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            pending = b""
            while selector.select(DEADLINE):
                chunk = os.read(stream.fileno(), 65536)
                now = time.monotonic()
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    text = line.decode(errors="replace")
                    self.seen.append(text)
                    if condition(text):
                        return text, now - self.started_at
        raise RuntimeError(f"{self.name} did not say what was waited for; it said: {' / '.join(self.seen[-5:])}")

    def send(self, text):
        """Gives a command on standard input and gets the lines of the answer, up to "done"."""
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == b"done\n":
                return lines
            lines.append(line.decode().rstrip("\n"))
        raise RuntimeError(f"{self.name} ended: {self.process.stderr.read().decode(errors='replace')}")

    @property
    def cpu_seconds(self):
        """User and system time of all its threads, ended ones too, to the nanosecond."""
        # MAKE_PROCESS_CPUCLOCK of the kernel's posix-timers.h, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self.pid << 3) | 2)

    def settle(self):
        """Waits until it has worked off what it was given."""
        deadline = time.monotonic() + DEADLINE
        before = self.cpu_seconds
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.cpu_seconds
            if now - before < 0.001:
                return
            before = now
        raise RuntimeError(f"{self.name} is still busy after {DEADLINE} s")

    def status(self, key):
        """A line of /proc/PID/status that is a size, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError(f"/proc/{self.pid}/status has no {key}")

    def bpf_ids(self):
        """The BPF programs and links that it holds: pairs of "prog" or "link" and the id."""
        found = set()
        for descriptor in os.listdir(f"/proc/{self.pid}/fdinfo"):
            with open(f"/proc/{self.pid}/fdinfo/{descriptor}", encoding="utf-8") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
            if "link_id" in fields:
                found.add(("link", int(fields["link_id"])))
            elif "prog_id" in fields:
                found.add(("prog", int(fields["prog_id"])))
        return found

    def interrupt(self):
        """SIGINT; gives the seconds until it has ended, and what it said on standard error since."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        # Its pipes may fill before it ends, and children that close links aside may hold them for longer than it lives.
        said = b""
        with selectors.DefaultSelector() as selector:
            if self.process.stderr:
                selector.register(self.process.stderr, selectors.EVENT_READ)
            while self.process.poll() is None:
                if time.monotonic() - began > DEADLINE:
                    raise RuntimeError(f"{self.name} did not end within {DEADLINE} s of SIGINT")
                if selector.get_map() and selector.select(0.001):
                    chunk = os.read(self.process.stderr.fileno(), 65536)
                    said += chunk
                    if not chunk:
                        selector.unregister(self.process.stderr)
                elif not selector.get_map():
                    time.sleep(0.0005)
            seconds = time.monotonic() - began
            while selector.get_map() and selector.select(0):
                chunk = os.read(self.process.stderr.fileno(), 65536)
                said += chunk
                if not chunk:
                    break
        self.close()
        return seconds, said.decode(errors="replace")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()

    def close(self):
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        if self in Started.running:
            Started.running.remove(self)

    @classmethod
    def kill_all(cls):
        for started in list(cls.running):
            started.kill()
