"""C8: PostgreSQL runs on but lets nobody in, for longer than leases and than the step timeout: nothing ends, nothing is made again."""

import time

from ..site import LEASE, Site

STEP_TIMEOUT = LEASE


def run(site: Site) -> None:
    server = site.use_postgres()
    site.fleet(3, "200ms±50%", "--step-timeout", f"{STEP_TIMEOUT}s")
    # Also who has nothing to do, or no model of its own.
    site.fleet(2, "200ms±50%", "--step-timeout", f"{STEP_TIMEOUT}s", model=False)
    outages, seconds = site.scaled(5), 3 * STEP_TIMEOUT + LEASE
    for number in range(outages):
        site.enqueue(120, f"outage-{number}")
        made = site.images
        site.wait("work", lambda: site.images > made + 15, 60)
        with server.unreachable():
            time.sleep(seconds)
        site.wait_until_done()
        # With nothing to do.
        with server.unreachable():
            time.sleep(LEASE)
    attempts, jobs = site.count("SELECT count(*) FROM attempts"), site.count("SELECT count(*) FROM jobs")
    site.facts.update({"outages": outages, "seconds away": seconds})
    site.expect(attempts == jobs, f"{attempts} attempts for {jobs} jobs: images were made again because PostgreSQL let nobody in")
