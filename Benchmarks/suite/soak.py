"""What a long run does to sniscope: 500 names a second, and 10 containers a minute that come and go."""

import shutil
import tempfile
import threading
import time
from statistics import median

from .churn import Bundles, holdings
from .tracers import Caller, Sniscope

RATE = 500
CONTAINER_SECONDS = 6
SAMPLE_SECONDS = 30
# Before it counts: what is taken once and kept is no leak.
WARM_UP_SECONDS = 60


def soak(workspace, report):
    """Compares the first and the last sixth of the run: of an hour, ten minutes."""
    workspace.need("runc")
    seconds = WARM_UP_SECONDS + workspace.minutes * 60
    library = workspace.copies(workspace.libssl, 1, "soak")[0]
    folder = tempfile.mkdtemp(prefix="sniscope-bench-", dir="/var/tmp")
    try:
        bundles = Bundles(workspace, folder)
        with Caller(workspace, library) as caller, Sniscope(workspace, "-o", "json") as sniscope:
            sniscope.ready()
            made = RATE * int(seconds)
            names = threading.Thread(target=caller.names, args=(made, RATE))
            names.start()
            samples, started = run(workspace, sniscope, bundles, seconds)
            names.join()
            sniscope.settle()
            _, captured, lost = sniscope.finish()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    label = f"soak, {workspace.minutes:g} minutes"
    part = max(len(samples) // 6, 1)
    for key in samples[0]:
        first, last = (median(sample[key] for sample in some) for some in (samples[:part], samples[-part:]))
        if key == "anonymous":
            grown = f"{(last - first) / 1024:+,.0f} KB to {last / 1e6:.1f} MB"
            report.value(f"{label}: memory", grown, "< 1 MB more", last - first < 1 << 20)
        else:
            report.value(f"{label}: {key}", f"{last - first:+g} to {last:g}", "as before", last <= first)
    # Containers' own calls are captured, too.
    is_whole = captured >= made and not lost
    report.value(f"{label}: events", f"{captured:,} captured, {lost:,} lost", f"≥ {made:,}, 0 lost", is_whole)
    report.notes.append(f"{label}: {started} containers; names at {RATE} a second; {len(samples)} samples")


def run(workspace, sniscope, bundles, seconds):
    """Starts containers; gives what sniscope held from time to time, and how many containers there were."""
    began = time.monotonic()
    samples, started = [], 0
    next_sample = began + min(WARM_UP_SECONDS, seconds / 2)
    while time.monotonic() < began + seconds:
        bundles.run(started)
        started += 1
        if time.monotonic() >= next_sample:
            samples.append(holdings(workspace, sniscope))
            next_sample += SAMPLE_SECONDS
        time.sleep(max(0, began + started * CONTAINER_SECONDS - time.monotonic()))
    return samples, started
