"""E1: hosts cut off from Redis, from PostgreSQL or from both, for three leases, in both directions or in one: one result each."""

import threading
import time

from ..network import Cut
from ..site import LEASE, PATIENCE, Broken, Site

REDIS, POSTGRES = 6379, 5432
KINDS = [
    {"port": REDIS}, {"port": POSTGRES}, {"port": None, "back": False}, {"port": None, "toward": False},
    {"port": REDIS, "back": False}, {"port": POSTGRES, "toward": False},
]
HOSTS = 16
# The TCP connections that were cut try again at growing distances, and the program's own patience ends at ten seconds.
RESUMES_WITHIN = 30
# Each connection by itself: a worker may claim again before its heartbeats get through.
HEARTBEATS_AFTER = 10


def run(site: Site) -> None:
    site.attempts = 3
    each = site.scaled(100 * 4 / HOSTS)
    names = [f"worker-{number}" for number in range(HOSTS)]
    network = site.use_network([*names, "spared"])
    site.enqueue(200, "first")
    site.fleet_on(network.hosts["spared"], 2, "400ms±50%")
    fleets = {name: site.fleet_on(network.hosts[name], 1, "400ms±50%") for name in names}
    schedule = {name: [KINDS[site.rng.randrange(len(KINDS))] for _ in range(each)] for name in names}
    delays = {name: site.rng.uniform(0, 2 * LEASE) for name in names}
    resumed: list[float] = []
    failures: list[Exception] = []

    def work_of(name: str) -> int:
        """The latest attempt a host's worker began."""
        pid = fleets[name].workers[0].pid
        return site.count(f"SELECT coalesce(max(a.id), 0) FROM attempts a JOIN workers w ON w.id = a.worker_id WHERE w.process_id = {pid}")

    def bother(name: str) -> None:
        try:
            _until(lambda: work_of(name) > 0, 60, f"{name} begins to work")
            ended.wait(delays[name])
            for kind in schedule[name]:
                cut = Cut(name, **kind)
                deed = site.reckoning.begin(fleets[name].workers[0].pid)
                network.cut(cut)
                ended.wait(3 * LEASE)
                network.heal(cut)
                deed.until = time.time() + HEARTBEATS_AFTER
                before, healed = work_of(name), time.monotonic()
                _until(lambda: work_of(name) > before or ended.is_set(), RESUMES_WITHIN, f"{name} works again after {kind}")
                resumed.append(time.monotonic() - healed)
        except Exception as error:
            failures.append(error)

    ended = threading.Event()
    threads = [threading.Thread(target=bother, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and not failures:
            site.top_up(60, 100)
            time.sleep(0.5)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        network.cuts = set()
    if failures:
        raise failures[0] if isinstance(failures[0], Broken) else Broken(f"the lab itself: {failures[0]!r}")
    site.wait_until_done()
    refused = site.count("SELECT sum(stale_settlements) FROM attempts")
    site.facts.update({"partitions": len(resumed), "packets lost": network.dropped})
    site.promised(max(resumed), RESUMES_WITHIN, "seconds until work again, at most")
    site.expect(len(resumed) == each * HOSTS, f"{len(resumed)} partitions of {each * HOSTS}")
    site.expect(refused > 0, "no stale finish was refused: nobody worked on while it was cut off")


def _until(condition, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Broken(f"waited {seconds} s in vain: {what}")
        time.sleep(0.2)
