"""D1: the output disk is full: attempts are handed back and not counted, nothing is claimed, nothing half-written stays."""

import os
import subprocess
from pathlib import Path

from ..site import Site, Skipped


def run(site: Site) -> None:
    jobs = site.scaled(1_000)
    site.out.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", site.out], capture_output=True).returncode:
        raise Skipped("no file system of a given size can be mounted here")
    try:
        os.chmod(site.out, 0o777)
        site.enqueue(jobs)
        ballast = site.out / "ballast.png"
        for _ in range(site.scaled(5)):
            _fill(ballast)
            fleet = site.fleet(3, "5ms")
            site.wait("the full disk is noticed", lambda: fleet.said("not claiming until there is room") == 3 or site.unfinished == 0)
            ballast.unlink()
            made = site.images + jobs // 8
            site.wait("work with room", lambda: site.images > made or site.unfinished == 0)
            fleet.stop()
            site.fleets.remove(fleet)
        site.fleet(3, "5ms")
        site.wait_until_done()
        counted = site.count("SELECT count(*) FROM jobs WHERE attempt <> 1")
        site.expect(counted == 0, f"{counted} jobs were charged an attempt for the full disk")
        site.proof()
    finally:
        for fleet in site.fleets:
            fleet.stop()
        subprocess.run(["umount", "-l", site.out])


def _fill(path: Path) -> None:
    """Writes until the disk takes no more byte."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(file, bytes(65536)):
            pass
    except OSError:
        pass
    finally:
        os.close(file)
