"""Half an hour of work with a kill a minute: memory and file descriptors of the workers that live on stay flat.

Two workers are left alone and looked at; two beside them are killed in turn and started again, so that the first see jobs
come back, the lead change hands and connections come and go. Prompts repeat: a worker's embedding cache grows up to its
limit by design, and would look like a leak. What must not grow is anonymous memory: pages of files (the program, its libraries)
come and go with what else the machine does, and are reported beside it.
"""

import os
import time
from pathlib import Path

from ..site import Site

IMAGE_SECONDS, WORKERS, KILL_SECONDS, SAMPLE_SECONDS = 0.3, 4, 60, 2
# Megabytes an hour in a full run. A heap comes to its size in steps of up to some megabytes over minutes, which a shorter run
# cannot tell from a slope: it holds if it grows by less than this many megabytes in all.
MOST_GROWTH, STEPS = 1.0, 2.0


def run(site: Site) -> None:
    seconds = 1800 * site.options.scale
    warm_up = seconds / 6
    pace = f"{IMAGE_SECONDS}s±50%"
    steady, killed = site.fleet(WORKERS // 2, pace), site.fleet(WORKERS - WORKERS // 2, pace)
    watched = [worker.pid for worker in steady.workers]
    began = time.monotonic()
    next_kill, kills, batches = began + min(KILL_SECONDS, seconds / 6), 0, 0
    seen: dict[int, list[tuple[float, float, float, int]]] = {pid: [] for pid in watched}
    while (elapsed := time.monotonic() - began) < seconds:
        if site.unfinished < 20 * WORKERS / IMAGE_SECONDS:
            batches += 1
            site.enqueue(int(40 * WORKERS / IMAGE_SECONDS), f"soak-{batches}", "--max-attempts", "100",
                         titles=lambda i: f"mug number {i % 200}")
        if time.monotonic() > next_kill:
            next_kill += min(KILL_SECONDS, seconds / 6)
            kills += 1
            killed.pick(site.rng).kill()
        killed.replace_ended()
        if elapsed > warm_up:
            for pid in watched:
                seen[pid].append((elapsed, *_megabytes_and_descriptors(pid)))
        time.sleep(SAMPLE_SECONDS)
    site.facts["kills"] = kills
    site.expect([worker.pid for worker in steady.workers if worker.poll() is None] == watched, "a worker that nobody killed ended")
    slopes = [_slope([(at, anonymous) for at, _, anonymous, _ in seen[pid]]) * 3600 for pid in watched]
    site.facts["resident MB"] = [round(seen[pid][-1][1], 1) for pid in watched]
    site.facts["resident MB an hour"] = [round(_slope([(at, resident) for at, resident, *_ in seen[pid]]) * 3600, 2) for pid in watched]
    site.facts["anonymous MB"] = [round(seen[pid][-1][2], 1) for pid in watched]
    site.facts["anonymous MB an hour"] = [round(slope, 2) for slope in slopes]
    quarter = max(1, len(seen[watched[0]]) // 4)
    descriptors = [(max(n for *_, n in seen[pid][:quarter]), min(n for *_, n in seen[pid][-quarter:])) for pid in watched]
    site.facts["file descriptors"] = descriptors
    most = MOST_GROWTH if site.options.scale >= 1 else STEPS * 3600 / (seconds - warm_up)
    site.expect(max(slopes) < most, f"a worker grows by {max(slopes):.1f} MB an hour")
    site.expect(all(late <= early for early, late in descriptors), f"file descriptors grow: {descriptors}")
    site.wait_until_done()


def _megabytes_and_descriptors(pid: int) -> tuple[float, float, int]:
    """Resident, of that anonymous, and open files."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    resident, anonymous = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return resident, anonymous, len(os.listdir(f"/proc/{pid}/fd"))


def _slope(points: list[tuple[float, float]]) -> float:
    """By least squares, in units of y for one of x."""
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points))
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)
