"""Runs in a guest: makes the groups of checks that the kernel's command line names (guest.checks=clients,pages,…).

What a kernel or a privilege does not allow is a check like any other: of the refusal, its exit status and its words.
"""
import sys
import time

# The guest's clock and memory are not to be spent on bytecode.
sys.dont_write_bytecode = True

import commands  # noqa: E402
import containers  # noqa: E402
import libraries  # noqa: E402
import machine  # noqa: E402
from host import CHECKS, RELEASE  # noqa: E402
from report import Progress, result  # noqa: E402

GROUPS = {
    "start": commands.start, "too-old": commands.too_old, "clients": libraries.all_clients,
    "methods": libraries.methods, "pages": libraries.pages, "late": libraries.late, "rewrite": libraries.rewrite,
    "filters": commands.filters, "run": commands.run_command, "lists": commands.lists, "cgroups": containers.cgroups,
    "runc": containers.runc, "docker": containers.docker, "overlays": containers.overlays, "storm": commands.storm,
    "shutdown": commands.shutdown, "cpus": machine.cpus, "one-cpu": machine.one_cpu,
    "capabilities": machine.capabilities, "mapping-cost": machine.mapping_cost, "service": machine.service,
    "lockdown": machine.lockdown, "kernel-log": machine.kernel_log,
}


def main():
    print("KERNEL", RELEASE, flush=True)
    for group in CHECKS:
        Progress.group = group
        started = time.monotonic()
        try:
            GROUPS[group]()
        except Exception as error:  # A check that breaks is a failed one; the others go on.
            result("broken", False, f"{type(error).__name__}: {error}")
        print(f"TOOK {group} {time.monotonic() - started:.1f} s", flush=True)


main()
