"""C4: PostgreSQL's disk is full, its log's too, so that it may crash and not come up again: with room, everything goes on."""

import os
import subprocess
import time

from ..disks import fill
from ..site import LEASE, Site


def run(site: Site) -> None:
    folder = site.folder / "postgres"
    folder.mkdir()
    site.mount(folder, "-t", "tmpfs", "-o", "size=300m,mode=777", "tmpfs")
    server = site.use_postgres(settings=("min_wal_size=32MB", "max_wal_size=32MB", "log_min_messages=panic"))
    site.fleet(3, "20ms±50%")
    times, crashes, names = site.scaled(5), 0, 0
    for _ in range(times):
        names += 1
        site.enqueue(1_000, f"batch-{names}")
        made = site.images
        site.wait("work with room", lambda: site.images > made + 50 or site.unfinished == 0, 60)
        ballast = folder / "ballast"
        fill(ballast)
        refused = subprocess.run(site.enqueue_command(20_000, f"refused-{names}"), capture_output=True, text=True)
        site.expect(refused.returncode == 5, f"enqueue on a full disk ended with {refused.returncode}, not 5: {refused.stderr.strip()}")
        time.sleep(LEASE + 1)
        os.unlink(ballast)
        if not server.processes() or not server.answers():
            # It gave up: as an operator does who made room.
            crashes += 1
            server.end()
            server.start()
        site.wait("work with room again", lambda: site.images > made + 100 or site.unfinished == 0, 60)
    for number in range(1, names + 1):
        site.manifests.remove(site.folder / f"refused-{number}.jsonl")
    site.wait_until_done()
    site.facts.update({"times full": times, "started again": crashes})
