"""E3: hosts whose clocks are ten minutes fast or slow, or step back by an hour: nothing is early, no lease ends before its time."""

import glob
import os
import shutil
import subprocess
from pathlib import Path

from ..site import LEASE, Site, Skipped

WAIT = 6


def run(site: Site) -> None:
    libraries = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not libraries or not shutil.which("faketime"):
        raise Skipped("Debian's faketime is not installed")
    # Whose memory the library uses that it finds in the environment: where it makes its own it rearranges the environment, and a Swift
    # program, which looks for its arguments there, finds none.
    keeper = subprocess.Popen(["faketime", "-f", "+0", "sh", "-c", "echo $FAKETIME_SHARED; exec cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        shared = keeper.stdout.readline().strip()
        clocks = {name: _Clock(site.folder / f"clock-{name}", libraries[0], shared) for name in ("fast", "slow", "stepping")}
        _work(site, clocks)
        site.proof()
    finally:
        keeper.stdin.close()
        keeper.wait()


def _work(site: Site, clocks: "dict[str, _Clock]") -> None:
    jobs = site.scaled(5_000)
    clocks["fast"].set("+10m")
    clocks["slow"].set("-10m")
    clocks["stepping"].set("+0")
    for name in clocks:
        site.fleet(2, "50ms±50%", environment=clocks[name].environment)
        # Images much longer than a lease, on hosts that disagree.
        site.fleet(1, f"{1.5 * LEASE}s", environment=clocks[name].environment)
    site.wait("nine workers", lambda: site.count("SELECT count(*) FROM workers") == 9, 60)
    # A producer whose clock is wrong says "in six seconds", and means by the clock of the ledger.
    for name in ("fast", "slow"):
        site.enqueue(jobs // 4, f"later-{name}", "--start-at", f"+{WAIT}s", environment=clocks[name].environment)
    wrong = site.count(f"SELECT count(*) FROM job_specs WHERE start_at IS NULL OR abs(extract(epoch FROM start_at - created_at) - {WAIT}) > 5")
    site.expect(wrong == 0, f"{wrong} jobs were given a time that a wrong clock said")
    site.enqueue(jobs // 2, "at-once")
    site.wait("work under every clock", lambda: site.images > jobs // 10, 60)
    clocks["stepping"].set("-1h")
    stepped = site.count("SELECT max(id) FROM attempts")
    site.wait("work after the step", lambda: site.unfinished == 0 or site.count(
        f"SELECT count(*) FROM attempts WHERE state = 'completed' AND id > {stepped}") > jobs // 10, 120)
    clocks["stepping"].set("+0")
    site.wait_until_done()
    early = site.count("SELECT count(*) FROM attempts a JOIN job_specs j ON j.id = a.job_id WHERE a.started_at < j.start_at")
    site.expect(early == 0, f"{early} delayed jobs began early")
    attempts, lost = site.count("SELECT count(*) FROM attempts"), site.count("SELECT count(*) FROM attempts WHERE state = 'lost'")
    site.expect(lost == 0 and attempts == jobs // 4 * 2 + jobs // 2, f"{lost} leases ended before their time, {attempts} attempts")
    long = site.count(f"SELECT count(*) FROM attempts WHERE busy_to_us - busy_from_us > {LEASE * 1_000_000}")
    site.expect(long >= 3, f"only {long} images took longer than a lease")
    site.facts.update({"images longer than a lease": long})


class _Clock:
    """A wall clock that a scenario sets; what measures durations runs on truly, as on a machine whose clock is set."""

    def __init__(self, path: Path, library: str, shared: str):
        self.path = path
        self.environment = {
            "LD_PRELOAD": library, "FAKETIME_SHARED": shared,
            "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(offset + "\n")
        os.replace(fresh, self.path)
