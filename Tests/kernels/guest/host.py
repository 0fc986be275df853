"""The guest itself: its kernel and its command line."""
import os
import pathlib
import re

RELEASE = os.uname().release
VERSION = tuple(int(number) for number in re.findall(r"\d+", RELEASE)[:2])
#: Kernels without uprobe_multi attach by perf events, for which they ask CAP_SYS_ADMIN.
HAS_MULTI = VERSION >= (6, 6)
COMMAND_LINE = pathlib.Path("/proc/cmdline").read_text().split()
#: The groups of checks, in their order.
CHECKS = re.search(r"guest\.checks=(\S+)", " ".join(COMMAND_LINE)).group(1).split(",")
IS_V1 = "guest.cgroup=v1" in COMMAND_LINE
