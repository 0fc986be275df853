"""One boot of a kernel in a virtual machine."""
import json
import os
import re
import subprocess
import time


class Boot:
    """A boot that has ended: what its checks said."""

    def __init__(self, log, is_done, seconds):
        self.log, self.is_done, self.seconds = log, is_done, seconds
        text = log.read_text(errors="replace") if log.exists() else ""
        # Messages of the kernel may come in between.
        self.lines = text.replace("\r", "").splitlines()
        self.results = []
        self._places = []
        for place, line in enumerate(self.lines):
            if found := re.search(r"RESULT (\{.*\})$", line):
                self.results.append(json.loads(found.group(1)))
                self._places.append(place)
        self.release = next((found.group(1) for line in self.lines if (found := re.search(r"KERNEL (\S+)$", line))), "")

    def account_of(self, index):
        """The indented lines behind a failed check."""
        account = []
        for line in self.lines[self._places[index] + 1:]:
            if not line.startswith("    "):
                break
            account.append(line)
        return account


def boot(kernel_image, layers, checks, log, *, cpus=2, arguments=(), init="/init", core=None, seconds=1200):
    """Boots a kernel and waits for its end.

    Without KVM: whether it is there and works differs from host to host. Several emulated processors take turns on one
    thread: races between them are not what is tried, and a guest stays within one processor of the host's.
    """
    initramfs = log.with_suffix(".cpio")
    with open(initramfs, "wb") as file:
        for layer in layers:
            subprocess.run(["cat", layer], stdout=file, check=True)
            # Archives begin at multiples of four bytes.
            file.seek(0, os.SEEK_END)
            file.write(b"\0" * (-file.tell() % 512))
            file.flush()
    words = [
        "console=ttyS0", "loglevel=4", "panic=-1", "mitigations=off", f"rdinit={init}",
        f"guest.checks={','.join(checks)}", *arguments,
    ]
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max,la57=off", "-smp", str(cpus), "-m", "3G",
        "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", f"file:{log}",
        "-kernel", str(kernel_image), "-initrd", str(initramfs), "-append", " ".join(words),
    ]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    log.unlink(missing_ok=True)
    started = time.monotonic()
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        pass
    finally:
        initramfs.unlink()
    text = log.read_text(errors="replace") if log.exists() else ""
    return Boot(log, "GUEST DONE" in text, time.monotonic() - started)
