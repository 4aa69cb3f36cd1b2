"""B1: Redis is killed and started again under load: workers go on by themselves within three seconds."""

import time

from ..site import Site

WORKERS = 4


def run(site: Site) -> None:
    kills, pause = site.scaled(30, least=5), 20 * min(1.0, max(0.1, site.options.scale))
    site.enqueue(site.scaled(20_000))
    site.fleet(WORKERS, "40ms±50%")
    longest = 0.0
    for _ in range(kills):
        site.top_up(500, site.scaled(5_000, least=1_000))
        before = site.images
        site.wait("work between kills", lambda: site.images > before + 20)
        site.redis.kill()
        time.sleep(site.rng.uniform(0, 2))
        site.redis.start()
        longest = max(longest, site.until_all_claim(WORKERS, 500, site.scaled(5_000, least=1_000)))
        time.sleep(pause)
    site.wait_until_done()
    site.facts.update({"kills": kills})
    site.promised(longest, 3, "seconds until all claim again, at most")
