"""C1 C2: PostgreSQL restarted, politely and by a crash, and away for longer, under load: nothing is made twice for it."""

import time

from ..site import LEASE, Site


def run(site: Site) -> None:
    server = site.use_postgres()
    restarts = site.scaled(20, least=3)
    site.enqueue(site.scaled(8_000))
    site.fleet(3, "20ms±50%")
    made = 0
    for number in range(restarts):
        site.wait("work between restarts", lambda: site.images > made + 50 or site.unfinished == 0)
        made = site.images
        server.stop("immediate" if number % 2 else "fast")
        time.sleep(site.rng.uniform(0, 2) if number else 2 * LEASE)
        server.start()
    site.wait_until_done()
    # Who cannot reach the ledger waits and does not die of it.
    site.facts.update(restarts=restarts)
