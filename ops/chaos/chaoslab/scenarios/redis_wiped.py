"""B2: Redis comes back empty with a long queue behind it: the queue is rebuilt from the ledger, and nothing is made twice."""

import json
import shutil
import subprocess
import time

from ..site import Site


def run(site: Site) -> None:
    jobs, wipes = site.scaled(100_000), site.scaled(20, least=3)
    site.enqueue(jobs)
    # By hand first, nobody else at work: how fast is it?
    site.redis.call("FLUSHALL")
    began = time.monotonic()
    answer = subprocess.run([site.program, "reconcile", "--json"], capture_output=True, text=True, check=True).stdout
    seconds = time.monotonic() - began
    site.expect(json.loads(answer)["dispatched"] == jobs, f"reconcile dispatched not all of {jobs} jobs: {answer}")
    site.fleet(4, "5ms±50%")
    longest = 0.0
    for number in range(wipes):
        made = site.images + 200
        site.wait("work between wipes", lambda: site.images > made or site.unfinished == 0)
        (_flush, _delete, _start_without_log)[number % 3](site)
        up = site.count("SELECT max(id) FROM attempts")
        longest = max(longest, site.wait("work after a wipe", lambda: site.count(
            f"SELECT count(*) FROM attempts WHERE id > {up} + 100") > 0 or site.unfinished == 0, 60, supervise=False))
    # The rest would take until tomorrow; what was made was made once.
    site.expected_cancelled = None
    site.cancel("chaos")
    site.wait_until_done()
    again = site.count("SELECT count(*) FROM attempts WHERE state NOT IN ('completed', 'cancelled')")
    site.facts.update({"wipes": wipes, "attempts that came to nothing": again, "jobs rebuilt a second": round(jobs / seconds), "seconds until work again, at most": round(longest, 1)})


def _flush(site: Site) -> None:
    site.redis.call("FLUSHALL")


def _delete(site: Site) -> None:
    for key in site.redis.call("KEYS", "*").split():
        site.redis.call("DEL", key)


def _start_without_log(site: Site) -> None:
    site.redis.kill()
    shutil.rmtree(site.redis.folder / "appendonlydir")
    site.redis.start()
