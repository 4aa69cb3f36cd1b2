"""D1: the output disk is full: attempts are handed back and not counted, nothing is claimed, nothing half-written stays."""

import os

from ..disks import fill
from ..site import Site


def run(site: Site) -> None:
    jobs = site.scaled(1_000)
    site.out.mkdir()
    site.mount(site.out, "-t", "tmpfs", "-o", "size=80m,mode=777", "tmpfs")
    site.enqueue(jobs)
    ballast = site.out / "ballast.png"
    for _ in range(site.scaled(5)):
        fill(ballast)
        fleet = site.fleet(3, "5ms")
        site.wait("the full disk is noticed", lambda: fleet.said("claiming nothing") >= 3 or site.unfinished == 0)
        os.unlink(ballast)
        made = site.images + jobs // 8
        site.wait("work with room", lambda: site.images > made or site.unfinished == 0)
        fleet.stop()
    site.fleet(3, "5ms")
    site.wait_until_done()
