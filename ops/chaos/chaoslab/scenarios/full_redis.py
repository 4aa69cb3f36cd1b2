"""B5: Redis is full and evicts nothing: the producer hears it and can run again, workers hold what they have made."""

import subprocess
import time

from ..site import Site


def run(site: Site) -> None:
    jobs = site.scaled(5_000)
    site.enqueue(jobs)
    site.fleet(3, "10ms")
    site.wait("some images", lambda: site.images > jobs // 20)
    # Less than an empty server takes.
    site.redis.call("CONFIG", "SET", "maxmemory", "500000")
    more = site.enqueue_command(jobs, "more")
    refused = subprocess.run(more, capture_output=True, text=True)
    site.expect(refused.returncode == 5, f"enqueue into a full Redis ended with {refused.returncode}, not 5")
    site.expect("out of memory" in refused.stderr, f"enqueue said: {refused.stderr.strip()}")
    time.sleep(10 * site.options.scale)
    site.redis.call("CONFIG", "SET", "maxmemory", "0")
    again = subprocess.run(more, capture_output=True, text=True)
    site.expect(again.returncode == 0, f"the producer's second run ended with {again.returncode}: {again.stderr.strip()}")
    site.wait_until_done()
