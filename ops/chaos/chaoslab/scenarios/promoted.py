"""C5: the primary dies with its disk and a synchronous standby is promoted: clients that name both hosts go on, nothing is lost or made again."""

import os
import subprocess
import time

from ..site import LEASE, Site


def run(site: Site) -> None:
    primary = site.use_postgres()
    other = site.folder / "standby"
    # As a user writes it: both hosts, and whichever takes writes. No client is told of a failover.
    url = f"postgresql:///packshot?host={primary.folder},{other}&user=packshot&target_session_attrs=read-write"
    os.environ["DATABASE_URL"] = url
    site.fleet(3, "50ms±50%")
    site.fleet(1, "50ms±50%", model=False)
    failovers, away = site.scaled(5), 0.0
    for number in range(failovers):
        standby = primary.standby(other, synchronous=True)
        site.servers.append(standby)
        site.enqueue(300, f"before-{number}")
        made = site.images
        site.wait("work on the primary", lambda: site.images > made + 20, 60)
        died = time.monotonic()
        primary.lose()
        # For longer than a lease nobody takes writes.
        time.sleep(LEASE + 1)
        standby.promote()
        latest = site.count("SELECT coalesce(max(id), 0) FROM attempts")
        away = max(away, site.wait("work on the promoted one", lambda: site.count(
            f"SELECT count(*) FROM attempts WHERE id > {latest}") > 0 or site.unfinished == 0, 60))
        site.facts["seconds from the death to work again"] = round(time.monotonic() - died, 1)
        # Who cannot know whether its batch was taken runs it again.
        again = subprocess.run(site.enqueue_command(300, f"before-{number}"), capture_output=True, text=True)
        site.expect(again.returncode == 0, f"enqueue after the failover ended with {again.returncode}: {again.stderr.strip()}")
        primary, other = standby, primary.folder
    site.wait_until_done()
    jobs = site.count("SELECT count(*) FROM jobs")
    site.facts["failovers"] = failovers
    site.expect(jobs == 300 * failovers, f"{jobs} jobs of {300 * failovers} that were accepted")
    site.expect(site.count("SELECT count(*) FROM attempts") == jobs, "images were made again because of the failover")
