"""B3: Redis loses the end of its log, as by a power failure: what it forgot is dispatched again, what it remembers is not made again."""

from ..site import Site


def run(site: Site) -> None:
    cuts = site.scaled(100)
    site.enqueue(site.scaled(20_000))
    site.fleet(4, "20ms±50%")
    for _ in range(cuts):
        site.top_up(300, site.scaled(5_000, least=500))
        enough = site.images + site.rng.randrange(20, 200)
        site.wait("work between cuts", lambda: site.images > enough, 120)
        site.redis.kill()
        site.redis.cut(int(10 ** site.rng.uniform(3, 6)))
        site.redis.start()
    site.wait_until_done()
    site.facts.update({"cuts": cuts})
