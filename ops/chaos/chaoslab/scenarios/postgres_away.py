"""C2: PostgreSQL is away for five minutes: a few finished images wait, nothing is claimed, all are committed after, none made again."""

import time

from ..site import Site

WORKERS, HELD = 4, 10


def run(site: Site) -> None:
    outages, seconds = site.scaled(5), max(20.0, 300 * site.options.scale)
    server = site.use_postgres()
    site.fleet(WORKERS, "100ms±50%")
    most = 0
    for number in range(outages):
        site.enqueue(400, f"outage-{number}")
        before = site.images
        site.wait("work between outages", lambda: site.images > before + 20, 60)
        server.stop("fast")
        time.sleep(seconds / 2)
        half = _claimed(site), _files(site)
        time.sleep(seconds / 2)
        site.expect((_claimed(site), _files(site)) == half, f"work went on without a ledger: {half} became {(_claimed(site), _files(site))}")
        server.start()
        waiting = half[1] - site.images
        most = max(most, waiting)
        site.wait_until_done()
    attempts, jobs = site.count("SELECT count(*) FROM attempts"), site.count("SELECT count(*) FROM jobs")
    site.facts.update({"outages": outages, "seconds away": seconds, "finished images that waited, at most": most})
    site.expect(attempts == jobs, f"{attempts} attempts for {jobs} jobs: images were made again because PostgreSQL was away")
    site.expect(most <= WORKERS * HELD, f"{most} finished images waited in {WORKERS} workers")


def _claimed(site: Site) -> int:
    """Entries that workers hold."""
    lanes = site.redis.call("--scan", "--pattern", "*:queue:*").split()
    return sum(int(site.redis.call("XPENDING", lane, "workers").split("\n")[0] or 0) for lane in lanes)


def _files(site: Site) -> int:
    return sum(1 for _ in site.out.rglob("*.png"))
