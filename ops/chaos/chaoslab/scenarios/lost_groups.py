"""B7: groups, consumers and scripts are deleted under load: work goes on within five seconds."""

from ..site import Site


def run(site: Site) -> None:
    each = site.scaled(50)
    redis = site.redis
    site.fleet(4, "20ms±50%")

    def lanes() -> list[str]:
        return redis.call("--scan", "--pattern", "*:queue:*").split()

    def group():
        for lane in lanes():
            redis.call("XGROUP", "DESTROY", lane, "workers")

    def consumers():
        for lane in lanes():
            lines = redis.call("XINFO", "CONSUMERS", lane, "workers").split("\n")
            for consumer in [value for key, value in zip(lines, lines[1:]) if key == "name"]:
                redis.call("XGROUP", "DELCONSUMER", lane, "workers", consumer)

    def scripts():
        redis.call("SCRIPT", "FLUSH")

    faults = [group, consumers, scripts] * each
    site.rng.shuffle(faults)
    longest = 0.0
    for fault in faults:
        site.top_up(300, 600)
        before = site.images
        site.wait("work between faults", lambda: site.images > before + 10, 60)
        fault()
        longest = max(longest, site.until_all_claim(4, 300, 600))
    site.wait_until_done()
    site.facts.update({"deleted": len(faults)})
    site.promised(longest, 5, "seconds until all claim again, at most")
