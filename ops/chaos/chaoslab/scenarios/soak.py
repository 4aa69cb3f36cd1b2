"""Half an hour of work with a kill a minute: memory and file descriptors of the workers that live on stay flat.

Two workers are left alone and looked at; two beside them are killed in turn and started again, so that the first see jobs
come back, the lead change hands and connections come and go. Prompts repeat: a worker's embedding cache grows up to its
limit by design, and would look like a leak. What must not grow is anonymous memory: pages of files (the program, its libraries)
come and go with what else the machine does, and are reported beside it.

The first third is warm-up, in which a worker makes its connections and threads. The rest is cut into twelve windows. Of each the
least counts, because what a group of images needs for a moment is no growth; and the slope is the median of those between any two
windows (Theil and Sen), so that it takes more than one odd window to make a slope or to hide one.
"""

import itertools
import os
import statistics
import time
from pathlib import Path

from ..site import Site

IMAGE_SECONDS, WORKERS, KILL_SECONDS, SAMPLE_SECONDS = 0.3, 4, 60, 2
WARM_UP, WINDOWS = 1 / 3, 12
# Megabytes an hour in a full run. A thread more, as on a machine that had been idle, is a step of a tenth of a megabyte, which a
# shorter run cannot tell from a slope: it holds if it grows by less than this many megabytes in all.
MOST_GROWTH, STEPS = 1.0, 0.5


def run(site: Site) -> None:
    site.attempts = 3
    seconds = 1800 * site.options.scale
    warm_up = seconds * WARM_UP
    pace = f"{IMAGE_SECONDS}s±50%"
    steady, killed = site.fleet(WORKERS // 2, pace), site.fleet(WORKERS - WORKERS // 2, pace)
    watched = [worker.pid for worker in steady.workers]
    began = time.monotonic()
    next_kill, kills, batches = began + min(KILL_SECONDS, seconds / 6), 0, 0
    seen: dict[int, list[tuple[float, float, float, int]]] = {pid: [] for pid in watched}
    while (elapsed := time.monotonic() - began) < seconds:
        if site.unfinished < 20 * WORKERS / IMAGE_SECONDS:
            batches += 1
            site.enqueue(int(40 * WORKERS / IMAGE_SECONDS), f"soak-{batches}",
                         titles=lambda i: f"mug number {i % 200}")
        if time.monotonic() > next_kill:
            next_kill += min(KILL_SECONDS, seconds / 6)
            kills += 1
            site.kill(killed.pick(site.rng))
        killed.replace_ended()
        if elapsed > warm_up:
            for pid in watched:
                seen[pid].append((elapsed, *_megabytes_and_descriptors(pid)))
        time.sleep(SAMPLE_SECONDS)
    site.facts["kills"] = kills
    site.expect([worker.pid for worker in steady.workers if worker.poll() is None] == watched, "a worker that nobody killed ended")
    lows = [_lows([(at, anonymous) for at, _, anonymous, _ in seen[pid]]) for pid in watched]
    slopes = [_slope(points) * 3600 for points in lows]
    site.facts["resident MB"] = [round(seen[pid][-1][1], 1) for pid in watched]
    site.facts["resident MB an hour"] = [round(_slope(_lows([(at, resident) for at, resident, *_ in seen[pid]])) * 3600, 2) for pid in watched]
    site.facts["anonymous MB"] = [round(seen[pid][-1][2], 1) for pid in watched]
    site.facts["anonymous MB an hour"] = [round(slope, 2) for slope in slopes]
    growths = [points[-1][1] - points[0][1] for points in lows]
    site.facts["anonymous MB more in all"] = [round(growth, 2) for growth in growths]
    quarter = max(1, len(seen[watched[0]]) // 4)
    descriptors = [(max(n for *_, n in seen[pid][:quarter]), min(n for *_, n in seen[pid][-quarter:])) for pid in watched]
    site.facts["file descriptors"] = descriptors
    if site.options.scale >= 1:
        site.expect(max(slopes) < MOST_GROWTH, f"a worker grows by {max(slopes):.2f} MB an hour")
    else:
        site.expect(max(growths) < STEPS, f"a worker grew by {max(growths):.2f} MB after its warm-up")
    site.expect(all(late <= early for early, late in descriptors), f"file descriptors grow: {descriptors}")
    site.wait_until_done()


def _megabytes_and_descriptors(pid: int) -> tuple[float, float, int]:
    """Resident, of that anonymous, and open files."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    resident, anonymous = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return resident, anonymous, len(os.listdir(f"/proc/{pid}/fd"))


def _lows(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The least of each window, and when it was."""
    first, last = points[0][0], points[-1][0]
    windows: dict[int, list[tuple[float, float]]] = {}
    for x, y in points:
        windows.setdefault(min(WINDOWS - 1, int((x - first) / (last - first) * WINDOWS)), []).append((x, y))
    return [min(window, key=lambda point: point[1]) for window in windows.values()]


def _slope(points: list[tuple[float, float]]) -> float:
    """The median of the slopes between any two points, in units of y for one of x."""
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2))
